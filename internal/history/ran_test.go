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
	for n := range maxRan / 2 { // with the runs of a service, as many as a snapshot keeps
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
		ofService := Record{Schema: Schema, RunID: r.RunID, Attempt: 2, Stage: "synthetic", Target: "production", Service: "pay", Key: "k", Started: at}
		for _, other := range []Record{r, ofService, {Schema: Schema, RunID: r.RunID, Attempt: 1, Stage: "pr", Started: at}} {
			if err := log.Save(t.Context(), other); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, one)
	}
	slices.Reverse(want)
	if list := loaded(t, log).Ran(e2e.Run{Stage: "synthetic", Target: "production", Service: "pay", Key: "k"}); len(list) != len(want) {
		t.Errorf("%d runs of a service", len(list))
	}
	if diff := cmp.Diff(want, loaded(t, log).Ran(e2e.Run{Stage: "synthetic", Target: "production"})); diff != "" {
		t.Error(diff)
	}
	if list := loaded(t, log).Ran(e2e.Run{Stage: "pr"}); len(list) != 0 {
		t.Errorf("runs without a target: %+v", list)
	}
	for range 2 {
		if err := log.Shrink(t.Context(), 1<<20); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, loaded(t, log).Ran(e2e.Run{Stage: "synthetic", Target: "production"})); diff != "" {
			t.Error(diff)
		}
	}
}

// A snapshot remembers the newest runs.
func TestNewestRan(t *testing.T) {
	all := map[string]Ran{}
	for n := range maxRan + 7 {
		all[fmt.Sprint(n)] = Ran{Started: day0.Add(time.Duration(n) * time.Minute)}
	}
	if keys := newestRan(all, maxRan); len(keys) != maxRan || keys[0] != fmt.Sprint(maxRan+6) || keys[maxRan-1] != "7" {
		t.Errorf("%d runs, from %s to %s", len(keys), keys[0], keys[len(keys)-1])
	}
}
