package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/trigger"
)

// quiet is progress without output.
type quiet struct{ notes []string }

func (*quiet) Processes(string)               {}
func (*quiet) Gate(e2e.Gate)                  {}
func (*quiet) Health(string)                  {}
func (*quiet) Started(_, _ string)            {}
func (*quiet) Listing(string)                 {}
func (*quiet) Listed(string, int)             {}
func (*quiet) Planned(_, _, _ int, _ float64) {}
func (*quiet) Sharded(_, _, _ int, _ float64) {}
func (*quiet) Unit(e2e.Event)                 {}
func (*quiet) Rerun(string)                   {}
func (q *quiet) Note(text string)             { q.notes = append(q.notes, text) }

// verdictSession is a session with a plan of two shards: a and b on 0, c on 1.
func verdictSession(t testing.TB, attempt int) *Session {
	t.Helper()
	s := New(Options{
		Root: t.TempDir(), Out: t.TempDir(), Progress: &quiet{}, Now: func() time.Time { return time.Unix(1_700_000_000, 0) },
		Config:  &config.Config{Suites: []suite.Spec{{Name: "s", Framework: "command", Owner: "team"}}},
		Stage:   config.Stage{Name: "pr"},
		Trigger: trigger.Trigger{SHA: "abc", WorkflowRun: "42", WorkflowAttempt: attempt, Repository: "o/r"},
	})
	plan := &e2e.Plan{Schema: e2e.PlanSchema, Run: s.run,
		Shards: []e2e.PlanShard{{Index: 0, Name: "0-a", Tests: []string{"s::a", "s::b"}}, {Index: 1, Name: "1-b", Tests: []string{"s::c"}}}}
	for _, id := range []string{"s::a", "s::b", "s::c"} {
		plan.Tests = append(plan.Tests, e2e.PlannedTest{Test: e2e.Test{ID: id, Suite: "s", Name: id[3:], Criticality: e2e.ReleaseBlocking}})
	}
	plan.Digest = digest(plan)
	if err := s.Adopt(plan); err != nil {
		t.Fatal(err)
	}
	return s
}

// shardDoc is the document of a shard in which every test had the outcomes given.
func shardDoc(s *Session, index, attempt int, outcomes map[string][]e2e.Outcome) e2e.ShardRun {
	doc := e2e.ShardRun{Schema: e2e.ShardSchema, Run: s.run, Digest: s.plan.Digest, Index: index, Complete: true, Units: []e2e.UnitRun{}}
	doc.Run.WorkflowAttempt = attempt
	for _, id := range s.plan.Shards[index].Tests {
		run := e2e.TestRun{ID: id}
		for i, o := range outcomes[id] {
			source := e2e.SourceFirst
			if i > 0 {
				source = e2e.SourceDiagnostic
			}
			run.Attempts = append(run.Attempts, e2e.Attempt{N: i + 1, Outcome: o, Source: source, WorkflowAttempt: attempt, Message: "expected 1, got 2"})
		}
		if len(run.Attempts) > 0 {
			doc.Tests = append(doc.Tests, run)
		}
	}
	return doc
}

func pass(ids ...string) map[string][]e2e.Outcome {
	m := map[string][]e2e.Outcome{}
	for _, id := range ids {
		m[id] = []e2e.Outcome{e2e.Passed}
	}
	return m
}

// verdictOf writes documents and merges them.
func verdictOf(t *testing.T, s *Session, docs ...e2e.ShardRun) e2e.Result {
	t.Helper()
	results := t.TempDir()
	for i, doc := range docs {
		dir := filepath.Join(results, string(rune('a'+i)))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		data, err := s.document(doc)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, shardFile(doc.Index, doc.Run.WorkflowAttempt)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return s.Verdict(t.Context(), results)
}

func result(t *testing.T, r e2e.Result, id string) e2e.TestResult {
	t.Helper()
	i := slices.IndexFunc(r.Tests, func(x e2e.TestResult) bool { return x.ID == id })
	if i < 0 {
		t.Fatalf("no result of %s", id)
	}
	return r.Tests[i]
}

func codes(r e2e.Result) string {
	var list []string
	for _, reason := range r.Verdict.Reasons {
		list = append(list, string(reason.Code))
	}
	return strings.Join(list, " ")
}

func TestVerdictOfCompleteShards(t *testing.T) {
	s := verdictSession(t, 1)
	r := verdictOf(t, s, shardDoc(s, 0, 1, pass("s::a", "s::b")), shardDoc(s, 1, 1, pass("s::c")))
	if r.Verdict.State != e2e.VerdictPassed || len(r.Verdict.Reasons) != 0 || r.Shards[1].State != "complete" {
		t.Errorf("%+v", r.Verdict)
	}
}

// Two calls of the gate in one workflow run, whose documents lie in one folder.
func TestVerdictLeavesOtherCallsAlone(t *testing.T) {
	s := verdictSession(t, 1)
	s.run.WorkflowRun, s.run.Key = "77", "api"
	other := shardDoc(s, 0, 1, pass("s::a", "s::b"))
	other.Run.Key, other.Run.Stage = "ui", "another"
	r := verdictOf(t, s, shardDoc(s, 0, 1, pass("s::a", "s::b")), shardDoc(s, 1, 1, pass("s::c")), other)
	if r.Verdict.State != e2e.VerdictPassed || len(r.Problems) != 0 {
		t.Errorf("%+v %+v", r.Verdict, r.Problems)
	}
	if r := verdictOf(t, verdictSession(t, 1), other); r.Verdict.State != e2e.VerdictNotJudged {
		t.Errorf("another call's documents give %+v", r.Verdict)
	}
}

func TestVerdictNeverGreenWithoutADocument(t *testing.T) {
	for name, docs := range map[string]func(s *Session) []e2e.ShardRun{
		"a shard is missing": func(s *Session) []e2e.ShardRun { return []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b"))} },
		"none at all":        func(*Session) []e2e.ShardRun { return nil },
		"a test is missing in it": func(s *Session) []e2e.ShardRun {
			return []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a")), shardDoc(s, 1, 1, pass("s::c"))}
		},
		"stopped in between": func(s *Session) []e2e.ShardRun {
			cut := shardDoc(s, 0, 1, pass("s::a", "s::b"))
			cut.Complete = false
			return []e2e.ShardRun{cut, shardDoc(s, 1, 1, pass("s::c"))}
		},
		"a rerun and no failure": func(s *Session) []e2e.ShardRun {
			edited := shardDoc(s, 1, 1, pass("s::c"))
			edited.Reruns = []e2e.RerunRecord{{ID: "s::c", Done: true, Reason: "its first attempt failed"}}
			return []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b")), edited}
		},
		"a bad exit and no failure": func(s *Session) []e2e.ShardRun {
			edited := shardDoc(s, 1, 1, pass("s::c"))
			edited.Units = []e2e.UnitRun{{Unit: "s", Tests: []string{"s::c"}, Ended: "exited", Exit: 1}}
			return []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b")), edited}
		},
		"another commit": func(s *Session) []e2e.ShardRun {
			other := shardDoc(s, 1, 1, pass("s::c"))
			other.Run.SHA = "def"
			return []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b")), other}
		},
		"another repository": func(s *Session) []e2e.ShardRun {
			other := shardDoc(s, 1, 1, pass("s::c"))
			other.Run.Repository = "evil/fork"
			return []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b")), other}
		},
		"another schema": func(s *Session) []e2e.ShardRun {
			other := shardDoc(s, 1, 1, pass("s::c"))
			other.Schema = "e2e-gate/shard/v9"
			return []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b")), other}
		},
		"one shard twice, different": func(s *Session) []e2e.ShardRun {
			return []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b")), shardDoc(s, 1, 1, pass("s::c")),
				shardDoc(s, 1, 1, map[string][]e2e.Outcome{"s::c": {e2e.Failed}})}
		},
		"an index that does not exist": func(s *Session) []e2e.ShardRun {
			other := shardDoc(s, 1, 1, pass("s::c"))
			other.Index = 7
			return []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b")), other}
		},
		"gates failed on one shard": func(s *Session) []e2e.ShardRun {
			shut := shardDoc(s, 1, 1, nil)
			shut.NotRun = []e2e.NotRunTest{{ID: "s::c", Code: e2e.CodeGateShut}}
			return []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b")), shut}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := verdictSession(t, 1)
			r := verdictOf(t, s, docs(s)...)
			if r.Verdict.State != e2e.VerdictNotJudged || r.Verdict.ExitStatus() != e2e.ExitNotJudged {
				t.Errorf("%s, %s", r.Verdict.State, codes(r))
			}
		})
	}
}

func TestVerdictTakesEqualDoublesOnce(t *testing.T) {
	s := verdictSession(t, 1)
	doc := shardDoc(s, 1, 1, pass("s::c"))
	r := verdictOf(t, s, shardDoc(s, 0, 1, pass("s::a", "s::b")), doc, doc)
	if r.Verdict.State != e2e.VerdictPassed || len(result(t, r, "s::c").Attempts) != 1 {
		t.Errorf("%+v", r.Verdict)
	}
}

func TestVerdictTakesTheNewestAttemptAndKeepsOlderFailures(t *testing.T) {
	s := verdictSession(t, 2)
	r := verdictOf(t, s, shardDoc(s, 0, 1, pass("s::a", "s::b")),
		shardDoc(s, 1, 1, map[string][]e2e.Outcome{"s::c": {e2e.Failed, e2e.Failed}}), shardDoc(s, 1, 2, pass("s::c")))
	c := result(t, r, "s::c")
	if r.Verdict.State != e2e.VerdictFailed || codes(r) != "later_pass" || c.Outcome != e2e.Passed || len(c.Attempts) != 3 {
		t.Errorf("%s %s %+v", r.Verdict.State, codes(r), c)
	}
}

func TestVerdictKnowsAFailureThatHadNoRerun(t *testing.T) {
	s := verdictSession(t, 2)
	r := verdictOf(t, s, shardDoc(s, 0, 1, pass("s::a", "s::b")),
		shardDoc(s, 1, 1, map[string][]e2e.Outcome{"s::c": {e2e.Failed}}), shardDoc(s, 1, 2, pass("s::c")))
	if r.Verdict.State != e2e.VerdictPassed || codes(r) != "flaky" || result(t, r, "s::c").Outcome != e2e.Flaky {
		t.Errorf("%s %s", r.Verdict.State, codes(r))
	}
}

func TestAdoptRefusesForeignPlans(t *testing.T) {
	for name, change := range map[string]func(*e2e.Plan){
		"repository":   func(p *e2e.Plan) { p.Run.Repository = "evil/fork" },
		"commit":       func(p *e2e.Plan) { p.Run.SHA = "def" },
		"workflow run": func(p *e2e.Plan) { p.Run.WorkflowRun = "43" },
	} {
		s := verdictSession(t, 1)
		p := *s.plan
		change(&p)
		if err := s.Adopt(&p); err == nil {
			t.Errorf("a plan of another %s is taken", name)
		}
	}
}

func TestReadPlan(t *testing.T) {
	s := verdictSession(t, 1)
	file := filepath.Join(t.TempDir(), "plan.json")
	put := func(v any) {
		t.Helper()
		data, err := s.document(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(s.plan)
	if _, err := ReadPlan(t.Context(), file, ""); err != nil {
		t.Fatal(err)
	}
	changed := *s.plan
	changed.Tests = changed.Tests[:1] // a test dropped on the way is a lost test
	put(changed)
	if _, err := ReadPlan(t.Context(), file, ""); err == nil || !strings.Contains(err.Error(), "digest does not fit") {
		t.Errorf("%v", err)
	}
	// Whatever decides is covered, as whether the stage blocks is.
	soft := *s.plan
	soft.Run.Blocks = !soft.Run.Blocks
	put(soft)
	if _, err := ReadPlan(t.Context(), file, ""); err == nil || !strings.Contains(err.Error(), "digest does not fit") {
		t.Errorf("%v", err)
	}
	// Another version of the gate writes other fields: that is what is said.
	other := *s.plan
	other.Run.Version = "1.2.3"
	put(other)
	if _, err := ReadPlan(t.Context(), file, "2.0.0"); err == nil || !strings.Contains(err.Error(), "was made by version 1.2.3 of the gate, and this is 2.0.0") {
		t.Errorf("%v", err)
	}
	for name, text := range map[string]string{"empty": "", "html": "<html>", "other schema": `{"schema":"e2e-gate/result/v1"}`,
		"cut": `{"schema":"e2e-gate/plan/v1","tests":[`} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPlan(t.Context(), file, ""); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Something else in the place of a document could have no end, or never come.
func TestDocumentsAreFiles(t *testing.T) {
	for name, want := range map[string]string{os.DevNull: "is not a regular file", t.TempDir(): "is not a regular file"} {
		if _, err := ReadPlan(t.Context(), name, "1"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "result.json")
	if err := os.WriteFile(file, []byte(`{"schema":"e2e-gate/result/v1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadResult(file, 10); err == nil || !strings.Contains(err.Error(), "is larger than 0 MiB") {
		t.Error(err)
	}
	if _, err := ReadResult(file, 31); err != nil {
		t.Error(err)
	}
}

// A disk that takes nothing more: the run cannot be shown to have happened.
func TestAResultThatCannotBeWrittenIsNeverGreen(t *testing.T) {
	s := verdictSession(t, 1)
	docs := []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b")), shardDoc(s, 1, 1, pass("s::c"))}
	file := filepath.Join(t.TempDir(), "not-a-folder")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.out = file
	r := verdictOf(t, s, docs...)
	if r.Verdict.ExitStatus() != e2e.ExitNotJudged || !strings.Contains(codes(r), "tool_error") {
		t.Errorf("%s %s", r.Verdict.State, codes(r))
	}
}

// FuzzShardDocument: no document, whatever it holds, makes a verdict green that
// lacks a planned test. It judges without writing the result down: a disk takes a second for that.
func FuzzShardDocument(f *testing.F) {
	f.Add([]byte(`{"schema":"e2e-gate/shard/v1","tests":[{"id":"s::a","attempts":[{"outcome":"passed"}]}]}`))
	dir := f.TempDir()
	s := verdictSession(f, 1)
	for index, ids := range [][]string{{"s::a", "s::b"}, {"s::c"}} {
		for _, sum := range []string{"", noChecksum} {
			doc := shardDoc(s, index, 1, pass(ids...))
			doc.Checksum = sum
			data, err := s.document(doc)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(withChecksum(data))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, "shard-0.1.json"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		docs, bad := s.ours(t.Context()).readShards(t.Context(), dir)
		j, err := s.judge(t.Context(), evidence{plan: s.plan, documents: docs, unreadable: append(bad, s.unread(s.plan)...)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if j.result.Verdict.State == e2e.VerdictPassed || j.result.Verdict.ExitStatus() == e2e.ExitPassed {
			t.Errorf("green, and a planned test has no result: %+v", j.result.Verdict)
		}
	})
}

// A damaged report of a suite that runs as a whole counts as much as its tests do.
func TestDamagedWholeSuite(t *testing.T) {
	for criticality, want := range map[e2e.Criticality]e2e.VerdictState{e2e.ReleaseBlocking: e2e.VerdictNotJudged, e2e.NonBlocking: e2e.VerdictPassed} {
		s := verdictSession(t, 1)
		s.plan.Batches = []e2e.PlannedBatch{{Batch: e2e.BatchOf(e2e.Test{Suite: "w", Unit: "w", Criticality: criticality})}}
		s.plan.Shards[1].Tests = append(s.plan.Shards[1].Tests, "w::(whole suite)")
		s.plan.Digest = digest(s.plan)
		s.opts.Config.Suites = append(s.opts.Config.Suites, suite.Spec{Name: "w", Framework: "command", Criticality: string(criticality)})
		doc := shardDoc(s, 1, 1, pass("s::c"))
		doc.Tests = append(doc.Tests, e2e.TestRun{ID: "w/A::x", Unplanned: &e2e.Test{ID: "w/A::x", Suite: "w", Unit: "w", Name: "x"},
			Attempts: []e2e.Attempt{{Outcome: e2e.Passed}}})
		doc.Problems = []e2e.Problem{{Code: e2e.CodeReportDamaged, Unit: "w", Tests: []string{"w::(whole suite)"}, LosesEvidence: true, Text: "a report was cut off"}}
		r := verdictOf(t, s, shardDoc(s, 0, 1, pass("s::a", "s::b")), doc)
		if r.Verdict.State != want || !strings.Contains(codes(r), "report_damaged") {
			t.Errorf("%s: %s %s", criticality, r.Verdict.State, codes(r))
		}
	}
}

// A disk that fills up after result.json was written: the file must not say
// "passed" where the exit status says 3.
func TestTheWrittenResultSaysWhatTheExitStatusSays(t *testing.T) {
	s := verdictSession(t, 1)
	if err := os.MkdirAll(filepath.Join(s.out, "junit.xml", "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := verdictOf(t, s, shardDoc(s, 0, 1, pass("s::a", "s::b")), shardDoc(s, 1, 1, pass("s::c")))
	var written e2e.Result
	if err := read(filepath.Join(s.out, "result.json"), e2e.ResultSchema, &written); err != nil {
		t.Fatal(err)
	}
	if r.Verdict.ExitStatus() != e2e.ExitNotJudged || written.Verdict.State != e2e.VerdictNotJudged {
		t.Errorf("returned %s, written %s", r.Verdict.State, written.Verdict.State)
	}
}

// In a second attempt the verdict wants something of the first: a test that failed
// there could pass unseen.
func TestVerdictMissesTheFirstAttempt(t *testing.T) {
	s := verdictSession(t, 2)
	r := verdictOf(t, s, shardDoc(s, 0, 2, pass("s::a", "s::b")), shardDoc(s, 1, 2, pass("s::c")))
	if r.Verdict.State != e2e.VerdictNotJudged || codes(r) != "attempts_unreadable" {
		t.Errorf("%s %s", r.Verdict.State, codes(r))
	}
}
