package pipeline

import (
	"fmt"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// laterPass applies what earlier attempts of this workflow run say about a test
// that passes now. A failure that had its rerun is not undone (later_pass); one
// that had none makes this pass the rerun it never had: the test is flaky. Only an
// earlier failure that was the environment's or an outside system's, with
// evidence, is left behind.
func laterPass(r *e2e.TestResult, before []e2e.Attempt, excused bool) {
	if r.Outcome != e2e.Passed && r.Outcome != e2e.Flaky {
		return
	}
	failed, twice := 0, false
	for _, a := range before {
		if a.Outcome == e2e.Failed {
			failed++
			twice = twice || a.Source == e2e.SourceDiagnostic
		}
	}
	switch {
	case failed == 0:
	case excused:
		r.Evidence = append(r.Evidence, e2e.Evidence{Kind: e2e.EvidenceTriage, Text: "an earlier attempt of this workflow run failed because of the environment or an outside system, and passes now", Source: fmt.Sprintf("attempt %d", before[0].WorkflowAttempt)})
	case twice:
		r.LaterPass = true
	default:
		r.Outcome = e2e.OutcomeOf(append(slices.Clone(before), e2e.Attempt{Outcome: e2e.Passed}))
	}
}
