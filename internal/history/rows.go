package history

import (
	"cmp"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
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
	// Runs is how many of the newest runs say something, Flaky and Failed in how many of
	// those it was flaky or failed.
	Runs   int `json:"runs"`
	Flaky  int `json:"flaky"`
	Failed int `json:"failed"`
	// Trend is how the newer half of its durations compares with the older: 1.5 is half
	// as long again; 0: too few.
	Trend float64 `json:"trend"`
	// Recent is stable, flaky, new or failing-on-main.
	Recent string `json:"recent"`
}

// enoughForTrend is the least number of durations for a trend.
const enoughForTrend = 6

// All returns the summaries of all tests, by test.
func (s Stats) All() []TestStats {
	list := make([]TestStats, 0, len(s.tests))
	for _, id := range sortedIDs(s.tests) {
		t := TestStats{Test: id, High: s.High(id), Recent: s.Recent(id)}
		t.Median, _ = s.Estimate(id)
		for _, x := range s.recent(id) {
			t.Runs++
			switch x.outcome {
			case e2e.Flaky:
				t.Flaky++
			case e2e.Failed:
				t.Failed++
			default:
			}
		}
		if times := s.timed(id); len(times) >= enoughForTrend {
			t.Trend = median(times[:len(times)/2]) / median(times[len(times)/2:])
		}
		list = append(list, t)
	}
	return list
}

// Sort orders by a measure, the largest first.
func Sort(list []TestStats, by func(TestStats) float64) {
	slices.SortStableFunc(list, func(a, b TestStats) int { return cmp.Compare(by(b), by(a)) })
}
