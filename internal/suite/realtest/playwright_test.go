package realtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
)

const aPlaywrightTest = "const { test, expect } = require('@playwright/test');\n"

// TestPlaywright holds what only some suites do. None of it needs a browser.
func TestPlaywright(t *testing.T) {
	const clean = aPlaywrightTest + "test('a', () => {}); test('b', () => {});\n"
	for _, tc := range []trick{
		{name: "a file that does not parse", files: map[string]string{"a.spec.js": clean, "b.spec.js": "test('x', () => {"},
			listing: "SyntaxError"}, // then Playwright lists nothing at all
		{name: "a forgotten only", files: map[string]string{"a.spec.js": clean + "test.only('c', () => {});\n"},
			listing: "focused"},
		{name: "global set-up", files: map[string]string{"a.spec.js": clean,
			"playwright.config.js": "module.exports = { globalSetup: './globalSetup.js' };",
			"globalSetup.js":       "module.exports = () => { throw new Error('no database') };"},
			want: "a.spec.js::a lost, a.spec.js::b lost", problem: "no database"},
		{name: "a set-up project", files: map[string]string{"a.spec.js": clean, "b.setup.js": aPlaywrightTest + "test('log in', () => { expect(1).toBe(2) });\n",
			"playwright.config.js": "module.exports = { projects: [{ name: 'set-up', testMatch: /setup/ }, { name: 'main', dependencies: ['set-up'] }] };"},
			want: "[main] a.spec.js::a lost, [main] a.spec.js::b lost", problem: "[set-up] b.setup.js::log in, which other projects depend on, failed"},
		{name: "a set-up project that is repeated", files: map[string]string{"a.spec.js": clean, "b.setup.js": aPlaywrightTest + "test('log in', ({}, info) => { expect(info.retry).toBe(1) });\n",
			"playwright.config.js": "module.exports = { retries: 1, projects: [{ name: 'set-up', testMatch: /setup/ }, { name: 'main', dependencies: ['set-up'] }] };"},
			want: "[main] a.spec.js::a passed, [main] a.spec.js::b passed"},
		{name: "a serial group that is cut off", files: map[string]string{"a.spec.js": aPlaywrightTest + "test.describe.configure({ mode: 'serial' }); test('a', () => {}); test('b', () => process.kill(process.ppid, 'SIGKILL'));\n"},
			want: "a.spec.js::(in order) lost", problem: "ended before it had reported everything while these ran: a.spec.js::(in order)"},
		{name: "a serial group that fails", files: map[string]string{"a.spec.js": aPlaywrightTest + "test.describe.configure({ mode: 'serial' }); test('a', () => {}); test('b', () => { expect(1).toBe(2) }); test('c', () => {});\n"},
			want: "a.spec.js::(in order) failed", message: "b: Error: expect(received).toBe(expected)", kept: 1},
		{name: "expected to fail", files: map[string]string{"a.spec.js": aPlaywrightTest + "test('a', () => { test.fail() });\n"},
			want: "a.spec.js::a failed", message: "expected to fail, but passed"},
		{name: "a timeout", files: map[string]string{"a.spec.js": aPlaywrightTest + "test('a', async () => { test.setTimeout(50); await new Promise(() => {}) });\n"},
			want: "a.spec.js::a failed", message: "Test timeout of 50ms exceeded", kept: 1},
		{name: "one of many titles", files: map[string]string{"a.spec.js": odd}, only: "a.spec.js::p › a b", want: "a.spec.js::p › a b passed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.root = withModules(t, "playwright")
			tc.spec = suite.Spec{Name: "s", Framework: "playwright", Args: []string{"--workers=1"}}
			tc.play(t)
		})
	}
}

// odd fails whenever more than the one test is run that its users ask for.
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
		tc := trick{files: map[string]string{"a.spec.js": odd, "b/a.spec.js": aPlaywrightTest + "test('a/b (1+1) $\\n', () => {}); test('a', () => { expect(1).toBe(2) });\n"}, only: only, want: only + " " + want}
		tc.root = withModules(t, "playwright/old")
		tc.spec = suite.Spec{Name: "s", Framework: "playwright"}
		tc.play(t)
	}
}

// withModules is an empty folder with the packages of an example.
func withModules(t *testing.T, name string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join("../../../examples", name)
	if _, err := os.Stat(dir); err != nil {
		dir = filepath.Join("testdata", name)
	}
	if err := os.Symlink(filepath.Join(modules(t, dir), "node_modules"), filepath.Join(root, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return root
}
