const fs = require('fs');

// The worker tells the runner of its tests, which writes down for the gate that they ended: the wait is for that.
const told = () => {
  const events = process.env.E2E_GATE_EVENTS;
  return !events || fs.existsSync(events) && /"finished".*notifies/.test(fs.readFileSync(events, 'utf8'));
};

function crash() {
  while (!told()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  process.kill(process.ppid, 'SIGKILL');
}

// fault tells whether a fault is switched on; "crash" ends the runner there and then.
exports.fault = (name) => {
  const on = (process.env.EXAMPLE_FAULTS ?? '').split(',').includes(name);
  if (on && name === 'crash') crash();
  return on;
};
exports.firstAttempt = () => (process.env.E2E_ATTEMPT ?? '1') === '1';
