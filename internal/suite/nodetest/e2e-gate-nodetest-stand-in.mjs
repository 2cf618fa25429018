// What a test file imports as node:test; see e2e-gate-nodetest.cjs.
const stand = globalThis[Symbol.for('e2e-gate.node-test')];

export default stand;
export const { test, it, describe, suite, before, after, beforeEach, afterEach, skip, todo, only, run, mock, snapshot, assert, expectFailure } = stand;
