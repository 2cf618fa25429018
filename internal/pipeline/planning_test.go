package pipeline

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/shards"
)

// What the files of a suite took to start is part of what a shard is expected to take.
func TestFilesTakeTheirStartUp(t *testing.T) {
	var records []history.Record
	for i := range 3 {
		records = append(records, history.Record{RunID: fmt.Sprint("e2e-", i), Main: true, Overhead: 8,
			Processes: []history.Process{{Suite: "ui", Unit: "ui", Files: 2, Seconds: 8}},
			Tests:     []history.Entry{{ID: "ui/a", Suite: "ui", File: "a.spec.ts", Outcome: e2e.Passed, Seconds: 3}}})
	}
	s := &Session{}
	in := planning{stats: history.Fold(records)}
	for _, test := range []e2e.Test{
		{ID: "ui/a", File: "a.spec.ts"}, {ID: "ui/b", File: "a.spec.ts"}, {ID: "ui/c", File: "c.spec.ts"}, {ID: "ui/none"},
	} {
		test.Suite, test.Unit = "ui", "ui"
		in.tests = append(in.tests, test)
	}
	in.tests = append(in.tests, e2e.Test{ID: "api/x", Suite: "api", Unit: "api", File: "a.spec.ts"})
	planned := in.estimate()
	costs := in.startups(planned)
	want := map[string]float64{"ui/a.spec.ts": 4, "ui/c.spec.ts": 4, "api/a.spec.ts": 0}
	if diff := cmp.Diff(want, costs); diff != "" {
		t.Error(diff)
	}
	plan, err := shards.Make(s.toPlan(planned), shards.Options{Count: 1, GroupSeconds: costs})
	if err != nil || plan.Makespan != 5*3+2*4 {
		t.Errorf("five tests of 3 s in two files that take 4 s each to start: %v s, %v", plan.Makespan, err)
	}
	if beside := s.overhead(in.stats, planned); beside != localOverhead {
		t.Errorf("a shard more costs %v s: what its files take was counted twice", beside)
	}
}

// What a suite's process takes to start is part of what a shard costs, and the plan says where it is most of that.
func TestStartsAreCounted(t *testing.T) {
	var records []history.Record
	for i := range 3 {
		records = append(records, history.Record{RunID: fmt.Sprint("e2e-", i), Main: true, Overhead: 3, Processes: []history.Process{
			{Suite: "ui", Unit: "ui", Files: 2, Seconds: 3, First: 3}},
			Tests: []history.Entry{{ID: "ui/0", Suite: "ui", File: "0", Outcome: e2e.Passed, Seconds: 3}}})
	}
	stats := history.Fold(records)
	for _, tc := range []struct {
		name                   string
		count, tests           int
		seconds                float64
		matrix                 bool
		shards                 int
		start, makespan, bound float64
		advice                 string
	}{
		{"one that is chosen", 0, 4, 2, false, 1, 3, 8 + 3, 8, "one shard, because each shard starts suite ui (3.0 s), for 4.0 s of tests on two"},
		{"several that are chosen", 0, 4, 60, false, 4, 3, 60 + 3, 60, ""},
		{"one that would be chosen anyway", 0, 2, 1, false, 1, 3, 2 + 3, 2, ""},
		{"several that were asked for", 4, 4, 2, false, 4, 3, 2 + 3, 2, "each shard starts suite ui (3.0 s) for 2.0 s of tests; fewer shards would start it less often"},
		{"one that was asked for", 1, 4, 2, false, 1, 3, 8 + 3, 8, ""},
		{"a matrix", 2, 4, 60, true, 2, 3, 120 + 3, 120, ""},
	} {
		s := &Session{opts: Options{Config: &config.Config{}, Shards: tc.count, Matrix: tc.matrix}}
		s.opts.Config.Shards.Max = 4
		in := planning{stats: stats}
		plan := &e2e.Plan{}
		for i := range tc.tests {
			test := e2e.Test{ID: fmt.Sprint("ui/", i), Suite: "ui", Unit: "ui", File: fmt.Sprint(i)}
			plan.Tests = append(plan.Tests, e2e.PlannedTest{Test: test, Estimate: tc.seconds})
		}
		opts := s.planOptions(in.stats, plan.Tests)
		opts.GroupSeconds = in.startups(plan.Tests)
		made, err := shards.Make(s.toPlan(plan.Tests), opts)
		if err != nil {
			t.Fatal(err)
		}
		plan.Makespan, plan.Bound = made.Makespan, made.LowerBound
		for _, sh := range made.Shards {
			plan.Shards = append(plan.Shards, e2e.PlanShard{Tests: sh.Tests, Smoke: sh.Smoke, Seconds: sh.Seconds})
		}
		s.addStarts(plan, plan.Work(), stats)
		if got := s.startAdvice(plan, plan.Work(), s.toPlan(plan.Tests), opts, stats); got != tc.advice {
			t.Errorf("%s: %q", tc.name, got)
		}
		if n := len(plan.Shards); n != tc.shards || plan.Makespan != tc.makespan || plan.Bound != tc.bound || plan.Shards[0].Start != tc.start {
			t.Errorf("%s: %d shards, %v s, at least %v s, %v s to start", tc.name, n, plan.Makespan, plan.Bound, plan.Shards[0].Start)
		}
	}
}

// A suite with smoke tests starts twice on their shard, and a suite of several processes starts each.
func TestStartsOfPhases(t *testing.T) {
	var records []history.Record
	for i := range 3 {
		records = append(records, history.Record{RunID: fmt.Sprint("e2e-", i), Main: true, Processes: []history.Process{
			{Suite: "ui", Unit: "ui", Files: 1, Seconds: 3, First: 3}, {Suite: "go", Unit: "go/a", Files: 1, Seconds: 1, First: 1}},
			Tests: []history.Entry{{ID: "ui/0", Suite: "ui", File: "0", Outcome: e2e.Passed, Seconds: 3}}})
	}
	plan := &e2e.Plan{Shards: []e2e.PlanShard{{Tests: []string{"u1", "u2", "a1", "b1"}, Smoke: 1}, {Tests: []string{"u3"}}, {}}}
	for id, unit := range map[string]string{"u1": "ui", "u2": "ui", "u3": "ui", "a1": "go/a", "b1": "go/b"} {
		suite, _, _ := strings.Cut(unit, "/")
		plan.Tests = append(plan.Tests, e2e.PlannedTest{Test: e2e.Test{ID: id, Suite: suite, Unit: unit}})
	}
	(&Session{}).addStarts(plan, plan.Work(), history.Fold(records))
	if plan.Shards[0].Start != 3+3+1+1 || plan.Shards[1].Start != 3 || plan.Shards[2].Start != 0 || plan.Makespan != 3+5 {
		t.Errorf("%+v, %v s", plan.Shards, plan.Makespan)
	}
}

// Names of shards are names of artifacts and files, and none ends in nothing.
func TestShardNames(t *testing.T) {
	for owner, want := range map[string]string{"Team/A": "3-team-a", "日本": "3-owner", "team:é": "3-team", "": "3-mixed",
		strings.Repeat("x", 200): "3-" + strings.Repeat("x", 40)} {
		if got := shardName(shards.Shard{Index: 3, Tests: []string{"a"}, Owners: []string{owner}}); got != want {
			t.Errorf("%q: %s, want %s", owner, got, want)
		}
	}
}

// The config, a tag or the framework says which tests belong together, in this order.
func TestTogether(t *testing.T) {
	for _, tc := range []struct {
		name        string
		test        e2e.Test
		keep        string
		group, kept string
	}{
		{"nothing is said", e2e.Test{File: "a", Class: "C"}, "", "", ""},
		{"the framework", e2e.Test{File: "a", Group: "s/g", Keep: "s/a"}, "", "s/g", "s/a"},
		{"keep: none", e2e.Test{File: "a", Group: "s/g", Keep: "s/a"}, "none", "s/g", ""},
		{"keep: file", e2e.Test{File: "a", Class: "C"}, "file", "s/a", ""},
		{"keep: file of a project", e2e.Test{File: "a", Keep: "s/[p] a"}, "file", "s/[p] a", ""},
		{"keep: file without a file", e2e.Test{Class: "C"}, "file", "s/C", ""},
		{"keep: class", e2e.Test{File: "a", Class: "C"}, "class", "s/C", ""},
		{"keep: class without a class", e2e.Test{File: "a"}, "class", "s/a", ""},
		{"a tag", e2e.Test{File: "a", Class: "C", Tags: []string{"@e2e:serial"}}, "", "s/C", ""},
		{"a tag of a group", e2e.Test{File: "a", Group: "s/g", Tags: []string{"serial"}}, "", "s/g", ""},
		{"another tag", e2e.Test{File: "a", Tags: []string{"serially"}}, "", "", ""},
	} {
		tc.test.Suite = "s"
		if group, kept := together(tc.test, suite.Spec{Name: "s", Keep: tc.keep}); group != tc.group || kept != tc.kept {
			t.Errorf("%s: %q, %q", tc.name, group, kept)
		}
	}
}

// What the expression leaves out of a group runs as context; what may not run here does not.
func TestChoose(t *testing.T) {
	expr, err := config.ParseSelect("smoke")
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{opts: Options{Config: &config.Config{Journeys: []config.Journey{{Name: "far", Targets: []string{"staging"}}}}}}
	s.run.Target = "production"
	tests := []e2e.Test{
		{ID: "a", Group: "g"}, {ID: "b", Group: "g", Tags: []string{"smoke"}}, {ID: "c", Group: "g", Tags: []string{"smoke", "journey:far"}},
		{ID: "d", Group: "h"}, {ID: "e"}, {ID: "f", Keep: "k"}, {ID: "g", Keep: "k", Tags: []string{"smoke"}},
	}
	var got []string
	for _, c := range s.choose(tests, suite.Spec{Name: "s"}, expr, nil) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s%v", c.test.ID, c.why, c.test.Context)))
	}
	if want := "a true, b false, c targetfalse, d selectfalse, e selectfalse, f selectfalse, g false"; strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

// The plan names what is never cut where that costs time.
func TestKeptAdvice(t *testing.T) {
	plan := func(shards int, tests ...e2e.PlannedTest) *e2e.Plan {
		for i := range tests {
			tests[i].ID = fmt.Sprint(i)
		}
		return &e2e.Plan{Tests: tests, Shards: make([]e2e.PlanShard, shards)}
	}
	test := func(group, keep string, seconds float64) e2e.PlannedTest {
		return e2e.PlannedTest{Test: e2e.Test{Group: group, Keep: keep}, Estimate: seconds}
	}
	for _, tc := range []struct {
		name string
		plan *e2e.Plan
		want string
	}{
		{"a file", plan(4, test("", "s/a", 30), test("", "s/a", 30), test("", "", 20), test("", "", 20)),
			"the file s/a stays on one shard and takes 60.0 s of 100.0 s; evenly spread, each shard would take 25.0 s; " +
				"split it, or set keep: none for its suite if its tests do not build on one another"},
		{"a group on one shard", plan(1, test("s/g", "s/a", 30), test("s/g", "s/a", 30), test("", "", 20)),
			"the group s/g stays on one shard and takes 60.0 s of 80.0 s; shorten it, or let its tests stand alone"},
		{"half of the time", plan(1, test("s/g", "", 10), test("s/g", "", 10), test("", "", 20)), ""},
		{"its fair share", plan(2, test("", "s/a", 10), test("", "s/a", 10), test("", "s/b", 10), test("", "s/b", 10)), ""},
		{"one long test is no group", plan(4, test("", "s/a", 90), test("", "s/b", 1)), ""},
		{"nothing is kept", plan(2, test("", "", 1)), ""},
	} {
		if got := keptAdvice(tc.plan); got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

// A plan names the alarms of a whole suite that none of its processes can check: the suite is not
// selected whole, lies on several shards, or runs its smoke tests first.
func TestUnchecked(t *testing.T) {
	alarm := e2e.Problem{Code: e2e.CodeNotChecked, Unit: "s", Note: true, Text: "not checked, since suite s was split: x"}
	of := func(suite string) e2e.PlannedTest {
		return e2e.PlannedTest{Test: e2e.Test{ID: suite, Suite: suite[:1]}}
	}
	tests := []e2e.PlannedTest{of("s1"), of("s2"), of("o1")}
	for name, tc := range map[string]struct {
		shards     []e2e.PlanShard
		deselected []e2e.Deselected
		split      bool
	}{
		"whole":      {shards: []e2e.PlanShard{{Tests: []string{"s1", "s2", "o1"}}}},
		"one shard":  {shards: []e2e.PlanShard{{Tests: []string{"o1"}}, {Tests: []string{"s1", "s2"}}}},
		"two shards": {shards: []e2e.PlanShard{{Tests: []string{"s1", "o1"}}, {Tests: []string{"s2"}}}, split: true},
		"smoke":      {shards: []e2e.PlanShard{{Tests: []string{"s1", "s2", "o1"}, Smoke: 1}}, split: true},
		"all smoke":  {shards: []e2e.PlanShard{{Tests: []string{"s1", "s2", "o1"}, Smoke: 2}}},
		"selected": {shards: []e2e.PlanShard{{Tests: []string{"s1", "s2"}}}, split: true,
			deselected: []e2e.Deselected{{Suite: "s", Why: "select", Count: 1, Tests: []string{"s3"}}}},
		"other selected": {shards: []e2e.PlanShard{{Tests: []string{"s1", "s2"}}}, deselected: []e2e.Deselected{{Suite: "o", Why: "select", Count: 1}}},
	} {
		got := unchecked(&e2e.Plan{Tests: tests, Shards: tc.shards, Deselected: tc.deselected}, []e2e.Problem{alarm})
		if (len(got) == 1) != tc.split {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// One machine is not a matrix: without being asked, a stage runs as its suites' own commands do.
func TestShardsOfOneMachine(t *testing.T) {
	const base = "version: 1\nstages: {pr: {}}\nsuites: [{name: s, framework: command}]\n"
	beside := func(outcome e2e.Outcome) []history.Record {
		var list []history.Record
		for i := range 2 {
			list = append(list, history.Record{RunID: "e2e-1", Stage: "pr", Variant: runtime.GOOS + "/" + runtime.GOARCH, Shard: i, Shards: 2, OneMachine: true,
				Verdict: e2e.VerdictPassed, Tests: []history.Entry{{ID: fmt.Sprint("s::", i), Suite: "s", Outcome: outcome, Seconds: 30}}})
		}
		return list
	}
	timed := []history.Record{{RunID: "e2e-1", Stage: "pr", Verdict: e2e.VerdictPassed,
		Tests: []history.Entry{{ID: "s::0", Suite: "s", Outcome: e2e.Passed, Seconds: 30}, {ID: "s::1", Suite: "s", Outcome: e2e.Passed, Seconds: 30}}}}
	for name, tc := range map[string]struct {
		config       string
		opts         Options
		records      []history.Record
		shards       int
		advice, more bool
	}{
		"first run":            {base, Options{OneMachine: true}, nil, 1, false, false},
		"durations are known":  {base, Options{OneMachine: true}, timed, 1, true, true},
		"it went well":         {base, Options{OneMachine: true}, beside(e2e.Passed), 2, false, true},
		"with a flake":         {base, Options{OneMachine: true}, beside(e2e.Flaky), 1, true, true},
		"a flag":               {base, Options{OneMachine: true, Shards: 2}, nil, 2, false, false},
		"the config":           {base + "shards: {count: 2}\n", Options{OneMachine: true}, nil, 2, false, false},
		"auto is not a number": {base + "shards: {count: auto}\n", Options{OneMachine: true}, nil, 1, false, false},
		"isolation":            {base + "isolation: {up: [x]}\n", Options{OneMachine: true}, timed, 2, false, true},
		"a matrix":             {base, Options{Matrix: true}, timed, 2, false, true},
	} {
		tc.opts.Config = config.ParseBytes("e2e-gate.yml", []byte(tc.config), config.Options{})
		tc.opts.Progress = &quiet{}
		if tc.opts.Matrix {
			tc.opts.Config.Shards.Overhead = 1e9 // one second, as on this machine
		}
		s := New(tc.opts)
		s.run.Stage = "pr"
		in := planning{stats: history.Fold(tc.records)}
		for i := range 2 {
			in.tests = append(in.tests, e2e.Test{ID: fmt.Sprint("s::", i), Suite: "s", Unit: "s"})
		}
		plan, _, err := s.makePlan(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Shards) != tc.shards || strings.Contains(plan.Advice, "try --shards 2") != tc.advice || len(plan.Weighed) > 1 != tc.more {
			t.Errorf("%s: %d shards, %q, %v", name, len(plan.Shards), plan.Advice, plan.Weighed)
		}
	}
}
