const fs = require('fs');

// A worker of Jest tells its parent of its tests, which writes down for the gate that they ended: the wait is for that.
const told = () => {
  const events = process.env.E2E_GATE_EVENTS;
  return !events || fs.existsSync(events) && /"finished".*notifies/.test(fs.readFileSync(events, 'utf8'));
};

function crash() {
  const worker = process.env.JEST_WORKER_ID && process.send;
  while (worker && !told()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  process.kill(worker ? process.ppid : process.pid, 'SIGKILL');
}

// fault tells whether a fault is switched on; "crash" ends the runner there and then.
exports.fault = (name) => {
  const on = (process.env.EXAMPLE_FAULTS ?? '').split(',').includes(name);
  if (on && name === 'crash') crash();
  return on;
};
exports.firstAttempt = () => (process.env.E2E_ATTEMPT ?? '1') === '1';
