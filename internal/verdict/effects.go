package verdict

import (
	"fmt"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// Unmeasured says that there is no run to measure a change against.
const Unmeasured = "which tests are gone or newly skipped is not known: the history has no judged run of this stage at the base or before it"

// measured is the judging with what the change does to the tests that judge it, now that it is
// known which of them were reported. Changes of the config alone are in it already.
func measured(judging *e2e.Judging, plan *e2e.Plan, tests []e2e.TestResult) *e2e.Judging {
	if judging == nil || plan == nil || plan.Measured == nil {
		return judging
	}
	m, planned := plan.Measured, plan.Work()
	outcomes := map[string]e2e.Outcome{}
	for _, t := range tests {
		outcomes[t.ID] = t.Outcome
	}
	var gone, skipped []string
	for _, id := range m.Gone {
		if _, reported := outcomes[id]; !reported {
			gone = append(gone, id)
		}
	}
	for _, id := range m.Passed {
		outcome, reported := outcomes[id]
		_, listed := planned[id]
		switch {
		case outcome == e2e.Skipped:
			skipped = append(skipped, id)
		case !reported && !listed: // of a suite that cannot list its tests
			gone = append(gone, id)
		}
	}
	out := *judging
	out.Changes = slices.Clone(judging.Changes)
	add := func(ids []string, one, more string) {
		if len(ids) == 0 {
			return
		}
		slices.Sort(ids)
		text := "one " + one
		if len(ids) > 1 {
			text = fmt.Sprintf("%d %s", len(ids), more)
		}
		out.Changes = append(out.Changes, e2e.JudgeChange{What: e2e.ChangedTests, Text: text, Tests: ids})
	}
	since := fmt.Sprintf("that ran at commit %.10s", m.SHA)
	add(gone, since+" is gone", since+" are gone")
	add(slices.Clone(m.Deselected), "is not selected any more", "are not selected any more")
	add(slices.Clone(m.Weaker), "has a weaker criticality", "have a weaker criticality")
	since = fmt.Sprintf("that passed at commit %.10s", m.SHA)
	add(skipped, since+" is skipped now", since+" are skipped now")
	if m.Run == "" {
		out.Unknown = Unmeasured
	}
	return &out
}
