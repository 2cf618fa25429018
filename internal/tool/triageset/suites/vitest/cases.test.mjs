import { expect, test, vi } from 'vitest';

const get = async (path) => {
  const url = path.includes('://') ? path : process.env.CASE_API + path;
  return fetch(url, { signal: AbortSignal.timeout(1000) });
};
const body = async (path) => {
  const response = await get(path);
  expect(response.status, await response.clone().text()).toBe(200);
  return response.json();
};
const state = async (path) => expect((await body(path)).state).toBe('ACCEPTED');

test('value', () => state('/value'));
test('lag', () => state('/lag'));
test('more', async () => expect(await body('/more')).toEqual(['a', 'b']));
test('fewer', async () => expect(await body('/fewer')).toEqual(['a', 'b']));
test('server', () => state('/server'));
test('gateway', () => state('/gateway'));
test('conflict', () => state('/conflict'));
test('missing', async () => expect((await get('/missing')).status).toBe(200));
test('denied', async () => expect((await get('/denied')).status).toBe(200));
test('limited', () => state('/limited'));
test('reset', () => state('/reset'));
test('slow', () => state('/slow'));
test('crash', () => state('/crash'));
test('refused', () => get(process.env.UNUSED_PORT + '/cases'));
test('name', () => get('http://case-api.internal:8080/cases'));
test('third', () => get('https://api.rates-of-exchange.com/v1/latest'));
test('null', async () => expect((await body('/null')).owner.name).toBe('ada'));
test('undefined', () => expect(acceptedCase()).toBeTruthy());
test('unset', () => {
  if (!process.env.CASE_API_TOKEN) throw new Error('CASE_API_TOKEN is not set');
});
test('wait', () => vi.waitFor(async () => state('/lag'), { timeout: 1000, interval: 100 }));
