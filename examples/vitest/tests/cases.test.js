// Passes, a failure, a flake, a skip, parametrised tests, hostile names.
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { crash, fault, firstAttempt } from './faults.js';

describe('Submit @journey:case-submission', { tags: ['smoke'] }, () => {
  test.each(['low', 'LOW', 'high risk', 'a > b', 'a/b (1+1) $', 'two\nlines', '@owner:intake'])('risk %s', (risk) => {
    expect(risk).toBeTruthy();
  });
});

describe('Review', () => {
  // Fails with the fault "fail".
  test('counts approvals', ({ task }) => {
    task.meta['e2e.expected'] = '2 approvals';
    expect(fault('fail') ? 1 : 2).toBe(2);
  });

  // Flaky with the fault "flake": the gate's rerun passes.
  test('notifies', () => expect(fault('flake') && firstAttempt() ? 'no message' : 'a message').toBe('a message'));
});

// Ends the runner with the fault "crash".
test('escalates', async () => {
  if (fault('crash')) await crash();
}, 60_000);

test.skip('audits', () => expect('the audit service').toBe('there'));

test('was set up', () => expect(existsSync(new URL('../set-up', import.meta.url))).toBe(true));

// Vitest repeats it: two attempts, one process.
let repeats = 0;
test('repeated by vitest', { retry: 2 }, () => expect(++repeats > 1 || process.env.EXAMPLE_FAULTS === 'none').toBe(true));
