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

// A test that was kept from running has its first execution in the rerun.
func TestAgainOfKeptTests(t *testing.T) {
	kept := func(twin int) e2e.Attempt {
		return e2e.Attempt{Outcome: e2e.Skipped, Kept: true, Source: e2e.SourceFirst, Twin: twin}
	}
	got := Again([]e2e.Attempt{kept(1), kept(2)}, []e2e.Attempt{made(e2e.Passed, e2e.SourceFirst, 0)}, false)
	if len(got) != 1 || got[0].Twin != 1 || got[0].Source != e2e.SourceDiagnostic || got[0].Uncounted == "" {
		t.Errorf("one result for two tests that were kept: %+v", got)
	}
}

func TestBeside(t *testing.T) {
	const first, framework, beside = e2e.SourceFirst, e2e.SourceFramework, e2e.SourceBeside
	passed, failed := made(e2e.Passed, first, 0), made(e2e.Failed, first, 0)
	for _, tc := range []struct {
		rule         string
		first, again []e2e.Attempt
		want         []e2e.Attempt
		outcome      e2e.Outcome
	}{
		{"a pass beside the rerun is not kept", []e2e.Attempt{passed}, []e2e.Attempt{passed}, nil, e2e.Passed},
		{"a failure beside the rerun makes a pass flaky", []e2e.Attempt{passed}, []e2e.Attempt{failed},
			[]e2e.Attempt{made(e2e.Failed, beside, 0)}, e2e.Flaky},
		{"the first execution beside the rerun decides", []e2e.Attempt{passed}, []e2e.Attempt{failed, made(e2e.Passed, framework, 0)},
			[]e2e.Attempt{made(e2e.Failed, beside, 0), uncounted(made(e2e.Passed, framework, 0), retryInRerun)}, e2e.Flaky},
		{"a failure beside the rerun fails a skipped test", []e2e.Attempt{made(e2e.Skipped, first, 0)}, []e2e.Attempt{failed},
			[]e2e.Attempt{made(e2e.Failed, beside, 0)}, e2e.Failed},
		{"tests that share an id are paired in their order", []e2e.Attempt{made(e2e.Passed, first, 1), made(e2e.Skipped, first, 2)},
			[]e2e.Attempt{made(e2e.Passed, first, 1), made(e2e.Failed, first, 2)},
			[]e2e.Attempt{made(e2e.Passed, beside, 1), made(e2e.Failed, beside, 2)}, e2e.Failed},
		{"where their number differs, all stand beside the first", []e2e.Attempt{made(e2e.Passed, first, 1), made(e2e.Skipped, first, 2)},
			[]e2e.Attempt{failed}, []e2e.Attempt{made(e2e.Failed, beside, 1)}, e2e.Flaky},
	} {
		got := Beside(tc.first, tc.again)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tc.rule, diff)
		}
		if o := e2e.OutcomeOf(append(append([]e2e.Attempt{}, tc.first...), got...)); o != tc.outcome {
			t.Errorf("%s: the test is %s, want %s", tc.rule, o, tc.outcome)
		}
	}
}

func TestRetriesUsed(t *testing.T) {
	of := func(twin int, o e2e.Outcome, source e2e.AttemptSource) e2e.Attempt {
		return e2e.Attempt{Twin: twin, Outcome: o, Source: source}
	}
	first, retry, passed := of(0, e2e.Failed, e2e.SourceFirst), of(0, e2e.Failed, e2e.SourceFramework), of(0, e2e.Passed, e2e.SourceFramework)
	uncounted := retry
	uncounted.Uncounted = "x"
	for _, tc := range []struct {
		rule string
		list []e2e.Attempt
		want int
	}{
		{"a failure without retries", []e2e.Attempt{first}, 0},
		{"retries that failed", []e2e.Attempt{first, retry, retry}, 2},
		{"a retry that passed was not in vain", []e2e.Attempt{first, retry, passed}, 0},
		{"a retry that does not count", []e2e.Attempt{first, uncounted}, 0},
		{"of several tests, one that was not repeated is worth a rerun", []e2e.Attempt{of(1, e2e.Failed, e2e.SourceFirst),
			of(1, e2e.Failed, e2e.SourceFramework), of(2, e2e.Failed, e2e.SourceFirst)}, 0},
		{"of several tests, those that passed do not matter", []e2e.Attempt{of(1, e2e.Failed, e2e.SourceFirst),
			of(1, e2e.Failed, e2e.SourceFramework), of(2, e2e.Passed, e2e.SourceFirst)}, 1},
	} {
		if got := RetriesUsed(tc.list); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.rule, got, tc.want)
		}
	}
}

func TestDied(t *testing.T) {
	units := []e2e.UnitRun{{Log: "well", Ended: e2e.EndedExited}, {Log: "killed", Ended: e2e.EndedSignal}, {Log: "stopped", Ended: e2e.EndedTimeout}}
	in := func(log string) e2e.Attempt { return e2e.Attempt{Outcome: e2e.Failed, Files: []string{log}} }
	for _, tc := range []struct {
		rule string
		list []e2e.Attempt
		want bool
	}{
		{"a failure in a process that ended by itself", []e2e.Attempt{in("well")}, false},
		{"a failure in a process that was killed", []e2e.Attempt{in("killed")}, true},
		{"a failure in a process that the gate stopped", []e2e.Attempt{in("stopped")}, false},
		{"a panic", []e2e.Attempt{{Outcome: e2e.Failed, Type: "panic"}}, true},
		{"a pass in a process that was killed", []e2e.Attempt{{Outcome: e2e.Passed, Files: []string{"killed"}}}, false},
		{"one of several tests that share an id failed in it, and the last passed", []e2e.Attempt{in("killed"), {Outcome: e2e.Passed}}, true},
	} {
		if got := Died(units, tc.list); got != tc.want {
			t.Errorf("%s: %t", tc.rule, got)
		}
	}
}

func TestBadRerun(t *testing.T) {
	loses := func(ids ...string) []e2e.Problem { return []e2e.Problem{{LosesEvidence: true, Tests: ids}} }
	for _, tc := range []struct {
		rule     string
		ended    e2e.Ended
		problems []e2e.Problem
		want     bool
	}{
		{"a process that ended by itself, without problems", e2e.EndedExited, nil, false},
		{"one that was stopped at its timeout", e2e.EndedTimeout, nil, true},
		{"one that was cancelled", e2e.EndedCancelled, nil, true},
		{"a problem that loses the test's evidence", e2e.EndedExited, loses("b", "a"), true},
		{"a problem that loses that of the whole process", e2e.EndedExited, loses(), true},
		{"a problem with another test", e2e.EndedExited, loses("b"), false},
		{"a problem that loses nothing", e2e.EndedExited, []e2e.Problem{{Tests: []string{"a"}}}, false},
	} {
		if got := BadRerun(tc.ended, tc.problems, "a"); got != tc.want {
			t.Errorf("%s: %t", tc.rule, got)
		}
	}
}

// TestAgainWithParts: a test in parts has passed in its rerun only if each part that had failed did.
func TestAgainWithParts(t *testing.T) {
	parts := func(outcome e2e.Outcome, list ...string) []e2e.Attempt {
		a := e2e.Attempt{Outcome: outcome}
		for i := 0; i < len(list); i += 2 {
			a.Children = append(a.Children, e2e.Child{Name: list[i], Outcome: e2e.Outcome(list[i+1])})
		}
		return []e2e.Attempt{a}
	}
	first := parts(e2e.Failed, "a", "passed", "b", "failed")
	const skipped = "in the diagnostic rerun b, which had failed, did not pass: it was skipped"
	for name, tc := range map[string]struct {
		first, again []e2e.Attempt
		want         string
	}{
		"it passed":                           {first, parts(e2e.Passed, "a", "passed", "b", "passed"), ""},
		"it is gone":                          {first, parts(e2e.Passed, "a", "passed"), "the diagnostic rerun did not run b, which had failed"},
		"it is gone with all others":          {first, parts(e2e.Passed), "the diagnostic rerun did not run b, which had failed"},
		"it is skipped":                       {first, parts(e2e.Passed, "a", "passed", "b", "skipped"), skipped},
		"it passed once and was skipped once": {first, parts(e2e.Passed, "b", "passed", "b", "skipped"), skipped},
		"another part is skipped":             {first, parts(e2e.Passed, "a", "skipped", "b", "passed"), ""},
		"only failed parts are ever named":    {parts(e2e.Failed, "b", "failed"), parts(e2e.Passed), ""},
		"it has no parts":                     {parts(e2e.Failed), parts(e2e.Passed), ""},
		"the failure is of the test itself":   {parts(e2e.Failed, "a", "passed"), parts(e2e.Passed), ""},
	} {
		got := Again(tc.first, tc.again, false)
		if len(got) != 1 || got[0].Uncounted != tc.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
