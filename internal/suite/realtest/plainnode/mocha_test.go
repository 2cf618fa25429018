// Package plainnode runs suites of frameworks that load their tests as they are: Mocha and node:test.
package plainnode

import (
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestMochaExample(t *testing.T) {
	realsuite.Examples(t, realsuite.Example{
		Name: "mocha", Install: realsuite.Node,
		Failed:  []string{"tests/cases.test.js::Review › counts approvals", "tests/hooks.test.js::with a session › reads"},
		Flaky:   []string{"tests/cases.test.js::Review › notifies", "tests/repeated.test.js::repeated by mocha"},
		Skipped: []string{"tests/cases.test.js::Late cases › audits", "tests/cases.test.js::Late cases › archives"},
		Crashes: "tests/cases.test.js::Late cases › escalates", Before: "tests/cases.test.js::Review › counts approvals",
	})
}

func TestMochaContract(t *testing.T) {
	realsuite.PlayContract(t, "mocha", realsuite.ModulesOf("mocha"))
}

// TestMocha holds what only some suites do.
func TestMocha(t *testing.T) {
	const clean = "it('a', () => {}); it('b', () => {});\n"
	for _, tc := range []realsuite.Trick{
		{Name: "a file that cannot be imported", Files: map[string]string{"test/a.js": clean, "test/b.mjs": "import './none.js';\n"},
			Listing: "test/b.mjs cannot be loaded: Cannot find module", Want: "test/a.js::a passed, test/a.js::b passed", Problem: "test/b.mjs cannot be loaded"},
		{Name: "a forgotten only", Files: map[string]string{"test/a.js": clean + "describe.only('x', () => { it.only('c', () => {}); it('d', () => {}); });\n"},
			Want: "test/a.js::a passed, test/a.js::b passed, test/a.js::x › c passed, test/a.js::x › d passed"},
		{Name: "an async suite", Files: map[string]string{".mocharc.json": `{"ui": "tdd"}`,
			"test/a.js": "suite('a', async () => { test('a', () => {}); for (let n = 0; n < 100; n++) await new Promise(setImmediate);\n" +
				"test('late', () => { throw new Error('boom') }) });\n"},
			Want: "test/a.js::a › a passed, test/a.js::late failed", Message: "boom"},
		{Name: "global set-up",
			Files: map[string]string{"test/a.mjs": clean, ".mocharc.json": `{"require": "./set-up.mjs"}`,
				"set-up.mjs": "export const mochaGlobalSetup = () => { throw new Error('no database') };\n"},
			Want: "test/a.mjs::a lost, test/a.mjs::b lost", Problem: "in the global set-up: no database"},
		{Name: "one of many names",
			Files: map[string]string{
				"test/a.js":     "it('A', () => { throw 1 }); it('a', () => {}); it('a b', () => { throw 1 }); describe('x', () => it('a', () => { throw 1 }));\n",
				"test/sub/a.js": "it('a', () => { throw 1 });\n", ".mocharc.yml": "recursive: true\n",
			},
			Only: "test/a.js::a", Want: "test/a.js::a passed"},
		{Name: "hooks of a suite",
			Files: map[string]string{"test/a.js": "describe('s', () => { before(() => { throw new Error('no session') }); it('a', () => {}); it.skip('b', () => {}); });\n" +
				"describe('t', () => { afterEach(() => { throw new Error('left over') }); it('a', () => {}); it('b', () => {}); });\nit('c', () => {});\n"},
			Want:     "test/a.js::c passed, test/a.js::s › a failed, test/a.js::s › b skipped, test/a.js::t › a failed, test/a.js::t › b not_run",
			Attempts: "passed first, failed first, skipped first, failed first, skipped first", Message: `in "after each" hook for "a": left over`},
		{Name: "a hook after all tests", Files: map[string]string{"test/a.js": "describe('s', () => { after(() => { throw new Error('left over') }); it('a', () => {}); });\n"},
			Want: "test/a.js::s › a passed", Problem: `s: in "after all" hook`},
		{Name: "a hook after all tests that ends the process",
			Files: map[string]string{"test/a.js": "it('a', () => {}); it('b', () => { throw new Error('boom') }); after(() => process.exit(0));\n"},
			Want:  "test/a.js::a passed, test/a.js::b failed", Message: "boom", Problem: "ended before it had reported everything"},
		{Name: "an exit status of its own beside failures",
			Files: map[string]string{"test/a.js": "it('a', () => { throw new Error('boom') }); it('b', () => { throw new Error('boom') });\nif (process.env.E2E_GATE_SELECTION) process.on('exit', () => process.exit(7));\n"},
			Want:  "test/a.js::a failed, test/a.js::b failed", Message: "boom",
			Problem: "exit status 7, which its failed tests do not explain: its status for those is 2"},
		{Name: "a test that a hook adds",
			Files: map[string]string{"test/a.js": "describe('s', function () { before(function () { this.test.parent.addTest(new (require('mocha').Test)('late', () => { throw new Error('boom') })); });\n" +
				"it('a', () => {}); });\n"},
			Want: "test/a.js::s › a passed, unplanned s/test/a.js::s › late failed"},
		{Name: "two tests of one title that are repeated",
			Files: map[string]string{"test/a.js": "let n = 0; for (const i of [1, 2]) it('a', function () { this.retries(1); if (n++ % 2 === 0) throw new Error('boom') });\n"},
			Want:  "test/a.js::a flaky", Attempts: "#1 failed first, #1 passed framework, #2 failed first, #2 passed framework",
			Message: "boom", Problem: "several tests share one id"},
		{Name: "a failure behind the end of a test",
			Files: map[string]string{"test/a.js": "it('a', (done) => { done(); done(new Error('twice')); }); it('b', () => {});\n"},
			Want:  "test/a.js::a failed, test/a.js::b passed", Attempts: "failed first, passed first", Message: "twice"},
		{Name: "parallel and bail and dryRun in the config",
			Files: map[string]string{".mocharc.json": `{"parallel": true, "bail": true, "jobs": 2, "dryRun": true}`, "test/a.js": "it('a', () => { throw new Error('boom') });\n", "test/b.js": "it('b', () => {});\n"},
			Want:  "test/a.js::a failed, test/b.js::b passed", Message: "boom"},
		{Name: "a suite that starts late", Args: []string{"--delay"},
			Files: map[string]string{"test/a.js": "setImmediate(() => { it('a', () => {}); run(); });\n"}, Want: "test/a.js::a passed"},
		{Name: "attachments and names that are patterns",
			Files: map[string]string{"test/[a] b*.js": "it('é \"q\" *?[]{}', function () { this.test.attachments = ['shot.png']; });\n", "shot.png": "png"},
			Want:  "test/[a] b*.js::é \"q\" *?[]{} passed", Kept: 1},
		{Name: "grep", Args: []string{"--grep", "@fast", "--invert"}, Files: map[string]string{"test/a.js": "it('a @fast', () => {}); it('b', () => {});\n"},
			Want: "test/a.js::b passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			tc.Root = realsuite.WithModules(t, "mocha")
			tc.Spec = suite.Spec{Name: "s", Framework: "mocha", Args: tc.Args}
			tc.Play(t)
		})
	}
}

// TestKept: a listing counts until what it was made of changes.
func TestKept(t *testing.T) {
	const esm = "import fs from 'node:fs';\nimport net from 'node:net';\nimport childProcess from 'node:child_process';\n" +
		"import { more } from '{{outside}}/more.mjs';\n"
	const cjs = "const fs = require('fs'), net = require('net'), childProcess = require('child_process'), { more } = require('{{outside}}/more.cjs');\n"
	for _, tc := range []struct{ framework, file, head string }{
		{"mocha", "test/a.mjs", esm + "const test = it;"},
		{"mocha", "test/a.cjs", cjs + "const test = it;"},
		{"nodetest", "a.test.mjs", esm + "import { test } from 'node:test';"},
		{"nodetest", "a.test.cjs", cjs + "const { test } = require('node:test');"},
	} {
		t.Run(tc.framework+"/"+tc.file, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"e2e/" + tc.file: realsuite.KeptNode(tc.head), "e2e/package.json": "{}"}
			root := t.TempDir()
			if tc.framework == "mocha" {
				root = realsuite.WithModules(t, tc.framework)
			}
			realsuite.Kept(t, root, suite.Spec{Framework: tc.framework}, files)
		})
	}
}

// TestOdd: files and tests of odd names, 5000 tests in a file, and tests that print what the gate reads.
func TestOdd(t *testing.T) {
	for framework, o := range map[string]realsuite.OddSuite{
		"mocha": {Source: realsuite.OddNode("const test = it;"), File: func(name string) string { return "test/" + name + ".js" },
			Config: map[string]string{"package.json": "{}", ".mocharc.json": `{"recursive": true}`}},
		"nodetest": {Source: realsuite.OddNode("const { test } = require('node:test');"), File: func(name string) string { return "t/" + name + ".test.cjs" },
			Config: map[string]string{"package.json": "{}"}},
	} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			if framework == "mocha" {
				o.Root = realsuite.WithModules(t, framework)
			}
			o.Spec = suite.Spec{Name: "s", Framework: framework}
			o.Titled = true
			o.Play(t)
		})
	}
}

// TestRefused: a tool that is missing or too old and a config that does not load are named, with what to do.
func TestRefused(t *testing.T) {
	const test = "it('a', () => {});\n"
	for name, tc := range map[string]struct {
		framework string
		installed bool
		files     map[string]string
		words     []string
	}{
		"not installed": {"mocha", false, map[string]string{"test/a.js": test}, []string{"mocha is not installed; run npm install --save-dev mocha"}},
		"too old": {"mocha", false, map[string]string{"test/a.js": test, "node_modules/mocha/package.json": `{"name": "mocha", "version": "8.4.0"}`,
			"node_modules/mocha/m.js": "require(process.argv[process.argv.indexOf('--require') + 1])\n"},
			[]string{"Mocha 8.4.0 is too old; 9.0 or later is needed: npm install --save-dev mocha@latest"}},
		"a config that does not parse": {"mocha", true, map[string]string{"test/a.js": test, ".mocharc.json": "{,}"}, []string{"Unable to read/parse", ".mocharc.json"}},
		"a file that ends its process": {"mocha", true, map[string]string{"test/a.js": test, "test/b.js": "process.exit(0);\n"},
			[]string{"test/b.js ended its process while it was loaded"}},
		"a config that throws": {"mocha", true, map[string]string{"test/a.js": test, ".mocharc.cjs": "throw new Error('no such stage');\n"},
			[]string{".mocharc.cjs", "no such stage"}},
		"a file that cannot be imported": {"nodetest", true, map[string]string{"a.test.mjs": "import './none.js';\n", "b.test.cjs": "require('node:test')('b', () => {});\n"},
			[]string{"a.test.mjs", "Cannot find module", "none.js"}},
	} {
		t.Run(tc.framework+", "+name, func(t *testing.T) {
			t.Parallel()
			trick := realsuite.Trick{Spec: suite.Spec{Name: "s", Framework: tc.framework}, Files: tc.files}
			switch {
			case tc.installed && tc.framework == "mocha":
				trick.Root = realsuite.WithModules(t, "mocha")
			case name == "too old":
				trick.Spec.Run = []string{"node", "node_modules/mocha/m.js"}
			}
			realsuite.Refused(t, trick, nil, tc.words...)
		})
	}
}
