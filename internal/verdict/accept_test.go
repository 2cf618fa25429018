package verdict

import (
	"math"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestAccept(t *testing.T) {
	doc := func(in *In, i int) *e2e.ShardRun { return &in.Documents[i].Shard }
	lostC := "not_judged [not_judged lost] a=passed b=passed c=lost"
	checkRows(t, []row{
		{rule: "the documents of all shards count", want: green},
		{rule: "the same document in two places counts once", change: func(in *In) { in.Documents = append(in.Documents, in.Documents[1]) }, want: green},
		{
			rule: "a shard without a document has lost its tests", change: func(in *In) { in.Documents = in.Documents[:1] },
			want: lostC, text: "lost [s::c] loses=true shard=1 : shard 1-b left no document: it crashed, was cancelled, or its results were not uploaded",
		},
		{
			rule: "who ran a shard may say why it has no document", change: func(in *In) {
				in.Documents, in.Absent = in.Documents[:1], map[int]string{1: "its pod was evicted"}
			},
			want: "not_judged [not_judged environment, not_judged lost] a=passed b=passed c=lost",
			text: "environment [s::c] loses=true shard=1 : shard 1-b left no document: its pod was evicted",
		},
		{rule: "an empty shard of a plan with tests needs no document", change: func(in *In) {
			in.Plan.Shards = append(in.Plan.Shards, e2e.PlanShard{Index: 2, Name: "2-empty"})
		}, want: green},
		{rule: "a document of an empty shard counts", change: func(in *In) {
			in.Plan.Shards = append(in.Plan.Shards, e2e.PlanShard{Index: 2, Name: "2-empty"})
			in.Documents = append(in.Documents, shard(*in, 2, 1, unplanned(failed("s::x"))))
		}, want: "failed [blocks test_failed] a=passed b=passed c=passed x=failed"},
		{
			rule: "two different documents for one attempt lose the shard",
			change: func(in *In) {
				other := shard(*in, 1, 1, failed("s::c"))
				other.File = "other.json"
				in.Documents = append(in.Documents, other)
			},
			want: lostC, text: "shard 1-b left two different documents for one attempt (1.1.json, other.json), so neither counts; failed in one of them: s::c",
		},
		{
			rule: "a document of another commit is refused", change: func(in *In) { doc(in, 1).Run.SHA = "def" },
			want: "not_judged [not_judged lost, warns report_damaged] a=passed b=passed c=lost",
			text: `1.1.json does not count: it belongs to another run (workflow run "42", stage pr, commit "def")`,
		},
		{
			rule: "a document of another call of the gate is not for this one", change: func(in *In) {
				other := shard(*in, 1, 1, failed("s::c"))
				other.Shard.Run.Key, other.Shard.Run.Stage = "ui", "nightly"
				in.Documents = append(in.Documents, other)
			}, want: green,
		},
		{
			rule: "a document of another call and another commit is refused aloud", change: func(in *In) {
				other := shard(*in, 1, 1, failed("s::c"))
				other.Shard.Run.Key, other.Shard.Run.SHA = "ui", "def"
				in.Documents = append(in.Documents, other)
			}, want: "passed [warns report_damaged] a=passed b=passed c=passed", text: "it belongs to another run",
		},
		{
			rule: "a document of another stage is refused aloud", change: func(in *In) {
				other := shard(*in, 1, 1, failed("s::c"))
				other.Shard.Run.Stage = "nightly"
				in.Documents = append(in.Documents, other)
			}, want: "passed [warns report_damaged] a=passed b=passed c=passed", text: "stage nightly",
		},
		{
			rule: "a document of a later attempt than this is refused", change: func(in *In) { doc(in, 1).Run.WorkflowAttempt = 2 },
			want: "not_judged [not_judged lost, warns report_damaged] a=passed b=passed c=lost",
			text: "it is from attempt 2 of the workflow run, and this is attempt 1",
		},
		{
			rule: "a document of attempt 0 is refused", change: func(in *In) { doc(in, 1).Run.WorkflowAttempt = 0 },
			want: "not_judged [not_judged lost, warns report_damaged] a=passed b=passed c=lost", text: "it is from attempt 0",
		},
		{
			rule: "outside CI a document of another plan is refused", change: func(in *In) {
				in.Run.WorkflowRun, doc(in, 0).Run.WorkflowRun, doc(in, 1).Run.WorkflowRun = "", "", ""
				other := shard(*in, 1, 1, failed("s::c"))
				other.Shard.Digest = "other"
				in.Documents = append(in.Documents, other)
			}, want: "passed [warns report_damaged] a=passed b=passed c=passed", text: "1.1.json does not count: it was run with another plan",
		},
		{
			rule: "in a workflow run a document of another plan is an earlier attempt", change: func(in *In) {
				other := shard(*in, 1, 1, failed("s::c"))
				other.Shard.Digest = "other"
				in.Documents = append(in.Documents, other)
			}, want: "passed [warns flaky] a=passed b=passed c=flaky",
		},
		{
			rule: "an index below the plan's is of another plan", change: func(in *In) {
				in.Documents = append(in.Documents, shard(*in, -1, 1, failed("s::c")))
			}, want: "passed [warns flaky] a=passed b=passed c=flaky",
		},
		{
			rule: "an index beyond the plan's is of another plan", change: func(in *In) {
				in.Documents = append(in.Documents, shard(*in, 2, 1, failed("s::c")))
			}, want: "passed [warns flaky] a=passed b=passed c=flaky",
		},
		{
			rule: "the newest attempt of a shard counts, and an older one is an earlier attempt", attempt: 2, change: func(in *In) {
				in.Documents = append(in.Documents, shard(*in, 1, 1, failed("s::c")), shard(*in, 0, 1, passed("s::a"), passed("s::b")))
			}, want: "passed [warns flaky] a=passed b=passed c=flaky",
		},
		{
			rule: "the order in which attempts are found does not matter", attempt: 2, change: func(in *In) {
				in.Documents = append([]Document{shard(*in, 1, 1, failed("s::c")), shard(*in, 0, 1, passed("s::a"), passed("s::b"))}, in.Documents...)
			}, want: "passed [warns flaky] a=passed b=passed c=flaky",
		},
		{
			rule: "a shard that was not re-run keeps its document of the attempt before", attempt: 2, change: func(in *In) {
				in.Documents = []Document{shard(*in, 0, 1, passed("s::a"), passed("s::b")), shard(*in, 1, 2, passed("s::c"))}
			}, want: green,
		},
		{
			rule: "an unreadable document hides an older one of its shard", attempt: 2, change: func(in *In) {
				in.Documents = []Document{shard(*in, 0, 1, passed("s::a"), passed("s::b")), shard(*in, 1, 1, passed("s::c"))}
				in.Unreadable = []Unreadable{{Index: 1, Attempt: 2, Text: "it is cut"}}
			}, want: "not_judged [not_judged lost, warns report_damaged] a=passed b=passed c=lost",
			text: "the document of shard 1-b in attempt 2 of the workflow run cannot be read (it is cut), so its results do not count; re-run the shard",
		},
		{
			rule: "what an unreadable document hides is an earlier attempt", attempt: 2, change: func(in *In) {
				in.Documents = []Document{shard(*in, 0, 1, passed("s::a"), passed("s::b")), shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))}
				in.Documents[1].Shard.Tests[0].Attempts[0].Message = "was here"
				in.Unreadable = []Unreadable{{Index: 1, Attempt: 2, Text: "it is cut"}}
			}, want: "not_judged [not_judged lost, warns report_damaged] a=passed b=passed c=lost",
		},
		{
			rule: "an unreadable document as new as the one that can be read hides it", change: func(in *In) {
				in.Unreadable = []Unreadable{{Index: 1, Attempt: 1, Text: "it is cut"}}
			}, want: "not_judged [not_judged lost, warns report_damaged] a=passed b=passed c=lost",
		},
		{
			rule: "an unreadable document of an older attempt hides nothing, and earlier attempts are not all known", attempt: 2, change: func(in *In) {
				in.Documents = append(in.Documents, shard(*in, 0, 1, passed("s::a"), passed("s::b")))
				in.Unreadable = []Unreadable{{Index: 1, Attempt: 1, Text: "it is cut"}}
			}, want: "not_judged [not_judged attempts_unreadable, warns report_damaged] a=passed b=passed c=passed",
			text: "what failed in attempt 1 of this workflow run is not known; give the job the permission actions: read, or start a new run. It is cut",
		},
		{
			rule: "an unreadable document of another shard hides nothing", change: func(in *In) {
				in.Unreadable = []Unreadable{{Index: 7, Attempt: 1, Text: "it is cut"}}
			}, want: "passed [warns report_damaged] a=passed b=passed c=passed", text: "a shard document cannot be read: it is cut",
		},
		{
			rule: "an unreadable document of an attempt that cannot be hides nothing", change: func(in *In) {
				in.Unreadable = []Unreadable{{Index: 1, Attempt: 2, Text: "it is cut"}, {Index: 1, Attempt: 0, Text: "it is odd"}}
			}, want: "passed [warns report_damaged, warns report_damaged] a=passed b=passed c=passed",
		},
		{
			rule: "an unreadable document of attempt 0 is not that of a shard without one", change: func(in *In) {
				in.Documents = in.Documents[:1]
				in.Unreadable = []Unreadable{{Index: 1, Attempt: 0, Text: "it is odd"}}
			}, want: "not_judged [not_judged lost, warns report_damaged] a=passed b=passed c=lost", text: "shard 1-b left no document",
		},
		{
			rule: "an unreadable document is that of a shard that left no other", change: func(in *In) {
				in.Documents = in.Documents[:1]
				in.Unreadable = []Unreadable{{Index: 1, Attempt: 1, Text: "it is cut"}}
			}, want: "not_judged [not_judged lost, warns report_damaged] a=passed b=passed c=lost",
			text: "the document of shard 1-b in attempt 1 of the workflow run cannot be read (it is cut)",
		},
		{
			rule: "a document that claims a rerun without its failure is not believed", change: func(in *In) {
				doc(in, 1).Reruns = []e2e.RerunRecord{{ID: "s::c", Reason: "its first attempt failed"}}
			}, want: lostC,
			text: "the document of shard 1-b contradicts itself (1.1.json: it has a rerun decision for s::c (its first attempt failed) without the failure)",
		},
		{
			rule: "a document that claims a rerun of a skipped test is not believed", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, ran("s::c", e2e.Skipped))
				doc(in, 1).Reruns = []e2e.RerunRecord{{ID: "s::c", Reason: "x"}}
			}, want: lostC, text: "contradicts itself",
		},
		{
			rule: "a document that claims a rerun was done, and holds one attempt, is not believed", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, failed("s::c"))
				doc(in, 1).Reruns = []e2e.RerunRecord{{ID: "s::c", Done: true, Reason: "x"}}
			}, want: lostC, text: "contradicts itself",
		},
		{
			rule: "a test that was kept from running first may have run in the rerun", change: func(in *In) {
				kept := ran("s::c", e2e.Passed)
				kept.Attempts = append([]e2e.Attempt{{N: 1, Outcome: e2e.Skipped, Kept: true, KeptBy: "s::b"}}, kept.Attempts...)
				in.Documents[1] = shard(*in, 1, 1, kept)
				doc(in, 1).Reruns = []e2e.RerunRecord{{ID: "s::c", Done: true, Reason: "x"}}
			}, want: "passed [] a=passed b=passed c=passed",
		},
		{
			rule: "a test that was only kept from running had no rerun", change: func(in *In) {
				kept := ran("s::c", e2e.Skipped)
				kept.Attempts[0].Kept = true
				in.Documents[1] = shard(*in, 1, 1, kept)
				doc(in, 1).Reruns = []e2e.RerunRecord{{ID: "s::c", Done: true, Reason: "x"}}
			}, want: lostC, text: "contradicts itself",
		},
		{
			rule: "a rerun that was refused needs one failed attempt only", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, failed("s::c"))
				doc(in, 1).Reruns = []e2e.RerunRecord{{ID: "s::c", Reason: "too many failed"}}
			}, want: "failed [blocks test_failed] a=passed b=passed c=failed",
		},
		{
			rule: "a rerun that was done has two attempts", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, ran("s::c", e2e.Failed, e2e.Passed))
				doc(in, 1).Reruns = []e2e.RerunRecord{{ID: "s::c", Done: true, Reason: "x"}}
			}, want: "passed [warns flaky] a=passed b=passed c=flaky",
		},
		{
			rule: "a test that a document names twice is two tests, and its rerun is of both", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, failed("s::c"), failed("s::c"))
				doc(in, 1).Reruns = []e2e.RerunRecord{{ID: "s::c", Done: true, Reason: "x"}}
			}, want: "failed [blocks test_failed] a=passed b=passed c #1=failed c #2=failed",
		},
		{
			rule: "a bad exit that nothing explains is a contradiction", change: func(in *In) {
				doc(in, 1).Units = []e2e.UnitRun{{Unit: "s", Exit: 1, Ended: e2e.EndedExited}}
			}, want: lostC, text: "batch s ended with exit status 1, but no test failed",
		},
		{
			rule: "a bad exit is explained by a failure", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, failed("s::c"))
				doc(in, 1).Units = []e2e.UnitRun{{Unit: "s", Exit: 1, Ended: e2e.EndedExited}}
			}, want: "failed [blocks test_failed] a=passed b=passed c=failed",
		},
		{
			rule: "a bad exit is explained by a failure of any test", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, failed("s::a"), passed("s::b"))
				doc(in, 0).Units = []e2e.UnitRun{{Unit: "s", Exit: 1, Ended: e2e.EndedExited}}
			}, want: "failed [blocks test_failed] a=failed b=passed c=passed",
		},
		{
			rule: "a bad exit is explained by a problem", change: func(in *In) {
				doc(in, 1).Units = []e2e.UnitRun{{Unit: "s", Exit: 1, Ended: e2e.EndedExited}}
				doc(in, 1).Problems = []e2e.Problem{{Code: e2e.CodeRunnerExit, Tests: []string{"s::c"}, LosesEvidence: true, Text: "x"}}
			}, want: "not_judged [not_judged runner_exit] a=passed b=passed c=passed",
		},
		{
			rule: "a process that was stopped explains itself", change: func(in *In) {
				doc(in, 1).Units = []e2e.UnitRun{{Unit: "s", Exit: 1, Ended: e2e.EndedTimeout}, {Unit: "s", Exit: -1, Ended: e2e.EndedExited},
					{Unit: "s", Ended: e2e.EndedExited}}
			}, want: green,
		},
		{
			rule: "an attempt that took longer than can be measured is a contradiction", change: func(in *In) {
				doc(in, 1).Tests[0].Attempts[0].Seconds = 1e9
			}, want: lostC, text: "s::c took 1e+09 s",
		},
		{
			rule: "a process that took longer than can be measured is a contradiction", change: func(in *In) {
				doc(in, 1).Units = []e2e.UnitRun{{Unit: "s", Seconds: math.Inf(1), Offset: 2}}
			}, want: lostC, text: "batch s took +Inf s, starting at 2 s",
		},
		{
			rule: "a start that cannot have been measured is a contradiction", change: func(in *In) {
				doc(in, 1).Units = []e2e.UnitRun{{Unit: "s", Offset: -1e9}}
			}, want: lostC, text: "batch s took 0 s, starting at -1e+09 s",
		},
		{
			rule: "clocks of two machines differ: a start before the run's is possible", change: func(in *In) {
				doc(in, 1).Units = []e2e.UnitRun{{Unit: "s", Seconds: 1, Offset: -5}}
			}, want: green,
		},
		{
			rule: "a test that is not planned, and that the document does not call unplanned, is a contradiction", change: func(in *In) {
				in.Documents[1] = shard(*in, 1, 1, passed("s::c"), failed("s::stray"))
			}, want: lostC, text: `it reports "s::stray", which is not planned, without marking it as unplanned`,
		},
		{
			rule: "a shard that did not end loses the tests that did not report", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"))
				doc(in, 0).Complete = false
			}, want: "not_judged [not_judged lost, not_judged not_run] a=passed b=lost c=passed",
			text: "not_run [s::b] loses=true shard=0 : shard 0-a did not finish",
		},
		{
			rule: "a shard that did not end, all of whose tests reported, loses all: a rerun may be missing", change: func(in *In) { doc(in, 0).Complete = false },
			want: "not_judged [not_judged not_run] a=passed b=passed c=passed",
			text: "not_run [s::a s::b] loses=true shard=0 : shard 0-a did not finish",
		},
		{
			rule: "a shard that did not end names what ran", change: func(in *In) {
				doc(in, 0).Complete, doc(in, 0).Running = false, []string{"s::a", "s::b", "s::x"}
			}, want: "not_judged [not_judged not_run] a=passed b=passed c=passed",
			text: "did not finish; the tests last known to run: s::a, s::b, s::x",
		},
		{
			rule: "a shard that did not end names three of many that ran", change: func(in *In) {
				doc(in, 0).Complete, doc(in, 0).Running = false, []string{"s::a", "s::b", "s::x", "s::y"}
			}, want: "not_judged [not_judged not_run] a=passed b=passed c=passed",
			text: "the tests last known to run are s::a, s::b, s::x and 1 more",
		},
		{
			rule: "a test that another shard stole is lost with that shard", change: func(in *In) {
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"))
				in.Documents[1] = shard(*in, 1, 1, passed("s::c"))
				doc(in, 1).Units = []e2e.UnitRun{{Unit: "s", Tests: []string{"s::b"}, TakenOver: true}, {Unit: "s", Tests: []string{"s::a"}}}
				doc(in, 1).Complete = false
			}, want: "not_judged [not_judged lost, not_judged not_run] a=passed b=lost c=passed",
			text: "not_run [s::b] loses=true shard=1 : shard 1-b did not finish",
		},
		{
			rule: "of two shards that claim a stolen test the lower one has it", change: func(in *In) {
				in.Plan.Shards = append(in.Plan.Shards, e2e.PlanShard{Index: 2, Name: "2-x"})
				in.Documents[0] = shard(*in, 0, 1, passed("s::a"), passed("s::b"))
				for _, i := range []int{1, 2} {
					d := shard(*in, i, 1)
					d.Shard.Units = []e2e.UnitRun{{Unit: "s", Tests: []string{"s::b"}, TakenOver: true}}
					if i == 1 {
						d = shard(*in, 1, 1, passed("s::c"))
						d.Shard.Units, d.Shard.Complete = []e2e.UnitRun{{Unit: "s", Tests: []string{"s::b"}, TakenOver: true}}, false
						in.Documents[1] = d
						continue
					}
					in.Documents = append(in.Documents, d)
				}
			}, want: "not_judged [not_judged not_run] a=passed b=passed c=passed",
			text: "not_run [s::b] loses=true shard=1",
		},
		{
			rule: "documents of shards that ran in this process count as they are", change: func(in *In) {
				in.Local = true
				in.Documents = in.Documents[:1]
				doc(in, 0).Complete = false
				in.Unreadable = []Unreadable{{Index: 0, Attempt: 1, Text: "x"}}
			}, want: "not_judged [not_judged lost] a=passed b=passed c=lost",
		},
	})
}

// Whatever text a document's problem has, one that loses evidence keeps doing so.
func TestProblemsOfDocumentsFollowThoseOfTheRun(t *testing.T) {
	in := world(1)
	in.Problems = []e2e.Problem{{Code: e2e.CodeToolError, Text: "first"}}
	in.Documents[0].Shard.Problems = []e2e.Problem{{Code: e2e.CodeToolError, Text: "second"}}
	in.Documents[1].Shard.Problems = []e2e.Problem{{Code: e2e.CodeToolError, Text: "third"}}
	want := "tool_error [] loses=false shard=0 : first\ntool_error [] loses=false shard=0 : second\ntool_error [] loses=false shard=0 : third"
	if got := texts(Of(in).Result); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What an unreadable document hides is still an attempt that was made.
func TestWhatIsHiddenIsAnEarlierAttempt(t *testing.T) {
	in := world(2)
	in.Documents = []Document{shard(in, 0, 1, passed("s::a"), passed("s::b")), shard(in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))}
	in.Unreadable = []Unreadable{{Index: 1, Attempt: 2, Text: "it is cut"}}
	if c := Of(in).Result.Tests[2]; c.Outcome != e2e.Lost || len(c.Attempts) != 2 {
		t.Errorf("%s with %d attempts", c.Outcome, len(c.Attempts))
	}
}

func TestWhatRanAtTheEnd(t *testing.T) {
	for want, running := range map[string][]string{
		"": nil, "; the tests last known to run: a": {"a"}, "; the tests last known to run: a, b, c": {"a", "b", "c"},
		"; the tests last known to run are a, b, c and 2 more": {"a", "b", "c", "d", "e"},
	} {
		if got := ranAtTheEnd(e2e.ShardRun{Running: running}); got != want {
			t.Errorf("%v: %q, want %q", running, got, want)
		}
	}
}
