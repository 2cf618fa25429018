package main

import (
	"math"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/history/estimate"
	"github.com/org/e2e-gate/internal/testkit/need"
)

// seed makes the histories the same in every run of the test.
const seed = 20261129

// The promises of docs/history.md: a change is found within 30 runs, at most 5 % are missed
// and at most 5 % of the histories without a change say that there was one. The small
// number of histories allows for its own error: two standard deviations of 5 %.
func TestChangesAreFound(t *testing.T) {
	need.NoRaceDetector(t)
	histories := 200
	if testing.Short() {
		histories = 60
	}
	bound := allowed + 2*math.Sqrt(allowed*(1-allowed)/float64(histories))
	t.Logf("seed %d, %d histories, bound %.3f", seed, histories, bound)
	rate := func(from, to float64, kind estimate.Kind) world { return world{from: from, to: to, kind: kind} }
	for _, tc := range []struct {
		name string
		rule rule
		in   world
	}{
		{"passes, then flaky in 20 %", isFlaky, rate(0, 0.2, estimate.Flake)},
		{"passes, then flaky in 50 %", becameWorse, rate(0, 0.5, estimate.Flake)},
		{"flaky in 5 %, then in 50 %", becameWorse, rate(0.05, 0.5, estimate.Flake)},
		{"passes, then fails", becameWorse, rate(0, 1, estimate.Fail)},
		{"passes, then fails: its state", isFlaky, rate(0, 1, estimate.Fail)},
		{"fails, then passes", isFixed, rate(1, 0, estimate.Fail)},
		{"flaky in 50 %, then passes", isFixed, rate(0.5, 0, estimate.Flake)},
		{"runs that were not judged", isFlaky, world{to: 0.3, kind: estimate.Flake, silent: 0.1}},
		{"wrong clocks", isFlaky, world{to: 0.3, kind: estimate.Flake, wrong: 0.1}},
		{"a renamed test", isFlaky, world{to: 0.3, kind: estimate.Flake, renamed: 15}},
		{"twice as slow", isSlower, world{slower: 2, noise: 0.1}},
		{"twice as slow, with much noise", isSlower, world{slower: 2, noise: 0.3}},
		{"twice as slow, wrong clocks", isSlower, world{slower: 2, noise: 0.2, wrong: 0.1}},
		{"twice as slow, runs that were not judged", isSlower, world{slower: 2, noise: 0.2, silent: 0.1}},
		{"twice as slow, a renamed test", isSlower, world{slower: 2, noise: 0.2, renamed: 15}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			found, wrong := measure(tc.in, tc.rule, histories, seed), measure(tc.in.unchanged(), tc.rule, histories, seed+1)
			if 1-found.found > bound || wrong.found > bound || found.delay > within {
				t.Errorf("missed %.3f, false %.3f, after %d runs", 1-found.found, wrong.found, found.delay)
			}
		})
	}
}

// A rule that counts runs takes those that were not judged for failures, and ours does not.
func TestRunsThatWereNotJudged(t *testing.T) {
	w := world{kind: estimate.Flake, silent: 0.2}
	if got := measure(w, isFlaky, 50, seed); got.found != 0 {
		t.Errorf("ours called %.2f of good tests flaky", got.found)
	}
	if got := measure(w, others[1], 50, seed); got.found < 0.5 {
		t.Errorf("3 of 10 sees %.2f: the simulation plants none", got.found)
	}
}

func TestBounds(t *testing.T) {
	for _, tc := range []struct{ from, to, known float64 }{
		{0, 0.2, math.Pow(0.8, 30)}, {0.2, 0, 0}, {0, 0.1, math.Pow(0.9, 30)}, {0, 1, 0}, {1, 0, 0},
	} {
		if got := knownRates(tc.from, tc.to); math.Abs(got-tc.known) > 1e-9 {
			t.Errorf("%v -> %v: %v, want %v", tc.from, tc.to, got, tc.known)
		}
	}
	for _, p := range []float64{0.01, 0.02, 0.05, 0.1, 0.25} {
		known, learned := knownRates(p, 2*p), learnedRates(p, 2*p)
		if known < allowed || learned < allowed || learned > 1 {
			t.Errorf("%v -> %v: %v known, %v learned: a test could find that", p, 2*p, known, learned)
		}
	}
	sum := 0.0
	for k := range within + 1 {
		sum += binomial(k, within, 0.3)
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Error(sum)
	}
}

func TestTables(t *testing.T) {
	var out strings.Builder
	p := printer{&out, 1, seed}
	p.better()
	p.durations()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|") < 4 {
			t.Errorf("a row without cells: %s", line)
		}
	}
	if len(lines) < 18 {
		t.Errorf("only %d lines", len(lines))
	}
}
