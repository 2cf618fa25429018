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
	m := plan.Measured
	asked := make(map[string]bool, len(m.Gone)+len(m.Passed))
	for _, list := range [][]string{m.Gone, m.Passed} {
		for _, id := range list {
			asked[id] = true
		}
	}
	outcomes, planned := make(map[string]e2e.Outcome, len(asked)), make(map[string]bool, len(asked))
	for i := range tests {
		if id := tests[i].ID; asked[id] {
			outcomes[id] = tests[i].Outcome
		}
	}
	for i := range plan.Tests {
		if id := plan.Tests[i].ID; asked[id] {
			planned[id] = true
		}
	}
	for _, b := range plan.Batches {
		planned[b.ID] = true
	}
	var gone, skipped []string
	for _, id := range m.Gone {
		if _, reported := outcomes[id]; !reported {
			gone = append(gone, id)
		}
	}
	for _, id := range m.Passed {
		outcome, reported := outcomes[id]
		switch {
		case outcome == e2e.Skipped:
			skipped = append(skipped, id)
		case !reported && !planned[id]: // of a suite that cannot list its tests
			gone = append(gone, id)
		}
	}
	out := *judging
	out.Changes = slices.Clone(judging.Changes)
	add := func(text string, ids []string) {
		if len(ids) > 0 {
			slices.Sort(ids)
			out.Changes = append(out.Changes, e2e.JudgeChange{What: e2e.ChangedTests, Text: fmt.Sprintf("%s (%d)", text, len(ids)), Tests: ids})
		}
	}
	add(fmt.Sprintf("that ran at commit %.10s are gone", m.SHA), gone)
	add("are not selected any more", slices.Clone(m.Deselected))
	add("are less critical", slices.Clone(m.Weaker))
	add(fmt.Sprintf("that passed at commit %.10s are skipped now", m.SHA), skipped)
	if m.Run == "" {
		out.Unknown = Unmeasured
	}
	return &out
}
