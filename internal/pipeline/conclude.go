package pipeline

import (
	"context"
	"encoding/json"
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
)

// conclude is the one way out of a run: end what stands beside the tests, judge,
// and write everything down before anything goes over a network.
func (s *Session) conclude(ctx context.Context) e2e.Result {
	s.ended(ctx)
	s.stopProcesses(ctx)
	r := s.redacted(s.judge())
	if err := safely(func() error { return s.writeDown(r) }); err != nil {
		s.problem(e2e.Problem{Code: e2e.CodeToolError, LosesEvidence: true, Text: fmt.Sprintf("the result cannot be written down: %v", err)})
		r = s.redacted(s.judge())
		s.correct(r)
	}
	s.down()
	return r
}

// correct replaces the result that was written before the rest could not be: what
// lies on the disk must not say more than the exit status. Where even that does not
// fit, there is no result.
func (s *Session) correct(r e2e.Result) {
	if s.write("result.json", r) != nil {
		_ = os.Remove(filepath.Join(s.out, "result.json"))
	}
}

// ended states why the run ended before its time, unless a stage said so.
func (s *Session) ended(ctx context.Context) {
	switch {
	case ctx.Err() == nil:
	case slices.ContainsFunc(s.problems, func(p e2e.Problem) bool { return p.Code == e2e.CodeCancelled && p.LosesEvidence }):
	case errors.Is(context.Cause(ctx), runner.ErrStageTimeout):
		s.problem(e2e.Problem{Code: e2e.CodeTimeout, LosesEvidence: true, Text: fmt.Sprintf("stage %s was stopped at its timeout of %s, with a little of it kept for this report", s.run.Stage, s.opts.Stage.Timeout)})
	default:
		s.problem(e2e.Problem{Code: e2e.CodeCancelled, LosesEvidence: true, Text: "the run was cancelled before it was done"})
	}
}

// writeDown writes all documents, of a result without secrets, and the record for the history. The first error
// does not keep the others from being written.
func (s *Session) writeDown(r e2e.Result) error {
	if err := makeOut(s.opts.Root, s.out); err != nil {
		return err
	}
	err := s.writePlan()
	err = errors.Join(err, s.writeShards(), s.write("result.json", r))
	err = errors.Join(err, writeFile(filepath.Join(s.out, "junit.xml"), report.JUnit(r)))
	err = errors.Join(err, writeFile(filepath.Join(s.out, "summary.md"), []byte(report.Markdown(r, report.Options{}))))
	err = errors.Join(err, writeFile(filepath.Join(s.out, "report.html"), report.HTML(r)))
	s.remember()
	return err
}

// historyTime bounds writing to a history that lies elsewhere.
const historyTime = 20 * time.Second

// remember adds this run to the history. A history that cannot be written makes
// the next plan worse and nothing else.
func (s *Session) remember() {
	if s.opts.History == nil || s.plan == nil {
		return
	}
	planned := map[string]e2e.Test{}
	for _, t := range s.plan.Tests {
		planned[t.ID] = t.Test
	}
	// A cancelled run is remembered too, as far as there is time.
	ctx, cancel := context.WithTimeout(context.Background(), historyTime)
	defer cancel()
	for _, doc := range s.docs {
		if len(doc.Tests) == 0 || doc.Run.WorkflowAttempt != s.run.WorkflowAttempt {
			continue
		}
		if err := s.opts.History.Save(ctx, history.RecordOf(doc, planned)); err != nil {
			s.opts.Progress.Note(fmt.Sprintf("this run is not remembered, so the next plan knows less: %v", err))
			return
		}
	}
}

// redacted is the result as it may be shown: every text without secrets.
func (s *Session) redacted(r e2e.Result) e2e.Result {
	data, err := json.Marshal(r)
	if err != nil {
		return r
	}
	var clean e2e.Result
	if err := json.Unmarshal(s.opts.Redact.JSON(data), &clean); err != nil {
		return e2e.Result{Schema: r.Schema, Verdict: e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: r.Run.Blocks, Reasons: []e2e.Reason{{Code: e2e.CodeToolError, Effect: e2e.NotJudged, Text: "the result cannot be shown without its secrets; look at the logs"}}}}
	}
	return clean
}

// Run is the whole stage on this machine.
func (s *Session) Run(ctx context.Context) e2e.Result {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	s.through(ctx, s.environment(stage{"discover tests", s.discover}, stage{"plan", s.makePlan}, stage{"keep the plan", func(context.Context) error { return s.writePlan() }},
		stage{"read earlier attempts", s.readEarlier}, stage{"run the suites", s.executeAll})...)
	return s.conclude(ctx)
}

// writePlan writes the plan before the suites start, too: without it nobody could
// say of a gate that was killed which tests are lost.
func (s *Session) writePlan() error {
	if s.plan == nil {
		return nil
	}
	return s.write("plan.json", s.plan)
}

func (s *Session) readEarlier(context.Context) error {
	s.loadEarlier()
	return nil
}

func (s *Session) executeAll(ctx context.Context) error {
	all := make([]int, len(s.plan.Shards))
	for i := range all {
		all[i] = i
	}
	return s.execute(ctx, all)
}

// CheckGates brings the environment up, waits for the gates, and takes it down.
func (s *Session) CheckGates(ctx context.Context) []e2e.Gate {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	s.through(ctx, s.environment()...)
	s.stopProcesses(ctx)
	s.down()
	return s.gates
}

// MakePlan checks the gates and writes plan.json. The problems say why a plan may
// not be complete; a plan with shut gates has no tests.
func (s *Session) MakePlan(ctx context.Context) (*e2e.Plan, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	s.through(ctx, s.environment(stage{"discover tests", s.discover}, stage{"plan", s.makePlan})...)
	s.ended(ctx)
	s.stopProcesses(ctx)
	if s.plan == nil {
		s.plan = &e2e.Plan{Schema: e2e.PlanSchema, Run: s.run, Gates: s.gates, Tests: []e2e.PlannedTest{}, Shards: []e2e.PlanShard{}}
		s.plan.Digest = digest(s.plan)
	}
	s.seal()
	s.plan.Problems = s.problems
	err := errors.Join(makeOut(s.opts.Root, s.out), s.write("plan.json", s.plan))
	s.down()
	return s.plan, err
}

// seal ties a plan that other machines will read to what they can read of it: values of
// secrets are masked in the file. A test whose id holds one could not be found again.
func (s *Session) seal() {
	var masked e2e.Plan
	data, err := s.document(s.plan)
	if err == nil {
		err = json.Unmarshal(data, &masked)
	}
	if err != nil || len(masked.Tests) != len(s.plan.Tests) {
		return // then the digest does not fit, and whoever reads the plan says so
	}
	s.plan.Digest = digest(&masked)
	var ids []string
	for i, t := range masked.Tests {
		if t.ID != s.plan.Tests[i].ID {
			ids = append(ids, t.ID)
		}
	}
	if len(ids) > 0 {
		s.problem(e2e.Problem{Code: e2e.CodeToolError, LosesEvidence: true, Text: fmt.Sprintf("the id of %s holds the value of a secret, which documents mask, so a shard could not find the test; rename the test, choose another secret, or use the command run", ids[0])})
	}
}

// Adopt takes over a plan that was made elsewhere. It refuses one of another
// repository, commit or stage.
func (s *Session) Adopt(p *e2e.Plan) error {
	switch {
	case p.Run.Repository != s.run.Repository:
		return fmt.Errorf("the plan is for the repository %q and this run is for %q; use the plan of this run", p.Run.Repository, s.run.Repository)
	case p.Run.SHA != s.run.SHA:
		return fmt.Errorf("the plan is for commit %q and this run is for %q; plan again", p.Run.SHA, s.run.SHA)
	case p.Run.WorkflowRun != s.run.WorkflowRun:
		return fmt.Errorf("the plan is of workflow run %q and this is %q; use the plan of this run", p.Run.WorkflowRun, s.run.WorkflowRun)
	}
	attempt, version := s.run.WorkflowAttempt, s.run.Version
	s.run, s.plan = p.Run, p
	s.run.WorkflowAttempt, s.run.Version = attempt, version
	return nil
}

// Shard runs one shard of the adopted plan and writes its document. The result
// holds this shard's tests alone, judged by the same policy.
func (s *Session) Shard(ctx context.Context, index int, results ...string) e2e.Result {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	only := s.plan
	s.through(ctx, s.environment(stage{"read earlier attempts", func(context.Context) error { s.loadEarlier(results...); return nil }},
		stage{"run the suites", func(ctx context.Context) error { return s.execute(ctx, []int{index}) }})...)
	s.ended(ctx)
	s.stopProcesses(ctx)
	s.shardDocument(index)
	s.plan = part(only, index)
	r := s.judge()
	if err := errors.Join(makeOut(s.opts.Root, s.out), s.writeShards()); err != nil {
		s.problem(e2e.Problem{Code: e2e.CodeToolError, LosesEvidence: true, Text: fmt.Sprintf("the shard's document cannot be written: %v", err)})
		r = s.judge()
	}
	s.down()
	return s.redacted(r)
}

// shardDocument completes the shard's document, or makes one for a shard whose
// suites never started.
func (s *Session) shardDocument(index int) {
	if len(s.docs) == 0 {
		doc := e2e.ShardRun{Schema: e2e.ShardSchema, Run: s.run, Digest: s.plan.Digest, Index: index, Gates: s.gates}
		for _, id := range s.plan.Shards[index].Tests {
			doc.NotRun = append(doc.NotRun, e2e.NotRunTest{ID: id, Code: e2e.CodeGateShut, Reason: "the suites of its shard did not start"})
		}
		s.docs = []e2e.ShardRun{doc}
	}
	for _, p := range s.problems {
		p.Shard = index
		s.docs[0].Problems = append(s.docs[0].Problems, p)
	}
	s.problems = nil
}

// part is the plan of one shard alone.
func part(p *e2e.Plan, index int) *e2e.Plan {
	one := *p
	one.Shards = p.Shards[index : index+1]
	one.Tests = nil
	its := map[string]bool{}
	for _, id := range one.Shards[0].Tests {
		its[id] = true
	}
	for _, t := range p.Tests {
		if its[t.ID] {
			one.Tests = append(one.Tests, t)
		}
	}
	return &one
}

// Verdict merges the shard documents below the results folder against the adopted
// plan and decides. It starts no process and probes no gate.
func (s *Session) Verdict(ctx context.Context, results string) e2e.Result {
	s.through(ctx, stage{"prepare", s.folder}, stage{"read the results", func(ctx context.Context) error { return s.readResults(ctx, results) }})
	return s.conclude(ctx)
}

func (s *Session) readResults(ctx context.Context, results string) error {
	s.loadHistory(ctx)
	s.gates = s.plan.Gates
	for _, p := range s.plan.Problems {
		s.problem(p)
	}
	docs, bad := readShards(results)
	bad = append(bad, s.unread()...)
	var before []string
	for _, d := range bad {
		s.problem(e2e.Problem{Code: e2e.CodeReportDamaged, Text: "not every document of the shards can be read: " + d.text})
		if d.attempt < s.run.WorkflowAttempt {
			before = append(before, d.text)
		}
	}
	s.take(docs, bad)
	if s.run.WorkflowRun != "" && s.run.WorkflowAttempt > 1 {
		s.earlierUnknown(s.ofBefore(docs), before, []string{results})
	}
	return nil
}

// unread are the documents that could not be fetched, by the plan's shards.
func (s *Session) unread() []damaged {
	var list []damaged
	for _, u := range s.opts.Unread {
		d := damaged{index: -1, attempt: u.Attempt, text: u.Text}
		for _, sh := range s.plan.Shards {
			if u.Shard != "" && u.Shard == sh.Name {
				d.index = sh.Index
			}
		}
		list = append(list, d)
	}
	return list
}
