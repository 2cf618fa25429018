package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/trigger"
)

type shardCmd struct {
	staged
	Plan    string   `help:"plan.json of this run. Default on GitHub Actions: the plan that an earlier job uploaded." placeholder:"FILE" type:"path"`
	Index   *int     `help:"Index of the shard, from 0. Default: that of the job, where the platform numbers equal jobs." placeholder:"N"`
	Results []string `help:"Folder with shard documents of earlier attempts of this workflow run." placeholder:"DIR" type:"path"`
}

// Help is shown by shard --help.
func (shardCmd) Help() string {
	return "Example: e2e-gate shard --plan plan/plan.json --index 0 --out results/\n" +
		"Exit status: 1 a test of this shard blocks, 3 its evidence is incomplete, else 0."
}

// Run runs one shard.
func (c shardCmd) Run(ctx context.Context, a *App) error {
	files, plan, err := a.readPlan(ctx, c.staged, c.Plan)
	if err != nil {
		return err
	}
	index, err := c.index(trigger.Detect(a.getenv), len(plan.Shards))
	if err != nil {
		return err
	}
	if index >= len(plan.Shards) && c.Index == nil {
		_, _ = fmt.Fprintf(a.Stderr, "the plan has %s: nothing is left for job %d\n", report.Plural(len(plan.Shards), "shard", "shards"), index+1)
		return nil
	}
	s, session, err := a.adopt(ctx, c.staged, plan, config.AllSections, func(s *setup) { s.takeEarlier(ctx, files) })
	if err != nil {
		return err
	}
	if index < 0 || index >= len(plan.Shards) {
		return noShard(index, len(plan.Shards))
	}
	s.runner().folder(session.Out(), artifactName(c.Key, "shard", plan.Shards[index].Name, s.trigger.WorkflowAttempt))
	result := session.Shard(ctx, index, c.Results...)
	s.console.Done()
	document := fmt.Sprintf("shard-%d.%d.json", index, s.trigger.WorkflowAttempt)
	s.runner().result(result, filepath.Join(session.Out(), document))
	s.part = fmt.Sprintf("shard %d of %d", index, len(plan.Shards))
	if err := s.show(c.Format, session, result, document); err != nil {
		return fmt.Errorf("cannot print the result: %w", err)
	}
	return exitError(shardStatus(result, len(plan.Shards[index].Tests)))
}

// index is the shard that the flag names, else the one of this job.
func (c shardCmd) index(t trigger.Trigger, shards int) (int, error) {
	switch {
	case c.Index != nil:
		return *c.Index, nil
	case t.Total == 0:
		return 0, usage("--index is missing; give the index of the shard, from 0")
	case t.Total < shards:
		return 0, usage("the plan has %d shards, but %s runs %s: the tests of the others would be lost; run %d jobs, or plan with --shards %d", shards, t.Platform,
			report.Plural(t.Total, "job", "jobs"), shards, t.Total)
	}
	return t.Index, nil
}

func noShard(index, shards int) error {
	switch shards {
	case 0:
		return usage("--index %d: the plan has no shards, because nothing was planned; see the output of the plan command", index)
	case 1:
		return usage("--index %d: the plan has only one shard, --index 0", index)
	}
	return usage("--index %d: the plan has the shards 0 to %d", index, shards-1)
}

// shardStatus is the verdict on the shard's own tests. A shard that is empty, or in which
// no test passed, is judged only as part of the whole stage.
func shardStatus(r e2e.Result, tests int) int {
	worst := e2e.ExitPassed
	for _, reason := range r.Verdict.Reasons {
		switch {
		case !r.Run.Blocks || reason.Code == e2e.CodeNoPass || reason.Code == e2e.CodeNoTests && tests == 0:
		case reason.Effect == e2e.Blocks:
			return e2e.ExitBlocked
		case reason.Effect == e2e.NotJudged:
			worst = e2e.ExitNotJudged
		}
	}
	return worst
}
