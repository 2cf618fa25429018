package verdict

import (
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

var baseNow = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)

// baseRuns makes runs of the base from letters, the newest first and six hours apart: f failed as here, x failed otherwise,
// k flaky, p passed, s skipped, - did not have the test.
func baseRuns(letters string) (runs []BaseRun) {
	for i, c := range letters {
		r := BaseRun{BaseRun: e2e.BaseRun{ID: "run", Started: baseNow.Add(-time.Duration(i+1) * 6 * time.Hour)}, Tests: map[string]BaseTest{}}
		switch c {
		case 'f':
			r.Tests["s::t"] = BaseTest{e2e.Failed, "f1:same"}
		case 'x':
			r.Tests["s::t"] = BaseTest{e2e.Failed, "f1:other"}
		case 'k':
			r.Tests["s::t"] = BaseTest{e2e.Flaky, "f1:same"}
		case 'p':
			r.Tests["s::t"] = BaseTest{e2e.Passed, ""}
		case 's':
			r.Tests["s::t"] = BaseTest{e2e.Skipped, ""}
		}
		runs = append(runs, r)
	}
	return runs
}

// failedAsBase is a test that failed here twice in the way in which the base fails.
func failedAsBase() e2e.TestResult {
	at := func(n int, source e2e.AttemptSource) e2e.Attempt {
		return e2e.Attempt{N: n, Outcome: e2e.Failed, Source: source, Message: "f1:same", WorkflowAttempt: 1}
	}
	return e2e.TestResult{Test: e2e.Test{ID: "s::t", Criticality: e2e.ReleaseBlocking}, Outcome: e2e.Failed,
		Attempts: []e2e.Attempt{at(1, e2e.SourceFirst), at(2, e2e.SourceDiagnostic)}}
}

func base(letters string, tests ...e2e.TestResult) Base {
	b := Base{Branch: "main", Runs: baseRuns(letters), MaxAge: 72 * time.Hour, Failures: map[string]BaseFailure{}}
	for _, t := range tests {
		var f BaseFailure
		for _, a := range t.Attempts {
			f.Fingerprints = append(f.Fingerprints, a.Message)
		}
		b.Failures[t.ID] = f
	}
	return b
}

func TestBaseFails(t *testing.T) {
	for runs, want := range map[string]bool{
		"fffp": true, "ffffffp": true, "-f-ff-p": true, "sfsfsfsp": true, "ffffp": true, "fffxp": true,
		"ffxffpff": true, "ffpfpfffpp": true, "ffppppffffff": true, // six of the newest ten, with the newest two

		"": false, "f": false, "ff": false, "ffp": false, "ffk": false, "p": false, "pfff": false, "kfff": false, "xfff": false, "ppp": false,
		"fpffffffff": false, "ffpfppffpp": false, "ffpfppfppp": false, "ffpfpppppppfff": false, "---": false, "sss": false, "fxf": false,
	} {
		one := failedAsBase()
		got := base(runs, one).fails(&one, probed{}, baseNow)
		if (got != nil) != want || got != nil && !got.Excuses {
			t.Errorf("%s: %+v", runs, got)
		}
	}
	// Since when it is red: also where it failed in other ways, up to the last pass.
	one := failedAsBase()
	if got := base("fffxp", one).fails(&one, probed{}, baseNow); got == nil || !got.Since.Equal(baseNow.Add(-24*time.Hour)) || len(got.Runs) != 3 {
		t.Errorf("%+v", got)
	}
}

// TestBaseFailsLaw has a failure that the base excuses, and what must not be excused, one by one.
func TestBaseFailsLaw(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*e2e.TestResult, *Base)
		// why is a part of the reason that is shown; "-": nothing is said of the base.
		why string
	}{
		"excused":                      {func(*e2e.TestResult, *Base) {}, ""},
		"all retries of the framework": {func(r *e2e.TestResult, _ *Base) { r.Attempts[1].Source = e2e.SourceFramework }, ""},
		"retries in the rerun failed": {func(r *e2e.TestResult, _ *Base) {
			r.Attempts = append(r.Attempts, e2e.Attempt{N: 3, Outcome: e2e.Failed, Source: e2e.SourceFramework, Message: "f1:same", Uncounted: "x"})
		}, ""},

		"a smoke test":             {func(r *e2e.TestResult, _ *Base) { r.Criticality = e2e.ReleaseBlockingSmoke }, "a smoke test always blocks"},
		"its quarantine has ended": {func(r *e2e.TestResult, _ *Base) { r.Quarantine = &e2e.Quarantine{Test: "s::t", Expired: true} }, "its quarantine has ended"},
		"the change touches it": {func(_ *e2e.TestResult, b *Base) {
			b.Failures["s::t"] = BaseFailure{[]string{"f1:same", "f1:same"}, "the change touches e2e/a.ts"}
		}, "touches e2e/a.ts"},
		"red for too long":       {func(_ *e2e.TestResult, b *Base) { b.MaxAge = 12 * time.Hour }, "longer than the 12h0m0s"},
		"it passes there by now": {func(_ *e2e.TestResult, b *Base) { b.Repaired = map[string]bool{"s::t": true} }, "it passes on main by now; rebase"},
		"never seen to pass":     {func(_ *e2e.TestResult, b *Base) { b.Runs = baseRuns("ffffff") }, "it is not known since when it fails"},
		"one execution":          {func(r *e2e.TestResult, _ *Base) { r.Attempts = r.Attempts[:1] }, "-"},
		"no rerun":               {func(r *e2e.TestResult, _ *Base) { r.Attempts[1].Source = e2e.SourceFirst }, "-"},
		"a retry in the rerun passed": {func(r *e2e.TestResult, _ *Base) {
			r.Attempts = append(r.Attempts, e2e.Attempt{N: 3, Outcome: e2e.Passed, Source: e2e.SourceFramework, Message: "f1:same", Uncounted: "x"})
		}, "-"},
		"it failed in two ways": {func(r *e2e.TestResult, _ *Base) { r.Attempts[1].Message = "f1:other" }, "-"},
		"in another way": {func(r *e2e.TestResult, _ *Base) {
			r.Attempts[0].Message, r.Attempts[1].Message = "f1:other", "f1:other"
		}, "-"},
		"by another algorithm": {func(r *e2e.TestResult, _ *Base) { r.Attempts[0].Message, r.Attempts[1].Message = "f2:same", "f2:same" }, "-"},
		"without a message": {func(r *e2e.TestResult, b *Base) {
			r.Attempts[0].Message, r.Attempts[1].Message = "", ""
			b.Runs = baseRuns("fffp")
		}, "-"},
		"flaky":                      {func(r *e2e.TestResult, _ *Base) { r.Outcome, r.Attempts[1].Outcome = e2e.Flaky, e2e.Passed }, "-"},
		"lost":                       {func(r *e2e.TestResult, _ *Base) { r.Outcome, r.Attempts = e2e.Lost, nil }, "-"},
		"a new test":                 {func(r *e2e.TestResult, _ *Base) { r.ID = "s::new" }, "-"},
		"it was not planned":         {func(r *e2e.TestResult, _ *Base) { r.Unplanned = true }, "-"},
		"it shares its id":           {func(r *e2e.TestResult, _ *Base) { r.Twins = 2 }, "-"},
		"the environment was bad":    {func(r *e2e.TestResult, _ *Base) { r.Environment = &e2e.Environment{Gate: "db"} }, "-"},
		"what is under test crashed": {func(r *e2e.TestResult, _ *Base) { r.Evidence = []e2e.Evidence{{Kind: e2e.EvidenceCrash}} }, "-"},
		"no history":                 {func(_ *e2e.TestResult, b *Base) { b.Runs = nil }, "-"},
	} {
		failed, b := failedAsBase(), base("ffffp")
		tc.change(&failed, &b)
		if b.Failures["s::t"].Fingerprints == nil {
			b.Failures = base("", failed).Failures
		}
		tests := []e2e.TestResult{failed, {Test: e2e.Test{ID: "s::ok", Criticality: e2e.ReleaseBlocking}, Outcome: e2e.Passed}}
		b.excuse(tests, nil, baseNow)
		switch got := tests[0].BaseFails; {
		case tc.why == "-" && got != nil, tc.why != "-" && got == nil:
			t.Errorf("%s: %+v", name, got)
		case got != nil && (got.Excuses != (tc.why == "") || !strings.Contains(got.Why, tc.why)):
			t.Errorf("%s: %+v", name, got)
		}
		v, err := policy.DecideInPlace(t.Context(), policy.Evidence{Blocks: true, Tests: tests, Table: policy.Default()})
		if err != nil {
			t.Fatal(err)
		}
		if excused := tests[0].BaseFails != nil && tests[0].BaseFails.Excuses; excused && (tests[0].Effect != e2e.Warns || v.State != e2e.VerdictPassed) ||
			!excused && tests[0].Outcome == e2e.Failed && tests[0].Environment == nil && (tests[0].Effect != e2e.Blocks || v.State != e2e.VerdictFailed) {
			t.Errorf("%s: %s, %s", name, tests[0].Effect, v.State)
		}
	}
	// Nothing else that blocks has passed.
	for _, other := range []e2e.TestResult{
		{Test: e2e.Test{ID: "s::o", Criticality: e2e.Nightly}, Outcome: e2e.Passed}, {Test: e2e.Test{ID: "s::o"}, Outcome: e2e.Flaky},
		{Test: e2e.Test{ID: "s::o"}, Outcome: e2e.Skipped}, {Test: e2e.Test{ID: "s::o"}, Outcome: e2e.Passed, Unplanned: true},
		{Test: e2e.Test{ID: "s::o"}, Outcome: e2e.Passed, LaterPass: true},
		{Test: e2e.Test{ID: "s::o"}, Outcome: e2e.Passed, Quarantine: &e2e.Quarantine{Test: "s::o"}},
	} {
		tests := []e2e.TestResult{failedAsBase(), other}
		base("ffffp", tests...).excuse(tests, nil, baseNow)
		if got := tests[0].BaseFails; got == nil || got.Excuses || !strings.Contains(got.Why, "no blocking test passed") {
			t.Errorf("%+v: %+v", other, got)
		}
	}
}
