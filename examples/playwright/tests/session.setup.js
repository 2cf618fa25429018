const { test } = require('@playwright/test');

// Runs before the tests of each shard that need it. It is not a test itself.
test('log in', () => {});
