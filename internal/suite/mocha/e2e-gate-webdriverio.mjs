// The config that e2e-gate hands to WebdriverIO. It is the suite's own, with the spec files of the selected tests. A module for
// each framework (Mocha, Cucumber, Jasmine) lists, chooses and reports the tests in each worker: that for Mocha stands beside its
// own modules, the others go around the framework's adapter. To list, one worker has all spec files, and no service, hook, driver
// or session is started.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const own = path.resolve(process.env.E2E_GATE_DIR, process.env.E2E_GATE_CONFIG);
const base = fs.realpathSync(process.env.E2E_GATE_DIR);
const worker = process.env.WDIO_WORKER_ID; // such as 0-3: the capability's number comes first
const selection = process.env.E2E_GATE_SELECTION ? JSON.parse(fs.readFileSync(process.env.E2E_GATE_SELECTION, 'utf8')) : null;
const rerun = process.env.E2E_ATTEMPT === '2';

const write = (event, fields) =>
  fs.appendFileSync(process.env.E2E_GATE_EVENTS, JSON.stringify({ event, ...fields }) + '\n');

function unusable(message) {
  if (!worker) write('unusable', { message });
  throw new Error(message);
}

const NEEDED = 9; // the first to read wdio:specs of a capability

if (!worker) {
  const { version } = createRequire(fs.realpathSync(process.argv[1]))('../package.json');
  if (!(parseInt(version, 10) >= NEEDED))
    unusable(`WebdriverIO ${version} is too old; ${NEEDED}.0 or later is needed: npm install --save-dev @wdio/cli@latest`);
}

async function load() {
  if (!worker && /\.[cm]?tsx?$/.test(own)) // WebdriverIO loads it for a config in TypeScript, and ours is none
    await import(pathToFileURL(createRequire(fs.realpathSync(process.argv[1])).resolve('tsx')));
  try {
    const loaded = await import(pathToFileURL(own));
    return loaded.config ?? loaded.default?.config ?? unusable(`${path.basename(own)} exports no config`);
  } catch (error) {
    if (!worker) write('error', { message: `${path.basename(own)} cannot be loaded: ${error?.message ?? error}`, details: String(error?.stack ?? '') });
    throw error;
  }
}

const theirs = await load();
const framework = theirs.framework ?? 'mocha';
if (!['mocha', 'cucumber', 'jasmine'].includes(framework))
  unusable(`${path.basename(own)} has the framework ${framework}; the gate runs the tests of mocha, cucumber and jasmine`);
if (![undefined, 'local'].includes([theirs.runner].flat()[0]))
  unusable(`${path.basename(own)} has the runner ${[theirs.runner].flat()[0]}; the gate runs the local one only`);

// nameOf a capability holds no path: that of an app differs between machines.
function nameOf(one) {
  const { browserName, 'appium:app': app, 'appium:deviceName': device, platformName } = one.alwaysMatch ?? one;
  return browserName || (app && path.basename(app)) || device || platformName || Object.keys(one).join(' and ');
}

// The names of the capabilities, if there are several: a spec file runs with each of them.
const several = Array.isArray(theirs.capabilities) && theirs.capabilities.length > 1 ? theirs.capabilities : [];
const names = several.map(nameOf);
const labels = names.map((name, n) => `[${name}${names.indexOf(name) === names.lastIndexOf(name) ? '' : ' ' + (n + 1)}] `);
const labelOf = (n) => labels[n] ?? '';

const module = fileURLToPath(new URL('./e2e-gate-mocha.cjs', import.meta.url));

// What our modules ask for: how the capability of a worker is named, how often its spec file was tried before, and how often
// WebdriverIO has repeated a part of the test that runs. That is no matter of its framework, so only a hook is told.
const told = globalThis[Symbol.for('e2e-gate webdriverio')] = { label: labelOf(worker ? parseInt(worker, 10) : 0), tries: 0, repeated: 0, rerun };
const count = (...args) => { told.repeated += args.map((one) => one?.retries?.attempts).find(Number.isInteger) ?? 0; };

// Mocha takes our module by a setting. Into the adapters of the others it is put here, before WebdriverIO asks for one.
if (worker && framework !== 'mocha') {
  const { wrap } = await import(`./e2e-gate-webdriverio-${framework}.mjs`);
  await wrap(base);
}

// all are specs with those that are no list in one list, which our module heads: so one worker loads them. Those that
// are a list share a session, so they stay together.
const all = (specs) => {
  const plain = (specs ?? []).filter((one) => !Array.isArray(one));
  return [...plain.length ? [[pathToFileURL(module).href, ...plain]] : [], ...(specs ?? []).filter(Array.isArray)];
};

// chosen are the spec files of a capability that hold selected tests; those that share a session are a list, in their order.
function chosen(label) {
  const ofLabel = (list) => list.filter((name) => name.startsWith(label)).map((name) => name.slice(label.length));
  const groups = ofLabel(JSON.parse(process.env.E2E_GATE_GROUPS || '[]')).map((group) => group.split(' + '));
  const wanted = [...new Set(ofLabel(selection).map((name) => name.slice(0, name.indexOf('::'))))];
  const absolute = (file) => pathToFileURL(path.resolve(base, file)).href;
  const together = groups.map((group) => group.filter((file) => wanted.includes(file))).filter((group) => group.length);
  return [...wanted.filter((file) => !together.flat().includes(file)).map(absolute), ...together.map((group) => group.map(absolute))];
}

// isMultiremote reports whether one capability is several browsers, which a test drives at once.
const isMultiremote = (one) => Boolean(Object.values(one)[0]?.capabilities);

// changed is a capability in which change replaces settings, where WebdriverIO reads them.
function changed(one, change) {
  const put = (capability) => ({ ...capability, ...change(capability) });
  if (isMultiremote(one)) return one;
  return one.alwaysMatch ? { ...one, alwaysMatch: put(one.alwaysMatch) } : put(one);
}

function listing() {
  const lists = (one) => changed(one, (capability) => capability['wdio:specs'] ? { 'wdio:specs': all(capability['wdio:specs']) } : {});
  const isHook = (name) => /^(?:before|after|on[A-Z])/.test(name);
  const quiet = Object.fromEntries(Object.entries(theirs).filter(([name]) => !isHook(name)));
  return {
    ...quiet, specs: all(theirs.specs), suites: Object.fromEntries(Object.entries(theirs.suites ?? {}).map(([name, specs]) => [name, all(specs)])),
    capabilities: Array.isArray(theirs.capabilities) ? theirs.capabilities.map(lists) : theirs.capabilities,
    services: [], reporters: [], hostname: '127.0.0.1', port: 1, // a remote driver is not set up
  };
}

// Told is a reporter: only reporters hear why there is no session, and which try of a spec file this is.
class Told {
  isSynchronised = true;
  left = 0; // how often the spec file may be tried again

  emit(event, what) {
    if (event === 'runner:start') {
      const settings = [what.config, ...Object.values(what.instanceOptions ?? {})]; // several browsers have no settings in common
      this.left = settings.map((one) => one?.specFileRetries).find(Number.isInteger) ?? 0;
      told.tries = what.retry > this.left ? 0 : what.retry; // WebdriverIO calls the first try one more than there are
      this.left -= told.tries;
    }
    if (event === 'runner:end' && what.error) {
      if (this.left > 0) write('end', {}); // its tests have not begun, and another worker gets them
      else write('error', { message: `no session for ${what.cid}: ${what.error}` });
    }
    if (event === 'error') write('error', { message: String(what?.message ?? what), details: String(what?.stack ?? '') });
  }
}

// specFiles are the spec files of the capabilities. WebdriverIO does not read those of one that is several browsers at once: each
// such one gets the files of all, and a worker in which nothing is selected opens no session.
function specFiles() {
  const { capabilities } = theirs;
  if (!Array.isArray(capabilities)) return { specs: chosen('') };
  if (capabilities.some(isMultiremote)) {
    const lists = capabilities.flatMap((_, n) => chosen(labelOf(n))).map((list) => JSON.stringify(list));
    return { specs: [...new Set(lists)].map((list) => JSON.parse(list)) };
  }
  return { capabilities: capabilities.map((one, n) => changed(one, () => ({ 'wdio:specs': chosen(labelOf(n)), 'wdio:exclude': [] }))) };
}

function running() {
  return {
    ...theirs, specs: [], suites: {}, exclude: [], services: theirs.services ?? [], reporters: [...theirs.reporters ?? ['spec'], Told],
    ...specFiles(), ...rerun ? { specFileRetries: 0, maxInstances: 1 } : {},
  };
}

const mochaOpts = theirs.mochaOpts ?? {};
const hooks = (name) => [theirs[name] ?? []].flat();

// WebdriverIO looks for this beside its config, and ours is elsewhere. What a setting or the command line names goes first.
const beside = path.join(path.dirname(own), 'tsconfig.json');
if (!worker && !theirs.tsConfigPath && fs.existsSync(beside)) process.env.TSX_TSCONFIG_PATH ??= beside;

export const config = {
  ...selection ? running() : listing(),
  rootDir: theirs.rootDir ?? path.dirname(own),
  bail: 0, shard: { current: 1, total: 1 }, watch: false,
  ...selection ? { afterTest: [...hooks('afterTest'), count] } : {},
  ...selection && framework === 'cucumber' ? { afterHook: [...hooks('afterHook'), count] } : {}, // of a step, too
  mochaOpts: { ...mochaOpts, bail: false, dryRun: false, parallel: false, require: [module, ...[mochaOpts.require ?? []].flat()] },
  onComplete: async (status, ...args) => {
    try {
      if (selection) await Promise.all(hooks('onComplete').map((hook) => hook(status, ...args)));
    } finally {
      if (selection || status === 0) write('end', { statuses: [1] });
    }
  },
};

// Before WebdriverIO 9.10, a config may give its workers a NODE_OPTIONS of its own.
if (process.env.E2E_GATE_WATCH && !process.env.NODE_OPTIONS?.includes('e2e-gate-watch')) write('asked', { message: 'what no one watches' });

if (!worker) write('begin', {});
