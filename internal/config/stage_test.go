package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

const staged = `version: 1
stages:
  pr: {on: [pull_request], select: smoke, timeout: 10m, env: {API: "http://pr", FROM: stage}, policy: {flaky: {release-blocking: block}}, rerun: {max_failures: 3}}
  nightly: {blocks: false}
processes: [{name: api, run: [a], env: {FROM: process}, services: [api]}]
gates: {checks: [{name: api, tcp: {address: "127.0.0.1:1"}, services: [api]}, {name: extra, tcp: {address: "127.0.0.1:1"}, required: false, stages: [nightly]}]}
isolation: {up: [a]}
suites:
  - {name: s, framework: gotest, services: [api], env: {FROM: suite, OWN: x}}
rerun: {max_share: 50%}
policy: {flaky: {release-blocking: warn, release-blocking-smoke: not_judged}}
`

func TestAStageSetsWhatIsItsOwn(t *testing.T) {
	c, err := load(t, staged, AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	pr, nightly := c.Overlay("pr").For("pr"), c.Overlay("nightly").For("nightly")
	effects := func(c *Config) [2]e2e.Effect {
		table := c.Policy.Table()
		return [2]e2e.Effect{table.Effect(policy.RowFlaky, e2e.ReleaseBlocking), table.Effect(policy.RowFlaky, e2e.ReleaseBlockingSmoke)}
	}
	if effects(pr) != [2]e2e.Effect{e2e.Blocks, e2e.NotJudged} || effects(nightly) != [2]e2e.Effect{e2e.Warns, e2e.NotJudged} || effects(c) != effects(nightly) {
		t.Errorf("%v %v %v", effects(pr), effects(nightly), effects(c))
	}
	if *pr.Rerun.MaxFailures != 3 || pr.Rerun.MaxShare != 0.5 || nightly.Rerun.MaxFailures != nil || c.Rerun.MaxFailures != nil {
		t.Errorf("%+v %+v", pr.Rerun, nightly.Rerun)
	}
	if diff := cmp.Diff(map[string]string{"FROM": "stage", "OWN": "x", "API": "http://pr"}, pr.Suites[0].Env) +
		cmp.Diff(map[string]string{"FROM": "stage", "API": "http://pr"}, pr.Processes[0].Env) + cmp.Diff(pr.Processes[0].Env, pr.Isolation.Env) +
		cmp.Diff(map[string]string{"FROM": "suite", "OWN": "x"}, nightly.Suites[0].Env) + cmp.Diff(nightly.Suites[0].Env, c.Suites[0].Env); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"stage: pr", "on: pull_request", "selects: smoke", "effect: blocks; budget none, timeout 10m0s", "env: API", "env: FROM",
		"process: api, for service api", "gate: api, for service api", "isolation: for every test", "rerun: max_failures 3", "rerun: max_share 50%",
		"policy: flaky of release-blocking tests: block, by the stage", "policy: flaky of release-blocking-smoke tests: not_judged",
	}
	if diff := cmp.Diff(want, c.Describe("pr")); diff != "" {
		t.Error(diff)
	}
	if got := strings.Join(c.Describe("nightly"), "\n"); !strings.Contains(got, "does not block") || !strings.Contains(got, "extra, for every test, advisory") {
		t.Error(got)
	}
}

func TestMistakesOfAStage(t *testing.T) {
	for _, tc := range []struct{ old, new, want string }{
		{"flaky: {release-blocking: block}}, rerun", "flaky: {release-blocking: pass}}, rerun", `unknown effect "pass"`},
		{"flaky: {release-blocking: block}}, rerun", "judge_changed: {release-blocking: inform}}, rerun", "judge_changed cannot differ from stage to stage; set it in policy"},
		{"flaky: {release-blocking: block}}, rerun", "lost: {release-blocking: warn}}, rerun", "a release-blocking test that is lost cannot count as less"},
		{"max_failures: 3", "max_failures: -3", "max_failures cannot be negative"},
	} {
		_, err := load(t, strings.Replace(staged, tc.old, tc.new, 1), AllSections, nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "e2e-gate.yml:3:") {
			t.Errorf("%s: %v", tc.new, err)
		}
	}
}

// A change cannot give a stage another policy, nor bring one along with a stage of its own.
func TestAChangeDoesNotSetThePolicyOfAStage(t *testing.T) {
	base, err := load(t, staged, AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(staged, "flaky: {release-blocking: block}}, rerun: {max_failures: 3}", "failed: {release-blocking: inform}}, rerun: {max_failures: 9}", 1)
	change, err := load(t, strings.Replace(text, "  nightly:", "  own: {policy: {failed: {release-blocking: inform}}}\n  nightly:", 1), AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	judged, found := Judged(base, change)
	for _, stage := range []string{"pr", "own"} {
		if e := judged.Overlay(stage).Policy.Table().Effect(policy.RowFailed, e2e.ReleaseBlocking); e != e2e.Blocks {
			t.Errorf("%s: %s", stage, e)
		}
	}
	if len(found) != 2 || found[0].String() != "stages.pr rerun, policy are changed" ||
		!strings.HasPrefix(found[1].String(), "stages.own is new and has a policy or a rerun of its own") {
		t.Errorf("%v", found)
	}
}

// An organisation's policy holds in each stage.
func TestAStageCannotBeWeakerThanTheOrganisation(t *testing.T) {
	o, err := ParseOrganization("acme/.github//e2e.yml@v1", []byte("version: 1\npolicy: {flaky: {release-blocking: block}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := load(t, strings.Replace(strings.Replace(staged, "release-blocking: block}}, rerun", "release-blocking: inform}}, rerun", 1),
		"version: 1\n", "version: 1\nextends: acme/.github//e2e.yml@v1\n", 1), AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	extended, _ := o.Extend(c.Overlay("pr"))
	if e := extended.Policy.Table().Effect(policy.RowFlaky, e2e.ReleaseBlocking); e != e2e.Blocks {
		t.Error(e)
	}
	var told []string
	for _, m := range c.LintExtends(o) {
		told = append(told, m.Text)
	}
	if got := strings.Join(told, "\n"); !strings.Contains(got, "stages.pr.policy.flaky.release-blocking: inform is weaker than block") {
		t.Error(got)
	}
}
