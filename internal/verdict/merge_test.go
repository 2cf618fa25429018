package verdict

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// whole makes the plan's last test a batch: a suite that runs as a whole.
func whole(in *In) {
	in.Plan.Tests = in.Plan.Tests[:2]
	in.Plan.Batches = []e2e.PlannedBatch{{Batch: e2e.BatchOf(e2e.Test{Suite: "w", Unit: "w", Criticality: e2e.ReleaseBlocking})}}
	in.Plan.Shards[1].Tests = []string{"w::(whole suite)"}
	in.Documents[1] = shard(*in, 1, 1)
}

func inUnit(unit string) func(*e2e.Test) { return func(t *e2e.Test) { t.Unit = unit } }

func TestMerge(t *testing.T) {
	doc := func(in *In, i int) *e2e.ShardRun { return &in.Documents[i].Shard }
	checkRows(t, []row{
		{
			rule: "a planned test that no document names is lost", change: func(in *In) { in.Documents[0] = shard(*in, 0, 1, passed("s::a")) },
			want: "not_judged [not_judged lost] a=passed b=lost c=passed",
		},
		{
			rule: "results are sorted by id, whatever the order of the plan", change: func(in *In) {
				in.Plan.Tests[0], in.Plan.Tests[2] = in.Plan.Tests[2], in.Plan.Tests[0]
				in.Documents[1] = shard(*in, 1, 1, passed("s::c"), unplanned(passed("s::aa")))
			}, want: "passed [] a=passed aa=passed b=passed c=passed",
		},
		{
			rule: "a pass counts only from the shard that was to run the test", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"))
				in.Documents[1] = shard(*in, 1, 1, passed("s::c"), passed("s::b"))
			}, want: "not_judged [not_judged lost] a=passed b=lost c=passed",
		},
		{
			rule: "a skip counts only from the shard that was to run the test", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"))
				in.Documents[1] = shard(*in, 1, 1, passed("s::c"), ran("s::b", e2e.Skipped))
			}, want: "not_judged [not_judged lost] a=passed b=lost c=passed",
		},
		{
			rule: "a failure counts whichever shard saw it", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, passed("s::c"), failed("s::b"))
			}, want: "failed [blocks test_failed] a=passed b #1=passed b #2=failed c=passed",
		},
		{
			rule: "a pass from another shard makes a failure no flake", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), failed("s::b"))
				in.Documents[1] = shard(*in, 1, 1, passed("s::c"), ran("s::b", e2e.Failed, e2e.Passed))
			}, want: "failed [blocks test_failed, warns flaky] a=passed b #1=failed b #2=flaky c=passed",
		},
		{
			rule: "each of several tests with one id is a result of its own", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), twins("s::b", passed(""), failed("")))
			}, want: "failed [blocks test_failed] a=passed b #1=passed b #2=failed c=passed",
		},
		{
			rule: "a test that is really called like a label keeps its id", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), twins("s::b", passed(""), failed("")), unplanned(passed("s::b #2")))
			}, want: "failed [blocks test_failed] a=passed b #1=passed b #2=passed b #2'=failed c=passed",
		},
		{
			rule: "a problem of an id is one of all tests that share it", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), twins("s::b", passed(""), passed("")))
				doc(in, 0).Problems = []e2e.Problem{{Code: e2e.CodeRunnerExit, Unit: "s", Tests: []string{"s::b"}, LosesEvidence: true, Text: "boom"}}
			}, want: "not_judged [not_judged runner_exit] a=passed b #1=passed b #2=passed c=passed", text: "[s::b #1 s::b #2]",
		},
		{
			rule: "quarantine of an id that several tests share excuses none of them", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), twins("s::b", passed(""), failed("")))
				in.Quarantine = policy.Quarantine{{Test: "s::b", Deadline: in.Now.AddDate(0, 0, 1)}}
			}, want: "failed [blocks test_failed] a=passed b #1=passed b #2=failed c=passed",
		},
		{
			rule: "quarantine that gives the number of the tests excuses them", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), twins("s::b", passed(""), failed("")))
				in.Quarantine = policy.Quarantine{{Test: "s::b", Twins: 2, Deadline: in.Now.AddDate(0, 0, 1)}}
			}, want: "passed [warns test_failed] a=passed b #1=passed b #2=failed c=passed",
		},
		{
			rule: "quarantine that gives another number of tests excuses none of them", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), twins("s::b", passed(""), failed("")))
				in.Quarantine = policy.Quarantine{{Test: "s::b", Twins: 3, Deadline: in.Now.AddDate(0, 0, 1)}}
			}, want: "failed [blocks test_failed] a=passed b #1=passed b #2=failed c=passed",
		},
		{
			rule: "quarantine of several tests does not excuse one", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), failed("s::b"))
				in.Quarantine = policy.Quarantine{{Test: "s::b", Twins: 2, Deadline: in.Now.AddDate(0, 0, 1)}}
			}, want: "failed [blocks test_failed] a=passed b=failed c=passed",
		},
		{
			rule: "quarantine of a label excuses nothing", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), twins("s::b", passed(""), failed("")))
				in.Quarantine = policy.Quarantine{{Test: "s::b #2", Deadline: in.Now.AddDate(0, 0, 1)}}
			}, want: "failed [blocks test_failed] a=passed b #1=passed b #2=failed c=passed",
		},
		{
			rule: "an attempt that does not count decides nothing", change: func(in *In) {
				run := ran("s::b", e2e.Failed, e2e.Passed)
				run.Attempts[1].Uncounted = "x"
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), run)
			}, want: "failed [blocks test_failed] a=passed b=failed c=passed",
		},
		{
			rule: "a test that failed beside the rerun of another is flaky", change: func(in *In) {
				run := ran("s::b", e2e.Passed, e2e.Failed)
				run.Attempts[1].Source = e2e.SourceBeside
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), run)
			}, want: "passed [warns flaky] a=passed b=flaky c=passed",
		},
		{
			rule: "a test that failed earlier with its rerun is a later pass of the test with its number", attempt: 2, change: func(in *In) {
				b := twins("s::b", passed(""), ran("", e2e.Failed, e2e.Failed))
				in.Documents = append(in.Documents, shard(*in, 0, 1, passed("s::a"), b))
				in.Documents[0] = shard(*in, 0, 2, passed("s::a"), twins("s::b", passed(""), passed("")))
			}, want: "failed [blocks later_pass] a=passed b #1=passed b #2=passed(later) c=passed",
		},
		{
			rule: "if there were not as many tests with the id, it is a later pass of each", attempt: 2, change: func(in *In) {
				in.Documents = append(in.Documents, shard(*in, 0, 1, passed("s::a"), ran("s::b", e2e.Failed, e2e.Failed)))
				in.Documents[0] = shard(*in, 0, 2, passed("s::a"), twins("s::b", passed(""), passed("")))
			}, want: "failed [blocks later_pass] a=passed b #1=passed(later) b #2=passed(later) c=passed",
		},
		{
			rule: "a pass of a test that the shard stole counts", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"))
				in.Documents[1] = shard(*in, 1, 1, passed("s::c"), passed("s::b"))
				doc(in, 1).Units = []e2e.UnitRun{{Tests: []string{"s::b"}, TakenOver: true}}
			}, want: green,
		},
		{
			rule: "a test that was not run says so", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1)
				doc(in, 1).NotRun = []e2e.NotRunTest{{ID: "s::c", Code: e2e.CodeCancelled, Reason: "stopped"}}
			}, want: "not_judged [not_judged not_run] a=passed b=passed c=not_run",
		},
		{
			rule: "attempts that were reported outweigh a note that the test was not run", change: func(in *In) {
				doc(in, 1).NotRun = []e2e.NotRunTest{{ID: "s::c", Code: e2e.CodeCancelled, Reason: "stopped"}}
			}, want: green,
		},
		{
			rule: "an unplanned failure counts", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, passed("s::c"), unplanned(failed("s::x")))
			}, want: "failed [blocks test_failed] a=passed b=passed c=passed x=failed",
		},
		{
			rule: "an unplanned pass proves nothing", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, ran("s::a", e2e.Skipped), ran("s::b", e2e.Skipped))
				in.Documents[1] = shard(*in, 1, 1, ran("s::c", e2e.Skipped), unplanned(passed("s::x")))
			}, want: "not_judged [not_judged no_pass] a=skipped b=skipped c=skipped x=passed",
		},
		{
			rule: "a batch is the tests that its reports hold", change: func(in *In) {
				whole(in)
				in.Documents[1] = shard(*in, 1, 1, unplanned(passed("s::x"), inUnit("w")), unplanned(failed("s::y"), inUnit("w")))
			}, want: "failed [blocks test_failed] a=passed b=passed x=passed y=failed",
		},
		{
			rule: "tests of a batch are planned: their pass proves something", change: func(in *In) {
				whole(in)
				in.Documents[0] = shard(*in, 0, 1, ran("s::a", e2e.Skipped), ran("s::b", e2e.Skipped))
				in.Documents[1] = shard(*in, 1, 1, unplanned(passed("s::x"), inUnit("w")))
			}, want: "passed [] a=skipped b=skipped x=passed",
		},
		{
			rule: "a batch whose reports hold nothing is lost", change: whole,
			want: "not_judged [not_judged lost] a=passed b=passed w::(whole suite)=lost",
		},
		{
			rule: "a batch that was not started says so", change: func(in *In) {
				whole(in)
				doc(in, 1).NotRun = []e2e.NotRunTest{{ID: "w::(whole suite)", Code: e2e.CodeTimeout, Reason: "no time"}}
			}, want: "not_judged [not_judged not_run] a=passed b=passed w::(whole suite)=not_run",
		},
		{
			rule: "an unplanned test of another unit is not of the whole suite", change: func(in *In) {
				whole(in)
				in.Documents[1] = shard(*in, 1, 1, unplanned(passed("s::x"), inUnit("w")), unplanned(passed("s::y"), inUnit("v")))
				in.Documents[0] = shard(*in, 0, 1, ran("s::a", e2e.Skipped), ran("s::b", e2e.Skipped))
			}, want: "passed [] a=skipped b=skipped x=passed y=passed",
		},
		{
			rule: "what a problem says of a batch it says of its tests", change: func(in *In) {
				whole(in)
				in.Documents[1] = shard(*in, 1, 1, unplanned(passed("s::y"), inUnit("w")), unplanned(passed("s::x"), inUnit("w")))
				doc(in, 1).Problems = []e2e.Problem{{Code: e2e.CodeReportDamaged, LosesEvidence: true, Unit: "w", Tests: []string{"w::(whole suite)", "s::y"}, Text: "cut"}}
			}, want: "not_judged [not_judged report_damaged] a=passed b=passed x=passed y=passed",
			text: "report_damaged [s::x s::y] loses=true shard=0 w: cut",
		},
		{
			rule: "tests of a batch that earlier runs reported are missed", change: func(in *In) {
				whole(in)
				in.Known = map[string][]string{"w": {"s::1", "s::2", "s::3", "s::4", "s::x"}, "s": {"s::gone"}}
				in.Documents[1] = shard(*in, 1, 1, unplanned(passed("s::x"), inUnit("w")))
			}, want: "passed [warns lost] a=passed b=passed x=passed",
			text: "lost [s::1 s::2 s::3 s::4] loses=false shard=0 : suite w cannot list its tests; " +
				"4 tests of earlier runs are missing from its reports: s::1, s::2, s::3",
		},
		{
			rule: "where all of a batch is known and reported, nothing is said", change: func(in *In) {
				whole(in)
				in.Known = map[string][]string{"w": {"s::x"}}
				in.Documents[1] = shard(*in, 1, 1, unplanned(passed("s::x"), inUnit("w")))
			}, want: "passed [] a=passed b=passed x=passed",
		},
		{
			rule: "what several shards say of one unit is said once, with all tests", change: func(in *In) {
				for i, id := range []string{"s::b", "s::c"} {
					doc(in, i).Problems = []e2e.Problem{{Code: e2e.CodeRunnerExit, Unit: "s", LosesEvidence: true, Tests: []string{id}, Text: "it died"}}
				}
			}, want: "not_judged [not_judged runner_exit] a=passed b=passed c=passed", text: "runner_exit [s::b s::c] loses=true shard=0 s: it died",
		},
		{
			rule: "a problem that loses evidence is not merged into one that does not", change: func(in *In) {
				doc(in, 0).Problems = []e2e.Problem{{Code: e2e.CodeRunnerExit, Unit: "s", Tests: []string{"s::b"}, Text: "it died"}}
				doc(in, 1).Problems = []e2e.Problem{{Code: e2e.CodeRunnerExit, Unit: "s", LosesEvidence: true, Tests: []string{"s::c"}, Text: "it died"}}
			}, want: "not_judged [not_judged runner_exit, warns runner_exit] a=passed b=passed c=passed",
		},
		{
			rule: "a failure that had its rerun in an earlier attempt is not undone by a pass", attempt: 2, change: func(in *In) {
				in.Documents = append(in.Documents, shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed)), shard(*in, 0, 1, passed("s::a"), passed("s::b")))
			}, want: "failed [blocks later_pass] a=passed b=passed c=passed(later)",
		},
		{
			rule: "earlier attempts that are known already count for shards of this process", attempt: 2, change: func(in *In) {
				in.Local = true
				in.Earlier, _ = Before(in.Run, Found{Documents: []Document{shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))}}, nil)
			}, want: "failed [blocks later_pass] a=passed b=passed c=passed(later)",
		},
	})
}

func TestProblemsAreMergedByAllThatTellsThemApart(t *testing.T) {
	one := e2e.Problem{Code: e2e.CodeRunnerExit, Unit: "u", Text: "x", Tests: []string{"b"}}
	for name, change := range map[string]func(*e2e.Problem){
		"code":     func(p *e2e.Problem) { p.Code = e2e.CodeTimeout },
		"unit":     func(p *e2e.Problem) { p.Unit = "v" },
		"text":     func(p *e2e.Problem) { p.Text = "y" },
		"no tests": func(p *e2e.Problem) { p.Tests = nil },
		"loses":    func(p *e2e.Problem) { p.LosesEvidence = true },
	} {
		other := one
		if change(&other); len(mergeProblems([]e2e.Problem{one, other})) != 2 || len(mergeProblems([]e2e.Problem{other, one})) != 2 {
			t.Errorf("problems of another %s are merged", name)
		}
	}
	two := one
	two.Tests = []string{"a", "b"}
	merged := mergeProblems([]e2e.Problem{one, two})
	if want := []string{"a", "b"}; len(merged) != 1 || !cmp.Equal(merged[0].Tests, want) || len(one.Tests) != 1 {
		t.Errorf("%+v", merged)
	}
}

// The result of one test: its attempts side by side, children, rerun, metadata.
func TestResultOfATest(t *testing.T) {
	in := world(2)
	again := shard(in, 1, 2, ran("s::c", e2e.Failed, e2e.Passed), unplanned(passed("s::x")))
	again.Shard.Tests[0].Attempts[1].Children = []e2e.Child{{Name: "sub", Outcome: e2e.Passed}}
	again.Shard.Reruns = []e2e.RerunRecord{{ID: "s::c", Done: true, Reason: "its first attempt failed"}}
	again.Unplanned = map[string]e2e.Test{"s::x": {ID: "s::x", Owner: "team"}}
	in.Documents = []Document{shard(in, 0, 1, passed("s::a"), passed("s::b")), shard(in, 1, 1, failed("s::c")), again}
	r := Of(in).Result
	c := r.Tests[2]
	if len(c.Attempts) != 3 || c.Attempts[0].N != 1 || c.Attempts[2].N != 3 || c.Attempts[0].WorkflowAttempt != 1 {
		t.Errorf("attempts %+v", c.Attempts)
	}
	if len(c.Children) != 1 || c.Rerun == nil || c.Rerun.Reason != "its first attempt failed" || c.Unplanned {
		t.Errorf("%+v", c)
	}
	if x := r.Tests[3]; !x.Unplanned || x.Owner != "team" || r.Tests[0].Rerun != nil {
		t.Errorf("%+v", x)
	}
	if again.Shard.Tests[0].Attempts[0].N != 0 {
		t.Error("the document was changed")
	}
	notRun := world(1)
	notRun.Documents[1] = shard(notRun, 1, 1)
	notRun.Documents[1].Shard.NotRun = []e2e.NotRunTest{{ID: "s::c", Reason: "no time"}}
	if c := Of(notRun).Result.Tests[2]; c.Attempts == nil || len(c.Attempts) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestGatesOfShards(t *testing.T) {
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	healthy := e2e.Span{From: at(0), To: at(1), State: e2e.Healthy}
	watched := e2e.Span{From: at(5), To: at(6), State: e2e.Healthy, Watch: true}
	between := e2e.Span{From: at(3), To: at(4), State: e2e.Unhealthy, Watch: true}
	own := e2e.Gate{Name: "api", Required: true, State: e2e.Healthy, Observed: "up", Timeline: []e2e.Span{healthy, watched}}
	failedGate := e2e.Gate{
		Name: "api", Required: true, State: e2e.Unhealthy, Finality: e2e.Never, Observed: "down", Reason: "start it", Timeline: []e2e.Span{healthy, between},
	}
	other := failedGate
	other.Name = "db"
	docs := []Document{{Shard: e2e.ShardRun{Gates: []e2e.Gate{other}}}, {Shard: e2e.ShardRun{Gates: []e2e.Gate{other, failedGate}}}}
	merged := mergeGates([]e2e.Gate{own}, docs)
	want := []e2e.Gate{{
		Name: "api", Required: true, State: e2e.Unhealthy, Finality: e2e.Never, Observed: "down", Reason: "start it", Timeline: []e2e.Span{healthy, between, watched},
	}}
	if diff := cmp.Diff(want, merged); diff != "" {
		t.Errorf("a gate that failed for one shard has failed: %s", diff)
	}
	if len(own.Timeline) != 2 || own.Timeline[1] != watched {
		t.Error("the gate that was given was changed")
	}
	// The first failure is the one that is told.
	later := failedGate
	later.Observed = "down again"
	merged = mergeGates([]e2e.Gate{own}, []Document{docs[1], {Shard: e2e.ShardRun{Gates: []e2e.Gate{later}}}})
	if merged[0].Observed != "down" {
		t.Errorf("%+v", merged[0])
	}
	// A shard for which the gate passed does not make it pass.
	merged = mergeGates([]e2e.Gate{failedGate}, []Document{{Shard: e2e.ShardRun{Gates: []e2e.Gate{own}}}})
	if merged[0].State != e2e.Unhealthy {
		t.Errorf("%+v", merged[0])
	}
}

func TestGatesOfAPlanAreThoseOfTheResult(t *testing.T) {
	in := world(1)
	in.Plan.Gates = []e2e.Gate{{Name: "plan", Required: true, State: e2e.Healthy}}
	if r := Of(in).Result; len(r.Gates) != 1 || r.Gates[0].Name != "plan" {
		t.Errorf("%+v", r.Gates)
	}
	in.Documents[1].Shard.Gates = []e2e.Gate{{Name: "plan", Required: true, State: e2e.Unhealthy, Observed: "down"}}
	r := Of(in).Result
	if got := said(r); got != "not_judged [not_judged gate_shut] a=passed b=passed c=passed" || in.Plan.Gates[0].State != e2e.Healthy {
		t.Error(got)
	}
	in.Gates = []e2e.Gate{{Name: "own", Required: true, State: e2e.Healthy}}
	if r := Of(in).Result; len(r.Gates) != 1 || r.Gates[0].Name != "own" {
		t.Errorf("%+v", r.Gates)
	}
}

func TestShardResults(t *testing.T) {
	in := world(1)
	in.Documents = in.Documents[:1]
	in.Documents[0].Shard.Complete = false
	in.Documents[0].Shard.Units = []e2e.UnitRun{{Unit: "s", Seconds: 2}, {Unit: "s", Seconds: 3}}
	list := Of(in).Result.Shards
	if list[0].State != "partial" || list[0].Seconds != 5 || len(list[0].Units) != 2 || list[1].State != "lost" || list[1].Attempt != 0 {
		t.Errorf("%+v", list)
	}
}

// What was not checked is said once, by the plan and by every shard; a failure of that code that is
// no note is not hidden by one.
func TestNotCheckedIsSaidOnce(t *testing.T) {
	note := e2e.Problem{Code: e2e.CodeNotChecked, Unit: "s", Text: "not checked, since suite s was split: x", Note: true}
	logged, other := note, note
	logged.File, logged.Shard, other.Text = "units/1/output.log", 1, "not checked, since suite s was split: y"
	if merged := mergeProblems([]e2e.Problem{note, logged, other, note}); len(merged) != 2 || merged[0].File != "" {
		t.Errorf("%+v", merged)
	}
}

// Each of several tests of one id has the line that the framework gave it, else that of the plan.
func TestTwinsHaveLines(t *testing.T) {
	m := &merging{}
	list := m.fill(nil, e2e.TestResult{Test: e2e.Test{ID: "s/a::x", Line: 3}}, []e2e.Attempt{
		{Outcome: e2e.Passed, Twin: 1, Line: 3}, {Outcome: e2e.Failed, Twin: 2, Line: 9}, {Outcome: e2e.Passed, Twin: 3},
	})
	if len(list) != 3 || list[0].Line != 3 || list[1].Line != 9 || list[2].Line != 3 {
		t.Errorf("%+v", list)
	}
}
