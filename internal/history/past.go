package history

import (
	"fmt"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Past says what earlier runs recorded of a test that failed or was flaky. It ignores
// runs with the id except. It is nil only for a test without an id.
//
// A streak is of the default branch: its newest run that says something of the test
// failed, and so did those before it, back to Since.
func (s Stats) Past(id, except string) *e2e.TestHistory {
	if id == "" {
		return nil
	}
	h := &e2e.TestHistory{State: New, Text: "new, no earlier run is known"}
	for _, x := range s.recent(id) {
		if x.record.RunID == except {
			continue
		}
		h.Runs++
		switch x.outcome {
		case e2e.Flaky:
			h.Flaky++
		case e2e.Failed:
			h.Failed++
		default:
		}
	}
	if h.Runs > 0 {
		h.State = Stable
		onMain := s.streak(id, except, h)
		describe(h, onMain)
	}
	return h
}

// streak counts the runs on the default branch in which the test failed, from the
// newest back to the first that did not. It reports whether any run there is known.
func (s Stats) streak(id, except string, h *e2e.TestHistory) (onMain bool) {
	var runs []string
	known := 0
	for _, x := range s.tests[id].samples {
		if !x.says() || !x.record.onMain() || x.record.RunID == except {
			continue
		}
		onMain = true
		if known++; x.outcome != e2e.Failed {
			known = 0
			break
		}
		h.Since = x.record.Started.UTC()
		if !slices.Contains(runs, x.record.RunID) {
			runs = append(runs, x.record.RunID)
		}
	}
	h.Streak = len(runs)
	h.Longer = known >= samples // older runs are not kept
	return onMain
}

func describe(h *e2e.TestHistory, onMain bool) {
	switch {
	case h.Streak > 0:
		h.State, h.Text = FailingOnMain, fmt.Sprintf("failing on main since %s (%s)", h.Since.Format(time.DateOnly), runs(h.Streak))
		if h.Longer {
			h.Text = fmt.Sprintf("failing on main since %s or longer (%d or more runs)", h.Since.Format(time.DateOnly), h.Streak)
		}
	case h.Flaky > 0 && h.Failed > 0:
		h.State, h.Text = Flaky, fmt.Sprintf("flaky in %d and failed in %d of the last %s", h.Flaky, h.Failed, runs(h.Runs))
	case h.Flaky > 0:
		h.State, h.Text = Flaky, "flaky in "+of(h.Flaky, h.Runs)
	case h.Failed > 0 && onMain:
		h.Text = "failed in " + of(h.Failed, h.Runs) + ", passes on main"
	case h.Failed > 0:
		h.Text = "failed in " + of(h.Failed, h.Runs)
	case h.Runs == 1:
		h.Text = "new, passed in the last run"
	default:
		h.Text = "new, passed in the last " + runs(h.Runs)
	}
}

// of is "3 of the last 20 runs", or "the last run".
func of(n, all int) string {
	if all == 1 {
		return "the last run"
	}
	return fmt.Sprintf("%d of the last %s", n, runs(all))
}

func runs(n int) string {
	if n == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", n)
}
