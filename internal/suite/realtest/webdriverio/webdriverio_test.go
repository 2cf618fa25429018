// Package webdriverio runs suites of WebdriverIO.
package webdriverio

import (
	"path/filepath"
	"strings"
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
// repeats and ends tests. Package webdriveriomore has the columns of Cucumber and Jasmine.
func TestWebdriverIOContract(t *testing.T) {
	realsuite.PlayContract(t, "webdriverio", realsuite.ModulesOf("webdriverio"))
}

// TestWebdriverIO holds what only some suites do.
func TestWebdriverIO(t *testing.T) {
	project := realsuite.ContractOf(t, "webdriverio")["ordinary"]
	driver := project["driver.js"]
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
		{Name: "a session that can be had at the second try", Files: map[string]string{
			"wdio.conf.js": "import { nth } from './nth.js';\n" + head + "specFileRetries: 1, connectionRetryCount: 0,\n" +
				"port: process.env.E2E_GATE_SELECTION && process.env.WDIO_WORKER_ID && nth('worker') < 2 ? 1 : driver.port };\n",
			"nth.js": project["nth.js"], "test/a.js": clean},
			Want: "test/a.js::a passed, test/a.js::b passed"},
		{Name: "a dry run on the command line", Args: []string{"wdio.conf.js", "--mochaOpts.dryRun"}, Files: map[string]string{
			"wdio.conf.js": head + "};\n", "test/a.js": "it('a', () => { throw new Error('boom') });\n"},
			Want: "test/a.js::a failed", Message: "boom"},
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
		{Name: "async describes", Files: map[string]string{"wdio.conf.js": head + "};\n",
			"test/a.js": "describe('a', async () => { it('a', () => {}); for (let n = 0; n < 100; n++) await new Promise(setImmediate);\n" +
				"it('late', () => { throw new Error('boom') }) });\n",
			"test/b.js": "describe('b', async () => { it('b', () => {}); await null; throw new Error('no case') });\n"},
			Listing: "test/b.js cannot be loaded: describe b: no case", Problem: "test/b.js cannot be loaded: describe b: no case",
			Want: "test/a.js::a › a passed, test/a.js::late failed, test/b.js::b › b passed", Message: "boom"},
		{Name: "a tsconfig.json beside the config", Args: []string{"e2e/wdio.conf.ts"}, Files: map[string]string{
			"e2e/wdio.conf.ts":  "import { driver } from '../driver.js';\nexport const config = { ...driver };\n",
			"e2e/tsconfig.json": `{"compilerOptions": {"baseUrl": ".", "paths": {"@pages/*": ["./pages/*"]}}}`,
			"e2e/pages/cart.ts": "export const name: string = 'a';\n", "e2e/test/a.ts": "import { name } from '@pages/cart';\nit(name, () => {});\n"},
			Want: "e2e/test/a.ts::a passed"},
		{Name: "a hook after all that ends the process", Files: map[string]string{"wdio.conf.js": head + "};\n",
			"test/a.js": "it('a', () => {}); after(() => process.exit(0));\n"},
			Want: "test/a.js::a passed", Problem: "ended before it had reported everything"},
		{Name: "a file by itself and among those that share a session", Files: map[string]string{
			"wdio.conf.js": head + "specs: ['./test/*.js', ['./test/b.js', './test/a.js'], ['./test/c.js']] };\n",
			"test/a.js":    "it('a', () => { if (!globalThis.made) throw new Error('no case') });\n", "test/b.js": "it('b', () => { globalThis.made = true });\n",
			"test/c.js": "it('c', () => {});\n"},
			Want: "test/a.js::a passed, test/b.js::b passed, test/c.js::c passed"},
		{Name: "a file that ends its process", Files: map[string]string{"wdio.conf.js": head + "specs: [['./test/a.js'], ['./test/b.js']] };\n",
			"test/a.js": "it('a', () => {});\n", "test/b.js": "it('b', () => {});\nprocess.exit(0);\n"},
			Listing: "test/b.js ended its process while it was loaded", Want: "test/a.js::a passed"},
		{Name: "a worker that ends in a test, tried again", Files: map[string]string{"wdio.conf.js": head + "specFileRetries: 1 };\n",
			"nth.js": project["nth.js"], "test/a.js": endsFirst},
			Want: "test/a.js::a passed, test/a.js::b flaky", Problem: "ended before it had reported everything",
			Attempts: "passed first, passed framework, failed first, passed framework", Message: endedFirst},
		{Name: "several browsers in one test", Files: map[string]string{
			"wdio.conf.js": head + "capabilities: { alice: { capabilities: driver.capabilities[0] }, bob: { capabilities: driver.capabilities[0] } } };\n",
			"test/a.js":    bothBrowsers + "let n = 0;\nit('late', () => { if (n++ === 0) throw new Error('late') }, 2);\n", "test/b.js": "it('b', () => {});\n"},
			Want:     "test/a.js::both passed, test/a.js::late flaky, test/b.js::b passed",
			Attempts: "passed first, failed first, passed framework, passed first", Message: "failed, and WebdriverIO ran it again"},
		{Name: "several browsers, and spec files that are repeated", Files: map[string]string{
			"wdio.conf.js": head + "specFileRetries: 1, capabilities: { alice: { capabilities: driver.capabilities[0] }, " +
				"bob: { capabilities: driver.capabilities[0] } } };\n",
			"nth.js":    project["nth.js"],
			"test/a.js": "import { nth } from '../nth.js';\nit('a', () => {}); it('late', () => { if (nth('late') < 2) throw new Error('late') });\n"},
			Want:     "test/a.js::a passed, test/a.js::late flaky",
			Attempts: "passed first, passed framework, failed first, passed framework", Message: "late"},
		{Name: "several such capabilities", Files: map[string]string{
			"wdio.conf.js": head + "capabilities: [['alice', 'bob'], ['carol', 'dave']].map((names) => " +
				"Object.fromEntries(names.map((name) => [name, { capabilities: driver.capabilities[0] }]))) };\n",
			"test/a.js": bothBrowsers + "it('not carol', () => { if (browser.instances.includes('carol')) throw new Error('carol') });\n"},
			Only: "[carol and dave] test/a.js::not carol", Want: "[carol and dave] test/a.js::not carol failed", Message: "carol"},
		{Name: "a browser and an app", Files: map[string]string{
			"wdio.conf.js": head + "capabilities: [driver.capabilities[0], { platformName: 'Android', 'appium:automationName': 'UiAutomator2', " +
				"'appium:app': '/somewhere/shop.apk', 'wdio:enforceWebDriverClassic': true }] };\n", "test/a.js": "it('a', () => {});\n"},
			Want: "[chrome] test/a.js::a passed, [shop.apk] test/a.js::a passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			play(t, tc, driver)
		})
	}
}

// endsFirst are two tests; the second one ends the first worker that runs it.
const endsFirst = "import { nth } from '../nth.js';\nit('a', () => {}); it('b', () => { if (nth('b') < 2) process.exit(3) });\n"

const endedFirst = "the worker ended while it ran, and WebdriverIO tried its spec file again"

const bothBrowsers = "it('both', () => { if (browser.instances.length !== 2) throw new Error(browser.instances.join()) });\n"

// play plays a suite with the driver of a contract.
func play(t *testing.T, tc realsuite.Trick, driver string) {
	t.Helper()
	tc.Root = realsuite.WithModules(t, "webdriverio")
	tc.Spec = suite.Spec{Name: "s", Framework: "webdriverio", Args: tc.Args}
	tc.Files["driver.js"], tc.Files["package.json"], tc.Files["evidence/keep"] = driver, `{"type": "module"}`, ""
	tc.Env = append(tc.Env, "E2E_EVIDENCE_DIR="+filepath.Join(tc.Root, "evidence"))
	tc.Play(t)
}

// TestWebdriverIOCucumber holds what only suites with Cucumber do.
func TestWebdriverIOCucumber(t *testing.T) {
	project := realsuite.ContractOf(t, "webdriverio (cucumber)")["ordinary"]
	const head = "import { driver } from './driver.js';\nexport const config = { ...driver, "
	for _, tc := range []realsuite.Trick{
		{Name: "odd names, and a file that cannot be read", Files: map[string]string{
			"features/é 'q' (1).feature": "@smoke\nFeature: a\n  Rule: r\n    Scenario Outline: o <n>\n      Given it <what>\n      Examples:\n" +
				"        | n | what |\n        | 1 | works |\n        | 2 | fails |\n  @skip\n  Scenario: left out\n    Given it fails\n" +
				"  @skip(browserName=\"chrome\")\n  Scenario: also\n    Given it fails\n",
			"features/b.feature": "Scenario without a feature\n"},
			Listing: "features/b.feature cannot be read: ",
			Want:    "features/é 'q' (1).feature::r › o 1 [1 | works] passed, features/é 'q' (1).feature::r › o 2 [2 | fails] failed",
			Message: "expected 1, got 2"},
		{Name: "a name that is a pattern", Files: map[string]string{"features/a.feature": "Feature: a\n  Scenario: a\n    Given it works\n",
			"features/[b].feature": "Feature: b\n  Scenario: b\n    Given it works\n"},
			Listing: "Cucumber reads its name as a pattern", Want: "features/a.feature::a passed"},
		{Name: "what steps may be", Files: map[string]string{
			"features/steps.js": "import { After, Given } from '@wdio/cucumber-framework';\nlet n = 0;\nGiven('pending', () => 'pending');\n" +
				"Given('twice', () => {});\nGiven(/twice/, () => {});\n" +
				"Given('late', { wrapperOptions: { retry: 1 } }, () => { if (n++ === 0) throw new Error('late') });\n" +
				"Given('expected', () => expect(1).toBe(2));\nAfter(function () { this.attach(Buffer.from('png'), 'image/png'); });\n",
			"features/a.feature": "Feature: a\n  Scenario: a\n    Given pending\n  Scenario: b\n    Given twice\n  Scenario: c\n    Given late\n" +
				"  Scenario: d\n    Given unknown\n  Scenario: e\n    Given expected\n  Scenario: f\n"},
			Want: "features/a.feature::a skipped, features/a.feature::b failed, features/a.feature::c flaky, features/a.feature::d failed, " +
				"features/a.feature::e failed, features/a.feature::f skipped",
			Kept: 6, Message: "a step is undefined: unknown"},
		{Name: "files that share a session, repeated", Files: map[string]string{
			"wdio.conf.js":       head + "specs: [['./features/b.feature', './features/a.feature']], specFileRetries: 1 };\n",
			"features/a.feature": "Feature: a\n  Scenario: a\n    Given it needs the case\n    Given it works from execution 2 on\n",
			"features/b.feature": "Feature: b\n  Scenario: b\n    Given it makes a case\n"},
			Want:     "features/a.feature::a flaky, features/b.feature::b passed",
			Attempts: "failed first, passed framework, passed first, passed framework", Message: "not yet"},
		{Name: "a worker that ends in a scenario, tried again", Files: map[string]string{"wdio.conf.js": head + "specFileRetries: 1 };\n",
			"features/steps.js": "import fs from 'node:fs';\nimport { Given } from '@wdio/cucumber-framework';\nGiven('it works', () => {});\n" +
				"Given('it ends the first', () => { if (!fs.existsSync('was')) { fs.writeFileSync('was', ''); process.exit(3) } });\n",
			"features/a.feature": "Feature: a\n  Scenario: a\n    Given it works\n  Scenario: b\n    Given it ends the first\n"},
			Want: "features/a.feature::a passed, features/a.feature::b flaky", Problem: "ended before it had reported everything",
			Attempts: "passed first, passed framework, failed first, passed framework", Message: endedFirst},
		{Name: "a hook before all scenarios, and settings that run nothing", Files: map[string]string{
			"wdio.conf.js": head + "cucumberOpts: { ...driver.cucumberOpts, dryRun: true, failFast: true } };\n",
			"features/steps.js": "import { BeforeAll, Given } from '@wdio/cucumber-framework';\nGiven('it works', () => {});\n" +
				"BeforeAll(() => { throw new Error('no case') });\n",
			"features/a.feature": "Feature: a\n  Scenario: a\n    Given it works\n"},
			Want: "features/a.feature::a lost", Problem: "no case"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			for _, file := range []string{"wdio.conf.js", "features/steps.js"} {
				if tc.Files[file] == "" {
					tc.Files[file] = project[file]
				}
			}
			play(t, tc, project["driver.js"])
		})
	}
}

// TestWebdriverIOJasmine holds what only suites with Jasmine do.
func TestWebdriverIOJasmine(t *testing.T) {
	project := realsuite.ContractOf(t, "webdriverio (jasmine)")["ordinary"]
	driver := project["driver.js"]
	const head = "import { driver } from './driver.js';\nexport const config = { ...driver, "
	for _, tc := range []realsuite.Trick{
		{Name: "a file that cannot be imported, a forgotten focus, odd names", Files: map[string]string{
			"wdio.conf.js": head + "jasmineOpts: { grep: 'left', invertGrep: true } };\n",
			"test/a [b] é.js": "it('é \"q\" *?[]{}', () => {});\nfdescribe('c', () => { fit('d', () => {}); " +
				"it('left out', () => { throw new Error('boom') }) });\n",
			"test/b.js": "import './none.js';\n"},
			Listing: "test/b.js cannot be loaded", Want: "test/a [b] é.js::c › d passed, test/a [b] é.js::é \"q\" *?[]{} passed"},
		{Name: "hooks that fail", Files: map[string]string{"wdio.conf.js": head + "jasmineOpts: { stopOnSpecFailure: true } };\n",
			"test/a.js": "describe('a', () => { beforeAll(() => { throw new Error('no case') }); it('one', () => {}); " +
				"describe('b', () => { it('two', () => {}) }) });\n" +
				"describe('c', () => { afterEach(() => { throw new Error('left over') }); it('three', () => {}) });\nit('four', () => {});\n"},
			Want:    "test/a.js::a › b › two failed, test/a.js::a › one failed, test/a.js::c › three failed, test/a.js::four passed",
			Message: "in a hook before all: Error: no case"},
		{Name: "a hook after all", Files: map[string]string{"wdio.conf.js": head + "};\n",
			"test/a.js": "describe('a', () => { afterAll(() => { throw new Error('left over') }); it('one', () => {}) });\n"},
			Want: "test/a.js::a › one passed", Problem: "a: in a hook before or after all: Error: left over"},
		{Name: "a describe that throws", Files: map[string]string{"wdio.conf.js": head + "};\n", "test/a.js": "it('a', () => {});\n",
			"test/b.js": "describe('b', () => { throw new Error('no case'); it('unseen', () => {}) });\n"},
			Listing: "test/b.js cannot be loaded: describe b: no case", Want: "test/a.js::a passed"},
		{Name: "a describe that throws behind a spec", Files: map[string]string{"wdio.conf.js": head + "};\n",
			"test/a.js": "describe('a', () => { it('seen', () => {}); throw new Error('no case') });\n"},
			Listing: "test/a.js cannot be loaded: describe a: no case", Want: "test/a.js::a › seen passed", Problem: "test/a.js cannot be loaded: describe a: no case"},
		{Name: "a helper that throws", Files: map[string]string{"wdio.conf.js": head + "jasmineOpts: { helpers: ['./helpers/*.js'] } };\n",
			"helpers/a.js": "throw new Error('no case');\n", "test/a.js": "it('a', () => {});\n"},
			Listing: "a helper of jasmineOpts.helpers cannot be loaded: no case"},
		{Name: "a file that ends its process", Files: map[string]string{"wdio.conf.js": head + "specs: [['./test/a.js'], ['./test/b.js']] };\n",
			"test/a.js": "it('a', () => {});\n", "test/b.js": "it('b', () => {});\nprocess.exit(0);\n"},
			Listing: "test/b.js ended its process while it was loaded", Want: "test/a.js::a passed"},
		{Name: "an expectation without await", Files: map[string]string{"wdio.conf.js": head + "};\n",
			"test/a.js": "let done;\nit('a', () => { expect(new Promise((resolve) => { done = resolve })).toBeResolvedTo(2) });\n" +
				"afterAll(async () => { done(1); await new Promise(setImmediate) });\n"},
			Want: "test/a.js::a passed", Problem: `an error outside any test: Spec "a" ran a "toBeResolvedTo" expectation after it finished`},
		{Name: "one message twice", Files: map[string]string{"wdio.conf.js": head + "};\n",
			"test/a.js": "it('a', async () => { await expect(1).toBe(2); await expect(1).toBe(2) });\nit('b', () => { throw new Error('next') });\n"},
			Want: "test/a.js::a failed, test/a.js::b failed", Message: "Expected 1 to be 2.\nError: next\n"},
		{Name: "a worker that ends in a spec, tried again", Files: map[string]string{"wdio.conf.js": head + "specFileRetries: 1 };\n",
			"nth.js": project["nth.js"], "test/a.js": endsFirst},
			Want: "test/a.js::a passed, test/a.js::b flaky", Problem: "ended before it had reported everything",
			Attempts: "passed first, passed framework, failed first, passed framework", Message: endedFirst},
		{Name: "executions that WebdriverIO repeats", Files: map[string]string{"wdio.conf.js": head + "};\n",
			"test/a.js": "let n = 0;\nit('a', async () => { if (n++ === 0) throw new Error('late') }, 5000, 2);\nit('b', async () => { await expect(1).toBe(2) });\n"},
			Want: "test/a.js::a flaky, test/a.js::b failed", Attempts: "failed first, passed framework, failed first", Message: "Expected 1 to be 2."},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			play(t, tc, driver)
		})
	}
}

// What cannot be judged exactly is refused, with the reason.
func TestWebdriverIORefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"another framework": {map[string]string{"wdio.conf.js": "export const config = { framework: 'own', capabilities: [{}] };\n"},
			"wdio.conf.js has the framework own; the gate runs the tests of mocha, cucumber and jasmine"},
		"feature files in a configuration of Cucumber": {map[string]string{
			"wdio.conf.js": "export const config = { framework: 'cucumber', specs: ['./a.feature'], capabilities: [{ browserName: 'chrome' }], logLevel: 'silent' };\n",
			"a.feature":    "Feature: a\n  Scenario: a\n    Given it works\n", "cucumber.json": `{"default": {"paths": ["a.feature"]}}`},
			"the configuration of Cucumber sets paths"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.files["package.json"] = `{"type": "module"}`
			trick := realsuite.Trick{Root: realsuite.WithModules(t, "webdriverio"), Files: tc.files, Spec: suite.Spec{Name: "s", Framework: "webdriverio"}}
			if _, _, _, err := trick.ListIn(t); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want %q, got %v", tc.want, err)
			}
		})
	}
}

// TestKept: a listing counts until what it was made of changes.
func TestKept(t *testing.T) {
	const head = "import fs from 'node:fs';\nimport net from 'node:net';\nimport childProcess from 'node:child_process';\n" +
		"import { more } from '{{outside}}/more.mjs';\nconst test = it;"
	files := map[string]string{}
	for name, text := range realsuite.ContractOf(t, "webdriverio")["ordinary"] {
		files["e2e/"+name] = text
	}
	files["e2e/test/a.js"] = realsuite.KeptNode(head)
	realsuite.Kept(t, realsuite.WithModules(t, "webdriverio"), suite.Spec{Framework: "webdriverio"}, files)

	// Before WebdriverIO 9.10 a runnerEnv with NODE_OPTIONS replaced those of the gate in the workers.
	files["e2e/own.conf.js"] = "import { driver } from './driver.js';\nif (process.env.WDIO_WORKER_ID) delete process.env.NODE_OPTIONS;\n" +
		"export const config = driver;\n"
	again := realsuite.KeptText(t, realsuite.WithModules(t, "webdriverio"), suite.Spec{Framework: "webdriverio"}, files, "test/a.js", func(names []string) string {
		return "it('" + strings.Join(names, "', () => {});\nit('") + "', () => {});\n"
	})
	again("where a worker cannot be watched", []string{"own.conf.js"}, nil, false)
}
