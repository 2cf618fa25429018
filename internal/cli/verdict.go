package cli

import (
	"context"
	"os"
	"slices"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/verdict"
)

type verdictCmd struct {
	staged
	published
	following
	Plan    string `help:"plan.json of this run. Default on GitHub Actions: the plan that an earlier job uploaded." placeholder:"FILE" type:"path"`
	Results string `help:"Folder with the shard documents. Default on GitHub Actions: what the shards uploaded." placeholder:"DIR" type:"path"`
}

// Help is shown by verdict --help.
func (verdictCmd) Help() string {
	return "Example: e2e-gate verdict --plan plan/plan.json --results results/"
}

// Run merges and decides.
func (c verdictCmd) Run(ctx context.Context, a *App) error {
	if info, err := os.Stat(c.Results); c.Results != "" && (err != nil || !info.IsDir()) {
		return usage("--results %s: not found; give the folder with the shard-*.json", c.Results)
	}
	before, err := c.read()
	if err != nil {
		return err
	}
	place, err := openPlace(c.Publish)
	if err != nil {
		return err
	}
	files, plan, err := a.readPlan(ctx, c.staged, c.Plan)
	if err != nil && plan == nil {
		return err
	}
	a.boundMemory(len(plan.Tests))
	if c.Results == "" {
		if files == nil {
			return usage("--results is missing; give the folder with the shard-*.json")
		}
		c.Results, files.over = files.dir, before.over(c.names())
		files.results(ctx, plan)
	}
	s, session, err := a.adopt(ctx, c.staged, plan, withCluster(config.JudgeSections, "", c.published), func(s *setup) {
		s.keepUnread(files)
		s.posting, s.exonerates, s.found = c.posting(), true, before.explains(plan)
		if s.jobs = before.jobs(c.names()); len(s.found) > 0 { // which says why jobs were skipped
			s.jobs = slices.DeleteFunc(s.jobs, func(j verdict.Job) bool { return j.Result == "skipped" })
		}
	})
	if err != nil {
		return err
	}
	if err := a.refusePosting(s.inputs, c.published); err != nil {
		return err
	}
	s.place = place
	s.runner().folder(session.Out(), artifactName(c.Key, "verdict", s.stage.Name, s.trigger.WorkflowAttempt))
	if err := s.beginSummary(ctx, c.Summary); err != nil {
		return err
	}
	return s.finish(ctx, c.Format, c.published, session, session.Verdict(ctx, c.Results))
}
