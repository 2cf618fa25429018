// Passes, a failure, a flake, skips, parametrised tests, hostile names.
const assert = require('assert');
const { existsSync } = require('fs');
const path = require('path');
const { fault, firstAttempt } = require('./faults');

before(() => {
  if (!existsSync(path.join(__dirname, '../set-up'))) throw new Error('hooks do not run while tests are listed');
});

describe('Submit @smoke @journey:case-submission', () => {
  for (const risk of ['low', 'LOW', 'high risk', 'a › b', 'a/b (1+1) $', 'two\nlines', '@owner:intake']) {
    it(`risk ${risk}`, () => assert(risk));
  }
});

describe('Review', () => {
  // Fails with the fault "fail".
  it('counts approvals', () => assert.strictEqual(fault('fail') ? 1 : 2, 2));

  // Flaky with the fault "flake": the gate's rerun passes.
  it('notifies', () => assert.strictEqual(fault('flake') && firstAttempt() ? 'no message' : 'a message', 'a message'));
});

describe('Late cases', () => {
  // Ends the runner with the fault "crash".
  it('escalates', async () => {
    if (fault('crash')) await new Promise(() => {});
  });

  it('audits', function () { this.skip(); });

  it('archives');
});
