// Mocha repeats it: two attempts, one process.
const assert = require('assert');

let repeats = 0;
it('repeated by mocha', function () {
  this.retries(2);
  assert(++repeats > 1 || process.env.EXAMPLE_FAULTS === 'none');
});
