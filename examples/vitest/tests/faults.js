import { existsSync, readFileSync } from 'node:fs';

// fault tells whether a fault is switched on.
export const fault = (name) => (process.env.EXAMPLE_FAULTS ?? '').split(',').includes(name);

// crash ends the runner, once Vitest has told it of the tests before, which it does a few times a second: the gate's
// events then hold the end of the last of them.
export const crash = async () => {
  const events = process.env.E2E_GATE_EVENTS;
  const told = () => !events || existsSync(events) && /"finished".*notifies/.test(readFileSync(events, 'utf8'));
  while (!told()) await new Promise((resolve) => setTimeout(resolve, 20));
  process.kill(process.ppid, 'SIGKILL');
  await new Promise(() => {});
};

export const firstAttempt = () => (process.env.E2E_ATTEMPT ?? '1') === '1';
