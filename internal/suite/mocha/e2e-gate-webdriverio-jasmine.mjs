// Jasmine in WebdriverIO. The spec files are loaded to list their specs, and none is run. The filter of Jasmine chooses the selected
// ones, and a reporter of ours beside WebdriverIO's tells what becomes of them.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import shared from './e2e-gate-shared.cjs';
import { filesOf, loads, telling, without, wrapFramework } from './e2e-gate-webdriverio-framework.mjs';

const { again, clip, enter, finished, here, isAssertion, leave, place, plain, relative, selection, started, tags, unseen, webdriverio, write } = shared;

const toPath = (spec) => spec.startsWith('file:') ? fileURLToPath(spec) : spec;

// The specs by Jasmine's id, which it counts up.
const known = new Map();
const lines = new Map();

// note takes the specs that a file has added.
function note(file, suite, titles = []) {
  for (const child of suite.children) {
    const names = [...titles, child.description];
    if (Array.isArray(child.children)) note(file, child, names);
    else if (!known.has(child.id)) {
      const name = names.join(' › ');
      known.set(child.id, { id: `${webdriverio.label}${file}::${name}`, name, file, line: lines.get(child.id) ?? 0, spec: child });
    }
  }
}

// settings are those of the config and the command line, without what would leave out selected specs.
const settings = (config) => ({ ...config, jasmineOpts: { ...config.jasmineOpts, stopOnSpecFailure: false, failFast: false } });

// told counts, for each suite, the failures that were written while its file was loaded.
const told = new Map();

// loadOneByOne has Jasmine load each spec file by itself, once: one that cannot be loaded does not take the others away, and
// WebdriverIO would only log it. Some of its versions load them when they make their adapter, and others later.
function loadOneByOne(Jasmine) {
  const loaded = new Set();
  let loading = '';
  for (const [name, what] of [['loadRequires', 'a module of jasmineOpts.requires'], ['loadHelpers', 'a helper of jasmineOpts.helpers']]) {
    const load = Jasmine.prototype[name];
    Jasmine.prototype[name] = async function (...args) {
      try {
        return await load.apply(this, args);
      } catch (error) {
        write('error', { message: `${what} cannot be loaded: ${plain(error?.message ?? error)}`, details: String(error?.stack ?? '') });
        throw error;
      }
    };
  }
  Jasmine.prototype.loadSpecs = async function () {
    if (!loaded.size) {
      // A forgotten fit takes no other spec away.
      Object.assign(globalThis, { fit: globalThis.it, fdescribe: globalThis.describe });
      const { Suite } = this.jasmine;
      const addChild = Suite.prototype.addChild;
      Suite.prototype.addChild = function (child) {
        const stack = here((file) => /[\\/]node_modules[\\/]/.test(file));
        lines.set(child.id, (stack.find(({ file }) => relative(file) === loading) ?? stack[0])?.line ?? 0);
        return addChild.apply(this, arguments);
      };
      // A describe that throws declares no more specs. Jasmine tells it only where a spec of that suite runs.
      const { handleException } = Suite.prototype;
      Suite.prototype.handleException = function (error) {
        if (loading) {
          told.set(this.id, (told.get(this.id) ?? 0) + 1);
          const message = `${loading} cannot be loaded: describe ${this.description}: ${plain(error?.message ?? error)}`;
          write('error', { message, details: String(error?.stack ?? '') });
        }
        return handleException.apply(this, arguments);
      };
    }
    for (const file of this.specFiles) {
      if (loaded.has(file)) continue;
      loaded.add(file);
      loads(loading = relative(file));
      try {
        await this.loader.load(file);
      } catch (error) {
        write('error', { message: `${loading} cannot be loaded: ${plain(error?.message ?? error)}`, details: String(error?.stack ?? '') });
      }
      note(loading, this.env.topSuite());
      loads(loading = '');
    }
  };
  return loaded;
}

export const wrap = (base) => wrapFramework('jasmine-framework', base, (init, require) => async (cid, config, specs, ...rest) => {
  const sets = filesOf(specs, toPath);
  const group = sets.length === 1 && sets[0].length > 1 ? webdriverio.label + sets[0].map(relative).join(' + ') : '';
  const loaded = loadOneByOne(require('jasmine'));
  const adapter = await init(cid, settings(config), sets.flat(), ...rest);
  const { env } = adapter._jrunner;
  const theirs = config.jasmineOpts?.specFilter ?? adapter.customSpecFilter.bind(adapter);
  env.configure({ specFilter: (spec) => theirs(spec) && selection.has(known.get(spec.id)?.id) });
  if (selection) follow(env);
  adapter.run = telling(adapter.run.bind(adapter));

  // WebdriverIO asks for this when all is loaded, and more than once.
  let has;
  adapter.hasTests = () => {
    if (has !== undefined) return has;
    if (!loaded.size) write('error', { message: 'the spec files were not loaded, since a module or helper of jasmineOpts was not' });
    if (!selection) for (const { spec, ...test } of known.values()) {
      if (theirs(spec)) write('listed', { ...test, worker: cid, tags: tags(test.name), keep: webdriverio.label + test.file, group });
    }
    has = Boolean(selection) && [...known.values()].some(({ id }) => selection.has(id));
    return has || (has = without().hasTests());
  };
  return adapter;
});

const show = (value) => clip(typeof value === 'string' ? value : JSON.stringify(value) ?? String(value), 8000);

function failure(failed) {
  const [first] = failed;
  const messages = [...new Set(failed.map(({ message }) => plain(message)))].join('\n'); // WebdriverIO and Jasmine may each tell one error
  const compared = first?.matcherName && ['expected', 'actual'].every((name) => ['string', 'number', 'boolean'].includes(typeof first[name]));
  const type = first?.matcherName ? '' : /^(\w*Error)\b/.exec(messages)?.[1] ?? '';
  return {
    outcome: 'failed', message: clip(messages || 'failed without a message', 8000), type, error: !first?.matcherName && !isAssertion(type, messages),
    details: clip(failed.map(({ message, stack }) => `${plain(message)}\n${plain(stack)}`).join('\n'), 24000),
    properties: compared ? [{ name: 'e2e.expected', value: show(first.expected) }, { name: 'e2e.actual', value: show(first.actual) }] : [],
    ...place(failed.map(({ stack }) => stack).join('\n')),
  };
}

// outside writes failures of no spec. Jasmine does not say which hook failed; what came late names its spec itself.
const outside = (failed, suite) => failed.forEach((one) => {
  const where = /^(?:late|load)/.test(one.globalErrorType) ? '' : `${suite ? suite + ': ' : ''}in a hook before or after all: `;
  write('error', { message: where + plain(one.message), details: plain(one.stack) });
});

// follow writes what happens to the specs.
function follow(env) {
  const around = [[]]; // for each suite that runs: the specs in it that a hook before all kept from running
  let start = 0;

  const finish = (spec, seen, more) => {
    const { spec: _, ...test } = known.get(spec.id);
    finished({
      ...test, key: spec.id, retry: again(), worker: process.env.WDIO_WORKER_ID, start, seconds: (spec.duration ?? 0) / 1000, ...seen, ...more,
    });
  };

  // Jasmine tells the failure of a hook before all tests at the end of the suite, after the specs that it failed.
  const ends = ({ id, failedExpectations }, suite) => {
    const failed = failedExpectations.slice(told.get(id) ?? 0);
    const kept = around.pop();
    if (!failed.length) around.at(-1)?.push(...kept);
    else if (!kept.length) outside(failed, suite);
    else {
      const seen = failure(failed);
      for (const spec of kept) finish(spec, { ...seen, message: `in a hook before all: ${seen.message}` }, { amends: true, seconds: 0 });
    }
  };

  env.addReporter({
    specStarted({ id }) {
      start = Date.now();
      if (!selection.has(known.get(id)?.id)) return;
      started({ id: known.get(id).id, key: id, retry: again() });
      unseen();
      enter(known.get(id).id);
    },
    specDone(spec) {
      if (spec.status === 'excluded') return;
      const failed = spec.failedExpectations;
      if (failed.some(({ message }) => message.startsWith('Not run because a beforeAll function failed'))) around.at(-1).push(spec);
      const seen = { passed: { outcome: 'passed' }, pending: { outcome: 'skipped', message: spec.pendingReason } };
      finish(spec, seen[spec.status] ?? failure(failed), { unseen: unseen() });
      leave();
    },
    suiteStarted() { around.push([]); },
    suiteDone(suite) { ends(suite, suite.fullName); },
    jasmineDone(all) { ends(all, ''); },
  });
}
