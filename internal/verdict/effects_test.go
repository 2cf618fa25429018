package verdict

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestMeasured(t *testing.T) {
	config := e2e.JudgeChange{What: "stages.pr", Text: "blocks is changed"}
	planned := func(ids ...string) []e2e.PlannedTest {
		var list []e2e.PlannedTest
		for _, id := range ids {
			list = append(list, e2e.PlannedTest{Test: e2e.Test{ID: id}})
		}
		return list
	}
	result := func(id string, o e2e.Outcome) e2e.TestResult {
		return e2e.TestResult{Test: e2e.Test{ID: id}, Outcome: o}
	}
	for name, tc := range map[string]struct {
		measured *e2e.Measured
		results  []e2e.TestResult
		want     []string
	}{
		"no base judges":                   {nil, nil, []string{"stages.pr blocks is changed"}},
		"gone":                             {&e2e.Measured{Run: "r", Gone: []string{"b", "c"}}, nil, []string{"stages.pr blocks is changed", "tests are gone (2): b c"}},
		"gone, and reported all the same":  {&e2e.Measured{Run: "r", Gone: []string{"b"}}, []e2e.TestResult{result("b", e2e.Failed)}, []string{"stages.pr blocks is changed"}},
		"passed, and passes":               {&e2e.Measured{Run: "r", Passed: []string{"a"}}, []e2e.TestResult{result("a", e2e.Passed)}, []string{"stages.pr blocks is changed"}},
		"passed, and fails":                {&e2e.Measured{Run: "r", Passed: []string{"a"}}, []e2e.TestResult{result("a", e2e.Failed)}, []string{"stages.pr blocks is changed"}},
		"passed, and lost":                 {&e2e.Measured{Run: "r", Passed: []string{"a"}}, nil, []string{"stages.pr blocks is changed"}},
		"passed, and skipped":              {&e2e.Measured{Run: "r", Passed: []string{"a"}}, []e2e.TestResult{result("a", e2e.Skipped)}, []string{"stages.pr blocks is changed", "tests are skipped now (1): a"}},
		"passed, never listed, and absent": {&e2e.Measured{Run: "r", Passed: []string{"x"}}, nil, []string{"stages.pr blocks is changed", "tests are gone (1): x"}},
		"skipped, and was not known":       {&e2e.Measured{Run: "r"}, []e2e.TestResult{result("a", e2e.Skipped)}, []string{"stages.pr blocks is changed"}},
		"deselected and weaker": {&e2e.Measured{Run: "r", Deselected: []string{"d"}, Weaker: []string{"a"}}, nil,
			[]string{"stages.pr blocks is changed", "tests are not selected any more (1): d", "tests are less critical (1): a"}},
		"no run to compare with": {&e2e.Measured{}, nil, []string{"stages.pr blocks is changed", "unknown"}},
	} {
		judging := &e2e.Judging{By: e2e.JudgedByBase, Changes: []e2e.JudgeChange{config}}
		out := measured(judging, &e2e.Plan{Tests: planned("a"), Measured: tc.measured}, tc.results)
		var got []string
		for _, c := range out.Changes {
			text := c.What + " " + strings.NewReplacer("that ran at commit  ", "", "that passed at commit  ", "").Replace(c.Text)
			if len(c.Tests) > 0 {
				text += ": " + strings.Join(c.Tests, " ")
			}
			got = append(got, text)
		}
		if out.Unknown != "" {
			got = append(got, "unknown")
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || len(judging.Changes) != 1 {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if measured(nil, &e2e.Plan{Measured: &e2e.Measured{Gone: []string{"a"}}}, nil) != nil {
		t.Error("it is not known who judges")
	}
}
