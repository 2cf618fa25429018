// What e2e-gate loads into each process of Node while it lists tests, where it may keep the listing. It
// says which files outside of the repository the suite's own code reads or is made of, and whether that code
// uses the network or starts a program: then the listing is made of more than files, and is not kept.
'use strict';
const fs = require('fs');
const path = require('path');

const root = fs.realpathSync(process.env.E2E_GATE_WATCH);
const events = process.env.E2E_GATE_EVENTS;
const append = fs.appendFileSync;
const write = (event, fields) => append(events, JSON.stringify({ event, ...fields }) + '\n');

const isInside = (file) => !/^\.\.(?:[\\/]|$)/.test(path.relative(root, file)) && !path.isAbsolute(path.relative(root, file));

// Those in the repository are known, but not in these folders. Packages are known by other means; the rest holds nothing of its own.
const unknownInside = /[\\/]\.(?:git|e2e-gate)(?:[\\/]|$)/;
const known = /[\\/]node_modules[\\/]|^\/(?:proc|sys|dev)\/|[\\/](?:jest|playwright)-transform-cache-/;

// What is read to be run, or to configure a framework, counts whoever reads it: modules are read by Node, or by a compiler.
const isCode = /\.(?:[cm]?[jt]sx?|json|jsonc|ya?ml|node|feature)$/i;

// own is the folder of the gate's own files.
const own = [path.dirname(events), fs.realpathSync(path.dirname(events))];

// ofSuite reports whether a file of the suite is among the callers: in the repository, and not of a package.
function ofSuite() {
  const { stackTraceLimit, prepareStackTrace } = Error; // a framework's own form of it would read source maps
  Error.stackTraceLimit = 200;
  Error.prepareStackTrace = undefined;
  const stack = String(new Error().stack).split('\n');
  Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  return stack.some((line) => {
    const [, file] = /(?:\(|at (?:async )?)(?:file:\/\/)?(\/.*?|[A-Za-z]:[\\/].*?)(?:\?[^:]*)?:\d+:\d+\)?$/.exec(line) ?? [];
    return file && !/[\\/]node_modules[\\/]/.test(file) && isInside(file);
  });
}

const told = new Set();

function reads(file) {
  if (typeof file === 'number' || file === undefined || file === null) return;
  let full;
  try {
    full = path.resolve(file instanceof URL || /^file:/.test(String(file)) ? require('url').fileURLToPath(file) : String(file));
  } catch { return; }
  if (told.has(full) || isInside(full) && !unknownInside.test(full) || known.test(full) || own.includes(path.dirname(full))) return;
  if (!isCode.test(full) && !ofSuite()) return;
  told.add(full);
  write('read', { file: full });
}

function asks(what) {
  if (told.has(what)) return;
  told.add(what);
  write('asked', { message: what });
}

function wrap(object, names, before) {
  for (const name of names) {
    const own = object?.[name];
    if (typeof own !== 'function') continue;
    const wrapped = function (...args) {
      before(name, args);
      return Reflect.apply(own, this, args);
    };
    try { object[name] = Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(own)); } catch { asks(`${name} cannot be watched`); }
  }
}

// tsx, which WebdriverIO starts itself with, tells its parent process what it loaded.
function toParent([first]) {
  const options = Array.isArray(first) ? first[0] : first;
  return /[\\/]tsx-[^\\/]*[\\/][0-9]+\.pipe$/.test(options?.path ?? options);
}

// A package manager that starts the framework has the network to itself.
const starts = /(?:^|[\\/])(?:npm|npx|pnpm|pnpx|yarn|corepack)(?:-cli)?(?:\.[cm]?js)?$/.test(process.argv[1] ?? '');
if (!starts) {
  write('watched');
  const files = ['readFileSync', 'readFile', 'openSync', 'open', 'createReadStream', 'readdirSync', 'readdir', 'opendirSync', 'opendir',
    'existsSync', 'statSync', 'stat', 'lstatSync', 'lstat', 'accessSync', 'access', 'realpathSync', 'globSync', 'glob'];
  wrap(fs, files, (name, [file]) => reads(file));
  wrap(fs.promises, files, (name, [file]) => reads(file));
  wrap(require('net').Socket.prototype, ['connect'], (name, args) => { if (!toParent(args)) asks('the network'); });
  wrap(require('dgram').Socket.prototype, ['send', 'connect'], () => asks('the network'));
  wrap(require('child_process'), ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'],
    (name) => { if (ofSuite()) asks('a program'); });
  require('module').syncBuiltinESMExports();
}
