package history

import (
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Covered is what earlier runs reported of the tests that a quarantine entry covers.
type Covered struct {
	// Tests is how many of them are known.
	Tests int `json:"tests"`
	// LastBad is the start of the newest run in which one failed or was flaky; zero
	// where none did.
	LastBad time.Time `json:"last_bad,omitzero"`
	// PassesSince is the start of the first run after that in which one passed, and Runs
	// how many runs have passed since.
	PassesSince time.Time `json:"passes_since,omitzero"`
	Runs        int       `json:"passing_runs"`
	// Enough: those runs are enough to say that the tests pass.
	Enough bool `json:"enough_runs"`
}

// Covered sums up the tests for which match is true.
func (s Stats) Covered(match func(id string) bool) Covered {
	var c Covered
	var list []sample
	passes := true
	for id, k := range s.tests {
		if !match(id) {
			continue
		}
		c.Tests++
		passes = passes && s.Ask(id, "").Passes()
		for _, x := range k.samples {
			if x.says() {
				list = append(list, x)
			}
		}
	}
	slices.SortFunc(list, sample.newer)
	var runs []string
	for _, x := range list {
		if x.outcome != e2e.Passed {
			c.LastBad = x.record.Started.UTC()
			break
		}
		c.PassesSince = x.record.Started.UTC()
		if !slices.Contains(runs, x.record.RunID) {
			runs = append(runs, x.record.RunID)
		}
	}
	c.Runs = len(runs)
	c.Enough = c.Runs > 0 && passes
	return c
}
