package policy

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

var someday = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)

// pass is a test that proves something, so that other tests decide alone.
func pass(id string) e2e.TestResult {
	return e2e.TestResult{Test: e2e.Test{ID: id, Criticality: e2e.ReleaseBlocking}, Outcome: e2e.Passed}
}

func test(id string, o e2e.Outcome, c e2e.Criticality) e2e.TestResult {
	return e2e.TestResult{Test: e2e.Test{ID: id, Criticality: c}, Outcome: o}
}

func decide(problems []e2e.Problem, tests ...e2e.TestResult) (e2e.Verdict, []e2e.TestResult) {
	return Decide(Evidence{Blocks: true, Tests: tests, Problems: problems})
}

// lines shows reasons as "effect code: tests".
func lines(v e2e.Verdict) []string {
	list := []string{}
	for _, r := range v.Reasons {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s: %s", r.Effect, r.Code, strings.Join(r.Tests, " "))))
	}
	return list
}

// The policy table of contracts.md, cell by cell.
var contract = map[string][3]string{
	//                smoke         blocking      the others
	"failed":          {"blocks", "blocks", "informs"},
	"base_fails":      {"blocks", "warns", "informs"},
	"flaky":           {"blocks", "warns", "informs"},
	"later_pass":      {"blocks", "blocks", "warns"},
	"lost":            {"not_judged", "not_judged", "warns"},
	"not_run":         {"not_judged", "not_judged", "warns"},
	"dependency_down": {"not_judged", "not_judged", "warns"},
	"quarantined":     {"warns", "warns", "informs"},
	"skipped":         {"informs", "informs", "informs"},
	// It is about the change: the strongest cell counts.
	"judge_changed": {"warns", "warns", "warns"},
}

func TestDefaultTable(t *testing.T) {
	columns := map[e2e.Criticality]int{e2e.ReleaseBlockingSmoke: 0, e2e.ReleaseBlocking: 1, e2e.NonBlocking: 2, e2e.Nightly: 2, e2e.Synthetic: 2}
	if len(columns) != len(e2e.Criticalities()) || len(contract) != len(Rows()) {
		t.Fatal("the contract has other rows or columns")
	}
	for _, row := range Rows() {
		for c, column := range columns {
			if got, want := Default().Effect(row, c), e2e.Effect(contract[string(row)][column]); got != want {
				t.Errorf("%s of %s: got %s, want %s", row, c, got, want)
			}
		}
	}
}

func TestTableBlocksWhereItDoesNotKnow(t *testing.T) {
	odd := Table{RowFailed: {e2e.Nightly: "", e2e.Synthetic: "nonsense"}}
	for _, c := range append(e2e.Criticalities(), "", "other") {
		for _, row := range append(Rows(), "", "other") {
			if got := odd.Effect(row, c); got != e2e.Blocks {
				t.Errorf("%s of %s: got %s", row, c, got)
			}
		}
	}
}

// situation is one test in one of all the ways it can be.
type situation struct {
	outcome    e2e.Outcome
	crit       e2e.Criticality
	smokeTag   bool
	quarantine string // none, active, expired
	category   e2e.Category
	later      bool
	damaged    bool
	alibi      bool
}

func situations() []situation {
	var all []situation
	for _, o := range []e2e.Outcome{e2e.Passed, e2e.Failed, e2e.Flaky, e2e.Skipped, e2e.Lost, e2e.NotRun, "", "nonsense"} {
		for _, c := range append(e2e.Criticalities(), "", "nonsense") {
			for _, q := range []string{"none", "active", "expired"} {
				for _, cat := range append(e2e.Categories(), "") {
					for bits := range 16 {
						all = append(all, situation{o, c, bits&1 != 0, q, cat, bits&2 != 0, bits&4 != 0, bits&8 != 0})
					}
				}
			}
		}
	}
	return all
}

func (s situation) evidence() ([]e2e.Problem, e2e.TestResult) {
	t := test("s/f::T", s.outcome, s.crit)
	t.Category, t.LaterPass, t.Unit = s.category, s.later, "unit"
	if s.smokeTag {
		t.Tags = []string{"e2e:smoke"}
	}
	if s.alibi {
		t.Environment = &e2e.Environment{Gate: "db", State: e2e.Unhealthy}
	}
	if s.quarantine != "none" {
		t.Quarantine = &e2e.Quarantine{Test: t.ID, Owner: "team", Reason: "known", Deadline: someday, Expired: s.quarantine == "expired"}
	}
	if !s.damaged {
		return nil, t
	}
	return []e2e.Problem{{Code: e2e.CodeReportDamaged, Text: "cut off", LosesEvidence: true, Tests: []string{t.ID}, Unit: "unit"}}, t
}

// want reads the contract: the row of the test, its column, its effect, and the
// state of a stage in which nothing else went wrong.
func (s situation) want() (effect, state string) {
	column := 1
	switch s.crit {
	case "non-blocking", "nightly", "synthetic":
		column = 2
	case "release-blocking-smoke":
		column = 0
	default:
		if s.smokeTag {
			column = 0
		}
	}
	row := map[e2e.Outcome]string{"failed": "failed", "flaky": "flaky", "skipped": "skipped", "lost": "lost", "not_run": "not_run", "passed": "passed"}[s.outcome]
	if row == "" {
		row = "lost" // unknown never passes
	}
	if s.later && (row == "passed" || row == "flaky") {
		row = "later_pass"
	}
	if s.quarantine == "active" && (row == "failed" || row == "flaky" || row == "later_pass") {
		row = "quarantined"
	}
	if s.quarantine == "expired" && row == "flaky" {
		row = "failed"
	}
	effect = "none"
	if row != "passed" {
		effect = contract[row][column]
	}
	strength := []string{"none", "informs", "warns", "not_judged", "blocks"}
	atLeast := func(a, b string) string {
		if slices.Index(strength, a) > slices.Index(strength, b) {
			return a
		}
		return b
	}
	stage := effect
	if s.damaged {
		lost := contract["lost"][column]
		if row == "passed" || row == "flaky" || row == "later_pass" || row == "quarantined" {
			effect = atLeast(effect, lost)
		}
		stage = atLeast(effect, lost)
	}
	switch {
	case stage == "blocks" && s.alibi && (row == "failed" || row == "flaky"):
		return effect, "not_judged"
	case stage == "blocks":
		return effect, "failed"
	case stage == "not_judged":
		return effect, "not_judged"
	}
	return effect, "passed"
}

func TestEverySituation(t *testing.T) {
	for _, s := range situations() {
		problems, one := s.evidence()
		v, tests := decide(problems, pass("a"), one)
		effect, state := s.want()
		if got := tests[1].Effect; string(got) != effect {
			t.Errorf("%+v: effect %s, want %s", s, got, effect)
		}
		if string(v.State) != state || v.Blocks != (state != "passed") {
			t.Errorf("%+v: %s (blocks %v), want %s; %v", s, v.State, v.Blocks, state, lines(v))
		}
		if (tests[1].Why == "") != (effect == "none") {
			t.Errorf("%+v: effect %s with the reason %q", s, effect, tests[1].Why)
		}
		if effect != "none" && s.outcome != "skipped" && len(v.Reasons) == 0 {
			t.Errorf("%+v: %s, and no reason says so", s, effect)
		}
		if t.Failed() {
			return
		}
	}
}

// Where the stage does not block, it states the same.
func TestStageThatDoesNotBlock(t *testing.T) {
	for _, s := range situations() {
		problems, one := s.evidence()
		ev := Evidence{Blocks: true, Tests: []e2e.TestResult{pass("a"), one}, Problems: problems}
		blocking, tests := Decide(ev)
		ev.Blocks = false
		informing, same := Decide(ev)
		if informing.Blocks || informing.ExitStatus() != e2e.ExitPassed {
			t.Fatalf("%+v: it blocks", s)
		}
		blocking.Blocks = false
		if !reflect.DeepEqual(blocking, informing) || !reflect.DeepEqual(tests, same) {
			t.Fatalf("%+v: %s", s, cmp.Diff(blocking, informing)+cmp.Diff(tests, same))
		}
	}
}

func TestZeroEvidenceIsNotJudged(t *testing.T) {
	v, _ := Decide(Evidence{})
	if v.State != e2e.VerdictNotJudged || v.Reasons == nil {
		t.Errorf("got %+v", v)
	}
	if v, _ = Decide(Evidence{Blocks: true}); v.State != e2e.VerdictNotJudged || v.ExitStatus() != e2e.ExitNotJudged {
		t.Errorf("got %+v", v)
	}
}

func TestVerdicts(t *testing.T) {
	failed := test("failed", e2e.Failed, e2e.ReleaseBlocking)
	environment := test("environment", e2e.Failed, e2e.ReleaseBlocking)
	environment.Environment = &e2e.Environment{Gate: "db", State: e2e.Unhealthy}
	lost := test("lost", e2e.Lost, e2e.ReleaseBlocking)
	unplanned := func(t e2e.TestResult) e2e.TestResult { t.Unplanned = true; return t }
	quarantined := func(t e2e.TestResult) e2e.TestResult {
		t.Quarantine = &e2e.Quarantine{Owner: "o", Deadline: someday}
		return t
	}
	expired := func(t e2e.TestResult) e2e.TestResult {
		t.Quarantine = &e2e.Quarantine{Owner: "o", Deadline: someday, Expired: true}
		return t
	}
	inUnit := func(unit string, t e2e.TestResult) e2e.TestResult { t.Unit = unit; return t }
	damage := func(unit string, tests ...string) e2e.Problem {
		return e2e.Problem{Code: e2e.CodeReportDamaged, Text: "cut off", LosesEvidence: true, Unit: unit, Tests: tests}
	}
	shut := e2e.Gate{Name: "db", Required: true, State: e2e.Unhealthy, Expected: "up"}
	open := e2e.Gate{Name: "db", Required: true, State: e2e.Healthy}
	for _, tc := range []struct {
		name   string
		ev     Evidence
		state  e2e.VerdictState
		status int
		want   []string
	}{
		{"a pass", Evidence{Tests: []e2e.TestResult{pass("a")}}, e2e.VerdictPassed, 0, []string{}},
		{"nothing selected", Evidence{Gates: []e2e.Gate{open}}, e2e.VerdictNotJudged, 3, []string{"not_judged no_tests:"}},
		{"only unplanned passes", Evidence{Tests: []e2e.TestResult{unplanned(pass("a"))}}, e2e.VerdictNotJudged, 3, []string{"not_judged no_tests:"}},
		{"an unplanned failure", Evidence{Tests: []e2e.TestResult{pass("a"), unplanned(failed)}}, e2e.VerdictFailed, 1, []string{"blocks test_failed: failed"}},
		{"all skipped", Evidence{Tests: []e2e.TestResult{test("a", e2e.Skipped, ""), test("b", e2e.Skipped, e2e.ReleaseBlockingSmoke)}}, e2e.VerdictNotJudged,
			3, []string{"not_judged no_pass:"}},
		{"only the quarantined pass", Evidence{Tests: []e2e.TestResult{quarantined(pass("a"))}}, e2e.VerdictNotJudged, 3, []string{"not_judged no_pass:"}},
		{"after its quarantine a pass proves", Evidence{Tests: []e2e.TestResult{expired(pass("a"))}}, e2e.VerdictPassed, 0, []string{}},
		{"a flaky test proves", Evidence{Tests: []e2e.TestResult{test("a", e2e.Flaky, e2e.ReleaseBlocking)}}, e2e.VerdictPassed, 0, []string{"warns flaky: a"}},
		{"only failures that inform", Evidence{Tests: []e2e.TestResult{test("a", e2e.Failed, e2e.Nightly)}}, e2e.VerdictNotJudged, 3,
			[]string{"not_judged no_pass:", "informs test_failed: a"}},
		{"a quarantined failure alone", Evidence{Tests: []e2e.TestResult{quarantined(failed)}}, e2e.VerdictNotJudged, 3,
			[]string{"not_judged no_pass:", "warns test_failed: failed"}},
		{"a quarantine that has ended", Evidence{Tests: []e2e.TestResult{pass("a"), expired(failed)}}, e2e.VerdictFailed, 1,
			[]string{"blocks quarantine_expired: failed"}},
		{
			"a blocking failure wins over lost evidence, both are listed",
			Evidence{Tests: []e2e.TestResult{pass("a"), failed, lost}},
			e2e.VerdictFailed, 1,
			[]string{"blocks test_failed: failed", "not_judged lost: lost"},
		},
		{"only the environment failed", Evidence{Tests: []e2e.TestResult{pass("a"), environment}}, e2e.VerdictNotJudged, 3,
			[]string{"not_judged environment: environment"}},
		{
			"the environment and the product failed",
			Evidence{Tests: []e2e.TestResult{pass("a"), environment, failed}},
			e2e.VerdictFailed, 1,
			[]string{"blocks environment: environment", "blocks test_failed: failed"},
		},
		{"a gate failed", Evidence{Gates: []e2e.Gate{shut}}, e2e.VerdictNotJudged, 3, []string{"not_judged gate_shut:"}},
		{"a gate that was not probed", Evidence{Gates: []e2e.Gate{{Required: true}}, Tests: []e2e.TestResult{pass("a")}}, e2e.VerdictNotJudged, 3,
			[]string{"not_judged gate_shut:"}},
		{
			"an advisory gate failed, another is degraded",
			Evidence{Gates: []e2e.Gate{{Name: "a", State: e2e.Unhealthy}, {Name: "b", Required: true, State: e2e.Degraded}}, Tests: []e2e.TestResult{pass("a")}},
			e2e.VerdictPassed, 0,
			[]string{"warns gate_shut:", "warns gate_shut:"},
		},
		{
			"a gate was lost while suites ran, not while they waited",
			Evidence{Gates: []e2e.Gate{{Name: "a", Required: true, State: e2e.Healthy, Timeline: []e2e.Span{
				{State: e2e.Unhealthy}, {State: e2e.Healthy, Watch: true}, {State: e2e.Degraded, Watch: true},
			}}, {Name: "b", Required: true, State: e2e.Healthy, Timeline: []e2e.Span{
				{State: e2e.Healthy, Watch: true}, {State: e2e.ProbeError, Watch: true}, {State: e2e.Unhealthy, Watch: true},
			}}}, Tests: []e2e.TestResult{pass("a")}},
			e2e.VerdictPassed, 0,
			[]string{"warns gate_lost:"},
		},
		{"over budget", Evidence{Tests: []e2e.TestResult{pass("a")}, Budgets: []e2e.Budget{{Text: "in time"}, {Over: true, Text: "slow"}}}, e2e.VerdictPassed,
			0, []string{"warns budget:"}},
		{
			"a problem that loses nothing",
			Evidence{Tests: []e2e.TestResult{pass("a")}, Problems: []e2e.Problem{{Code: e2e.CodeAttemptsUnreadable}}},
			e2e.VerdictPassed, 0,
			[]string{"warns attempts_unreadable:"},
		},
		{
			"a problem that loses the stage",
			Evidence{Tests: []e2e.TestResult{pass("a")}, Problems: []e2e.Problem{{Code: e2e.CodeCancelled, LosesEvidence: true}}},
			e2e.VerdictNotJudged, 3,
			[]string{"not_judged cancelled:"},
		},
		{
			"what became of the tests, and why",
			Evidence{Tests: []e2e.TestResult{pass("a"), lost, test("stopped", e2e.NotRun, "")}, Problems: []e2e.Problem{damage("", "lost", "stopped")}},
			e2e.VerdictNotJudged, 3,
			[]string{"not_judged lost: lost", "not_judged not_run: stopped", "not_judged report_damaged: lost stopped"},
		},
		{
			"a lost shard names its tests itself",
			Evidence{Tests: []e2e.TestResult{pass("a"), lost}, Problems: []e2e.Problem{{Code: e2e.CodeLost, LosesEvidence: true, Tests: []string{"lost"}}}},
			e2e.VerdictNotJudged, 3,
			[]string{"not_judged lost: lost"},
		},
		{
			"a damaged unit of tests that do not block",
			Evidence{Tests: []e2e.TestResult{pass("a"), test("b", e2e.Passed, e2e.Nightly)}, Problems: []e2e.Problem{damage("", "b")}},
			e2e.VerdictPassed, 0,
			[]string{"warns report_damaged: b"},
		},
		{
			"a pass out of a damaged unit proves nothing",
			Evidence{Tests: []e2e.TestResult{test("b", e2e.Passed, e2e.Nightly)}, Problems: []e2e.Problem{damage("", "b")}},
			e2e.VerdictNotJudged, 3,
			[]string{"not_judged no_pass:", "warns report_damaged: b"},
		},
		{
			"a problem of an unknown test",
			Evidence{Tests: []e2e.TestResult{pass("a")}, Problems: []e2e.Problem{damage("", "gone")}},
			e2e.VerdictNotJudged, 3,
			[]string{"not_judged report_damaged: gone"},
		},
		{
			"a suite that is planned as a whole stands for its tests",
			Evidence{Tests: []e2e.TestResult{pass("a"), inUnit("legacy", pass("b"))}, Problems: []e2e.Problem{damage("legacy", "legacy/(whole suite)")}},
			e2e.VerdictNotJudged, 3,
			[]string{"not_judged report_damaged: legacy/(whole suite)"},
		},
		{
			"also if those that reported do not block: the others are unknown",
			Evidence{Tests: []e2e.TestResult{pass("a"), inUnit("legacy", test("b", e2e.Passed, e2e.NonBlocking))},
				Problems: []e2e.Problem{damage("legacy", "legacy/(whole suite)")}},
			e2e.VerdictNotJudged, 3,
			[]string{"not_judged report_damaged: legacy/(whole suite)"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.ev.Blocks = true
			v, _ := Decide(tc.ev)
			if v.State != tc.state || v.ExitStatus() != tc.status {
				t.Errorf("got %s, exit %d", v.State, v.ExitStatus())
			}
			if diff := cmp.Diff(tc.want, lines(v)); diff != "" {
				t.Error(diff)
			}
			for _, r := range v.Reasons {
				if strings.Contains(r.Text, "%!") || strings.HasSuffix(r.Text, "observed ") {
					t.Errorf("unfinished text %q", r.Text)
				}
			}
		})
	}
}

// not_run set to block, lost left at not_judged: the problem that says it for a
// stopped test is as strong as the test.
func TestProblemIsAsStrongAsTheTestsItSpeaksFor(t *testing.T) {
	table, wrong := Default().With(Override{"not_run": {"release-blocking": "block"}})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	v, _ := Decide(Evidence{Blocks: true, Table: table, Tests: []e2e.TestResult{pass("a"), test("b", e2e.NotRun, "")},
		Problems: []e2e.Problem{{Code: e2e.CodeTimeout, LosesEvidence: true, Tests: []string{"b"}}}})
	if diff := cmp.Diff([]string{"blocks not_run: b", "blocks timeout: b"}, lines(v)); diff != "" || v.ExitStatus() != e2e.ExitBlocked {
		t.Error(v.State, diff)
	}
}

// The tests that a suite reported as a whole are as damaged as the suite.
func TestDamagedSuiteTakesItsTestsAlong(t *testing.T) {
	one := pass("b")
	one.Unit = "legacy"
	_, tests := decide([]e2e.Problem{{Code: e2e.CodeRunnerExit, LosesEvidence: true, Unit: "legacy", Tests: []string{"legacy/(whole suite)"}}}, pass("a"), one)
	if tests[0].Effect != e2e.EffectNothing || tests[1].Effect != e2e.NotJudged || !strings.Contains(tests[1].Why, "runner_exit") {
		t.Errorf("got %s, and %s: %s", tests[0].Effect, tests[1].Effect, tests[1].Why)
	}
}

func TestDecideLeavesItsInputAlone(t *testing.T) {
	tests := []e2e.TestResult{test("a", e2e.Failed, "")}
	if _, out := Decide(Evidence{Tests: tests}); tests[0].Effect != "" || out[0].Effect != e2e.Blocks {
		t.Error("the input was changed")
	}
}

func TestWhyNamesTheQuarantine(t *testing.T) {
	one := test("a", e2e.Failed, "")
	one.Quarantine = &e2e.Quarantine{Owner: "team-a", Reason: "slow clock", Deadline: someday}
	_, active := decide(nil, one)
	if got, want := active[0].Why, "quarantined until 2026-11-30 by team-a: slow clock"; got != want {
		t.Errorf("got %q", got)
	}
	one.Quarantine = &e2e.Quarantine{Deadline: someday, Expired: true}
	_, ended := decide(nil, one)
	one.Quarantine = &e2e.Quarantine{Expired: true}
	_, never := decide(nil, one)
	if !strings.Contains(ended[0].Why, "ended on 2026-11-30") || !strings.Contains(never[0].Why, "no deadline") {
		t.Errorf("got %q and %q", ended[0].Why, never[0].Why)
	}
}

func TestReasonsNameFiveTests(t *testing.T) {
	var tests []e2e.TestResult
	for _, id := range []string{"f", "b", "g", "a", "d", "c", "e"} {
		tests = append(tests, test(id, e2e.Failed, ""))
	}
	v, _ := decide(nil, tests...)
	if got := v.Reasons[0]; got.Text != "7 tests failed: a, b, c, d, e and 2 more" || len(got.Tests) != 7 || !slices.IsSorted(got.Tests) {
		t.Errorf("got %+v", got)
	}
}

// Generators.

var (
	genOutcome  = rapid.SampledFrom([]e2e.Outcome{e2e.Passed, e2e.Passed, e2e.Passed, e2e.Failed, e2e.Flaky, e2e.Skipped, e2e.Lost, e2e.NotRun, ""})
	genCrit     = rapid.SampledFrom(append(e2e.Criticalities(), "", e2e.ReleaseBlocking))
	genCategory = rapid.SampledFrom(append(e2e.Categories(), ""))
	genID       = rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "gone"})
	genUnit     = rapid.SampledFrom([]string{"", "u", "v"})
)

func genTest(id string) *rapid.Generator[e2e.TestResult] {
	return rapid.Custom(func(t *rapid.T) e2e.TestResult {
		r := test(id, genOutcome.Draw(t, "outcome"), genCrit.Draw(t, "criticality"))
		r.Unit, r.Category = genUnit.Draw(t, "unit"), genCategory.Draw(t, "category")
		r.Unplanned, r.LaterPass = rapid.IntRange(0, 9).Draw(t, "unplanned") == 0, rapid.IntRange(0, 5).Draw(t, "later") == 0
		if rapid.IntRange(0, 4).Draw(t, "alibi") == 0 {
			r.Environment = &e2e.Environment{Gate: "x", State: e2e.Unhealthy}
		}
		switch rapid.IntRange(0, 5).Draw(t, "quarantine") {
		case 0:
			r.Quarantine = &e2e.Quarantine{Deadline: someday}
		case 1:
			r.Quarantine = &e2e.Quarantine{Deadline: someday, Expired: true}
		}
		return r
	})
}

var genProblem = rapid.Custom(func(t *rapid.T) e2e.Problem {
	return e2e.Problem{
		Code:  rapid.SampledFrom([]e2e.Code{e2e.CodeReportDamaged, e2e.CodeRunnerExit, e2e.CodeTimeout}).Draw(t, "code"),
		Text:  rapid.SampledFrom([]string{"x", "y"}).Draw(t, "text"),
		Unit:  genUnit.Draw(t, "unit"),
		Tests: rapid.SliceOfN(genID, 0, 3).Draw(t, "tests"), LosesEvidence: rapid.Bool().Draw(t, "loses"),
	}
})

var genGate = rapid.Custom(func(t *rapid.T) e2e.Gate {
	state := rapid.SampledFrom([]e2e.GateState{e2e.Healthy, e2e.Healthy, e2e.Healthy, e2e.Degraded, e2e.Unhealthy, ""})
	return e2e.Gate{Name: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "gate"), Required: rapid.Bool().Draw(t, "required"), State: state.Draw(t, "state"),
		Timeline: []e2e.Span{{State: state.Draw(t, "watched"), Watch: true}}}
})

var genEvidence = rapid.Custom(func(t *rapid.T) Evidence {
	ev := Evidence{Blocks: true}
	for _, id := range []string{"a", "b", "c", "d"}[:rapid.IntRange(0, 4).Draw(t, "tests")] {
		ev.Tests = append(ev.Tests, genTest(id).Draw(t, id))
	}
	ev.Problems = rapid.SliceOfN(genProblem, 0, 2).Draw(t, "problems")
	ev.Gates = rapid.SliceOfN(genGate, 0, 1).Draw(t, "gates")
	if rapid.Bool().Draw(t, "over budget") {
		ev.Budgets = []e2e.Budget{{Over: true, Text: "slow"}}
	}
	return ev
})

// Nothing bad that is added turns a stage green; and a blocked one stays blocked.
func TestMoreBadNewsNeverHelps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ev := genEvidence.Draw(t, "evidence")
		before, _ := Decide(ev)
		worse := ev
		worse.Tests, worse.Problems = slices.Clone(ev.Tests), slices.Clone(ev.Problems)
		kind := rapid.SampledFrom([]string{"failure", "lost", "not run", "worse outcome", "problem", "gate"}).Draw(t, "kind")
		added := genTest("new").Draw(t, "added")
		switch kind {
		case "failure":
			added.Outcome = e2e.Failed
			worse.Tests = append(worse.Tests, added)
		case "lost":
			added.Outcome = e2e.Lost
			worse.Tests = append(worse.Tests, added)
		case "not run":
			added.Outcome = e2e.NotRun
			worse.Tests = append(worse.Tests, added)
		case "worse outcome":
			if len(ev.Tests) == 0 {
				t.Skip()
			}
			one := &worse.Tests[rapid.IntRange(0, len(ev.Tests)-1).Draw(t, "which")]
			if one.Outcome != e2e.Passed && one.Outcome != e2e.Flaky && one.Outcome != e2e.Skipped {
				t.Skip() // bad already; and a quarantine forgives a failure, not a loss
			}
			one.Outcome = rapid.SampledFrom([]e2e.Outcome{e2e.Failed, e2e.Lost, ""}).Draw(t, "to")
		case "problem":
			p := genProblem.Draw(t, "more")
			p.LosesEvidence = true
			worse.Problems = append(worse.Problems, p)
		case "gate":
			worse.Gates = append(slices.Clone(ev.Gates), e2e.Gate{Required: true, State: e2e.Unhealthy})
		}
		after, _ := Decide(worse)
		if before.State != e2e.VerdictPassed && after.State == e2e.VerdictPassed {
			t.Fatalf("%s: %s %v turned into passed %v", kind, before.State, lines(before), lines(after))
		}
		if before.State == e2e.VerdictFailed && after.State != e2e.VerdictFailed && kind != "worse outcome" {
			t.Fatalf("%s: failed %v turned into %s %v", kind, lines(before), after.State, lines(after))
		}
		if kind == "gate" && after.State == e2e.VerdictPassed {
			t.Fatal("a stage with a failed gate passed")
		}
	})
}

// A stage that passed has a planned pass outside quarantine, and no reason that
// stops it; any other has a reason that does.
func TestVerdictIsFoundedOnItsReasons(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ev := genEvidence.Draw(t, "evidence")
		v, tests := Decide(ev)
		has := func(effects ...e2e.Effect) bool {
			return slices.ContainsFunc(v.Reasons, func(r e2e.Reason) bool { return slices.Contains(effects, r.Effect) })
		}
		if passed := v.State == e2e.VerdictPassed; passed == has(e2e.Blocks, e2e.NotJudged) {
			t.Fatalf("%s with %v", v.State, lines(v))
		}
		if failed := v.State == e2e.VerdictFailed; failed != has(e2e.Blocks) {
			t.Fatalf("%s with %v", v.State, lines(v))
		}
		proof := slices.ContainsFunc(tests, func(r e2e.TestResult) bool {
			return !r.Unplanned && (r.Quarantine == nil || r.Quarantine.Expired) && (r.Outcome == e2e.Passed || r.Outcome == e2e.Flaky)
		})
		if v.State == e2e.VerdictPassed && !proof {
			t.Fatal("passed without a pass")
		}
		for _, r := range tests {
			if r.Effect == e2e.Blocks && r.Environment == nil && v.State != e2e.VerdictFailed {
				t.Fatalf("%s blocks, and the stage is %s", r.ID, v.State)
			}
			if r.Effect == e2e.NotJudged && v.State == e2e.VerdictPassed {
				t.Fatalf("%s is not judged, and the stage passed", r.ID)
			}
		}
	})
}

func TestOrderOfInputDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ev := genEvidence.Draw(t, "evidence")
		ev.Problems = append(ev.Problems, rapid.SliceOfN(genProblem, 0, 4).Draw(t, "more problems")...)
		ev.Gates = append(ev.Gates, rapid.SliceOfN(genGate, 0, 3).Draw(t, "more gates")...)
		v, tests := Decide(ev)
		seed := rapid.Uint64().Draw(t, "seed")
		mixed := Evidence{Blocks: true, Tests: shuffled(seed, ev.Tests), Problems: shuffled(seed, ev.Problems), Gates: shuffled(seed, ev.Gates), Budgets: ev.Budgets}
		w, others := Decide(mixed)
		byID := func(a, b e2e.TestResult) int { return strings.Compare(a.ID, b.ID) }
		slices.SortFunc(tests, byID)
		slices.SortFunc(others, byID)
		if diff := cmp.Diff(v, w) + cmp.Diff(tests, others); diff != "" {
			t.Fatal(diff)
		}
	})
}

func shuffled[T any](seed uint64, list []T) []T {
	out := slices.Clone(list)
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func BenchmarkDecide(b *testing.B) {
	ev := Evidence{Blocks: true}
	var ids []string
	for i := range 10_000 {
		id := fmt.Sprintf("suite/file_%d_test.go::Test%d", i/20, i)
		ids = append(ids, id)
		ev.Tests = append(ev.Tests, test(id, e2e.Passed, ""))
	}
	ev.Problems = []e2e.Problem{{LosesEvidence: true, Tests: ids}, {LosesEvidence: true, Tests: ids[5000:]}}
	for b.Loop() {
		Decide(ev)
	}
}

// Whatever decided names the cell that it came from.
func TestDecideNamesTheCell(t *testing.T) {
	table, _ := Default().With(Override{"flaky": {"release-blocking": "block"}})
	_, tests := Decide(Evidence{
		Blocks: true, Table: table, Problems: []e2e.Problem{{Code: e2e.CodeReportDamaged, Tests: []string{"damaged"}, LosesEvidence: true}},
		Tests: []e2e.TestResult{pass("passes"), pass("damaged"), test("fails", e2e.Failed, e2e.NonBlocking), test("flakes", e2e.Flaky, e2e.ReleaseBlocking)},
	})
	for i, want := range []*e2e.PolicyCell{
		nil, {Row: "lost", Column: e2e.ReleaseBlocking, Source: "built-in"},
		{Row: "failed", Column: e2e.NonBlocking, Source: "built-in"}, {Row: "flaky", Column: e2e.ReleaseBlocking, Source: "config"},
	} {
		if diff := cmp.Diff(want, tests[i].Policy); diff != "" {
			t.Errorf("%s: %s", tests[i].ID, diff)
		}
	}
}

// A gate that was bad once while the suites ran is told, with the first time.
func TestGateLostOnce(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	g := e2e.Gate{Name: "db", Required: true, State: e2e.Healthy, Timeline: []e2e.Span{
		{From: at, State: e2e.Healthy, Watch: true}, {From: at.Add(time.Minute), State: e2e.Unhealthy, Observed: "refused", Watch: true},
	}}
	v, _ := Decide(Evidence{Tests: []e2e.TestResult{pass("a")}, Gates: []e2e.Gate{g}})
	want := "gate db was unhealthy while the suites ran, from 12:01:00: refused"
	if len(v.Reasons) != 1 || v.Reasons[0].Code != e2e.CodeGateLost || v.Reasons[0].Text != want {
		t.Errorf("%+v", v.Reasons)
	}
}

func TestReasonsCountAndNameTheirTests(t *testing.T) {
	failing := func(n int) Evidence {
		ev := Evidence{Blocks: true}
		for i := range n {
			ev.Tests = append(ev.Tests, test(string(rune('a'+i)), e2e.Failed, e2e.ReleaseBlocking))
		}
		return ev
	}
	for n, want := range map[int]string{
		1: "1 test failed: a", 2: "2 tests failed: a, b", 5: "5 tests failed: a, b, c, d, e", 6: "6 tests failed: a, b, c, d, e and 1 more",
	} {
		if v, _ := Decide(failing(n)); v.Reasons[0].Text != want {
			t.Errorf("%q, want %q", v.Reasons[0].Text, want)
		}
	}
	if v, _ := Decide(Evidence{Tests: []e2e.TestResult{pass("a")}}); v.Reasons == nil {
		t.Error("no reasons are null in JSON")
	}
}

// A cell says what it says: every effect that the domain knows is one of a table.
func TestTableKnowsEveryEffect(t *testing.T) {
	for _, e := range []e2e.Effect{e2e.Blocks, e2e.NotJudged, e2e.Warns, e2e.Informs, e2e.EffectNothing} {
		table := Table{RowFailed: {e2e.Nightly: e}}
		if got := table.Effect(RowFailed, e2e.Nightly); got != e {
			t.Errorf("%s becomes %s", e, got)
		}
	}
}

// A budget that was kept is no finding; one that was not warns and stops nothing.
func TestBudgetsWarn(t *testing.T) {
	v, _ := Decide(Evidence{Tests: []e2e.TestResult{pass("a")}, Budgets: []e2e.Budget{{Text: "kept"}, {Text: "over", Over: true}}})
	if v.State != e2e.VerdictPassed || len(v.Reasons) != 1 || v.Reasons[0].Code != e2e.CodeBudget || v.Reasons[0].Text != "over" ||
		v.Reasons[0].Effect != e2e.Warns {
		t.Errorf("%+v", v)
	}
}

// Evidence that cannot be trusted is as strong as a lost test, where what was seen is weaker
// by the table.
func TestDamagedEvidenceIsNeverWeakerThanLost(t *testing.T) {
	table, wrong := Default().With(Override{
		"later_pass": {"nightly": "inform"}, "flaky": {"nightly": "inform"}, "quarantined": {"nightly": "inform"}, "lost": {"nightly": "not_judged"},
	})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for name, change := range map[string]func(*e2e.TestResult){
		"later pass":  func(r *e2e.TestResult) { r.LaterPass = true },
		"flaky":       func(r *e2e.TestResult) { r.Outcome = e2e.Flaky },
		"quarantined": func(r *e2e.TestResult) { r.Outcome, r.Quarantine = e2e.Failed, &e2e.Quarantine{Deadline: someday} },
		"passed":      func(*e2e.TestResult) {},
	} {
		one := test("one", e2e.Passed, e2e.Nightly)
		change(&one)
		damage := e2e.Problem{Code: e2e.CodeReportDamaged, Text: "cut off", LosesEvidence: true, Tests: []string{"one"}}
		_, tests := Decide(Evidence{Tests: []e2e.TestResult{pass("a"), one}, Problems: []e2e.Problem{damage}, Table: table})
		if got := tests[1]; got.Effect != e2e.NotJudged || got.Policy == nil || got.Policy.Row != string(RowLost) || got.Policy.Source != "config" {
			t.Errorf("%s: %s, %+v", name, got.Effect, got.Policy)
		}
	}
}

// A test that was not selected blocks nothing, and proves nothing: it ran because a selected
// one builds on it.
func TestContextBlocksNothing(t *testing.T) {
	damage := []e2e.Problem{{Code: e2e.CodeReportDamaged, LosesEvidence: true, Tests: []string{"beside"}, Text: "damaged"}}
	for _, tc := range []struct {
		outcome  e2e.Outcome
		problems []e2e.Problem
		want     e2e.Effect
	}{
		{e2e.Failed, nil, e2e.Informs}, {e2e.Flaky, nil, e2e.Informs}, {e2e.Lost, nil, e2e.Informs}, {e2e.NotRun, nil, e2e.Informs},
		{e2e.Skipped, nil, e2e.Informs}, {e2e.Passed, nil, e2e.EffectNothing}, {e2e.Passed, damage, e2e.Informs},
	} {
		beside := test("beside", tc.outcome, e2e.ReleaseBlockingSmoke)
		beside.Context = true
		v, tests := decide(tc.problems, pass("a"), beside)
		if v.State != e2e.VerdictPassed || tests[1].Effect != tc.want {
			t.Errorf("%s: %s, %s", tc.outcome, v.State, tests[1].Effect)
		}
		if v, _ = decide(tc.problems, beside); v.State != e2e.VerdictNotJudged {
			t.Errorf("%s alone: %s; nothing that was selected is proven", tc.outcome, v.State)
		}
		if beside.Unplanned = true; tc.outcome == e2e.Failed {
			if v, _ = decide(nil, pass("a"), beside); v.State != e2e.VerdictFailed {
				t.Errorf("a test that no plan calls context: %s", v.State)
			}
		}
	}
}

// An approval lifts what a change of the judge blocks, and nothing else.
func TestAnApprovalLiftsJudgeChanged(t *testing.T) {
	table, wrong := Default().With(Override{"judge_changed": {"nightly": "block"}})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	informs, _ := Default().With(Override{"judge_changed": {"release-blocking-smoke": "inform", "release-blocking": "inform", "non-blocking": "inform",
		"nightly": "inform", "synthetic": "inform"}})
	changes := []e2e.JudgeChange{{What: "stages.pr", Text: "blocks is changed"}}
	by := []e2e.Approval{{By: "alice", How: "label", PullRequest: 7}}
	for _, tc := range []struct {
		judging e2e.Judging
		tests   []e2e.TestResult
		want    []string
		says    string
	}{
		{e2e.Judging{Changes: changes}, []e2e.TestResult{pass("a")}, []string{"blocks judge_changed:"}, "stages.pr blocks is changed"},
		{e2e.Judging{Changes: changes, Unapproved: "no label"}, []e2e.TestResult{pass("a")}, []string{"blocks judge_changed:"}, "; not approved: no label"},
		{e2e.Judging{Changes: changes, ApprovedBy: by}, []e2e.TestResult{pass("a")}, []string{"warns judge_changed:"}, "; approved by alice (label, #7)"},
		{e2e.Judging{Changes: changes, ApprovedBy: by}, []e2e.TestResult{test("a", e2e.Failed, e2e.ReleaseBlocking)},
			[]string{"blocks test_failed: a", "warns judge_changed:"}, ""},
	} {
		v, _ := Decide(Evidence{Blocks: true, Tests: tc.tests, Judging: &tc.judging, Table: table})
		var text strings.Builder
		for _, r := range v.Reasons {
			text.WriteString(r.Text)
		}
		if diff := cmp.Diff(tc.want, lines(v)); diff != "" || !strings.Contains(text.String(), tc.says) {
			t.Errorf("%s%+v", diff, v.Reasons)
		}
	}
	v, _ := Decide(Evidence{Blocks: true, Tests: []e2e.TestResult{pass("a")}, Judging: &e2e.Judging{Changes: changes, ApprovedBy: by}, Table: informs})
	if diff := cmp.Diff([]string{"informs judge_changed:"}, lines(v)); diff != "" {
		t.Error(diff)
	}
}

// TestCollisionIsNotAFlake: a test that failed only beside another shard is judged as one without evidence. It never makes a stage
// pass, and where it ends otherwise than flaky it changes nothing.
func TestCollisionIsNotAFlake(t *testing.T) {
	for _, tc := range []struct {
		outcome    e2e.Outcome
		crit       e2e.Criticality
		quarantine *e2e.Quarantine
		want       e2e.Effect
		state      e2e.VerdictState
	}{
		{e2e.Flaky, e2e.ReleaseBlocking, nil, e2e.NotJudged, e2e.VerdictNotJudged},
		{e2e.Flaky, e2e.ReleaseBlockingSmoke, nil, e2e.NotJudged, e2e.VerdictNotJudged},
		{e2e.Flaky, e2e.Nightly, nil, e2e.Warns, e2e.VerdictPassed},
		{e2e.Flaky, e2e.ReleaseBlocking, &e2e.Quarantine{Test: "s/f::T", Owner: "team", Deadline: someday}, e2e.Warns, e2e.VerdictPassed},
		{e2e.Passed, e2e.ReleaseBlocking, nil, e2e.EffectNothing, e2e.VerdictPassed},
	} {
		one := test("s/f::T", tc.outcome, tc.crit)
		one.Environment, one.Quarantine = &e2e.Environment{Port: 9000}, tc.quarantine
		tests := []e2e.TestResult{one, test("s/f::other", e2e.Passed, e2e.ReleaseBlocking)}
		v, err := DecideInPlace(t.Context(), Evidence{Blocks: true, Tests: tests, Table: Default()})
		if err != nil {
			t.Fatal(err)
		}
		if tests[0].Effect != tc.want || v.State != tc.state {
			t.Errorf("%s %s: %s, %s", tc.outcome, tc.crit, tests[0].Effect, v.State)
		}
		said := slices.ContainsFunc(v.Reasons, func(r e2e.Reason) bool { return r.Code == e2e.CodeCollision })
		if said != (tc.outcome == e2e.Flaky && tc.quarantine == nil) {
			t.Errorf("%s %s: %+v", tc.outcome, tc.crit, v.Reasons)
		}
	}
}

// A gate that only some tests need does what their not having run does, and leaves the others alone.
func TestAGateOfSomeTests(t *testing.T) {
	payment := &e2e.Scope{Services: []string{"payment"}}
	shut := e2e.Gate{Name: "payment", Required: true, State: e2e.Unhealthy, Scope: payment, Expected: "200", Observed: "503"}
	test := func(id string, outcome e2e.Outcome, c e2e.Criticality, needs ...string) e2e.TestResult {
		return e2e.TestResult{Test: e2e.Test{ID: id, Criticality: c, Needs: needs}, Outcome: outcome}
	}
	pass := test("a", e2e.Passed, e2e.ReleaseBlocking, "case")
	for _, tc := range []struct {
		name  string
		tests []e2e.TestResult
		state e2e.VerdictState
		gate  e2e.Effect
		text  string
	}{
		{"a blocking test did not run", []e2e.TestResult{pass, test("b", e2e.NotRun, e2e.ReleaseBlocking, "payment")}, e2e.VerdictNotJudged, e2e.NotJudged,
			"gate payment (service payment) failed: expected 200, observed 503; 1 test needs it: b"},
		{"a test that says nothing needs it", []e2e.TestResult{pass, test("b", e2e.NotRun, e2e.ReleaseBlocking)}, e2e.VerdictNotJudged, e2e.NotJudged, "1 test needs it: b"},
		{"only nightly tests did not run", []e2e.TestResult{pass, test("b", e2e.NotRun, e2e.Nightly, "payment"), test("c", e2e.NotRun, e2e.Nightly, "payment")},
			e2e.VerdictPassed, e2e.Warns, "2 tests need it: b, c"},
		{"nothing else passed", []e2e.TestResult{test("b", e2e.NotRun, e2e.Nightly, "payment")}, e2e.VerdictNotJudged, e2e.Warns, "1 test needs it"},
		{"a failure elsewhere", []e2e.TestResult{test("a", e2e.Failed, e2e.ReleaseBlocking, "case"), test("b", e2e.NotRun, e2e.ReleaseBlocking, "payment")},
			e2e.VerdictFailed, e2e.NotJudged, "1 test needs it: b"},
		{"no test needs it", []e2e.TestResult{pass}, e2e.VerdictNotJudged, e2e.NotJudged, "observed 503"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v, _ := Decide(Evidence{Blocks: true, Gates: []e2e.Gate{shut}, Tests: tc.tests})
			at := slices.IndexFunc(v.Reasons, func(r e2e.Reason) bool { return r.Code == e2e.CodeGateShut })
			if at < 0 || v.State != tc.state || v.Reasons[at].Effect != tc.gate || !strings.Contains(v.Reasons[at].Text, tc.text) {
				t.Errorf("%+v", v)
			}
		})
	}
}

// That a dependency is down is a warning only by the policy, and beside a test that can block and passed.
func TestADependencyThatIsDown(t *testing.T) {
	warns, wrong := Default().With(Override{"dependency_down": {"release-blocking": "warn", "release-blocking-smoke": "warn"}})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	down := e2e.TestResult{Test: e2e.Test{ID: "b", Criticality: e2e.ReleaseBlocking}, Outcome: e2e.NotRun, Dependency: "sandbox"}
	nightly := down
	nightly.Criticality = e2e.Nightly
	test := func(o e2e.Outcome, c e2e.Criticality) e2e.TestResult {
		return e2e.TestResult{Test: e2e.Test{ID: "a", Criticality: c}, Outcome: o}
	}
	later := test(e2e.Passed, e2e.ReleaseBlocking)
	later.LaterPass = true
	for _, tc := range []struct {
		name  string
		table Table
		tests []e2e.TestResult
		want  e2e.VerdictState
	}{
		{"by default", nil, []e2e.TestResult{test(e2e.Passed, e2e.ReleaseBlocking), down}, e2e.VerdictNotJudged},
		{"by default, of a nightly test", nil, []e2e.TestResult{test(e2e.Passed, e2e.ReleaseBlocking), nightly}, e2e.VerdictPassed},
		{"beside a pass", warns, []e2e.TestResult{test(e2e.Passed, e2e.ReleaseBlocking), down}, e2e.VerdictPassed},
		{"beside a smoke test", warns, []e2e.TestResult{test(e2e.Passed, e2e.ReleaseBlockingSmoke), down}, e2e.VerdictPassed},
		{"beside a nightly pass", warns, []e2e.TestResult{test(e2e.Passed, e2e.Nightly), down}, e2e.VerdictNotJudged},
		{"beside a flake", warns, []e2e.TestResult{test(e2e.Flaky, e2e.ReleaseBlocking), down}, e2e.VerdictNotJudged},
		{"beside a skip", warns, []e2e.TestResult{test(e2e.Skipped, e2e.ReleaseBlocking), down}, e2e.VerdictNotJudged},
		{"beside a failure", warns, []e2e.TestResult{test(e2e.Failed, e2e.ReleaseBlocking), down}, e2e.VerdictFailed},
		{"beside a later pass", warns, []e2e.TestResult{later, down}, e2e.VerdictFailed},
		{"alone", warns, []e2e.TestResult{down}, e2e.VerdictNotJudged},
	} {
		if v, _ := Decide(Evidence{Blocks: true, Table: tc.table, Tests: tc.tests}); v.State != tc.want {
			t.Errorf("%s: %+v", tc.name, v)
		}
	}
	for _, word := range []string{"inform"} {
		if _, wrong := Default().With(Override{"dependency_down": {"release-blocking": word}}); len(wrong) != 1 {
			t.Errorf("%s: %v", word, wrong)
		}
	}
}
