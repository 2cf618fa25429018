// Package playwright tests the adapter of Playwright with the real framework.
package playwright

import (
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestExamples(t *testing.T) {
	realsuite.Examples(t,
		realsuite.Example{
			Name: "playwright", Install: realsuite.Chromium,
			Failed: []string{"[chromium] tests/page.spec.js::counts approvals"},
			Flaky: []string{
				"[chromium] tests/cases.spec.js::Review › notifies",
				"[mobile web] tests/cases.spec.js::Review › notifies",
				"[chromium] tests/steps.spec.js::a case from start to end",
			},
			Skipped: []string{"[chromium] tests/cases.spec.js::audits", "[mobile web] tests/cases.spec.js::audits"},
			Crashes: "[chromium] tests/cases.spec.js::escalates", Before: "[chromium] tests/cases.spec.js::Review › approves",
			Evidence: []string{"/trace.zip", ".png"},
		},
	)
}

const aPlaywrightTest = "const { test, expect } = require('@playwright/test');\n"

// TestPlaywright holds what only some suites do. None of it needs a browser.
func TestPlaywright(t *testing.T) {
	const clean = aPlaywrightTest + "test('a', () => {}); test('b', () => {});\n"
	for _, tc := range []realsuite.Trick{
		{Name: "a file that does not parse", Files: map[string]string{"a.spec.js": clean, "b.spec.js": "test('x', () => {"},
			Listing: "SyntaxError"}, // then Playwright lists nothing at all
		{Name: "a forgotten only", Files: map[string]string{"a.spec.js": clean + "test.only('c', () => {});\n"},
			Listing: "focused"},
		{Name: "global set-up", Files: map[string]string{"a.spec.js": clean,
			"playwright.config.js": "module.exports = { globalSetup: './globalSetup.js' };",
			"globalSetup.js":       "module.exports = () => { throw new Error('no database') };"},
			Want: "a.spec.js::a lost, a.spec.js::b lost", Problem: "no database"},
		{Name: "a set-up project", Files: map[string]string{"a.spec.js": clean, "b.setup.js": aPlaywrightTest + "test('log in', () => { expect(1).toBe(2) });\n",
			"playwright.config.js": "module.exports = { projects: [{ name: 'set-up', testMatch: /setup/ }, { name: 'main', dependencies: ['set-up'] }] };"},
			Want: "[main] a.spec.js::a lost, [main] a.spec.js::b lost", Problem: "[set-up] b.setup.js::log in, which other projects depend on, failed"},
		{Name: "a set-up project that is repeated",
			Files: map[string]string{"a.spec.js": clean, "b.setup.js": aPlaywrightTest + "test('log in', ({}, info) => { expect(info.retry).toBe(1) });\n",
				"playwright.config.js": "module.exports = { retries: 1, projects: [{ name: 'set-up', testMatch: /setup/ }, { name: 'main', dependencies: ['set-up'] }] };"},
			Want: "[main] a.spec.js::a passed, [main] a.spec.js::b passed", Worker: "2"},
		{Name: "what a failed beforeAll keeps from running",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test.describe('data', () => { test.beforeAll(() => { throw new Error('no seed') });\n" +
				"test('a', () => {}); test('b', () => {}); test.skip('c', () => {}); }); test('d', () => {});\n"},
			Want: "a.spec.js::d passed, a.spec.js::data › a failed, a.spec.js::data › b not_run, a.spec.js::data › c skipped", Message: "no seed", Kept: 1},
		{Name: "what skips itself was not kept from running",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test.describe('all', () => { test.beforeAll(() => { test.skip(true, 'no data') });\n" +
				"test('a', () => {}); test('b', () => {}); }); test('c', () => { test.skip(); }); test.fixme('d', () => {}); test('e', () => {});\n"},
			Want: "a.spec.js::all › a skipped, a.spec.js::all › b skipped, a.spec.js::c skipped, a.spec.js::d skipped, a.spec.js::e passed"},
		{Name: "a beforeAll that a retry made good keeps nothing from running",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test.describe('data', () => {\n" +
				"test.beforeAll(({}, info) => { if (info.retry === 0) throw new Error('no seed') }); test('a', () => {}); test('b', () => {}); });\n",
				"playwright.config.js": "module.exports = { retries: 1 };"},
			Want: "a.spec.js::data › a flaky, a.spec.js::data › b passed", Message: "no seed", Kept: 1},
		{Name: "a serial group that a failed beforeAll keeps from running",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test.describe('data', () => { test.beforeAll(() => { throw new Error('no seed') });\n" +
				"test('a', () => {}); test.describe('steps', () => { test.describe.configure({ mode: 'serial' }); test('b', () => {}); test('c', () => {}); }); });\n"},
			Want: "a.spec.js::data › a failed, a.spec.js::data › steps not_run", Message: "no seed", Kept: 1},
		{Name: "an exit status of its own beside a failure",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test('a', () => { throw new Error('boom') });\n",
				"playwright.config.js": "module.exports = { globalTeardown: './down.js' };",
				"down.js":              "module.exports = () => { process.on('exit', () => process.exit(7)) };"},
			Want: "a.spec.js::a failed", Message: "boom", Kept: 1, Problem: "exit status 7, which its failed tests do not explain: its status for those is 1"},
		{Name: "a serial group that is cut off",
			Files: map[string]string{
				"a.spec.js": aPlaywrightTest + "test.describe.configure({ mode: 'serial' }); test('a', () => {}); " +
					"test('b', () => process.kill(process.ppid, 'SIGKILL'));\n",
			},
			Want: "a.spec.js::(in order) lost", Problem: "ended before it had reported everything while these ran: a.spec.js::(in order)"},
		{Name: "a serial group that fails",
			Files: map[string]string{
				"a.spec.js": aPlaywrightTest + "test.describe.configure({ mode: 'serial' }); test('a', () => {}); test('b', () => { expect(1).toBe(2) }); " +
					"test('c', () => {});\n",
			},
			Want: "a.spec.js::(in order) failed", Message: "b: Error: expect(received).toBe(expected)", Kept: 1},
		{Name: "expected to fail", Files: map[string]string{"a.spec.js": aPlaywrightTest + "test('a', () => { test.fail() });\n"},
			Want: "a.spec.js::a failed", Message: "expected to fail, but passed"},
		{Name: "an expected failure with retries",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test.fail('a', () => { expect(1).toBe(2) });\n",
				"playwright.config.js": "module.exports = { retries: 2 };"},
			Want: "a.spec.js::a passed", Attempts: "passed first", Kept: 1},
		{Name: "passes on its second retry",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test('a', ({}, info) => { expect(info.retry).toBe(2) });\n",
				"playwright.config.js": "module.exports = { retries: 2 };"},
			Want: "a.spec.js::a flaky", Attempts: "failed first, failed framework, passed framework", Message: "Expected: 2", Kept: 2},
		{Name: "flakes that fail the run",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test('a', ({}, info) => { expect(info.retry).toBe(1) });\n",
				"playwright.config.js": "module.exports = { retries: 1, failOnFlakyTests: true };"},
			Want: "a.spec.js::a flaky", Attempts: "failed first, passed framework", Message: "Expected: 1", Kept: 1},
		{Name: "a flake beside a tear-down that fails",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test('a', ({}, info) => { expect(info.retry).toBe(1) });\n",
				"playwright.config.js": "module.exports = { retries: 1, globalTeardown: './down.js' };",
				"down.js":              "module.exports = () => { throw new Error('left over') };"},
			Want: "a.spec.js::a flaky", Problem: "left over", Message: "Expected: 1", Kept: 1},
		{Name: "each test twice",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test('a', ({}, info) => { expect(info.repeatEachIndex).toBe(0) });\n",
				"playwright.config.js": "module.exports = { repeatEach: 2 };"},
			Want: "a.spec.js::a failed", Attempts: "#1 passed first, #2 failed first", Problem: "several tests share one id", Message: "Expected: 0", Kept: 1},
		{Name: "a timeout",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test('a', async () => { test.setTimeout(50); await new Promise(() => {}) });\n"},
			Want:  "a.spec.js::a failed", Message: "Test timeout of 50ms exceeded", Kept: 1},
		{Name: "one of many titles", Files: map[string]string{"a.spec.js": odd}, Only: "a.spec.js::p › a b", Want: "a.spec.js::p › a b passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			tc.Root = realsuite.WithModules(t, "playwright")
			tc.Spec = suite.Spec{Name: "s", Framework: "playwright", Args: []string{"--workers=1"}}
			tc.Play(t)
		})
	}
}

// odd fails if more tests are run than the selected one.
const odd = aPlaywrightTest + `test('p', () => { expect(1).toBe(2) });
test.describe('p', { tag: '@x' }, () => {
  test('a b', { tag: '@y' }, () => {});
  for (const title of ['a', 'a b c', 'A B', 'x › a b']) test(title, () => { expect(1).toBe(2) });
});
`

// TestOldPlaywright: before 1.62 a reporter could not choose the tests.
func TestOldPlaywright(t *testing.T) {
	for only, want := range map[string]string{
		"a.spec.js::p › a b":         "passed",
		"a.spec.js::p › x › a b":     "failed",
		"b/a.spec.js::a/b (1+1) $\n": "passed",
	} {
		tc := realsuite.Trick{Files: map[string]string{
			"a.spec.js":   odd,
			"b/a.spec.js": aPlaywrightTest + "test('a/b (1+1) $\\n', () => {}); test('a', () => { expect(1).toBe(2) });\n",
		}, Only: only, Want: only + " " + want}
		tc.Files["playwright.config.js"] = "module.exports = { shard: { total: 2, current: 2 } };"
		tc.Root = realsuite.WithModules(t, "old")
		tc.Spec = suite.Spec{Name: "s", Framework: "playwright"}
		tc.Play(t)
	}
}

// Playwright never cuts a file, unless its tests are parallel.
func TestPlaywrightKeeps(t *testing.T) {
	const suites = aPlaywrightTest + "test('a', () => {}); test.describe('b', () => { test.describe.configure({ mode: 'default' }); test('c', () => {}); });\n"
	for name, want := range map[string]string{
		"module.exports = {};":                                          "a.spec.js::a s/a.spec.js, a.spec.js::b › c s/a.spec.js",
		"module.exports = { fullyParallel: true };":                     "a.spec.js::a , a.spec.js::b › c s/a.spec.js::b",
		"module.exports = { projects: [{ name: 'one' }], retries: 1 };": "[one] a.spec.js::a s/[one] a.spec.js, [one] a.spec.js::b › c s/[one] a.spec.js",
	} {
		tc := realsuite.Trick{Files: map[string]string{"a.spec.js": suites, "playwright.config.js": name}, Spec: suite.Spec{Name: "s", Framework: "playwright"}}
		tc.Root = realsuite.WithModules(t, "playwright")
		_, tests, problems, err := tc.ListIn(t)
		var got []string
		for _, test := range tests {
			got = append(got, test.Name+" "+test.Keep)
		}
		slices.Sort(got)
		if list := strings.Join(got, ", "); err != nil || len(problems) > 0 || list != want {
			t.Errorf("%s: got %s, want %s (%v, %+v)", name, list, want, err, problems)
		}
	}
}

func TestContract(t *testing.T) {
	realsuite.PlayContract(t, "playwright", realsuite.ModulesOf("playwright"))
}
