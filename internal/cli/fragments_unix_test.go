//go:build unix

package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// What a fragment says of gates and needs is that of the base on a change, as in the config itself.
func TestAChangeOfAFragment(t *testing.T) {
	const platform = `version: 1
include: [teams/*/e2e-gate.yml]
stages: {pr: {on: [pull_request, push]}}
`
	const team = `version: 1
owner: payments
services: {pay: {}, other: {}}
gates:
  checks: [{name: pay, command: {run: [sh, ./healthy.sh]}, services: [pay]}]
suites:
  - {name: s, framework: command, list: [cat, tests], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [pay]}
`
	r := newTree(t)
	r.Write("e2e-gate.yml", platform)
	r.Write("teams/pay/e2e-gate.yml", team)
	r.Write("tests", "a\n")
	r.Write("run.sh", reporting(`<testcase name="a"/>`))
	r.Write("healthy.sh", "exit 0")
	base := r.Commit("base")
	if status, result := r.judged(githubfake.New(t), "push", "refs/heads/main", base, mainBranch(nil)); status != 0 {
		t.Fatalf("%+v", result.Verdict)
	}
	r.Git("checkout", "-qb", "change")
	// The service is down, and the change says that its tests need another one.
	r.Write("healthy.sh", "exit 1")
	text := strings.Replace(team, "reports: \"{report_dir}/*.xml\", services: [pay]", "reports: \"{report_dir}/*.xml\", services: [other]", 1)
	text = strings.Replace(text, "[sh, ./healthy.sh]}, services: [pay]", "[sh, ./healthy.sh], timeout: 1s}, timeout: 300ms, services: [other]", 1)
	r.Write("teams/pay/e2e-gate.yml", text)
	r.Write("teams/soft/e2e-gate.yml", "version: 1\nowner: soft\nsuites:\n  - {name: new, framework: command, list: [cat, tests], run: [sh, ./run.sh], "+
		"reports: \"{report_dir}/*.xml\", needs: [other]}\n")
	head := r.Commit("change")
	status, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
	var changes []string
	for _, c := range result.Judging.Changes {
		changes = append(changes, c.What+" "+c.Text)
	}
	outcomes := map[string]e2e.Outcome{}
	for _, one := range result.Tests {
		outcomes[one.ID] = one.Outcome
	}
	if diff := cmp.Diff(map[string]e2e.Outcome{"s::a": e2e.NotRun, "new::a": e2e.NotRun}, outcomes); diff != "" || status != e2e.ExitNotJudged {
		t.Errorf("%d %s%+v", status, diff, result.Verdict)
	}
	if got := strings.Join(changes, "\n"); !strings.Contains(got, "gates.checks.pay") || !strings.Contains(got, "suites.s services is changed") {
		t.Error(got)
	}
}
