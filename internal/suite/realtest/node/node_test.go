// Package node tests the adapters of Vitest, Jest and Cucumber.js with the real frameworks.
package node

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestExamples(t *testing.T) {
	realsuite.Examples(t,
		realsuite.Example{
			Name: "vitest", Install: realsuite.Node,
			Failed:  []string{"tests/cases.test.js::Review > counts approvals", "tests/hooks.test.js::with a session > reads"},
			Flaky:   []string{"tests/cases.test.js::Review > notifies", "tests/cases.test.js::repeated by vitest"},
			Skipped: []string{"tests/cases.test.js::audits"},
			Crashes: "tests/cases.test.js::escalates", Before: "tests/cases.test.js::Review > counts approvals",
		},
		realsuite.Example{
			Name: "jest", Install: realsuite.Node,
			Failed:  []string{"tests/cases.test.js::Review › counts approvals", "tests/hooks.test.js::with a session › reads"},
			Flaky:   []string{"tests/cases.test.js::Review › notifies", "tests/repeated.test.js::repeated by jest"},
			Skipped: []string{"tests/cases.test.js::audits", "tests/cases.test.js::archives"},
			Crashes: "tests/cases.test.js::escalates", Before: "tests/cases.test.js::Review › counts approvals",
		},
		realsuite.Example{
			Name: "cucumber", Install: realsuite.Node,
			Failed: []string{
				"features/review.feature::Two reviewers › Approvals are counted",
				"features/review.feature::Two reviewers › Review of a low case [low | 1]",
			},
			Flaky:   []string{"features/review.feature::Reviewers are notified", "features/steps.feature::Repeated by Cucumber"},
			Skipped: []string{"features/steps.feature::The audit service"},
			Crashes: "features/review.feature::Late cases are escalated", Before: "features/review.feature::Reviewers are notified",
		},
	)
}

// Vitest and Jest never cut a file; describe.sequential declares a group.
func TestNodeGroups(t *testing.T) {
	const sequential = "import { describe, test } from 'vitest';\ntest('a', () => {});\n" +
		"describe.sequential('steps', () => {\n  test('b', () => {});\n  describe('more', () => { test('c', () => {}); });\n});\n" +
		"describe.concurrent('all', () => {\n  describe('in order', { sequential: true }, () => { test('d', () => {}); });\n  test('e', () => {});\n});\n"
	for _, tc := range []struct{ framework, file, text, want string }{
		{"vitest", "a.test.js", sequential, "a.test.js::a , a.test.js::all > e , a.test.js::all > in order > d s/a.test.js::all > in order, " +
			"a.test.js::steps > b s/a.test.js::steps, a.test.js::steps > more > c s/a.test.js::steps"},
		{"jest", "a.test.js", "test('a', () => {}); test('b', () => {});\n", "a.test.js::a , a.test.js::b "},
	} {
		t.Run(tc.framework, func(t *testing.T) {
			trick := realsuite.Trick{Root: realsuite.WithModules(t, tc.framework),
				Files: map[string]string{tc.file: tc.text, "package.json": "{}"},
				Spec:  suite.Spec{Name: "s", Framework: tc.framework}}
			_, tests, problems, err := trick.ListIn(t)
			var got []string
			for _, test := range tests {
				got = append(got, test.Name+" "+test.Group)
				if test.Keep != "s/"+test.File {
					t.Errorf("%s keeps %q", test.Name, test.Keep)
				}
			}
			slices.Sort(got)
			if list := strings.Join(got, ", "); err != nil || len(problems) > 0 || list != tc.want {
				t.Errorf("got  %s\nwant %s (%v, %+v)", list, tc.want, err, problems)
			}
		})
	}
}

// A snapshot that no test uses is an alarm of the whole suite: not while tests are listed, and not in
// a process that runs a part. So are thresholds that the flags of a suite set.
func TestAlarms(t *testing.T) {
	for framework, trick := range map[string]realsuite.Trick{
		"jest": {Spec: suite.Spec{Args: []string{"--coverage", "--coverageThreshold", `{"global":{"lines":100}}`}}, Files: map[string]string{
			"package.json": `{"jest": {"testEnvironment": "node"}}`, "a.js": "module.exports = (x) => { if (x) { return 1; }\nreturn 2; };\n",
			"a.test.js":                    "const f = require('./a'); test('a', () => { expect(f(true)).toMatchSnapshot(); });\n",
			"__snapshots__/a.test.js.snap": "// Jest Snapshot v1, https://jestjs.io/docs/snapshot-testing\n\nexports[`a 1`] = `1`;\n\nexports[`gone 1`] = `1`;\n",
		}},
		"vitest": {Spec: suite.Spec{Args: []string{"--coverage", "--coverage.thresholds.lines=100"}}, Files: map[string]string{
			"a.js": "export const f = (x) => { if (x) { return 1; }\nreturn 2; };\n",
			"a.test.js": "import { expect, test } from 'vitest';\nimport { f } from './a.js';\n" +
				"test('a', () => { expect(f(true)).toMatchSnapshot(); });\n",
			"__snapshots__/a.test.js.snap": "// Vitest Snapshot v1, https://vitest.dev/guide/snapshot.html\n\nexports[`a 1`] = `1`;\n\nexports[`gone 1`] = `1`;\n",
		}},
	} {
		t.Run(framework, func(t *testing.T) {
			t.Setenv("CI", "1") // else Vitest updates snapshots
			trick.Root = realsuite.WithModules(t, framework)
			trick.Spec.Name, trick.Spec.Framework = "s", framework
			// Only Vitest clears its folder of coverage when it starts.
			trick.Alarms(t, framework == "vitest", "the coverage thresholds", "unused snapshots")
		})
	}
}

// TestVitest holds what only some suites do.
func TestVitest(t *testing.T) {
	const head = "import { afterAll, beforeAll, describe, expect, test } from 'vitest';\n"
	const clean = head + "test('a', () => {}); test('b', () => {});\n"
	for _, tc := range []realsuite.Trick{
		{Name: "a file that cannot be imported", Files: map[string]string{"a.test.js": clean, "b.test.js": "import './none.js';\n"},
			Listing: "b.test.js: Cannot find module", Want: "a.test.js::a passed, a.test.js::b passed"},
		{Name: "a forgotten only", Files: map[string]string{"a.test.js": clean + "test.only('c', () => {});\n"}, Listing: "Unexpected .only modifier",
			Want: "a.test.js::a skipped, a.test.js::b skipped, a.test.js::c failed"},
		{Name: "global set-up",
			Files: map[string]string{
				"a.test.js":        clean,
				"vitest.config.js": "export default { test: { globalSetup: './set-up.js' } };",
				"set-up.js":        "export default () => { throw new Error('no database') };",
			},
			Want: "a.test.js::a lost, a.test.js::b lost", Problem: "no database"},
		{Name: "an exit status of its own beside a failure",
			Files: map[string]string{
				"a.test.js":        "import { test } from 'vitest';\ntest('a', () => { throw new Error('boom') });\n",
				"vitest.config.js": "process.on('exit', () => { if (process.env.E2E_GATE_SELECTION) process.exit(7) }); export default {};",
			},
			Want: "a.test.js::a failed", Message: "boom", Problem: "exit status 7, which its failed tests do not explain: its status for those is 1"},
		{Name: "afterAll", Files: map[string]string{"a.test.js": clean + "afterAll(() => { throw new Error('left over') });\n"},
			Want: "a.test.js::a passed, a.test.js::b passed", Problem: "a.test.js: left over"},
		{Name: "two tests of one title",
			Files: map[string]string{"a.test.js": head + "test('a', () => {}); test('a', () => { throw new Error('boom') });\n"},
			Want:  "a.test.js::a failed", Attempts: "#1 passed first, #2 failed first", Message: "boom", Problem: "several tests share one id"},
		{Name: "two tests of one title, each repeated",
			Files: map[string]string{"a.test.js": head + "let n = 0; for (const i of [1, 2]) test('a', { retry: 1 }, () => { if (n++ % 2 === 0) throw new Error('boom') });\n"},
			Want:  "a.test.js::a flaky", Attempts: "#1 failed first, #1 passed framework, #2 failed first, #2 passed framework",
			Message: "boom", Problem: "several tests share one id"},
		{Name: "an expected failure with retries",
			Files: map[string]string{"a.test.js": head + "test.fails('a', { retry: 2 }, () => { throw new Error('known') });\n"},
			Want:  "a.test.js::a passed", Attempts: "passed first"},
		{Name: "a flake beside an error outside of tests",
			Files: map[string]string{"a.test.js": head + "let n = 0; test('a', { retry: 1 }, () => { if (n++ === 0) throw new Error('boom') });\nafterAll(() => { throw new Error('left over') });\n"},
			Want:  "a.test.js::a flaky", Problem: "left over", Message: "boom"},
		{Name: "an unhandled rejection",
			Files: map[string]string{
				"a.test.js": clean + "test('c', async () => { Promise.reject(new Error('unheard')); await new Promise((r) => setTimeout(r, 50)) });\n",
			},
			Want: "a.test.js::a passed, a.test.js::b passed, a.test.js::c passed", Problem: "unheard"},
		{Name: "one of many names",
			Files: map[string]string{
				"a.test.js": head + "test('A', () => { throw 1 }); test('a', () => {}); test('a b', () => { throw 1 }); " +
					"describe('x', () => test('a', () => { throw 1 }));\n",
				"sub/a.test.js": head + "test('a', () => { throw 1 });\n",
			},
			Only: "a.test.js::a", Want: "a.test.js::a passed"},
		{Name: "projects",
			Files: map[string]string{
				"a.test.js": clean,
				"vitest.config.js": "export default { test: { projects: [{ test: { name: 'one', include: ['a.test.js'] } }, " +
					"{ test: { name: 'two', include: ['a.test.js'] } }] } };",
			},
			Want: "[one] a.test.js::a passed, [one] a.test.js::b passed, [two] a.test.js::a passed, [two] a.test.js::b passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			tc.Root = realsuite.WithModules(t, "vitest")
			tc.Spec = suite.Spec{Name: "s", Framework: "vitest", Args: []string{"--maxWorkers=1"}}
			tc.Play(t)
		})
	}
}

// TestJest holds what only some suites do.
func TestJest(t *testing.T) {
	const clean = "test('a', () => {}); test('b', () => {});\n"
	const config = `{"jest": {"testEnvironment": "node"}}`
	for _, tc := range []realsuite.Trick{
		{Name: "a file that cannot be imported", Files: map[string]string{"package.json": config, "a.test.js": clean, "b.test.js": "require('./none');\n"},
			Listing: "b.test.js: Cannot find module './none'", Want: "a.test.js::a passed, a.test.js::b passed"},
		{Name: "an exit status of its own beside a failure",
			Files: map[string]string{
				"package.json": `{"jest": {"globalSetup": "./set-up.js"}}`, "a.test.js": "test('a', () => { throw new Error('boom') });\n",
				"set-up.js": "module.exports = () => { process.on('exit', () => process.exit(7)) };",
			},
			Want: "a.test.js::a failed", Message: "boom", Problem: "exit status 7, which its failed tests do not explain: its status for those is 1"},
		{Name: "a database for each worker",
			Files: map[string]string{
				"package.json": config,
				"own.js": "module.exports = () => { const n = process.env.E2E_WORKER; expect(process.env.DATABASE_URL).toBe('db' + n); " +
					"expect(Number(process.env.JEST_WORKER_ID)).toBe(Number(n) + 1); };\n",
				"a.test.js": "const url = process.env.DATABASE_URL; test('a', () => { require('./own')(); expect(url).toBe(process.env.DATABASE_URL); });\n",
				"b.test.js": "test('b', require('./own'));\n", "c.test.js": "test('c', require('./own'));\n",
			},
			Args: []string{"--maxWorkers=2"}, Env: []string{"E2E_WORKERS=2", "E2E_WORKER_VARIABLES=DATABASE_URL", "DATABASE_URL=db0", "DATABASE_URL_0=db0", "DATABASE_URL_1=db1"},
			Want: "a.test.js::a passed, b.test.js::b passed, c.test.js::c passed"},
		{Name: "fewer databases than workers", Files: map[string]string{"package.json": config, "a.test.js": clean},
			Env:  []string{"E2E_WORKERS=1", "E2E_WORKER_VARIABLES=DATABASE_URL", "DATABASE_URL=db0"},
			Want: "a.test.js::a lost, a.test.js::b lost", Problem: "worker 0 has no database of its own"},
		{Name: "a status for failures of its own",
			Files: map[string]string{"package.json": `{"jest": {"testFailureExitCode": 42}}`, "a.test.js": "test('a', () => { throw new Error('boom') });\n"},
			Want:  "a.test.js::a failed", Message: "boom"},
		{Name: "a forgotten only",
			Files: map[string]string{"package.json": config, "a.test.js": clean + "test.only('c', () => {});\n"},
			Want:  "a.test.js::a passed, a.test.js::b passed, a.test.js::c passed"},
		{Name: "global set-up",
			Files: map[string]string{
				"a.test.js":    clean,
				"package.json": `{"jest": {"globalSetup": "./set-up.js"}}`,
				"set-up.js":    "module.exports = () => { throw new Error('no database') };",
			},
			Want: "a.test.js::a lost, a.test.js::b lost", Problem: "no database"},
		{Name: "one of many names",
			Files: map[string]string{
				"package.json":  config,
				"a.test.js":     "test('A', () => { throw 1 }); test('a', () => {}); test('a b', () => { throw 1 }); describe('x', () => test('a', () => { throw 1 }));\n",
				"sub/a.test.js": "test('a', () => { throw 1 });\n",
			},
			Only: "a.test.js::a", Want: "a.test.js::a passed"},
		{Name: "projects",
			Files: map[string]string{
				"a.test.js": clean,
				"package.json": `{"jest": {"projects": [{"displayName": "one", "testMatch": ["<rootDir>/a.test.js"]}, ` +
					`{"displayName": "two", "testMatch": ["<rootDir>/a.test.js"]}]}}`,
			},
			Want: "[one] a.test.js::a passed, [one] a.test.js::b passed, [two] a.test.js::a passed, [two] a.test.js::b passed"},
		{Name: "two tests of one title",
			Files: map[string]string{"package.json": config, "a.test.js": "test('a', () => {}); test('a', () => { throw new Error('boom') });\n"},
			Want:  "a.test.js::a failed", Attempts: "#1 passed first, #2 failed first", Message: "boom", Problem: "several tests share one id"},
		{Name: "projects of one file that fail apart",
			Files: map[string]string{
				"a.test.js": "jest.retryTimes(1); let n = 0; test('a', () => { if (n++ === 0 && IN === 'two') throw new Error('boom') });\n" +
					"test('b', () => { if (IN === 'two') throw new Error('boom') });\n",
				"package.json": `{"jest": {"projects": [{"displayName": "one", "testMatch": ["<rootDir>/a.test.js"], "globals": {"IN": "one"}}, ` +
					`{"displayName": "two", "testMatch": ["<rootDir>/a.test.js"], "globals": {"IN": "two"}}]}}`,
			},
			Want:     "[one] a.test.js::a passed, [one] a.test.js::b passed, [two] a.test.js::a flaky, [two] a.test.js::b failed",
			Attempts: "passed first, passed first, failed first, passed framework, failed first, failed framework", Message: "boom"},
		{Name: "two tests of one title, one skipped",
			Files: map[string]string{"package.json": config, "a.test.js": "test('a', () => {}); test.skip('a', () => {});\n"},
			Want:  "a.test.js::a passed", Attempts: "#1 passed first, #2 skipped first", Problem: "several tests share one id"},
		{Name: "two tests of one title, each repeated",
			Files: map[string]string{"package.json": config,
				"a.test.js": "jest.retryTimes(1); let n = 0; for (const i of [1, 2]) test('a', () => { if (n++ < 2) throw new Error('boom') });\n"},
			Want: "a.test.js::a flaky", Attempts: "#1 failed first, #1 passed framework, #2 failed first, #2 passed framework",
			Message: "boom", Problem: "several tests share one id"},
		{Name: "an expected failure with retries",
			Files: map[string]string{"package.json": config, "a.test.js": "jest.retryTimes(2); test.failing('a', () => { throw new Error('known') });\n"},
			Want:  "a.test.js::a passed", Attempts: "passed first"},
		{Name: "concurrent tests",
			Files: map[string]string{
				"package.json": config,
				"a.test.js":    "test.concurrent('a', async () => {}); test.concurrent('b', async () => { throw new Error('not this one') });\n",
			},
			Only: "a.test.js::a", Want: "a.test.js::a passed"},
		{Name: "workers", Args: []string{"--maxWorkers=2"}, Worker: "1",
			Files: map[string]string{"package.json": config, "a.test.js": clean, "b.test.js": "test('c', () => {});\n"}, Only: "a.test.js::a", Want: "a.test.js::a passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			tc.Root = realsuite.WithModules(t, "jest")
			tc.Spec = suite.Spec{Name: "s", Framework: "jest", Args: tc.Args}
			tc.Play(t)
		})
	}
}

// Other reporters of the user run beside ours.
func TestReportersBesideOurs(t *testing.T) {
	for _, tc := range []struct{ framework, arg, source string }{
		{"vitest", "--reporter=json", "import { test } from 'vitest'; test('a', () => {});\n"},
		{"jest", "--reporters=<rootDir>/own.cjs", "test('a', () => {});\n"},
	} {
		t.Run(tc.framework, func(t *testing.T) {
			realsuite.Trick{
				Files: map[string]string{"package.json": "{}", "a.test.js": tc.source, "own.cjs": "module.exports = class { onRunComplete() { console.log('own') } };\n"},
				Spec:  suite.Spec{Name: "s", Framework: tc.framework, Args: []string{tc.arg}}, Root: realsuite.WithModules(t, tc.framework), Want: "a.test.js::a passed",
			}.Play(t)
		})
	}
}

func TestContract(t *testing.T) {
	realsuite.PlayContract(t, "vitest", realsuite.ModulesOf("vitest"))
	realsuite.PlayContract(t, "jest", realsuite.ModulesOf("jest"))
	realsuite.PlayContract(t, "cucumber", realsuite.ModulesOf("cucumber"))
	realsuite.PlayContract(t, "cypress", cypress)
}

// cypress puts the script beside a project that plays Cypress, which is too large a download.
func cypress(t *testing.T, dir string) []string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("..", "..", "cypress", "testdata", "cypress.cjs"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "cypress.cjs"), script, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return nil
}
