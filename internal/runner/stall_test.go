package runner

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// looked is one look at a batch: after how many seconds, how much had happened, how much CPU time it had
// taken, and what is to be done.
type looked struct {
	at, happened int64
	cpu          float64
	want         string
}

const minuteAndHalf = 90 * time.Second

func TestStillness(t *testing.T) {
	for name, tc := range map[string]struct {
		end     time.Duration
		unknown bool
		looks   []looked
	}{
		"it prints":       {0, false, []looked{{0, 1, 0, ""}, {59, 2, 0, ""}, {118, 3, 0, ""}, {177, 4, 0, ""}}},
		"it is said once": {0, false, []looked{{0, 1, 0, ""}, {59, 1, 0, ""}, {60, 1, 0, "say"}, {90, 1, 0, ""}, {299, 1, 0, ""}}},
		"and again": {0, false, []looked{{0, 1, 0, ""}, {60, 1, 0, "say"}, {300, 1, 0, "say dump"}, {301, 1, 0, ""}, {599, 1, 0, ""},
			{601, 1, 0, "say dump"}}},
		"it goes on": {0, false, []looked{{0, 1, 0, ""}, {60, 1, 0, "say"}, {70, 2, 0, ""}, {129, 2, 0, ""}, {131, 2, 0, "say"}}},
		"it computes": {minuteAndHalf, false, []looked{{0, 1, 0, ""}, {30, 1, 5, ""}, {60, 1, 10, ""}, {90, 1, 15, ""}, {120, 1, 20, ""},
			{200, 1, 100, ""}}},
		"it only has timers": {minuteAndHalf, false, []looked{{0, 1, 0, ""}, {30, 1, 1, ""}, {60, 1, 2, "say"}, {89, 1, 3, ""}, {90, 1, 3, "say dump end"}}},
		"it computes again": {minuteAndHalf, false, []looked{{0, 1, 0, ""}, {30, 1, 0, ""}, {88, 1, 0, "say"}, {90, 1, 2, ""}, {149, 1, 2, ""},
			{180, 1, 2, "say dump end"}}},
		"the CPU time is not known": {minuteAndHalf, true, []looked{{0, 1, 0, ""}, {60, 1, 90, "say"}, {90, 1, 190, "say dump end"}}},
		"its limit is short":        {5 * time.Second, false, []looked{{0, 1, 0, ""}, {4, 1, 0, ""}, {5, 1, 0, "say dump end"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := stillness{patience: Patience{}.withDefaults(), end: tc.end}
			start := time.Unix(1_700_000_000, 0)
			for _, l := range tc.looks {
				st := s.look(start.Add(time.Duration(l.at)*time.Second), l.happened, func() (time.Duration, bool) {
					return time.Duration(l.cpu * float64(time.Second)), !tc.unknown
				})
				var got []string
				if st.say {
					got = append(got, "say")
				}
				if st.dump {
					got = append(got, "dump")
				}
				if st.end {
					got = append(got, "end")
				}
				if have := strings.Join(got, " "); have != l.want {
					t.Errorf("after %d s: %q, want %q", l.at, have, l.want)
				}
			}
		})
	}
}

// impatient makes a rig end batches in which nothing happens for a moment.
func impatient(r *rig) *rig {
	s := r.runner.cfg.Suites["s"]
	s.Spec.StallTimeout = 300 * time.Millisecond
	r.runner.cfg.Suites["s"] = s
	r.runner.cfg.Patience = Patience{Say: 100 * time.Millisecond, Dump: 200 * time.Millisecond, Look: 20 * time.Millisecond, Wait: time.Second}
	return r
}

// A suite that never ends: the test that hangs has failed, and those behind it did not run.
func TestBatchThatStallsIsEnded(t *testing.T) {
	r := impatient(liveRig(t, `say '{"event":"finished","id":"a","outcome":"passed"}'; say '{"event":"started","id":"b"}'; exec sleep 600`, "a", "b", "c"))
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if len(doc.Units) != 1 || doc.Units[0].Ended != e2e.EndedStalled || len(doc.Problems) != 0 {
		t.Fatalf("%+v %+v", doc.Units, doc.Problems)
	}
	if outcome(doc, "s::a") != e2e.Passed || outcome(doc, "s::b") != e2e.Failed || outcome(doc, "s::c") != e2e.Lost {
		t.Errorf("%+v", doc.Tests)
	}
	for _, test := range doc.Tests {
		a := test.Attempts[0]
		if test.ID == "s::b" && (a.Type != "stalled" || !strings.Contains(a.Message, "0.30 s (stall_timeout of suite s)") || len(a.Files) == 0) {
			t.Errorf("%+v", a)
		}
	}
	if n := doc.NotRun; len(n) != 1 || n[0].ID != "s::c" || n[0].Code != e2e.CodeStalled || !strings.Contains(n[0].Reason, "`s::b` is running") {
		t.Errorf("%+v", n)
	}
	said := r.happened(e2e.BatchStalls)
	if last := said[len(said)-1].Text; !strings.HasPrefix(last, "nothing from shard 1 for ") || !strings.Contains(last, "`s::b` is running") ||
		!strings.HasSuffix(last, "so the batch is ended") {
		t.Errorf("%q", last)
	}
	log, err := os.ReadFile(filepath.Join(r.out, doc.Units[0].Log))
	if err != nil || !strings.Contains(string(log), "e2e-gate: nothing from shard 1") {
		t.Errorf("%q %v", log, err)
	}
}

// Where it is not known which test hung, any may have: none is judged.
func TestStallOfAnUnknownTestLosesAll(t *testing.T) {
	s, tests := script(t, `exec sleep 600`, "a", "b")
	r := impatient(newRig(t, s, tests))
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if len(doc.Tests) != 0 || len(doc.NotRun) != 0 || len(doc.Problems) != 1 {
		t.Fatalf("%+v", doc)
	}
	if p := doc.Problems[0]; p.Code != e2e.CodeStalled || !p.LosesEvidence || len(p.Tests) != 2 ||
		!strings.Contains(p.Text, "it is not known which test is running") {
		t.Errorf("%+v", p)
	}
}

// The same of a suite that is one batch.
func TestStallOfAWholeSuite(t *testing.T) {
	s, _ := script(t, `echo '<testsuite><testcase name="a"/></testsuite>' > "$E2E_REPORT_DIR/r.xml"; exec sleep 600`)
	s.Spec.List = nil
	var err error
	if s.Adapter, err = suite.New(s.Spec, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	batch, _ := s.Adapter.(suite.Batcher).Batch()
	r := impatient(newRig(t, s, []e2e.Test{batch.Stand()}))
	r.runner.cfg.Batches = map[string]string{batch.Unit: batch.ID}
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if len(doc.Problems) != 1 || doc.Problems[0].Code != e2e.CodeStalled || len(doc.Problems[0].Tests) != 2 {
		t.Errorf("%+v", doc)
	}
}

// By default the gate says that nothing happens, and ends nothing: this suite goes on when it was said.
func TestStallIsOnlySaidByDefault(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	r := impatient(liveRig(t, `say '{"event":"started","id":"a"}'; read x < `+pipe+`; say '{"event":"finished","id":"a","outcome":"passed"}'; say '{"event":"end"}'`, "a"))
	if err := exec.CommandContext(t.Context(), "mkfifo", pipe).Run(); err != nil {
		t.Fatal(err)
	}
	s := r.runner.cfg.Suites["s"]
	s.Spec.StallTimeout = 0
	r.runner.cfg.Suites["s"] = s
	before := r.runner.cfg.Progress
	r.runner.cfg.Progress = func(ev e2e.Event) {
		before(ev)
		if ev.Kind == e2e.BatchStalls {
			go func() { _ = exec.CommandContext(t.Context(), "sh", "-c", "echo > "+pipe).Run() }()
		}
	}
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if outcome(doc, "s::a") != e2e.Passed || doc.Units[0].Ended != e2e.EndedExited || len(doc.Problems) != 0 || len(r.happened(e2e.BatchStalls)) == 0 {
		t.Errorf("%+v", doc)
	}
}

// A rerun that stalls proves nothing, and the test stays failed.
func TestRerunThatStalls(t *testing.T) {
	r := impatient(liveRig(t, `say '{"event":"started","id":"a"}'
[ "$E2E_ATTEMPT" = 1 ] || exec sleep 600
say '{"event":"finished","id":"a","outcome":"failed"}'; say '{"event":"end"}'; exit 1`, "a"))
	r.phase(t.Context(), false)
	r.shard.Rerun(t.Context(), []string{"s::a"})
	doc := r.shard.Document(nil, true)
	if a := doc.Tests[0].Attempts; outcome(doc, "s::a") != e2e.Failed || len(doc.NotRun) != 0 || len(a) != 2 ||
		a[1].Type != "stalled" || a[1].Source != e2e.SourceDiagnostic {
		t.Errorf("%+v", doc)
	}
}

// A suite that fails at once has not stalled.
func TestBatchThatFailsAtOnce(t *testing.T) {
	r := impatient(liveRig(t, `echo no database >&2; exit 1`, "a"))
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if doc.Units[0].Ended != e2e.EndedExited || len(doc.Problems) != 1 || !strings.Contains(doc.Problems[0].Text, "its reporter did not start") ||
		len(r.happened(e2e.BatchStalls)) != 0 {
		t.Errorf("%+v", doc)
	}
}

// A process that the suite names is only asked if it is of the batch, and handles the question.
func TestDumpsAskNoStrangers(t *testing.T) {
	for name, pid := range map[string]string{"this test": "$PPID", "init": "1", "the batch's own shell, which does not handle the signal": "$$", "none": "-1"} {
		for _, kind := range []adapter.DumpKind{adapter.DumpSignal, adapter.DumpJVM, "other"} {
			r := impatient(liveRig(t, `say "{\"event\":\"process\",\"pid\":`+pid+`,\"dump\":\"`+string(kind)+`\"}"; say '{"event":"started","id":"a"}'; exec sleep 600`, "a"))
			r.phase(t.Context(), false)
			if doc := r.shard.Document(nil, true); doc.Units[0].Ended != e2e.EndedStalled || len(doc.Units[0].Files) != 0 {
				t.Errorf("%s, %s: %+v", name, kind, doc.Units[0])
			}
		}
	}
}
