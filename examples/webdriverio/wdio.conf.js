import { writeFileSync } from 'node:fs';

const { EXAMPLE_CHROMIUM: binary, EXAMPLE_CHROMEDRIVER: driver } = process.env;

export const config = {
  runner: 'local',
  specs: ['./tests/**/*.e2e.js'],
  maxInstances: 1,
  logLevel: 'error',
  capabilities: [{
    browserName: 'chrome',
    'goog:chromeOptions': { args: ['--headless=new', '--no-sandbox', '--disable-gpu'], ...binary ? { binary } : {} },
    ...driver ? { 'wdio:chromedriverOptions': { binary: driver } } : {},
  }],
  framework: 'mocha',
  mochaOpts: { ui: 'bdd', timeout: 120_000 },
  reporters: ['spec'],
  // Runs before the tests, and not when the gate lists them.
  onPrepare: () => writeFileSync(new URL('./set-up', import.meta.url), ''),
};
