// Runs before the tests, and not when the gate lists them.
import { writeFileSync } from 'node:fs';

export default () => writeFileSync(new URL('./set-up', import.meta.url), '');
