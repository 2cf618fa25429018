// The reporter that e2e-gate brings along for Jest. It writes one line of JSON for
// each thing that happens; the runner beside it chooses the tests.
'use strict';
const fs = require('fs');
const path = require('path');

const base = fs.realpathSync(process.env.E2E_GATE_DIR);
const selection = process.env.E2E_GATE_SELECTION
  ? new Set(JSON.parse(fs.readFileSync(process.env.E2E_GATE_SELECTION, 'utf8'))) : null;

const write = (event, fields) =>
  fs.appendFileSync(process.env.E2E_GATE_EVENTS, JSON.stringify({ event, ...fields }) + '\n');

const clip = (text, size) => text.length <= size ? text
  : text.slice(0, size / 3) + '\n…\n' + text.slice(text.length - size * 2 / 3);

// eslint-disable-next-line no-control-regex
const plain = (text) => String(text ?? '').replace(/\u001b\[[0-9;]*m/g, '');

// identify names a test by its file and its titles, in the reporter and in the runner.
function identify(testPath, titles, project) {
  const file = path.relative(base, testPath).split(path.sep).join('/');
  const name = titles.join(' › ');
  return { id: (project ? `[${project}] ` : '') + file + '::' + name, name, file };
}

const projectOf = (config) => config.displayName?.name ?? config.displayName ?? '';

const tags = (name) => [...new Set([...name.matchAll(/(?:^|\s)@([\w.:/-]+)/g)].map((m) => m[1]))];

function failure(text) {
  const lines = plain(text).split('\n');
  const trace = lines.findIndex((line) => /^\s+at /.test(line));
  const first = lines.slice(0, trace < 0 ? lines.length : trace).join('\n').trim();
  return {
    outcome: 'failed', message: clip(first, 8000), details: clip(plain(text), 24000),
    error: !/expect\(|AssertionError/.test(first), type: /^(\w*Error)\b/.exec(first)?.[1] ?? '',
  };
}

class Reporter {
  constructor() {
    this.reported = new Map(); // by id, how many tests of it
    this.ended = 0;
  }

  onTestCaseStart(test, started) {
    const { id } = identify(test.path, [...started.ancestorTitles, started.title], projectOf(test.context.config));
    if (selection?.has(id)) write('started', { id });
  }

  onTestCaseResult(test, result) {
    const what = identify(test.path, [...result.ancestorTitles, result.title], projectOf(test.context.config));
    if (!selection?.has(what.id)) return;
    this.reported.set(what.id, (this.reported.get(what.id) ?? 0) + 1);
    // Jest hands over one result for a test, with the reasons of its retries: each result is
    // another test, also where titles are equal.
    const key = String(++this.ended);
    const reasons = result.retryReasons ?? [];
    reasons.forEach((reason, retry) => write('finished', { ...what, key, retry, ...failure(reason) }));
    const seen = result.status === 'passed' ? { outcome: 'passed' }
      : result.status === 'failed' ? failure(result.failureMessages.join('\n\n') || 'failed without a message')
        : { outcome: 'skipped', message: result.status === 'todo' ? 'to do' : '' };
    write('finished', { ...what, key, retry: reasons.length, ...seen, start: result.startAt ?? 0, seconds: (result.duration ?? 0) / 1000 });
  }

  onTestResult(test, file) {
    if (file.testExecError) {
      write('error', { message: `${path.relative(base, test.path)}: ${failure(file.testExecError.message ?? file.failureMessage).message}`, details: clip(plain(file.failureMessage), 24000) });
    }
    const seen = new Map();
    for (const result of file.testResults) {
      const what = identify(test.path, [...result.ancestorTitles, result.title], projectOf(test.context.config));
      if (!selection) write('listed', { ...what, line: result.location?.line ?? 0, tags: tags(what.name) });
      else {
        seen.set(what.id, (seen.get(what.id) ?? 0) + 1);
        if (seen.get(what.id) > (this.reported.get(what.id) ?? 0)) this.onTestCaseResult(test, result);
      }
    }
  }

  onRunComplete(contexts, results) {
    if (results.runExecError) write('error', { message: results.runExecError.message });
    if (results.wasInterrupted) write('error', { message: 'Jest was interrupted' });
    write('end', {});
  }
}

module.exports = Reporter;
Object.assign(module.exports, { identify, projectOf, selection });
