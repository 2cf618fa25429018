// fault tells whether a fault is switched on; "crash" ends the runner there and then.
exports.fault = (name) => {
  const on = (process.env.EXAMPLE_FAULTS ?? '').split(',').includes(name);
  if (on && name === 'crash') process.kill(process.pid, 'SIGKILL');
  return on;
};
exports.firstAttempt = () => (process.env.E2E_ATTEMPT ?? '1') === '1';
