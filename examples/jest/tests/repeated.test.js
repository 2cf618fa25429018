// Jest repeats it: two attempts, one process.
jest.retryTimes(2);

let repeats = 0;
test('repeated by jest', () => expect(++repeats > 1 || process.env.EXAMPLE_FAULTS === 'none').toBe(true));
