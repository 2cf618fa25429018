// Passes, a failure, a flake, a skip, parametrised tests, hostile titles.
const { test, expect } = require('@playwright/test');
const { fault, firstAttempt } = require('./faults');

test.describe('Submit', { tag: ['@smoke', '@journey:case-submission'] }, () => {
  for (const risk of ['low', 'high risk', 'a › b', 'a/b (1+1) $', 'two\nlines', ' #1 @owner:intake'])
    test(`risk ${risk}`, () => expect(risk).toBeTruthy());
});

test.describe('Review', () => {
  test('approves', () => {});

  // Flaky with the fault "flake": the gate's rerun passes.
  test('notifies', () => expect(fault('flake') && firstAttempt() ? 'no message' : 'a message').toBe('a message'));
});

// Ends the runner with the fault "crash".
test('escalates', () => expect(fault('crash')).toBe(false));

test('audits', () => test.skip(true, 'the audit service has no test instance'));

test('a known bug', () => {
  test.fail();
  expect('a bug').toBe('none');
});
