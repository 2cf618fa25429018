package attempts

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// made is an attempt as [Of] makes it.
func made(o e2e.Outcome, source e2e.AttemptSource, twin int) e2e.Attempt {
	return e2e.Attempt{Outcome: o, Source: source, Twin: twin}
}

func uncounted(a e2e.Attempt, why string) e2e.Attempt {
	a.Uncounted = why
	return a
}

func TestAgain(t *testing.T) {
	const first, framework, diagnostic, beside = e2e.SourceFirst, e2e.SourceFramework, e2e.SourceDiagnostic, e2e.SourceBeside
	one := []e2e.Attempt{made(e2e.Failed, first, 0)}
	two := []e2e.Attempt{made(e2e.Failed, first, 1), made(e2e.Passed, first, 2)}
	for _, tc := range []struct {
		rule         string
		first, again []e2e.Attempt
		lost         bool
		want         []e2e.Attempt
		outcome      e2e.Outcome
	}{
		{"a failure that passes in the rerun is flaky", one, []e2e.Attempt{made(e2e.Passed, first, 0)}, false,
			[]e2e.Attempt{made(e2e.Passed, diagnostic, 0)}, e2e.Flaky},
		{"a failure that fails in the rerun has failed", one, []e2e.Attempt{made(e2e.Failed, first, 0)}, false,
			[]e2e.Attempt{made(e2e.Failed, diagnostic, 0)}, e2e.Failed},
		{"a rerun that skips the test proves nothing", one, []e2e.Attempt{made(e2e.Skipped, first, 0)}, false,
			[]e2e.Attempt{made(e2e.Skipped, diagnostic, 0)}, e2e.Failed},
		{"the first execution in the rerun decides, whatever the framework's retries do", one,
			[]e2e.Attempt{made(e2e.Failed, first, 0), made(e2e.Failed, framework, 0), made(e2e.Passed, framework, 0)}, false,
			[]e2e.Attempt{made(e2e.Failed, diagnostic, 0), uncounted(made(e2e.Failed, framework, 0), retryInRerun),
				uncounted(made(e2e.Passed, framework, 0), retryInRerun)}, e2e.Failed},
		{"a pass does not count if the process of the rerun loses evidence", one, []e2e.Attempt{made(e2e.Passed, first, 0)}, true,
			[]e2e.Attempt{uncounted(made(e2e.Passed, diagnostic, 0), badRerun)}, e2e.Failed},
		{"a failure counts however the process of the rerun ended", one, []e2e.Attempt{made(e2e.Failed, first, 0)}, true,
			[]e2e.Attempt{made(e2e.Failed, diagnostic, 0)}, e2e.Failed},
		{"a failed test of a shared id is flaky if no test of the id failed in the rerun", two,
			[]e2e.Attempt{made(e2e.Passed, first, 1), made(e2e.Passed, first, 2)}, false,
			[]e2e.Attempt{made(e2e.Passed, diagnostic, 1), made(e2e.Passed, beside, 2)}, e2e.Flaky},
		{"it has failed if another test of the id failed in the rerun: nothing says which is which", two,
			[]e2e.Attempt{made(e2e.Passed, first, 1), made(e2e.Failed, first, 2)}, false,
			[]e2e.Attempt{uncounted(made(e2e.Passed, diagnostic, 1), twinFailed), made(e2e.Failed, beside, 2)}, e2e.Failed},
		{"it has failed if the rerun reported fewer tests of the id", []e2e.Attempt{two[1], two[0]}, []e2e.Attempt{made(e2e.Passed, first, 0)}, false,
			[]e2e.Attempt{uncounted(made(e2e.Passed, diagnostic, 1), "in the diagnostic rerun the number of results for this id is 1, not 2")}, e2e.Failed},
		{"it has failed if the rerun reported more tests of the id", one,
			[]e2e.Attempt{made(e2e.Passed, first, 1), made(e2e.Passed, first, 2)}, false,
			[]e2e.Attempt{uncounted(made(e2e.Passed, diagnostic, 0), "in the diagnostic rerun the number of results for this id is 2, not 1"),
				uncounted(made(e2e.Passed, diagnostic, 0), "in the diagnostic rerun the number of results for this id is 2, not 1")}, e2e.Failed},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			got := Again(tc.first, tc.again, tc.lost)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if o := e2e.OutcomeOf(append(append([]e2e.Attempt{}, tc.first...), got...)); o != tc.outcome {
				t.Errorf("the test is %s, want %s", o, tc.outcome)
			}
		})
	}
}
