package config

import (
	"fmt"
	"strings"
	"testing"
)

const producing = `version: 1
stages:
  pr: {target: staging}
  synthetic: {target: production}
targets:
  staging: {}
  production: {production: true}
suites:
  - {name: s, framework: gotest}
journeys:
  pay: {targets: [staging, production]}
gates:
  checks:
    - {name: data, fixtures: {url: "http://127.0.0.1:1/v", json: "$.v", semver: "^2.0.0"}}
`

func TestTargets(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"fine", "", "", ""},
		{"an unknown target of a stage", "target: production}", "target: produciton}", `e2e-gate.yml:4:23: unknown target "produciton"; did you mean "production"?`},
		{"an unknown target of a journey", "targets: [staging, production]", "targets: [staging, prod]", `unknown target "prod"; declare it in targets`},
		{"without a check of the data", "name: data, ", "name: data, required: false, ", "stage synthetic tests production, and no check of it says whose data its tests use"},
		{"with one of another stage", "name: data, ", "name: data, stages: [pr], ", "stage synthetic tests production, and no check of it"},
		{"with one that not every test needs", "name: data, ", "name: data, journeys: [pay], ", "stage synthetic tests production, and no check of it"},
		{"a rate and an alert", "production: true}", "production: true, rate: 1/15m, alert: {after: 2, of: 3}}", ""},
		{"an alert of each failure", "production: true}", "production: true, alert: {after: 1}}", ""},
		{"a word for a rate", "production: true}", "production: true, rate: often}", `e2e-gate.yml:7:40: "often" is not a rate; write it as 1/m, 4/h or 1/15m`},
		{"a rate of nothing", "production: true}", "production: true, rate: 0/m}", `"0/m" is not a rate`},
		{"a rate without bound", "production: true}", "production: true, rate: 999/s}", `"999/s" allows more than 100 runs`},
		{"an alert of more than all", "production: true}", "production: true, alert: {after: 3, of: 2}}", "of is less than after, so there is never an alert"},
		{"an alert after nothing", "production: true}", "production: true, alert: {of: 2}}", "after is missing"},
		{"an alert of too many", "production: true}", "production: true, alert: {after: 2, of: 101}}", "the numbers are not between 1 and 100"},
		{"an alert before it began", "production: true}", "production: true, alert: {after: -1}}", "the numbers are not between 1 and 100"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(producing, tc.old, tc.new, 1)
			_, err := load(t, text, AllSections, nil)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%v, want %s", err, tc.want)
			}
		})
	}
}

// A change cannot make production an environment like any other.
func TestAChangeDoesNotOpenProduction(t *testing.T) {
	base, err := load(t, producing, AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	change, err := load(t, strings.Replace(producing, "production: {production: true}", "production: {}", 1), AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	judged, found := Judged(base, change)
	if p, _ := judged.Target("production"); !p.Production || len(found) != 1 || found[0].String() != "targets is changed" {
		t.Errorf("%+v %v", judged.Targets, found)
	}
}

func TestPathsAreGlobsFromTheRoot(t *testing.T) {
	const text = `version: 1
stages: {pr: {affected: true}}
services: {pay: {paths: ["services/pay/**", "../x", "/abs", "./rel", "a[", "a..b"]}}
suites:
  - {name: s, framework: gotest, paths: "x/../y"}
journeys: {j: {paths: [ok, "/no"]}}
affected: {everything: ["/e"], ignore: ["i/.."]}
`
	_, err := load(t, text, AllSections, nil)
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	var at []string
	for line := range strings.Lines(err.Error()) {
		_, rest, _ := strings.Cut(line, "e2e-gate.yml:")
		pos, _, _ := strings.Cut(rest, ": ")
		at = append(at, pos)
	}
	if got := strings.Join(at, " "); got != "3:45 3:53 3:61 3:70 5:41 6:28 7:25 7:41" {
		t.Errorf("%s\n%v", got, err)
	}
}

func TestLimit(t *testing.T) {
	for text, want := range map[string]string{"1/s": "1 1s", "4/h": "4 1h0m0s", "2/15m": "2 15m0s", "100/7d": "100 168h0m0s", "": "0 0s"} {
		runs, within, err := Target{Rate: text}.Limit()
		if got := fmt.Sprint(runs, " ", within); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"1", "/m", "1/", "1/0m", "01/m", "1/m ", "-1/m", "1/1.5m", "1/mm", "101/m"} {
		if _, _, err := (Target{Rate: text}).Limit(); err == nil {
			t.Errorf("%q is a rate", text)
		}
	}
}
