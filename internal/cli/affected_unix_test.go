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

// On a pull request, a stage runs what the change affects; on main it runs everything. That tests are left out for that is no
// change to what judges.
func TestAStageRunsWhatAChangeAffects(t *testing.T) {
	const text = `version: 1
stages: {pr: {on: [pull_request, push], affected: true}}
services: {pay: {paths: ["services/pay/**"]}, case: {paths: ["services/case/**"]}}
affected: {ignore: ["*.md"]}
suites:
  - {name: pays, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [pay]}
  - {name: cases, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [case]}
`
	for _, tc := range []struct {
		name, file string
		want       []string
		says       string
	}{
		{"one service", "services/pay/x", []string{"pays::a"}, "1 of 2 selected tests run, since the change affects only services pay"},
		{"a file that no service has", "libs/x", []string{"cases::a", "pays::a"}, "every selected test runs: no service, suite or journey has paths for libs/x"},
		{"nothing that is tested", "README.md", []string{"cases::a", "pays::a"}, "every selected test runs: the change affects none of them"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			r.Write("e2e-gate.yml", text)
			r.Write("run.sh", reporting(`<testcase name="a"/>`))
			base := r.Commit("base")
			ids := func(result e2e.Result) (list []string) {
				for _, one := range result.Tests {
					list = append(list, one.ID)
				}
				return list
			}
			status, result := r.judged(githubfake.New(t), "push", "refs/heads/main", base, mainBranch(nil))
			if got := ids(result); status != 0 || len(got) != 2 || !strings.Contains(result.Run.Affected, "on the default branch") {
				t.Fatalf("%d %v %q", status, got, result.Run.Affected)
			}
			r.Git("checkout", "-qb", "change")
			r.Write(tc.file, "changed")
			head := r.Commit("change")
			status, result = r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
			if diff := cmp.Diff(tc.want, ids(result)); diff != "" || status != 0 || result.Run.Affected != tc.says {
				t.Errorf("%d %q %s", status, result.Run.Affected, diff)
			}
			if len(result.Judging.Changes) > 0 {
				t.Errorf("%+v", result.Judging.Changes)
			}
		})
	}
}

// A second push to a branch does not take away the tests of what the first one changed.
func TestAPushIsAffectedByItsWholeBranch(t *testing.T) {
	r := newTree(t)
	r.Write("e2e-gate.yml", `version: 1
stages: {pr: {on: [push], affected: true}}
services: {pay: {paths: ["services/pay/**"]}, case: {paths: ["services/case/**"]}, mail: {paths: ["services/mail/**"]}}
suites:
  - {name: pays, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [pay]}
  - {name: cases, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [case]}
  - {name: mails, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [mail]}
`)
	r.Write("run.sh", reporting(`<testcase name="a"/>`))
	base := r.Commit("base")
	r.Git("checkout", "-qb", "change")
	r.Write("services/pay/x", "first")
	first := r.Commit("first")
	r.Write("services/case/x", "second")
	second := r.Commit("second")
	push := func(want int) string {
		status, result := r.judged(githubfake.New(t), "push", "refs/heads/change", second, mainBranch(object{"before": first, "after": second}))
		if status != want {
			t.Errorf("exit status %d", status)
		}
		return result.Run.Affected
	}
	if got, want := push(e2e.ExitNotJudged), "every selected test runs: the files of the change are not all known"; got != want {
		t.Errorf("the default branch is not in the checkout: %q", got)
	}
	r.Git("update-ref", "refs/remotes/origin/main", base)
	if got, want := push(0), "2 of 3 selected tests run, since the change affects only services case, pay"; got != want {
		t.Errorf("%q", got)
	}
}

// On a developer's machine the change is what the working copy changed since it left the default branch.
func TestAffectedOnADevelopersMachine(t *testing.T) {
	r := newTree(t)
	r.Write("e2e-gate.yml", `version: 1
stages: {pr: {on: [push]}}
services: {pay: {paths: ["services/pay/**"]}, case: {paths: ["services/case/**"]}, mail: {paths: ["services/mail/**"]}}
suites:
  - {name: pays, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [pay]}
  - {name: cases, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [case]}
  - {name: mails, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [mail]}
`)
	r.Write("run.sh", reporting(`<testcase name="a"/>`))
	r.Write(".gitignore", "")
	base := r.Commit("base")
	says := func(want string) {
		t.Helper()
		status, out, stderr := r.run(nil, "", "", nil, "run", "--affected")
		var result e2e.Result
		if err := json.Unmarshal([]byte(out), &result); err != nil || status != 0 {
			t.Fatalf("exit status %d: %v\n%s", status, err, stderr)
		}
		if result.Run.Affected != want {
			t.Errorf("%q\nwant %q", result.Run.Affected, want)
		}
	}
	says("every selected test runs: this checkout does not know the default branch of origin: run git remote set-head origin --auto")
	r.Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	says("every selected test runs: this checkout does not show where it left main of origin: run git fetch origin")
	r.Git("update-ref", "refs/remotes/origin/main", base)
	left := base[:10] + ", where this checkout left main of origin"
	says("every selected test runs: no file has changed since " + left)
	r.Git("checkout", "-qb", "change")
	r.Write("services/pay/x", "committed")
	r.Commit("change")
	r.Write("services/case/x", "not committed")
	says("2 of 3 selected tests run, since the change affects only services case, pay; files changed since " + left + ", with files that are not committed")
}
