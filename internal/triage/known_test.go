package triage

import (
	"strings"
	"testing"
)

// What was measured decides, whatever the words say; a rule of the user's goes before it.
func TestWhatWasMeasuredDecides(t *testing.T) {
	crash := []Crash{{Process: "background process api", Text: "api crashed"}}
	port := &SharedPort{Port: 8080, Observed: "two shards used it", Suite: "api"}
	passed := Context{Rerun: RerunPassed}
	for _, tt := range []struct {
		name, want, cause string
		in                Input
	}{
		{"a crash", "PRODUCT_REGRESSION high", "background process api crashed", Input{Message: refused, Crashes: crash}},
		{"a shared port", "DATA_COLLISION high", "two shards on one machine use port 8080", Input{Message: wrong, SharedPort: port, Context: passed}},
		{"a crash goes before a port", "PRODUCT_REGRESSION high", "background process api crashed", Input{Message: wrong, Crashes: crash, SharedPort: port}},
		{"beside others each time", "TEST_BUG medium", "order", Input{Message: wrong, Company: Company{Failed: 3, Of: 3}, Context: passed}},
		{"beside others, and not alone", "PRODUCT_REGRESSION low", "product: wrong outcome",
			Input{Message: wrong, Company: Company{Failed: 3, Of: 3}, Context: Context{Rerun: RerunFailed}}},
		{"twice may be luck", "FLAKY_TIMING low", "timing: wrong outcome", Input{Message: wrong, Company: Company{Failed: 2, Of: 2}, Context: passed}},
		{"it passed beside others, too", "FLAKY_TIMING low", "timing: wrong outcome", Input{Message: wrong, Company: Company{Failed: 3, Of: 4}, Context: passed}},
		{"the environment is no order", "ENVIRONMENT_FAILURE medium", "environment: connection refused",
			Input{Message: refused, Company: Company{Failed: 3, Of: 3}, Context: passed}},
		{"alone it fails in another way", "PRODUCT_REGRESSION low", "order",
			Input{Message: wrong, Company: Company{Differs: true}, Context: Context{Rerun: RerunFailed}}},
	} {
		tt.in.ID = "api::it's a test"
		r := mustNew(t).Triage(tt.in)
		if got := string(r.Category) + " " + string(r.Confidence); got != tt.want || r.Cause != tt.cause || r.NextStep == "" || len(r.Evidence) == 0 {
			t.Errorf("%s: %+v", tt.name, r)
		}
		if r.Cause == orderCause && !strings.Contains(r.NextStep, "e2e-gate order TEST") {
			t.Errorf("%s: the next step is %s", tt.name, r.NextStep)
		}
	}
	r := mustNew(t, Rule{Category: external, When: When{Message: "refused"}}).Triage(Input{ID: "1", Message: refused, Crashes: crash})
	if r.Category != external {
		t.Errorf("the user's rule does not go first: %+v", r)
	}
	if got := orderStep(Input{ID: "s::plain"}); !strings.Contains(got, "e2e-gate order s::plain,") {
		t.Error(got)
	}
}

// A machine that was measured to be short of something explains a wait that passes again, and no wrong value.
func TestAShortMachine(t *testing.T) {
	const short = "processes waited for a processor in 97 % of 10 s"
	passed := Context{Rerun: RerunPassed, Recent: RecentFlaky}
	r := mustNew(t).Triage(Input{ID: "s::t", Message: "Timed out retrying", Pressure: short, Context: passed})
	if r.Category != env || r.Confidence != medium || r.RunnerUp != timing || !strings.HasPrefix(r.Cause, "resource saturation: ") ||
		!strings.Contains(strings.Join(r.Evidence, "\n"), "the machine: "+short) || !strings.Contains(r.NextStep, "capacity") {
		t.Errorf("%+v", r)
	}
	for _, in := range []Input{
		{Message: "Timed out retrying", Context: passed},
		{Message: wrong, Pressure: short, Context: passed},
		{Message: "Timed out retrying", Pressure: short, Context: Context{Rerun: RerunFailed, Recent: RecentStable, ChangedPaths: []string{"src/a.go"}}},
	} {
		if r := mustNew(t).Triage(in); r.Category == env {
			t.Errorf("%+v is the environment", in)
		}
	}
}
