// What the modules for Mocha and for the frameworks of WebdriverIO share.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const url = require('url');

const base = fs.realpathSync(process.env.E2E_GATE_DIR);
const selection = process.env.E2E_GATE_SELECTION
  ? new Set(JSON.parse(fs.readFileSync(process.env.E2E_GATE_SELECTION, 'utf8'))) : null;

const write = (event, fields) =>
  fs.appendFileSync(process.env.E2E_GATE_EVENTS, JSON.stringify({ event, ...fields }) + '\n');

const clip = (text, size) => text.length <= size ? text
  : text.slice(0, size / 3) + '\n…\n' + text.slice(text.length - size * 2 / 3);

// eslint-disable-next-line no-control-regex
const plain = (text) => String(text ?? '').replace(/\u001b\[[0-9;]*m/g, '');

const relative = (file) => path.relative(base, file).split(path.sep).join('/');

const tags = (name) => [...new Set([...name.matchAll(/(?:^|\s)@([\w.:/-]+)/g)].map((m) => m[1]))];

// frames are the files and lines of a stack, the innermost first. A path may have parentheses of its own.
function frames(stack) {
  const found = [];
  for (const line of plain(stack).split('\n')) {
    const [, where, number] = /^\s+at .+? \((.+):(\d+):\d+\)$/.exec(line) ?? /^\s+at (?:async )?(.+):(\d+):\d+$/.exec(line) ?? [];
    if (!where || /^(?:node:|eval at )|<anonymous>/.test(where)) continue;
    try { // Mocha shortens paths to those from its directory
      found.push({ file: where.startsWith('file:') ? url.fileURLToPath(where) : path.resolve(where), line: Number(number) });
    } catch { /* the address of something else */ }
  }
  return found;
}

// here is the stack of the caller's caller, without the files that skip names.
function here(skip) {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 30;
  const stack = frames(new Error().stack).filter(({ file }) => path.dirname(file) !== __dirname && !skip(file));
  Error.stackTraceLimit = limit;
  return stack;
}

// place is where a test failed: the innermost line of the stack within the suite.
function place(stack) {
  const at = frames(stack).map(({ file, line }) => ({ file: relative(file), line }))
    .find(({ file }) => !file.startsWith('..') && !path.isAbsolute(file) && !/(?:^|\/)node_modules\//.test(file));
  return at ? { at_file: at.file, at_line: at.line } : {};
}

// isAssertion reports whether an error is of an assertion, by its type, or by what the expect of WebdriverIO says.
const isAssertion = (type, message) => /Assertion/.test(type) || Boolean(webdriverio) && /^(?:expect\(|Expect )/.test(message);

// What the config for WebdriverIO says; none in Mocha alone.
const webdriverio = globalThis[Symbol.for('e2e-gate webdriverio')];

// again counts what WebdriverIO ran of a test before it started its spec file anew, and nothing else: a hundred for each try.
const again = () => 100 * (webdriverio?.tries ?? 0);

// unseen is how often WebdriverIO itself has repeated something within the test that ends, of which its framework knows nothing.
function unseen() {
  const times = webdriverio?.repeated ?? 0;
  if (webdriverio) webdriverio.repeated = 0;
  return times;
}

// finished writes the end of a test, and before it the failed executions that only WebdriverIO knows of.
function finished(event) {
  let { retry } = event;
  for (let n = event.unseen ?? 0; n > 0; n--) {
    write('finished', {
      ...event, unseen: undefined, retry, seconds: 0, outcome: 'failed', message: 'failed, and WebdriverIO ran it again',
      details: '', type: '', error: false, at_file: undefined, at_line: undefined, properties: [], attachments: [],
    });
    retry = Math.max(1, retry);
  }
  write('finished', { ...event, unseen: undefined, retry });
}

// started writes the start of a test. Where WebdriverIO tries its spec file again, the test that ran when the worker of the try before
// ended has failed: that worker could not say so.
let before = webdriverio ? null : [];
function started({ id, key, retry }) {
  const worker = webdriverio && process.env.WDIO_WORKER_ID;
  before ??= webdriverio.tries > 0 ? cutOff(worker) : [];
  for (const one of before.splice(0)) {
    finished({ ...one, outcome: 'failed', error: true, seconds: 0, message: 'the worker ended while it ran, and WebdriverIO tried its spec file again' });
  }
  write('started', { id, key, retry, worker });
}

// early writes that a worker ended before it had listed its tests. WebdriverIO ends well if the worker did.
const early = (file) => write('error', { message: `${file || 'a module of the suite'} ended its process while it was loaded` });

// cutOff are the tests of a worker that began and did not end.
function cutOff(worker) {
  const running = new Map();
  for (const line of fs.readFileSync(process.env.E2E_GATE_EVENTS, 'utf8').split('\n')) {
    let one;
    try { one = JSON.parse(line); } catch { continue; }
    const { event, id, key, retry } = one;
    if (event === 'started' && one.worker === worker) running.set(id, { id, key, retry, worker });
    if (event === 'finished' && one.worker === worker) running.delete(id);
  }
  return [...running.values()];
}

// enter gives the running test a folder of its own: named after it, so that the gate knows whose files are in it. Without room for
// one it has none.
function enter(id) {
  leave();
  if (!process.env.E2E_EVIDENCE_DIR) return;
  const own = id.slice(id.indexOf('::') + 2).replaceAll(' › ', ' ');
  const folder = path.join(process.env.E2E_EVIDENCE_DIR, crypto.createHash('sha256').update(own).digest('hex').slice(0, 12));
  try {
    fs.mkdirSync(folder, { recursive: true });
    process.env.E2E_TEST_EVIDENCE_DIR = folder;
  } catch { /* no room */ }
}

function leave() {
  const folder = process.env.E2E_TEST_EVIDENCE_DIR;
  delete process.env.E2E_TEST_EVIDENCE_DIR;
  try { if (folder) fs.rmdirSync(folder); } catch { /* it has files */ }
}

module.exports = {
  base, selection, write, clip, early, plain, relative, tags, frames, here, isAssertion, place, webdriverio, again, unseen, started, finished, enter, leave,
};
