const { defineConfig } = require('cypress');

module.exports = defineConfig({
  e2e: {
    supportFile: false,
    setupNodeEvents: (on, config) => {
      config.env.ATTEMPT = process.env.E2E_ATTEMPT ?? '1';
      return config;
    },
  },
});
