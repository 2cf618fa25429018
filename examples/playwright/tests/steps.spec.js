// Tests in serial mode depend on each other: the gate runs them as one. Playwright
// repeats them by itself, which is two attempts in one process.
const { test, expect } = require('@playwright/test');

test.describe('a case from start to end', () => {
  test.describe.configure({ mode: 'serial', retries: 1 });
  test('submit', { tag: '@owner:intake' }, () => {});
  test('review', ({}, info) => expect(info.retry > 0 || process.env.EXAMPLE_FAULTS === 'none').toBe(true));
  test('close', () => {});
});
