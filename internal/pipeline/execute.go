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
	"github.com/org/e2e-gate/internal/pressure"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/rerun"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/verdict"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// work is what a machine is to run.
type work struct {
	plan    *e2e.Plan
	gates   []e2e.Gate
	earlier verdict.Earlier
	// overhead is what one more process costs, in seconds.
	overhead float64
	// indexes are the shards of the plan that run here.
	indexes []int
}

// executed is the outcome of running the work.
type executed struct {
	docs []e2e.ShardRun
	// gates with what was seen of them meanwhile.
	gates []e2e.Gate
}

// execution runs shards of a plan on this machine.
type execution struct {
	*environment
	work   work
	f      *flow
	runner *runner.Runner
	suites map[string]runner.Suite
	shards []*runner.Shard
	files  evidenceFiles
	// tracked are the files that git tracks, once they were asked for.
	tracked map[string]bool
}

// execute runs shards of the plan on this machine: the smoke tests of all, then
// all others, then one rerun at a time.
func (env *environment) execute(f *flow) stage[work, executed] {
	return func(ctx context.Context, w work) (executed, []e2e.Problem, error) {
		x := &execution{environment: env, work: w, f: f}
		if err := x.prepare(); err != nil {
			return executed{gates: w.gates}, nil, err
		}
		// If the gate is killed, its document says that it is not complete.
		begun := x.documents(false)
		if err := env.writeShards(context.WithoutCancel(ctx), begun); err != nil {
			return executed{begun, w.gates}, nil, err
		}
		x.ready(ctx)
		env.watch(ctx)
		measured := measure(ctx)
		err := safely(func() error { return x.attempts(ctx) })
		short := measured()
		x.work.gates = env.watched(w.gates)
		docs := x.documents(err == nil && ctx.Err() == nil)
		for i := range docs {
			docs[i].Pressure = short
		}
		if err == nil && ctx.Err() == nil {
			env.askProbes(ctx, docs)
		}
		if err == nil && ctx.Err() != nil {
			err = fmt.Errorf("stopped before everything was run: %w", context.Cause(ctx))
		}
		if err == nil && env.plan != nil {
			f.add(x.renamed(ctx, docs)...)
		}
		return executed{docs, x.work.gates}, nil, err
	}
}

// measure asks this machine while batches run what it is short of; what is returned ends that.
func measure(ctx context.Context) func() []e2e.ShortTime {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	found := make(chan []pressure.Span, 1)
	go func() {
		ticker := time.NewTicker(pressure.Every)
		defer ticker.Stop()
		found <- pressure.Watch(ctx, ticker.C, pressure.Read)
	}()
	return func() []e2e.ShortTime {
		stop()
		var list []e2e.ShortTime
		for _, s := range <-found {
			list = append(list, e2e.ShortTime{From: s.From.UTC(), To: s.To.UTC(), What: s.What, Text: s.Text})
		}
		return list
	}
}

// ready does once what the processes of a suite share.
func (x *execution) ready(ctx context.Context) {
	planned, work := map[string][]e2e.Test{}, x.work.plan.Work()
	for _, i := range x.work.indexes {
		for _, id := range x.work.plan.Shards[i].Tests {
			t := work[id]
			planned[t.Suite] = append(planned[t.Suite], t)
		}
	}
	for _, spec := range x.opts.Config.Suites {
		p, ok := x.suites[spec.Name].Adapter.(suite.Preparer)
		if !ok || len(planned[spec.Name]) == 0 || ctx.Err() != nil {
			continue
		}
		began := false
		p.Prepare(proc.WithRedact(ctx, x.redactLog), planned[spec.Name], x.childEnv(spec.Env, spec.PassEnv), func() {
			began = true
			x.opts.Progress.Listing(spec.Name)
		})
		if began {
			x.opts.Progress.Listed(spec.Name, len(planned[spec.Name]))
		}
	}
}

// renamed says of tests that were planned elsewhere and that were not reported here whether the suite can list them at all now.
// Where it cannot, looking at the log of the batch would help no one.
func (x *execution) renamed(ctx context.Context, docs []e2e.ShardRun) (problems []e2e.Problem) {
	missing := map[string][]string{}
	work := x.work.plan.Work()
	for _, doc := range docs {
		known := map[string]bool{}
		for _, t := range doc.Tests {
			known[t.ID] = true
		}
		for _, t := range doc.NotRun {
			known[t.ID] = true
		}
		for _, id := range x.work.plan.Shards[doc.Index].Tests {
			if t := work[id]; !known[id] && t.ID != "" {
				missing[t.Suite] = append(missing[t.Suite], id)
			}
		}
	}
	for _, spec := range x.opts.Config.Suites {
		if len(missing[spec.Name]) == 0 {
			continue
		}
		found, _, err := x.discoverSuite(ctx, spec)
		if err != nil || len(found.tests) == 0 {
			continue // what is wrong with the suite is a problem of its own
		}
		listed := map[string]bool{}
		for _, t := range found.tests {
			listed[t.ID] = true
		}
		gone := slices.DeleteFunc(missing[spec.Name], func(id string) bool { return listed[id] })
		if len(gone) > 0 {
			problems = append(problems, e2e.Problem{Code: e2e.CodeLost, Unit: spec.Name, Tests: gone, LosesEvidence: true, Text: fmt.Sprintf(
				"suite %s has no such test now: %s; it was renamed or removed after the plan was made, so plan again", spec.Name, e2e.SomeOf(gone))})
		}
	}
	return problems
}

// attempts makes the first attempts, then the diagnostic reruns.
func (x *execution) attempts(ctx context.Context) error {
	err := phases(ctx, x.runner, x.shards)
	x.release(ctx, x.f, x.shards...)
	for _, sh := range x.shards {
		if err == nil {
			err = x.rerunShard(ctx, sh)
			x.release(ctx, x.f, sh)
		}
	}
	return err
}

// phases runs the first attempts. An error is an internal one; it must not cancel the
// other shards, whose evidence is still good.
func phases(ctx context.Context, r *runner.Runner, list []*runner.Shard) error {
	var before *runner.Queue
	for _, smoke := range []bool{true, false} {
		var group errgroup.Group
		queue := r.Queue(list, smoke)
		if before != nil {
			queue.Take(before) // smoke tests that had to wait for a gate
		}
		before = queue
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

// documents are the shards' documents as they are now.
func (x *execution) documents(complete bool) []e2e.ShardRun {
	var docs []e2e.ShardRun
	for _, sh := range x.shards {
		doc := sh.Document(x.work.gates, complete)
		doc.Logs = x.processes.LogFiles()
		docs = append(docs, doc)
	}
	addLogLines(x.out, x.work.plan.Tests, docs)
	x.files.add(x.out, docs, x.opts.Redact.String)
	x.findTracked(docs)
	return docs
}

func (x *execution) prepare() error {
	cfg, err := x.config()
	if err != nil {
		return err
	}
	cfg.Progress, cfg.Checkpoint = x.opts.Progress.Unit, x.checkpoint()
	x.runner, x.suites = runner.New(cfg), cfg.Suites
	x.mu.Lock()
	x.wake = x.runner.Wake
	x.mu.Unlock()
	tests := x.work.plan.Work()
	for _, i := range x.work.indexes {
		x.shards = append(x.shards, x.runner.Shard(x.work.plan.Shards[i], tests))
	}
	return nil
}

// config is what the runner needs, without what it tells others meanwhile.
func (x *execution) config() (runner.Config, error) {
	suites := map[string]runner.Suite{}
	for _, spec := range x.opts.Config.Suites {
		adapter, err := suite.New(spec, x.opts.Root)
		if err != nil {
			return runner.Config{}, err
		}
		suites[spec.Name] = runner.Suite{Spec: spec, Adapter: adapter}
	}
	seconds, batches := map[string]float64{}, map[string]string{}
	for _, t := range x.work.plan.Work() {
		if _, ok := suites[t.Suite]; !ok {
			return runner.Config{}, fmt.Errorf("the plan has suite %s, but the config does not; plan and run with the same config", t.Suite)
		}
	}
	for _, t := range x.work.plan.Tests {
		seconds[t.ID] = t.Estimate
	}
	whole := map[string]int{}
	for _, t := range x.work.plan.Tests {
		whole[t.Suite]++
	}
	for _, d := range x.work.plan.Deselected {
		delete(whole, d.Suite)
	}
	for _, b := range x.work.plan.Batches {
		batches[b.Unit], seconds[b.ID] = b.ID, b.Estimate
	}
	return runner.Config{
		Root: x.opts.Root, Out: x.out, Run: x.run, Digest: x.work.plan.Digest, Shards: len(x.work.plan.Shards), Suites: suites, BaseEnv: x.opts.BaseEnv,
		Secrets: x.opts.Config.Secrets, Redact: x.redactLog, Now: x.opts.Now,
		Isolation: x.isolation(), IsolationScope: x.opts.Config.Isolation.Scope, Hold: x.hold, Waits: x.waits,
		Pull: x.opts.Config.Shards.Queue, Batches: batches, Whole: whole, Seconds: seconds, StartSeconds: x.work.overhead,
	}, nil
}

// checkpoint writes shard documents while shards run. A large document is written less
// often than a small one, so that writing takes a small part of the time; whoever reads
// it finds what had ended by then.
func (x *execution) checkpoint() func(e2e.ShardRun) {
	const small, share = 500, 20
	gates := x.work.gates
	var mu sync.Mutex
	next := map[int]time.Time{}
	return func(doc e2e.ShardRun) {
		mu.Lock()
		defer mu.Unlock()
		began := x.opts.Now()
		if len(doc.Tests) > small && began.Before(next[doc.Index]) {
			return
		}
		doc.Gates, doc.Logs = x.asDecided(gates), x.processes.LogFiles()
		// The document at the end says whether it could be written.
		_ = x.writeShards(context.Background(), []e2e.ShardRun{doc})
		ended := x.opts.Now()
		next[doc.Index] = ended.Add(share * ended.Sub(began))
	}
}

// rerunShard gives the shard's failed tests their one diagnostic rerun, or the
// reason for none.
func (x *execution) rerunShard(ctx context.Context, sh *runner.Shard) error {
	state := x.rerunState(ctx, sh)
	records := refusals(sh, x.work.plan)
	decisions := rerun.Decide(state, x.guards())
	var allowed []string
	for _, d := range decisions {
		if d.Allowed {
			allowed = append(allowed, d.ID)
		}
	}
	done := map[string]bool{}
	if len(allowed) > 0 {
		x.opts.Progress.Rerun(fmt.Sprintf("one diagnostic rerun for %s", strings.Join(allowed, ", ")))
		if err := safely(func() error { done = sh.Rerun(ctx, allowed); return nil }); err != nil {
			return err
		}
	}
	for _, d := range decisions {
		r := e2e.RerunRecord{ID: d.ID, Done: done[d.ID], Reason: d.Reason}
		if d.Allowed {
			r.Beside = sh.Beside(d.ID)
		}
		if d.Allowed && !r.Done {
			r.Reason = cmp.Or(sh.Refused(d.ID), rerun.Absent(d.ID))
		}
		records = append(records, r)
	}
	records = append(records, keptRecords(sh, decisions, done)...)
	slices.SortFunc(records, func(a, b e2e.RerunRecord) int { return strings.Compare(a.ID, b.ID) })
	sh.Reran(records)
	return nil
}

// keptRecords say what became of tests that a failed one kept from running: they are run again
// with it, or not at all.
func keptRecords(sh *runner.Shard, decisions []rerun.Decision, done map[string]bool) []e2e.RerunRecord {
	allowed := map[string]bool{}
	for _, d := range decisions {
		allowed[d.ID] = d.Allowed
	}
	var list []e2e.RerunRecord
	for _, t := range sh.Tests() {
		if len(t.Attempts) == 0 || !t.Attempts[0].Kept {
			continue
		}
		r := e2e.RerunRecord{ID: t.ID, Done: done[t.ID]}
		by, known := t.Attempts[0].KeptBy, false
		if by != "" {
			_, known = allowed[by]
		}
		switch {
		case !known:
			r.Reason = "it never ran, and no failed test is known that kept it from running"
		case !allowed[by]:
			r.Reason = fmt.Sprintf("%s kept it from running, and gets no rerun", by)
		case r.Done:
			r.Reason = fmt.Sprintf("%s kept it from running, and was run again", by)
		default:
			r.Reason = cmp.Or(sh.Refused(t.ID), "the rerun did not run the test, so it proves nothing")
		}
		list = append(list, r)
	}
	return list
}

func (s *Session) guards() rerun.Guards {
	if s.opts.NoRerun {
		return rerun.Guards{}
	}
	cfg := s.opts.Config.Rerun
	g := rerun.Guards{MaxFailures: rerun.DefaultMaxFailures, MaxShare: rerun.DefaultMaxShare}
	if cfg.MaxFailures != nil {
		g.MaxFailures = *cfg.MaxFailures
	}
	if cfg.MaxShare > 0 {
		g.MaxShare = float64(cfg.MaxShare)
	}
	if s.run.Narrowed != nil {
		g.MaxShare = 1 // that all of a few failed says nothing of the environment
	}
	return g
}

func (x *execution) rerunState(ctx context.Context, sh *runner.Shard) rerun.State {
	state := rerun.State{AttemptsUnreadable: x.work.earlier.Unreadable, Left: -1}
	units := sh.Document(nil, false).Units
	for _, t := range sh.Tests() {
		state.Ran++
		if e2e.OutcomeOf(t.Attempts) != e2e.Failed {
			continue
		}
		cause, seconds := sh.Cause(t.ID)
		state.Failures = append(state.Failures, rerun.Failure{
			ID: t.ID, Cause: cause, Seconds: seconds, Earlier: x.work.earlier.Rerun(t.ID), Crashed: attempts.Died(units, t.Attempts),
			Retries: attempts.RetriesUsed(t.Attempts),
		})
	}
	if ctx.Err() != nil {
		state.Stopped = context.Cause(ctx).Error()
	}
	if deadline, ok := ctx.Deadline(); ok {
		state.Left = max(time.Until(deadline), 0)
	}
	if len(state.Failures) > 0 && state.Stopped == "" {
		bad := x.unhealthyNow(ctx)
		for i := range state.Failures {
			state.Failures[i].Unhealthy = bad.of(x.planned(sh, state.Failures[i].ID))
		}
	}
	return state
}

// planned is the test that was planned for a failed one: itself, or what stands for its batch. Of one that
// was not planned nothing is known.
func (x *execution) planned(sh *runner.Shard, id string) e2e.Test {
	if t, ok := sh.Planned(id); ok {
		return t
	}
	return e2e.Test{ID: id}
}

// ills are what is not healthy, in words, with the scopes of those who need it.
type ills []struct {
	scope *e2e.Scope
	text  string
}

// of is what a test needs of it.
func (s ills) of(t e2e.Test) string {
	var bad []string
	for _, one := range s {
		if one.scope.NeededBy(&t) {
			bad = append(bad, one.text)
		}
	}
	return strings.Join(bad, ", ")
}

// unhealthyNow probes all gates once more: a rerun against a broken environment
// proves nothing.
func (env *environment) unhealthyNow(ctx context.Context) (bad ills) {
	add := func(scope *e2e.Scope, format string, args ...any) {
		bad = append(bad, struct {
			scope *e2e.Scope
			text  string
		}{scope, fmt.Sprintf(format, args...)})
	}
	for _, d := range env.processes.Deaths() {
		add(d.Scope, "background process %s exited: %s", d.Name, d.Text)
	}
	for _, g := range env.monitor.Recheck(ctx) {
		if !g.Open() {
			add(g.Scope, "gate %s: %s", g.Name, g.Observed)
		}
	}
	return bad
}

// noRerun are the reasons why tests that never reported get no rerun.
var noRerun = map[e2e.Code]string{
	e2e.CodeBuildFailed: "it does not build; a rerun would mask that",
	e2e.CodeRunnerExit:  "its process died before it reported; a rerun would mask that",
	e2e.CodeTimeout:     "its process was stopped at its timeout",
	e2e.CodeStalled:     "its process was ended because it stalled",
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
	for _, b := range plan.Batches {
		reported[b.ID] = true // by the tests that its reports hold
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
