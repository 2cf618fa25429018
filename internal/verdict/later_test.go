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
	skipped := []e2e.Attempt{attempt(e2e.Failed, e2e.SourceFirst), attempt(e2e.Skipped, e2e.SourceDiagnostic)}
	kept := attempt(e2e.Skipped, e2e.SourceFirst)
	kept.Kept = true
	keptAgain := []e2e.Attempt{kept, kept, {Outcome: e2e.Failed, Source: e2e.SourceFirst, WorkflowAttempt: 2}}
	keptAgain[1].Source = e2e.SourceDiagnostic
	keptThenFailed := []e2e.Attempt{kept, attempt(e2e.Failed, e2e.SourceDiagnostic)}
	failedAgain := append([]e2e.Attempt{{Outcome: e2e.Failed, Source: e2e.SourceFirst, WorkflowAttempt: 2}}, failedOnce...)
	failedThenFlaky := append([]e2e.Attempt{{Outcome: e2e.Failed, Source: e2e.SourceFirst, WorkflowAttempt: 2},
		{Outcome: e2e.Passed, Source: e2e.SourceDiagnostic, WorkflowAttempt: 2}}, failedOnce...)
	twin := []e2e.Attempt{attempt(e2e.Passed, e2e.SourceFirst), attempt(e2e.Failed, e2e.SourceFirst)}
	twin[0].Twin, twin[1].Twin = 1, 2
	twinRetried := append([]e2e.Attempt{attempt(e2e.Passed, e2e.SourceFramework)}, twin...)
	twinRetried[0].Twin = 1
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
		{"failed with a rerun that skipped it", e2e.Passed, skipped, false, e2e.Passed, true},
		{"kept from running in the rerun too, and failed once in another attempt", e2e.Passed, keptAgain, false, e2e.Flaky, false},
		{"kept from running, and failed in the rerun", e2e.Passed, keptThenFailed, false, e2e.Passed, true},
		{"failed in two earlier attempts: the second was the rerun of the first", e2e.Passed, failedAgain, false, e2e.Passed, true},
		{"failed once, and was flaky in another attempt", e2e.Passed, failedThenFlaky, false, e2e.Flaky, false},
		{"one of several tests with the id failed without a rerun", e2e.Passed, twin, false, e2e.Flaky, false},
		{"a retry of another test with the id is no retry of this one", e2e.Passed, twinRetried, false, e2e.Flaky, false},
		{"flaky before", e2e.Passed, flaky, false, e2e.Flaky, false},
		{"passed before", e2e.Passed, passed, false, e2e.Passed, false},
		{"skipped now", e2e.Skipped, failedTwice, false, e2e.Skipped, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := e2e.TestResult{Outcome: tc.now}
			var env *e2e.Environment
			if tc.excused {
				env = &e2e.Environment{Gate: "api", Excuses: true}
			}
			laterPass(&r, tc.before, env)
			if r.Outcome != tc.want || r.LaterPass != tc.later {
				t.Errorf("outcome %s, later pass %v", r.Outcome, r.LaterPass)
			}
		})
	}
}

// An alibi that does not excuse changes nothing, and the test says why.
func TestAnAlibiThatDoesNotExcuse(t *testing.T) {
	for want, env := range map[string]e2e.Environment{
		"gate api was bad then (503), but the failure does not name it; start a new run": {Gate: "api", Observed: "503"},
		"gate api went down while the test ran (503), and the test may have caused that; start a new run": {
			Gate: "api", Observed: "503", NamedBy: "api:80",
		},
		"background process db had exited then (exit status 1), and the test may have caused that; start a new run": {Process: "db", Observed: "exit status 1"},
	} {
		once := e2e.TestResult{Outcome: e2e.Passed}
		laterPass(&once, []e2e.Attempt{attempt(e2e.Failed, e2e.SourceFirst)}, &env)
		twice := e2e.TestResult{Outcome: e2e.Passed}
		laterPass(&twice, []e2e.Attempt{attempt(e2e.Failed, e2e.SourceFirst), attempt(e2e.Failed, e2e.SourceDiagnostic)}, &env)
		if once.Outcome != e2e.Flaky || !twice.LaterPass {
			t.Errorf("once: %s; twice: %v", once.Outcome, twice.LaterPass)
		}
		for _, r := range []e2e.TestResult{once, twice} {
			if len(r.Evidence) != 1 || r.Evidence[0].Text != want || r.Evidence[0].Source != "attempt 1" {
				t.Errorf("%+v, want %q", r.Evidence, want)
			}
		}
	}
}
