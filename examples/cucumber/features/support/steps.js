const assert = require('assert');
const fs = require('fs');
const { Given, Then, When } = require('@cucumber/cucumber');

const fault = (name) => (process.env.EXAMPLE_FAULTS ?? '').split(',').includes(name);
const firstAttempt = () => (process.env.E2E_ATTEMPT ?? '1') === '1';

When('a case of {string} risk is submitted', function (risk) {
  this.risk = risk;
});

Then('it is accepted', function () {
  assert.ok(this.risk);
});

Then('a message arrives', () => assert.equal(fault('flake') && firstAttempt() ? 'no message' : 'a message', 'a message'));

// Cucumber writes its messages behind the steps: the wait is for what came before.
const messages = process.argv.map((arg) => /^"message":"(.*)"$/.exec(arg)?.[1]).find(Boolean);
const written = () => !messages || fs.existsSync(messages) && fs.readFileSync(messages, 'utf8').includes('"testCaseFinished"');

Then('the case is escalated', { timeout: 60_000 }, async () => {
  if (!fault('crash')) return;
  while (!written()) await new Promise((resolve) => setTimeout(resolve, 20));
  process.kill(process.pid, 'SIGKILL');
});

Then('there are {int} approvals', function (approvals) {
  this.log('approvals: ' + (fault('fail') ? 1 : 2));
  assert.equal(fault('fail') ? 1 : 2, approvals);
});

Then('a {string} case has {int} review(s)', (risk, times) => assert.equal(risk === 'high' || fault('fail') ? 2 : 1, times));

Given('the audit service has a test instance', () => 'skipped');

Then('nothing else is looked at', () => assert.fail('never runs'));

let runs = 0;
Then('it passes the second time', () => assert.ok(++runs > 1 || process.env.EXAMPLE_FAULTS === 'none'));
