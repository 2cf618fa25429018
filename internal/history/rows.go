package history

import (
	"cmp"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history/estimate"
)

// Row is one test in one run, for people and other programs.
type Row struct {
	Test    string      `json:"test"`
	Suite   string      `json:"suite,omitempty"`
	File    string      `json:"file,omitempty"`
	Run     string      `json:"run"`
	Started time.Time   `json:"started"`
	Ref     string      `json:"ref,omitempty"`
	SHA     string      `json:"sha,omitempty"`
	Main    bool        `json:"main"`
	Outcome e2e.Outcome `json:"outcome"`
	Seconds float64     `json:"seconds"`
	// SaysNothing: the run was not judged, or the environment was at fault; it changes no
	// statistic.
	SaysNothing bool `json:"says_nothing,omitempty"`
}

// Rows are the kept samples of all tests, by test, the newest run first.
func (s Stats) Rows() []Row {
	var rows []Row
	for _, id := range sortedIDs(s.tests) {
		k := s.tests[id]
		for _, x := range k.samples {
			rows = append(rows, Row{Test: id, Suite: k.suite, File: k.file, Run: x.record.RunID, Started: x.record.Started.UTC(), Ref: x.record.Ref, SHA: x.record.SHA,
				Main: x.record.onMain(), Outcome: x.outcome, Seconds: x.seconds,
				SaysNothing: x.silent || x.record.Nothing != ""})
		}
	}
	return rows
}

// TestStats is the summary of one test.
type TestStats struct {
	Test string `json:"test"`
	// Median and High are in seconds; 0: not known.
	Median float64 `json:"median_seconds"`
	High   float64 `json:"high_seconds"`
	// Runs is how many runs say something, since the outcomes last changed, Flaky and
	// Failed in how many of those it was flaky or failed.
	Runs   int `json:"runs"`
	Flaky  int `json:"flaky"`
	Failed int `json:"failed"`
	// Changed: the outcomes changed, and these runs are those since.
	Changed bool `json:"changed,omitempty"`
	// Bad is the rate of those that were flaky or failed, with its interval.
	Bad estimate.Rate `json:"bad"`
	// Trend is how many times as long it takes since it last became slower or faster: 1
	// where it did not; 0: too few.
	Trend float64 `json:"trend"`
	// Pace is that change, if there is one.
	Pace *Pace `json:"pace,omitempty"`
	// Recent is stable, flaky, new or failing-on-main, or empty where it is none of them.
	Recent string `json:"recent"`
	// State is what the test does now, in words of [Answer].
	State string `json:"state"`
	// Since is the first run of that state, and Before the one before it, where known.
	Since  *e2e.HistoryRun `json:"since,omitempty"`
	Before *e2e.HistoryRun `json:"before,omitempty"`
	// Variant that State is of, where they differ.
	Variant string `json:"variant,omitempty"`
	// Branches: runs of all branches count.
	Branches bool `json:"all_branches,omitempty"`
}

// enoughForTrend is the least number of durations for a trend.
const enoughForTrend = 6

// All returns the summaries of all tests, by test.
func (s Stats) All() []TestStats {
	list := make([]TestStats, 0, len(s.tests))
	for _, id := range sortedIDs(s.tests) {
		list = append(list, s.One(id))
	}
	return list
}

// One returns the summary of a test.
func (s Stats) One(id string) TestStats {
	a := s.Ask(id, "")
	t := TestStats{Test: id, High: s.High(id), Recent: a.recent(), State: a.State, Runs: a.Flakes.Runs, Flaky: a.Flakes.Count, Failed: a.Fails.Count,
		Changed: a.Changed, Bad: a.Bad(), Since: runOf(a.Since), Before: runOf(a.Before), Branches: a.Branches, Variant: a.Variant}
	t.Median, _ = s.Estimate(id)
	if p := s.Pace(id); p.Runs >= enoughForTrend {
		t.Trend = p.Ratio()
		if p.Changed() {
			t.Pace = &p
		}
	}
	return t
}

// Sort orders by a measure, the largest first.
func Sort(list []TestStats, by func(TestStats) float64) {
	slices.SortStableFunc(list, func(a, b TestStats) int { return cmp.Compare(by(b), by(a)) })
}
