// With the fault "fail" a hook fails, and with it the test that needs it.
import { fault } from './faults.js';

describe('with a session', () => {
  before(() => expect(fault('fail')).toBe(false));
  it('reads', () => {});
});

// The name of a test of another file.
describe('Review', () => {
  it('counts approvals', () => {});
});
