package pipeline

import (
	"context"
	"fmt"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// Lint discovers tests, without starting anything beside them, and returns what
// deserves a word: tests that nobody answers for, quarantines that are over.
func (s *Session) Lint(ctx context.Context) []diag.Message {
	var found []diag.Message
	warn := func(text, hint string) {
		found = append(found, diag.Message{File: s.opts.Config.File, Severity: diag.Warning, Text: text, Hint: hint})
	}
	s.through(ctx, stage{"discover tests", s.discover})
	for _, p := range s.problems {
		warn(p.Text, "")
	}
	if len(s.tests) == 0 && len(s.problems) == 0 {
		warn(fmt.Sprintf("stage %s selects no test", s.run.Stage), "look at its select expression and at the tags of the tests")
	}
	for _, t := range s.tests {
		column := policy.Column(t)
		if t.Owner == "" && (column == e2e.ReleaseBlocking || column == e2e.ReleaseBlockingSmoke) {
			warn(fmt.Sprintf("%s blocks and has no owner", t.ID), "tag it owner:<team>, or give its suite an owner")
		}
	}
	for _, q := range s.opts.Quarantine {
		if policy.Expired(q.Deadline, s.opts.Now()) {
			warn(fmt.Sprintf("the quarantine of %s by %s ended on %s", q.Test, q.Owner, q.Deadline.Format("2006-01-02")), "fix or remove the test; it blocks again")
		}
	}
	return found
}

// Problems are what went wrong so far.
func (s *Session) Problems() []e2e.Problem { return s.problems }
