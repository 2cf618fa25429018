module.exports = {
  testEnvironment: 'node',
  globalSetup: './global-setup.js',
};
