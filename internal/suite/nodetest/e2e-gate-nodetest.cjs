// What e2e-gate brings along for node:test, by --import into the process of every test file. It
// stands in for the module node:test: it lists tests without running any, or registers those that
// were selected with the real one. The reporter beside it writes what became of them.
'use strict';
const { AsyncLocalStorage, executionAsyncResource } = require('async_hooks');
const fs = require('fs');
const Module = require('module');
const path = require('path');
const { pathToFileURL, fileURLToPath } = require('url');
const vm = require('vm');
const { isMainThread } = require('worker_threads');

const write = (event, fields) =>
  fs.appendFileSync(process.env.E2E_GATE_EVENTS, JSON.stringify({ event, ...fields }) + '\n');

const [major, minor] = process.versions.node.split('.').map(Number);
const isOld = major < 20 || major === 20 && minor < 10;

// Only the process of a test file has a stand-in: not the one that starts them, and no worker.
if (isOld) {
  if (!process.env.NODE_TEST_CONTEXT) write('unusable', { message: `Node ${process.versions.node} is too old; 20.10 or later is needed` });
  throw new Error('Node is too old for e2e-gate');
} else if (process.env.NODE_TEST_CONTEXT && isMainThread && process.argv[1]) {
  install();
}

function install() {
  const real = require('node:test');
  const base = fs.realpathSync(process.env.E2E_GATE_DIR);
  const selection = process.env.E2E_GATE_SELECTION
    ? new Set(JSON.parse(fs.readFileSync(process.env.E2E_GATE_SELECTION, 'utf8'))) : null;
  const entry = fs.realpathSync(path.resolve(process.argv[1]));
  const file = path.relative(base, entry).split(path.sep).join('/');
  const around = new AsyncLocalStorage(); // the titles of the suites around, or that a test runs

  const idOf = (titles) => file + '::' + titles.join(' › ');
  const tags = (name) => [...new Set([...name.matchAll(/(?:^|\s)@([\w.:/-]+)/g)].map((m) => m[1]))];

  // site is where a test is declared: the innermost call within the test file, which may have had
  // another file declare it.
  function site() {
    const { prepareStackTrace, stackTraceLimit } = Error;
    Error.prepareStackTrace = (_, calls) => calls;
    Error.stackTraceLimit = 50;
    const calls = new Error().stack;
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
    for (const call of Array.isArray(calls) ? calls : []) {
      const name = call.getFileName();
      try {
        const at = name?.startsWith('file:') ? fileURLToPath(name) : name;
        if (at && path.isAbsolute(at) && fs.realpathSync(at) === entry) return { name, line: call.getLineNumber(), column: call.getColumnNumber() };
      } catch { /* no file */ }
    }
    return { name: entry, line: 1, column: 1 };
  }

  // original is the line as it was written, where a compiler left a map.
  function original({ name, line, column }) {
    const found = process.sourceMapsEnabled ? Module.findSourceMap?.(name)?.findEntry?.(line - 1, column - 1) : undefined;
    return found?.originalLine === undefined ? line : found.originalLine + 1;
  }

  // through calls the real function from where the test is declared: node:test says of a test where
  // its caller is.
  const callers = new Map();
  function through(f, at, args) {
    const key = `${at.name}:${at.line}:${at.column}`;
    if (!callers.has(key)) {
      const code = '(f, a) =>\n' + ' '.repeat(at.column - 1) + 'f(...a)';
      callers.set(key, new vm.Script(code, { filename: at.name, lineOffset: at.line - 2 }).runInThisContext());
    }
    return callers.get(key)(f, args);
  }

  // wrap is a function of the user within a scope. node:test looks at the number of its parameters.
  function wrap(fn, scope, before) {
    if (typeof fn !== 'function') return fn;
    const wrapped = function (...args) {
      before?.();
      return around.run(scope, () => fn.apply(this, args));
    };
    Object.defineProperty(wrapped, 'length', { value: fn.length });
    return Object.defineProperty(wrapped, 'name', { value: fn.name });
  }

  // With --test-only, as NODE_OPTIONS may have it, a forgotten only would skip all other tests.
  const onlyOnly = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)].includes('--test-only');

  // given sorts the arguments as node:test does.
  function given(name, options, fn) {
    if (typeof name === 'function') fn = name;
    else if (name !== null && typeof name === 'object') [fn, options] = [options, name];
    else if (typeof options === 'function') fn = options;
    if (options === null || typeof options !== 'object') options = {};
    if (onlyOnly) options = { ...options, only: true };
    if (typeof name !== 'string' || name === '') name = fn?.name || '<anonymous>';
    return { name, options, fn };
  }

  // A listing ends when the file is loaded: what it opened would be closed by hooks, which do not run.
  let open = 0;
  let loads;
  const settled = () => { if (loads === 'done' && open === 0) setImmediate(() => { if (open === 0) process.exit(); }); };
  function endWhenLoaded() {
    loads ??= setImmediate(() => import(pathToFileURL(entry)).then(() => { loads = 'done'; settled(); }, () => {}));
  }

  // A listing ends when the file is loaded. What is declared later is in no listing, and must not be
  // passed over as a test that was not selected.
  let watched = false;
  let over = false;
  function watchEnd() {
    if (watched) return;
    watched = true;
    const isModule = !Module._cache[entry]; // any other is loaded in one go, and to import it could load it again
    setImmediate(async () => {
      if (isModule) await import(pathToFileURL(entry)).catch(() => {});
      setImmediate(() => setImmediate(() => { over = true; }));
    });
  }
  // A timer may go off while a slow machine still loads the file: what it declares is late, however soon that was.
  const inTimer = () => executionAsyncResource()?.constructor?.name === 'Timeout';
  const isLate = () => (over || inTimer()) && open === 0;
  const late = (titles) =>
    write('error', { message: `${idOf(titles)} is declared after its file was loaded, so it is not listed and does not run; declare it before, behind a top-level await` });
  const passOver = (titles) => {
    if (isLate()) late(titles);
    return Promise.resolve();
  };

  const listed = (titles, kind) => {
    endWhenLoaded();
    if (isLate()) return late(titles);
    const name = titles.join(' › ');
    write('listed', { id: idOf(titles), name, file, class: kind, line: original(site()), tags: tags(name), keep: file });
  };

  const declareTest = (f, ...args) => {
    const { running, titles = [] } = around.getStore() ?? {};
    if (running) return f(...args); // a part of the test that runs
    const { name, options, fn } = given(...args);
    const own = [...titles, name];
    if (!selection) return Promise.resolve(listed(own));
    const id = idOf(own);
    watchEnd();
    if (!selection.has(id)) return passOver(own);
    // For node:test it passes, though there is nothing to run.
    if (typeof fn !== 'function' && options.todo === undefined) return through(f, site(), [name, { ...options, todo: 'it has no function' }]);
    return through(f, site(), [name, options, wrap(fn, { running: true }, () => write('started', { id }))]);
  };

  // A suite that is skipped is one test: node:test does not look into it.
  const declareSuite = (f, skips, ...args) => {
    const { running, titles = [] } = around.getStore() ?? {};
    if (running) return f(...args);
    const { name, options, fn } = given(...args);
    const own = [...titles, name];
    const skipped = skips || options.skip !== undefined && options.skip !== false;
    if (!selection) {
      if (skipped) return Promise.resolve(listed(own, 'suite'));
      const failed = (error) => write('error', { message: `${idOf(own)}: ${error?.message ?? error}`, details: String(error?.stack ?? '') });
      open++;
      const context = { name, fullName: own.join(' > '), signal: new AbortController().signal };
      return new Promise((resolve) => resolve(around.run({ titles: own }, () => fn?.call(context, context)))).catch(failed).then(() => {
        open--;
        settled();
      });
    }
    const needed = skipped ? selection.has(idOf(own)) : [...selection].some((id) => id.startsWith(idOf(own) + ' › '));
    watchEnd();
    if (!needed) return passOver(own);
    if (skipped || typeof fn !== 'function') return through(f, site(), [name, options, fn]);
    open++;
    const body = wrap(fn, { titles: own });
    const counted = function (...args) {
      const close = () => { open--; };
      const result = body.apply(this, args);
      Promise.resolve(result).then(close, close);
      return result;
    };
    Object.defineProperties(counted, { length: { value: fn.length }, name: { value: fn.name } });
    return through(f, site(), [name, options, counted]);
  };

  // standIn is a function of node:test with its variants.
  function standIn(f, declare) {
    const made = Object.assign((...args) => declare(f, false, ...args), {});
    for (const variant of ['skip', 'todo', 'only', 'expectFailure'])
      if (f?.[variant]) made[variant] = (...args) => declare(f[variant], variant === 'skip', ...args);
    return made;
  }

  const asTest = (f) => standIn(f, (g, _, ...args) => declareTest(g, ...args));
  // A hook is run: a test that it declares is in no listing, and is told as one that nobody planned.
  const hook = (f) => (fn, ...rest) => {
    if (around.getStore()?.running) return f(fn, ...rest);
    return selection ? through(f, site(), [wrap(fn, { running: true }), ...rest]) : undefined;
  };
  const stand = asTest(real.test ?? real);
  for (const name of Object.keys(Object.getOwnPropertyDescriptors(real))) {
    if (['length', 'name', 'prototype', 'arguments', 'caller'].includes(name)) continue;
    const get = () => real[name]; // some are made when they are first read
    if (['describe', 'suite'].includes(name)) stand[name] = standIn(real[name], declareSuite);
    else if (['test', 'it'].includes(name)) stand[name] = asTest(real[name]);
    else if (['before', 'after', 'beforeEach', 'afterEach'].includes(name)) stand[name] = hook(real[name]);
    else if (!(name in stand)) Object.defineProperty(stand, name, { get, enumerable: true, configurable: true });
  }
  stand.test = stand;

  globalThis[Symbol.for('e2e-gate.node-test')] = stand;
  const load = Module._load;
  Module._load = function (request, ...rest) { return request === 'node:test' ? stand : load.call(this, request, ...rest); };
  const builtin = process.getBuiltinModule;
  if (builtin) process.getBuiltinModule = (id) => id === 'node:test' ? stand : builtin.call(process, id);
  if (Module.registerHooks) {
    const url = pathToFileURL(path.join(__dirname, 'e2e-gate-nodetest-stand-in.mjs')).href;
    Module.registerHooks({
      resolve: (specifier, context, next) => specifier === 'node:test' ? { url, format: 'module', shortCircuit: true } : next(specifier, context),
    });
  } else {
    Module.register(pathToFileURL(path.join(__dirname, 'e2e-gate-nodetest-hooks.mjs')));
  }
}
