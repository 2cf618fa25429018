// The reporter that e2e-gate brings along for Vitest. It writes one line of JSON for
// each thing that happens; the same function names a test when it is listed and when
// it runs. To list, it has Vitest skip every test; with a selection it has each file
// run the tests that were selected in it.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const base = fs.realpathSync(process.env.E2E_GATE_DIR);
const selection = process.env.E2E_GATE_SELECTION
  ? new Set(JSON.parse(fs.readFileSync(process.env.E2E_GATE_SELECTION, 'utf8'))) : null;

const write = (event, fields) =>
  fs.appendFileSync(process.env.E2E_GATE_EVENTS, JSON.stringify({ event, ...fields }) + '\n');

const clip = (text, size) => text.length <= size ? text
  : text.slice(0, size / 3) + '\n…\n' + text.slice(text.length - size * 2 / 3);

// eslint-disable-next-line no-control-regex
const plain = (text) => String(text ?? '').replace(/\u001b\[[0-9;]*m/g, '');

const nothing = /(?!)/;

const part = process.env.E2E_PART === '1';

// Options that leave tests out of a listing, where a config sets them.
const leavesOut = ['changed', 'related', 'shard'];

// own makes a reporter that a config names: one of Vitest, a module, or an instance. The default one is there already.
async function own(vitest, one) {
  const [name, options] = Array.isArray(one) ? one : [one];
  if (typeof name !== 'string') return name;
  if (name === 'default' || name === '') return null;
  const { resolve } = createRequire(path.join(vitest.config.root, 'x.js'));
  const load = (id) => import(pathToFileURL(resolve(id)).href);
  let { ReportersMap } = await load('vitest/node');
  ReportersMap ??= (await load('vitest/reporters')).ReportersMap; // before 4
  if (name in ReportersMap) return new ReportersMap[name](options);
  const file = name === 'html' ? '@vitest/ui/reporter' : /^\.\.?\//.test(name) ? path.resolve(name) : name;
  const module = await (vitest.runner?.import ? vitest.runner.import(file) : load(file));
  return new module.default(options);
}

const isUnused = (error) => /^Obsolete snapshots found/.test(error?.message ?? '');

function fileOf(moduleId, project) {
  const file = path.relative(base, moduleId).split(path.sep).join('/');
  return { file, prefix: (project?.name ? `[${project.name}] ` : '') + file + '::' };
}

function identify(test) {
  const { file, prefix } = fileOf(test.module.moduleId, test.project);
  return { id: prefix + test.fullName, name: test.fullName, file };
}

// patternOf matches the names of the selected tests of a file: Vitest joins the
// names of suites and test with spaces.
function patternOf(names) {
  const escaped = names.map((name) => name.split(' > ').map((s) => s.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('(?: > | )'));
  return escaped.length ? new RegExp(`^(?:${escaped.join('|')})$`) : nothing;
}

function namesIn(prefix) {
  return [...selection].filter((id) => id.startsWith(prefix)).map((id) => id.slice(prefix.length));
}

// groupOf names the outermost suite that was declared with describe.sequential.
function groupOf(test) {
  let group = '';
  for (let at = test.parent; at && at.type === 'suite'; at = at.parent)
    if (isSequential(at)) group = fileOf(at.module.moduleId, at.project).prefix + at.fullName;
  return group;
}

// isSequential reads the line of the declaration: Vitest keeps the word only where it
// takes a suite out of a concurrent one.
function isSequential(suite) {
  if (suite.options?.concurrent === false) return true;
  const file = suite.module.moduleId;
  if (!lines.has(file)) {
    try { lines.set(file, fs.readFileSync(file, 'utf8').split('\n')); } catch { lines.set(file, []); }
  }
  return /\b(?:describe|suite)(?:\.\w+)*\.sequential\b/.test(lines.get(file)[(suite.location?.line ?? 0) - 1] ?? '');
}

const lines = new Map(); // of a file

function tags(test) {
  const titled = [...test.fullName.matchAll(/(?:^|\s)@([\w.:/-]+)/g)].map((m) => m[1]);
  return [...new Set([...(test.tags ?? []), ...titled])];
}

// place is where a test failed: the innermost line of the stack within the suite.
function place(stack) {
  const at = stack?.find?.((frame) => frame.file && !path.relative(base, frame.file).startsWith('..') && !frame.file.includes('/node_modules/'));
  return at ? { at_file: path.relative(base, at.file).split(path.sep).join('/'), at_line: at.line } : {};
}

function failure(error) {
  const text = plain(error?.message ?? error);
  return {
    outcome: 'failed', message: clip(text, 8000), type: error?.name ?? '',
    details: clip(plain([error?.stack, error?.diff].filter(Boolean).join('\n\n')), 24000),
    error: !(error?.name === 'AssertionError' || error?.expected !== undefined || error?.matcherResult), ...place(error?.stacks),
  };
}

export default class {
  output = new Map();
  reported = new Set();
  skipped = new Map(); // by test, until the hooks around it are known

  async onInit(vitest) {
    if (!(parseInt(vitest.version, 10) >= 3)) {
      write('unusable', { message: `Vitest ${vitest.version ?? 'of an unknown version'} is too old; 3.0 or later is needed: npm install --save-dev vitest@latest` });
      throw new Error('Vitest is too old for e2e-gate');
    }
    for (const name of leavesOut) if (vitest.config[name]?.length || vitest.config[name] && typeof vitest.config[name] !== 'object' || vitest.config[name]?.count) {
      write('unusable', { message: `${name} is set in the Vitest config, and leaves tests out; remove it: the gate chooses the tests, and splits them` });
      throw new Error(`e2e-gate cannot use Vitest with ${name}`);
    }
    this.vitest = vitest;
    if (!selection) for (const project of vitest.projects) {
      project.config.globalSetup = [];
      // What code in a browser reads is not seen, so such a listing is not kept.
      if (project.config.browser?.enabled) write('asked', { message: 'a browser' });
    }
    const names = [...selection ?? []].map((id) => id.slice(id.indexOf('::') + 2));
    vitest.setGlobalTestNamePattern(patternOf(names));
    if (selection) await this.addOwn(vitest);
  }

  // addOwn adds the reporters of the config, which those of a command line replace. Where the suite's arguments
  // name some, they are what is wanted.
  async addOwn(vitest) {
    const named = process.argv.filter((arg) => arg.startsWith('--reporter=') || arg === '--reporter').length;
    const wanted = [vitest.vite?.config?.test?.reporters ?? []].flat(1);
    if (named > 2 || wanted.length === 0) return;
    // [name, options] alone is one reporter only within a list of its own, as Vitest has it.
    for (const one of wanted) {
      try {
        const reporter = await own(vitest, one);
        if (!reporter) continue;
        vitest.reporters.push(reporter);
        await reporter.onInit?.(vitest);
      } catch (error) {
        console.error(`e2e-gate: the reporter ${String([one].flat()[0])} of the config does not run: ${error?.message ?? error}`);
      }
    }
  }

  // From Vitest 4.1 on each file has a pattern of its own.
  onTestRunStart(specifications) {
    this.unalarm();
    if (!selection) return;
    for (const spec of specifications) spec.testNamePattern = patternOf(namesIn(fileOf(spec.moduleId, spec.project).prefix));
  }

  // unalarm switches off what speaks of the whole suite, where only a part of it runs. A listing,
  // which has coverage off, says whether the suite has it on.
  unalarm() {
    const options = this.vitest?.coverageProvider?.options;
    this.coverage = process.env.E2E_GATE_COVERAGE === 'collect' || this.vitest?.vite?.config?.test?.coverage?.enabled === true;
    if (!selection && this.coverage && this.vitest.config?.coverage?.thresholds) write('unchecked', { message: 'the coverage thresholds' });
    if (!part || !options?.thresholds) return;
    options.thresholds = undefined;
    write('unchecked', { message: 'the coverage thresholds' });
  }

  // snapshots names the alarm of unused snapshots. Vitest raises it where it writes none, as in CI.
  snapshots(module) {
    if (selection && !part || this.named || module.project?.config?.snapshotOptions?.updateSnapshot !== 'none') return;
    const { moduleId } = module;
    const usual = path.join(path.dirname(moduleId), '__snapshots__', path.basename(moduleId) + '.snap');
    if (this.named = fs.existsSync(this.vitest?.snapshot?.resolvePath?.(moduleId) ?? usual)) write('unchecked', { message: 'unused snapshots' });
  }

  // unused forgets the error that a file has unused snapshots, in a part of the suite.
  unused(module) {
    const result = module.task?.result;
    if (!part || !result?.errors?.some(isUnused)) return;
    result.errors = result.errors.filter((error) => !isUnused(error));
    if (!result.errors.length) result.state = 'pass'; // a failed test still fails the run
  }

  onTestModuleCollected(module) {
    if (selection) return;
    for (const test of module.children.allTests())
      write('listed', {
        ...identify(test), line: test.location?.line ?? 0, tags: tags(test), keep: fileOf(module.moduleId, test.project).prefix.slice(0, -2), group: groupOf(test),
        lock: this.coverage ? 'coverage' : '', // Vitest clears its folder when it starts
      });
  }

  onTestCaseReady(test) {
    const { id } = identify(test);
    if (selection?.has(id)) write('started', { id });
  }

  onUserConsoleLog(log) {
    const have = this.output.get(log.taskId) ?? '';
    if (have.length < 24000) this.output.set(log.taskId, have + log.content);
  }

  onTestCaseResult(test) {
    const what = identify(test);
    if (!selection?.has(what.id) || this.reported.has(test.id)) return;
    const { state, errors = [], note } = test.result();
    if (state === 'pending') return;
    this.reported.add(test.id);
    const run = test.diagnostic();
    // Vitest repeats a test that is expected to fail as often as it may, and it is no flake.
    const retries = test.options?.fails ? 0 : Math.min(run?.retryCount ?? 0, 20);
    what.key = test.id;
    what.line = test.location?.line ?? 0;
    for (let retry = 0; retry < retries; retry++) write('finished', { ...what, retry, ...failure(errors[retry] ?? errors.at(-1) ?? 'failed, and was repeated') });
    what.retry = retries;
    const seen = state === 'passed' ? { outcome: 'passed' } : state === 'skipped' ? { outcome: 'skipped', message: note ?? '' } : failure(errors.at(-1));
    const printed = this.output.get(test.id);
    if (seen.outcome === 'failed' && printed) seen.details += '\n--- output ---\n' + plain(printed);
    if (seen.outcome === 'skipped') return this.skipped.set(test.id, { ...what, ...seen });
    write('finished', {
      ...what, ...seen, start: run?.startTime ?? 0, seconds: (run?.duration ?? 0) / 1000,
      properties: Object.entries(test.meta()).filter(([, value]) => typeof value === 'string').map(([name, value]) => ({ name, value: clip(value, 16384) })),
      attachments: (test.annotations?.() ?? []).map((a) => a.attachment?.path).filter(Boolean),
    });
  }

  onTestSuiteResult(suite) { this.hooks(suite); }

  onTestModuleEnd(module) {
    this.snapshots(module);
    this.unused(module);
    this.hooks(module);
    for (const test of module.children.allTests()) {
      if (test.result().state === 'failed') this.unheard(test);
      if (this.skipped.has(test.id)) write('finished', this.skipped.get(test.id));
      this.skipped.delete(test.id);
    }
  }

  // unheard reports what failed before it could run, such as a forgotten only.
  unheard(test) {
    if (selection) this.onTestCaseResult(test);
    else write('error', { message: `${identify(test).id}: ${failure(test.result().errors[0]).message}` });
  }

  // hooks reports what failed around tests: those that a failed beforeAll kept from
  // running have failed.
  hooks(entity) {
    const [first, ...others] = entity.errors();
    if (!first) return;
    const seen = failure(first);
    const kept = [...entity.children.allTests()].filter((test) => this.skipped.has(test.id) && !['skip', 'todo'].includes(test.options.mode));
    for (const test of kept) {
      write('finished', { ...this.skipped.get(test.id), ...seen, message: 'in a hook: ' + seen.message });
      this.skipped.delete(test.id);
    }
    if (kept.length) return;
    const where = entity.type === 'module' ? fileOf(entity.moduleId, entity.project).file : entity.fullName;
    for (const error of [first, ...others]) write('error', { message: `${where}: ${failure(error).message}`, details: failure(error).details });
  }

  onTestRunEnd(modules, unhandled, reason) {
    for (const error of unhandled) write('error', { message: failure(error).message, details: failure(error).details });
    if (reason === 'interrupted') write('error', { message: 'Vitest was interrupted' });
    write('end', { statuses: [1] });
  }
}
