package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func attempts(outcomes string) []Attempt {
	var list []Attempt
	for _, o := range strings.Fields(outcomes) {
		if o == "?" {
			o = ""
		}
		list = append(list, Attempt{N: len(list) + 1, Outcome: Outcome(o)})
	}
	return list
}

func TestOutcomeOf(t *testing.T) {
	for _, tc := range []struct {
		attempts string
		want     Outcome
	}{
		{"", Lost},
		{"passed", Passed},
		{"failed", Failed},
		{"skipped", Skipped},
		{"passed passed", Passed},
		{"failed failed", Failed},
		{"skipped skipped", Skipped},
		{"failed passed", Flaky},
		{"passed failed", Failed},
		{"failed failed passed", Flaky},
		{"failed passed failed", Failed},
		{"passed failed passed", Flaky},
		{"failed passed passed", Flaky},
		{"passed skipped", Passed},
		{"skipped passed", Passed},
		{"failed skipped", Failed},
		{"skipped failed", Failed},
		{"skipped failed passed", Flaky},
		{"failed skipped passed", Flaky},
		{"failed passed skipped", Flaky},
		// What is unknown never passes; what was seen to fail has failed.
		{"?", Lost},
		{"lost", Lost},
		{"not_run", Lost},
		{"flaky", Lost},
		{"PASSED", Lost},
		{"passed ?", Lost},
		{"? passed", Lost},
		{"skipped ?", Lost},
		{"failed ?", Failed},
		{"? failed", Failed},
		{"failed lost", Failed},
		{"failed passed ?", Failed},
		{"failed ? passed", Failed},
	} {
		if got := OutcomeOf(attempts(tc.attempts)); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.attempts, got, tc.want)
		}
	}
}

func TestOutcomeOfSources(t *testing.T) {
	failed, passed := Attempt{Outcome: Failed, Source: SourceFirst}, Attempt{Outcome: Passed, Source: SourceFirst}
	with := func(a Attempt, source AttemptSource, twin int, uncounted string) Attempt {
		a.Source, a.Twin, a.Uncounted = source, twin, uncounted
		return a
	}
	for _, tc := range []struct {
		rule     string
		attempts []Attempt
		want     Outcome
	}{
		{"a pass that does not count leaves a failure", []Attempt{failed, with(passed, SourceDiagnostic, 0, "x")}, Failed},
		{"a retry that does not count leaves a failure", []Attempt{failed, with(failed, SourceDiagnostic, 0, ""), with(passed, SourceFramework, 0, "x")}, Failed},
		{"a failed retry that does not count leaves a flake", []Attempt{failed, with(passed, SourceDiagnostic, 0, ""), with(failed, SourceFramework, 0, "x")}, Flaky},
		{"the failure of a first execution always counts", []Attempt{with(failed, SourceFirst, 0, "x"), with(passed, SourceFirst, 0, "")}, Flaky},
		{"the failure of a rerun always counts", []Attempt{failed, with(passed, SourceDiagnostic, 0, ""), with(failed, SourceDiagnostic, 0, "x")}, Failed},
		{"only attempts that do not count are no pass", []Attempt{with(passed, SourceFirst, 0, "x")}, Lost},
		{"a failure beside the rerun of another test makes a pass a flake", []Attempt{passed, with(failed, SourceBeside, 0, "")}, Flaky},
		{"a pass beside the rerun of another test proves nothing", []Attempt{failed, with(passed, SourceBeside, 0, "")}, Failed},
		{"what is unknown beside the rerun of another test is no pass", []Attempt{passed, with(Attempt{}, SourceBeside, 0, "")}, Flaky},
		{"a test that was skipped and fails beside a rerun has failed", []Attempt{{Outcome: Skipped}, with(failed, SourceBeside, 0, "")}, Failed},
		{"a test that only ran beside a rerun is what it was there", []Attempt{with(failed, SourceBeside, 0, "")}, Failed},
		{"of several tests of one id the worst counts", []Attempt{with(failed, SourceFirst, 1, ""), with(passed, SourceFirst, 2, "")}, Failed},
		{"a pass of another test of the id is no retry", []Attempt{with(failed, SourceFirst, 2, ""), with(passed, SourceFirst, 1, "")}, Failed},
		{"a rerun belongs to the test of its number",
			[]Attempt{with(failed, SourceFirst, 1, ""), with(passed, SourceFirst, 2, ""), with(passed, SourceDiagnostic, 1, "")}, Flaky},
	} {
		if got := OutcomeOf(tc.attempts); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.rule, got, tc.want)
		}
	}
}

// Whatever a document says of sources, numbers and what counts: without a pass that counts
// there is none, and a failed first execution is never gone.
func TestOutcomeOfLies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Attempt {
			return Attempt{
				Outcome: genOutcome.Draw(t, "outcome"), Twin: rapid.IntRange(0, 2).Draw(t, "twin"), Uncounted: rapid.SampledFrom([]string{"", "x"}).Draw(t, "uncounted"),
				Source: rapid.SampledFrom([]AttemptSource{"", SourceFirst, SourceFramework, SourceDiagnostic, SourceBeside}).Draw(t, "source"),
			}
		}), 0, 6).Draw(t, "attempts")
		got := OutcomeOf(list)
		counted, failed := false, false
		for _, a := range list {
			counted = counted || a.Outcome == Passed && a.Uncounted == ""
			failed = failed || a.Outcome == Failed && a.Source != SourceFramework
		}
		if (got == Passed || got == Flaky) && !counted || failed && got != Failed && got != Flaky && got != Lost {
			t.Fatalf("%+v is %s", list, got)
		}
	})
}

func TestJoinTwins(t *testing.T) {
	one, two := []Attempt{{Outcome: Failed}, {Outcome: Passed}}, []Attempt{{Outcome: Passed, Twin: 1}, {Outcome: Failed, Twin: 2}}
	if got := JoinTwins(nil, one); OutcomeOf(got) != Flaky || got[0].Twin != 0 {
		t.Errorf("%+v", got)
	}
	if got := JoinTwins(one, nil); OutcomeOf(got) != Flaky || got[0].Twin != 0 {
		t.Errorf("%+v", got)
	}
	got := JoinTwins(one, two)
	groups := Twins(got)
	if len(groups) != 3 || OutcomeOf(groups[0]) != Flaky || OutcomeOf(groups[1]) != Passed || OutcomeOf(groups[2]) != Failed || one[0].Twin != 0 {
		t.Errorf("%+v", got)
	}
}

var genOutcome = rapid.SampledFrom([]Outcome{Passed, Passed, Passed, Failed, Failed, Skipped, Flaky, Lost, NotRun, "", "ok"})

func TestOutcomeOfProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		outcomes := rapid.SliceOfN(genOutcome, 0, 6).Draw(t, "attempts")
		var list []Attempt
		for _, o := range outcomes {
			list = append(list, Attempt{Outcome: o})
		}
		got := OutcomeOf(list)
		has := func(o Outcome) bool { return slices.Contains(outcomes, o) }
		unknown := slices.ContainsFunc(outcomes, func(o Outcome) bool { return o != Passed && o != Failed && o != Skipped })
		switch {
		case (got == Passed || got == Flaky) && (!has(Passed) || unknown):
			t.Fatalf("%q is %s", outcomes, got)
		case got == Passed && has(Failed), got == Skipped && (has(Passed) || has(Failed)):
			t.Fatalf("%q is %s", outcomes, got)
		case has(Failed) && got != Failed && got != Flaky:
			t.Fatalf("%q is %s", outcomes, got)
		case !slices.Contains([]Outcome{Passed, Failed, Flaky, Skipped, Lost}, got):
			t.Fatalf("%q is %s", outcomes, got)
		}
		// Another failure at the end is never better.
		if OutcomeOf(append(list, Attempt{Outcome: Failed})) != Failed {
			t.Fatalf("%q and a failure is no failure", outcomes)
		}
	})
}

func TestWorst(t *testing.T) {
	order := []Outcome{Failed, "", Lost, NotRun, Flaky, Passed, Skipped} // the strongest first
	for i, strong := range order {
		if got := Worst(strong); got != strong {
			t.Errorf("Worst(%q) = %q", strong, got)
		}
		for _, weak := range order[i:] {
			if a, b := Worst(strong, weak), Worst(weak, strong); a != strong || b != strong {
				t.Errorf("of %q and %q: %q, %q", strong, weak, a, b)
			}
		}
	}
	if got := Worst(); got != OutcomeUnknown {
		t.Errorf("of nothing: %q", got)
	}
	if got := Worst(Passed, "nonsense", Lost); got != "nonsense" {
		t.Errorf("a foreign word is %q", got)
	}
}

func TestWorstProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.SampledFrom([]Outcome{Passed, Failed, Skipped, Flaky, Lost, NotRun, ""}), 1, 6).Draw(t, "outcomes")
		worst := Worst(list...)
		if !slices.Contains(list, worst) {
			t.Fatalf("%q is none of %q", worst, list)
		}
		if mixed := rapid.Permutation(list).Draw(t, "mixed"); Worst(mixed...) != worst {
			t.Fatalf("the order of %q matters", list)
		}
		if worst == Passed && slices.ContainsFunc(list, func(o Outcome) bool { return o != Passed && o != Skipped }) {
			t.Fatalf("%q pass", list)
		}
	})
}

func TestExitStatus(t *testing.T) {
	for _, tc := range []struct {
		state  VerdictState
		blocks bool
		want   int
	}{
		{VerdictPassed, false, 0},
		{VerdictPassed, true, 3}, // it contradicts itself
		{VerdictFailed, true, 1},
		{VerdictFailed, false, 0},
		{VerdictNotJudged, true, 3},
		{VerdictNotJudged, false, 0},
		{VerdictUnknown, true, 3},
		{VerdictUnknown, false, 3}, // the tool never came to a verdict
		{"green", true, 3},
		{"green", false, 3},
	} {
		if got := (Verdict{State: tc.state, Blocks: tc.blocks}).ExitStatus(); got != tc.want {
			t.Errorf("%q, blocks %v: got %d, want %d", tc.state, tc.blocks, got, tc.want)
		}
	}
}

func TestGateOpen(t *testing.T) {
	for _, tc := range []struct {
		state    GateState
		required bool
		want     bool
	}{
		{Healthy, true, true}, {Degraded, true, true}, {Unhealthy, true, false}, {ProbeError, true, false}, {GateUnknown, true, false}, {"up", true, false},
		{Unhealthy, false, true}, {GateUnknown, false, true}, {ProbeError, false, true},
	} {
		g := Gate{State: tc.state, Required: tc.required}
		if g.Open() != tc.want || GatesOpen([]Gate{{State: Healthy, Required: true}, g}) != tc.want {
			t.Errorf("%+v: open %v", tc, g.Open())
		}
	}
	if !GatesOpen(nil) {
		t.Error("no gates have failed")
	}
}

func TestTags(t *testing.T) {
	for tag, want := range map[string]string{
		"smoke": "smoke", "@smoke": "smoke", "e2e:smoke": "smoke", "@e2e:smoke": "smoke", "e2e": "e2e", "@e2e": "e2e", "e2e:": "e2e:", "@": "", "": "",
		"owner:a": "owner:a", "@owner:a": "owner:a", "e2e:owner:a": "owner:a", "e2e2:x": "e2e2:x", "E2E:smoke": "E2E:smoke", "@@smoke": "@smoke",
	} {
		if got := BareTag(tag); got != want {
			t.Errorf("BareTag(%q) = %q, want %q", tag, got, want)
		}
	}
	for _, tc := range []struct {
		tags, key, want string
		ok              bool
	}{
		{"smoke owner:a owner:b", "owner", "a", true},
		{"@owner:a", "owner", "a", true},
		{"e2e:journey:x", "journey", "x", true},
		{"owner: owner:b", "owner", "b", true},
		{"owner:a:b", "owner", "a:b", true},
		{"coowner:a owners:b owner", "owner", "", false},
		{"", "owner", "", false},
	} {
		if got, ok := TagValue(strings.Fields(tc.tags), tc.key); got != tc.want || ok != tc.ok {
			t.Errorf("%q: got %q, %v", tc.tags, got, ok)
		}
	}
}

func TestSmoke(t *testing.T) {
	for _, tc := range []struct {
		crit Criticality
		tags string
		want bool
	}{
		{"", "", false},
		{ReleaseBlocking, "api", false},
		{ReleaseBlocking, "smoke", true},
		{Nightly, "api @e2e:smoke", true},
		{ReleaseBlockingSmoke, "", true},
		{"", "smoketest nosmoke smoke:x Smoke", false},
	} {
		if got := (Test{Criticality: tc.crit, Tags: strings.Fields(tc.tags)}).Smoke(); got != tc.want {
			t.Errorf("%+v: got %v", tc, got)
		}
	}
}

func TestSameSubject(t *testing.T) {
	run := Run{WorkflowRun: "1", Stage: "pr", Key: "k", Subject: Subject{SHA: "s", Repository: "o/r"}}
	same := run
	same.ID, same.WorkflowAttempt, same.Ref, same.Select = "other", 2, "ref", "api"
	if !run.SameSubject(same) {
		t.Error("another attempt is another subject")
	}
	for name, change := range map[string]func(*Run){
		"workflow run": func(r *Run) { r.WorkflowRun = "2" }, "stage": func(r *Run) { r.Stage = "main" }, "key": func(r *Run) { r.Key = "" },
		"commit": func(r *Run) { r.SHA = "t" }, "repository": func(r *Run) { r.Repository = "o/s" },
		"commit of the tests": func(r *Run) { r.TestsSHA = "u" }, "repository of the tests": func(r *Run) { r.TestsRepository = "o/u" },
		"environment": func(r *Run) { r.Environment = "staging" }, "version": func(r *Run) { r.ProductVersion = "2" },
	} {
		other := run
		if change(&other); run.SameSubject(other) || other.SameSubject(run) {
			t.Errorf("another %s is the same subject", name)
		}
	}
}

func TestAlertOf(t *testing.T) {
	for _, tc := range []struct {
		after, of int
		// runs, the newest first: p passed, x did not.
		runs string
		want AlertState
		bad  int
	}{
		{2, 3, "", "", 0}, {2, 3, "p", "", 0}, {2, 3, "x", "", 1}, {2, 3, "xx", AlertRaised, 2}, {2, 3, "xpx", AlertRaised, 2}, {2, 3, "xppx", "", 1},
		{2, 3, "xxx", AlertFiring, 3}, {2, 3, "pxx", AlertFiring, 2}, {2, 3, "ppxx", AlertRecovered, 1}, {2, 3, "pppxx", "", 0}, {2, 3, "xpxpx", AlertRaised, 2},
		{1, 1, "x", AlertRaised, 1}, {1, 1, "px", AlertRecovered, 0}, {1, 1, "xx", AlertFiring, 1}, {0, 3, "xxx", "", 0}, {3, 2, "xxx", "", 0},
	} {
		var passed []bool
		for _, c := range tc.runs {
			passed = append(passed, c == 'p')
		}
		a := AlertOf("production", tc.after, tc.of, passed)
		if (a == nil) != (tc.want == "") || a != nil && (a.State != tc.want || a.Bad != tc.bad || a.Of != min(tc.of, len(tc.runs))) {
			t.Errorf("%+v: %+v", tc, a)
		}
	}
}

func TestVerifiedBy(t *testing.T) {
	const sha = "0123456789abcdef0123456789abcdef01234567"
	lost := []Span{{State: Unhealthy, Watch: true}}
	gate := func(demands string, change func(*Gate)) Gate {
		g := Gate{Kind: "version", Required: true, State: Healthy, Demands: demands}
		if change != nil {
			change(&g)
		}
		return g
	}
	for name, tc := range map[string]struct {
		gates []Gate
		want  bool
	}{
		"the commit":                {[]Gate{gate(sha, nil)}, true},
		"its start":                 {[]Gate{gate("0123456", nil)}, true},
		"in capitals":               {[]Gate{gate(strings.ToUpper(sha), nil)}, true},
		"the version":               {[]Gate{gate("4.2.0", nil)}, true},
		"beside another gate":       {[]Gate{gate(strings.Repeat("a", 40), nil), gate(sha, nil)}, true},
		"none":                      {nil, false},
		"a range":                   {[]Gate{gate("", nil)}, false},
		"too short":                 {[]Gate{gate("012345", nil)}, false},
		"more than the commit":      {[]Gate{gate(sha+"0", nil)}, false},
		"another commit":            {[]Gate{gate(strings.Repeat("a", 40), nil)}, false},
		"another version":           {[]Gate{gate("4.2.1", nil)}, false},
		"another kind":              {[]Gate{gate(sha, func(g *Gate) { g.Kind = "command" })}, false},
		"advisory":                  {[]Gate{gate(sha, func(g *Gate) { g.Required = false })}, false},
		"not healthy":               {[]Gate{gate(sha, func(g *Gate) { g.State = Unhealthy })}, false},
		"lost while suites ran":     {[]Gate{gate(sha, func(g *Gate) { g.Timeline = lost })}, false},
		"one of two instances lost": {[]Gate{gate(sha, nil), gate(sha, func(g *Gate) { g.Timeline = lost })}, false},
	} {
		if got := (Subject{SHA: sha, ProductVersion: "4.2.0"}).VerifiedBy(tc.gates); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (Subject{Repository: "acme/pay"}).VerifiedBy([]Gate{gate("", nil), gate("0123456", nil)}) {
		t.Error("a subject without commit and version was verified")
	}
}

// The words of the domain are the contract; each list is complete.
func TestWords(t *testing.T) {
	text, err := json.Marshal([]any{Categories(), Criticalities()})
	if err != nil {
		t.Fatal(err)
	}
	want := `[["PRODUCT_REGRESSION","TEST_BUG","ENVIRONMENT_FAILURE","FLAKY_TIMING","DATA_COLLISION","EXTERNAL_DEPENDENCY","UNKNOWN"],` +
		`["release-blocking-smoke","release-blocking","non-blocking","nightly","synthetic"]]`
	if string(text) != want {
		t.Errorf("got %s", text)
	}
}

func TestDaysLeft(t *testing.T) {
	now := time.Date(2026, 11, 2, 23, 59, 0, 0, time.UTC)
	for day, want := range map[string]int{"2026-11-02": 0, "2026-11-03": 1, "2026-11-01": -1, "2026-12-02": 30, "2999-12-31": 355440} {
		deadline, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Quarantine{Deadline: deadline}).DaysLeft(now.In(time.FixedZone("east", 3600))); got != want {
			t.Errorf("%s: %d days left, want %d", day, got, want)
		}
	}
	if got := (Quarantine{}).DaysLeft(now); got >= 0 {
		t.Errorf("no deadline: %d days left", got)
	}
}
