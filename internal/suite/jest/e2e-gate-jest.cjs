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

// folderOf is the folder from which a package of Jest is found.
function folderOf(rootDir) {
  let from = rootDir;
  for (const name of ['jest', '@jest/core', 'jest-config']) {
    try { from = path.dirname(require.resolve(name, { paths: [from] })); } catch { /* not installed apart */ }
  }
  return from;
}

// written is the config as the user wrote it.
async function written(globalConfig) {
  const at = process.argv.findIndex((arg) => arg === '-c' || arg === '--config' || arg.startsWith('--config='));
  const file = at < 0 ? globalConfig.rootDir : process.argv[at].split('=')[1] ?? process.argv[at + 1];
  const { readInitialOptions } = require(require.resolve('jest-config', { paths: [folderOf(globalConfig.rootDir)] }));
  return (await readInitialOptions(undefined, { packageRootOrConfig: file })).config;
}

// own makes the reporters of the config, which those of a command line replace. Where the suite's arguments
// name some, they are what is wanted.
async function own(globalConfig) {
  const made = [];
  if (process.argv.filter((arg) => arg.startsWith('--reporters')).length > 2) return made;
  let wanted = [];
  try { wanted = (await written(globalConfig)).reporters ?? []; } catch { /* an older Jest */ }
  for (const one of wanted) {
    const [name, options] = Array.isArray(one) ? one : [one];
    if (name === 'default' || name === 'summary') continue; // the gate adds the default one
    try {
      let Reporter;
      if (name === 'github-actions') {
        Reporter = require(require.resolve('@jest/reporters', { paths: [folderOf(globalConfig.rootDir)] })).GitHubActionsReporter;
      } else {
        const file = require.resolve(name.replace(/^<rootDir>/, () => globalConfig.rootDir), { paths: [globalConfig.rootDir] });
        const module = await import(require('url').pathToFileURL(file).href);
        Reporter = module.default?.default ?? module.default ?? module;
      }
      made.push(new Reporter(globalConfig, options ?? {}, { firstRun: true, previousSuccess: true }));
    } catch (error) {
      console.error(`e2e-gate: the reporter ${name} of the config does not run: ${error?.message ?? error}`);
    }
  }
  return made;
}

// thresholds reports whether the suite has coverage thresholds. The gate switches coverage off
// while it lists, and the thresholds in a part of the suite, so both are read where the user set
// them: as flags, which the gate hands on, or in the config file.
async function thresholds(globalConfig) {
  const flags = (process.env.E2E_GATE_COVERAGE ?? '').split(',');
  try {
    const config = await written(globalConfig);
    const collected = selection ? globalConfig.collectCoverage : flags.includes('collect') || config.collectCoverage;
    return Boolean(collected) && (flags.includes('threshold') || Object.keys(config.coverageThreshold ?? {}).length > 0);
  } catch {
    return Boolean(globalConfig.coverageThreshold) && (flags.includes('collect') || globalConfig.collectCoverage); // an older Jest
  }
}

// hasSnapshots reports whether a test file has snapshots; --ci makes unused ones fail the run.
const hasSnapshots = (file) => fs.existsSync(path.join(path.dirname(file), '__snapshots__', path.basename(file) + '.snap'));

const projectOf = (config) => config.displayName?.name ?? config.displayName ?? '';

const tags = (name) => [...new Set([...name.matchAll(/(?:^|\s)@([\w.:/-]+)/g)].map((m) => m[1]))];

// place is where a test failed: the innermost line of the stack within the suite.
function place(lines) {
  for (const line of lines) {
    const [, file, number] = /^\s+at (?:.*\()?(\/.+?|[A-Za-z]:\\.+?):(\d+):\d+\)?$/.exec(line) ?? [];
    const name = file && path.relative(base, file).split(path.sep).join('/');
    if (name && !name.startsWith('..') && !name.includes('node_modules/')) return { at_file: name, at_line: Number(number) };
  }
  return {};
}

function failure(text) {
  const lines = plain(text).split('\n');
  const trace = lines.findIndex((line) => /^\s+at /.test(line));
  const first = lines.slice(0, trace < 0 ? lines.length : trace).join('\n').trim();
  return {
    outcome: 'failed', message: clip(first, 8000), details: clip(plain(text), 24000),
    error: !/expect\(|AssertionError/.test(first), type: /^(\w*Error)\b/.exec(first)?.[1] ?? '',
    ...place(lines),
  };
}

// Options that leave tests out of a listing, where a config sets them.
const leavesOut = ['changedSince', 'findRelatedTests', 'onlyChanged', 'onlyFailures', 'shard', 'testNamePattern'];

// tooOld is the version of a Jest that has no jest-circus of its own.
function tooOld(rootDir) {
  try {
    const { version } = require(require.resolve('@jest/core/package.json', { paths: [rootDir, ...(process.argv[1] ? [path.dirname(fs.realpathSync(process.argv[1]))] : [])] }));
    return parseInt(version, 10) < 27 ? version : '';
  } catch { return ''; }
}

class Reporter {
  constructor(globalConfig) {
    const old = tooOld(globalConfig?.rootDir);
    if (old) {
      write('unusable', { message: `Jest ${old} is too old; 27 or later is needed: npm install --save-dev jest@latest` });
      throw new Error('Jest is too old for e2e-gate');
    }
    const set = leavesOut.find((name) => globalConfig?.[name]);
    if (set) {
      write('unusable', { message: `${set} is set in the Jest config, and leaves tests out; remove it: the gate chooses the tests, and splits them` });
      throw new Error(`e2e-gate cannot use Jest with ${set}`);
    }
    // While tests run, Jest names the first project for the tests of all. Only the result of a
    // whole file is filed under its own.
    this.several = (globalConfig?.projects?.length ?? 1) > 1;
    this.reported = new Map(); // by id, the tests of it that ended
    this.config = globalConfig;
    this.part = process.env.E2E_PART === '1';
    this.snapshots = false;
    this.others = [];
  }

  // continued finds the test of a title that Jest runs again, or begins another one. Jest
  // counts the invocations of a test; titles may be equal.
  continued(id, retry) {
    if (!this.reported.has(id)) this.reported.set(id, []);
    const tests = this.reported.get(id);
    let test = retry > 0 ? tests.find((t) => t.failed && t.retry === retry - 1) : undefined;
    if (!test) tests.push(test = { key: String(tests.length) });
    test.retry = retry;
    return test;
  }

  async onRunStart(...args) {
    if (selection) this.others = await own(this.config);
    await this.tell('onRunStart', args);
  }

  // tell hands an event on to the reporters of the config. What they cannot do loses no test.
  async tell(event, args, older) {
    for (const other of this.others) {
      try {
        await (other[event] ?? other[older])?.apply(other, args);
      } catch (error) {
        console.error(`e2e-gate: a reporter of the config failed at ${event}: ${error?.stack ?? error}`);
      }
    }
  }

  onTestFileStart(...args) { return this.tell('onTestFileStart', args, 'onTestStart'); }

  getLastError() {
    for (const other of this.others) {
      const error = other.getLastError?.();
      if (error) return error;
    }
  }

  onTestCaseStart(test, started) {
    void this.tell('onTestCaseStart', [test, started]);
    if (this.several) return;
    const { id } = identify(test.path, [...started.ancestorTitles, started.title], projectOf(test.context.config));
    if (selection?.has(id)) write('started', { id });
  }

  onTestCaseResult(test, result) {
    void this.tell('onTestCaseResult', [test, result]);
    if (!this.several) this.finished(test, result);
  }

  finished(test, result) {
    const what = identify(test.path, [...result.ancestorTitles, result.title], projectOf(test.context.config));
    if (!selection?.has(what.id)) return;
    const same = this.continued(what.id, Math.max(0, (result.invocations ?? 1) - 1));
    const seen = result.status === 'passed' ? { outcome: 'passed' }
      : result.status === 'failed' ? failure(result.failureMessages.join('\n\n') || 'failed without a message')
        : { outcome: 'skipped', message: result.status === 'todo' ? 'to do' : '' };
    same.failed = seen.outcome === 'failed';
    write('finished', { ...what, key: same.key, retry: same.retry, ...seen, line: result.location?.line ?? 0, start: result.startAt ?? 0, seconds: (result.duration ?? 0) / 1000 });
  }

  async onTestResult(test, file, results) {
    this.ended(test, file);
    await this.tell('onTestFileResult', [test, file, results], 'onTestResult');
  }

  ended(test, file) {
    this.snapshots ||= hasSnapshots(test.path);
    // What another runner does is not seen, so such a listing is not kept.
    if (!selection && !/[\\/]jest-runner[\\/]/.test(test.context.config.runner)) write('asked', { message: 'another runner' });
    if (file.testExecError) {
      write('error', { message: `${path.relative(base, test.path)}: ${failure(file.testExecError.message ?? file.failureMessage).message}`, details: clip(plain(file.failureMessage), 24000) });
    }
    const seen = new Map();
    for (const result of file.testResults) {
      const what = identify(test.path, [...result.ancestorTitles, result.title], projectOf(test.context.config));
      if (!selection) write('listed', { ...what, line: result.location?.line ?? 0, tags: tags(what.name), keep: what.id.slice(0, what.id.indexOf('::')) });
      else {
        seen.set(what.id, (seen.get(what.id) ?? 0) + 1);
        if (seen.get(what.id) > (this.reported.get(what.id)?.length ?? 0)) this.afterwards(test, what.id, result);
      }
    }
  }

  // afterwards reports a test of which nothing was heard while it ran.
  afterwards(test, id, result) {
    for (let retry = 0; selection.has(id) && retry < (result.invocations ?? 1) - 1; retry++) {
      const reason = result.retryReasons?.[retry] ?? 'failed, and was repeated';
      this.finished(test, { ...result, invocations: retry + 1, status: 'failed', failureMessages: [reason] });
    }
    this.finished(test, result);
  }

  // unalarm names what speaks of the whole suite. Unused snapshots fail neither a part of it nor a
  // listing; one that does not match has failed its test.
  async unalarm(results) {
    if (selection && !this.part) return;
    if (await thresholds(this.config)) write('unchecked', { message: 'the coverage thresholds' });
    if (this.snapshots) write('unchecked', { message: 'unused snapshots' });
    if (!results.snapshot.unmatched) results.snapshot.failure = false;
  }

  async onRunComplete(contexts, results) {
    await this.unalarm(results);
    if (results.runExecError) write('error', { message: results.runExecError.message });
    if (results.wasInterrupted) write('error', { message: 'Jest was interrupted' });
    write('end', { statuses: [Number(this.config?.testFailureExitCode ?? 1)] });
    await this.tell('onRunComplete', [contexts, results]);
  }
}

module.exports = Reporter;
Object.assign(module.exports, { identify, projectOf, selection, write });
