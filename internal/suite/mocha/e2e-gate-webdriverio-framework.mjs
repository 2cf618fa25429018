// How the modules for Cucumber and Jasmine come into WebdriverIO: each worker asks a package for an adapter, and gets it from us.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import shared from './e2e-gate-shared.cjs';

const { selection, write } = shared;

// homeOf is the folder of a package of WebdriverIO: the one that WebdriverIO itself finds, else the suite's.
function homeOf(name, base) {
  for (const from of [path.dirname(fs.realpathSync(process.argv[1])), base]) {
    for (let dir = from; ; dir = path.dirname(dir)) {
      const home = path.join(dir, 'node_modules', '@wdio', name);
      if (fs.existsSync(home)) return fs.realpathSync(home);
      if (dir === path.dirname(dir)) break;
    }
  }
  write('unusable', { message: `@wdio/${name} is not installed; run npm install --save-dev @wdio/${name}` });
  throw new Error(`@wdio/${name} is not installed`);
}

// wrapFramework replaces how a package makes its adapter. make gets that, and the package's own require.
export async function wrapFramework(name, base, make) {
  const home = homeOf(name, base);
  const { exports } = JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8'));
  const { default: factory } = await import(pathToFileURL(path.join(home, exports['.'].import)));
  const init = factory.init;
  factory.init = make((...args) => init.apply(factory, args), createRequire(path.join(home, 'package.json')));
  if (selection) write('begin', {});
}

// The end of a worker is that of its process: what it does after its tests may still end it.
let ended = false;
let loading = '';
process.on('exit', () => {
  if (ended && selection) write('end', {});
  if (!ended && !selection) shared.early(loading);
});

// loads says which file is loaded now.
export const loads = (file) => { loading = file; };

// causes are the messages of an error and of what it was caused by: that of Cucumber names only the hook.
function causes(error) {
  const cause = typeof error?.cause === 'function' ? error.cause() : error?.cause;
  const message = shared.plain(error?.message ?? error);
  return cause && !message.includes(cause.message) ? `${message}: ${causes(cause)}` : message;
}

// telling is the run of an adapter, whose error WebdriverIO only logs.
export const telling = (run) => async () => {
  try {
    return await run();
  } catch (error) {
    write('error', { message: causes(error), details: String(error?.stack ?? '') });
    throw error;
  } finally {
    ended = true;
  }
};

// without is an adapter that runs nothing, so no session starts.
export function without() {
  ended = true;
  return { hasTests: () => false };
}

// filesOf are the spec files of a worker, in sets that share a session. Where tests are listed, our own name heads those that do not.
export function filesOf(specs, toPath) {
  const own = specs.map(toPath);
  const apart = own.filter((file) => path.basename(file) !== 'e2e-gate-mocha.cjs');
  return apart.length === own.length ? [own] : apart.map((file) => [file]);
}
