package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/history/estimate"
)

func TestSentences(t *testing.T) {
	run := func(id, sha string, day int) *e2e.HistoryRun {
		return &e2e.HistoryRun{Run: id, SHA: sha, Started: time.Date(2026, 11, day, 9, 0, 0, 0, time.UTC)}
	}
	flaky := history.TestStats{
		State: "flaky", Runs: 20, Flaky: 3, Changed: true, Bad: estimate.RateOf(3, 20), Branches: true,
		Since: run("b", "0123456789abcdef", 2), Before: run("a", "", 1),
		Pace: &history.Pace{Pace: estimate.Pace{Start: 9, From: 3.1, To: 6.5}, Since: run("c", "feed", 3)},
	}
	faster := history.TestStats{State: "not_enough_data", Pace: &history.Pace{Pace: estimate.Pace{Start: 9, From: 6, To: 3}, Since: run("c", "", 3)}}
	for _, tc := range []struct {
		test history.TestStats
		want []string
	}{
		{flaky, []string{
			"flaky since 2026-11-02, run b, commit 0123456789ab; the run before it was 2026-11-01, run a",
			"flaky in 3 and failed in 0 of the last 20 runs on all branches since its outcomes last changed (15 %, 90 % between 6 % and 31 %)",
			"slower since 2026-11-03, run c, commit feed (x2.1, from 3.10 s to 6.50 s)",
		}},
		{faster, []string{"not enough data", "faster since 2026-11-03, run c (x0.5, from 6.00 s to 3.00 s)"}},
		{history.TestStats{State: "failing-on-main"}, []string{"failing on main"}},
		{history.TestStats{State: "stable", Runs: 1, Bad: estimate.RateOf(0, 1)}, []string{
			"stable", "flaky in 0 and failed in 0 of the last 1 run (0 %, 90 % between 0 % and 77 %)",
		}},
	} {
		if diff := cmp.Diff(tc.want, sentences(tc.test)); diff != "" {
			t.Error(diff)
		}
	}
	if got := rate(estimate.RateOf(3, 20)); got != "15 % (6-31)" {
		t.Error(got)
	}
	if got := rate(estimate.Rate{}); got != "-" {
		t.Error(got)
	}
}
