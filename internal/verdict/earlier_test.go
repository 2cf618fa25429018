package verdict

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestBefore(t *testing.T) {
	for _, tc := range []struct {
		rule       string
		attempt    int
		docs       func(in In) []Document
		results    []int // attempts
		unreadable []Unreadable
		witnesses  []Witness
		attempts   int // of s::c
		rerun      string
		missing    string // in the problem
		note       string
	}{
		{rule: "a first attempt has nothing before it", attempt: 1, docs: func(in In) []Document { return []Document{shard(in, 1, 1, failed("s::c"))} }},
		{
			rule: "attempts of earlier workflow attempts are known", attempt: 3, docs: func(in In) []Document {
				return []Document{shard(in, 1, 2, passed("s::c")), shard(in, 1, 1, ran("s::c", e2e.Failed, e2e.Failed))}
			}, attempts: 3, rerun: "it had its rerun in attempt 1 of this workflow run",
		},
		{
			rule: "the same document in two places is one", attempt: 2, docs: func(in In) []Document {
				return []Document{shard(in, 1, 1, failed("s::c")), shard(in, 1, 1, failed("s::c"))}
			}, attempts: 1,
		},
		{
			rule: "two that differ both count: a failure in either was one", attempt: 2, docs: func(in In) []Document {
				return []Document{shard(in, 1, 1, failed("s::c")), shard(in, 1, 1, passed("s::c"))}
			}, attempts: 2,
		},
		{
			rule: "documents of this or a later attempt are not before", attempt: 2, docs: func(in In) []Document {
				return []Document{shard(in, 1, 1, failed("s::c")), shard(in, 1, 2, failed("s::c")), shard(in, 1, 3, failed("s::c"))}
			}, attempts: 1,
		},
		{
			rule: "documents of another commit, or of attempt 0, are not before", attempt: 2, docs: func(in In) []Document {
				other, zero := shard(in, 1, 1, failed("s::c")), shard(in, 1, 0, failed("s::c"))
				other.Shard.Run.SHA = "def"
				return []Document{other, zero}
			}, missing: "None of its documents was found",
		},
		{
			rule: "attempt 2 alone does not tell what attempt 1 did", attempt: 3,
			docs:     func(in In) []Document { return []Document{shard(in, 1, 2, failed("s::c"))} },
			attempts: 1, missing: "in attempt 1 of this workflow run is not known; give the job the permission actions: read, " +
				"or start a new run. None of its documents was found",
		},
		{rule: "a result of attempt 1 shows that it ran no shard", attempt: 2, results: []int{1}},
		{rule: "a result of attempt 2 does not", attempt: 3, results: []int{2}, missing: "in attempt 1 of this"},
		{rule: "a result of attempt 1 does not show what attempt 2 did", attempt: 3, results: []int{1}, missing: "in attempt 2 of this"},
		{
			rule: "what cannot be read is named first", attempt: 2, unreadable: []Unreadable{{Index: 1, Attempt: 1, Text: "shard-1.1.json is cut"}},
			docs:     func(in In) []Document { return []Document{shard(in, 0, 1, failed("s::c"))} },
			attempts: 1, missing: "start a new run. Shard-1.1.json is cut",
		},
		{
			rule: "what cannot be read may be of any attempt where nothing says of which", attempt: 2, results: []int{1},
			unreadable: []Unreadable{{Index: -1, Attempt: -1, Text: "x.json is cut"}}, missing: "start a new run. X.json is cut",
		},
		{
			rule: "what cannot be read of this attempt says nothing of earlier ones", attempt: 2, results: []int{1},
			unreadable: []Unreadable{{Index: 1, Attempt: 2, Text: "shard-1.2.json is cut"}},
		},
		{rule: "an attempt that reached no verdict is none", attempt: 2, witnesses: []Witness{{Attempt: 1, Ending: NoVerdict}}, note: "attempt 1 reached no verdict"},
		{
			rule: "several are all named", attempt: 3, witnesses: []Witness{{Attempt: 2, Ending: NoVerdict}, {Attempt: 1, Ending: NoVerdict}},
			note: "attempt 1 reached no verdict, attempt 2 reached no verdict",
		},
		{rule: "an attempt that ended well needs no document", attempt: 2, witnesses: []Witness{{Attempt: 1, Ending: EndedWell}}},
		{
			rule: "what failed in an attempt that ended badly is known from a witness", attempt: 2,
			witnesses: []Witness{{Attempt: 1, Ending: EndedBadly, Failed: []string{e2e.DigestOfID("s::c")}}}, rerun: "it failed in an earlier attempt of this workflow run",
		},
		{rule: "it may be that nothing failed", attempt: 2, witnesses: []Witness{{Attempt: 1, Ending: EndedBadly, Failed: []string{}}}},
		{
			rule: "an attempt that ended badly, and no witness knows of which tests", attempt: 2, witnesses: []Witness{{Attempt: 1, Ending: EndedBadly}},
			missing: "in attempt 1 of this workflow run is not known; start a new run. The attempt failed",
		},
		{
			rule: "a witness of a success may still know a failure", attempt: 2,
			witnesses: []Witness{{Attempt: 1, Ending: EndedWell, Failed: []string{e2e.DigestOfID("s::c")}}}, rerun: "it failed in an earlier attempt of this workflow run",
		},
		{
			rule: "a witness who knows nothing says why", attempt: 2, witnesses: []Witness{{Attempt: 1, Why: "403"}},
			missing: "None of its documents was found; 403",
		},
		{
			rule: "a witness of another attempt says nothing of this one", attempt: 3, witnesses: []Witness{{Attempt: 2, Ending: EndedWell}},
			missing: "in attempt 1 of this",
		},
		{
			rule: "a witness does not replace documents", attempt: 2, witnesses: []Witness{{Attempt: 1, Ending: EndedBadly}},
			docs: func(in In) []Document { return []Document{shard(in, 1, 1, passed("s::c"))} }, attempts: 1,
		},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			in := world(tc.attempt)
			var docs []Document
			if tc.docs != nil {
				docs = tc.docs(in)
			}
			var results []e2e.Run
			for _, n := range tc.results {
				run := in.Run
				run.WorkflowAttempt = n
				results = append(results, run)
			}
			e, problems := Before(in.Run, Found{docs, results, tc.unreadable}, tc.witnesses)
			if e.Note != tc.note {
				t.Errorf("note %q", e.Note)
			}
			if len(e.Attempts["s::c"]) != tc.attempts || e.Rerun("s::c") != tc.rerun || e.Unreadable != (tc.missing != "") {
				t.Errorf("%d attempts, rerun %q, unreadable %v", len(e.Attempts["s::c"]), e.Rerun("s::c"), e.Unreadable)
			}
			if (len(problems) == 1) != (tc.missing != "") {
				t.Fatalf("problems %+v", problems)
			}
			for _, p := range problems {
				if p.Code != e2e.CodeAttemptsUnreadable || !p.LosesEvidence || len(p.Tests) > 0 || !strings.Contains(p.Text, tc.missing) {
					t.Errorf("%+v", p)
				}
			}
			if in.Run.WorkflowRun = ""; tc.attempt > 1 {
				if _, problems := Before(in.Run, Found{}, nil); len(problems) > 0 {
					t.Errorf("outside CI: %+v", problems)
				}
			}
		})
	}
}

// Attempts are side by side in the order of time, whatever the order of the files.
func TestEarlierAttemptsAreInOrder(t *testing.T) {
	in := world(3)
	one, two := shard(in, 1, 1, failed("s::c")), shard(in, 1, 2, failed("s::c"))
	e, _ := Before(in.Run, Found{Documents: []Document{two, one}}, nil)
	if list := e.Attempts["s::c"]; len(list) != 2 || list[0].WorkflowAttempt != 1 || len(e.Shards) != 2 || e.Shards[0].Run.WorkflowAttempt != 1 {
		t.Errorf("%+v", list)
	}
}

// What a witness says failed in an attempt without documents is a later pass when it passes
// now, and stays what it is otherwise. A failure of a test that is gone cannot be judged.
func TestFailedUnseen(t *testing.T) {
	digests := []string{e2e.DigestOfID("passes"), e2e.DigestOfID("flaky"), e2e.DigestOfID("fails")}
	tests := []e2e.TestResult{
		{Test: e2e.Test{ID: "passes"}, Outcome: e2e.Passed}, {Test: e2e.Test{ID: "flaky"}, Outcome: e2e.Flaky},
		{Test: e2e.Test{ID: "fails"}, Outcome: e2e.Failed}, {Test: e2e.Test{ID: "other"}, Outcome: e2e.Passed},
	}
	if p := (Earlier{Failed: digests}).failedUnseen(tests); len(p) > 0 {
		t.Errorf("%+v", p)
	}
	for _, r := range tests {
		if want := r.ID == "passes" || r.ID == "flaky"; r.LaterPass != want || (len(r.Evidence) > 0) != want {
			t.Errorf("%s: %v, %+v", r.ID, r.LaterPass, r.Evidence)
		}
	}
	p := Earlier{Failed: append(digests, e2e.DigestOfID("gone"))}.failedUnseen(tests)
	if len(p) != 1 || !p[0].LosesEvidence || !strings.HasPrefix(p[0].Text, "1 of the tests that failed") {
		t.Errorf("%+v", p)
	}
}

// Documents of one shard and attempt that were run by different plans are different.
func TestSameShard(t *testing.T) {
	a := e2e.ShardRun{Index: 1, Digest: "d", Run: e2e.Run{WorkflowAttempt: 1}}
	for name, change := range map[string]func(*e2e.ShardRun){
		"index": func(s *e2e.ShardRun) { s.Index = 2 }, "attempt": func(s *e2e.ShardRun) { s.Run.WorkflowAttempt = 2 },
		"plan": func(s *e2e.ShardRun) { s.Digest = "e" },
	} {
		if b := a; sameShard(a, b) {
			if change(&b); sameShard(a, b) {
				t.Errorf("another %s is the same shard", name)
			}
		} else {
			t.Error("a document is not the same as itself")
		}
	}
}
