const { test } = require('@playwright/test');

// Runs before the tests of each shard that need it, and is no test of its own.
test('log in', () => {});
