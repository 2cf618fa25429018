// With the fault "fail" a hook fails, and with it the test that needs it.
import { beforeAll, describe, expect, test } from 'vitest';
import { fault } from './faults.js';

describe('with a session', () => {
  beforeAll(() => expect(fault('fail')).toBe(false));
  test('reads', () => {});
});

// The name of a test of another file.
describe('Review', () => {
  test('counts approvals', () => {});
});
