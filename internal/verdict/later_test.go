package verdict

import (
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

func attempt(o e2e.Outcome, source e2e.AttemptSource) e2e.Attempt {
	return e2e.Attempt{Outcome: o, Source: source, WorkflowAttempt: 1}
}

func TestLaterPass(t *testing.T) {
	failedTwice := []e2e.Attempt{attempt(e2e.Failed, e2e.SourceFirst), attempt(e2e.Failed, e2e.SourceDiagnostic)}
	failedOnce := []e2e.Attempt{attempt(e2e.Failed, e2e.SourceFirst)}
	flaky := []e2e.Attempt{attempt(e2e.Failed, e2e.SourceFirst), attempt(e2e.Passed, e2e.SourceDiagnostic)}
	retried := []e2e.Attempt{attempt(e2e.Failed, e2e.SourceFirst), attempt(e2e.Failed, e2e.SourceFramework)}
	onRetry := []e2e.Attempt{attempt(e2e.Failed, e2e.SourceFirst), attempt(e2e.Failed, e2e.SourceFramework), attempt(e2e.Passed, e2e.SourceFramework)}
	badRerun := []e2e.Attempt{attempt(e2e.Failed, e2e.SourceFirst), attempt(e2e.Passed, e2e.SourceDiagnostic)}
	badRerun[1].Uncounted = "x"
	passed := []e2e.Attempt{attempt(e2e.Passed, e2e.SourceFirst)}
	for _, tc := range []struct {
		name    string
		now     e2e.Outcome
		before  []e2e.Attempt
		excused bool
		want    e2e.Outcome
		later   bool
	}{
		{"failed with its rerun, passes now", e2e.Passed, failedTwice, false, e2e.Passed, true},
		{"failed with its rerun, flaky now", e2e.Flaky, failedTwice, false, e2e.Flaky, true},
		{"failed with its rerun because of the environment", e2e.Passed, failedTwice, true, e2e.Passed, false},
		{"failed with its rerun, fails now", e2e.Failed, failedTwice, false, e2e.Failed, false},
		{"failed with its rerun, lost now", e2e.Lost, failedTwice, false, e2e.Lost, false},
		{"failed without a rerun: this pass is the rerun", e2e.Passed, failedOnce, false, e2e.Flaky, false},
		{"failed without a rerun because of the environment", e2e.Passed, failedOnce, true, e2e.Passed, false},
		{"failed with all retries of the framework, passes now", e2e.Passed, retried, false, e2e.Passed, true},
		{"passed on a retry of the framework before", e2e.Passed, onRetry, false, e2e.Flaky, false},
		{"failed with a rerun whose pass did not count", e2e.Passed, badRerun, false, e2e.Passed, true},
		{"flaky before", e2e.Passed, flaky, false, e2e.Flaky, false},
		{"passed before", e2e.Passed, passed, false, e2e.Passed, false},
		{"skipped now", e2e.Skipped, failedTwice, false, e2e.Skipped, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := e2e.TestResult{Outcome: tc.now}
			laterPass(&r, tc.before, tc.excused)
			if r.Outcome != tc.want || r.LaterPass != tc.later {
				t.Errorf("outcome %s, later pass %v", r.Outcome, r.LaterPass)
			}
		})
	}
}
