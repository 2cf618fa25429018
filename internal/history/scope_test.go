package history

import (
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestARunWithoutOneServiceSaysSomethingOfTheOthers(t *testing.T) {
	gate := e2e.Reason{Code: e2e.CodeGateShut, Effect: e2e.NotJudged, Tests: []string{"b"}}
	notRun := e2e.Reason{Code: e2e.CodeNotRun, Effect: e2e.NotJudged, Tests: []string{"b"}}
	for _, tc := range []struct {
		name    string
		reasons []e2e.Reason
		want    Silence
	}{
		{"a gate of some tests", []e2e.Reason{gate, notRun, {Code: e2e.CodeFlaky, Effect: e2e.Warns}}, ""},
		{"a gate of all tests", []e2e.Reason{{Code: e2e.CodeGateShut, Effect: e2e.NotJudged}}, BadEnvironment},
		{"not run for another reason", []e2e.Reason{notRun}, NotJudged},
		{"something is lost as well", []e2e.Reason{gate, notRun, {Code: e2e.CodeLost, Effect: e2e.NotJudged, Tests: []string{"a"}}}, BadEnvironment},
	} {
		if got := silenceOfRun(e2e.Result{Verdict: e2e.Verdict{State: e2e.VerdictNotJudged, Reasons: tc.reasons}}); got != tc.want {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}
