package report

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// A failure in a process that ended badly is no reason of its own for a run that is not judged.
func TestABadEndIsNamedBeforeTheFailuresInIt(t *testing.T) {
	got := missing(e2e.Result{Verdict: e2e.Verdict{Reasons: []e2e.Reason{
		{Code: e2e.CodeTestFailed, Effect: e2e.NotJudged, Tests: []string{"a"}, Text: "a test failed"},
		{Code: e2e.CodeRunnerExit, Effect: e2e.NotJudged, Tests: []string{"a", "b"}, Text: "the runner ended with status 7"},
	}}})
	if !strings.Contains(got, "status 7") {
		t.Error(got)
	}
}
