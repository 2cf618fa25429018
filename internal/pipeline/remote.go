package pipeline

import (
	"context"
	"errors"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/verdict"
)

// Remote runs the shards of a plan on machines that share no disk with this one.
type Remote interface {
	// Run runs the shards of a plan that was written into the run's folder, and brings their documents into a folder, which it names. What is known of
	// earlier attempts of the workflow run decides about reruns. absent says of shards that left no document, or none that
	// is complete, why. The error means that nothing ran.
	Run(ctx context.Context, p *e2e.Plan, known verdict.Earlier, out string) (folder string, absent map[int]string, found []e2e.Problem, err error)
}

// RunOn is [Session.Run] with the shards on other machines: planned and judged here, run there. Gates and background processes
// are those of each shard's machine.
func (s *Session) RunOn(ctx context.Context, r Remote) e2e.Result {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f := newFlow(ctx, s.opts.Problems)
	var ev evidence
	if len(verdict.Against(s.opts.Jobs)) > 0 {
		return s.conclude(f, nil, ev) // nothing that the tests could say would count
	}
	s.opts.Progress.Started(s.run.Stage, s.run.ID)
	then(f, "prepare", s.prepare, none{})
	then(f, "look at the rate", s.checkRate, none{})
	found := then(f, "discover tests", s.discover, none{})
	ev.stats = then(f, "read the history", s.loadHistory, none{})
	ev.plan = then(f, "plan", s.makePlan, planning{found, nil, ev.stats})
	then(f, "keep the plan", s.keepPlan, ev.plan)
	known := then(f, "read earlier attempts", s.readEarlier, nil)
	folder := then(f, "run the shards", func(ctx context.Context, p *e2e.Plan) (string, []e2e.Problem, error) {
		folder, absent, found, err := r.Run(ctx, p, known, s.out)
		ev.absent = absent
		return folder, found, err
	}, ev.plan)
	if folder == "" {
		ev.local = true // nothing ran anywhere, so no shard is missing
		return s.conclude(f, nil, ev)
	}
	s.plan = ev.plan
	ours := s.ours(ctx)
	ours.origins = s.origins
	late := context.WithoutCancel(ctx) // what arrived before the run was stopped counts
	docs, bad := ours.readShards(late, append([]string{folder}, s.opts.Earlier...)...)
	s.made(docs...)
	ev.documents, ev.unreadable, ev.results = docs, append(bad, s.unread(s.plan)...), ours.readRuns(s.opts.Earlier...)
	ev.witnesses = s.witnesses(late, verdict.Found{Documents: docs, Results: ev.results, Unreadable: ev.unreadable})
	return s.conclude(f, nil, ev)
}

// PlanOnly makes the plan of [Session.RunOn] and writes it. The error says why it is none that could be run.
func (s *Session) PlanOnly(ctx context.Context) (*e2e.Plan, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f := newFlow(ctx, s.opts.Problems)
	then(f, "prepare", s.prepare, none{})
	found := then(f, "discover tests", s.discover, none{})
	stats := then(f, "read the history", s.loadHistory, none{})
	plan := then(f, "plan", s.makePlan, planning{found, nil, stats})
	then(f, "keep the plan", s.keepPlan, plan)
	s.sweep()
	var texts []string
	for _, p := range f.found() {
		if p.LosesEvidence {
			texts = append(texts, p.Text)
		}
	}
	switch {
	case len(texts) > 0:
		return nil, errors.New(strings.Join(texts, "\n"))
	case plan == nil || plan.Planned() == 0:
		return nil, errors.New(e2e.NoTests(plan != nil && len(plan.Deselected) > 0))
	}
	return plan, nil
}
