package verdict

import (
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// What a diagnostic rerun proved in an earlier attempt of the workflow run.
func TestRerunInVain(t *testing.T) {
	one := func(outcome e2e.Outcome, source e2e.AttemptSource) e2e.Attempt {
		return e2e.Attempt{Outcome: outcome, Source: source}
	}
	failed, passed := one(e2e.Failed, e2e.SourceFirst), one(e2e.Passed, e2e.SourceFirst)
	retried := one(e2e.Passed, e2e.SourceFramework)
	again, good, skip := one(e2e.Failed, e2e.SourceDiagnostic), one(e2e.Passed, e2e.SourceDiagnostic), one(e2e.Skipped, e2e.SourceDiagnostic)
	kept, void := skip, good
	kept.Kept, void.Uncounted = true, "its process ended badly"
	for name, tc := range map[string]struct {
		attempts []e2e.Attempt
		want     bool
	}{
		"no rerun":                                 {[]e2e.Attempt{failed}, false},
		"it failed again":                          {[]e2e.Attempt{failed, again}, true},
		"it passed":                                {[]e2e.Attempt{failed, good}, false},
		"its pass does not count":                  {[]e2e.Attempt{failed, void}, true},
		"it skipped":                               {[]e2e.Attempt{failed, skip}, true},
		"it was kept from running":                 {[]e2e.Attempt{failed, kept}, true},
		"it never failed and was kept":             {[]e2e.Attempt{kept}, false},
		"the framework had brought it to a pass":   {[]e2e.Attempt{failed, retried, skip}, false},
		"another document says that it passed":     {[]e2e.Attempt{failed, again, passed}, true},
		"another says so, and the rerun skipped":   {[]e2e.Attempt{passed, failed, skip}, true},
		"it passed at first and failed when alone": {[]e2e.Attempt{passed, again}, true},
	} {
		if got := rerunInVain(tc.attempts); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
