package python

import (
	"path/filepath"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestBehaveExample(t *testing.T) {
	realsuite.Examples(t, realsuite.Example{
		Name: "behave", Install: realsuite.Python,
		Failed:  []string{"features/review.feature::Two reviewers › Approvals are counted", "features/review.feature::Two reviewers › With a session"},
		Flaky:   []string{"features/review.feature::Reviewers are notified", "features/review.feature::Repeated by Behave"},
		Skipped: []string{"features/review.feature::The audit service"},
		Crashes: "features/review.feature::Two reviewers › Late cases are escalated", Before: "features/review.feature::Reviewers are notified",
	})
}

func TestBehaveContract(t *testing.T) {
	realsuite.PlayContract(t, "behave", realsuite.VenvOf("behave"))
}

// TestBehave holds what only some suites do.
func TestBehave(t *testing.T) {
	const steps = "from behave import given\n@given('it works')\ndef _(c): pass\n@given('it fails')\ndef _(c): assert 1 == 2, 'one is not two'\n"
	const two = "Feature: x\n  Scenario: a\n    Given it works\n  Scenario: b\n    Given it works\n"
	const both = "a.feature::a passed, features/a.feature::b passed"
	for _, tc := range []realsuite.Trick{
		{Name: "one row of many",
			Files: map[string]string{"features/a b.feature": "Feature: x\n  Scenario Outline: b\n    Given it <what>\n    Examples:\n      | what |\n      | works |\n      | fails |\n"},
			Only:  "features/a b.feature::b [works]", Want: "features/a b.feature::b [works] passed"},
		{Name: "an undefined step", Files: map[string]string{"features/a.feature": "Feature: x\n  Scenario: a\n    Given it is unknown\n"},
			Want: "features/a.feature::a failed", Message: "undefined step: Given it is unknown"},
		{Name: "a feature that is not needed",
			Files: map[string]string{"features/a.feature": two, "features/b.feature": "Feature: y\n  Scenario: c\n    Given it works\n",
				"features/environment.py": "def before_feature(c, f): assert f.name != 'y', 'not needed'\n"},
			Only: "features/a.feature::a", Want: "features/a.feature::a passed"},
		{Name: "a hook before a feature", Files: map[string]string{"features/a.feature": two, "features/environment.py": "def before_feature(c, f): raise RuntimeError('no session')\n"},
			Want: "features/a.feature::a failed, features/a.feature::b failed", Message: "in before_feature: RuntimeError: no session"},
		{Name: "a hook after a feature", Files: map[string]string{"features/a.feature": two, "features/environment.py": "def after_feature(c, f): raise RuntimeError('left over')\n"},
			Want: "features/" + both, Problem: "in after_feature: RuntimeError: left over"},
		{Name: "a cleanup of a feature, and a failure that explains the status",
			Files: map[string]string{"features/a.feature": two, "features/b.feature": "Feature: y\n  Scenario: c\n    Given it fails\n",
				"features/environment.py": "def left_over(): raise RuntimeError('left over')\ndef before_feature(c, f):\n    if f.name == 'x': c.add_cleanup(left_over)\n"},
			Want: "features/" + both + ", features/b.feature::c failed", Message: "Given it fails: one is not two", Problem: "in a cleanup: RuntimeError: left over"},
		{Name: "a cleanup of a scenario", Files: map[string]string{"features/a.feature": "Feature: x\n  Scenario: a\n    Given it works\n",
			"features/environment.py": "def left_over(): raise RuntimeError('left over')\ndef before_scenario(c, s): c.add_cleanup(left_over)\n"},
			Want: "features/a.feature::a failed", Message: "in a cleanup: RuntimeError: left over"},
		{Name: "a hook before all", Files: map[string]string{"features/a.feature": two, "features/environment.py": "def before_all(c): raise RuntimeError('no database')\n"},
			Want: "features/a.feature::a lost, features/a.feature::b lost", Problem: "in before_all: RuntimeError: no database"},
		{Name: "a hook after a scenario", Files: map[string]string{"features/a.feature": "Feature: x\n  Scenario: a\n    Given it works\n", "features/environment.py": "def after_scenario(c, s): raise RuntimeError('left over')\n"},
			Want: "features/a.feature::a failed", Message: "HOOK-ERROR in after_scenario: RuntimeError: left over"},
		{Name: "stop and dry_run in the config", Files: map[string]string{"behave.ini": "[behave]\nstop = true\ndry_run = true\n", "features/a.feature": "Feature: x\n  Scenario: a\n    Given it fails\n  Scenario: b\n    Given it works\n"},
			Want: "features/a.feature::a failed, features/a.feature::b passed", Message: "Given it fails: one is not two"},
		{Name: "tags that choose", Args: []string{"--tags", "not @slow"}, Files: map[string]string{"features/a.feature": "Feature: x\n  @slow\n  Scenario: a\n    Given it fails\n  Scenario: b\n    Given it works\n"},
			Want: "features/a.feature::b passed"},
		{Name: "attachments", Files: map[string]string{"features/a.feature": "Feature: x\n  Scenario: a\n    Given it attaches\n",
			"features/steps/more.py": "from behave import given\n@given('it attaches')\ndef _(c): c.attach('image/png', b'png')\n"},
			Want: "features/a.feature::a passed", Kept: 1},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			tc.Files["features/steps/steps.py"] = steps
			tc.Spec = suite.Spec{Name: "s", Framework: "behave", Args: tc.Args, Run: []string{
				filepath.Join(realsuite.Venv(t, filepath.Join(gatebin.Root(t), "examples", "behave")), "bin", "behave"),
			}}
			tc.Play(t)
		})
	}
}
