package node

import (
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// TestCucumber holds what only some suites do.
func TestCucumber(t *testing.T) {
	const steps = "const { AfterAll, Before, BeforeAll, Given } = require('@cucumber/cucumber');\n" +
		"Given('{word} works', (what) => { if (what !== 'this') throw new Error(what + ' does not work') });\n"
	const two = "Feature: x\n  Scenario: a\n    Given this works\n  Scenario Outline: b\n    Given <what> works\n    Examples:\n      | what |\n" +
		"      | this |\n      | that |\n"
	for _, tc := range []realsuite.Trick{
		{Name: "one row of many",
			Files: map[string]string{"features/a b.feature": two, "features/s.js": steps},
			Only:  "features/a b.feature::b [this]",
			Want:  "features/a b.feature::b [this] passed"},
		{Name: "all",
			Files:   map[string]string{"features/a.feature": two, "features/s.js": steps},
			Want:    "features/a.feature::a passed, features/a.feature::b [that] failed, features/a.feature::b [this] passed",
			Message: "that does not work"},
		{Name: "workers", Args: []string{"--parallel", "1"}, Worker: "0",
			Files: map[string]string{"features/a.feature": two, "features/s.js": steps}, Only: "features/a.feature::a", Want: "features/a.feature::a passed"},
		{Name: "an undefined step",
			Files:   map[string]string{"features/a.feature": two, "features/s.js": ""},
			Only:    "features/a.feature::a",
			Want:    "features/a.feature::a failed",
			Message: "a step is undefined"},
		{Name: "a hook of the run",
			Files: map[string]string{"features/a.feature": two, "features/s.js": steps + "BeforeAll(() => { throw new Error('no database') });\n"},
			Only:  "features/a.feature::a",
			Want:  "features/a.feature::a lost", Problem: "no database"},
		{Name: "support code that does not load",
			Files: map[string]string{"features/a.feature": two, "features/s.js": "require('./none');\n"},
			Only:  "features/a.feature::a",
			Want:  "features/a.feature::a lost", Problem: "Cannot find module './none'"},
		{Name: "a hook after all in a worker", Args: []string{"--parallel", "1"},
			Files: map[string]string{"features/a.feature": two, "features/s.js": steps + "AfterAll(() => { throw new Error('left over') });\n"},
			Want:  "features/a.feature::a passed, features/a.feature::b [that] failed, features/a.feature::b [this] passed", Message: "that does not work",
			Problem: "worker 0 of cucumber-js ended with status 1"},
		{Name: "a process of a step in a worker", Args: []string{"--parallel", "1"},
			Files: map[string]string{"features/a.feature": two, "features/s.js": steps + "const { spawnSync } = require('child_process');\n" +
				"Before(() => { if (spawnSync(process.execPath, ['-e', 'process.exit(3)']).status !== 3) throw new Error('no child') });\n"},
			Only: "features/a.feature::a", Want: "features/a.feature::a passed"},
		{Name: "failFast in the config",
			Files: map[string]string{"cucumber.json": `{"default": {"failFast": true}}`, "features/s.js": steps + "Given('it is left out', () => 'skipped');\n",
				"features/a.feature": "Feature: x\n  Scenario: a\n    Given it is left out\n  Scenario: b\n    Given that works\n  Scenario: c\n    Given this works\n"},
			Want: "features/a.feature::a skipped, features/a.feature::b failed, features/a.feature::c not_run", Message: "that does not work"},
		{Name: "dryRun in the config", Files: map[string]string{"cucumber.json": `{"default": {"dryRun": true}}`, "features/a.feature": two, "features/s.js": steps},
			Want: "features/a.feature::a not_run, features/a.feature::b [that] not_run, features/a.feature::b [this] not_run"},
		{Name: "attachments",
			Files: map[string]string{
				"features/a.feature": two,
				"features/s.js":      steps + "Before(function () { this.attach(Buffer.from('png'), 'image/png'); this.log('hello') });\n",
			},
			Only: "features/a.feature::a",
			Want: "features/a.feature::a passed", Kept: 1},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			tc.Root = realsuite.WithModules(t, "cucumber")
			tc.Spec = suite.Spec{Name: "s", Framework: "cucumber", Args: tc.Args}
			tc.Play(t)
		})
	}
}
