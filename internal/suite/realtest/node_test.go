package realtest

import (
	"testing"

	"github.com/org/e2e-gate/internal/suite"
)

// TestVitest holds what only some suites do.
func TestVitest(t *testing.T) {
	const head = "import { afterAll, beforeAll, describe, expect, test } from 'vitest';\n"
	const clean = head + "test('a', () => {}); test('b', () => {});\n"
	for _, tc := range []trick{
		{name: "a file that cannot be imported", files: map[string]string{"a.test.js": clean, "b.test.js": "import './none.js';\n"},
			listing: "b.test.js: Cannot find module", want: "a.test.js::a passed, a.test.js::b passed"},
		{name: "a forgotten only", files: map[string]string{"a.test.js": clean + "test.only('c', () => {});\n"}, listing: "Unexpected .only modifier",
			want: "a.test.js::a skipped, a.test.js::b skipped, a.test.js::c failed"},
		{name: "global set-up", files: map[string]string{"a.test.js": clean, "vitest.config.js": "export default { test: { globalSetup: './set-up.js' } };", "set-up.js": "export default () => { throw new Error('no database') };"},
			want: "a.test.js::a lost, a.test.js::b lost", problem: "no database"},
		{name: "afterAll", files: map[string]string{"a.test.js": clean + "afterAll(() => { throw new Error('left over') });\n"},
			want: "a.test.js::a passed, a.test.js::b passed", problem: "a.test.js: left over"},
		{name: "a rejection that nobody awaits", files: map[string]string{"a.test.js": clean + "test('c', async () => { Promise.reject(new Error('unheard')); await new Promise((r) => setTimeout(r, 50)) });\n"},
			want: "a.test.js::a passed, a.test.js::b passed, a.test.js::c passed", problem: "unheard"},
		{name: "one of many names", files: map[string]string{"a.test.js": head + "test('A', () => { throw 1 }); test('a', () => {}); test('a b', () => { throw 1 }); describe('x', () => test('a', () => { throw 1 }));\n", "sub/a.test.js": head + "test('a', () => { throw 1 });\n"},
			only: "a.test.js::a", want: "a.test.js::a passed"},
		{name: "projects", files: map[string]string{"a.test.js": clean, "vitest.config.js": "export default { test: { projects: [{ test: { name: 'one', include: ['a.test.js'] } }, { test: { name: 'two', include: ['a.test.js'] } }] } };"},
			want: "[one] a.test.js::a passed, [one] a.test.js::b passed, [two] a.test.js::a passed, [two] a.test.js::b passed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.root = withModules(t, "vitest")
			tc.spec = suite.Spec{Name: "s", Framework: "vitest", Args: []string{"--maxWorkers=1"}}
			tc.play(t)
		})
	}
}

// TestJest holds what only some suites do.
func TestJest(t *testing.T) {
	const clean = "test('a', () => {}); test('b', () => {});\n"
	const config = `{"jest": {"testEnvironment": "node"}}`
	for _, tc := range []trick{
		{name: "a file that cannot be imported", files: map[string]string{"package.json": config, "a.test.js": clean, "b.test.js": "require('./none');\n"},
			listing: "b.test.js: Cannot find module './none'", want: "a.test.js::a passed, a.test.js::b passed"},
		{name: "a forgotten only", files: map[string]string{"package.json": config, "a.test.js": clean + "test.only('c', () => {});\n"}, want: "a.test.js::a passed, a.test.js::b passed, a.test.js::c passed"},
		{name: "global set-up", files: map[string]string{"a.test.js": clean, "package.json": `{"jest": {"globalSetup": "./set-up.js"}}`, "set-up.js": "module.exports = () => { throw new Error('no database') };"},
			want: "a.test.js::a lost, a.test.js::b lost", problem: "no database"},
		{name: "one of many names", files: map[string]string{"package.json": config, "a.test.js": "test('A', () => { throw 1 }); test('a', () => {}); test('a b', () => { throw 1 }); describe('x', () => test('a', () => { throw 1 }));\n", "sub/a.test.js": "test('a', () => { throw 1 });\n"},
			only: "a.test.js::a", want: "a.test.js::a passed"},
		{name: "projects", files: map[string]string{"a.test.js": clean, "package.json": `{"jest": {"projects": [{"displayName": "one", "testMatch": ["<rootDir>/a.test.js"]}, {"displayName": "two", "testMatch": ["<rootDir>/a.test.js"]}]}}`},
			want: "[one] a.test.js::a passed, [one] a.test.js::b passed, [two] a.test.js::a passed, [two] a.test.js::b passed"},
		{name: "concurrent tests", files: map[string]string{"package.json": config, "a.test.js": "test.concurrent('a', async () => {}); test.concurrent('b', async () => { throw new Error('not this one') });\n"},
			only: "a.test.js::a", want: "a.test.js::a passed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.root = withModules(t, "jest")
			tc.spec = suite.Spec{Name: "s", Framework: "jest"}
			tc.play(t)
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
			trick{
				files: map[string]string{"package.json": "{}", "a.test.js": tc.source, "own.cjs": "module.exports = class { onRunComplete() { console.log('own') } };\n"},
				spec:  suite.Spec{Name: "s", Framework: tc.framework, Args: []string{tc.arg}}, root: withModules(t, tc.framework), want: "a.test.js::a passed",
			}.play(t)
		})
	}
}
