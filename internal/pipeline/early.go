package pipeline

import (
	"context"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/verdict"
)

// Final are tests of the adopted plan that fail for good by the shard documents in some folders,
// while other shards still run: whatever these leave, the verdict is failed or not judged. A
// shard without a document is lost, as the verdict would have it. Anything that could still
// make a failure less than blocking keeps it out of the list.
func (s *Session) Final(ctx context.Context, folders ...string) ([]e2e.TestResult, error) {
	if !s.run.Blocks || s.plan == nil {
		return nil, nil
	}
	docs, bad := s.ours(ctx).readShards(ctx, folders...)
	problems := append(slices.Clone(s.opts.Problems), s.plan.Problems...)
	out, err := verdict.Within(ctx, s.input(evidence{plan: s.plan, gates: s.plan.Gates, documents: docs, unreadable: append(bad, s.unread(s.plan)...)}, problems))
	if err != nil {
		return nil, err
	}
	ended := map[string]bool{} // tests of shards that left a whole document in this attempt
	for _, doc := range out.Counted {
		if doc.Complete && doc.Run.WorkflowAttempt == s.run.WorkflowAttempt && !e2e.LoseEvidence(doc.Problems) {
			for _, id := range s.plan.Shards[doc.Index].Tests {
				ended[id] = true
			}
		}
	}
	var list []e2e.TestResult
	for _, t := range out.Result.Tests {
		if ended[t.ID] && s.failsForGood(t) {
			list = append(list, t)
		}
	}
	return list, nil
}

// failsForGood reports whether nothing can excuse a failed test any more.
func (s *Session) failsForGood(t e2e.TestResult) bool {
	repeated := func(a e2e.Attempt) bool { return a.Source == e2e.SourceDiagnostic || a.Source == e2e.SourceFramework }
	switch {
	case t.Outcome != e2e.Failed || t.Effect != e2e.Blocks || t.Unplanned || t.Context:
		return false
	case t.Set != "" || t.Twins > 1:
		return false // other documents may tell which of them it was
	case t.Environment != nil || t.Quarantine != nil && !t.Quarantine.Expired:
		return false
	case s.baseMayExcuse(t):
		return false
	}
	return slices.ContainsFunc(t.Attempts, repeated) &&
		!slices.ContainsFunc(t.Attempts, func(a e2e.Attempt) bool { return a.Outcome != e2e.Failed || a.Uncounted != "" })
}

// baseMayExcuse reports whether the verdict may find that the base fails too: it does not ask before all tests have ended.
func (s *Session) baseMayExcuse(t e2e.TestResult) bool {
	return strings.HasPrefix(s.run.Event, "pull_request") && s.opts.Config.Policy.Table().Effect(policy.RowBaseFails, policy.Column(t.Test)) != e2e.Blocks
}

// Shown are tests as people may read them.
func (s *Session) Shown(tests []e2e.TestResult) []e2e.TestResult {
	return safetext.Shown(s.opts.Redact, e2e.Result{Tests: tests}).Tests
}
