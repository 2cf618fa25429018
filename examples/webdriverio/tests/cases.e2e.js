// Passes, a failure, a flake, skips, parametrised tests, hostile names.
import { existsSync } from 'node:fs';
import { fault, firstAttempt } from './faults.js';

const show = (text) => browser.url('data:text/html,' + encodeURIComponent(`<p>${text}</p>`));

before(() => {
  if (!existsSync(new URL('../set-up', import.meta.url))) throw new Error('hooks do not run while tests are listed');
});

describe('Submit @smoke @journey:case-submission', () => {
  for (const risk of ['low', 'LOW', 'high risk', 'a › b', 'a/b (1+1) $', 'two\nlines', '@owner:intake']) {
    it(`risk ${risk}`, () => expect(risk).not.toBe(''));
  }
});

describe('Review', () => {
  // Fails with the fault "fail".
  it('counts approvals', async () => {
    await show(fault('fail') ? 1 : 2);
    await expect($('p')).toHaveText('2', { wait: 0 });
  });

  // Flaky with the fault "flake": the gate's rerun passes.
  it('notifies', async () => {
    await show(fault('flake') && firstAttempt() ? 'no message' : 'a message');
    await expect($('p')).toHaveText('a message', { wait: 0 });
  });
});

describe('Late cases', () => {
  // Ends the worker with the fault "crash".
  it('escalates', async () => {
    if (fault('crash')) await new Promise(() => {});
  });

  it('audits', function () { this.skip(); });

  it('archives');
});
