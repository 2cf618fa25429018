package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

// lies are changes to a shard's document, or to how it lies in the folder, after which
// it is not what the shard wrote.
var lies = map[string]func(t *rapid.T, doc *e2e.ShardRun){
	"another commit":       func(_ *rapid.T, d *e2e.ShardRun) { d.Run.SHA = "def" },
	"another stage":        func(_ *rapid.T, d *e2e.ShardRun) { d.Run.Stage = "other" },
	"another key":          func(_ *rapid.T, d *e2e.ShardRun) { d.Run.Key = "other" },
	"another workflow run": func(_ *rapid.T, d *e2e.ShardRun) { d.Run.WorkflowRun = "43" },
	"another plan":         func(_ *rapid.T, d *e2e.ShardRun) { d.Digest = "0" },
	"an attempt that cannot be": func(t *rapid.T, d *e2e.ShardRun) {
		d.Run.WorkflowAttempt = rapid.SampledFrom([]int{-1, 0, 3, 1 << 40}).Draw(t, "attempt")
	},
	"an index that cannot be": func(t *rapid.T, d *e2e.ShardRun) {
		d.Index = rapid.SampledFrom([]int{-1, 99, 1 << 40}).Draw(t, "index")
	},
	"not complete":       func(_ *rapid.T, d *e2e.ShardRun) { d.Complete = false },
	"nothing in it":      func(_ *rapid.T, d *e2e.ShardRun) { d.Tests = nil },
	"a test less":        func(_ *rapid.T, d *e2e.ShardRun) { d.Tests = d.Tests[1:] },
	"an unknown outcome": func(_ *rapid.T, d *e2e.ShardRun) { d.Tests[0].Attempts[0].Outcome = "passedd" },
	"a failure":          func(_ *rapid.T, d *e2e.ShardRun) { d.Tests[0].Attempts[0].Outcome = e2e.Failed },
	"a time that cannot be": func(t *rapid.T, d *e2e.ShardRun) {
		seconds := rapid.SampledFrom([]float64{1e308, -1e308, 1e9}).Draw(t, "seconds")
		d.Tests[0].Attempts[0].Seconds = seconds
		d.Units = []e2e.UnitRun{{Unit: "s", Seconds: seconds}, {Unit: "s", Seconds: seconds}}
	},
	"a failure of its own without a description": func(_ *rapid.T, d *e2e.ShardRun) {
		d.Tests = append(d.Tests, e2e.TestRun{ID: "s::stray", Attempts: []e2e.Attempt{{Outcome: e2e.Failed}}})
	},
}

// TestNoLieMakesAVerdictGreen draws a plan, shards in which all is well, and one lie.
func TestNoLieMakesAVerdictGreen(t *testing.T) {
	names := make([]string, 0, len(lies))
	for name := range lies {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(rt *rapid.T) {
		s := drawnSession(t, rt)
		docs := greenDocs(s, rapid.IntRange(1, 2).Draw(rt, "attempt"))
		lie := rapid.SampledFrom(names).Draw(rt, "lie")
		at := rapid.IntRange(0, len(docs)-1).Draw(rt, "shard")
		kept := rapid.Bool().Draw(rt, "the true one lies there, of the attempt before")
		if kept && docs[at].Run.WorkflowAttempt == 2 {
			old := copied(docs[at])
			old.Run.WorkflowAttempt = 1
			old.Digest = "another plan of this workflow run"
			docs = append(docs, old)
		}
		lies[lie](rt, &docs[at])
		r := verdictOf(t, s, docs...)
		if r.Verdict.State == e2e.VerdictPassed {
			rt.Fatalf("%s of shard %d, and the verdict is passed: %s", lie, at, codes(r))
		}
		if _, err := ReadResult(filepath.Join(s.out, "result.json"), maxDocument); err != nil {
			rt.Fatalf("%s of shard %d: %v", lie, at, err)
		}
	})
}

// TestADocumentThatIsCutIsNeverGreen cuts the newest document of a shard anywhere, beside one of
// an earlier attempt in which all was well.
func TestADocumentThatIsCutIsNeverGreen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawnSession(t, rt)
		docs := greenDocs(s, 1)
		at := rapid.IntRange(0, len(docs)-1).Draw(rt, "shard")
		again := copied(docs[at])
		again.Run.WorkflowAttempt = rapid.IntRange(1, 2).Draw(rt, "attempt of the cut one")
		again.Tests[0].Attempts[0].Outcome = e2e.Failed
		data, err := s.document(again)
		if err != nil {
			rt.Fatal(err)
		}
		data = bytes.TrimSpace(data)
		cut := data[:rapid.IntRange(0, len(data)-1).Draw(rt, "bytes")]
		dir := putDocs(t, s, docs)
		put(t, dir, shardFile(again.Index, again.Run.WorkflowAttempt), cut)
		if r := s.Verdict(t.Context(), dir); r.Verdict.State == e2e.VerdictPassed {
			rt.Fatalf("attempt %d of shard %d is cut after %d of %d bytes, and the verdict is passed: %s", again.Run.WorkflowAttempt, at, len(cut), len(data), codes(r))
		}
	})
}

// What follows a document's end may be another, that says otherwise.
func TestTwoDocumentsInOneFile(t *testing.T) {
	for more, want := range map[string]e2e.VerdictState{"": e2e.VerdictPassed, "{}": e2e.VerdictNotJudged, "}": e2e.VerdictNotJudged, "]": e2e.VerdictNotJudged} {
		s := verdictSession(t, 1)
		data, err := s.document(shardDoc(s, 0, 1, pass("s::a", "s::b")))
		if err != nil {
			t.Fatal(err)
		}
		dir := putDocs(t, s, []e2e.ShardRun{shardDoc(s, 1, 1, pass("s::c"))})
		put(t, dir, shardFile(0, 1), append(data, more...))
		if r := s.Verdict(t.Context(), dir); r.Verdict.State != want {
			t.Errorf("with %q behind it the verdict is %s, want %s", more, r.Verdict.State, want)
		}
	}
}

// TestAFlippedBitMakesNothingGreener flips one bit of one document of shards that are
// not green: something failed, was lost, or was damaged.
func TestAFlippedBitMakesNothingGreener(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawnSession(t, rt)
		docs := greenDocs(s, 1)
		at := rapid.IntRange(0, len(docs)-1).Draw(rt, "shard")
		spoil(rt, &docs[at])
		dir := putDocs(t, s, docs)
		file := filepath.Join(dir, fmt.Sprint(at), shardFile(at, 1))
		data, err := os.ReadFile(file)
		if err != nil {
			rt.Fatal(err)
		}
		i := rapid.IntRange(0, len(data)-1).Draw(rt, "byte")
		data[i] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		put(t, filepath.Dir(file), filepath.Base(file), data)
		if r := s.Verdict(t.Context(), dir); r.Verdict.State == e2e.VerdictPassed {
			from, to := max(0, i-40), min(len(data), i+40)
			rt.Fatalf("byte %d flipped, and the verdict is passed (%s): ...%s...", i, codes(r), data[from:to])
		}
	})
}

// spoil makes a green document one that is not.
func spoil(t *rapid.T, d *e2e.ShardRun) {
	last := &d.Tests[len(d.Tests)-1]
	switch rapid.SampledFrom([]string{"failed", "unplanned failed", "damaged", "not run", "rerun failed"}).Draw(t, "how") {
	case "failed":
		last.Attempts[0].Outcome, last.Attempts[0].Message = e2e.Failed, "expected 1, got 2"
	case "rerun failed":
		last.Attempts[0].Outcome = e2e.Failed
		last.Attempts = append(last.Attempts, e2e.Attempt{N: 2, Outcome: e2e.Failed, Source: e2e.SourceDiagnostic})
		d.Reruns = []e2e.RerunRecord{{ID: last.ID, Done: true, Reason: "its first attempt failed"}}
	case "unplanned failed":
		stray := e2e.Test{ID: "s::stray", Suite: "s", Name: "stray"}
		d.Tests = append(d.Tests, e2e.TestRun{ID: stray.ID, Unplanned: &stray, Attempts: []e2e.Attempt{{N: 1, Outcome: e2e.Failed}}})
	case "damaged":
		d.Problems = []e2e.Problem{{Code: e2e.CodeReportDamaged, Tests: []string{last.ID}, LosesEvidence: true, Text: "a report was cut off"}}
	case "not run":
		d.NotRun = []e2e.NotRunTest{{ID: last.ID, Code: e2e.CodeTimeout, Reason: "the timeout is used up"}}
		d.Tests = d.Tests[:len(d.Tests)-1]
	}
}

// drawnSession is a session, in the second attempt of a workflow run, with a plan of blocking tests whose names
// are far from each other.
func drawnSession(t *testing.T, rt *rapid.T) *Session {
	t.Helper()
	s := verdictSession(t, 2)
	plan := &e2e.Plan{Schema: e2e.PlanSchema, Run: s.run}
	for i := range rapid.IntRange(1, 4).Draw(rt, "shards") {
		sh := e2e.PlanShard{Index: i, Name: fmt.Sprintf("%d-team", i)}
		for j := range rapid.IntRange(1, 3).Draw(rt, "tests") {
			id := "s::" + strings.Repeat(string(rune('a'+4*i+j)), 4)
			sh.Tests = append(sh.Tests, id)
			plan.Tests = append(plan.Tests, e2e.PlannedTest{Test: e2e.Test{ID: id, Suite: "s", Name: id[3:], Criticality: e2e.ReleaseBlocking}})
		}
		plan.Shards = append(plan.Shards, sh)
	}
	plan.Digest = digest(plan)
	if err := s.Adopt(plan); err != nil {
		rt.Fatal(err)
	}
	return s
}

func greenDocs(s *Session, attempt int) []e2e.ShardRun {
	var docs []e2e.ShardRun
	for i, sh := range s.plan.Shards {
		docs = append(docs, shardDoc(s, i, attempt, pass(sh.Tests...)))
	}
	return docs
}

func copied(doc e2e.ShardRun) e2e.ShardRun {
	data, err := json.Marshal(doc)
	var same e2e.ShardRun
	if err != nil || json.Unmarshal(data, &same) != nil {
		panic("a document does not survive being copied")
	}
	return same
}

func putDocs(t *testing.T, s *Session, docs []e2e.ShardRun) string {
	t.Helper()
	dir := t.TempDir()
	for i, doc := range docs {
		data, err := s.document(doc)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, fmt.Sprint(i)), shardFile(doc.Index, doc.Run.WorkflowAttempt), data)
	}
	return dir
}

func put(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A folder that is reached over a link, and is called as one that suites write to.
func TestResultsOverALink(t *testing.T) {
	s := verdictSession(t, 1)
	dir := filepath.Join(t.TempDir(), "units")
	for i, ids := range [][]string{{"s::a", "s::b"}, {"s::c"}} {
		data, err := s.document(shardDoc(s, i, 1, pass(ids...)))
		if err != nil {
			t.Fatal(err)
		}
		put(t, dir, shardFile(i, 1), data)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	if r := s.Verdict(t.Context(), link); r.Verdict.State != e2e.VerdictPassed {
		t.Errorf("%s %s", r.Verdict.State, codes(r))
	}
}

// Two documents of one shard of an earlier attempt: the failure in one of them is not undone by the other.
func TestTwoEarlierDocumentsThatDiffer(t *testing.T) {
	for _, first := range [][]e2e.Outcome{{e2e.Passed}, {e2e.Failed, e2e.Failed}} {
		s := verdictSession(t, 2)
		second := []e2e.Outcome{e2e.Passed}
		if len(first) == 1 {
			second = []e2e.Outcome{e2e.Failed, e2e.Failed}
		}
		r := verdictOf(t, s, shardDoc(s, 0, 1, pass("s::a", "s::b")), shardDoc(s, 1, 2, pass("s::c")),
			shardDoc(s, 1, 1, map[string][]e2e.Outcome{"s::c": first}), shardDoc(s, 1, 1, map[string][]e2e.Outcome{"s::c": second}))
		if r.Verdict.State != e2e.VerdictFailed || codes(r) != "later_pass" {
			t.Errorf("%v then %v: %s %s", first, second, r.Verdict.State, codes(r))
		}
	}
}
