package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/verdict"
)

// Run is the whole stage on this machine.
func (s *Session) Run(ctx context.Context) e2e.Result {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f := newFlow(ctx, s.opts.Problems)
	ev := evidence{local: true}
	if len(verdict.Against(s.opts.Jobs)) > 0 {
		return s.conclude(f, nil, ev) // nothing that the tests could say would count
	}
	env, gates, found := s.enterWith(f, true)
	ev.stats = then(f, "read the history", s.loadHistory, none{})
	ev.plan = then(f, "plan", s.makePlan, planning{found, gates, ev.stats})
	then(f, "keep the plan", s.keepPlan, ev.plan)
	ev.earlier = then(f, "read earlier attempts", s.readEarlier, nil)
	s.runShards(f, env, &ev, gates, allShards(ev.plan)...)
	return s.conclude(f, env, ev)
}

// enterWith is [Session.enter] for what the suites hold: they are listed once the gates have passed, or before where
// it is needed to know which gates to wait for.
func (s *Session) enterWith(f *flow, early bool) (*environment, []e2e.Gate, discovered) {
	var found discovered
	listed := false
	list := func() []e2e.Test {
		found, listed = then(f, "discover tests", s.discover, none{}), true
		return found.work()
	}
	then(f, "prepare", s.prepare, none{})
	then(f, "look at the rate", s.checkRate, none{})
	env, gates := s.enter(f, list, early)
	if !listed {
		env.selected = list()
	}
	return env, gates, found
}

// testsOf are the tests of a shard of the adopted plan, with those that stand for batches.
func (s *Session) testsOf(index int) []e2e.Test {
	work := s.plan.Work()
	var list []e2e.Test
	for _, id := range s.plan.Shards[index].Tests {
		list = append(list, work[id])
	}
	return list
}

func allShards(p *e2e.Plan) []int {
	if p == nil {
		return nil
	}
	all := make([]int, len(p.Shards))
	for i := range all {
		all[i] = i
	}
	return all
}

// runShards runs shards of the plan and adds what came of it to the evidence.
func (s *Session) runShards(f *flow, env *environment, ev *evidence, gates []e2e.Gate, indexes ...int) {
	ev.gates = gates
	var tests []e2e.PlannedTest
	if ev.plan != nil {
		tests = ev.plan.Tests
	}
	did := then(f, "run the suites", env.execute(f), work{ev.plan, gates, ev.earlier, s.overhead(ev.stats, tests), indexes})
	ev.documents = localDocuments(did.docs)
	if did.gates != nil {
		ev.gates = did.gates
	}
}

// CheckGates brings the environment up, waits for the gates, and takes it down. With a service, that is what its
// tests need.
func (s *Session) CheckGates(ctx context.Context) ([]e2e.Gate, []e2e.Problem) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f := newFlow(ctx, s.opts.Problems)
	var selected func() []e2e.Test
	if name := s.run.Service; name != "" {
		selected = func() []e2e.Test { return []e2e.Test{{ID: "service " + name, Needs: []string{name}}} }
	}
	env, gates := s.enter(f, selected, false)
	f.add(env.stop(ctx)...)
	env.down()
	s.sweep()
	return gates, f.found()
}

// MakePlan checks the gates and writes plan.json. The problems say why a plan may
// not be complete; a plan behind gates that did not pass has no tests.
func (s *Session) MakePlan(ctx context.Context) (*e2e.Plan, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f := newFlow(ctx, s.opts.Problems)
	env, gates, found := s.enterWith(f, false)
	stats := then(f, "read the history", s.loadHistory, none{})
	plan := then(f, "plan", s.makePlan, planning{found, gates, stats})
	f.add(s.ended(f)...)
	f.add(env.stop(ctx)...)
	if plan == nil {
		plan = &e2e.Plan{Schema: e2e.PlanSchema, Run: s.run, Gates: gates, Tests: []e2e.PlannedTest{}, Shards: []e2e.PlanShard{}, Extends: s.extends()}
	}
	settle := func() error {
		plan.Problems = f.found()
		s.seal(plan)
		return s.writePlan(context.WithoutCancel(ctx), plan)
	}
	err := settle()
	env.down()
	if changed := s.changed(); err == nil && len(changed) > 0 {
		f.add(changed...)
		err = settle()
	}
	s.sweep()
	return plan, err
}

// Adopt uses a plan that another job made. It refuses a plan of another subject, of other
// tests and of another workflow run.
func (s *Session) Adopt(p *e2e.Plan) error {
	switch {
	case p.Run.Narrowed != nil:
		return errors.New("the plan is of a run that was narrowed to some tests of the stage; plan again")
	case p.Run.Repository != s.run.Repository:
		return fmt.Errorf("the plan is for the repository %q and this run is for %q; use the plan of this run", p.Run.Repository, s.run.Repository)
	case p.Run.SHA != s.run.SHA:
		return fmt.Errorf("the plan is for commit %q and this run is for %q; plan again", p.Run.SHA, s.run.SHA)
	case p.Run.TestsSHA != s.run.TestsSHA || p.Run.TestsRepository != s.run.TestsRepository:
		return fmt.Errorf("the plan is for tests of commit %q and this run has those of %q; check the same commit out in every job, and plan again",
			p.Run.TestsSHA, s.run.TestsSHA)
	case s.run.Named && (p.Run.Environment != s.run.Environment || p.Run.ProductVersion != s.run.ProductVersion):
		return fmt.Errorf("the plan is for environment %q and version %q and this run is for %q and %q; give every job the same subject",
			p.Run.Environment, p.Run.ProductVersion, s.run.Environment, s.run.ProductVersion)
	case p.Run.WorkflowRun != s.run.WorkflowRun:
		return fmt.Errorf("the plan is of workflow run %q and this is %q; use the plan of this run", p.Run.WorkflowRun, s.run.WorkflowRun)
	}
	attempt, version, blocks, job := s.run.WorkflowAttempt, s.run.Version, s.run.Blocks, s.run.Job
	s.run, s.plan = p.Run, p
	if p.Sum != "" {
		s.read = append(s.read, e2e.DocumentSum{File: "plan.json", SHA256: p.Sum})
	}
	// Whether the stage blocks is what the config says, and not a document.
	s.run.WorkflowAttempt, s.run.Version, s.run.Blocks, s.run.Job = attempt, version, blocks, job
	return nil
}

// Shard runs one shard of the adopted plan and writes its document. The result
// holds this shard's tests alone, judged by the same policy.
func (s *Session) Shard(ctx context.Context, index int, results ...string) e2e.Result {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f := newFlow(ctx, s.opts.Problems)
	ev := evidence{local: true, plan: s.plan}
	env, gates := s.enter(f, func() []e2e.Test { return s.testsOf(index) }, true)
	s.opts.Progress.Sharded(index, len(s.plan.Shards), len(s.plan.Shards[index].Tests), s.plan.Shards[index].Expected())
	ev.earlier = then(f, "read earlier attempts", s.readEarlier, results)
	s.runShards(f, env, &ev, gates, index)
	f.add(s.ended(f)...)
	f.add(env.stop(ctx)...)
	f.add(s.changed()...)
	r := s.settleShard(f, ev, env, index)
	env.down()
	if s.probed(f, env, &ev, r) {
		r = s.settleShard(f, ev, env, index)
	}
	if changed := s.changed(); len(changed) > 0 { // by a command that takes something down
		f.add(changed...)
		r = s.settleShard(f, ev, env, index)
	}
	s.sweep()
	return r
}

// settleShard judges the shard's own tests, and writes its document.
func (s *Session) settleShard(f *flow, ev evidence, env *environment, index int) e2e.Result {
	doc := s.shardDocument(index, ev, env.ends(), f.found())
	ev.plan, ev.documents = part(s.plan, index), localDocuments([]e2e.ShardRun{doc})
	ev.earlier.Failed = nil             // the verdict has all tests, and asks itself
	own := newFlow(f.ctx, nil)          // what was found so far is in the document
	ctx := context.WithoutCancel(f.ctx) // the verdict needs the document
	err := s.writeShards(ctx, []e2e.ShardRun{doc})
	var r e2e.Result
	if err != nil {
		r, _ = s.unwritten(ctx, own, ev, "the shard's document cannot be written: %v", err) // a context without an end
		return r
	}
	j, _ := s.judge(ctx, ev, nil)
	r, _ = s.redacted(ctx, j.result)
	return r
}

// shardDocument completes the shard's document, or makes one for a shard whose
// suites never started.
func (s *Session) shardDocument(index int, ev evidence, ends []e2e.ProcessEnd, problems []e2e.Problem) e2e.ShardRun {
	doc := e2e.ShardRun{Schema: e2e.ShardSchema, Run: s.run, Digest: s.plan.Digest, Index: index, Gates: ev.gates}
	if len(ev.documents) > 0 {
		doc = ev.documents[0].Shard
	} else {
		for _, id := range s.plan.Shards[index].Tests {
			doc.NotRun = append(doc.NotRun, e2e.NotRunTest{ID: id, Code: e2e.CodeGateShut, Reason: "the suites of its shard did not start"})
		}
	}
	doc.Ends = ends
	for _, p := range problems {
		p.Shard = index
		if p.Code == e2e.CodeAttemptsUnreadable {
			p.LosesEvidence = false // the verdict asks itself, and may know more
		}
		doc.Problems = append(doc.Problems, p)
	}
	return doc
}

// part is the plan of one shard alone.
func part(p *e2e.Plan, index int) *e2e.Plan {
	one := *p
	one.Measured = nil // other shards may report what this one does not
	one.Shards = p.Shards[index : index+1]
	its := map[string]bool{}
	for _, id := range one.Shards[0].Tests {
		its[id] = true
	}
	one.Tests = slices.DeleteFunc(slices.Clone(p.Tests), func(t e2e.PlannedTest) bool { return !its[t.ID] })
	one.Batches = slices.DeleteFunc(slices.Clone(p.Batches), func(b e2e.PlannedBatch) bool { return !its[b.ID] })
	return &one
}

// Verdict merges the shard documents below the results folder against the adopted
// plan and decides. It starts no process and probes no gate. A plan that was not read to its end, because the
// run was stopped, gives a result without tests, which is not judged.
func (s *Session) Verdict(ctx context.Context, results string) e2e.Result {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f := newFlow(ctx, s.opts.Problems)
	ev := evidence{plan: s.plan, gates: s.plan.Gates}
	if s.plan.Digest == "" {
		f.add(e2e.Problem{Code: e2e.CodeCancelled, LosesEvidence: true, Text: "the run was stopped while its plan was read, so the result has no tests"})
		return s.conclude(f, nil, evidence{})
	}
	then(f, "prepare", s.prepare, none{})
	ev.stats = then(f, "read the history", s.loadHistory, none{})
	f.add(s.plan.Problems...)
	ours := s.ours(ctx)
	ours.origins = s.origins
	docs, bad := ours.readShards(ctx, results)
	s.made(docs...)
	ev.documents, ev.unreadable, ev.results = docs, append(bad, s.unread(s.plan)...), ours.readRuns(results)
	ev.witnesses = s.witnesses(ctx, verdict.Found{Documents: docs, Results: ev.results, Unreadable: ev.unreadable})
	return s.conclude(f, nil, ev)
}
