import test from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';

const get = async (path) => {
  const url = path.includes('://') ? path : process.env.CASE_API + path;
  return fetch(url, { signal: AbortSignal.timeout(1000) });
};
const body = async (path) => {
  const response = await get(path);
  assert.equal(response.status, 200, `GET ${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
};
const state = async (path) => assert.equal((await body(path)).state, 'ACCEPTED');

test('value', () => state('/value'));
test('lag', () => state('/lag'));
test('more', async () => assert.deepEqual(await body('/more'), ['a', 'b']));
test('fewer', async () => assert.deepEqual(await body('/fewer'), ['a', 'b']));
test('server', () => state('/server'));
test('gateway', () => state('/gateway'));
test('conflict', () => state('/conflict'));
test('missing', async () => assert.equal((await get('/missing')).status, 200));
test('denied', async () => assert.equal((await get('/denied')).status, 200));
test('limited', () => state('/limited'));
test('reset', () => state('/reset'));
test('slow', () => state('/slow'));
test('crash', () => state('/crash'));
test('refused', () => get(process.env.UNUSED_PORT + '/cases'));
test('name', () => get('http://case-api.internal:8080/cases'));
test('third', () => get('https://api.rates-of-exchange.com/v1/latest'));
test('null', async () => assert.equal((await body('/null')).owner.name, 'ada'));
test('undefined', () => assert.ok(acceptedCase()));
test('unset', () => {
  if (!process.env.CASE_API_TOKEN) throw new Error('CASE_API_TOKEN is not set');
});
test('port', () => new Promise((resolve, reject) => {
  const [host, port] = process.env.TAKEN.split(':');
  net.createServer().on('error', reject).listen(Number(port), host, resolve);
}));
test('wait', async () => {
  for (let i = 0; i < 10; i++) {
    if ((await body('/lag')).state === 'ACCEPTED') return;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error('timed out waiting for the case to be accepted');
});
