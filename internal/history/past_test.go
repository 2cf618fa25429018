package history

import (
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestPast(t *testing.T) {
	const main, pr = "refs/heads/main", "refs/pull/1/merge"
	streak := func(n int) (list []Record) {
		for i := range n {
			list = append(list, run(i, main, e2e.Failed, 1))
		}
		return list
	}
	for name, tc := range map[string]struct {
		records []Record
		except  string
		state   string
		text    string
	}{
		"unknown":       {nil, "", New, "new, no earlier run is known"},
		"only this run": {[]Record{run(0, main, e2e.Failed, 1)}, "e2e-a", New, "new, no earlier run is known"},
		"passed once":   {[]Record{run(0, main, e2e.Passed, 1)}, "", Stable, "new, passed in the last run"},
		"passed":        {[]Record{run(0, main, e2e.Passed, 1), run(1, pr, e2e.Passed, 1)}, "", Stable, "new, passed in the last 2 runs"},
		"failing on main": {[]Record{run(0, main, e2e.Passed, 1), run(1, main, e2e.Failed, 1), run(2, main, e2e.Failed, 1), run(3, pr, e2e.Passed, 1)}, "",
			FailingOnMain, "failing on main since 2026-11-01 (2 runs)"},
		"but for this run": {[]Record{run(0, main, e2e.Passed, 1), run(1, main, e2e.Failed, 1)}, "e2e-b", Stable, "new, passed in the last run"},
		"skipped between": {[]Record{run(0, main, e2e.Failed, 1), run(1, main, e2e.Skipped, 0), run(2, main, e2e.Failed, 1)}, "", FailingOnMain,
			"failing on main since 2026-11-01 (2 runs)"},
		"flaky ends it": {[]Record{run(0, main, e2e.Failed, 1), run(1, main, e2e.Flaky, 1)}, "", Flaky, "flaky in 1 and failed in 1 of the last 2 runs"},
		"flaky": {[]Record{run(0, main, e2e.Flaky, 1), run(1, main, e2e.Passed, 1), run(2, pr, e2e.Flaky, 1)}, "", Flaky,
			"flaky in 2 of the last 3 runs"},
		"failed on a pull":  {[]Record{run(0, main, e2e.Passed, 1), run(1, pr, e2e.Failed, 1)}, "", Stable, "failed in 1 of the last 2 runs, passes on main"},
		"failed somewhere":  {[]Record{run(0, pr, e2e.Failed, 1)}, "", Stable, "failed in the last run"},
		"fixed on main":     {[]Record{run(0, main, e2e.Failed, 1), run(1, main, e2e.Passed, 1)}, "", Stable, "failed in 1 of the last 2 runs, passes on main"},
		"flaked once":       {[]Record{run(0, pr, e2e.Flaky, 1)}, "", Flaky, "flaky in the last run"},
		"longer than known": {streak(65), "", FailingOnMain, "failing on main since 2026-11-01 or longer (60 or more runs)"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Fold(tc.records).Past("t", tc.except)
			if got.State != tc.state || got.Text != tc.text {
				t.Errorf("%s: %s", got.State, got.Text)
			}
			if got.State == FailingOnMain && (got.Since.IsZero() || got.Since.Location() != time.UTC) {
				t.Errorf("since %v", got.Since)
			}
		})
	}
	if Fold(streak(1)).Past("", "") != nil {
		t.Error("a test without an id has a past")
	}
}

// Two shards or attempts of one run are one run of a streak.
func TestPastCountsRuns(t *testing.T) {
	again := run(1, "refs/heads/main", e2e.Failed, 1)
	again.Attempt = 2
	got := Fold([]Record{run(1, "refs/heads/main", e2e.Failed, 1), again}).Past("t", "")
	if got.Streak != 1 || got.Longer {
		t.Errorf("%+v", got)
	}
}

func TestCovered(t *testing.T) {
	other := run(2, "", e2e.Failed, 1)
	other.Tests[0].ID = "u"
	stats := Fold([]Record{run(0, "", e2e.Passed, 1), run(1, "", e2e.Flaky, 1), other, run(3, "", e2e.Passed, 1), run(4, "", e2e.Lost, 0),
		run(5, "", e2e.Passed, 1)})
	for id, want := range map[string]Covered{
		"t":    {Tests: 1, LastBad: day0.Add(time.Hour), PassesSince: day0.Add(3 * time.Hour), Runs: 2},
		"u":    {Tests: 1, LastBad: day0.Add(2 * time.Hour)},
		"tu":   {Tests: 2, LastBad: day0.Add(2 * time.Hour), PassesSince: day0.Add(3 * time.Hour), Runs: 2},
		"none": {},
	} {
		if got := stats.Covered(func(test string) bool { return id != "none" && strings.Contains(id, test) }); got != want {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
	}
}
