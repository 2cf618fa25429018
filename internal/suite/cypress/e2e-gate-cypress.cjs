// The reporter that e2e-gate brings along for Cypress. Cypress gives its reporters the events of
// Mocha, and makes a new reporter for each spec file. A title is a part of its spec file. What
// earlier attempts at a title did is kept in prevAttempts, and the last one in the test itself;
// the JUnit reporter that is part of Cypress writes only the last.
'use strict';
const fs = require('fs');

const write = (event, fields) =>
  fs.appendFileSync(process.env.E2E_GATE_EVENTS, JSON.stringify({ event, ...fields }) + '\n');

const clip = (text, size) => text.length <= size ? text
  : text.slice(0, size / 3) + '\n…\n' + text.slice(text.length - size * 2 / 3);

// eslint-disable-next-line no-control-regex
const plain = (text) => String(text ?? '').replace(/\u001b\[[0-9;]*m/g, '');

function titleOf(test) {
  const titles = [test.originalTitle ?? test.title];
  for (let suite = test.parent; suite && !suite.root; suite = suite.parent) titles.unshift(suite.title);
  return titles.join(' › ');
}

// place is where a test failed.
const place = (at) => at?.relativeFile ? { at_file: String(at.relativeFile).split('\\').join('/'), at_line: at.line } : {};

function failure(err) {
  const message = plain(err?.message ?? err ?? 'failed without a message');
  return {
    outcome: 'failed', message: clip(message, 8000), details: clip(plain(err?.stack), 24000), type: err?.name ?? '',
    error: err?.name !== 'AssertionError', ...place(err?.codeFrame),
  };
}

// outcomeOf reads an attempt. A test that Cypress never started has the state skipped: an earlier
// hook kept it from running.
function outcomeOf(attempt, state) {
  if (state === 'passed') return { outcome: 'passed' };
  if (state === 'pending') return { outcome: 'skipped' };
  if (state === 'skipped') return { outcome: 'skipped', kept: true, message: 'a hook before it failed' };
  return failure(attempt.err);
}

function attemptsOf(test) {
  const list = (test.prevAttempts ?? []).map((attempt) => ({ ...attempt, ...outcomeOf(attempt, attempt.state) }));
  // Cypress counts the attempts as well: one that it did not keep has failed, or there were no next.
  for (let missing = (test._currentRetry ?? 0) - list.length; missing > 0; missing--) list.push(failure('failed, and was repeated'));
  // With experimental retries the test as a whole may end otherwise than its last attempt.
  return [...list, { ...test, ...outcomeOf(test, test._cypressTestStatusInfo?.outerStatus ?? test.state) }];
}

module.exports = class {
  constructor(runner) {
    const file = String(runner.suite.file ?? '').split('\\').join('/').replace(/^\.\//, '');
    write('begin', {});
    // The gate shows these while the tests run. How they ended it is told at the end of the file.
    const tell = (test, seen) => write('progress', { id: file, part: titleOf(test), ...seen, seconds: (test.duration ?? 0) / 1000 });
    runner.on('test', (test) => write('running', { id: file, part: titleOf(test) }));
    runner.on('pass', (test) => { console.log(`  ✓ ${titleOf(test)}`); tell(test, { outcome: 'passed' }); });
    runner.on('fail', (test, err) => { console.log(`  ✗ ${titleOf(test)}: ${plain(err?.message ?? err)}`); tell(test, failure(err)); });
    runner.once('end', () => {
      let key = 0;
      const walk = (suite) => {
        for (const test of suite.tests ?? []) this.report(file, String(key++), test);
        for (const inner of suite.suites ?? []) walk(inner);
      };
      walk(runner.suite);
      write('end', {});
    });
  }

  report(file, key, test) {
    const part = titleOf(test);
    attemptsOf(test).forEach((seen, retry) => write('finished', {
      id: file, file, part, key, retry, told: true, at_file: seen.at_file, at_line: seen.at_line, outcome: seen.outcome, message: seen.message, details: seen.details, type: seen.type, error: seen.error ?? false,
      kept: seen.kept, start: Date.parse(seen.wallClockStartedAt) || 0, seconds: (seen.wallClockDuration ?? seen.duration ?? 0) / 1000,
    }));
  }
};
