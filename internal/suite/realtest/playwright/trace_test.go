package playwright

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testfiles"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// broken is a page whose script fails, whose server answers 500, and whose button never becomes enabled.
const broken = aPlaywrightTest + `const http = require('node:http');
let server;
test.beforeAll(async () => {
  server = http.createServer((request, response) => {
    if (request.url === '/') {
      response.setHeader('content-type', 'text/html');
      response.end('<b>SUBMITTED</b><button disabled>Pay</button><script>console.error("cannot load prices"); fetch("/pay?token=1", {method: "POST"})' +
        '.then((answer) => answer.text()).then(() => { throw new Error("prices is undefined") })</script>');
    } else {
      response.statusCode = 500;
      response.end();
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
});
test.afterAll(() => server.close());
test('state', async ({ page }) => {
  const seen = page.waitForEvent('pageerror');
  await page.goto('http://127.0.0.1:' + server.address().port + '/');
  await seen;
  await test.step('pay the cart', async () => { await expect(page.locator('b')).toHaveText('APPROVED', { timeout: 100 }) });
});
`

// TestTraceOfPlaywright: what a real trace, and the steps that the reporter tells, show of a failure.
func TestTraceOfPlaywright(t *testing.T) {
	realsuite.Slow(t)
	chromium := need.Tool(t, "chromium", "apt-get install chromium")
	tc := realsuite.Trick{Root: realsuite.WithModules(t, "playwright"), Spec: suite.Spec{Name: "s", Framework: "playwright"}, Files: map[string]string{
		"a.spec.js": broken,
		"playwright.config.js": "module.exports = { timeout: 120_000, use: { trace: 'on', launchOptions: { executablePath: " + quoted(chromium) +
			", args: ['--no-sandbox', '--disable-gpu'] } } };",
	}}
	a, tests, problems, err := tc.ListIn(t)
	if err != nil || len(problems) > 0 || len(tests) != 1 {
		t.Fatal(err, problems, tests)
	}
	rep := tc.Run(t, a, tests, os.Environ())
	list := rep.Tests[tests[0].ID]
	if len(list) != 1 || list[0].Outcome != e2e.Failed {
		t.Fatalf("%+v, %+v", list, rep.Problems)
	}
	steps := ""
	for _, e := range list[0].Evidence {
		if e.Label() == "steps" {
			steps = e.Text
		}
	}
	if !strings.Contains(steps, "✗ pay the cart (") || !strings.Contains(steps, "\n  ✗ Expect ") {
		t.Errorf("steps:\n%s", steps)
	}
	at := slices.IndexFunc(list[0].Files, testfiles.Reads)
	if at < 0 {
		t.Fatalf("no trace among %q", list[0].Files)
	}
	file, err := os.Open(list[0].Files[at])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	found, ok := testfiles.Read(file.Name(), file, info.Size(), strings.Clone)
	if !ok || found.Unread != "" || !strings.HasSuffix(found.Action, `expected "APPROVED", actual "SUBMITTED"`) ||
		!slices.Contains(found.Console, "cannot load prices") || !slices.Contains(found.Console, "uncaught: prices is undefined") ||
		len(found.Requests) != 1 || !strings.HasSuffix(found.Requests[0], "/pay?…: 500 Internal Server Error") {
		t.Errorf("%+v", found)
	}
}

func quoted(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" }
