package plainnode

import (
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// plainNode makes a project runnable that needs no package.
func plainNode(t *testing.T, _ string) []string {
	t.Helper()
	need.Tool(t, "node", "apt-get install nodejs")
	return nil
}

func TestNodetestExample(t *testing.T) {
	realsuite.Examples(t, realsuite.Example{
		Name: "nodetest", Install: plainNode,
		Failed:  []string{"tests/cases.test.mjs::Review › counts approvals", "tests/hooks.test.js::with a session › reads"},
		Flaky:   []string{"tests/cases.test.mjs::Review › notifies"},
		Skipped: []string{"tests/cases.test.mjs::audits", "tests/cases.test.mjs::archives", "tests/cases.test.mjs::the old form"},
		Crashes: "tests/late.test.js::escalates", Before: "tests/cases.test.mjs::Review › counts approvals",
	})
}

func TestNodetestContract(t *testing.T) {
	realsuite.PlayContract(t, "nodetest", plainNode)
}

// TestNodetest holds what only some suites do.
func TestNodetest(t *testing.T) {
	const head = "const { after, afterEach, before, describe, it, test } = require('node:test');\n"
	const clean = head + "test('a', () => {}); test('b', () => {});\n"
	for _, tc := range []realsuite.Trick{
		{Name: "a file that cannot be imported", Files: map[string]string{"a.test.js": clean, "b.test.mjs": "import './none.js';\n"},
			Listing: "b.test.mjs: Error [ERR_MODULE_NOT_FOUND]: Cannot find module", Want: "a.test.js::a passed, a.test.js::b passed"},
		{Name: "one of many names",
			Files: map[string]string{
				"a.test.js": head + "test('A', () => { throw 1 }); test('a', () => {}); test('a b', () => { throw 1 });\n" +
					"describe('x', () => { it('a', () => { throw 1 }); });\n",
				"b.test.js": head + "before(() => { throw 1 }); test('a', () => {});\n",
			},
			Only: "a.test.js::a", Want: "a.test.js::a passed"},
		{Name: "an import of the default and of names",
			Files: map[string]string{"a.test.mjs": "import test, { describe as group, it, mock } from 'node:test';\nimport * as all from 'node:test';\n" +
				"test('a', (t) => { t.mock.fn(); mock.fn(); }); group('g', async () => { await null; it('b', (t, done) => setTimeout(done)); });\n" +
				"all.test(function c() {});\n"},
			Want: "a.test.mjs::a passed, a.test.mjs::c passed, a.test.mjs::g › b passed"},
		{Name: "parts of a test",
			Files: map[string]string{"a.test.js": head + "test('a', async (t) => { await t.test('one', () => {}); await t.test('two', () => { throw new Error('boom') }); });\n" +
				"describe('a', () => { it('three', () => {}); });\n"},
			Want: "a.test.js::a failed, a.test.js::a › three passed", Message: "two: boom"},
		{Name: "what fails though it is skipped or to do",
			Files: map[string]string{"a.test.js": head + "test('a', (t) => { t.skip('why'); throw new Error('boom'); }); test('b', { todo: true }, () => { throw new Error('known') });\n" +
				"test('c', { todo: true }, async (t) => { await t.test('part', () => { throw new Error('boom') }); });\n"},
			Want: "a.test.js::a failed, a.test.js::b skipped, a.test.js::c failed", Message: "part: boom"},
		{Name: "what has nothing to run", Files: map[string]string{"a.test.js": head + "test.todo('a'); test('b', { todo: 'later' }, () => {}); test('c'); it('d', {});\n" +
			"describe('s', () => { it('e', async (t) => { t.test('part'); t.todo(); }); it('f', (t) => t.test('part')); });\n"},
			Want: "a.test.js::a skipped, a.test.js::b skipped, a.test.js::c skipped, a.test.js::d skipped, a.test.js::s › e skipped, a.test.js::s › f passed"},
		{Name: "a forgotten only, where Node is told to look for it", Env: []string{"NODE_OPTIONS=--test-only"},
			Files: map[string]string{"a.test.js": head + "test.only('a', () => {}); test('b', async (t) => { await t.test('part', () => {}); throw new Error('boom'); });\n" +
				"describe('s', () => { it('c', () => {}); it.only('d', () => {}); });\n"},
			Want: "a.test.js::a passed, a.test.js::b failed, a.test.js::s › c passed, a.test.js::s › d passed", Message: "boom"},
		{Name: "a process that ends badly without a word", Files: map[string]string{"a.test.js": clean + "process.on('exit', () => { process.exitCode = 3; });\n"},
			Listing: "a.test.js: its process ended with exit status 3", Want: "a.test.js::a passed, a.test.js::b passed",
			Problem: "a.test.js: its process ended with exit status 3"},
		{Name: "hooks of a suite",
			Files: map[string]string{"a.test.js": head + "describe('s', () => { before(() => { throw new Error('no session') }); it('a', () => {}); it('b', () => {}); });\n" +
				"describe('t', () => { afterEach(() => { throw new Error('left over') }); it('a', () => {}); });\n"},
			Want: "a.test.js::s › a failed, a.test.js::s › b failed, a.test.js::t › a failed", Message: "in a hook: no session"},
		{Name: "a hook after all tests", Files: map[string]string{"a.test.js": head + "describe('s', () => { after(() => { throw new Error('left over') }); it('a', () => {}); });\n"},
			Want: "a.test.js::s › a passed", Problem: "a.test.js::s: in a hook: left over"},
		{Name: "a process that is killed",
			Files: map[string]string{"a.test.js": clean, "b.test.js": head + "test('c', () => process.kill(process.pid, 'SIGKILL'));\n"},
			Want:  "a.test.js::a passed, a.test.js::b passed, b.test.js::c lost", Problem: "b.test.js: its process was ended by SIGKILL"},
		{Name: "a file that opens something when it is loaded",
			Files: map[string]string{"a.test.js": head + "const server = require('node:http').createServer().listen(0, '127.0.0.1');\nafter(() => server.close());\ntest('a', () => {});\n"},
			Want:  "a.test.js::a passed"},
		{Name: "a time limit", Files: map[string]string{"a.test.js": head + "test('a', { timeout: 20 }, (t, done) => { const open = setInterval(() => {}, 60000); t.signal.addEventListener('abort', () => { clearInterval(open); done(); }); });\n"},
			Want: "a.test.js::a failed", Message: "timed out"},
		{Name: "a test that is declared when its file was loaded",
			Files: map[string]string{"a.test.js": head + "test('a', () => {}); setTimeout(() => test('late', () => { throw 1 }), 50);\n",
				"b.test.mjs": "import { describe, it, test } from 'node:test';\nawait null; test('b', () => {});\n" +
					"describe('s', async () => { await null; it('c', () => {}); });\n"},
			Want: "a.test.js::a passed, b.test.mjs::b passed, b.test.mjs::s › c passed", Problem: "a.test.js::late is declared after its file was loaded"},
		{Name: "a test that a timer declares while its file is loaded",
			Files: map[string]string{"a.test.js": head + "test('a', () => {}); setTimeout(() => test('late', () => { throw 1 }), 1);\n" +
				"for (const t = Date.now(); Date.now() - t < 20;);\n"},
			Listing: "a.test.js::late is declared after its file was loaded", Want: "a.test.js::a passed",
			Problem: "a.test.js::late is declared after its file was loaded"},
		{Name: "a test that a hook declares", Files: map[string]string{"a.test.js": head + "before(() => { test('late', () => { throw new Error('boom') }); });\ntest('a', () => {});\n"},
			Want: "a.test.js::a passed", Problem: "generated asynchronous activity"}, // Node 20 cannot do it either
		{Name: "an error behind the end of its test, and a failure that explains the status",
			Files: map[string]string{"a.test.js": head + "test('a', () => { setTimeout(() => { throw new Error('boom') }, 10); });\n" +
				"test('b', async () => { await new Promise((done) => setTimeout(done, 100)); throw new Error('failed') });\n"},
			Want: "a.test.js::a passed, a.test.js::b failed", Message: "failed", Problem: `generated asynchronous activity after the test ended. This activity created the error "Error: boom"`},
		{Name: "odd names of files", Files: map[string]string{"[a] b*.test.js": head + "test('é \"q\" *?[]{}', () => {});\n", "c'd.test.js": head + "test('c', () => {});\n"},
			Want: "[a] b*.test.js::é \"q\" *?[]{} passed, c'd.test.js::c passed"},
		{Name: "tests of a helper, and twins in a loop",
			Files: map[string]string{"a.test.js": head + "const twin = require('./helper');\nfor (const n of [1, 2]) twin(n);\n",
				"helper.js": "const { test } = require('node:test');\nmodule.exports = (n) => test('twin', () => { if (n === 2) throw new Error('boom') });\n"},
			Want: "a.test.js::twin failed", Attempts: "#1 passed first, #2 failed first", Message: "boom", Problem: "several tests share one id"},
		{Name: "reporters beside ours", Args: []string{"--test-reporter=dot"}, Files: map[string]string{"a.test.js": clean}, Want: "a.test.js::a passed, a.test.js::b passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			plainNode(t, "")
			tc.Spec = suite.Spec{Name: "s", Framework: "nodetest", Args: tc.Args}
			tc.Play(t)
		})
	}
}
