// Mocha repeats it: two attempts, one session.
let repeats = 0;
it('repeated by mocha', function () {
  this.retries(2);
  expect(++repeats > 1 || process.env.EXAMPLE_FAULTS === 'none').toBe(true);
});
