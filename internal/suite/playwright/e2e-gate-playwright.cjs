// The reporter that e2e-gate brings along for Playwright. It writes one line of JSON
// for each thing that happens; the same function names a test when it is listed and
// when it runs. Where Playwright lets a reporter choose (1.62), it excludes what was
// not selected.
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

const message = (error) => clip(plain(error?.message ?? error?.value ?? 'unknown error'), 8000);

function details(result) {
  const errors = result.errors.map((e) => [e.message, e.snippet, e.stack].filter(Boolean).map(plain).join('\n'));
  const open = result.status === 'timedOut' ? unended(result.steps) : '';
  if (open) errors.push('did not end: ' + open);
  const output = [...result.stdout, ...result.stderr].map(String).join('');
  return clip(errors.join('\n\n'), 24000) + (output ? '\n--- output ---\n' + clip(plain(output), 24000) : '');
}

const titleOf = (step) => clip(plain([step.title, step.subtitle].filter(Boolean).join(' ')).split('\n')[0], 300);

// unended is the innermost step that was still running when the test was stopped.
function unended(list) {
  const step = list?.find((s) => s.duration < 0);
  return step ? unended(step.steps) || (['hook', 'fixture'].includes(step.category) ? '' : titleOf(step)) : '';
}

// steps are the last steps of a failed test, one a line, those that failed with a mark. Hooks and fixtures stand there only by what they did.
function steps(result) {
  const lines = [];
  const walk = (list, depth) => {
    for (const step of list ?? []) {
      const named = !['hook', 'fixture', 'test.attach'].includes(step.category);
      const took = step.duration < 0 ? 'did not end' : (step.duration / 1000).toFixed(1) + ' s';
      if (named) lines.push(`${'  '.repeat(Math.min(depth, 8))}${step.error || step.duration < 0 ? '✗ ' : ''}${titleOf(step)} (${took})`);
      walk(step.steps, depth + (named ? 1 : 0));
    }
  };
  walk(result.steps, 0);
  const more = lines.length - 40;
  return more > 0 ? [`${more} steps before`, ...lines.slice(more)].join('\n') : lines.join('\n');
}

// place is where a test failed.
const place = (at) => at?.file ? { at_file: path.relative(base, at.file).split(path.sep).join('/'), at_line: at.line } : {};

// A group of tests in serial mode depends on its order: it is one test with parts.
function serialGroup(test) {
  let group = null;
  for (let suite = test.parent; suite; suite = suite.parent) {
    if (suite._parallelMode === 'serial') group = suite;
  }
  return group && group.type !== 'project' && group.type !== 'root' ? group : null;
}

function identify(test) {
  const group = serialGroup(test);
  const [, project, , ...titles] = test.titlePath();
  const file = path.relative(base, fs.realpathSync(test.location.file)).split(path.sep).join('/');
  const own = group ? group.titlePath().slice(3) : titles;
  const name = own.join(' › ') || '(in order)';
  const at = group?.location ?? test.location;
  const line = group && group.type === 'file' ? 1 : at.line;
  return {
    id: (project ? `[${project}] ` : '') + file + '::' + name, name, file, line,
    class: group ? 'serial' : '', part: group ? titles.slice(own.length).join(' › ') : '', size: group ? group.allTests().length : 1,
  };
}

// keptWhole names what Playwright never cuts: one worker runs all tests of a file, or those
// of a suite that is not parallel in a file that is.
function keptWhole(test) {
  let sequential = null, parallel = false;
  for (let suite = test.parent; suite; suite = suite.parent) {
    if (suite._parallelMode === 'serial' || suite._parallelMode === 'default') sequential = suite;
    parallel = parallel || suite._parallelMode === 'parallel';
  }
  if (parallel && !sequential) return '';
  const { id } = identify(test);
  return id.slice(0, id.indexOf('::')) + (parallel ? '::' + sequential.titlePath().slice(3).join(' › ') : '');
}

function tags(test) {
  const written = test.tags ?? (test.titlePath().join(' ').match(/@\S+/g) || []);
  const noted = test.annotations.filter((a) => ['owner', 'journey', 'criticality'].includes(a.type) && a.description)
    .map((a) => `${a.type}:${a.description}`);
  return [...written.map((tag) => tag.replace(/^@/, '')), ...noted];
}

// Whether a test that passed only on a retry fails the run. Before 1.55 only Playwright's
// own config says so, behind a symbol.
function failsOnFlaky(config) {
  const known = [config, ...Object.getOwnPropertySymbols(config).map((symbol) => config[symbol])];
  return known.some((c) => c?.failOnFlakyTests === true);
}

// Projects that others depend on, and their tear-down: Playwright runs them in full
// wherever they are needed, so they are not tests of a shard.
function fixtures(config) {
  return new Set(config.projects.flatMap((p) => [...(p.dependencies ?? []), p.teardown]).filter(Boolean));
}

function outcomeOf(test, result) {
  if (result.status === 'skipped') {
    const why = [...(result.annotations ?? []), ...test.annotations].find((a) => a.type === 'skip' || a.type === 'fixme');
    // What Playwright did not run, such as after a failed beforeAll, is not skipped.
    return { outcome: 'skipped', message: why?.description ?? '', kept: test.expectedStatus !== 'skipped' };
  }
  if (result.status === test.expectedStatus) return { outcome: 'passed' };
  if (result.status === 'passed') return { outcome: 'failed', message: 'expected to fail, but passed' };
  const first = message(result.errors[0] ?? result.error);
  const assertion = /expect\(|^Assertion/m.test(first);
  return {
    outcome: 'failed', message: first, details: details(result), error: !assertion,
    type: result.status === 'timedOut' ? 'timeout' : /^(\w*Error)\b/.exec(first)?.[1] ?? '',
    ...place(result.errors[0]?.location),
  };
}

module.exports = class {
  constructor() {
    this.groups = new Map();
    this.broken = new Map();
  }

  printsToStdio() { return false; }

  async preprocess({ config, suite, testRun }) {
    if (config.shard) try { testRun.skipSharding(); } catch { /* another reporter did */ }
    if (!selection) return;
    const setUp = fixtures(config);
    for (const test of suite.allTests()) {
      if (!setUp.has(test.parent.project()?.name) && !selection.has(identify(test).id)) testRun.exclude(test);
    }
  }

  onBegin(config, suite) {
    this.setUp = fixtures(config);
    this.failsOnFlaky = failsOnFlaky(config);
    if (selection) return;
    const seen = new Map(), unnamed = new Set();
    for (const test of suite.allTests()) {
      if (this.setUp.has(test.parent.project()?.name)) continue;
      if (!fs.existsSync(test.location.file)) {
        unnamed.add(test.titlePath()[2] + ': Playwright says that its tests lie in ' + path.relative(base, test.location.file) + ', which does not exist; rename the file, without #, ? and %');
        continue;
      }
      const { size, part, ...listed } = identify(test);
      const known = part ? seen.get(listed.id) : undefined;
      if (known) known.tags.push(...tags(test).filter((tag) => !known.tags.includes(tag)));
      else seen.set(part ? listed.id : Symbol(listed.id), { ...listed, tags: tags(test), keep: keptWhole(test) });
    }
    for (const message of unnamed) write('error', { message });
    for (const listed of seen.values()) write('listed', listed);
  }

  onTestBegin(test, result) {
    if (this.setUp.has(test.parent.project()?.name)) return;
    const { id, part } = identify(test);
    if (part) this.round(id, result.retry);
    else write('started', { id });
  }

  onTestEnd(test, result) {
    if (result.status === 'interrupted') return;
    const seen = outcomeOf(test, result);
    const project = test.parent.project()?.name;
    const { id, name, file, line, part, size } = identify(test);
    if (this.setUp.has(project)) {
      if (seen.outcome === 'failed') this.broken.set(id, seen); else this.broken.delete(id);
      return;
    }
    const event = {
      id, key: part ? '' : test.id, retry: result.retry, name, file, line, ...seen, worker: result.workerIndex >= 0 ? String(result.workerIndex) : '', start: result.startTime.getTime(), seconds: Math.max(0, result.duration) / 1000,
      attachments: result.attachments.filter((a) => a.path).map((a) => a.path),
      properties: [...new Map([...test.annotations, ...(result.annotations ?? [])].filter((a) => a.description).map((a) => [a.type + a.description, { name: a.type, value: clip(a.description, 16384) }])).values()],
    };
    const done = seen.outcome === 'failed' ? steps(result) : '';
    if (done) event.properties.push({ name: 'e2e.steps', value: done });
    if (part) this.part(id, part, size, result.retry, event);
    else write('finished', event);
  }

  // round begins an attempt at a serial group.
  round(id, retry) {
    const group = this.groups.get(id);
    if (group?.retry === retry) return;
    if (group) this.finish(id, group);
    this.groups.set(id, { retry, parts: [] });
    write('started', { id });
  }

  part(id, part, size, retry, event) {
    this.round(id, retry);
    const group = this.groups.get(id);
    group.size = size;
    group.parts.push({ part, event });
    if (group.parts.length === size) this.finish(id, group);
  }

  // finish reports an attempt at a serial group that failed or is complete; what was
  // cut off in between did not pass.
  finish(id, group) {
    const failed = group.parts.find((p) => p.event.outcome === 'failed');
    if (group.done || !failed && group.parts.length < group.size) return;
    group.done = true;
    const worst = failed ?? group.parts.find((p) => p.event.kept) ?? group.parts.find((p) => p.event.outcome === 'passed') ?? group.parts[0];
    write('finished', {
      ...worst.event, message: failed ? `${failed.part}: ${failed.event.message}` : worst.event.message,
      start: group.parts[0].event.start, seconds: group.parts.reduce((sum, p) => sum + p.event.seconds, 0),
      attachments: group.parts.flatMap((p) => p.event.attachments), properties: group.parts.flatMap((p) => p.event.properties),
      children: group.parts.map((p) => ({ name: p.part, outcome: p.event.outcome, seconds: p.event.seconds, message: p.event.message ?? '' })),
    });
  }

  onError(error) {
    const at = error.location ? `${path.relative(base, error.location.file)}:${error.location.line}: ` : '';
    write('error', { message: at + message(error), details: clip(plain(error.stack), 24000) });
  }

  onEnd(result) {
    for (const [id, group] of this.groups) this.finish(id, group);
    for (const [id, seen] of this.broken) write('error', { message: `${id}, which other projects depend on, failed: ${seen.message}` });
    if (result.status === 'timedout') write('error', { message: "Playwright's globalTimeout was reached" });
    write('end', { fails_on_flaky: this.failsOnFlaky === true, statuses: [1] });
  }
};
