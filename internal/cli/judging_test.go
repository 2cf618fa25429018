//go:build unix

package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// Configs of a base and of a change.
const (
	benchBase = `version: 1
stages: {pr: {on: [pull_request, push, merge_group, deployment, release, workflow_dispatch]}}
suites:
  - {name: s, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml"}
`
	benchSoft = `version: 1
stages: {pr: {on: [pull_request, push, merge_group, deployment, release, workflow_dispatch], blocks: false}}
suites:
  - {name: s, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", criticality: nightly}
`
	redScript = `echo "<testsuite><testcase name=\"a\"><failure message=\"x\"/></testcase></testsuite>" > "$E2E_REPORT_DIR/r.xml"; exit 1`
)

// forked is a repository whose branch main has the base's config, and whose branch change
// relaxes it under a failing test. HEAD is on change; origin/main is known.
func forked(t *testing.T) (r tree, base, head string) {
	t.Helper()
	r = newTree(t)
	r.write("e2e-gate.yml", benchBase)
	base = r.commit("base")
	r.git("update-ref", "refs/remotes/origin/main", base)
	r.git("checkout", "-qb", "change")
	r.write("e2e-gate.yml", benchSoft)
	r.write("run.sh", redScript)
	return r, base, r.commit("change")
}

func mainBranch(more object) object {
	p := object{"repository": object{"default_branch": "main"}}
	for k, v := range more {
		p[k] = v
	}
	return p
}

// A commit that is on no judging branch is judged by its base, whatever event it came by.
func TestEveryEventIsJudgedByTheBase(t *testing.T) {
	for _, tc := range []struct {
		name, event, ref string
		payload          func(base, head string) any
	}{
		{"pull request", "pull_request", "refs/pull/42/merge", func(base, head string) any { return pullRequest(head, base) }},
		{"merge group", "merge_group", "refs/heads/gh-readonly-queue/main/pr-42-x", func(base, head string) any {
			return mainBranch(object{"merge_group": object{"head_sha": head, "base_sha": base, "base_ref": "refs/heads/main"}})
		}},
		{"push", "push", "refs/heads/change", func(_, _ string) any { return mainBranch(nil) }},
		{"push of a tag", "push", "refs/tags/v1", func(_, _ string) any { return mainBranch(nil) }},
		{"dispatch", "workflow_dispatch", "refs/heads/change", func(_, _ string) any { return mainBranch(nil) }},
		{"deployment", "deployment", "refs/heads/change", func(_, head string) any {
			return mainBranch(object{"deployment": object{"id": 1, "sha": head, "ref": "change"}})
		}},
		{"release", "release", "refs/tags/v1", func(_, _ string) any {
			return mainBranch(object{"action": "published", "release": object{"tag_name": "v1"}})
		}},
		{"push to main, with another commit checked out", "push", "refs/heads/main", func(_, _ string) any { return mainBranch(nil) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, base, head := forked(t)
			sha := head
			if tc.ref == "refs/heads/main" {
				sha = base
			}
			status, result := r.judged(githubfake.New(t), tc.event, tc.ref, sha, tc.payload(base, head))
			if status != e2e.ExitBlocked || result.Judging == nil || result.Judging.By != e2e.JudgedByBase || result.Judging.Commit != base {
				t.Errorf("exit status %d, %+v", status, result.Judging)
			}
			want := []e2e.JudgeChange{{What: "stages.pr", Text: "blocks is changed"}, {What: "suites.s", Text: "criticality is changed"}}
			if result.Judging != nil {
				if diff := cmp.Diff(want, result.Judging.Changes); diff != "" {
					t.Error(diff)
				}
			}
			if len(result.Tests) != 1 || result.Tests[0].Effect != e2e.Blocks {
				t.Errorf("%+v", result.Tests)
			}
		})
	}
}

// judged runs the gate and reads its result.
func (r tree) judged(fake *githubfake.Server, event, ref, sha string, payload any, args ...string) (int, e2e.Result) {
	r.t.Helper()
	r.ref = ref
	status, out, stderr := r.run(fake, event, sha, payload, append([]string{"run"}, args...)...)
	var result e2e.Result
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		r.t.Fatalf("exit status %d: %v\n%s", status, err, stderr)
	}
	return status, result
}

// A commit on a judging branch is judged by its own config.
func TestCommitsThatJudgeThemselves(t *testing.T) {
	for name, prepare := range map[string]func(r tree, base, head string, fake *githubfake.Server) (ref string){
		"the default branch": func(r tree, _, head string, _ *githubfake.Server) string { return "refs/heads/main" },
		"a tag on the default branch": func(r tree, _, head string, _ *githubfake.Server) string {
			r.git("update-ref", "refs/remotes/origin/main", head)
			return "refs/tags/v1"
		},
		"a tag on the default branch, of which the API knows": func(r tree, _, head string, fake *githubfake.Server) string {
			r.git("update-ref", "-d", "refs/remotes/origin/main")
			fake.Compared = map[string]githubfake.Comparison{"main..." + head: {Tip: strings.Repeat("c", 40), Common: head}}
			return "refs/tags/v1"
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, base, head := forked(t)
			fake := githubfake.New(t)
			ref := prepare(r, base, head, fake)
			status, result := r.judged(fake, "push", ref, head, mainBranch(nil))
			if status != 0 || result.Judging.By != e2e.JudgedByCommit || len(result.Judging.Changes) > 0 {
				t.Errorf("exit status %d, %+v", status, result.Judging)
			}
		})
	}
}

// A branch judges itself only if the default branch's config says so and it is protected.
func TestJudgingBranches(t *testing.T) {
	const release = "judge: {branches: [\"release/*\"]}\n"
	for _, tc := range []struct {
		name         string
		main, change string
		protected    bool
		by           e2e.JudgedBy
	}{
		{"named by the default branch, and protected", release, release, true, e2e.JudgedByCommit},
		{"not protected", release, release, false, e2e.JudgedByBase},
		{"named by the change alone", "", release, true, e2e.JudgedByBase},
		{"not named any more", release, "", true, e2e.JudgedByBase},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			r.write("e2e-gate.yml", benchBase+tc.main)
			base := r.commit("base")
			r.git("update-ref", "refs/remotes/origin/main", base)
			r.git("checkout", "-qb", "release/1")
			r.write("e2e-gate.yml", benchSoft+tc.change)
			head := r.commit("change")
			fake := githubfake.New(t)
			fake.Protected = map[string]bool{"release/1": tc.protected}
			if _, result := r.judged(fake, "push", "refs/heads/release/1", head, mainBranch(nil)); result.Judging.By != tc.by {
				t.Errorf("%+v", result.Judging)
			}
		})
	}
}

// The head of an open pull request is judged by that pull request's base, also when it is
// only pushed.
func TestAPushToAPullRequest(t *testing.T) {
	r, base, _ := forked(t)
	r.git("checkout", "-q", "main")
	r.write("e2e-gate.yml", strings.Replace(benchBase, "list: [echo, a]", "list: [echo, a], criticality: release-blocking-smoke", 1))
	onto := r.commit("release")
	r.git("update-ref", "refs/remotes/origin/release", onto)
	r.git("reset", "-q", "--hard", base)
	r.git("checkout", "-q", "change")
	head := r.git("rev-parse", "HEAD")
	fake := githubfake.New(t)
	fake.Pulls = []githubfake.Pull{{Number: 42, SHA: head, Branch: "change", HeadRepository: "acme/cases", Base: "release"}}
	_, result := r.judged(fake, "push", "refs/heads/change", head, mainBranch(nil))
	if result.Judging.Commit != onto || result.Tests[0].Criticality != e2e.ReleaseBlockingSmoke {
		t.Errorf("%+v %+v", result.Judging, result.Tests)
	}
}

// Values come from the tip of the base, and what the change alters is measured against the part
// of the base that it was merged with.
func TestABaseThatMovedOn(t *testing.T) {
	r, base, head := forked(t)
	r.git("checkout", "-q", "main")
	r.write("e2e-gate.yml", benchBase+"policy: {flaky: {release-blocking: block}}\n")
	tip := r.commit("stricter")
	r.git("update-ref", "refs/remotes/origin/main", tip)
	r.git("checkout", "-q", "change")
	_, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
	if result.Judging.Commit != tip || len(result.Judging.Changes) != 2 {
		t.Errorf("%+v, want %s", result.Judging, tip)
	}
}

// A base that cannot be read judges nothing; the text names the command.
func TestABaseThatCannotBeRead(t *testing.T) {
	r, _, head := forked(t)
	missing := strings.Repeat("d", 40)
	r.git("update-ref", "-d", "refs/remotes/origin/main")
	for name, event := range map[string]any{"pull_request": pullRequest(head, missing), "push": mainBranch(nil)} {
		status, result := r.judged(githubfake.New(t), name, "refs/heads/change", head, event)
		if status != e2e.ExitBlocked && status != e2e.ExitNotJudged || result.Judging.By != e2e.JudgedByNothing ||
			result.Problems[0].Code != e2e.CodePolicyUnreadable {
			t.Errorf("%s: exit status %d, %+v", name, status, result)
		}
	}
	r.write("run.sh", `echo "<testsuite><testcase name=\"a\"/></testsuite>" > "$E2E_REPORT_DIR/r.xml"`)
	head = r.commit("green")
	status, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, missing))
	if status != e2e.ExitNotJudged || !strings.Contains(result.Problems[0].Text, "git fetch --depth=1 origin "+missing) {
		t.Errorf("exit status %d, %+v", status, result.Problems)
	}
}

// A config that moves, or is shadowed by another, is still that of the base.
func TestAConfigThatMoves(t *testing.T) {
	for name, change := range map[string]func(r tree){
		"it moves": func(r tree) {
			r.git("mv", "e2e-gate.yml", "other.yml")
			r.git("mv", "other.yml", ".github-e2e.yml")
			r.write(".github/e2e-gate.yml", benchSoft)
		},
		"it is shadowed": func(r tree) { r.write(".github/e2e-gate.yml", benchSoft) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t)
			r.write("e2e-gate.yml", benchBase)
			base := r.commit("base")
			r.git("checkout", "-qb", "change")
			r.write("run.sh", redScript)
			change(r)
			head := r.commit("change")
			status, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
			if status != e2e.ExitBlocked || len(result.Judging.Changes) == 0 ||
				result.Judging.Changes[0].Text != "e2e-gate.yml of the base is replaced by .github/e2e-gate.yml" {
				t.Errorf("exit status %d, %+v", status, result.Judging)
			}
		})
	}
}

// The policy of the base may make it block that a change alters what judges it. Outside of CI
// the working tree judges.
func TestAlteringTheJudgeMayBlock(t *testing.T) {
	r := newTree(t)
	r.write("e2e-gate.yml", benchBase+"policy: {judge_changed: {release-blocking: block}}\n")
	base := r.commit("base")
	r.git("checkout", "-qb", "change")
	r.write("e2e-gate.yml", benchBase)
	head := r.commit("change")
	status, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
	if status != e2e.ExitBlocked || result.Verdict.Reasons[0].Code != e2e.CodeJudgeChanged {
		t.Errorf("exit status %d, %+v", status, result.Verdict)
	}
	if _, result := r.judged(githubfake.New(t), "", "", "", object{}); result.Judging.By != e2e.JudgedByWorkingTree {
		t.Errorf("%+v", result.Judging)
	}
}
