package report

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// What a change alters about its judge, what became of that, and what to do.
func TestJudging(t *testing.T) {
	changes := []e2e.JudgeChange{
		{What: "stages.pr", Text: "blocks is changed"}, {What: "tests", Text: "that ran at commit abc are gone (4)", Tests: []string{"s/a", "s/b", "s/@all", "s/d"}},
	}
	by := []e2e.Approval{{By: "alice", How: "review", PullRequest: 7}, {By: "bob", How: "label", PullRequest: 7}}
	for name, tc := range map[string]struct {
		judging e2e.Judging
		effect  e2e.Effect
		note    string
		by      string
		todo    string
	}{
		"it warns": {e2e.Judging{By: e2e.JudgedByBase, Commit: "0123456789abcdef"}, e2e.Warns,
			"What decides was taken from the base, commit 0123456789. Altering it does not block by itself.", "the config of the base, commit 0123456789", ""},
		"it blocks, and cannot be approved": {e2e.Judging{By: e2e.JudgedByBase, Commit: "0123456789abcdef"}, e2e.Blocks,
			"What decides was taken from the base, commit 0123456789. Altering it blocks by the base's policy.", "the config of the base, commit 0123456789",
			"take back what alters the judge"},
		"it is not approved": {e2e.Judging{By: e2e.JudgedByBase, Commit: "0123456789abcdef", Unapproved: "no label"}, e2e.Blocks,
			"Altering it blocks by the base's policy. It is not approved: no label.", "the config of the base, commit 0123456789",
			"have the change of what judges it approved: no label"},
		"it is approved": {e2e.Judging{By: e2e.JudgedByApproval, Commit: "0123456789abcdef", ApprovedBy: by}, e2e.Warns,
			"Approved by alice (review, #7) and bob (label, #7), so it does not block, and the change's own config judges.",
			"the config of the change, which was approved", ""},
		"the organisation judges too": {e2e.Judging{By: e2e.JudgedByCommit,
			Extends: &e2e.Extension{Source: "acme/.github//base.yml@main", Commit: "0123456789abcdef", Digest: "x"}}, e2e.Warns,
			"Altering it does not block by itself.", "the config of this commit, with acme/.github//base.yml@main, commit 0123456789", ""},
		"there is no history": {e2e.Judging{By: e2e.JudgedByBase, Unknown: "which tests are gone is not known"}, e2e.Warns,
			"Altering it does not block by itself. Which tests are gone is not known.", "the built-in policy", ""},
	} {
		tc.judging.Changes = changes
		r := e2e.Result{Judging: &tc.judging, Verdict: e2e.Verdict{State: e2e.VerdictPassed, Reasons: []e2e.Reason{{Code: e2e.CodeJudgeChanged, Effect: tc.effect}}}}
		if tc.effect == e2e.Blocks {
			r.Verdict.State = e2e.VerdictFailed
		}
		if got := judgeNote(r); !strings.Contains(got, tc.note) {
			t.Errorf("%s: %q, want %q", name, got, tc.note)
		}
		if got := judgedBy(r); got != tc.by {
			t.Errorf("%s: judged by %q, want %q", name, got, tc.by)
		}
		if got := todoOf(r).Text; tc.todo != "" && !strings.HasPrefix(got, tc.todo) {
			t.Errorf("%s: to do: %q, want %q", name, got, tc.todo)
		}
		rows := strings.Join(JudgePart(r).Rows, "")
		if !strings.Contains(rows, "and 1 more") || strings.Contains(rows, "s/d") || strings.Contains(rows, "/@all") {
			t.Errorf("%s: %s", name, rows)
		}
	}
}
