package realtest

import (
	"testing"

	"github.com/org/e2e-gate/internal/suite"
)

// TestCucumber holds what only some suites do.
func TestCucumber(t *testing.T) {
	const steps = "const { AfterAll, Before, BeforeAll, Given } = require('@cucumber/cucumber');\nGiven('{word} works', (what) => { if (what !== 'this') throw new Error(what + ' does not work') });\n"
	const two = "Feature: x\n  Scenario: a\n    Given this works\n  Scenario Outline: b\n    Given <what> works\n    Examples:\n      | what |\n      | this |\n      | that |\n"
	for _, tc := range []trick{
		{name: "one row of many", files: map[string]string{"features/a b.feature": two, "features/s.js": steps}, only: "features/a b.feature::b [this]", want: "features/a b.feature::b [this] passed"},
		{name: "all", files: map[string]string{"features/a.feature": two, "features/s.js": steps}, want: "features/a.feature::a passed, features/a.feature::b [that] failed, features/a.feature::b [this] passed", message: "that does not work"},
		{name: "an undefined step", files: map[string]string{"features/a.feature": two, "features/s.js": ""}, only: "features/a.feature::a", want: "features/a.feature::a failed", message: "a step is undefined"},
		{name: "a hook of the run", files: map[string]string{"features/a.feature": two, "features/s.js": steps + "BeforeAll(() => { throw new Error('no database') });\n"}, only: "features/a.feature::a",
			want: "features/a.feature::a lost", problem: "no database"},
		{name: "support code that does not load", files: map[string]string{"features/a.feature": two, "features/s.js": "require('./none');\n"}, only: "features/a.feature::a",
			want: "features/a.feature::a lost", problem: "Cannot find module './none'"},
		{name: "attachments", files: map[string]string{"features/a.feature": two, "features/s.js": steps + "Before(function () { this.attach(Buffer.from('png'), 'image/png'); this.log('hello') });\n"}, only: "features/a.feature::a",
			want: "features/a.feature::a passed", kept: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.root = withModules(t, "cucumber")
			tc.spec = suite.Spec{Name: "s", Framework: "cucumber"}
			tc.play(t)
		})
	}
}
