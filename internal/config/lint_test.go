package config

import (
	"strings"
	"testing"
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
