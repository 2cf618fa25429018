//go:build unix

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
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
	r.Write("e2e-gate.yml", benchBase)
	base = r.Commit("base")
	r.Git("update-ref", "refs/remotes/origin/main", base)
	r.Git("checkout", "-qb", "change")
	r.Write("e2e-gate.yml", benchSoft)
	r.Write("run.sh", redScript)
	return r, base, r.Commit("change")
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
			want := []e2e.JudgeChange{{What: "stages.pr", Text: "blocks is changed"}, {What: "suites.s", Text: "criticality is changed"},
				{What: "tests", Text: "are less critical (1)", Tests: []string{"s::a"}}}
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
			r.Git("update-ref", "refs/remotes/origin/main", head)
			return "refs/tags/v1"
		},
		"a tag on the default branch, of which the API knows": func(r tree, _, head string, fake *githubfake.Server) string {
			r.Git("update-ref", "-d", "refs/remotes/origin/main")
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
			r.Write("e2e-gate.yml", benchBase+tc.main)
			base := r.Commit("base")
			r.Git("update-ref", "refs/remotes/origin/main", base)
			r.Git("checkout", "-qb", "release/1")
			r.Write("e2e-gate.yml", benchSoft+tc.change)
			head := r.Commit("change")
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
	r.Git("checkout", "-q", "main")
	r.Write("e2e-gate.yml", strings.Replace(benchBase, "list: [echo, a]", "list: [echo, a], criticality: release-blocking-smoke", 1))
	onto := r.Commit("release")
	r.Git("update-ref", "refs/remotes/origin/release", onto)
	r.Git("reset", "-q", "--hard", base)
	r.Git("checkout", "-q", "change")
	head := r.Git("rev-parse", "HEAD")
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
	r.Git("checkout", "-q", "main")
	r.Write("e2e-gate.yml", benchBase+"policy: {flaky: {release-blocking: block}}\n")
	tip := r.Commit("stricter")
	r.Git("update-ref", "refs/remotes/origin/main", tip)
	r.Git("checkout", "-q", "change")
	_, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
	if result.Judging.Commit != tip || len(result.Judging.Changes) != 3 {
		t.Errorf("%+v, want %s", result.Judging, tip)
	}
}

// A base that cannot be read judges nothing; the text names the command.
func TestABaseThatCannotBeRead(t *testing.T) {
	r, _, head := forked(t)
	missing := strings.Repeat("d", 40)
	r.Git("update-ref", "-d", "refs/remotes/origin/main")
	for name, event := range map[string]any{"pull_request": pullRequest(head, missing), "push": mainBranch(nil)} {
		status, result := r.judged(githubfake.New(t), name, "refs/heads/change", head, event)
		if status != e2e.ExitBlocked && status != e2e.ExitNotJudged || result.Judging.By != e2e.JudgedByNothing ||
			result.Problems[0].Code != e2e.CodePolicyUnreadable {
			t.Errorf("%s: exit status %d, %+v", name, status, result)
		}
	}
	r.Write("run.sh", `echo "<testsuite><testcase name=\"a\"/></testsuite>" > "$E2E_REPORT_DIR/r.xml"`)
	head = r.Commit("green")
	status, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, missing))
	if status != e2e.ExitNotJudged || !strings.Contains(result.Problems[0].Text, "git fetch --depth=1 origin "+missing) {
		t.Errorf("exit status %d, %+v", status, result.Problems)
	}
}

// Where git refuses the checkout of another user, the text says that, and not that the checkout is too shallow.
func TestACheckoutOfAnotherUser(t *testing.T) {
	r, base, head := forked(t)
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"fatal: detected dubious ownership in repository at '/x'\" >&2; exit 128\n"
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	status, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
	text := result.Problems[0].Text
	if status != e2e.ExitBlocked && status != e2e.ExitNotJudged || !strings.Contains(text, "belong to another user") || strings.Contains(text, "fetch-depth") {
		t.Errorf("exit status %d, %+v", status, result.Problems)
	}
}

// A config that moves, or is shadowed by another, is still that of the base.
func TestAConfigThatMoves(t *testing.T) {
	for name, change := range map[string]func(r tree){
		"it moves": func(r tree) {
			r.Git("mv", "e2e-gate.yml", "other.yml")
			r.Git("mv", "other.yml", ".github-e2e.yml")
			r.Write(".github/e2e-gate.yml", benchSoft)
		},
		"it is shadowed": func(r tree) { r.Write(".github/e2e-gate.yml", benchSoft) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t)
			r.Write("e2e-gate.yml", benchBase)
			base := r.Commit("base")
			r.Git("checkout", "-qb", "change")
			r.Write("run.sh", redScript)
			change(r)
			head := r.Commit("change")
			status, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
			const want = "e2e-gate.yml of the base is replaced by .github/e2e-gate.yml"
			if status != e2e.ExitBlocked || len(result.Judging.Changes) == 0 || result.Judging.Changes[0].Text != want {
				t.Errorf("exit status %d, %+v", status, result.Judging)
			}
		})
	}
}

// tagged is a config whose suite lists tests with tags, as a file of the checkout names them.
const tagged = `version: 1
stages: {pr: {on: [pull_request, push], select: "not slow"}}
suites:
  - {name: s, framework: command, list: [cat, tests], run: [sh, ./run.sh], reports: "{report_dir}/*.xml"}
`

// reporting makes a script that reports each of the test cases.
func reporting(cases ...string) string {
	return `echo '<testsuite>` + strings.Join(cases, "") + `</testsuite>' > "$E2E_REPORT_DIR/r.xml"`
}

// What a change does to the tests that judge it is measured against the last judged run of its base.
func TestEffectsOfAChange(t *testing.T) {
	a, b, c := `<testcase name="a"/>`, `<testcase name="b"/>`, `<testcase name="c"/>`
	for name, tc := range map[string]struct {
		change func(r tree)
		want   []string
	}{
		"nothing":       {func(r tree) {}, nil},
		"a test is new": {func(r tree) { r.Write("tests", "a\nb\nc\n"); r.Write("run.sh", reporting(a, b, c)) }, nil},
		"a test is deleted": {func(r tree) { r.Write("tests", "a\n"); r.Write("run.sh", reporting(a)) },
			[]string{"tests that ran at commit BASE are gone (1): s::b"}},
		"a test is renamed": {func(r tree) { r.Write("tests", "a\nc\n"); r.Write("run.sh", reporting(a, c)) },
			[]string{"tests that ran at commit BASE are gone (1): s::b"}},
		"a test is skipped": {func(r tree) { r.Write("run.sh", reporting(a, `<testcase name="b"><skipped/></testcase>`)) },
			[]string{"tests that passed at commit BASE are skipped now (1): s::b"}},
		"the suite is gone": {func(r tree) {
			r.Write("e2e-gate.yml", strings.Replace(tagged, "name: s", "name: other", 1))
		}, []string{"suites.s is gone", "tests that ran at commit BASE are gone (2): s::a s::b"}},
		"the suite is tagged": {func(r tree) {
			r.Write("e2e-gate.yml", strings.Replace(tagged, "list:", "tags: [slow], list:", 1))
		}, []string{"suites.s tags is changed", "tests are not selected any more (2): s::a s::b"}},
		"the stage selects less": {func(r tree) {
			r.Write("e2e-gate.yml", strings.Replace(tagged, `"not slow"`, `nothing`, 1))
		}, []string{"stages.pr select is changed", "tests are not selected any more (2): s::a s::b"}},
		"the suite is nightly": {func(r tree) {
			r.Write("e2e-gate.yml", strings.Replace(tagged, "list:", "criticality: nightly, list:", 1))
		}, []string{"suites.s criticality is changed", "tests are less critical (2): s::a s::b"}},
		"the suite is tagged nightly": {func(r tree) {
			r.Write("e2e-gate.yml", strings.Replace(tagged, "list:", "tags: [\"criticality:nightly\"], list:", 1))
		}, []string{"suites.s tags is changed", "tests are less critical (2): s::a s::b"}},
		"the suite is stricter": {func(r tree) {
			r.Write("e2e-gate.yml", strings.Replace(tagged, "list:", "criticality: release-blocking-smoke, list:", 1))
		}, []string{"suites.s criticality is changed"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t)
			r.Write("e2e-gate.yml", tagged)
			r.Write("tests", "a\nb\n")
			r.Write("run.sh", reporting(a, b))
			base := r.Commit("base")
			if status, result := r.judged(githubfake.New(t), "push", "refs/heads/main", base, mainBranch(nil)); status != 0 {
				t.Fatalf("%+v", result.Verdict)
			}
			r.Git("checkout", "-qb", "change")
			tc.change(r)
			head := r.Commit("change")
			_, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
			var got []string
			for _, one := range result.Judging.Changes {
				text := strings.ReplaceAll(one.What+" "+one.Text, base[:10], "BASE")
				if len(one.Tests) > 0 {
					text += ": " + strings.Join(one.Tests, " ")
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || result.Judging.Unknown != "" {
				t.Errorf("%s%s", diff, result.Judging.Unknown)
			}
		})
	}
}

// A tag in the source of a test is what the change says too: the run of the base knows better.
func TestEffectsOfTagsInTheSource(t *testing.T) {
	const (
		config = "version: 1\nstages: {pr: {on: [pull_request, push], select: not slow}}\nsuites:\n  - {name: s, framework: gotest}\n"
		source = "package x\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n\nTAGS\nfunc TestB(t *testing.T) {}\n"
	)
	for name, tc := range map[string]struct{ before, after, want string }{
		"no tag":             {"//", "//", ""},
		"less critical":      {"//", "//e2e:tags criticality:nightly", "are less critical (1): s/x_test.go::TestB"},
		"no smoke test":      {"//e2e:tags smoke", "//", "are less critical (1): s/x_test.go::TestB"},
		"a smoke test":       {"//", "//e2e:tags smoke", ""},
		"another tag of it":  {"//e2e:tags criticality:release-blocking", "//e2e:tags criticality:non-blocking", "are less critical (1): s/x_test.go::TestB"},
		"as little critical": {"//e2e:tags criticality:nightly", "//e2e:tags criticality:nightly", ""},
		"more critical":      {"//e2e:tags criticality:nightly", "//", ""},
		"deselected":         {"//", "//e2e:tags slow", "are not selected any more (1): s/x_test.go::TestB"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t)
			r.Write("e2e-gate.yml", config)
			r.env = []string{"HOME=" + os.Getenv("HOME"), "GOCACHE=" + os.Getenv("GOCACHE")}
			r.Write("go.mod", "module x\n\ngo 1.22\n")
			r.Write("x_test.go", strings.Replace(source, "TAGS", tc.before, 1))
			base := r.Commit("base")
			if status, result := r.judged(githubfake.New(t), "push", "refs/heads/main", base, mainBranch(nil)); status != 0 {
				t.Fatalf("%+v", result.Problems)
			}
			r.Git("checkout", "-qb", "change")
			r.Write("x_test.go", strings.Replace(source, "TAGS", tc.after, 1))
			head := r.Commit("change")
			_, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
			got := ""
			for _, one := range result.Judging.Changes {
				got += one.Text + ": " + strings.Join(one.Tests, " ")
			}
			if got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// Tests that no listing names are known when they have run.
func TestEffectsOnTestsThatAreNotListed(t *testing.T) {
	whole := strings.Replace(tagged, "list: [cat, tests], ", "", 1)
	a, b := `<testcase name="a"/>`, `<testcase name="b"/>`
	for name, tc := range map[string]struct {
		config, list, script, want string
	}{
		"a suite that cannot list, and nothing": {whole, "", reporting(a, b), ""},
		"a test of it is gone":                  {whole, "", reporting(a), "that ran at commit BASE are gone (1): s/::b"},
		"a test of it is skipped":               {whole, "", reporting(a, `<testcase name="b"><skipped/></testcase>`), "that passed at commit BASE are skipped now (1): s/::b"},
		"a test that was never listed":          {tagged, "a\n", reporting(a, b), ""},
		"such a test is gone":                   {tagged, "a\n", reporting(a), "that ran at commit BASE are gone (1): s/::b"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t)
			r.Write("e2e-gate.yml", tc.config)
			r.Write("tests", tc.list)
			r.Write("run.sh", reporting(a, b))
			base := r.Commit("base")
			r.judged(githubfake.New(t), "push", "refs/heads/main", base, mainBranch(nil))
			r.Git("checkout", "-qb", "change")
			r.Write("run.sh", tc.script)
			head := r.Commit("change")
			_, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
			got := ""
			for _, one := range result.Judging.Changes {
				got += strings.ReplaceAll(one.Text, base[:10], "BASE") + ": " + strings.Join(one.Tests, " ")
			}
			if got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// Without a judged run of the base it is said once that nothing is known, and nothing blocks.
func TestEffectsWithoutAHistory(t *testing.T) {
	r := newTree(t)
	r.Write("e2e-gate.yml", tagged+"policy: {judge_changed: {release-blocking: block}}\n")
	r.Write("tests", "a\n")
	base := r.Commit("base")
	r.Git("checkout", "-qb", "change")
	r.Write("tests", "a\nb\n")
	r.Write("run.sh", reporting(`<testcase name="a"/>`, `<testcase name="b"/>`))
	head := r.Commit("change")
	r.ref = "refs/pull/42/merge"
	status, out, stderr := r.run(githubfake.New(t), "pull_request", head, pullRequest(head, base), "run")
	const unknown = "which tests are gone"
	if status != 0 || strings.Count(stderr, unknown) != 1 || strings.Count(out, unknown) != 1 || strings.Contains(out, "judge_changed") {
		t.Errorf("exit status %d\n%s%s", status, out, stderr)
	}
}

// No tag and no journey that a change gives to a suite lets a failing test of the base pass. A
// workflow that chooses a soft stage that is for something else is said.
func TestTagsAndStagesThatRelax(t *testing.T) {
	const soft = "  nightly: {on: [schedule], blocks: false}\n  soft: {on: [pull_request], blocks: false}\n  any: {blocks: false}\n"
	base := strings.NewReplacer("stages: {pr:", "stages:\n  pr:", "}}\n", "}\n"+soft).Replace(tagged)
	for name, tc := range map[string]struct {
		change string
		args   []string
		status int
		says   string
	}{
		"a criticality":                  {strings.Replace(base, "list:", "tags: [\"criticality:nightly\"], list:", 1), nil, e2e.ExitBlocked, "are less critical (1)"},
		"a new journey":                  {strings.Replace(base, "list:", "tags: [\"journey:x\"], list:", 1) + "journeys: {x: {criticality: synthetic}}\n", nil, e2e.ExitBlocked, "are less critical (1)"},
		"another stage":                  {base, []string{"--stage", "nightly"}, 0, "is chosen by the workflow, does not block, and is not for pull_request"},
		"the stage as is":                {base, []string{"--stage", "pr"}, e2e.ExitBlocked, ""},
		"a soft stage for pull requests": {base, []string{"--stage", "soft"}, 0, ""},
		"a soft stage for anything":      {base, []string{"--stage", "any"}, 0, ""},
		"tests that are not listed":      {strings.Replace(base, "list: [cat, tests],", "tags: [\"criticality:nightly\"],", 1), nil, e2e.ExitBlocked, "are less critical (1)"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t)
			r.Write("e2e-gate.yml", base)
			r.Write("tests", "a\n")
			at := r.Commit("base")
			r.Git("checkout", "-qb", "change")
			r.Write("e2e-gate.yml", tc.change)
			r.Write("run.sh", redScript)
			head := r.Commit("change")
			status, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, at), tc.args...)
			said := ""
			for _, c := range result.Judging.Changes {
				said += c.Text + "\n"
			}
			if status != tc.status || !strings.Contains(said, tc.says) || (said == "") != (tc.says == "") {
				t.Errorf("exit status %d\n%s", status, said)
			}
		})
	}
}

// withoutOneTest is a repository whose policy blocks that tests are gone, with a branch, not
// committed yet, where the test b is gone. base is the commit where it still ran.
func withoutOneTest(t *testing.T, branch string) (r tree, base string) {
	t.Helper()
	r = newTree(t)
	r.Write("e2e-gate.yml", tagged+"policy: {judge_changed: {release-blocking: block}}\njudge: {approve: {review: any}}\n")
	r.Write("tests", "a\nb\n")
	r.Write("run.sh", reporting(`<testcase name="a"/>`, `<testcase name="b"/>`))
	base = r.Commit("base")
	r.judged(githubfake.New(t), "push", "refs/heads/main", base, mainBranch(nil))
	r.Git("checkout", "-qb", branch)
	r.Write("tests", "a\n")
	r.Write("run.sh", reporting(`<testcase name="a"/>`))
	return r, base
}

// Where the base's policy blocks that tests are gone, an approval lifts it; the plan says it to a
// verdict on another machine.
func TestApprovedEffects(t *testing.T) {
	r, base := withoutOneTest(t, "change")
	head := r.Commit("change")
	r.ref = "refs/pull/42/merge"
	payload, out := pullRequest(head, base), t.TempDir()
	for _, args := range [][]string{{"plan", "--shards", "1", "--out", out}, {"shard", "--index", "0", "--plan", out + "/plan.json", "--out", out + "/shards"}} {
		if status, stdout, stderr := r.run(githubfake.New(t), "pull_request", head, payload, args...); status != 0 {
			t.Fatalf("%v: exit status %d\n%s%s", args, status, stdout, stderr)
		}
	}
	for _, approved := range []bool{false, true} {
		fake := githubfake.New(t)
		proposed(fake, head)
		if approved {
			fake.Pulls[0].Reviews = []githubfake.Review{{User: alice, State: "APPROVED", SHA: head}}
		}
		for _, args := range [][]string{{"run"}, {"verdict", "--plan", out + "/plan.json", "--results", out + "/shards"}} {
			status, stdout, stderr := r.run(fake, "pull_request", head, payload, args...)
			var result e2e.Result
			if err := json.Unmarshal([]byte(stdout), &result); err != nil {
				t.Fatalf("%v\n%s", err, stderr)
			}
			j := result.Judging
			missing := strings.Contains(j.Unapproved, "no approving review")
			if approved != (status == 0) || len(j.Changes) != 1 || approved != (len(j.ApprovedBy) == 1) || approved == missing {
				t.Errorf("%v, approved %t: exit status %d, %+v", args, approved, status, j)
			}
		}
	}
}

// The policy of the base may make it block that a change alters what judges it. Outside of CI
// the working tree judges.
func TestAlteringTheJudgeMayBlock(t *testing.T) {
	r := newTree(t)
	r.Write("e2e-gate.yml", benchBase+"policy: {judge_changed: {release-blocking: block}}\n")
	base := r.Commit("base")
	r.Git("checkout", "-qb", "change")
	r.Write("e2e-gate.yml", benchBase)
	head := r.Commit("change")
	status, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
	if status != e2e.ExitBlocked || result.Verdict.Reasons[0].Code != e2e.CodeJudgeChanged {
		t.Errorf("exit status %d, %+v", status, result.Verdict)
	}
	if _, result := r.judged(githubfake.New(t), "", "", "", object{}); result.Judging.By != e2e.JudgedByWorkingTree {
		t.Errorf("%+v", result.Judging)
	}
}
