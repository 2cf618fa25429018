// Cucumber in WebdriverIO. Tests are scenarios and rows of examples. Cucumber's own parser and filters say which there are; no step
// and no hook is loaded to list them. Those that are selected run by their lines, and a formatter of ours beside WebdriverIO's tells
// what becomes of them.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import shared from './e2e-gate-shared.cjs';
import { filesOf, telling, without, wrapFramework } from './e2e-gate-webdriverio-framework.mjs';

const { again, clip, enter, finished, isAssertion, leave, place, plain, relative, selection, started, unseen, webdriverio, write } = shared;

const toPath = (spec) => fs.realpathSync(spec.startsWith('file:') ? fileURLToPath(spec) : spec);

// What Cucumber would read as a pattern, and so not find.
const globbed = /[*?[{]|[+@!]\(/;

// Names says what the scenarios of a feature are called, in the same way when they are listed and when they ran.
class Names {
  rules = new Map();
  rows = new Map();
  lines = new Map();

  constructor(document) {
    for (const child of document.feature?.children ?? []) {
      this.scenario(child.scenario, '');
      for (const inner of child.rule?.children ?? []) this.scenario(inner.scenario, child.rule.name);
    }
  }

  scenario(scenario, rule) {
    if (!scenario) return;
    this.rules.set(scenario.id, rule);
    this.lines.set(scenario.id, scenario.location.line);
    for (const row of (scenario.examples ?? []).flatMap((examples) => examples.tableBody ?? [])) {
      this.rows.set(row.id, ` [${row.cells.map((cell) => cell.value).join(' | ')}]`);
      this.lines.set(row.id, row.location.line);
    }
  }

  // of describes a scenario: rule, name and the values of its row, since an index would change with each row above.
  of(file, pickle) {
    let { name } = pickle;
    let line = 0;
    for (const id of pickle.astNodeIds) {
      if (this.rules.get(id)) name = `${this.rules.get(id)} › ${name}`;
      name += this.rows.get(id) ?? '';
      line = this.lines.get(id) ?? line; // the last one: the row
    }
    return { id: `${webdriverio.label}${file}::${name}`, name, file, line };
  }
}

export const wrap = (base) => wrapFramework('cucumber-framework', base, (init, require) => {
  const Gherkin = require('@cucumber/gherkin');
  const { IdGenerator } = require('@cucumber/messages');

  // scenarios are those of a feature file, with their tags.
  function scenarios(file, language) {
    const newId = IdGenerator.incrementing();
    const parser = new Gherkin.Parser(new Gherkin.AstBuilder(newId), new Gherkin.GherkinClassicTokenMatcher(language));
    const document = parser.parse(fs.readFileSync(file, 'utf8'));
    const names = new Names(document);
    return Gherkin.compile(document, file, newId)
      .map((pickle) => ({ ...names.of(relative(file), pickle), tags: pickle.tags.map((tag) => tag.name.replace(/^@/, '')) }));
  }

  // settings are those of the config and the command line, without what would leave out selected tests.
  const settings = (config) => ({
    ...config, cucumberOpts: { ...config.cucumberOpts, dryRun: false, failFast: false, ...webdriverio.rerun ? { retry: 0 } : {} },
  });

  // planned are the files and lines that Cucumber would run: it joins the filters of WebdriverIO with those of its own profiles.
  async function planned({ _cucumberOpts: options, _specs: paths }) {
    if (!paths.length) return [];
    const { loadConfiguration, loadSources } = require('@cucumber/cucumber/api');
    const { profiles, file } = options;
    const own = await loadConfiguration({ profiles, file, provided: {} });
    if (own.useConfiguration.paths.length) write('unusable', { message: 'the configuration of Cucumber sets paths, which Cucumber adds to the tests '
      + 'of every shard; remove them there and name the feature files in specs of the config of WebdriverIO' });
    const { runConfiguration } = await loadConfiguration({ profiles, file, provided: { ...options, paths } });
    const { plan, errors } = await loadSources(runConfiguration.sources);
    for (const { uri, message } of errors) write('error', { message: `${uri} cannot be read: ${message}` });
    return plan.map(({ uri, location }) => `${path.resolve(uri)}:${location.line}`);
  }

  async function list(files, args) {
    const [cid, config, , ...rest] = args;
    const group = files.length > 1 ? webdriverio.label + files.map(relative).join(' + ') : '';
    try {
      for (const file of files) {
        if (globbed.test(file)) throw new Error('Cucumber reads its name as a pattern, and cannot run it alone; rename it, without * ? [ {');
      }
      const adapter = await init(cid, settings(config), files, ...rest);
      const runs = new Set(await planned(adapter));
      for (const file of files) {
        for (const test of scenarios(file, adapter._cucumberOpts.language)) {
          if (runs.has(`${file}:${test.line}`)) write('listed', { ...test, worker: cid, keep: webdriverio.label + test.file, group });
        }
      }
    } catch (error) {
      write('error', { message: `${files.map(relative).join(', ')} cannot be read: ${plain(error?.message ?? error)}`, details: String(error?.stack ?? '') });
    }
  }

  return async (...args) => {
    const [cid, config, specs, ...rest] = args;
    const sets = filesOf(specs, toPath);
    if (!selection) {
      for (const files of sets) await list(files, args);
      return without();
    }
    const files = sets.flat();
    const adapter = await init(cid, settings(config), files, ...rest);
    const options = adapter._cucumberOpts;
    options.paths = files.flatMap((file) => scenarios(file, options.language).filter(({ id }) => selection.has(id)).map(({ line }) => `${file}:${line}`));
    const out = new URL(`./cucumber-${process.env.WDIO_WORKER_ID}.txt`, import.meta.url); // without a file, it takes another formatter's place
    options.format = [...options.format, [import.meta.url, fileURLToPath(out)]];
    allowed = { pending: !options.strict, undefined: options.ignoreUndefinedDefinitions };
    adapter.run = telling(adapter.run.bind(adapter));
    return options.paths.length ? adapter : without(); // without a path, Cucumber runs all
  };
});

// allowed are the statuses of steps that the config lets pass.
let allowed = {};

// badness orders the statuses of steps; an unknown one is worst.
const statuses = ['PASSED', 'SKIPPED', 'PENDING', 'UNDEFINED', 'AMBIGUOUS', 'FAILED'];
const badness = ({ status }) => (statuses.indexOf(status) + statuses.length + 1) % (statuses.length + 1);

// outcomeOf makes the result of a scenario from its steps and hooks; WebdriverIO's own hooks are always there.
function outcomeOf(steps, logged) {
  const worst = steps.reduce((a, b) => badness(b) > badness(a) ? b : a, { status: 'PASSED' });
  if (worst.status === 'PASSED') return steps.some(({ text }) => text) ? { outcome: 'passed' } : { outcome: 'skipped', message: 'it has no steps' };
  if (worst.status === 'SKIPPED') return { outcome: 'skipped', message: plain(worst.message) };
  const status = String(worst.status).toLowerCase();
  if (allowed[status]) return { outcome: 'skipped', message: `a step is ${status}, which the config allows: ${worst.text ?? 'a hook'}` };
  const { type = '', message = '', stackTrace = '' } = worst.exception ?? {};
  const printed = plain(worst.message).split(/\n\s+at |\n\s+\+ expected - actual/)[0];
  const text = plain(message) || (status === 'failed' ? printed : `a step is ${status}: ${worst.text ?? 'a hook'}`);
  const details = [plain(worst.message), plain(stackTrace), logged && `--- output ---\n${logged}`].filter(Boolean).join('\n');
  return {
    outcome: 'failed', message: clip(text.trim() || 'failed without a message', 8000), details: clip(details, 24000), type,
    error: type !== '' && !isAssertion(type, text), ...place(worst.message),
  };
}

const MOST = 200; // attachments of a worker

// The formatter: Cucumber makes one in each worker.
export default class {
  #documents = new Map();
  #pickles = new Map();
  #cases = new Map(); // by the id of a test case: what it is called, and its key
  #counted = new Map();
  #running = new Map(); // by the id of an attempt
  #kept = 0;

  constructor({ eventBroadcaster }) {
    eventBroadcaster.on('envelope', (envelope) => {
      for (const [kind, what] of Object.entries(envelope)) this[kind]?.(what);
    });
  }

  async finished() {}

  gherkinDocument(document) { this.#documents.set(document.uri, new Names(document)); }

  pickle(pickle) { this.#pickles.set(pickle.id, pickle); }

  testCase({ id, pickleId, testSteps }) {
    const pickle = this.#pickles.get(pickleId);
    const test = this.#documents.get(pickle.uri).of(relative(toPath(pickle.uri)), pickle);
    const key = (this.#counted.get(test.id) ?? 0) + 1;
    this.#counted.set(test.id, key);
    const texts = new Map(testSteps.map((step) => [step.id, pickle.steps.find((one) => one.id === step.pickleStepId)?.text]));
    this.#cases.set(id, { test: { ...test, key: String(key) }, texts });
  }

  testCaseStarted({ id, testCaseId, attempt }) {
    const { test, texts } = this.#cases.get(testCaseId);
    const retry = attempt + again();
    this.#running.set(id, { test, texts, retry, start: Date.now(), steps: [], files: [], printed: '' });
    started({ ...test, retry });
    unseen();
    enter(test.id);
  }

  testStepFinished({ testCaseStartedId, testStepId, testStepResult }) {
    const { steps, texts } = this.#running.get(testCaseStartedId);
    steps.push({ ...testStepResult, text: texts.get(testStepId) });
  }

  attachment(what) {
    const running = this.#running.get(what.testCaseStartedId);
    if (!running) return;
    const text = what.contentEncoding !== 'BASE64';
    if (text && !what.fileName && (what.mediaType === 'text/plain' || what.mediaType.startsWith('text/x.cucumber.log'))) {
      if (running.printed.length < 8000) running.printed += clip(what.body, 8000) + '\n';
      return;
    }
    if (!process.env.E2E_EVIDENCE_DIR || ++this.#kept > MOST) return;
    const name = path.basename(String(what.fileName ?? '').replaceAll('\\', '/')) || `attachment.${/\w+$/.exec(what.mediaType)?.[0] ?? 'bin'}`;
    const file = path.join(process.env.E2E_EVIDENCE_DIR, `${process.env.WDIO_WORKER_ID}-${webdriverio.tries}-${this.#kept}-${name}`);
    try {
      fs.writeFileSync(file, text ? what.body : Buffer.from(what.body, 'base64'));
      running.files.push(file);
    } catch { /* no room */ }
  }

  testCaseFinished({ testCaseStartedId }) {
    const { test, retry, start, steps, files, printed } = this.#running.get(testCaseStartedId);
    this.#running.delete(testCaseStartedId);
    finished({
      ...test, retry, unseen: unseen(), worker: process.env.WDIO_WORKER_ID, start, seconds: (Date.now() - start) / 1000,
      ...outcomeOf(steps, printed), attachments: files,
    });
    leave();
  }

  // An error outside of any test is one of the run, which ends by it; our config tells it. This one Cucumber only logs.
  parseError({ source, message }) { write('error', { message: `${source.uri} cannot be read: ${message}` }); }
}
