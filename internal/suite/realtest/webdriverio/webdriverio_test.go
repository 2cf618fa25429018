// Package webdriverio runs suites of WebdriverIO.
package webdriverio

import (
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// chrome makes a copy runnable with the system's browser and its driver.
func chrome(t *testing.T, dir string) []string {
	t.Helper()
	return append(realsuite.Chromium(t, dir), "EXAMPLE_CHROMEDRIVER="+need.Tool(t, "chromedriver", "apt-get install chromium-driver"))
}

func TestWebdriverIOExample(t *testing.T) {
	realsuite.Examples(t, realsuite.Example{
		Name: "webdriverio", Install: chrome,
		Failed:  []string{"tests/cases.e2e.js::Review › counts approvals", "tests/hooks.e2e.js::with a session › reads"},
		Flaky:   []string{"tests/cases.e2e.js::Review › notifies", "tests/repeated.e2e.js::repeated by mocha"},
		Skipped: []string{"tests/cases.e2e.js::Late cases › audits", "tests/cases.e2e.js::Late cases › archives"},
		Crashes: "tests/cases.e2e.js::Late cases › escalates", Before: "tests/cases.e2e.js::Review › counts approvals",
	})
}

// The sessions of the contract and of the tricks are those of a driver that does nothing: what is tried is how WebdriverIO starts,
// repeats and ends tests.
func TestWebdriverIOContract(t *testing.T) {
	realsuite.PlayContract(t, "webdriverio", realsuite.ModulesOf("webdriverio"))
}

// TestWebdriverIO holds what only some suites do.
func TestWebdriverIO(t *testing.T) {
	driver := realsuite.ContractOf(t, "webdriverio")["ordinary"]["driver.js"]
	const head = "import { driver } from './driver.js';\nexport const config = { ...driver, "
	const clean = "it('a', () => {}); it('b', () => {});\n"
	for _, tc := range []realsuite.Trick{
		{Name: "a file that cannot be imported, a forgotten only, odd names", Files: map[string]string{"wdio.conf.js": head + "};\n",
			"test/a [b] é.js": "it('é \"q\" *?[]{}', () => {});\nit.only('c', () => {});\n", "test/b.js": "import './none.js';\n"},
			Listing: "test/b.js cannot be loaded", Want: "test/a [b] é.js::c passed, test/a [b] é.js::é \"q\" *?[]{} passed"},
		{Name: "files that share a session", Files: map[string]string{"wdio.conf.js": head + "specs: [['./test/b.js', './test/a.js'], './test/c.js'] };\n",
			"test/a.js": "it('a', () => { if (!globalThis.made) throw new Error('no case') });\n", "test/b.js": "it('b', () => { globalThis.made = true });\n",
			"test/c.js": "it('c', () => { if (globalThis.made) throw new Error('a case') });\n"},
			Want: "test/a.js::a passed, test/b.js::b passed, test/c.js::c passed"},
		{Name: "a session that cannot be had", Files: map[string]string{"wdio.conf.js": head + "port: 1, connectionRetryCount: 0 };\n", "test/a.js": clean},
			Want: "test/a.js::a lost, test/a.js::b lost", Problem: "no session for 0-0"},
		{Name: "spec files that are repeated", Files: map[string]string{"wdio.conf.js": head + "specFileRetries: 1 };\n", "test/a.js": clean +
			"import fs from 'node:fs';\nit('late', () => { if (!fs.existsSync('was')) { fs.writeFileSync('was', ''); throw new Error('late') } });\n"},
			Want: "test/a.js::a passed, test/a.js::b passed, test/a.js::late flaky", Message: "late"},
		{Name: "bail, shard and a dry run in the config", Files: map[string]string{
			"wdio.conf.js": head + "bail: 1, shard: { current: 1, total: 2 }, mochaOpts: { bail: true, dryRun: true } };\n",
			"test/a.js":    "it('a', () => { throw new Error('boom') }); it('b', () => {});\n", "test/b.js": clean},
			Want: "test/a.js::a failed, test/a.js::b passed, test/b.js::a passed, test/b.js::b passed", Message: "boom"},
		{Name: "a suite of the config, in TypeScript", Args: []string{"e2e.conf.ts", "--suite", "some"}, Files: map[string]string{
			"e2e.conf.ts": "import { driver } from './driver.js';\nconst one: string = './test/a.ts';\n" +
				"export const config = { ...driver, suites: { some: [one], none: ['./test/b.js'] } };\n",
			"test/a.ts": "const name: string = 'a';\nit(name, () => {});\n", "test/b.js": "it('b', () => { throw new Error('not asked for') });\n"},
			Want: "test/a.ts::a passed"},
		{Name: "a config for one capability's files", Files: map[string]string{
			"wdio.conf.js": head + "capabilities: [{ ...driver.capabilities[0], 'wdio:specs': ['./test/a.js'] },\n" +
				"{ ...driver.capabilities[0], 'wdio:exclude': ['./test/a.js'] }] };\n",
			"test/a.js": "it('a', () => {});\n", "test/b.js": "it('b', () => {});\n"},
			Want: "[chrome 1] test/a.js::a passed, [chrome 2] test/b.js::b passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			tc.Root = realsuite.WithModules(t, "webdriverio")
			tc.Spec = suite.Spec{Name: "s", Framework: "webdriverio", Args: tc.Args}
			tc.Files["driver.js"], tc.Files["package.json"] = driver, `{"type": "module"}`
			tc.Play(t)
		})
	}
}
