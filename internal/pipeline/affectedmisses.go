package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/report"
)

// Bounds of what is looked at to find misses.
const (
	missedChanges = 20 // since a test passed
	missedTime    = 30 * time.Second
)

// showsMisses reports whether the run shows what affected overlooks: it runs everything, behind changes that did not.
func (s *Session) showsMisses() bool {
	return (s.run.DefaultBranch || s.run.Event == "merge_group") &&
		slices.ContainsFunc(s.opts.Config.Stages, func(one config.Stage) bool { return one.Affected })
}

// findMisses marks tests that failed anew although the rules of affected leave them out for each change since they passed. What is
// not known is no miss: a failure that the environment may have caused, or a change whose files git does not tell.
func (s *Session) findMisses(ctx context.Context, r *e2e.Result, stats history.Stats) {
	if !s.showsMisses() || r.Verdict.State == e2e.VerdictNotJudged {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, missedTime)
	defer cancel()
	known := map[string]*since{}
	for i := range r.Tests {
		t := &r.Tests[i]
		own := t.Category != e2e.EnvironmentFailure && t.Category != e2e.ExternalDependency && t.Category != e2e.DataCollision
		if t.Outcome != e2e.Failed || t.Environment != nil || t.BaseFails != nil || t.Unplanned || !own {
			continue
		}
		commit, passed := stats.PassedLast(t.Stable(), s.run.ID)
		if !passed {
			continue
		}
		if s.run.Event == "merge_group" {
			commit = s.opts.Changes.Base
		}
		if known[commit] == nil {
			known[commit] = s.changesSince(ctx, commit, r)
		}
		if all := known[commit]; all.leaveOut(t) {
			t.Missed = true
			t.Evidence = append(t.Evidence, e2e.Evidence{Kind: e2e.EvidenceTriage, Source: "affected", Text: fmt.Sprintf(
				"the rules of affected leave this test out for what changed since it passed (%s since commit %.10s); if that broke it, they lack a path or a need",
				report.Plural(len(all.changes), "change", "changes"), commit)})
		}
	}
}

// since are the changes since a commit, and what each affects.
type since struct {
	changes []affected
	// groups are those of which a change affects a test, by its position; tests of a group run together.
	groups []map[string]bool
}

// changesSince are the changes that came since a commit. There are none where they are not all known, or where one of them affects everything
// or none of the tests of a result: then everything runs.
func (s *Session) changesSince(ctx context.Context, commit string, r *e2e.Result) *since {
	none := &since{}
	var changes []change
	if s.run.Event == "merge_group" {
		changes = []change{{s.opts.ChangedPaths, commit}}
	} else {
		work := gitrepo.Checkout{Dir: s.opts.Root, Environ: s.opts.BaseEnv}
		commits, ok := work.FirstParents(ctx, commit, s.opts.Trigger.SHA, missedChanges)
		if !ok {
			return none
		}
		for _, one := range commits {
			files, ok := work.ChangedBy(ctx, one)
			if !ok {
				return none
			}
			changes = append(changes, change{files, commit})
		}
	}
	if len(s.opts.Config.Affected.Command) > 0 && s.plan != nil {
		return none // a job that only judges starts nothing
	}
	all := &since{}
	for _, one := range changes {
		a := s.affectedBy(ctx, one)
		if a.everything != "" || ctx.Err() != nil {
			return none
		}
		groups, some := map[string]bool{}, false
		for i := range r.Tests {
			if t := &r.Tests[i]; a.has(&t.Test, t.Suite) {
				some, groups[t.Group] = true, true
			}
		}
		if !some {
			return none
		}
		all.changes, all.groups = append(all.changes, a), append(all.groups, groups)
	}
	return all
}

// leaveOut reports whether there are changes and each of them leaves a test out.
func (a *since) leaveOut(t *e2e.TestResult) bool {
	for i := range a.changes {
		if a.changes[i].has(&t.Test, t.Suite) || t.Group != "" && a.groups[i][t.Group] {
			return false
		}
	}
	return len(a.changes) > 0
}

// tooManyMisses says why nothing is left out although rules say so: they are known to overlook too much. Empty: they are not.
func (s *Session) tooManyMisses(ctx context.Context) string {
	stats, _, err := s.loadHistory(ctx, none{})
	if err != nil {
		return ""
	}
	limit := float64(cmp.Or(s.opts.Config.Affected.MaxMisses, config.DefaultMaxMisses))
	rate, runs := stats.AffectedMisses()
	if !rate.Exceeds(limit) {
		return ""
	}
	return fmt.Sprintf("in %d of the last %d runs of the default branch and the merge queue a test failed that the rules leave out (%.0f %%, more than %.0f %%), "+
		"last in run %s; e2e-gate history show --affected-misses names them", rate.Count, rate.Runs, rate.Share()*100, limit*100, runs[0].Run)
}
