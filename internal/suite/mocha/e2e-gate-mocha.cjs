// What e2e-gate brings along for Mocha, by --require. It writes one line of JSON for each thing
// that happens; the same function names a test when it is listed and when it runs. It is no
// reporter, so that the suite keeps its own: it listens to Mocha's runner. To list, it hands no
// test to a runner; with a selection it takes every other test out of its suite.
'use strict';
const fs = require('fs');
const path = require('path');
const util = require('util');
const {
  again, base, clip, early, enter, finished, here, isAssertion, leave, place, plain, relative, selection, started, tags, unseen, webdriverio, write,
} = require('./e2e-gate-shared.cjs');

const NEEDED = 9;

// home is the folder of the Mocha that runs: a suite may have others. WebdriverIO runs Mocha in workers, a capability and a spec file
// each; see e2e-gate-webdriverio.mjs.
function home() {
  for (let dir = base; webdriverio; dir = path.dirname(dir)) {
    const framework = path.join(dir, 'node_modules', '@wdio', 'mocha-framework');
    if (fs.existsSync(framework)) return path.dirname(require.resolve('mocha/package.json', { paths: [fs.realpathSync(framework)] }));
    if (dir === path.dirname(dir)) throw new Error('@wdio/mocha-framework is not installed');
  }
  for (let dir = path.dirname(fs.realpathSync(process.argv[1])); dir !== path.dirname(dir); dir = path.dirname(dir)) {
    try {
      if (JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).name === 'mocha') return dir;
    } catch { /* no package, so the one above */ }
  }
  return path.dirname(require.resolve('mocha/package.json', { paths: [base] }));
}

const mocha = home();
const { version } = JSON.parse(fs.readFileSync(path.join(mocha, 'package.json'), 'utf8'));
if (!(parseInt(version, 10) >= NEEDED)) {
  write('unusable', { message: `Mocha ${version ?? 'of an unknown version'} is too old; ${NEEDED}.0 or later is needed: npm install --save-dev mocha@latest` });
  throw new Error('Mocha is too old for e2e-gate');
}
const loaded = require(mocha);
const Mocha = loaded.default ?? loaded;
const { Runner, Suite } = Mocha;

// fileOf is where a test is: one that a suite got from elsewhere has no file of its own.
function fileOf(test) {
  for (let at = test; at; at = at.parent) if (at.file) return at.file;
  return loading ?? '';
}

function identify(test) {
  const titles = [test.title];
  for (let suite = test.parent; suite; suite = suite.parent) if (!suite.root) titles.unshift(suite.title);
  const file = relative(files.get(test) ?? fileOf(test));
  const name = titles.join(' › ');
  return { id: (webdriverio?.label ?? '') + file + '::' + name, name, file };
}

const show = (value) => clip(typeof value === 'string' ? value : util.inspect(value, { depth: 6, sorted: true }), 8000);

// both are two values that were compared. Equal ones, as of notStrictEqual, say nothing.
const both = (expected, actual) => expected === actual ? [] : [{ name: 'e2e.expected', value: expected }, { name: 'e2e.actual', value: actual }];

function failure(error) {
  const text = plain(error?.message ?? error);
  const compared = error && typeof error === 'object' && 'expected' in error && 'actual' in error && error.showDiff !== false;
  const assertion = compared || isAssertion(error?.name ?? '', text) || error?.code === 'ERR_ASSERTION';
  return {
    outcome: 'failed', message: clip(text || 'failed without a message', 8000), details: clip(plain(error?.stack ?? util.inspect(error)), 24000),
    error: !assertion, type: error?.code === 'ERR_MOCHA_TIMEOUT' ? 'timeout' : error?.name ?? '',
    properties: compared ? both(show(error.expected), show(error.actual)) : [],
    ...place(error?.stack),
  };
}

// Lines and files of tests: Mocha keeps no line, and the file only of those that its own
// interfaces made.
const lines = new Map();
const files = new Map();
let loading;

const addTest = Suite.prototype.addTest;
Suite.prototype.addTest = function (test) {
  const file = test.file ?? fileOf(this);
  const stack = here((at) => at.startsWith(mocha + path.sep));
  files.set(test, file);
  lines.set(test, (stack.find((frame) => frame.file === file) ?? stack[0])?.line ?? 0);
  return addTest.apply(this, arguments);
};

// A forgotten only takes no other test away.
Suite.prototype.hasOnly = () => false;

let listed = false; // by a worker of WebdriverIO

// Mocha does not wait for an async describe, whose tests come after its first await: with luck before the run begins, and to the root.
// So nothing is listed and run before those of the file have ended.
const LONGEST = 30_000; // milliseconds
const asyncs = [];

// watched is a describe, with its only and skip, that keeps what its functions return.
const watched = (describe) => new Proxy(describe, {
  apply: (target, self, args) => Reflect.apply(target, self, args.map((one) => typeof one !== 'function' ? one : function (...inner) {
    const result = one.apply(this, inner);
    if (typeof result?.then === 'function') asyncs.push(Promise.resolve(result).then(() => {}, (error) => ({ title: args[0], error })));
    return result;
  })),
  get: (target, name) => ['only', 'skip'].includes(name) && typeof target[name] === 'function' ? watched(target[name]) : target[name],
});

const names = ['describe', 'context', 'suite', 'xdescribe', 'xcontext'];
const watch = (globals) => names.forEach((name) => { if (typeof globals[name] === 'function') globals[name] = watched(globals[name]); });

// settled waits for all async describes, those within them too.
async function settled() {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve({ title: '(async)', error: new Error(`it did not end in ${LONGEST / 1000} s`) }), LONGEST);
  });
  const failed = [];
  while (asyncs.length) {
    const one = await Promise.race([asyncs.shift(), late]);
    if (one) failed.push(one);
  }
  clearTimeout(timer);
  return failed;
}

// A file that cannot be loaded does not take the others away.
const loadFilesAsync = Mocha.prototype.loadFilesAsync;
Mocha.prototype.loadFilesAsync = async function (...args) {
  const all = this.files;
  // WebdriverIO loads the files that share a session in one worker; our own name says that these do not.
  const sources = [...new Set(all)].filter((file) => file !== __filename);
  if (sources.length) this.suite.on('pre-require', watch);
  try {
    for (const file of sources) {
      this.files = [file];
      loading = file;
      try {
        await loadFilesAsync.apply(this, args);
      } catch (error) {
        cannotLoad(file, error);
      }
      for (const { title, error } of await settled()) cannotLoad(file, error, `describe ${title}: `);
    }
  } finally {
    this.files = all;
    loading = undefined;
  }
  listed ||= all.length > 0; // WebdriverIO calls this once before it has any
  if (webdriverio && !selection && all.length) { // without a test, it opens no session
    list(this, sources.length === all.length ? sources.map(relative).join(' + ') : '');
    this.suite.tests = [];
    this.suite.suites = [];
  }
  if (webdriverio && selection && all.length) {
    choose(this.suite);
    if (!this.suite.total()) ended = [0]; // those of other browsers: it opens no session
  }
};

function cannotLoad(file, error, where = '') {
  const { message, details } = failure(error);
  write('error', { message: `${relative(file)} cannot be loaded: ${where}${message}`, details });
}

function list(mocha, group) {
  const runner = { _grep: mocha.options.grep ?? /.*/, _invert: mocha.options.invert, total: 0 };
  mocha.suite.eachTest((test) => {
    if (!matches(runner, test)) return;
    const { id, name, file } = identify(test);
    const label = webdriverio?.label ?? '';
    const worker = webdriverio && process.env.WDIO_WORKER_ID;
    write('listed', { id, name, file, line: lines.get(test) ?? 0, tags: tags(name), worker, keep: label + file, group: group && label + group });
  });
}

// run lists the tests and ends; no hook, no global set-up and no reporter starts.
const run = Mocha.prototype.run;
Mocha.prototype.run = function (done) {
  if (selection) return run.apply(this, arguments);
  const listed = () => {
    list(this);
    write('end', {});
    done?.(0);
  };
  if (this.options.delay) this.suite.once('run', listed);
  else listed();
};

function matches(runner, test) {
  const is = typeof runner._grep === 'string' ? test.fullTitle().includes(runner._grep) : new RegExp(runner._grep).test(test.fullTitle());
  return is !== Boolean(runner._invert);
}

// Mocha loses the error of a global fixture, and may end well.
for (const [name, words] of [['runGlobalSetup', 'set-up'], ['runGlobalTeardown', 'tear-down']]) {
  const original = Mocha.prototype[name];
  Mocha.prototype[name] = async function (...args) {
    try {
      return await original.apply(this, args);
    } catch (error) {
      const { message, details } = failure(error);
      write('error', { message: `in the global ${words}: ${message}`, details });
      throw error;
    }
  };
}

const runs = Runner.prototype.run;
Runner.prototype.run = function (done, opts) {
  if (this._opts) this._opts.dryRun = false; // WebdriverIO's command line goes before its config
  const begin = () => {
    choose(this.suite);
    this.total = this.grepTotal(this.suite);
  };
  if (this._opts?.delay) this.suite.once('run', begin);
  else begin();
  follow(this);
  return runs.call(this, done, opts);
};

function choose(suite) {
  suite.tests = suite.tests.filter((test) => selection.has(identify(test).id));
  suite.suites.forEach(choose);
}

// The diagnostic rerun is one attempt, whatever sets retries and when.
if (process.env.E2E_ATTEMPT === '2') {
  Mocha.Runnable.prototype.retries = function (n) { return arguments.length ? undefined : 0; };
}

// follow writes what happens to the tests of a runner.
function follow(runner) {
  const ends = new Map(); // by the first execution of a test: how often it ended, and its key
  const counted = new Map();
  const broken = new Map(); // by suite: the hook that failed, and whether it keeps tests from running
  const clock = new Map();
  let held; // the last end of a test, until the hooks behind it have run

  const flush = () => {
    if (held) finished(held.event);
    held = undefined;
  };

  // origin is the first execution of a test: Mocha repeats a copy of it.
  const origin = (test) => {
    let at = test;
    while (at.retriedTest?.()) at = at.retriedTest();
    return at;
  };

  const finish = (test, seen) => {
    const first = origin(test);
    const what = identify(first); // also of a test that a hook added: nobody planned it, and it is said
    let known = ends.get(first);
    if (!known) {
      counted.set(what.id, (counted.get(what.id) ?? 0) + 1);
      ends.set(first, known = { key: String(counted.get(what.id)), retry: -1 });
    }
    const retry = (test.currentRetry?.() ?? 0) + again();
    if (held?.first === first && held.event.retry === retry) { // a hook behind the test
      if (held.event.outcome !== 'failed') Object.assign(held.event, seen);
      return;
    }
    flush();
    const amends = known.retry === retry;
    known.retry = retry;
    held = { first, event: {
      ...what, key: known.key, retry, amends, unseen: unseen(), worker: webdriverio && process.env.WDIO_WORKER_ID, ...seen, line: lines.get(first) ?? 0,
      start: clock.get(test) ?? 0, seconds: amends ? 0 : (test.duration ?? 0) / 1000,
      attachments: Array.isArray(test.attachments) ? test.attachments.filter((file) => typeof file === 'string') : [],
    } };
  };

  const hookFailed = (hook, error) => {
    const kind = hook.originalTitle ?? hook.title;
    const all = /^"(before|after) all"/.exec(kind)?.[1];
    const seen = failure(error);
    seen.message = `in ${hook.title}: ${seen.message}`;
    const suite = hook.parent?.fullTitle();
    if (all === 'after') return write('error', { message: `${suite ? suite + ': ' : ''}${seen.message}`, details: seen.details });
    if (!broken.has(hook.parent)) broken.set(hook.parent, { seen, all: all === 'before', by: hook.title });
    if (!all && runner.test) finish(runner.test, seen);
  };

  runner.on('test', (test) => {
    flush();
    unseen(); // of a test that had ended by its timeout
    clock.set(test, Date.now());
    const first = origin(test);
    const { id } = identify(first);
    const key = ends.get(first)?.key ?? String((counted.get(id) ?? 0) + 1);
    started({ id, key, retry: (test.currentRetry?.() ?? 0) + again() });
    enter(id);
  });
  runner.on('hook', (hook) => { if (/^"after all"/.test(hook.originalTitle ?? hook.title)) flush(); }); // it may end the process
  runner.on('pass', (test) => finish(test, { outcome: 'passed' }));
  runner.on('pending', (test) => finish(test, { outcome: 'skipped' }));
  runner.on('retry', (test, error) => finish(test, failure(error ?? test.err)));
  runner.on('fail', (runnable, error) => {
    if (runnable.type === 'test' && runnable.parent) finish(runnable, failure(error));
    else if (runnable.type === 'hook') hookFailed(runnable, error);
    else write('error', { message: failure(error).message, details: failure(error).details });
  });
  // What a failed hook kept from running: a hook before all tests fails them, one around a test
  // fails that test, and Mocha leaves out the others.
  runner.on('suite end', (suite) => {
    flush();
    leave(); // behind the hooks after the last test
    const hook = broken.get(suite);
    if (hook) suite.eachTest((test) => {
      if (ends.has(origin(test)) || !matches(runner, test)) return;
      if (test.isPending()) finish(test, { outcome: 'skipped' });
      else if (hook.all) finish(test, hook.seen);
      else finish(test, { outcome: 'skipped', kept: true, message: hook.seen.message });
    });
  });
  runner.on('end', () => {
    flush();
    // The status of Mocha is how many tests failed, or 1 with posix-exit-codes.
    ended = [Math.min(runner.failures, 255), 1];
  });
}

// The end is that of the process, since global tear-down comes after the runner's. A process that
// ends before its runner has none.
let ended;
process.on('exit', () => {
  if (ended) write('end', webdriverio ? {} : { statuses: ended });
  if (!selection && (webdriverio ? !listed : loading)) early(loading && relative(loading));
});
if (webdriverio && selection) write('begin', {});
