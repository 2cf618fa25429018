package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

const judgedBase = `version: 1
stages:
  pr: {on: [pull_request], select: smoke, timeout: 5m}
  nightly: {on: [schedule], blocks: false}
processes:
  - {name: api, run: [./api]}
gates:
  interval: 1s
  checks:
    - {name: db, tcp: {address: "127.0.0.1:5432"}}
    - {name: pay, http: {url: "http://pay/health"}, required: false}
suites:
  - {name: api, framework: gotest, dir: e2e, owner: team, criticality: release-blocking}
  - {name: ui, framework: gotest, dir: ui, owner: team}
journeys:
  pay: {owner: team, criticality: release-blocking-smoke, max_runtime: 1m}
rerun: {max_failures: 3}
triage: {rules: [{category: TEST_BUG, when: {message: "x"}, why: "y"}]}
policy: {flaky: {release-blocking: block}}
owners: {team: "@acme/team"}
quarantine: q.yml
`

func readJudged(t *testing.T, text string) *Config {
	t.Helper()
	c, err := PeekBytes("e2e-gate.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestJudged(t *testing.T) {
	for _, tc := range []struct {
		name        string
		replace, by string
		want        []string
		holds       func(c *Config) bool
	}{
		{"nothing changes", "", "", nil, nil},
		{"only lines move", "stages:", "# a comment\n\nstages:", nil, nil},
		{"a stage no longer blocks", "select: smoke,", "select: smoke, blocks: false,", []string{"stages.pr blocks is changed"}, func(c *Config) bool { return c.Stages[0].Blocking() }},
		{"a stage selects less", "select: smoke, timeout: 5m", "select: none, timeout: 9m", []string{"stages.pr select, timeout are changed"},
			func(c *Config) bool { return c.Stages[0].Select == "smoke" && c.Stages[0].Timeout.Minutes() == 5 }},
		{"a stage runs on another event", "on: [pull_request]", "on: [push]", []string{"stages.pr on is changed"},
			func(c *Config) bool { return c.Stages[0].On[0] == "pull_request" }},
		{"a stage is replaced by a soft one", "  pr: {on: [pull_request], select: smoke, timeout: 5m}", "  soft: {on: [pull_request], blocks: false}",
			[]string{"stages.pr is gone", "stages.soft is new and does not block; until it is merged it does"},
			func(c *Config) bool { return len(c.Stages) == 3 && c.Stages[0].Name == "pr" && c.Stages[2].Blocking() }},
		{"a stage is new", "  nightly:", "  main: {on: [push]}\n  nightly:", nil, func(c *Config) bool { return len(c.Stages) == 3 && c.Stages[2].Name == "main" }},
		{"the policy is relaxed", "policy: {flaky: {release-blocking: block}}", "policy: {failed: {release-blocking: inform}}", []string{"policy is changed"},
			func(c *Config) bool {
				return c.Policy.Table().Effect(policy.RowFlaky, e2e.ReleaseBlocking) == e2e.Blocks &&
					c.Policy.Table().Effect(policy.RowFailed, e2e.ReleaseBlocking) == e2e.Blocks
			}},
		{"owners, quarantine, rerun and triage", "owners: {team: \"@acme/team\"}\nquarantine: q.yml", "owners: {}\nquarantine: other.yml",
			[]string{"owners is changed", "quarantine is changed"}, func(c *Config) bool { return c.Owners["team"] != "" && c.Quarantine == "q.yml" }},
		{"more reruns", "max_failures: 3", "max_failures: 100", []string{"rerun is changed"}, func(c *Config) bool { return *c.Rerun.MaxFailures == 3 }},
		{"a rule of triage", "TEST_BUG", "UNKNOWN", []string{"triage is changed"}, func(c *Config) bool { return c.Triage.Rules[0].Category == "TEST_BUG" }},
		{"a gate becomes advisory", "5432\"}}", "5432\"}, required: false}", []string{"gates.checks.db required is changed"}, func(c *Config) bool { return c.Gates.Checks[0].IsRequired() }},
		{"a gate asks something else", "http://pay/health", "http://pay/", []string{"gates.checks.pay http is changed"}, func(c *Config) bool { return len(c.Gates.Checks) == 2 }},
		{"a gate is gone", "    - {name: pay, http: {url: \"http://pay/health\"}, required: false}\n", "", []string{"gates.checks.pay is gone"},
			func(c *Config) bool { return len(c.Gates.Checks) == 1 }},
		{"a gate is new", "  checks:\n", "  checks:\n    - {name: new, tcp: {address: \"127.0.0.1:1\"}, required: false}\n", nil,
			func(c *Config) bool { return !c.Gates.Checks[0].IsRequired() }},
		{"gates wait less", "interval: 1s", "interval: 2s", []string{"gates interval is changed"}, nil},
		{"a suite matters less", "criticality: release-blocking}", "criticality: nightly}", []string{"suites.api criticality is changed"},
			func(c *Config) bool { return c.Suites[0].Criticality == "release-blocking" }},
		{"a suite gets a criticality", "dir: ui,", "dir: ui, criticality: nightly,", []string{"suites.ui criticality is changed"}, func(c *Config) bool { return c.Suites[1].Criticality == "" }},
		{"a suite runs something else", "dir: e2e,", "dir: none, args: [-short],", []string{"suites.api dir, args are changed"}, func(c *Config) bool { return c.Suites[0].Dir == "none" }},
		{"a suite is gone", "  - {name: ui, framework: gotest, dir: ui, owner: team}\n", "", []string{"suites.ui is gone"}, func(c *Config) bool { return len(c.Suites) == 1 }},
		{"a journey matters less", "release-blocking-smoke", "nightly", []string{"journeys.pay criticality is changed"},
			func(c *Config) bool { return c.Journeys[0].Criticality == "release-blocking-smoke" }},
		{"a background process", "[./api]", "[./stub]", []string{"processes.api run is changed"}, func(c *Config) bool { return c.Processes[0].Run[0] == "./stub" }},
		{"shards and links judge nothing", "rerun:", "shards: {count: 3}\nlinks: {log: \"https://x/{run_id}\"}\nrerun:", nil, func(c *Config) bool { return c.Shards.Count == 3 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if !strings.Contains(judgedBase, tc.replace) {
				t.Fatalf("the base does not have %q", tc.replace)
			}
			base, change := readJudged(t, judgedBase), readJudged(t, strings.Replace(judgedBase, tc.replace, tc.by, 1))
			merged, found := Judged(base, change)
			var got []string
			for _, d := range found {
				got = append(got, d.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if tc.holds != nil && !tc.holds(merged) {
				t.Errorf("%+v", merged)
			}
		})
	}
}

// Every field of the config says who decides it.
func TestEveryFieldSaysWhoDecides(t *testing.T) {
	for i := range reflect.TypeFor[Config]().NumField() {
		f := reflect.TypeFor[Config]().Field(i)
		if name := yamlName(f); name != "" {
			switch f.Tag.Get("judge") {
			case "base", "head", "watch":
			default:
				t.Errorf("%s has the tag judge:%q; use base, head or watch", name, f.Tag.Get("judge"))
			}
		}
	}
}

// Merging a config with itself changes nothing, and neither config is changed.
func TestJudgedLeavesItsInputAlone(t *testing.T) {
	base, change := readJudged(t, judgedBase), readJudged(t, strings.ReplaceAll(judgedBase, "release-blocking", "nightly"))
	again, before := readJudged(t, judgedBase), readJudged(t, strings.ReplaceAll(judgedBase, "release-blocking", "nightly"))
	Judged(base, change)
	if !reflect.DeepEqual(base, again) || !reflect.DeepEqual(change, before) {
		t.Error("an input was changed")
	}
	if merged, found := Judged(base, again); len(found) > 0 || !reflect.DeepEqual(merged, base) {
		t.Errorf("%v", found)
	}
}
