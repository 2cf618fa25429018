// fault tells whether a fault is switched on.
export const fault = (name) => (process.env.EXAMPLE_FAULTS ?? '').split(',').includes(name);

// crash ends the runner, once Vitest has told it of the tests before: it does so a
// few times a second.
export const crash = async () => {
  await new Promise((resolve) => setTimeout(resolve, 500));
  process.kill(process.ppid, 'SIGKILL');
  await new Promise(() => {});
};

export const firstAttempt = () => (process.env.E2E_ATTEMPT ?? '1') === '1';
