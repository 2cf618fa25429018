// The reporter that e2e-gate brings along for node:test. It writes one line of JSON for each test
// that ends. Events come in the order in which tests are declared, those of a test file together.
import fs from 'node:fs';
import path from 'node:path';
import util from 'node:util';

const base = fs.realpathSync(process.env.E2E_GATE_DIR);
const selection = process.env.E2E_GATE_SELECTION
  ? new Set(JSON.parse(fs.readFileSync(process.env.E2E_GATE_SELECTION, 'utf8'))) : null;

const write = (event, fields) =>
  fs.appendFileSync(process.env.E2E_GATE_EVENTS, JSON.stringify({ event, ...fields }) + '\n');

const clip = (text, size) => text.length <= size ? text
  : text.slice(0, size / 3) + '\n…\n' + text.slice(text.length - size * 2 / 3);

// eslint-disable-next-line no-control-regex
const plain = (text) => String(text ?? '').replace(/\u001b\[[0-9;]*m/g, '');

const real = (file) => { try { return fs.realpathSync(file); } catch { return file; } };
const relative = (file) => path.relative(base, real(file)).split(path.sep).join('/');

// LATE is what Node says of an error that belongs to no test any more. It fails the file.
const LATE = /generated asynchronous activity after the test ended/;

const show = (value) => clip(typeof value === 'string' ? value : util.inspect(value, { depth: 6, sorted: true }), 8000);

// place is where a test failed: the innermost line of the stack within the suite.
function place(stack) {
  for (const line of plain(stack).split('\n')) {
    const [, where, number] = /^\s+at (?:.*\()?(?:async )?(file:\/\/[^()]+?|\/[^()]+?|[A-Za-z]:\\[^()]+?):(\d+):\d+\)?$/.exec(line) ?? [];
    if (!where) continue;
    try {
      const file = relative(where.startsWith('file:') ? new URL(where) : where);
      if (!file.startsWith('..') && !/(?:^|\/)node_modules\//.test(file) && !file.includes('e2e-gate-nodetest')) return { at_file: file, at_line: Number(number) };
    } catch { /* the address of something else */ }
  }
  return {};
}

const hooks = { hookFailed: 'in a hook: ', cancelledByParent: '', testTimeoutFailure: '' };

// both are two values that were compared. Equal ones, as of notStrictEqual, say nothing.
const both = (expected, actual) => expected === actual ? [] : [{ name: 'e2e.expected', value: expected }, { name: 'e2e.actual', value: actual }];

function failure(error) {
  const kind = error?.failureType ?? '';
  const cause = error?.cause !== undefined && error.cause !== null ? error.cause : error;
  const isError = cause instanceof Error || typeof cause === 'object' && typeof cause?.stack === 'string';
  const text = plain(isError ? cause.message : typeof cause === 'string' ? cause : util.inspect(cause));
  const compared = isError && 'expected' in cause && 'actual' in cause && cause.code === 'ERR_ASSERTION';
  return {
    outcome: 'failed', message: clip((hooks[kind] ?? '') + (text || 'failed without a message'), 8000),
    details: clip(plain(isError ? cause.stack : text), 24000),
    error: kind === 'hookFailed' || !(compared || cause?.code === 'ERR_ASSERTION' || /AssertionError/.test(cause?.name ?? '')),
    type: kind === 'testTimeoutFailure' ? 'timeout' : isError ? cause.name ?? '' : '',
    properties: compared ? both(show(cause.expected), show(cause.actual)) : [],
    ...(isError ? place(cause.stack) : {}),
  };
}

const reason = (value) => typeof value === 'string' ? value : '';

function outcome(type, data) {
  const { skip, todo, details } = data;
  const skips = skip !== undefined && skip !== false;
  if (skips && type === 'test:pass') return { outcome: 'skipped', message: reason(skip) };
  if (!skips && todo !== undefined && todo !== false) // node:test does not count it; it may have nothing to run
    return { outcome: 'skipped', message: ['to do', reason(todo), plain(details?.error?.cause?.message ?? details?.error?.message)].filter(Boolean).join(': ') };
  if (type === 'test:pass') return { outcome: 'passed' };
  return failure(details?.error);
}

const files = new Map(); // by file: the titles around, parts of tests, and what waits for its suite
const counted = new Map(); // by id, how many tests of it ended
const output = new Map(); // by file, the end of what it wrote to stderr
const begun = new Map(); // by place and name: when executions began that have not been reported
let current; // the file whose events come

const keyOf = (data) => [data.file, data.line, data.column, data.nesting, data.name].join(':');

function stateOf(data) {
  if (data.nesting === 0) current = data.entryFile ?? data.file ?? current;
  if (!files.has(current)) files.set(current, { titles: [], parts: [], cancelled: [] });
  return files.get(current);
}

function ended(type, data) {
  const state = stateOf(data);
  const file = relative(current);
  const depth = data.nesting;
  state.titles.length = depth;
  const titles = [...state.titles, data.name];
  const id = file + '::' + titles.join(' › ');
  const isSuite = data.details?.type === 'suite';
  const seen = outcome(type, data);

  // A test file fails as a whole: it did not load, its process died, or a hook around all tests failed.
  if (depth === 0 && !selection?.has(id) && path.resolve(data.name) === path.resolve(data.file ?? '')) {
    if (type === 'test:fail') whole(file, data);
    return;
  }
  if (!selection) return;
  const skippedSuite = isSuite && seen.outcome === 'skipped' && type === 'test:pass';
  if (selection.has(id) && (!isSuite || skippedSuite)) {
    finished(state, id, titles, depth, file, data, seen);
  } else if (isSuite) {
    suite(state, id, depth, type, data, seen);
  } else if (titles.some((_, i) => i < depth && selection.has(file + '::' + titles.slice(0, i + 1).join(' › ')))) {
    state.parts.push({ depth, name: titles.slice(1).join(' › '), outcome: seen.outcome, seconds: (data.details?.duration_ms ?? 0) / 1000,
      message: seen.message ?? '', seen });
  } else {
    finished(state, id, titles, depth, file, data, seen); // nobody planned it, and it is said
  }
}

const status = (error) => error?.exitCode ? `its process ended with exit status ${error.exitCode}` : failure(error).message;

function whole(file, data) {
  const error = data.details?.error;
  if (error?.failureType === 'subtestsFailed' && (error.exitCode ?? 1) === 1) return; // with another status it was ended
  const said = plain(output.get(path.resolve(data.file)) ?? '').trim();
  const words = error?.failureType === 'hookFailed' ? 'a hook around all tests failed: ' + failure(error).message.replace(/^in a hook: /, '')
    : error?.signal ? `its process was ended by ${error.signal}`
      : /^\w*Error\b.*$/m.exec(said)?.[0] ?? (said.split('\n').at(-1) || status(error));
  write('error', { message: `${file}: ${words}`, details: clip(said || failure(error).details, 24000) });
}

function finished(state, id, titles, depth, file, data, seen) {
  counted.set(id, (counted.get(id) ?? 0) + 1);
  const parts = state.parts.filter((part) => part.depth > depth);
  state.parts = state.parts.filter((part) => part.depth <= depth);
  // A test fails with its parts: what they say is what there is to see. For node:test, one that is to do fails with them too.
  const own = seen.outcome === 'failed' && data.details?.error?.failureType !== 'subtestsFailed';
  const worst = own ? undefined : parts.find((part) => part.seen.outcome === 'failed');
  const event = {
    id, key: String(counted.get(id)), name: titles.join(' › '), file, line: data.line ?? 0,
    start: begun.get(keyOf(data))?.shift() ?? 0, ...seen, ...(worst ? { ...worst.seen, message: `${worst.name}: ${worst.seen.message}` } : {}),
    seconds: (data.details?.duration_ms ?? 0) / 1000,
    children: parts.map(({ name, outcome, seconds, message }) => ({ name, outcome, seconds, message })),
  };
  if (data.details?.error?.failureType === 'cancelledByParent' && depth > 0) state.cancelled.push({ depth, event });
  else write('finished', event);
}

// suite says why tests were cancelled. A hook that failed behind its tests is an error outside of them.
function suite(state, id, depth, type, data, seen) {
  const own = type === 'test:fail' && data.details?.error?.failureType !== 'subtestsFailed' && data.todo === undefined;
  const inside = state.cancelled.filter((one) => one.depth > depth);
  if (own || depth === 0) {
    for (const { event } of inside) write('finished', own ? { ...event, ...seen } : event);
    state.cancelled = state.cancelled.filter((one) => one.depth <= depth);
  }
  if (own && !inside.length) write('error', { message: `${id}: ${seen.message}`, details: seen.details });
}

export default async function* (source) {
  if (process.env.E2E_GATE_COVERAGE === 'threshold' && (!selection || process.env.E2E_PART === '1')) write('unchecked', { message: 'the coverage thresholds' });
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      const state = stateOf(data);
      state.titles.length = data.nesting;
      state.titles.push(data.name);
    } else if (type === 'test:pass' || type === 'test:fail') {
      ended(type, data);
    } else if (type === 'test:complete') { // when it ends, and not when it is its turn to be reported
      const key = keyOf(data);
      begun.set(key, [...begun.get(key) ?? [], Date.now() - (data.details?.duration_ms ?? 0)]);
    } else if (type === 'test:diagnostic' && selection && LATE.test(data.message ?? '')) {
      // The status says so too, but a failed test of the same process would explain that.
      write('error', { message: (data.file ? relative(data.file) + ': ' : '') + clip(plain(data.message).trim(), 8000), details: '' });
    } else if (type === 'test:stderr' && data.file) {
      const file = path.resolve(data.file);
      output.set(file, ((output.get(file) ?? '') + data.message).slice(-8000));
    }
  }
  for (const state of files.values()) for (const { event } of state.cancelled) write('finished', event);
  write('end', { statuses: [1] });
  yield '';
}
