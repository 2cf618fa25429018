// Jasmine in WebdriverIO. The spec files are loaded to list their specs, and none is run. The filter of Jasmine chooses the selected
// ones, and a reporter of ours beside WebdriverIO's tells what becomes of them.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import shared from './e2e-gate-shared.cjs';
import { filesOf, telling, without, wrapFramework } from './e2e-gate-webdriverio-framework.mjs';

const { again, clip, enter, finished, here, isAssertion, leave, place, plain, relative, selection, tags, unseen, webdriverio, write } = shared;

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

export const wrap = (base) => wrapFramework('jasmine-framework', base, (init) => async (cid, config, specs, ...rest) => {
  const sets = filesOf(specs, toPath);
  const group = sets.length === 1 && sets[0].length > 1 ? webdriverio.label + sets[0].map(relative).join(' + ') : '';
  const adapter = await init(cid, settings(config), sets.flat(), ...rest);
  const { jasmine, env } = adapter._jrunner;

  const theirs = config.jasmineOpts?.specFilter ?? adapter.customSpecFilter.bind(adapter);
  env.configure({ specFilter: (spec) => theirs(spec) && selection.has(known.get(spec.id)?.id) });
  // A forgotten fit takes no other spec away.
  Object.assign(globalThis, { fit: globalThis.it, fdescribe: globalThis.describe });

  const addChild = jasmine.Suite.prototype.addChild;
  jasmine.Suite.prototype.addChild = function (child) {
    const stack = here((file) => /[\\/]node_modules[\\/]/.test(file));
    lines.set(child.id, (stack.find(({ file }) => relative(file) === loading) ?? stack[0])?.line ?? 0);
    return addChild.apply(this, arguments);
  };

  // A file that cannot be loaded does not take the others away: WebdriverIO would only log that. Jasmine loads them once more.
  let loading;
  const loads = new Set();
  adapter._jrunner.loadSpecs = async () => {
    for (const file of new Set(adapter._jrunner.specFiles)) {
      if (loads.has(file)) continue;
      loads.add(file);
      loading = relative(file);
      try {
        await adapter._jrunner.loader.load(file);
      } catch (error) {
        write('error', { message: `${loading} cannot be loaded: ${plain(error?.message ?? error)}`, details: String(error?.stack ?? '') });
      }
      note(loading, env.topSuite());
    }
  };

  const load = adapter.setupExpect.bind(adapter);
  adapter.setupExpect = async (...args) => {
    await load(...args);
    if (!loads.size) write('error', { message: 'the spec files were not loaded, since a module or helper of jasmineOpts was not' });
    if (!selection) for (const { spec, ...test } of known.values()) {
      if (theirs(spec)) write('listed', { ...test, tags: tags(test.name), keep: webdriverio.label + test.file, group });
    }
  };
  if (selection) follow(env);
  adapter.run = telling(adapter.run.bind(adapter));
  const runs = () => selection && [...known.values()].some(({ id }) => selection.has(id));
  adapter.hasTests = () => runs() || without().hasTests();
  return adapter;
});

const show = (value) => clip(typeof value === 'string' ? value : JSON.stringify(value) ?? String(value), 8000);

function failure(failed) {
  const [first] = failed;
  const messages = failed.map(({ message }) => plain(message)).join('\n');
  const compared = first?.matcherName && ['expected', 'actual'].every((name) => ['string', 'number', 'boolean'].includes(typeof first[name]));
  const type = first?.matcherName ? '' : /^(\w*Error)\b/.exec(messages)?.[1] ?? '';
  return {
    outcome: 'failed', message: clip(messages || 'failed without a message', 8000), type, error: !first?.matcherName && !isAssertion(type, messages),
    details: clip(failed.map(({ message, stack }) => `${plain(message)}\n${plain(stack)}`).join('\n'), 24000),
    properties: compared ? [{ name: 'e2e.expected', value: show(first.expected) }, { name: 'e2e.actual', value: show(first.actual) }] : [],
    ...place(failed.map(({ stack }) => stack).join('\n')),
  };
}

const outside = (failed, where) => failed.forEach((one) => write('error', { message: `${where}: ${plain(one.message)}`, details: plain(one.stack) }));

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
  const ends = ({ failedExpectations: failed }, where) => {
    const kept = around.pop();
    if (!failed.length) around.at(-1)?.push(...kept);
    else if (!kept.length) outside(failed, where);
    else {
      const seen = failure(failed);
      for (const spec of kept) finish(spec, { ...seen, message: `in a hook before all: ${seen.message}` }, { amends: true, seconds: 0 });
    }
  };

  env.addReporter({
    specStarted({ id }) {
      start = Date.now();
      if (!selection.has(known.get(id)?.id)) return;
      write('started', { id: known.get(id).id });
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
    suiteDone(suite) { ends(suite, `${suite.fullName}: in a hook after all`); },
    jasmineDone(all) { ends(all, 'in a hook after all'); },
  });
}
