package main

import (
	"bytes"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// The promises of docs/verdict.md: at most 0.5 % of regressions are excused, and after three judged runs at least 95 % of the failures
// that the base has. The small number of worlds allows for its own error.
func TestWhatIsExcused(t *testing.T) {
	need.NoRaceDetector(t)
	worlds := 4000
	if testing.Short() {
		worlds = 1000
	}
	const seed = 20261130
	t.Logf("seed %d, %d worlds", seed, worlds)
	for _, rate := range redRates {
		if got := share(world{fails: rate, regression: true}, ours, worlds, seed); got > 0.008 {
			t.Errorf("base red in %.0f %% of runs: %.2f %% of regressions are excused", rate*100, got*100)
		}
	}
	for _, n := range ages {
		got := share(world{brokenFor: n}, ours, worlds, seed)
		if n >= 3 && got < 0.94 || n < 3 && got > 0 {
			t.Errorf("base broken since %d runs: %.2f %% are excused", n, got*100)
		}
		if got := share(world{brokenFor: n, regression: true}, ours, worlds, seed); got > 0.008 {
			t.Errorf("base broken since %d runs: %.2f %% of regressions are excused", n, got*100)
		}
	}
	var out bytes.Buffer
	print(&out, 10, seed)
	if bytes.Count(out.Bytes(), []byte("| ")) < 40 {
		t.Errorf("%s", &out)
	}
}
