// Plays "cypress run": it reads the flags, runs spec files in this process instead of a browser,
// and gives the reporter what the server of Cypress gives it. Written after its source
// (packages/server/lib/reporter.ts), never compared with a running Cypress.
'use strict';
const { EventEmitter } = require('events');
const fs = require('fs');
const path = require('path');

const flag = (name) => process.argv[process.argv.indexOf(name) + 1];
const Reporter = require(flag('--reporter'));
const config = fs.existsSync('cypress.config.json') ? JSON.parse(fs.readFileSync('cypress.config.json', 'utf8')) : {};
const retries = Number(process.env.CYPRESS_RETRIES ?? config.retries ?? 0);
globalThis.nth = (name) => { fs.appendFileSync(name + '.count', '.'); return fs.readFileSync(name + '.count').length; };

// load reads a spec file: a tree of suites, tests and hooks.
function load(file) {
  const root = { title: '', root: true, file, suites: [], tests: [], before: [], beforeEach: [] };
  let at = root;
  globalThis.describe = (title, body) => {
    const suite = { title, parent: at, suites: [], tests: [], before: [], beforeEach: [] };
    at.suites.push(suite);
    at = suite;
    body();
    at = suite.parent;
  };
  globalThis.it = (title, options, body) => at.tests.push({ title, parent: at, state: 'skipped', options, body: body ?? options });
  globalThis.it.skip = (title) => at.tests.push({ title, parent: at, state: 'skipped', pending: true });
  globalThis.before = (hook) => at.before.push(hook);
  globalThis.beforeEach = (hook) => at.beforeEach.push(hook);
  try {
    require(path.resolve(file));
  } catch (err) { // Cypress makes a failing test of it
    root.tests.push({ title: 'An uncaught error was detected outside of a test', parent: root, state: 'skipped', body: () => { throw err; } });
  }
  return root;
}

function run(runner, suite, hooks) {
  let broken = null;
  try { for (const hook of suite.before) hook(); } catch (err) { broken = err; }
  for (const test of suite.tests) {
    if (test.pending) { test.state = 'pending'; runner.emit('pending', test); continue; }
    if (broken && suite.failed) continue;
    const most = broken ? 0 : test.options?.retries ?? retries;
    for (let retry = 0; ; retry++) {
      Object.assign(test, { _currentRetry: retry, wallClockStartedAt: new Date().toJSON(), wallClockDuration: 5 });
      try {
        if (broken) throw broken;
        for (const hook of [...hooks, ...suite.beforeEach]) hook();
        test.body();
        test.state = 'passed';
        delete test.err;
        runner.emit('pass', test);
        break;
      } catch (err) {
        Object.assign(test, { state: 'failed', err: { name: err.name, message: err.message, stack: err.stack } });
        if (retry >= most) { suite.failed = true; runner.failures++; runner.emit('fail', test, test.err); break; }
        runner.emit('retry', { title: test.title, currentRetry: retry, retries: most });
        const { state, wallClockStartedAt, wallClockDuration } = test;
        test.prevAttempts = [...test.prevAttempts ?? [], { state, err: test.err, wallClockStartedAt, wallClockDuration }];
      }
    }
  }
  for (const inner of suite.suites) run(runner, inner, [...hooks, ...suite.beforeEach]);
}

let failures = 0;
for (const file of flag('--spec').split(',')) {
  const runner = Object.assign(new EventEmitter(), { suite: load(file), failures: 0 });
  new Reporter(runner, { reporterOptions: {} });
  run(runner, runner.suite, []);
  runner.emit('end');
  failures += runner.failures;
  const shots = path.join(process.env.CYPRESS_SCREENSHOTS_FOLDER, path.basename(file));
  if (runner.failures) {
    fs.mkdirSync(shots, { recursive: true });
    fs.writeFileSync(path.join(shots, 'it -- failed.png'), 'png');
  }
}
if (config.tearDownFails || config.alarm && process.env.E2E_PART !== '1') failures++;
process.exit(failures);
