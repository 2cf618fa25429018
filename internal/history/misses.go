package history

import (
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history/estimate"
)

// Misses are the tests that failed anew in a run of the default branch or the merge queue although the rules of affected leave them
// out for each of the changes since they passed.
type Misses struct {
	Count int `json:"count"`
	// Tests are some of them.
	Tests []string `json:"tests,omitempty" mask:"-"`
}

// Bounds of the ids in a record: how many, and bytes of each.
const (
	maxMisses    = 20
	longestMiss  = 1000
	missesWindow = 50 // runs that count
)

// bounded are the misses as a record may have them.
func (m *Misses) bounded() *Misses {
	if m == nil {
		return nil
	}
	ids := slices.DeleteFunc(slices.Clone(m.Tests), func(id string) bool { return len(id) > longestMiss })
	return &Misses{max(m.Count, 0), ids[:min(len(ids), maxMisses)]}
}

// MissesOf are the misses of a result.
func MissesOf(r e2e.Result) *Misses {
	m := &Misses{}
	for i := range r.Tests {
		t := &r.Tests[i]
		if !t.Missed {
			continue
		}
		if m.Count++; len(m.Tests) < maxMisses && len(t.Stable()) <= longestMiss {
			m.Tests = append(m.Tests, t.Stable())
		}
	}
	return m
}

// MissRun is a run with misses.
type MissRun struct {
	Run     string    `json:"run"`
	Started time.Time `json:"started"`
	SHA     string    `json:"sha,omitempty"`
	Misses
}

// AffectedMisses is how often affected overlooks a failure, of the newest judged runs that show it, and those in which it did, the
// newest first.
func (s Stats) AffectedMisses() (rate estimate.Rate, runs []MissRun) {
	seen := map[*Record]bool{}
	var records []*Record
	for _, k := range s.tests {
		for _, x := range k.samples {
			if r := x.record; r.Misses != nil && r.Nothing == "" && !seen[r] {
				seen[r] = true
				records = append(records, r)
			}
		}
	}
	slices.SortFunc(records, func(a, b *Record) int { return b.key(*a) })
	runsSeen := map[string]bool{}
	records = slices.DeleteFunc(records, func(r *Record) bool { // of several attempts of a run the newest counts
		again := runsSeen[r.RunID]
		runsSeen[r.RunID] = true
		return again
	})
	records = records[:min(len(records), missesWindow)]
	for _, r := range records {
		if r.Misses.Count > 0 {
			runs = append(runs, MissRun{r.RunID, r.Started.UTC(), r.SHA, *r.Misses})
		}
	}
	return estimate.RateOf(len(runs), len(records)), runs
}

// PassedLast is the commit of the newest run of the default branch that says something of a test, if it passed there.
func (s Stats) PassedLast(id, except string) (commit string, ok bool) {
	k := s.tests[id]
	if k == nil {
		return "", false
	}
	for _, x := range k.samples { // the newest first
		if x.says() && x.record.onMain() && x.record.RunID != except {
			return x.record.SHA, x.outcome == e2e.Passed
		}
	}
	return "", false
}
