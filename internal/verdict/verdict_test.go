package verdict

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// world is a plan of two shards, a and b on 0, c on 1, and two complete documents in
// which everything passed; a row of a table changes it.
func world(attempt int) In {
	run := e2e.Run{
		ID: "e2e-1", Stage: "pr", Blocks: true, Subject: e2e.Subject{Repository: "o/r", SHA: "abc"}, WorkflowRun: "42", WorkflowAttempt: attempt, Started: noon,
	}
	plan := &e2e.Plan{Schema: e2e.PlanSchema, Run: run, Digest: "d", Shards: []e2e.PlanShard{
		{Index: 0, Name: "0-a", Tests: []string{"s::a", "s::b"}, Seconds: 7, Owners: []string{"team"}}, {Index: 1, Name: "1-b", Tests: []string{"s::c"}},
	}}
	for _, id := range []string{"s::a", "s::b", "s::c"} {
		plan.Tests = append(plan.Tests, e2e.PlannedTest{Test: e2e.Test{ID: id, Suite: "s", Unit: "s", Name: id[3:], Criticality: e2e.ReleaseBlocking}})
	}
	in := In{Run: run, Plan: plan, Now: noon.Add(time.Hour), Table: policy.Default()}
	in.Documents = []Document{shard(in, 0, attempt, passed("s::a"), passed("s::b")), shard(in, 1, attempt, passed("s::c"))}
	return in
}

// shard is a complete document of a shard.
func shard(in In, index, attempt int, tests ...e2e.TestRun) Document {
	run := in.Run
	run.WorkflowAttempt = attempt
	for i := range tests {
		tests[i].Attempts = slices.Clone(tests[i].Attempts)
		for n := range tests[i].Attempts {
			tests[i].Attempts[n].WorkflowAttempt, tests[i].Attempts[n].Shard = attempt, index
		}
	}
	return Document{
		File:  fmt.Sprintf("%d.%d.json", index, attempt),
		Shard: e2e.ShardRun{Schema: e2e.ShardSchema, Run: run, Digest: "d", Index: index, Complete: true, Tests: tests},
	}
}

// ran is a test with attempts of the given outcomes: the first, then the diagnostic
// rerun.
func ran(id string, outcomes ...e2e.Outcome) e2e.TestRun {
	run := e2e.TestRun{ID: id}
	for i, o := range outcomes {
		source := e2e.SourceFirst
		if i > 0 {
			source = e2e.SourceDiagnostic
		}
		run.Attempts = append(run.Attempts, e2e.Attempt{Outcome: o, Source: source, Seconds: float64(i + 1)})
	}
	return run
}

func passed(id string) e2e.TestRun { return ran(id, e2e.Passed) }
func failed(id string) e2e.TestRun { return ran(id, e2e.Failed) }

// twins are several tests with one id.
func twins(id string, runs ...e2e.TestRun) e2e.TestRun {
	all := e2e.TestRun{ID: id}
	for i, run := range runs {
		for _, a := range run.Attempts {
			a.Twin = i + 1
			all.Attempts = append(all.Attempts, a)
		}
	}
	return all
}

// unplanned is a test that only its report knows.
func unplanned(run e2e.TestRun, change ...func(*e2e.Test)) e2e.TestRun {
	run.Unplanned = &e2e.Test{ID: run.ID, Suite: "s", Unit: "s", Criticality: e2e.ReleaseBlocking}
	for _, c := range change {
		c(run.Unplanned)
	}
	return run
}

// said shows a result in one line: state, reasons, and the outcome of each test.
func said(r e2e.Result) string {
	var parts []string
	for _, reason := range r.Verdict.Reasons {
		parts = append(parts, fmt.Sprintf("%s %s", reason.Effect, reason.Code))
	}
	var tests []string
	for _, t := range r.Tests {
		word := string(t.Outcome)
		if t.LaterPass {
			word += "(later)"
		}
		tests = append(tests, strings.TrimPrefix(t.ID, "s::")+"="+word)
	}
	return fmt.Sprintf("%s [%s] %s", r.Verdict.State, strings.Join(parts, ", "), strings.Join(tests, " "))
}

// texts are the problems, each with the tests that it is about.
func texts(r e2e.Result) string {
	var list []string
	for _, p := range r.Problems {
		list = append(list, fmt.Sprintf("%s %v loses=%v shard=%d %s: %s", p.Code, p.Tests, p.LosesEvidence, p.Shard, p.Unit, p.Text))
	}
	return strings.Join(list, "\n")
}

const green = "passed [] a=passed b=passed c=passed"

// row is a rule with a world in which it decides.
type row struct {
	rule    string
	attempt int
	change  func(*In)
	want    string
	// text is a part of what the problems say.
	text string
}

func checkRows(t *testing.T, rows []row) {
	t.Helper()
	for _, tc := range rows {
		t.Run(tc.rule, func(t *testing.T) {
			in := world(max(tc.attempt, 1))
			if tc.change != nil {
				tc.change(&in)
			}
			r := Of(in).Result
			if got := said(r); got != tc.want {
				t.Errorf("got  %s\nwant %s\n%s", got, tc.want, texts(r))
			}
			if all := texts(r); !strings.Contains(all, tc.text) {
				t.Errorf("the problems do not say %q:\n%s", tc.text, all)
			}
		})
	}
}

// Values only: what is no value could see more than the evidence, or remember.
func TestInHoldsValuesOnly(t *testing.T) {
	var walk func(typ reflect.Type, path string, seen map[reflect.Type]bool)
	walk = func(typ reflect.Type, path string, seen map[reflect.Type]bool) {
		if typ == reflect.TypeFor[time.Time]() || seen[typ] {
			return
		}
		seen[typ] = true
		switch typ.Kind() {
		case reflect.Func, reflect.Interface, reflect.Chan, reflect.UnsafePointer:
			t.Errorf("%s is a %s", path, typ.Kind())
		case reflect.Pointer:
			if !strings.HasSuffix(typ.Elem().PkgPath(), "internal/e2e") {
				t.Errorf("%s points to %s, which is not a value of the domain", path, typ.Elem())
			}
			walk(typ.Elem(), path, seen)
		case reflect.Slice, reflect.Array:
			walk(typ.Elem(), path+"[]", seen)
		case reflect.Map:
			walk(typ.Key(), path+" key", seen)
			walk(typ.Elem(), path+" value", seen)
		case reflect.Struct:
			for i := range typ.NumField() {
				walk(typ.Field(i).Type, path+"."+typ.Field(i).Name, seen)
			}
		default:
		}
	}
	walk(reflect.TypeFor[In](), "In", map[reflect.Type]bool{})
}

func TestZeroInIsNotJudged(t *testing.T) {
	if out := Of(In{}); out.Result.Verdict.State != e2e.VerdictNotJudged {
		t.Errorf("%s", said(out.Result))
	}
	in := world(1)
	in.Documents = nil
	if out := Of(in); out.Result.Verdict.State != e2e.VerdictNotJudged || len(out.Counted) != 0 {
		t.Errorf("without documents: %s", said(out.Result))
	}
}

func TestOf(t *testing.T) {
	in := world(1)
	in.Gates = []e2e.Gate{{Name: "api", Required: true, State: e2e.Healthy}}
	in.Plan.Makespan, in.Plan.Guessed = 8, 2
	out := Of(in)
	r := out.Result
	if got := said(r); got != green {
		t.Error(got)
	}
	wantPlan := e2e.PlanSummary{Digest: "d", Tests: 3, Shards: 2, Makespan: 8, Guessed: 2}
	if r.Schema != e2e.ResultSchema || r.Run.ID != "e2e-1" || !r.Run.Finished.Equal(in.Now) || !reflect.DeepEqual(r.Plan, wantPlan) || len(r.Gates) != 1 {
		t.Errorf("%+v", r)
	}
	want := []e2e.ShardResult{
		{Index: 0, Name: "0-a", Attempt: 1, Owners: []string{"team"}, Tests: 2, Expected: 7, State: "complete"},
		{Index: 1, Name: "1-b", Attempt: 1, Tests: 1, State: "complete"},
	}
	if diff := cmp.Diff(want, r.Shards); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]e2e.ShardRun{in.Documents[0].Shard, in.Documents[1].Shard}, out.Counted); diff != "" {
		t.Error(diff)
	}
}

// Behind gates that did not pass nothing is planned, and what was found so far is said.
func TestOfWithoutAPlan(t *testing.T) {
	for _, local := range []bool{true, false} {
		in := world(1)
		in.Plan, in.Local = nil, local
		in.Documents = in.Documents[:0]
		in.Gates = []e2e.Gate{{Name: "api", Required: true, State: e2e.Unhealthy}}
		in.Problems = []e2e.Problem{{Code: e2e.CodeEnvironment, LosesEvidence: true, Text: "x"}, {Code: e2e.CodeEnvironment, LosesEvidence: true, Text: "x"}}
		r := Of(in).Result
		if got, want := said(r), "not_judged [not_judged environment, not_judged gate_shut] "; got != want || len(r.Gates) != 1 || len(r.Problems) != 1 {
			t.Errorf("local %v: %s, want %s, %+v", local, got, want, r.Problems)
		}
	}
}
