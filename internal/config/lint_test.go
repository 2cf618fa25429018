package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
)

// What a config says of services and production is asked for where its names suggest more.
func TestLintAsksForScopes(t *testing.T) {
	const head = "version: 1\nstages:\n  pr: {on: [pull_request], target: preview, timeout: 2m, budget: 1m}\n" +
		"  live: {on: [schedule], target: Production-eu, timeout: 2m, budget: 1m}\n" +
		"suites: [{name: s, framework: gotest, services: [case-api]}]\n"
	const waits, runs = "every test waits for gate payment-api", "stage live runs on Production-eu"
	tcp := func(name, more string) string { return "{name: " + name + ", tcp: {address: \"h:1\"}" + more + "}" }
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"neither is said": {"journeys: {pay: {services: [payment-api]}}\ngates: {checks: [" + tcp("payment-api", "") + "]}\n", []string{waits, runs}},
		"both are said": {"targets: {preview: {}, Production-eu: {}}\njourneys: {pay: {services: [payment-api]}}\n" +
			"gates: {checks: [" + tcp("payment-api", ", services: [payment-api]") + "]}\n", nil},
		"of one service only": {"gates: {checks: [" + tcp("case-api", "") + "]}\n", []string{runs}},
		"of no service":       {"journeys: {pay: {services: [payment-api]}}\ngates: {checks: [" + tcp("database", "") + "]}\n", []string{runs}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(t, head+tc.text, AllSections, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range cfg.Lint() {
				got = append(got, m.Text)
			}
			if len(got) != len(tc.want) {
				t.Fatalf("got %q, want %q", got, tc.want)
			}
			for _, want := range tc.want {
				if !strings.Contains(strings.Join(got, "\n"), want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
}

// Each setting of a suite that takes one of some words refuses others.
func TestWordsOfSuites(t *testing.T) {
	n := 0
	for f := range reflect.TypeFor[suite.Spec]().Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.Tag.Get("enum") == "" || key == "framework" {
			continue
		}
		n++
		text := "version: 1\nstages: {pr: {on: [pull_request]}}\nsuites: [{name: s, framework: command, list: [a], run: [\"true\"], reports: x, " + key + ": nonsense}]\n"
		if _, err := load(t, text, AllSections, nil); err == nil || !strings.Contains(err.Error(), `"nonsense" is not allowed here`) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if n < 4 {
		t.Errorf("%d settings were tried", n)
	}
}
