// Package playwrightodd tests the adapter of Playwright with odd input and with what newer versions brought, and what it keeps of a listing.
package playwrightodd

import (
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

const aPlaywrightTest = "const { test, expect } = require('@playwright/test');\n"

// TestOdd: files and tests of odd names, 5000 tests in a file, and tests that print what the gate reads.
func TestOdd(t *testing.T) {
	o := realsuite.OddSuite{
		Root: realsuite.WithModules(t, "playwright"), Spec: suite.Spec{Name: "s", Framework: "playwright", Args: []string{"--workers=1"}}, Titled: true,
		Config: map[string]string{
			"package.json":         `{"type": "module"}`,
			"playwright.config.ts": "import { defineConfig } from '@playwright/test';\nexport default defineConfig({ testDir: './t' as string });\n",
		},
		// Playwright takes #, ? and % in the path of a module of ES for those of a URL.
		Unfiled: []string{"hash#tag", "per%20cent", "wh?t"},
		File:    func(name string) string { return "t/" + name + ".spec.ts" },
		Source:  realsuite.OddNode("import { test } from '@playwright/test';\nexport const typed: string = 'TypeScript';"),
	}
	o.Play(t)
}

// TestRefused: a tool that is missing and a config that does not load are named, with what to do.
func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		config string
		words  []string
	}{
		"a config that does not parse": {"export default {\n  use: {{ a: 1 },\n};\n", []string{"playwright.config.ts", "(2:8)"}},
		"a config that throws":         {"const stage: string = 'x';\nthrow new Error('no such stage');\n", []string{"no such stage", "playwright.config.ts:2"}},
		"not installed":                {"", []string{"@playwright/test is not installed; run npm install --save-dev @playwright/test"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trick := realsuite.Trick{Spec: suite.Spec{Name: "s", Framework: "playwright"}, Files: map[string]string{"playwright.config.ts": tc.config}}
			if tc.config != "" {
				trick.Root = realsuite.WithModules(t, "playwright")
			}
			realsuite.Refused(t, trick, nil, tc.words...)
		})
	}
}

// TestMonorepo: one folder with two configs, of which the suite's arguments name one, and one below with its own.
func TestMonorepo(t *testing.T) {
	root := realsuite.WithModules(t, "playwright")
	files := map[string]string{"ui/api/playwright.config.ts": "export default { testMatch: 'b.spec.ts' };\n"}
	for _, name := range []string{"a", "b"} {
		text := "import { test } from '@playwright/test';\ntest('" + name + "', () => {});\n"
		files["ui/"+name+".config.ts"] = "export default { testMatch: '" + name + ".spec.ts', testIgnore: 'api/**' };\n"
		files["ui/"+name+".spec.ts"], files["ui/api/"+name+".spec.ts"] = text, text
	}
	for dir, args := range map[string][]string{"ui": {"--config", "a.config.ts"}, "ui/api": nil} {
		trick := realsuite.Trick{Root: root, Files: files, Spec: suite.Spec{Name: "s", Framework: "playwright", Dir: dir, Args: args}}
		_, tests, problems, err := trick.ListIn(t)
		want := map[string]string{"ui": "a.spec.ts::a", "ui/api": "b.spec.ts::b"}[dir]
		if err != nil || len(problems) > 0 || len(tests) != 1 || tests[0].Name != want {
			t.Errorf("%s: %+v, %+v, %v", dir, tests, problems, err)
		}
	}
}

// TestKept: a listing counts until what it was made of changes.
func TestKept(t *testing.T) {
	const head = "const fs = require('fs'), net = require('net'), childProcess = require('child_process'), " +
		"{ more } = require('{{outside}}/more.cjs');\n" + aPlaywrightTest
	files := map[string]string{"e2e/a.spec.js": realsuite.KeptNode(head), "e2e/playwright.config.js": "module.exports = {};"}
	realsuite.Kept(t, realsuite.WithModules(t, "playwright"), suite.Spec{Framework: "playwright"}, files)
}

// TestNewSwitches: what Playwright 1.60 to 1.65 added keeps to what the gate counts on.
func TestNewSwitches(t *testing.T) {
	const isolated = "module.exports = { retries: 2, retryStrategy: 'isolated' };"
	for _, tc := range []realsuite.Trick{
		{Name: "isolated retries come when everything else has ended",
			Files: map[string]string{"playwright.config.js": isolated, "a.spec.js": aPlaywrightTest +
				"test('a', ({}, info) => { expect(info.retry).toBe(2) }); test('b', () => {}); test('c', () => { expect(1).toBe(2) });\n"},
			Want:     "a.spec.js::a flaky, a.spec.js::b passed, a.spec.js::c failed",
			Attempts: "failed first, failed framework, passed framework, passed first, failed first, failed framework, failed framework",
			Message:  "Expected: 2", Kept: 5},
		{Name: "isolated retries of a serial group",
			Files: map[string]string{"playwright.config.js": isolated, "a.spec.js": aPlaywrightTest +
				"test.describe('s', () => { test.describe.configure({ mode: 'serial' }); test('a', () => {});\n" +
				"test('b', ({}, info) => { expect(info.retry).toBe(1) }); test('c', () => {}); });\ntest('d', () => {});\n"},
			Want: "a.spec.js::d passed, a.spec.js::s flaky", Attempts: "passed first, failed first, passed framework",
			Message: "b: Error: expect(received).toBe(expected)",
			Kept:    1},
		{Name: "a test that aborts itself has failed",
			Files: map[string]string{"playwright.config.js": "module.exports = { retries: 1 };", "a.spec.js": aPlaywrightTest +
				"test('a', () => { test.abort('shared page') }); test('b', () => {});\n"},
			Want: "a.spec.js::a failed, a.spec.js::b passed", Message: "Test aborted: shared page", Kept: 2},
		{Name: "a hook that aborts",
			Files: map[string]string{"a.spec.js": aPlaywrightTest + "test.describe('data', () => { test.beforeAll(() => { test.abort('no seed') });\n" +
				"test('a', () => {}); test('b', () => {}); });\n"},
			Want: "a.spec.js::data › a failed, a.spec.js::data › b not_run", Message: "no seed", Kept: 1},
		{Name: "a config that cuts its tests",
			Files: map[string]string{"playwright.config.js": "module.exports = { shard: { total: 2, current: 1 } };", "a.spec.js": aPlaywrightTest + "test('a', () => {});\n",
				"b.spec.js": aPlaywrightTest + "test('b', () => {});\n"},
			Want: "a.spec.js::a passed, b.spec.js::b passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			tc.Root = realsuite.WithModules(t, "playwright")
			tc.Spec = suite.Spec{Name: "s", Framework: "playwright", Args: []string{"--workers=1"}}
			tc.Play(t)
		})
	}
}
