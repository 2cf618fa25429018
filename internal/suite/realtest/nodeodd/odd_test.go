// Package nodeodd tests the adapters of Vitest, Jest and Cucumber.js with odd input, and what they keep of a listing.
package nodeodd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// TestOdd: files and tests of odd names, 5000 tests in a file, and tests that print what the gate reads.
func TestOdd(t *testing.T) {
	for framework, o := range map[string]realsuite.OddSuite{
		// Vite takes # and ? in a path for those of a URL.
		"vitest": {Unfiled: []string{"hash#tag", "wh?t"}, Source: realsuite.OddNode("import { test } from 'vitest';"), Config: map[string]string{
			"vitest.config.ts": "import { defineConfig } from 'vitest/config';\nexport default defineConfig({ test: { include: ['t/**/*.test.ts'] as string[] } });\n"}},
		"jest": {Source: realsuite.OddNode(""), Config: map[string]string{
			"package.json": "{}", "jest.config.mjs": "export default { testMatch: ['**/*.test.ts'], transform: {}, extensionsToTreatAsEsm: [] };\n"}},
	} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			o.Root = realsuite.WithModules(t, framework)
			o.Spec = suite.Spec{Name: "s", Framework: framework, Args: map[string][]string{"vitest": {"--no-isolate"}, "jest": {"-i"}}[framework]} // quicker
			o.File = func(name string) string { return "t/" + name + ".test.ts" }
			o.Titled = true
			o.Play(t)
		})
	}
}

// TestOddCucumber is [TestOdd] for feature files: a title is one line.
func TestOddCucumber(t *testing.T) {
	o := realsuite.OddSuite{
		Root: realsuite.WithModules(t, "cucumber"), Spec: suite.Spec{Name: "s", Framework: "cucumber"}, Titled: true,
		Config: map[string]string{
			"package.json": `{"type": "module"}`,
			"cucumber.mjs": "export default { import: ['s.js'] };\n",
			"s.js": fmt.Sprintf("import { Given } from '@cucumber/cucumber';\nconst forged = %s;\n"+
				"Given('case {int} fails', (n) => { process.stdout.write(forged); process.stderr.write(forged); throw new Error(`case ${n}.`) });\n"+
				"Given('it passes', () => {});\n", realsuite.OddCase{Title: realsuite.Forged}.JSON()),
		},
		// cucumber-js takes such names for patterns.
		Unfiled:  []string{"star*", "wh?t", "br[ack]et", "cu{r,l}y", "a folder (of) [tests]/日本 *"},
		Untitled: []string{"a\nb", "tab\there", "with  two spaces"},
		File:     func(name string) string { return "t/" + name + ".feature" },
		Source:   realsuite.OddFeature,
	}
	o.Play(t)
}

// TestRefused: a tool that is missing or too old and a config that does not load are named, with what to do.
func TestRefused(t *testing.T) {
	const broken = "export default {\n  test: {{ include: ['a'] },\n};\n"
	for _, tc := range []struct {
		name, framework string
		trick           realsuite.Trick
		missing         bool
		words           []string
	}{
		{"a config that does not parse", "vitest", realsuite.Trick{Files: map[string]string{"vitest.config.mjs": broken}}, false, []string{"vitest.config.mjs", "2:"}},
		{"a config that throws", "vitest", realsuite.Trick{Files: map[string]string{"vitest.config.mjs": "\nthrow new Error('no such stage');\n"}}, false,
			[]string{"no such stage", "failed to load config from", "vitest.config.mjs"}},
		// Jest does not say where.
		{"a config that does not parse", "jest", realsuite.Trick{Files: map[string]string{"jest.config.mjs": broken}}, false, []string{"SyntaxError: Unexpected token '{'"}},
		{"a config that throws", "jest", realsuite.Trick{Files: map[string]string{"jest.config.mjs": "\nthrow new Error('no such stage');\n"}}, false,
			[]string{"no such stage", "jest.config.mjs:2"}},
		{"not installed", "vitest", realsuite.Trick{}, true, []string{"vitest is not installed; run npm install --save-dev vitest"}},
		{"not installed", "jest", realsuite.Trick{}, true, []string{"jest is not installed; run npm install --save-dev jest"}},
		{"too old", "vitest", realsuite.Trick{Spec: suite.Spec{Run: []string{"node", "fake.mjs"}}, Files: map[string]string{
			"fake.mjs": "const reporter = process.argv.find((arg) => arg.startsWith('--reporter=')).slice('--reporter='.length);\n" +
				"new (await import(reporter)).default().onInit({ version: '2.1.9' });\n"}}, true,
			[]string{"Vitest 2.1.9 is too old; 3.0 or later is needed: npm install --save-dev vitest@latest"}},
		{"too old", "jest", realsuite.Trick{Spec: suite.Spec{Run: []string{"node", "fake.cjs"}}, Files: map[string]string{
			"node_modules/@jest/core/package.json": `{"version": "26.6.3"}`,
			"fake.cjs": "const reporter = process.argv.find((arg) => arg.startsWith('--reporters=')).slice('--reporters='.length);\n" +
				"new (require(reporter))({ rootDir: __dirname });\n"}}, true,
			[]string{"Jest 26.6.3 is too old; 27 or later is needed: npm install --save-dev jest@latest"}},
	} {
		t.Run(tc.framework+" "+tc.name, func(t *testing.T) {
			t.Parallel()
			tc.trick.Spec.Name, tc.trick.Spec.Framework = "s", tc.framework
			if !tc.missing {
				tc.trick.Root = realsuite.WithModules(t, tc.framework)
			}
			realsuite.Refused(t, tc.trick, nil, tc.words...)
		})
	}
}

// TestMonorepo: one folder with two configs, of which the suite's arguments name one, and one below with its own.
func TestMonorepo(t *testing.T) {
	for framework, tc := range map[string]struct{ config, head string }{
		"vitest": {"export default { test: { include: ['%s.test.js'] } };\n", "import { test } from 'vitest';\n"},
		"jest":   {"export default { testMatch: ['<rootDir>/%s.test.js'], transform: {} };\n", ""},
	} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			root := realsuite.WithModules(t, framework)
			files := map[string]string{"package.json": "{}"}
			for _, name := range []string{"a", "b"} {
				test := tc.head + "test('" + name + "', () => {});\n"
				files["ui/"+name+".config.mjs"] = fmt.Sprintf(tc.config, name)
				files["ui/"+name+".test.js"], files["ui/api/"+name+".test.js"] = test, test
			}
			files["ui/api/"+framework+".config.mjs"] = fmt.Sprintf(tc.config, "b")
			for dir, args := range map[string][]string{"ui": {"--config", "a.config.mjs"}, "ui/api": nil} {
				trick := realsuite.Trick{Root: root, Files: files, Spec: suite.Spec{Name: "s", Framework: framework, Dir: dir, Args: args}}
				_, tests, problems, err := trick.ListIn(t)
				want := map[string]string{"ui": "a.test.js::a", "ui/api": "b.test.js::b"}[dir]
				if err != nil || len(problems) > 0 || len(tests) != 1 || tests[0].Name != want {
					t.Errorf("%s: %+v, %+v, %v", dir, tests, problems, err)
				}
			}
		})
	}
}

// TestKept: a listing counts until what it was made of changes.
func TestKept(t *testing.T) {
	const esm = "import fs from 'node:fs';\nimport net from 'node:net';\nimport childProcess from 'node:child_process';\n" +
		"import { test } from 'vitest';\nimport { more } from '{{outside}}/more.mjs';"
	const cjs = "const fs = require('fs'), net = require('net'), childProcess = require('child_process'), { more } = require('{{outside}}/more.cjs');"
	for framework, head := range map[string]string{"vitest": esm, "jest": cjs} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"e2e/a.test.js": realsuite.KeptNode(head), "e2e/package.json": "{}"}
			realsuite.Kept(t, realsuite.WithModules(t, framework), suite.Spec{Framework: framework}, files)
		})
	}
}

// TestLeavesOut: what a config leaves out of a listing would not be planned, and no one would miss it.
func TestLeavesOut(t *testing.T) {
	for _, tc := range []struct{ framework, file, config, want string }{
		{"jest", "package.json", `{"jest": {"onlyChanged": true}}`, "onlyChanged is set in the Jest config"},
		{"vitest", "vitest.config.js", "export default { test: { shard: '1/2' } };", "shard is set in the Vitest config"},
	} {
		t.Run(tc.framework, func(t *testing.T) {
			t.Parallel()
			trick := realsuite.Trick{Root: realsuite.WithModules(t, tc.framework), Spec: suite.Spec{Name: "s", Framework: tc.framework},
				Files: map[string]string{tc.file: tc.config, "a.test.js": "import { test } from 'vitest';\ntest('a', () => {});\n"}}
			if tc.framework == "jest" {
				trick.Files["a.test.js"] = "test('a', () => {});\n"
			}
			_, tests, problems, err := trick.ListIn(t)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, %+v, %+v", err, tests, problems)
			}
		})
	}
}

// Reporters of the config write what they write without the gate, and know of the tests that ran.
func TestReportersOfTheConfig(t *testing.T) {
	const own = " class { constructor(o, more) { this.file = (more ?? o).file } %s(...all) { require('fs').writeFileSync(this.file, 'own') } }"
	for framework, files := range map[string]map[string]string{
		"vitest": {
			"a.test.js": "import { test } from 'vitest'; test('a', () => {}); test('b', () => { throw new Error('boom') });\n", "package.json": `{"type": "module"}`,
			"own.mjs": "import fs from 'node:fs';\nexport default" +
				strings.Replace(strings.Replace(own, "%s", "onTestRunEnd", 1), "require('fs')", "fs", 1) + "\n",
			"vitest.config.js": "export default { test: { reporters: ['default', " +
				"['./own.mjs', { file: 'own.txt' }], ['junit', { outputFile: 'junit.xml' }], './none.mjs'] } };\n",
		},
		"jest": {
			"a.test.js":    "test('a', () => {}); test('b', () => { throw new Error('boom') });\n",
			"own.cjs":      "module.exports =" + strings.Replace(own, "%s", "onRunComplete", 1) + "\n",
			"lines.cjs":    "const fs = require('fs');\nmodule.exports = class { onTestCaseResult(test, result) { fs.appendFileSync('junit.xml', '<testcase name=\"' + result.title + '\"') } };\n",
			"package.json": `{"jest": {"testEnvironment": "node", "reporters": ["default", ["<rootDir>/own.cjs", {"file": "own.txt"}], "./lines.cjs", "./none.cjs"]}}`,
		},
	} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			tc := realsuite.Trick{Root: realsuite.WithModules(t, framework), Files: files, Spec: suite.Spec{Name: "s", Framework: framework},
				Want: "a.test.js::a passed, a.test.js::b failed", Message: "boom"}
			tc.Play(t)
			for file, want := range map[string]string{"own.txt": "own", "junit.xml": `<testcase `} {
				text, err := os.ReadFile(filepath.Join(tc.Root, file))
				if err != nil || strings.Count(string(text), want) != map[string]int{"own.txt": 1, "junit.xml": 2}[file] {
					t.Errorf("%s: %s (%v)", file, text, err)
				}
			}
		})
	}
}
