package history

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// Runs against a target are known with and without tests, and are still known when records were folded.
func TestRan(t *testing.T) {
	log := &Log{Store: memory{}, Now: later}
	want := []Ran{}
	for n := range maxRan + 20 {
		at := day0.Add(time.Duration(n) * time.Minute)
		r := Record{Schema: Schema, RunID: fmt.Sprintf("e2e-%d-x", n), Attempt: 1, Stage: "synthetic", Target: "production", Started: at, Verdict: e2e.VerdictPassed}
		one := Ran{Stage: "synthetic", Target: "production", Started: at, Verdict: e2e.VerdictPassed}
		switch n % 5 {
		case 1:
			r.Tests, r.Shard = []Entry{{ID: "s::a", Outcome: e2e.Passed, Seconds: 1}}, n%2
		case 2:
			r.Verdict, r.Nothing, one.Verdict = e2e.VerdictNotJudged, BadEnvironment, e2e.VerdictNotJudged
		case 3:
			r.Verdict, r.Reasons, one.Verdict, one.Refused = e2e.VerdictNotJudged, []e2e.Code{e2e.CodeRate}, e2e.VerdictNotJudged, true
		case 4:
			r.Verdict, r.Reasons, one.Verdict, one.Stopped = e2e.VerdictNotJudged, []e2e.Code{e2e.CodeCancelled}, e2e.VerdictNotJudged, true
		}
		for _, other := range []Record{r, {Schema: Schema, RunID: r.RunID, Attempt: 1, Stage: "pr", Started: at}} {
			if err := log.Save(t.Context(), other); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, one)
	}
	slices.Reverse(want)
	if diff := cmp.Diff(want, loaded(t, log).Ran("synthetic", "production")); diff != "" {
		t.Error(diff)
	}
	if list := loaded(t, log).Ran("pr", ""); len(list) != 0 {
		t.Errorf("runs without a target: %+v", list)
	}
	for range 2 {
		if err := log.Shrink(t.Context(), 1<<20); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[:maxRan], loaded(t, log).Ran("synthetic", "production")); diff != "" {
			t.Error(diff)
		}
	}
}
