const { defineConfig, devices } = require('@playwright/test');

const browser = process.env.EXAMPLE_CHROMIUM;

module.exports = defineConfig({
  testDir: './tests',
  workers: 1,
  use: {
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: browser ? { executablePath: browser, args: ['--no-sandbox'] } : {},
  },
  projects: [
    { name: 'log in', testMatch: /.*\.setup\.js/ },
    { name: 'chromium', use: devices['Desktop Chrome'], dependencies: ['log in'] },
    { name: 'mobile web', use: devices['Pixel 5'], dependencies: ['log in'], testMatch: /cases\.spec\.js/ },
  ],
});
