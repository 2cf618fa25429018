package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/org/e2e-gate/internal/adapter/actions"
	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
)

type shardCmd struct {
	staged
	Plan    string   `help:"plan.json of this run. On GitHub Actions the default is the plan that an earlier job uploaded." placeholder:"FILE" type:"path"`
	Index   int      `help:"Index of the shard, from 0." required:"" placeholder:"N"`
	Results []string `help:"Folder with shard documents of earlier attempts of this workflow run." placeholder:"DIR" type:"path"`
}

// Help is shown by shard --help.
func (shardCmd) Help() string {
	return "Example: e2e-gate shard --plan plan/plan.json --index 0 --out results/\nExit status: 1 something of this shard blocks, 3 its evidence is incomplete, 0 else."
}

// Run runs one shard.
func (c shardCmd) Run(ctx context.Context, a *App) error {
	files, plan, err := a.readPlan(ctx, c.staged, c.Plan)
	if err != nil {
		return err
	}
	s, session, err := a.adopt(ctx, c.staged, plan, config.AllSections, func(s *setup) { s.takeEarlier(ctx, files) })
	if err != nil {
		return err
	}
	if c.Index < 0 || c.Index >= len(plan.Shards) {
		return noShard(c.Index, len(plan.Shards))
	}
	s.outputFolder(session, c.Key, "shard", plan.Shards[c.Index].Name)
	result := session.Shard(ctx, c.Index, c.Results...)
	s.console.Done()
	document := fmt.Sprintf("shard-%d.%d.json", c.Index, s.trigger.WorkflowAttempt)
	if actions.Detect(a.getenv) {
		s.outputResult(actions.New(a.Stderr, a.getenv), result, filepath.Join(session.Out(), document))
	}
	if err := s.show(c.Format, session, result, document); err != nil {
		return fmt.Errorf("cannot print the result: %w", err)
	}
	return exitError(shardStatus(result, len(plan.Shards[c.Index].Tests)))
}

func noShard(index, shards int) error {
	switch shards {
	case 0:
		return usage("--index %d: the plan has no shards, because nothing was planned; what the plan command said tells why", index)
	case 1:
		return usage("--index %d: the plan has one shard, which is --index 0", index)
	}
	return usage("--index %d: the plan has the shards 0 to %d", index, shards-1)
}

// shardStatus is the verdict on the shard's own tests. That a shard holds no test
// that passed is the whole stage's business, and so is an empty shard.
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

type verdictCmd struct {
	staged
	published
	Plan    string `help:"plan.json of this run. On GitHub Actions the default is the plan that an earlier job uploaded." placeholder:"FILE" type:"path"`
	Results string `help:"Folder with the shard documents. On GitHub Actions the default is what the shards uploaded." placeholder:"DIR" type:"path"`
}

// Help is shown by verdict --help.
func (verdictCmd) Help() string {
	return "Example: e2e-gate verdict --plan plan/plan.json --results results/"
}

// Run merges and decides.
func (c verdictCmd) Run(ctx context.Context, a *App) error {
	if info, err := os.Stat(c.Results); c.Results != "" && (err != nil || !info.IsDir()) {
		return usage("--results %s: there is no such folder; give the one with the shard-*.json", c.Results)
	}
	files, plan, err := a.readPlan(ctx, c.staged, c.Plan)
	if err != nil {
		return err
	}
	if c.Results == "" {
		if files == nil {
			return usage("--results is needed: the folder with the shard-*.json")
		}
		c.Results = files.dir
		files.results(ctx, plan)
	}
	s, session, err := a.adopt(ctx, c.staged, plan, config.JudgeSections, func(s *setup) { s.missed(files) })
	if err != nil {
		return err
	}
	s.outputFolder(session, c.Key, "verdict", s.stage.Name)
	return s.finish(ctx, c.Format, c.published, session, session.Verdict(ctx, c.Results))
}

// readPlan reads the plan, from the artifacts of the workflow run where no file is
// given. The artifacts are nil outside of GitHub.
func (a *App) readPlan(ctx context.Context, f staged, file string) (*remote, *e2e.Plan, error) {
	top, err := root()
	if err != nil {
		return nil, nil, err
	}
	files, err := a.remote(top, f)
	switch {
	case err != nil:
		return nil, nil, err
	case file == "" && files == nil:
		return nil, nil, usage("--plan is needed: the plan.json that the plan command wrote")
	case file == "":
		if file, err = files.plan(ctx); err != nil {
			return nil, nil, err
		}
	}
	plan, err := pipeline.ReadPlan(file)
	return files, plan, err
}

// adopt prepares a session for a plan that was made elsewhere: its run id and
// stage hold. fetched adds what other jobs left.
func (a *App) adopt(ctx context.Context, f staged, plan *e2e.Plan, uses config.Sections, fetched func(*setup)) (*setup, *pipeline.Session, error) {
	if f.Stage != "" && f.Stage != plan.Run.Stage {
		return nil, nil, usage("--stage %s: the plan is for the stage %s", f.Stage, plan.Run.Stage)
	}
	f.Stage = plan.Run.Stage
	s, err := a.prepare(ctx, f, uses, plan.Run.ID)
	if err != nil {
		return nil, nil, err
	}
	fetched(s)
	s.elsewhere = s.backups()
	session, err := s.session(ctx, f, true)
	if err != nil {
		return nil, nil, err
	}
	return s, session, session.Adopt(plan)
}

// fetchEarlier fetches what earlier attempts of the workflow run left. Where that
// fails, the session finds that they are missing, and says so.
func (s *setup) fetchEarlier(ctx context.Context, f staged) {
	files, err := s.app.remote(s.root, f)
	if err != nil {
		s.console.Note(err.Error())
	}
	s.takeEarlier(ctx, files)
}

// takeEarlier fetches what earlier attempts left; nil: there can be nothing.
func (s *setup) takeEarlier(ctx context.Context, files *remote) {
	if files != nil {
		s.earlier = files.earlier(ctx)
		s.missed(files)
	}
}

// missed keeps and says what is there and could not be fetched.
func (s *setup) missed(files *remote) {
	if files == nil {
		return
	}
	s.unread = files.unread
	for _, u := range s.unread {
		s.console.Note(u.Text)
	}
}

func join(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ", ")
}
