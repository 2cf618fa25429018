package pipeline

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/verdict"
)

// conclude is the one way out of a run: end the background processes, judge, and write
// everything down before anything goes over a network.
func (s *Session) conclude(f *flow, env *environment, ev evidence) e2e.Result {
	f.add(s.ended(f)...)
	f.add(env.stop(f.ctx)...)
	ev.ends = env.ends()
	f.add(s.changed()...)
	keep := func() {} // what failed tests do at the base is part of the verdict that is remembered
	remember := func(run context.Context, plan *e2e.Plan, j judged) { keep = func() { s.remember(run, plan, j) } }
	if env == nil || !s.probes() {
		remember = s.remember
	}
	r := s.settle(f, ev, remember)
	env.down()
	if env == nil && r.Verdict.State == e2e.VerdictNotJudged {
		// No process was started that could have changed a document, and no change can make this one pass. To read
		// gigabytes again would take what time there is after a signal.
		s.sweep()
		return r
	}
	if s.probed(f, env, &ev, r) {
		r = s.settle(f, ev, remember)
	}
	keep()
	if changed := s.changed(); len(changed) > 0 { // by a command that takes something down
		f.add(changed...)
		r = s.settle(f, ev, nil)
	}
	s.sweep()
	return r
}

// settle judges, and writes everything down. Where the run is stopped meanwhile, it does so once
// more, as a run that was stopped, within [lateTime]; and where that is too short, without its tests.
func (s *Session) settle(f *flow, ev evidence, remember func(context.Context, *e2e.Plan, judged)) e2e.Result {
	if f.ctx.Err() == nil {
		if r, err := s.settleWithin(f.ctx, f, ev, remember); err == nil {
			return r
		}
	}
	f.add(s.ended(f)...)
	late, cancel := s.late(f.ctx)
	defer cancel()
	if r, err := s.settleWithin(late, f, ev, remember); err == nil {
		return r
	}
	return s.partial(f, ev)
}

// lateTime is how long judging and writing may go on after a signal. It leaves a part of the 6 s
// in which a runner kills the gate.
const lateTime = 3 * time.Second

// afterEnd is the context of what is done after the run was stopped.
func (s *Session) afterEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	within := lateTime
	if errors.Is(context.Cause(ctx), runner.ErrStageTimeout) {
		within = max(within, reserve(s.opts.Stage.Timeout)/2)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), within)
}

// settleWithin is settle within a context; the error is that it ended.
func (s *Session) settleWithin(ctx context.Context, f *flow, ev evidence, remember func(context.Context, *e2e.Plan, judged)) (e2e.Result, error) {
	j, err := s.judge(ctx, ev, f.found())
	if err != nil {
		return e2e.Result{}, err
	}
	r, err := s.redacted(ctx, refer(j.result))
	if err != nil {
		return e2e.Result{}, err
	}
	err = safely(func() error {
		r, err = s.writeDown(ctx, ev.plan, j, r)
		if remember != nil && (err == nil || ctx.Err() == nil) {
			remember(f.ctx, ev.plan, j)
		}
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return e2e.Result{}, ctx.Err()
	case err != nil:
		if r, err = s.unwritten(ctx, f, ev, "the result cannot be written: %v", err); err != nil {
			return e2e.Result{}, err
		}
		s.correct(r)
	}
	return r, nil
}

// partial is the result of a run that was stopped, and had no time to judge and write its tests.
func (s *Session) partial(f *flow, ev evidence) e2e.Result {
	why := e2e.Problem{Code: e2e.CodeCancelled, LosesEvidence: true, Text: "the run was stopped while its result was made, so the result has no tests; " +
		"what they reported is in the documents of the shards. Run again, or give the stage a longer timeout"}
	if errors.Is(context.Cause(f.ctx), runner.ErrStageTimeout) {
		why.Code = e2e.CodeTimeout
	}
	f.add(why)
	r := verdict.Of(verdict.In{
		Run: s.run, Gates: ev.gates, Problems: f.found(), Table: s.opts.Config.Policy.Table(), Judging: s.opts.Judging, Now: s.opts.Now(),
	}).Result
	if ev.plan != nil {
		r.Plan = verdict.Summary(ev.plan)
	}
	r = safetext.Redacted(s.opts.Redact, r)
	ctx := context.WithoutCancel(f.ctx) // it is small
	r.Documents = s.sources(judged{})
	err := errors.Join(s.write(ctx, "result.json", &r), s.render(ctx, r))
	if err != nil {
		s.correct(r)
	}
	return r
}

// unwritten is the result of a run whose documents cannot be written: the same evidence
// with one more problem.
func (s *Session) unwritten(ctx context.Context, f *flow, ev evidence, format string, err error) (e2e.Result, error) {
	f.add(e2e.Problem{Code: e2e.CodeToolError, LosesEvidence: true, Text: fmt.Sprintf(format, err)})
	j, err := s.judge(ctx, ev, f.found())
	if err != nil {
		return e2e.Result{}, err
	}
	return s.redacted(ctx, refer(j.result))
}

// correct replaces the written result after another document could not be written: the
// file must not claim more than the exit status. If that fails too, the result is removed.
func (s *Session) correct(r e2e.Result) {
	if s.write(context.Background(), "result.json", &r) != nil {
		_ = os.Remove(filepath.Join(s.out, "result.json"))
	}
}

// ended states why the run ended before its time, unless a stage said so.
func (s *Session) ended(f *flow) []e2e.Problem {
	saidSo := func(p e2e.Problem) bool { return p.Code == e2e.CodeCancelled && p.LosesEvidence }
	switch {
	case f.ctx.Err() == nil, slices.ContainsFunc(f.found(), saidSo):
		return nil
	case errors.Is(context.Cause(f.ctx), runner.ErrStageTimeout):
		return []e2e.Problem{{Code: e2e.CodeTimeout, LosesEvidence: true, Text: fmt.Sprintf(
			"stage %s was stopped shortly before its timeout of %s, to leave time for this report", s.run.Stage, s.opts.Stage.Timeout)}}
	}
	return []e2e.Problem{{Code: e2e.CodeCancelled, LosesEvidence: true, Text: "the run was cancelled before it was done"}}
}

// writeDown writes all documents, of a result without secrets. The first error does not keep the
// others from being written. It returns the result with the checksums of what it was made of.
func (s *Session) writeDown(ctx context.Context, plan *e2e.Plan, j judged, r e2e.Result) (e2e.Result, error) {
	err := errors.Join(s.writePlan(ctx, plan), s.writeShards(ctx, j.docs))
	r.Documents = s.sources(j)
	return r, errors.Join(err, s.write(ctx, "result.json", &r), s.render(ctx, r))
}

// render writes what people and other tools read of a result.
func (s *Session) render(ctx context.Context, r e2e.Result) error {
	shown, err := perTest(ctx, r, func(r e2e.Result) e2e.Result { return safetext.Shown(s.opts.Redact, r) })
	if err != nil {
		return err
	}
	err = s.putBy("junit.xml", func(w io.Writer) error { return report.WriteJUnit(untilEnd{ctx, w}, shown) })
	for name, make := range map[string]func() []byte{
		"summary.md":  func() []byte { return []byte(report.Markdown(shown, report.Options{})) },
		"report.html": func() []byte { return report.HTML(shown, report.PageOptions{Picture: (&album{out: s.out}).picture}) },
	} {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = errors.Join(err, s.put(name, make()))
	}
	return err
}

// perTest masks a result test by test, as long as a context lasts.
func perTest(ctx context.Context, r e2e.Result, mask func(e2e.Result) e2e.Result) (e2e.Result, error) {
	const most = 1024
	tests := r.Tests
	r.Tests = nil
	r = mask(r)
	var masked []e2e.TestResult // nil as long as nothing has changed
	for from := 0; from < len(tests); from += most {
		if err := ctx.Err(); err != nil {
			return e2e.Result{}, err
		}
		part := tests[from:min(from+most, len(tests))]
		done := mask(e2e.Result{Tests: part}).Tests
		if masked == nil && &done[0] != &part[0] {
			masked = slices.Grow(slices.Clone(tests[:from]), len(tests)-from)
		}
		if masked != nil {
			masked = append(masked, done...)
		}
	}
	if r.Tests = tests; masked != nil {
		r.Tests = masked
	}
	return r, nil
}

// sources are the documents that a result was made of: those that were read, and in a run on one
// machine those that it wrote.
func (s *Session) sources(j judged) []e2e.DocumentSum {
	list := slices.Clone(s.read)
	names := []string{"plan.json"}
	for _, doc := range j.docs {
		names = append(names, shardFile(doc.Index, doc.Run.WorkflowAttempt))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if sum, ok := s.written[name]; ok && j.local {
			list = append(list, e2e.DocumentSum{File: name, SHA256: hex.EncodeToString(sum[:])})
		}
	}
	return list
}

// historyTime bounds writing to a history that lies elsewhere.
const historyTime = 20 * time.Second

// remember adds this run to the history. A failure only makes the next plan worse.
func (s *Session) remember(run context.Context, plan *e2e.Plan, j judged) {
	if s.opts.History == nil || s.run.Narrowed != nil {
		return
	}
	// A cancelled run is remembered too, as far as there is time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(run), historyTime)
	defer cancel()
	defer context.AfterFunc(run, func() { time.AfterFunc(lateTime, cancel) })()
	for r := range s.records(plan, j) {
		if ctx.Err() != nil {
			s.opts.Progress.Note("the run was stopped before all of it was added to the history, so the next plan knows less")
			return
		}
		if err := s.opts.History.Save(ctx, safetext.Redacted(s.opts.Redact, r)); err != nil {
			s.opts.Progress.Note(fmt.Sprintf("this run was not added to the history, so the next plan knows less: %v", err))
			return
		}
	}
}

// records are those of the shards that ran tests in this attempt of the workflow. Where
// none did, because a gate failed or something else kept them all, one record without
// tests says so. Each is made when the one before is done with: all of them take much memory.
func (s *Session) records(plan *e2e.Plan, j judged) iter.Seq[history.Record] {
	docs := slices.DeleteFunc(slices.Clone(j.docs), func(doc e2e.ShardRun) bool {
		return len(doc.Tests) == 0 || doc.Run.WorkflowAttempt != s.run.WorkflowAttempt
	})
	if plan == nil {
		plan = &e2e.Plan{}
	}
	if len(docs) == 0 && j.result.Verdict.State == e2e.VerdictNotJudged {
		docs = []e2e.ShardRun{{Run: s.run, Gates: j.result.Gates}}
	}
	return func(yield func(history.Record) bool) {
		recorder := history.NewRecorder(j.result, plannedIn(plan))
		for i, doc := range docs {
			r := recorder.Of(doc)
			r.Base, r.Policy, r.Shards = s.opts.Trigger.BaseSHA, s.opts.PolicyDigest, len(plan.Shards)
			if home := s.opts.Trigger.Repository; home != r.Repository {
				r.Home = home
			}
			r.OneMachine = s.opts.OneMachine && len(plan.Shards) > 1
			if i == 0 {
				r.Deselected = plan.Deselected
				r.Beyond = history.BeyondOf(j.result)
				if s.showsMisses() {
					r.Misses = history.MissesOf(j.result)
				}
			}
			if !yield(r) {
				return
			}
		}
	}
}

// plannedIn finds a test of the plan, or the one that stands for a batch, by its id.
func plannedIn(plan *e2e.Plan) func(id string) (e2e.Test, bool) {
	return func(id string) (e2e.Test, bool) {
		if at, found := planned(plan, id); found {
			return plan.Tests[at].Test, true
		}
		for _, b := range plan.Batches {
			if b.ID == id {
				return b.Stand(), true
			}
		}
		return e2e.Test{}, false
	}
}

// redacted is the result as it may be shown: every text without secrets.
func (s *Session) redacted(ctx context.Context, r e2e.Result) (e2e.Result, error) {
	for i := range r.Tests {
		if i%1024 == 0 && ctx.Err() != nil {
			return e2e.Result{}, ctx.Err()
		}
		s.opts.Redact.Spare(r.Tests[i].ID)
	}
	return perTest(ctx, r, func(r e2e.Result) e2e.Result { return safetext.Redacted(s.opts.Redact, r) })
}

// keepPlan writes the plan before the suites start: if the gate is killed, only the plan
// shows which tests are lost.
func (s *Session) keepPlan(_ context.Context, plan *e2e.Plan) (none, []e2e.Problem, error) {
	return none{}, nil, s.writePlan(context.Background(), plan)
}

func (s *Session) writePlan(ctx context.Context, plan *e2e.Plan) error {
	if plan == nil {
		return nil
	}
	if plan.File != "" && cleanPlan(ctx, s.opts.Redact, *plan) {
		if err := s.copyAs(ctx, "plan.json", plan.File, plan.Sum); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return s.write(ctx, "plan.json", plan)
}

// seal masks a plan and computes its digest, which is of what is written.
func (s *Session) seal(p *e2e.Plan) {
	*p = safetext.Redacted(s.opts.Redact, *p)
	p.Digest = digest(p)
}
