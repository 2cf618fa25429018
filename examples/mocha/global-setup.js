// Runs before the tests, and not when the gate lists them.
exports.mochaGlobalSetup = () => require('fs').writeFileSync(require('path').join(__dirname, 'set-up'), '');
