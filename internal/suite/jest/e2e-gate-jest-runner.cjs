// Runs jest-circus, with the tests that the gate selected: names given to Jest match
// in every file and in either case, so the choice is made here, test by test. Without
// a selection nothing runs, not even a hook.
'use strict';
const { identify, projectOf, selection, write } = require('./e2e-gate-jest.cjs');

function circus(rootDir) {
  let from = rootDir;
  for (const name of ['jest', '@jest/core', 'jest-config']) {
    try {
      return require(require.resolve('jest-circus/runner', { paths: [from] }));
    } catch {
      from = require('path').dirname(require.resolve(name, { paths: [from] }));
    }
  }
  return require(require.resolve('jest-circus/runner', { paths: [from] }));
}

function titlesOf(test) {
  const titles = [test.name];
  for (let block = test.parent; block.parent; block = block.parent) titles.unshift(block.name);
  return titles;
}

function choose(block, testPath, project) {
  for (const child of block.children) {
    if (child.type === 'describeBlock') choose(child, testPath, project);
    else if (child.mode !== 'todo' && !selection?.has(identify(testPath, titlesOf(child), project).id)) child.mode = 'skip';
  }
}

// isolate gives a worker its number, from 0, and what isolation has made for it. The tests have an environment of their own.
function isolate(env) {
  const number = Number(process.env.JEST_WORKER_ID) - 1;
  if (!env || !(number >= 0)) return;
  env.E2E_WORKER = String(number);
  for (const variable of (process.env.E2E_WORKER_VARIABLES || '').split(',').filter(Boolean)) {
    const own = process.env[`${variable}_${number}`];
    if (own === undefined) {
      throw new Error(`worker ${number} has no database of its own: isolation.workers is ${process.env.E2E_WORKERS}; ` +
        'make it as many as Jest starts (maxWorkers)');
    }
    env[variable] = own;
  }
}

module.exports = async (globalConfig, config, environment, runtime, testPath, ...rest) => {
  if (selection) isolate(environment.global.process?.env);
  const own = environment.handleTestEvent?.bind(environment);
  environment.handleTestEvent = async (event, state) => {
    if (event.name === 'run_start') {
      state.hasFocusedTests = false; // a forgotten test.only takes no other test away
      choose(state.rootDescribeBlock, testPath, projectOf(config));
      if (process.env.E2E_ATTEMPT === '2') environment.global[Symbol.for('RETRY_TIMES')] = 0;
    }
    if (own) await own(event, state);
  };
  if (selection && process.env.JEST_WORKER_ID) {
    const { id } = identify(testPath, [''], projectOf(config));
    write('worker', { id: id.slice(0, id.lastIndexOf('::')), worker: process.env.JEST_WORKER_ID });
  }
  const runner = circus(config.rootDir);
  return (runner.default ?? runner)(globalConfig, config, environment, runtime, testPath, ...rest);
};
