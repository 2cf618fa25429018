//go:build unix

package cli

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/trigger"
)

var (
	alice      = githubfake.User{Login: "alice", Type: "User"}
	mallet     = githubfake.User{Login: "mallet", Type: "User"}
	headPushed = time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
)

// proposed is pull request 42 by mallet, whose head was pushed at that time; alice may write.
func proposed(fake *githubfake.Server, head string) {
	fake.Pulls = []githubfake.Pull{{
		Number: 42, SHA: head, Branch: "change", HeadRepository: "acme/cases", Base: "main", Author: "mallet",
		Commits: []githubfake.PullCommit{{SHA: head, Author: "mallet", Committer: "web-flow"}},
	}}
	fake.Runs = []githubfake.Run{
		{ID: 8, SHA: head, Branch: "change", HeadRepository: "acme/cases", Created: headPushed.Add(time.Hour)},
		{ID: 7, SHA: head, Branch: "change", HeadRepository: "acme/cases", Created: headPushed},
	}
	fake.Permissions = map[string]string{"alice": "write", "mallet": "write", "reader": "read", "maintainer": "maintain"}
}

func labelled(by githubfake.User, after time.Duration) githubfake.IssueEvent {
	return githubfake.IssueEvent{Event: "labeled", Label: "judge-ok", Actor: by, Created: headPushed.Add(after)}
}

func TestWhoApproved(t *testing.T) {
	head := strings.Repeat("b", 40)
	review := config.Approve{Review: "any"}
	label := config.Approve{Label: "judge-ok"}
	byAlice := []githubfake.Review{{User: alice, State: "APPROVED", SHA: head}}
	type change = func(pr *githubfake.Pull, fake *githubfake.Server)
	reviews := func(list ...githubfake.Review) change {
		return func(pr *githubfake.Pull, _ *githubfake.Server) { pr.Reviews = list }
	}
	labels := func(list ...githubfake.IssueEvent) change {
		return func(pr *githubfake.Pull, _ *githubfake.Server) {
			pr.Labels, pr.Events = []string{"other", "judge-ok"}, list
		}
	}
	reviewed := func(by githubfake.User, state, sha string) githubfake.Review {
		return githubfake.Review{User: by, State: state, SHA: sha}
	}
	reader, stranger := githubfake.User{Login: "reader", Type: "User"}, githubfake.User{Login: "eve", Type: "User"}
	approvedBut := func(commits ...githubfake.PullCommit) change {
		return func(pr *githubfake.Pull, _ *githubfake.Server) { pr.Reviews, pr.Commits = byAlice, commits }
	}
	other := labelled(alice, time.Minute)
	other.Label = "other"
	for name, tc := range map[string]struct {
		rule   config.Approve
		change change
		// missing is what the text says; empty: it is approved by alice.
		missing string
	}{
		"a review":                     {review, reviews(byAlice...), ""},
		"no review":                    {review, reviews(), "no approving review of its newest commit"},
		"a review of an older commit":  {review, reviews(reviewed(alice, "APPROVED", strings.Repeat("a", 40))), "no approving review of its newest commit"},
		"a dismissed review":           {review, reviews(reviewed(alice, "DISMISSED", head)), "no approving review"},
		"a comment":                    {review, reviews(reviewed(alice, "COMMENTED", head)), "no approving review"},
		"changes requested afterwards": {review, reviews(append(byAlice, reviewed(alice, "CHANGES_REQUESTED", head))...), "no approving review"},
		"a comment afterwards":         {review, reviews(append(byAlice, reviewed(alice, "COMMENTED", head))...), ""},
		"a review of the author":       {review, reviews(reviewed(mallet, "APPROVED", head)), "mallet is an author of the change"},
		"a review of a reader":         {review, reviews(reviewed(reader, "APPROVED", head)), "reader may not write"},
		"a review of a stranger":       {review, reviews(reviewed(stranger, "APPROVED", head)), "metadata: read"},
		"a review of a program":        {review, reviews(reviewed(githubfake.JobBot, "APPROVED", head)), "it is not a person's"},
		"another review that counts":   {review, reviews(append([]githubfake.Review{{User: mallet, State: "APPROVED", SHA: head}}, byAlice...)...), ""},
		"the reviewer wrote a commit":  {review, approvedBut(githubfake.PullCommit{SHA: head, Author: "Alice", Committer: "mallet"}), "alice is an author"},
		"the reviewer made a commit": {review, func(pr *githubfake.Pull, _ *githubfake.Server) {
			pr.Reviews, pr.Commits[0].Committer = byAlice, "alice"
		}, "alice is an author"},
		"a commit without an account": {review, approvedBut(githubfake.PullCommit{SHA: head, Committer: "mallet"}), "belongs to no account"},
		"a newer commit": {review, func(pr *githubfake.Pull, _ *githubfake.Server) {
			pr.Reviews, pr.SHA = byAlice, strings.Repeat("c", 40)
		}, "has another commit by now"},
		"more commits than are listed": {review, approvedBut(manyCommits(300)...), "does not list all commits"},
		"two pages of commits":         {review, approvedBut(manyCommits(150)...), ""},
		"the reviewer wrote the last": {review, func(pr *githubfake.Pull, _ *githubfake.Server) {
			pr.Reviews, pr.Commits = byAlice, append(manyCommits(149), githubfake.PullCommit{SHA: head, Author: "alice", Committer: "web-flow"})
		}, "alice is an author"},
		"no permission to ask": {review, func(pr *githubfake.Pull, fake *githubfake.Server) {
			fake.Fail(githubfake.Answers("GET", 403, "Resource not accessible by integration"))
		}, "pull-requests: read"},
		"a label":                               {label, labels(labelled(alice, time.Minute)), ""},
		"a label of before":                     {label, labels(labelled(alice, -time.Minute)), "not after its newest commit"},
		"a label of the same second":            {label, labels(labelled(alice, 0)), "not after its newest commit"},
		"a label of before, then later":         {label, labels(labelled(alice, -time.Minute), labelled(alice, time.Minute)), ""},
		"a label that the author puts on again": {label, labels(labelled(alice, time.Minute), labelled(mallet, 2*time.Minute)), "mallet is an author"},
		"a label of a program":                  {label, labels(labelled(githubfake.JobBot, time.Minute)), "it is not a person's"},
		"another label":                         {label, labels(other), "does not have the label judge-ok"},
		"a label that is gone": {label, func(pr *githubfake.Pull, _ *githubfake.Server) {
			pr.Events = []githubfake.IssueEvent{labelled(alice, time.Minute)}
		}, "does not have the label judge-ok"},
		"a push with force after the label": {label, labels(labelled(alice, time.Minute),
			githubfake.IssueEvent{Event: "head_ref_force_pushed", Actor: mallet, Created: headPushed.Add(2 * time.Minute)}), "not after its newest commit"},
		"the commit was run on another branch before": {label, func(pr *githubfake.Pull, fake *githubfake.Server) {
			labels(labelled(alice, -time.Minute))(pr, fake)
			fake.Runs = append(fake.Runs, githubfake.Run{ID: 6, SHA: head, Branch: "side", HeadRepository: "acme/cases", Created: headPushed.Add(-time.Hour)})
		}, "not after its newest commit"},
		"the commit was run in a fork before": {label, func(pr *githubfake.Pull, fake *githubfake.Server) {
			labels(labelled(alice, -time.Minute))(pr, fake)
			fake.Runs = append(fake.Runs, githubfake.Run{ID: 6, SHA: head, Branch: "change", HeadRepository: "mallet/cases", Created: headPushed.Add(-time.Hour)})
		}, "not after its newest commit"},
		"no run of the commit": {label, func(pr *githubfake.Pull, fake *githubfake.Server) {
			labels(labelled(alice, time.Minute))(pr, fake)
			fake.Runs = nil
		}, "no workflow run"},
		"both needed, and the label missing":  {config.Approve{Label: "judge-ok", Review: "any"}, reviews(byAlice...), "does not have the label"},
		"both needed, and the review missing": {config.Approve{Label: "judge-ok", Review: "any"}, labels(labelled(alice, time.Minute)), "no approving review"},
		"both": {config.Approve{Label: "judge-ok", Review: "any"}, func(pr *githubfake.Pull, fake *githubfake.Server) {
			labels(labelled(alice, time.Minute))(pr, fake)
			pr.Reviews = byAlice
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			fake := githubfake.New(t)
			proposed(fake, head)
			tc.change(&fake.Pulls[0], fake)
			app := App{Environ: []string{"GITHUB_TOKEN=" + githubfake.JobToken}, Transport: fake.Transport()}
			c, err := app.openForge(trigger.Trigger{Repository: "acme/cases"}, publishTime)
			if err != nil {
				t.Fatal(err)
			}
			n := notary{asked: c.(forge.Approvals), rule: tc.rule, owns: func(context.Context, string) error { return nil }}
			given, err := n.approved(t.Context(), 42, head)
			if tc.missing != "" {
				if err == nil || !strings.Contains(err.Error(), tc.missing) {
					t.Errorf("%+v, %v; want %q", given, err, tc.missing)
				}
				return
			}
			if err != nil || given[0].By != "alice" || given[0].PullRequest != 42 {
				t.Errorf("%+v, %v", given, err)
			}
		})
	}
}

func manyCommits(n int) (list []githubfake.PullCommit) {
	for i := range n {
		list = append(list, githubfake.PullCommit{SHA: fmt.Sprintf("%040x", i), Author: "mallet", Committer: "mallet"})
	}
	return list
}

func TestCodeOwnersOfTheConfig(t *testing.T) {
	for text, want := range map[string]string{
		"* @alice\n":                               "",
		"* @bob @Alice\n":                          "",
		"* @alice\ne2e-gate.yml @bob\n":            "alice does not own e2e-gate.yml",
		"* @bob\n/e2e-gate.yml @alice\n":           "",
		"e2e-gate.yml @acme/platform\n":            "cannot ask whether an account is in a team",
		"e2e-gate.yml alice@example.com\n":         "cannot ask whether",
		"/docs/ @alice\n":                          "names no owner",
		"* @alice\ne2e-gate.yml\n":                 "names no owner",
		"e2e-gate.yml not-an-owner\n":              "cannot be read",
		"e2e-gate.yml @acme/platform @alice\n":     "",
		"# e2e-gate.yml @alice\ne2e-gate.yml @x\n": "does not own",
	} {
		err := ownsBy([]byte(text), "CODEOWNERS", "e2e-gate.yml", "alice")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// benchStrict lets a change of the judge block unless a label or a review lifts it.
const benchStrict = benchBase + "policy: {judge_changed: {release-blocking: block}}\njudge: {approve: {review: code-owners}}\n"

// approvable is a repository in which branch change relaxes the base's config under a failing test.
func approvable(t *testing.T) (r tree, base, head string) {
	t.Helper()
	r = newTree(t)
	r.Write("e2e-gate.yml", benchStrict)
	r.Write("CODEOWNERS", "* @bob\n/e2e-gate.yml @alice\n")
	base = r.Commit("base")
	r.Git("checkout", "-qb", "change")
	r.Write("CODEOWNERS", "* @mallet\n")
	// The suite is nightly now, so that a failure does not block.
	r.Write("e2e-gate.yml", strings.Replace(benchSoft, "blocks: false", "select: \"\"", 1))
	r.Write("run.sh", redScript)
	return r, base, r.Commit("change")
}

// An approval by the rule of the base lets the change's own config judge.
func TestAnApprovedChangeJudgesItself(t *testing.T) {
	r, base, head := approvable(t)
	fake := githubfake.New(t)
	proposed(fake, head)
	payload := pullRequest(head, base)
	status, result := r.judged(fake, "pull_request", "refs/pull/42/merge", head, payload)
	if status != e2e.ExitBlocked || result.Judging.By != e2e.JudgedByBase || !strings.Contains(result.Judging.Unapproved, "no approving review") ||
		!strings.Contains(result.Verdict.Reasons[0].Text, "not approved: pull request #42") || result.Tests[0].Effect != e2e.Blocks {
		t.Errorf("exit status %d, %+v %+v", status, result.Judging, result.Verdict)
	}
	// Who owns the config is what the base says.
	fake = githubfake.New(t)
	proposed(fake, head)
	fake.Permissions["carol"] = "write"
	fake.Pulls[0].Reviews = []githubfake.Review{{User: githubfake.User{Login: "carol", Type: "User"}, State: "APPROVED", SHA: head}}
	_, result = r.judged(fake, "pull_request", "refs/pull/42/merge", head, payload)
	if !strings.Contains(result.Judging.Unapproved, "carol does not own e2e-gate.yml") {
		t.Errorf("%+v", result.Judging)
	}
	fake = githubfake.New(t)
	proposed(fake, head)
	fake.Pulls[0].Reviews = []githubfake.Review{{User: alice, State: "APPROVED", SHA: head}}
	for _, event := range []string{"pull_request", "push"} { // a push of the branch of the pull request is that pull request's
		r.Git("update-ref", "refs/remotes/origin/main", base)
		ref, with := "refs/pull/42/merge", payload
		if event == "push" {
			ref, with = "refs/heads/change", mainBranch(nil)
		}
		_, result = r.judged(fake, event, ref, head, with)
		if j := result.Judging; j.By != e2e.JudgedByApproval || len(j.Changes) == 0 || len(j.ApprovedBy) != 1 || j.ApprovedBy[0].String() != "alice (review, #42)" ||
			result.Tests[0].Criticality != e2e.Nightly ||
			result.Tests[0].Effect != e2e.Informs {
			t.Errorf("%s: %+v %+v", event, j, result.Tests)
		}
		for _, reason := range result.Verdict.Reasons {
			if reason.Code == e2e.CodeJudgeChanged && (reason.Effect != e2e.Warns || !strings.Contains(reason.Text, "approved by alice")) {
				t.Errorf("%s: %+v", event, reason)
			}
		}
	}
	// A commit that is in no pull request cannot be approved.
	fake = githubfake.New(t)
	_, result = r.judged(fake, "push", "refs/heads/change", head, mainBranch(nil))
	if !strings.Contains(result.Judging.Unapproved, "only a pull request can be approved") {
		t.Errorf("%+v", result.Judging)
	}
}

// In a merge group each pull request that alters the judge needs its own approval.
func TestApprovalsInAMergeGroup(t *testing.T) {
	other := strings.Repeat("d", 40)
	second := githubfake.Pull{
		Number: 43, SHA: other, Branch: "other", HeadRepository: "acme/cases", Base: "main", Author: "mallet",
		Commits: []githubfake.PullCommit{{SHA: other, Author: "mallet", Committer: "mallet"}},
	}
	for name, tc := range map[string]struct {
		// files of the other one, and own those of the first, the config if there are none.
		files, own []string
		approved   bool
		queued     bool
		missing    string
	}{
		"the other one is ordinary":        {[]string{"main.go"}, nil, false, true, ""},
		"the other one alters it too":      {[]string{"main.go", "e2e-gate.yml"}, nil, false, true, "pull request #43 has no approving review"},
		"the other one would shadow it":    {[]string{".github/e2e-gate.yml"}, nil, false, true, "pull request #43 has no approving review"},
		"both are approved":                {[]string{"e2e-gate.yml"}, nil, true, true, ""},
		"the queue has lost the group":     {nil, nil, true, false, "the queue does not have its commit any more"},
		"it touches more than can be read": {make([]string, 3001), nil, false, true, "pull request #43 has no approving review"},
		"neither seems to touch it":        {[]string{"main.go"}, []string{"main.go"}, false, true, "pull request #43 has no approving review"},
	} {
		t.Run(name, func(t *testing.T) {
			r, base, head := approvable(t)
			fake := githubfake.New(t)
			proposed(fake, head)
			fake.Pulls[0].Reviews, fake.Pulls[0].Files = []githubfake.Review{{User: alice, State: "APPROVED", SHA: head}}, []string{"e2e-gate.yml"}
			if tc.own != nil {
				fake.Pulls[0].Files = tc.own
			}
			pr := second
			if pr.Files = tc.files; tc.approved {
				pr.Reviews = []githubfake.Review{{User: alice, State: "APPROVED", SHA: other}}
			}
			fake.Pulls = append(fake.Pulls, pr)
			if tc.queued {
				fake.Queue = map[string][]githubfake.QueueEntry{"main": {{PR: 42, SHA: strings.Repeat("9", 40)}, {PR: 43, SHA: head}}}
			} else {
				fake.Queue = map[string][]githubfake.QueueEntry{"main": {}}
			}
			r.graphql = true
			_, result := r.judged(fake, "merge_group", "refs/heads/gh-readonly-queue/main/pr-43-"+head, head, mainBranch(object{
				"merge_group": object{"head_sha": head, "head_ref": "refs/heads/gh-readonly-queue/main/pr-43-" + head, "base_sha": base, "base_ref": "refs/heads/main"},
			}))
			if j := result.Judging; (tc.missing == "") != (j.By == e2e.JudgedByApproval) || !strings.Contains(j.Unapproved, tc.missing) {
				t.Errorf("%+v", j)
			}
		})
	}
}

// In a merge group the approval of one pull request does not cover tests that another may have
// deleted, even if the approved config would not block that.
func TestApprovalOfOneDoesNotCoverTestsOfAnother(t *testing.T) {
	r, base := withoutOneTest(t, "group")
	r.Write("e2e-gate.yml", strings.Replace(tagged, "push]", "push, merge_group]", 1))
	head := r.Commit("change")
	r.graphql = true
	payload := mainBranch(object{"merge_group": object{"head_sha": head, "head_ref": "refs/heads/gh-readonly-queue/main/pr-43-" + head, "base_sha": base,
		"base_ref": "refs/heads/main"}})
	for _, both := range []bool{false, true} {
		fake := githubfake.New(t)
		one, other := strings.Repeat("1", 40), strings.Repeat("2", 40)
		proposed(fake, one)
		fake.Pulls[0].Files, fake.Pulls[0].Reviews = []string{"e2e-gate.yml"}, []githubfake.Review{{User: alice, State: "APPROVED", SHA: one}}
		second := fake.Pulls[0]
		second.Number, second.SHA, second.Files, second.Reviews = 43, other, []string{"tests", "run.sh"}, nil
		second.Commits = []githubfake.PullCommit{{SHA: other, Author: "mallet", Committer: "mallet"}}
		if both {
			second.Reviews = []githubfake.Review{{User: alice, State: "APPROVED", SHA: other}}
		}
		fake.Pulls = append(fake.Pulls, second)
		fake.Queue = map[string][]githubfake.QueueEntry{"main": {{PR: 42, SHA: strings.Repeat("9", 40)}, {PR: 43, SHA: head}}}
		status, result := r.judged(fake, "merge_group", "refs/heads/gh-readonly-queue/main/pr-43-"+head, head, payload, "--stage", "pr")
		if j := result.Judging; both != (status == 0) || both != (len(j.ApprovedBy) == 2) || both == strings.Contains(j.Unapproved, "pull request #43 has no") {
			t.Errorf("both %t: exit status %d, %+v %+v", both, status, j, result.Verdict)
		}
	}
}

// A policy that blocks without anybody who can approve is an error of lint, also in the change
// that introduces it.
func TestLintOfAJudgeThatNobodyCanApprove(t *testing.T) {
	for more, want := range map[string]int{
		"policy: {judge_changed: {release-blocking: block}}\n":                                             e2e.ExitUsage,
		"policy: {judge_changed: {release-blocking: block}}\njudge: {approve: {label: judge-ok}}\n":        0,
		"policy: {judge_changed: {release-blocking: block}}\njudge: {approve: {review: owners}}\n":         e2e.ExitUsage,
		"policy: {judge_changed: {release-blocking: inform}}\njudge: {approve: {review: code-owners}}\n\n": 0,
	} {
		r := newTree(t)
		r.Write("e2e-gate.yml", benchBase)
		base := r.Commit("base")
		r.Git("checkout", "-qb", "change")
		r.Write("e2e-gate.yml", benchBase+more)
		head := r.Commit("change")
		status, _, stderr := r.run(githubfake.New(t), "pull_request", head, pullRequest(head, base), "lint")
		if status != want || want != 0 && !strings.Contains(stderr, "judging branch") && !strings.Contains(stderr, "code-owners") {
			t.Errorf("%q: exit status %d, want %d\n%s", more, status, want, stderr)
		}
	}
}
