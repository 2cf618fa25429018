// A test with a page: its trace and screenshot are kept when it fails.
const { test, expect } = require('@playwright/test');
const { fault } = require('./faults');

// Fails with the fault "fail".
test('counts approvals', { annotation: { type: 'e2e.expected', description: '2 approvals' } }, async ({ page }) => {
  await page.setContent(`<output>${fault('fail') ? 1 : 2} approvals</output>`);
  await expect(page.locator('output')).toHaveText('2 approvals', { timeout: 500 });
});
