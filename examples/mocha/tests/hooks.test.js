// With the fault "fail" a hook fails, and with it the test that needs it.
const assert = require('assert');
const { fault } = require('./faults');

describe('with a session', () => {
  before(() => assert.strictEqual(fault('fail'), false));
  it('reads', () => {});
});

// The name of a test of another file.
describe('Review', () => {
  it('counts approvals', () => {});
});
