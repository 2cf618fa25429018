package pipeline

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/safetext"
)

// conclude is the one way out of a run: end the background processes, judge, and write
// everything down before anything goes over a network.
func (s *Session) conclude(f *flow, env *environment, ev evidence) e2e.Result {
	f.add(s.ended(f)...)
	f.add(env.stop(f.ctx)...)
	ev.ends = env.ends()
	f.add(s.changed()...)
	r := s.settle(f, ev, s.remember)
	env.down()
	if changed := s.changed(); len(changed) > 0 { // by a command that takes something down
		f.add(changed...)
		r = s.settle(f, ev, nil)
	}
	s.sweep()
	return r
}

// settle judges, and writes everything down.
func (s *Session) settle(f *flow, ev evidence, remember func(*e2e.Plan, judged)) e2e.Result {
	j := s.judge(ev, f.found())
	r := s.redacted(j.result)
	err := safely(func() error {
		var err error
		r, err = s.writeDown(ev.plan, j, r)
		if remember != nil {
			remember(ev.plan, j)
		}
		return err
	})
	if err != nil {
		r = s.unwritten(f, ev, "the result cannot be written: %v", err)
		s.correct(r)
	}
	return r
}

// unwritten is the result of a run whose documents cannot be written: the same evidence
// with one more problem.
func (s *Session) unwritten(f *flow, ev evidence, format string, err error) e2e.Result {
	f.add(e2e.Problem{Code: e2e.CodeToolError, LosesEvidence: true, Text: fmt.Sprintf(format, err)})
	return s.redacted(s.judge(ev, f.found()).result)
}

// correct replaces the written result after another document could not be written: the
// file must not claim more than the exit status. If that fails too, the result is removed.
func (s *Session) correct(r e2e.Result) {
	if s.write("result.json", r) != nil {
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
func (s *Session) writeDown(plan *e2e.Plan, j judged, r e2e.Result) (e2e.Result, error) {
	err := errors.Join(s.writePlan(plan), s.writeShards(j.docs))
	r.Documents = s.sources(j)
	err = errors.Join(err, s.write("result.json", r))
	shown := safetext.Shown(s.opts.Redact, r)
	err = errors.Join(err, s.put("junit.xml", report.JUnit(shown)))
	err = errors.Join(err, s.put("summary.md", []byte(report.Markdown(shown, report.Options{}))))
	err = errors.Join(err, s.put("report.html", report.HTML(shown)))
	return r, err
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
func (s *Session) remember(plan *e2e.Plan, j judged) {
	if s.opts.History == nil {
		return
	}
	// A cancelled run is remembered too, as far as there is time.
	ctx, cancel := context.WithTimeout(context.Background(), historyTime)
	defer cancel()
	for _, r := range s.records(plan, j) {
		if err := s.opts.History.Save(ctx, safetext.Redacted(s.opts.Redact, r)); err != nil {
			s.opts.Progress.Note(fmt.Sprintf("this run was not added to the history, so the next plan knows less: %v", err))
			return
		}
	}
}

// records are those of the shards that ran tests in this attempt of the workflow. Where
// none did, because a gate failed or something else kept them all, one record without
// tests says so.
func (s *Session) records(plan *e2e.Plan, j judged) []history.Record {
	docs := slices.DeleteFunc(slices.Clone(j.docs), func(doc e2e.ShardRun) bool {
		return len(doc.Tests) == 0 || doc.Run.WorkflowAttempt != s.run.WorkflowAttempt
	})
	if plan == nil {
		plan = &e2e.Plan{}
	}
	if len(docs) == 0 && j.result.Verdict.State == e2e.VerdictNotJudged {
		docs = []e2e.ShardRun{{Run: s.run, Gates: j.result.Gates}}
	}
	planned := plan.Work()
	var list []history.Record
	for i, doc := range docs {
		r := history.RecordOf(doc, planned, j.result)
		r.Base, r.Policy, r.Shards = s.opts.Trigger.BaseSHA, s.opts.PolicyDigest, len(plan.Shards)
		r.OneMachine = s.opts.OneMachine && len(plan.Shards) > 1
		if i == 0 {
			r.Deselected = plan.Deselected
		}
		list = append(list, r)
	}
	return list
}

// redacted is the result as it may be shown: every text without secrets.
func (s *Session) redacted(r e2e.Result) e2e.Result {
	for i := range r.Tests {
		s.opts.Redact.Spare(r.Tests[i].ID)
	}
	return safetext.Redacted(s.opts.Redact, r)
}

// keepPlan writes the plan before the suites start: if the gate is killed, only the plan
// shows which tests are lost.
func (s *Session) keepPlan(_ context.Context, plan *e2e.Plan) (none, []e2e.Problem, error) {
	return none{}, nil, s.writePlan(plan)
}

func (s *Session) writePlan(plan *e2e.Plan) error {
	if plan == nil {
		return nil
	}
	return s.write("plan.json", plan)
}

// seal masks a plan and computes its digest, which is of what is written.
func (s *Session) seal(p *e2e.Plan) {
	*p = safetext.Redacted(s.opts.Redact, *p)
	p.Digest = digest(p)
}
