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
