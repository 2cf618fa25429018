// Passes, a failure, a flake, skips, parametrised tests, hostile names.
const { existsSync } = require('fs');
const path = require('path');
const { fault, firstAttempt } = require('./faults');

beforeAll(() => {
  if (!existsSync(path.join(__dirname, '../set-up'))) throw new Error('hooks do not run while tests are listed');
});

describe('Submit @smoke @journey:case-submission', () => {
  test.each(['low', 'LOW', 'high risk', 'a › b', 'a/b (1+1) $', 'two\nlines', '@owner:intake'])('risk %s', (risk) => {
    expect(risk).toBeTruthy();
  });
});

describe('Review', () => {
  // Fails with the fault "fail".
  test('counts approvals', () => expect(fault('fail') ? 1 : 2).toBe(2));

  // Flaky with the fault "flake": the gate's rerun passes.
  test('notifies', () => expect(fault('flake') && firstAttempt() ? 'no message' : 'a message').toBe('a message'));
});

// Ends the runner with the fault "crash".
test('escalates', async () => {
  if (fault('crash')) await new Promise(() => {});
});

test.skip('audits', () => expect('the audit service').toBe('there'));

test.todo('archives');
