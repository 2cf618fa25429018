package verdict

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

func TestJudge(t *testing.T) {
	const refused = "dial tcp 127.0.0.1:8080: connection refused"
	failedThen := func(message string) e2e.TestRun {
		run := failed("s::c")
		run.Attempts[0] = failedAt(98, message)
		return run
	}
	checkRows(t, []row{
		{
			rule: "a failure without an alibi blocks, whatever its words", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, failedThen(refused))
			}, want: "failed [blocks test_failed] a=passed b=passed c=failed",
		},
		{
			rule: "a failure with an alibi is not judged", change: func(in *In) {
				in.Gates = []e2e.Gate{downGate()}
				in.Documents[1] = shard(*in, 1, 1, failedThen("x"))
			}, want: "not_judged [not_judged environment, warns gate_lost] a=passed b=passed c=failed",
		},
		{
			rule: "what a shard saw of the gates is an alibi", change: func(in *In) {
				in.Gates = []e2e.Gate{{Name: "api", Kind: "http", Required: true, State: e2e.Healthy, Target: "http://127.0.0.1:8080/health"}}
				in.Documents[1] = shard(*in, 1, 1, failedThen("x"))
				in.Documents[1].Shard.Gates = []e2e.Gate{downGate()}
			}, want: "not_judged [not_judged environment, warns gate_lost] a=passed b=passed c=failed",
		},
		{
			rule: "the end of a background process here is an alibi", change: func(in *In) {
				in.Ends = []e2e.ProcessEnd{{Name: "db", At: second(90)}}
				in.Documents[1] = shard(*in, 1, 1, failedThen("x"))
			}, want: "not_judged [not_judged environment] a=passed b=passed c=failed",
		},
		{
			rule: "the end of a background process on a shard's machine is an alibi", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, failedThen("x"))
				in.Documents[1].Shard.Ends = []e2e.ProcessEnd{{Name: "db", At: second(90)}}
			}, want: "not_judged [not_judged environment] a=passed b=passed c=failed",
		},
		{
			rule: "a failure with an alibi and one without: the latter blocks", change: func(in *In) {
				in.Gates = []e2e.Gate{downGate()}
				in.Documents = []Document{shard(*in, 0, 1, failed("s::a"), passed("s::b")), shard(*in, 1, 1, failedThen("x"))}
			}, want: "failed [blocks environment, blocks test_failed, warns gate_lost] a=failed b=passed c=failed",
		},
		{
			rule: "a process that ran while a gate was down gives its tests an alibi", change: func(in *In) {
				in.Gates = []e2e.Gate{downGate()}
				run := failed("s::c")
				run.Attempts[0].Files = []string{"log"}
				in.Documents[1] = shard(*in, 1, 1, run)
				in.Documents[1].Shard.Units = []e2e.UnitRun{{Log: "log", Offset: 95, Seconds: 10}}
			}, want: "not_judged [not_judged environment, warns gate_lost] a=passed b=passed c=failed",
		},
		{
			rule: "a later pass is excused by a gate that was bad when the test started, and that the failure names", attempt: 2, change: func(in *In) {
				before := shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))
				before.Shard.Gates = []e2e.Gate{downGate()}
				before.Shard.Tests[0].Attempts[0], before.Shard.Tests[0].Attempts[1] = failedAt(100, refused), failedAt(110, refused)
				before.Shard.Tests[0].Attempts[1].Source = e2e.SourceDiagnostic
				in.Documents = append(in.Documents, before)
			}, want: green,
		},
		{
			rule: "a later pass is not excused by a gate that went bad while the test ran: the test may have broken it", attempt: 2, change: func(in *In) {
				before := shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))
				before.Shard.Gates = []e2e.Gate{downGate()}
				before.Shard.Tests[0].Attempts[0], before.Shard.Tests[0].Attempts[1] = failedAt(99.9, refused), failedAt(101, refused)
				before.Shard.Tests[0].Attempts[1].Source = e2e.SourceDiagnostic
				in.Documents = append(in.Documents, before)
			}, want: "failed [blocks later_pass] a=passed b=passed c=passed(later)",
		},
		{
			rule: "nor by one that was good again when the test started", attempt: 2, change: func(in *In) {
				before := shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))
				before.Shard.Gates = []e2e.Gate{downGate()}
				before.Shard.Tests[0].Attempts[0], before.Shard.Tests[0].Attempts[1] = failedAt(101, refused), failedAt(110.1, refused)
				before.Shard.Tests[0].Attempts[1].Source = e2e.SourceDiagnostic
				in.Documents = append(in.Documents, before)
			}, want: "failed [blocks later_pass] a=passed b=passed c=passed(later)",
		},
		{
			rule: "of something external it does not matter when it went bad", attempt: 2, change: func(in *In) {
				before := shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))
				before.Shard.Gates = []e2e.Gate{downGate(func(g *e2e.Gate) { g.External = true })}
				before.Shard.Tests[0].Attempts[0], before.Shard.Tests[0].Attempts[1] = failedAt(98, refused), failedAt(101, refused)
				before.Shard.Tests[0].Attempts[1].Source = e2e.SourceDiagnostic
				in.Documents = append(in.Documents, before)
			}, want: green,
		},
		{
			rule: "a later pass is not excused by an alibi that the failure does not name", attempt: 2, change: func(in *In) {
				before := shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))
				before.Shard.Gates = []e2e.Gate{downGate()}
				before.Shard.Tests[0].Attempts[0], before.Shard.Tests[0].Attempts[1] = failedAt(98, "x"), failedAt(101, "x")
				before.Shard.Tests[0].Attempts[1].Source = e2e.SourceDiagnostic
				in.Documents = append(in.Documents, before)
			}, want: "failed [blocks later_pass] a=passed b=passed c=passed(later)",
		},
		{
			rule: "a later pass is not excused by the end of a process", attempt: 2, change: func(in *In) {
				before := shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))
				before.Shard.Ends = []e2e.ProcessEnd{{Name: "db", At: second(90)}}
				before.Shard.Tests[0].Attempts[0] = failedAt(98, refused)
				before.Shard.Tests[0].Attempts[1].Started = second(110)
				in.Documents = append(in.Documents, before)
			}, want: "failed [blocks later_pass] a=passed b=passed c=passed(later)",
		},
		{
			rule: "a gate of this attempt excuses no failure of an earlier one", attempt: 2, change: func(in *In) {
				in.Gates = []e2e.Gate{downGate()}
				before := shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))
				before.Shard.Tests[0].Attempts[0], before.Shard.Tests[0].Attempts[1] = failedAt(98, refused), failedAt(101, refused)
				before.Shard.Tests[0].Attempts[1].Source = e2e.SourceDiagnostic
				in.Documents = append(in.Documents, before)
			}, want: "failed [blocks later_pass, warns gate_lost] a=passed b=passed c=passed(later)",
		},
		{
			rule: "an alibi of an earlier failure is none of this attempt's", attempt: 2, change: func(in *In) {
				before := shard(*in, 1, 1, failedThen(refused))
				before.Shard.Gates = []e2e.Gate{downGate()}
				in.Documents = []Document{in.Documents[0], shard(*in, 1, 2, failed("s::c")), before}
			}, want: "failed [blocks test_failed] a=passed b=passed c=failed",
		},
		{
			rule: "a quarantined failure warns", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, failed("s::c"))
				in.Quarantine = policy.Quarantine{{Test: "s::c", Owner: "o", Reason: "r", Deadline: in.Now}}
			}, want: "passed [warns test_failed] a=passed b=passed c=failed",
		},
		{
			rule: "after its deadline a quarantine does not count", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, failed("s::c"))
				in.Quarantine = policy.Quarantine{{Test: "s::c", Owner: "o", Reason: "r", Deadline: in.Now.Add(-24 * time.Hour)}}
			}, want: "failed [blocks quarantine_expired] a=passed b=passed c=failed",
		},
		{
			rule: "quarantine of an id that several tests share excuses nothing where not as many were reported", change: func(in *In) {
				in.Plan.Tests[2].Twins = 2
				in.Documents[1] = shard(*in, 1, 1, failed("s::c"))
				in.Quarantine = policy.Quarantine{{Test: "s::c", Owner: "o", Reason: "r", Deadline: in.Now, Twins: 2}}
			}, want: "failed [blocks test_failed] a=passed b=passed c=failed",
		},
		{
			rule: "another build in an earlier workflow attempt of another shard is no alibi", change: func(in *In) {
				seen := func(build string, from, to float64) []e2e.Gate {
					return []e2e.Gate{{Name: "build", Timeline: []e2e.Span{{From: second(from), To: second(to), State: e2e.Healthy, Observed: build, Watch: true}}}}
				}
				*in = world(2)
				in.Gates = []e2e.Gate{{Name: "build", Kind: "version", Required: true, State: e2e.Healthy}}
				in.Documents = []Document{shard(*in, 0, 1, passed("s::a"), passed("s::b")), shard(*in, 1, 2, failedThen("x"))}
				in.Documents[0].Shard.Gates, in.Documents[1].Shard.Gates = seen("1.0", 2, 20), seen("1.1", 90, 200)
			}, want: "failed [blocks test_failed] a=passed b=passed c=failed",
		},
		{
			rule: "the compiled table decides", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Passed))
				in.Table, _ = policy.Default().With(policy.Override{"flaky": {"release-blocking": "block"}})
			}, want: "failed [blocks flaky] a=passed b=passed c=flaky",
		},
		{
			rule: "a stage that does not block states the same", change: func(in *In) {
				in.Run.Blocks = false
				in.Documents[1] = shard(*in, 1, 1, failed("s::c"))
			}, want: "failed [blocks test_failed] a=passed b=passed c=failed",
		},
	})
	in := world(1)
	in.Run.Blocks = false
	in.Documents[1] = shard(in, 1, 1, failed("s::c"))
	if r := Of(in).Result; r.Verdict.Blocks {
		t.Error("a stage that does not block blocks")
	}
}

// What is left behind of an earlier failure is said with the pass.
func TestAnExcusedFailureIsEvidence(t *testing.T) {
	r := e2e.TestResult{Outcome: e2e.Passed}
	before := []e2e.Attempt{{Outcome: e2e.Failed, WorkflowAttempt: 3, Source: e2e.SourceDiagnostic}}
	laterPass(&r, before, &e2e.Environment{Gate: "api", NamedBy: "api:80", Excuses: true})
	if len(r.Evidence) != 1 || r.Evidence[0].Source != "attempt 3" || r.Evidence[0].Kind != e2e.EvidenceTriage || r.LaterPass {
		t.Errorf("%+v", r)
	}
}

func TestBudgets(t *testing.T) {
	in := world(1)
	in.Budget = 60
	in.Journeys = []JourneyBudget{
		{Name: "pay", Owner: "team", Limit: 2.5}, {Name: "ship", Limit: 10}, {Name: "lost", Limit: 1}, {Name: "free"}, {Name: "skip", Limit: 0.5},
		{Name: "even", Limit: 1},
	}
	journeys := map[string]string{"s::a": "pay", "s::b": "skip", "s::c": "ship"}
	for i := range in.Plan.Tests {
		in.Plan.Tests[i].Journey = journeys[in.Plan.Tests[i].ID]
	}
	even := unplanned(passed("s::even"), func(t *e2e.Test) { t.Journey = "even" })
	in.Documents = []Document{
		shard(in, 0, 1, ran("s::a", e2e.Failed, e2e.Passed), ran("s::b", e2e.Skipped)), shard(in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed, e2e.Failed), even),
	}
	in.Documents[0].Shard.Units = []e2e.UnitRun{{Offset: 10, Seconds: 5}, {Offset: 5, Seconds: 3}, {Offset: 12, Seconds: 1}}
	in.Documents[1].Shard.Units = []e2e.UnitRun{{Offset: 100, Seconds: 70}}
	want := []e2e.Budget{
		{Scope: "stage", Name: "pr", Limit: 60, Used: 70, Over: true,
			Text: "stage pr took 1m10s, its budget is 1m00s; slowest: s::c (3.0s), s::a (2.0s), s::c (2.0s); " +
				"look at long set-up, waits and repeated logins before adding shards"},
		{Scope: "journey", Name: "pay", Limit: 2.5, Used: 2},
		{Scope: "journey", Name: "ship", Limit: 10, Used: 3},
		{Scope: "journey", Name: "even", Limit: 1, Used: 1},
	}
	if diff := cmp.Diff(want, Of(in).Result.Budgets); diff != "" {
		t.Error(diff)
	}
	in.Journeys = []JourneyBudget{{Name: "pay", Owner: "team", Limit: 1.5}, {Name: "ship", Limit: 2}}
	in.Budget = 70
	want = []e2e.Budget{
		{Scope: "stage", Name: "pr", Limit: 70, Used: 70},
		{Scope: "journey", Name: "pay", Limit: 1.5, Used: 2, Over: true, Text: "journey pay took 2.0s, its max_runtime is 1.5s; owner: team"},
		{Scope: "journey", Name: "ship", Limit: 2, Used: 3, Over: true, Text: "journey ship took 3.0s, its max_runtime is 2.0s; owner: not set"},
	}
	if diff := cmp.Diff(want, Of(in).Result.Budgets); diff != "" {
		t.Error(diff)
	}
	in.Documents[1].Shard.Units = nil // 10 s of the first shard: from its first unit to its last
	if b := Of(in).Result.Budgets[0]; b.Used != 10 {
		t.Errorf("%+v", b)
	}
	in.Documents = nil
	if list := Of(in).Result.Budgets; len(list) != 0 {
		t.Errorf("nothing ran: %+v", list)
	}
}

func TestDuration(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0.0s", 59.94: "59.9s", 60: "1m00s", 61.9: "1m01s", 3600: "60m00s"} {
		if got := duration(seconds); got != want {
			t.Errorf("%g: %s, want %s", seconds, got, want)
		}
	}
}

// drawn is a world with whatever may go wrong in it.
func drawn(t *rapid.T) In {
	attempt := rapid.IntRange(1, 3).Draw(t, "attempt")
	in := world(attempt)
	in.Local = rapid.IntRange(0, 4).Draw(t, "local") == 0
	in.Documents = nil
	outcome := rapid.SampledFrom([]e2e.Outcome{e2e.Passed, e2e.Passed, e2e.Failed, e2e.Skipped, "", "odd"})
	for range rapid.IntRange(0, 5).Draw(t, "documents") {
		var tests []e2e.TestRun
		for range rapid.IntRange(0, 3).Draw(t, "tests") {
			run := ran(rapid.SampledFrom([]string{"s::a", "s::b", "s::c", "s::x"}).Draw(t, "id"), rapid.SliceOfN(outcome, 0, 3).Draw(t, "outcomes")...)
			for i := range run.Attempts {
				run.Attempts[i].Started, run.Attempts[i].Message = second(float64(rapid.IntRange(80, 130).Draw(t, "at"))), "127.0.0.1:8080"
			}
			if rapid.Bool().Draw(t, "unplanned") {
				run = unplanned(run)
			}
			tests = append(tests, run)
		}
		d := shard(in, rapid.IntRange(-1, 2).Draw(t, "index"), rapid.IntRange(0, attempt+1).Draw(t, "of attempt"), tests...)
		d.Shard.Complete = rapid.IntRange(0, 3).Draw(t, "complete") > 0
		if rapid.Bool().Draw(t, "watched") {
			d.Shard.Gates = []e2e.Gate{downGate()}
		}
		if rapid.IntRange(0, 5).Draw(t, "other plan") == 0 {
			d.Shard.Digest = "other"
		}
		if rapid.IntRange(0, 5).Draw(t, "problem") == 0 {
			d.Shard.Problems = []e2e.Problem{{Code: e2e.CodeRunnerExit, LosesEvidence: rapid.Bool().Draw(t, "loses"), Tests: []string{"s::a"}, Text: "x"}}
		}
		in.Documents = append(in.Documents, d)
	}
	if rapid.Bool().Draw(t, "gates") {
		in.Gates = []e2e.Gate{downGate()}
	}
	if rapid.IntRange(0, 4).Draw(t, "unreadable") == 0 {
		in.Unreadable = []Unreadable{{Index: rapid.IntRange(-1, 2).Draw(t, "unreadable index"), Attempt: rapid.IntRange(-1, 3).Draw(t, "unreadable attempt"),
			Text: "cut"}}
	}
	in.Quarantine = policy.Quarantine{{Test: "s::b", Owner: "o", Reason: "r", Deadline: in.Now}}
	in.Known = map[string][]string{"s": {"s::gone"}}
	in.Budget, in.Journeys = 1, []JourneyBudget{{Name: "", Limit: 1}}
	return in
}

func text(t interface{ Fatal(...any) }, v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The same evidence is the same result, and the judging leaves no trace in it.
func TestOfIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t)
		before := text(t, in)
		first := text(t, Of(in))
		if after := text(t, in); after != before {
			t.Fatalf("the evidence was changed:\n%s\n%s", before, after)
		}
		if second := text(t, Of(in)); second != first {
			t.Fatalf("judged twice:\n%s\n%s", first, second)
		}
	})
}

// Every planned test is in the result once, whatever was left of the run; none passes
// that no document says passed; and a failure that counts is in it.
func TestNothingIsLostOrInvented(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t)
		out := Of(in)
		ids, seen := map[string]bool{}, map[string][]e2e.TestResult{}
		for _, r := range out.Result.Tests {
			if ids[r.ID] {
				t.Fatalf("%s is in the result twice", r.ID)
			}
			ids[r.ID] = true
			seen[r.Stable()] = append(seen[r.Stable()], r)
			for i, a := range r.Attempts {
				if a.N != i+1 {
					t.Fatalf("%s: attempt %d has the number %d", r.ID, i+1, a.N)
				}
			}
		}
		passes := map[string]bool{}
		for _, doc := range out.Counted {
			for _, run := range doc.Tests {
				for _, a := range run.Attempts {
					passes[run.ID] = passes[run.ID] || a.Outcome == e2e.Passed
					clean := func(r e2e.TestResult) bool { return r.Outcome == e2e.Passed && !r.LaterPass }
					if a.Outcome == e2e.Failed && len(seen[run.ID]) > 0 && !slices.ContainsFunc(seen[run.ID], func(r e2e.TestResult) bool { return !clean(r) }) {
						t.Fatalf("%s failed and is passed: %s", run.ID, text(t, seen[run.ID]))
					}
				}
			}
		}
		for _, p := range in.Plan.Tests {
			if len(seen[p.ID]) == 0 {
				t.Fatalf("%s is not in the result", p.ID)
			}
			for _, r := range seen[p.ID] {
				if (r.Outcome == e2e.Passed || r.Outcome == e2e.Flaky) && !passes[p.ID] {
					t.Fatalf("%s is %s, and no document that counts says that it passed", p.ID, r.Outcome)
				}
			}
		}
	})
}

// Documents of a run on many machines say the same in whatever order they are found.
func TestTheOrderOfFilesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t)
		in.Local = false
		r := Of(in).Result
		mixed := in
		mixed.Documents = rapid.Permutation(in.Documents).Draw(t, "order")
		again := Of(mixed).Result
		if r.Verdict.State != again.Verdict.State || r.Verdict.Blocks != again.Verdict.Blocks {
			t.Fatalf("%s\n%s", said(r), said(again))
		}
		outcomes := func(s string) string { _, s, _ = strings.Cut(s, "] "); return s }
		if outcomes(said(r)) != outcomes(said(again)) {
			t.Fatalf("%s\n%s", said(r), said(again))
		}
	})
}
