// fault tells whether a fault is switched on; "crash" ends the worker there and then.
export const fault = (name) => {
  const on = (process.env.EXAMPLE_FAULTS ?? '').split(',').includes(name);
  if (on && name === 'crash') process.kill(process.pid, 'SIGKILL');
  return on;
};

export const firstAttempt = () => (process.env.E2E_ATTEMPT ?? '1') === '1';
