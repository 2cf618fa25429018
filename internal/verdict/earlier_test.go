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
		unreadable []string
		attempts   int // of s::c
		rerun      string
		missing    string
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
			}, missing: "no document of attempt 1 was found",
		},
		{
			rule: "attempt 2 alone does not tell what attempt 1 did", attempt: 3,
			docs:     func(in In) []Document { return []Document{shard(in, 1, 2, failed("s::c"))} },
			attempts: 1, missing: "no document of attempt 1 was found",
		},
		{rule: "a result of attempt 1 shows that it ran no shard", attempt: 2, results: []int{1}},
		{rule: "a result of attempt 2 does not", attempt: 3, results: []int{2}, missing: "no document of attempt 1 was found"},
		{
			rule: "what cannot be read is named first", attempt: 2, unreadable: []string{"shard-1.1.json is cut"},
			docs:     func(in In) []Document { return []Document{shard(in, 0, 1, failed("s::c"))} },
			attempts: 1, missing: "shard-1.1.json is cut",
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
			e, problems := Before(in.Run, docs, results, tc.unreadable)
			if len(e.Attempts["s::c"]) != tc.attempts || e.Rerun("s::c") != tc.rerun || e.Unreadable != (tc.missing != "") {
				t.Errorf("%d attempts, rerun %q, unreadable %v", len(e.Attempts["s::c"]), e.Rerun("s::c"), e.Unreadable)
			}
			if (len(problems) == 1) != (tc.missing != "") {
				t.Fatalf("problems %+v", problems)
			}
			for _, p := range problems {
				if p.Code != e2e.CodeAttemptsUnreadable || p.LosesEvidence || !strings.Contains(p.Text, "("+tc.missing+")") {
					t.Errorf("%+v", p)
				}
			}
			if in.Run.WorkflowRun = ""; tc.attempt > 1 {
				if _, problems := Before(in.Run, nil, nil, nil); len(problems) > 0 {
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
	e, _ := Before(in.Run, []Document{two, one}, nil, nil)
	if list := e.Attempts["s::c"]; len(list) != 2 || list[0].WorkflowAttempt != 1 || len(e.Shards) != 2 || e.Shards[0].Run.WorkflowAttempt != 1 {
		t.Errorf("%+v", list)
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
