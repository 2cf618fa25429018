package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/rerun"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/suite"
)

// execute runs shards of the plan on this machine: the smoke tests of all, then
// all others, then one rerun at a time.
func (s *Session) execute(ctx context.Context, indexes []int) error {
	r, tests, err := s.runner()
	if err != nil {
		return err
	}
	var list []*runner.Shard
	for _, i := range indexes {
		list = append(list, r.Shard(s.plan.Shards[i], tests))
	}
	// What a killed gate leaves behind is a document that says so.
	s.collect(list, false)
	if err := s.writeShards(); err != nil {
		return err
	}
	s.watch(ctx)
	err = phases(ctx, r, list)
	s.release(ctx, list...)
	for _, sh := range list {
		if err == nil {
			err = s.rerunShard(ctx, sh)
			s.release(ctx, sh)
		}
	}
	s.watched()
	s.collect(list, err == nil && ctx.Err() == nil)
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("stopped before everything had run: %w", context.Cause(ctx))
	}
	return err
}

// phases runs the first attempts. An error is a fault of ours; it must not cancel
// the other shards, whose evidence is good.
func phases(ctx context.Context, r *runner.Runner, list []*runner.Shard) error {
	for _, smoke := range []bool{true, false} {
		var group errgroup.Group
		queue := r.Queue(list, smoke)
		for _, sh := range list {
			group.Go(func() error {
				return safely(func() error { sh.Work(ctx, queue); return nil })
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// collect takes the shards' documents as they are now.
func (s *Session) collect(list []*runner.Shard, complete bool) {
	s.docs = s.docs[:0]
	for _, sh := range list {
		doc := sh.Document(s.gates, complete)
		doc.Logs = s.processes.LogFiles()
		s.docs = append(s.docs, doc)
	}
}

func (s *Session) runner() (*runner.Runner, map[string]e2e.Test, error) {
	suites := map[string]runner.Suite{}
	for _, spec := range s.opts.Config.Suites {
		adapter, err := suite.New(spec, s.opts.Root)
		if err != nil {
			return nil, nil, err
		}
		suites[spec.Name] = runner.Suite{Spec: spec, Adapter: adapter}
	}
	tests, seconds := map[string]e2e.Test{}, map[string]float64{}
	for _, t := range s.plan.Tests {
		if _, ok := suites[t.Suite]; !ok {
			return nil, nil, fmt.Errorf("the plan names suite %s, which the config does not have; plan and run with the same config", t.Suite)
		}
		tests[t.ID], seconds[t.ID] = t.Test, t.Estimate
	}
	return runner.New(runner.Config{
		Out: s.out, Run: s.run, Digest: s.plan.Digest, Shards: len(s.plan.Shards), Suites: suites, BaseEnv: s.opts.BaseEnv,
		Secrets: s.opts.Config.Secrets, Redact: s.redactLog, Progress: s.opts.Progress.Unit, Checkpoint: s.checkpoint(), Now: s.opts.Now,
		Isolation: s.isolation(), Hold: s.hold, Pull: s.opts.Config.Shards.Queue, Seconds: seconds, StartSeconds: s.overhead(),
	}), tests, nil
}

// checkpoint writes shard documents while shards run. A large document is written less
// often than a small one, so that writing takes a small part of the time; whoever reads
// it finds what had ended by then.
func (s *Session) checkpoint() func(e2e.ShardRun) {
	const small, share = 500, 20
	var mu sync.Mutex
	next := map[int]time.Time{}
	return func(doc e2e.ShardRun) {
		mu.Lock()
		defer mu.Unlock()
		began := s.opts.Now()
		if len(doc.Tests) > small && began.Before(next[doc.Index]) {
			return
		}
		doc.Gates, doc.Logs = s.gates, s.processes.LogFiles()
		// The document at the end says whether it could be written.
		_ = s.write(shardFile(doc.Index, doc.Run.WorkflowAttempt), doc)
		ended := s.opts.Now()
		next[doc.Index] = ended.Add(share * ended.Sub(began))
	}
}

// rerunShard gives the shard's failed tests their one diagnostic rerun, or the
// reason for none.
func (s *Session) rerunShard(ctx context.Context, sh *runner.Shard) error {
	state := s.rerunState(ctx, sh)
	records := refusals(sh, s.plan)
	decisions := rerun.Decide(state, s.guards())
	var allowed []string
	for _, d := range decisions {
		if d.Allowed {
			allowed = append(allowed, d.ID)
		}
	}
	done := map[string]bool{}
	if len(allowed) > 0 {
		s.opts.Progress.Rerun(fmt.Sprintf("one diagnostic rerun for %s", strings.Join(allowed, ", ")))
		if err := safely(func() error { done = sh.Rerun(ctx, allowed); return nil }); err != nil {
			return err
		}
	}
	for _, d := range decisions {
		r := e2e.RerunRecord{ID: d.ID, Done: done[d.ID], Reason: d.Reason}
		if d.Allowed && !r.Done {
			r.Reason = cmp.Or(sh.Refused(d.ID), "the rerun did not run the test, so it proves nothing")
		}
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b e2e.RerunRecord) int { return strings.Compare(a.ID, b.ID) })
	sh.Reran(records)
	return nil
}

func (s *Session) guards() rerun.Guards {
	cfg := s.opts.Config.Rerun
	g := rerun.Guards{MaxFailures: rerun.DefaultMaxFailures, MaxShare: rerun.DefaultMaxShare}
	if cfg.MaxFailures != nil {
		g.MaxFailures = *cfg.MaxFailures
	}
	if cfg.MaxShare > 0 {
		g.MaxShare = float64(cfg.MaxShare)
	}
	return g
}

func (s *Session) rerunState(ctx context.Context, sh *runner.Shard) rerun.State {
	state := rerun.State{AttemptsUnreadable: s.earlier.unreadable, Left: -1}
	units := sh.Document(nil, false).Units
	for _, t := range sh.Tests() {
		state.Ran++
		if e2e.OutcomeOf(t.Attempts) != e2e.Failed {
			continue
		}
		last := t.Attempts[len(t.Attempts)-1]
		state.Failures = append(state.Failures, rerun.Failure{
			ID: t.ID, Seconds: last.Seconds, Earlier: s.earlier.reran(t.ID), Crashed: last.Type == "panic" || died(units, last),
		})
	}
	if ctx.Err() != nil {
		state.Stopped = context.Cause(ctx).Error()
	}
	if deadline, ok := ctx.Deadline(); ok {
		state.Left = max(time.Until(deadline), 0)
	}
	if len(state.Failures) > 0 && state.Stopped == "" {
		state.Unhealthy = s.unhealthyNow(ctx)
	}
	return state
}

// died reports whether the process of an attempt was ended by a signal that was
// not ours.
func died(units []e2e.UnitRun, a e2e.Attempt) bool {
	return slices.ContainsFunc(units, func(u e2e.UnitRun) bool {
		return u.Ended == "signal" && slices.Contains(a.Files, u.Log)
	})
}

// unhealthyNow probes all gates once more: a rerun against a broken environment
// proves nothing.
func (s *Session) unhealthyNow(ctx context.Context) string {
	var bad []string
	for _, d := range s.processes.Deaths() {
		bad = append(bad, fmt.Sprintf("process %s ended: %s", d.Name, d.Text))
	}
	for _, g := range s.monitor.Recheck(ctx) {
		if !g.Open() {
			bad = append(bad, fmt.Sprintf("gate %s: %s", g.Name, g.Observed))
		}
	}
	return strings.Join(bad, ", ")
}

// noRerun are the reasons for which tests that never reported get none.
var noRerun = map[e2e.Code]string{
	e2e.CodeBuildFailed: "it does not build; a rerun would mask that",
	e2e.CodeRunnerExit:  "its process died before it reported; a rerun would mask that",
	e2e.CodeTimeout:     "its process was stopped at its timeout",
}

// refusals say why planned tests that never reported get no rerun.
func refusals(sh *runner.Shard, plan *e2e.Plan) []e2e.RerunRecord {
	doc := sh.Document(nil, false)
	reported := map[string]bool{}
	for _, t := range doc.Tests {
		reported[t.ID] = true
	}
	for _, t := range doc.NotRun {
		reported[t.ID] = true
	}
	for _, t := range plan.Tests {
		if t.Whole {
			reported[t.ID] = true // by the tests that its reports hold
		}
	}
	why := map[string]string{}
	for _, p := range doc.Problems {
		for _, id := range p.Tests {
			if reason, ok := noRerun[p.Code]; ok {
				why[id] = reason
			}
		}
	}
	var list []e2e.RerunRecord
	for _, id := range sh.Took() {
		if reported[id] {
			continue
		}
		reason := why[id]
		if reason == "" {
			reason = "it never reported, and a rerun labels failures only"
		}
		list = append(list, e2e.RerunRecord{ID: id, Reason: reason})
	}
	return list
}
