package pipeline

import (
	"context"
	"fmt"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// Lint discovers tests, without starting background processes, and returns warnings, such
// as tests without an owner and expired quarantines.
func (s *Session) Lint(ctx context.Context) []diag.Message {
	var found []diag.Message
	warn := func(text, hint string) {
		found = append(found, diag.Message{File: s.opts.Config.File, Severity: diag.Warning, Text: text, Hint: hint})
	}
	f := newFlow(ctx, s.opts.Problems)
	tests := then(f, "discover tests", s.discover, none{}).work()
	stats, _, _ := s.loadHistory(ctx, none{})
	for _, p := range f.found() {
		warn(p.Text, "")
	}
	if len(tests) == 0 && len(f.found()) == 0 {
		warn(fmt.Sprintf("stage %s selects no test", s.run.Stage), "look at its select expression and at the tags of the tests")
	}
	for _, t := range tests {
		column := policy.Column(t)
		if t.Owner == "" && (column == e2e.ReleaseBlocking || column == e2e.ReleaseBlockingSmoke) {
			warn(fmt.Sprintf("%s blocks and has no owner", t.ID), "tag it owner:<team>, or give its suite an owner")
		}
	}
	for _, t := range tests {
		journey, _ := s.opts.Config.Journey(t.Journey)
		limit := float64(journey.FlakeThreshold)
		if limit <= 0 {
			continue
		}
		if r := stats.Ask(t.ID, "").Flakes; r.Exceeds(limit) {
			warn(fmt.Sprintf("%s was flaky in %d of its last %d runs (%.0f%%, likely between %.0f%% and %.0f%%), but journey %s allows %.0f%%: "+
				"it is too flaky to block", t.ID, r.Count, r.Runs, r.Share()*100, r.Low*100, r.High*100, journey.Name, limit*100),
				"fix it, or quarantine it with an owner and a deadline")
		}
	}
	for _, q := range s.opts.Quarantine {
		if policy.Expired(q.Deadline, s.opts.Now()) {
			warn(fmt.Sprintf("the quarantine of %s by %s ended on %s", q.Test, q.Owner, q.Deadline.Format("2006-01-02")), "fix or remove the test; it blocks again")
		}
	}
	return found
}
