package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/trigger"
)

type publishCmd struct {
	Config  string `help:"Config file, of the default branch. Default: .github/e2e-gate.yml, then e2e-gate.yml." placeholder:"FILE" type:"path"`
	Stage   string `help:"Stage whose result is posted. Default: the first that runs on the run's event." placeholder:"NAME"`
	Key     string `help:"Tells two calls of the gate in one workflow apart." placeholder:"KEY"`
	Job     string `help:"Job of the run whose conclusion counts, by the name that the pull request shows. Default: the run as a whole." placeholder:"NAME"`
	Publish string `help:"Publish files into the folder PATH instead of GitHub, for a later step. Needs no token for a result of this workflow run, or outside of CI." placeholder:"dir:PATH"`
	Result  string `help:"result.json to post. Default in a workflow_run job: the one that the triggering run uploaded." placeholder:"FILE" type:"path"`
}

// Help is shown by publish --help.
func (publishCmd) Help() string {
	return "Example: e2e-gate publish --result .e2e-gate/runs/e2e-1/result.json\n" +
		"In a workflow_run job it posts for a run from a fork, and does not trust that run's artifacts: see docs/forks.md.\n" +
		"Exit status: 0 posted, or nothing to post; 2 usage error; 3 not everything could be posted."
}

// Run posts.
func (c publishCmd) Run(ctx context.Context, a *App) error {
	s := a.newSetup(trigger.Detect(a.getenv))
	var err error
	if s.place, err = openPlace(c.Publish); err != nil {
		return err
	}
	ofFork := s.trigger.Event == "workflow_run"
	if s.place == nil || ofFork { // only the forge knows what a fork's result is about
		_, err = s.connect()
	}
	switch {
	case errors.Is(err, errNoToken):
		return usage("publish needs GITHUB_TOKEN in the environment")
	case err != nil:
		return err
	case ofFork:
		place, _ := s.whereToPublish()
		err = (&forkPublisher{publishCmd: c, app: a, trigger: s.trigger, forge: s.forge, place: place, journal: s.journal}).post(ctx)
	default:
		err = s.publishOwn(ctx, c.Result)
	}
	var use usageError
	if errors.As(err, &use) {
		return err
	}
	s.journal.Failed(err)
	s.runner().summariseUnpublished()
	if s.journal.Incomplete() {
		return exitError(e2e.ExitNotJudged)
	}
	return nil
}

// maxPosted bounds a result.json that is posted, in bytes: one of 500 failures with
// all their text has five million.
const maxPosted = 32 << 20

// publishOwn posts a result of this workflow run.
func (s *setup) publishOwn(ctx context.Context, file string) error {
	if file == "" {
		return usage("--result is missing; give the result.json to post (only a workflow_run job finds it by itself)")
	}
	top, err := root()
	if err == nil {
		err = s.app.ownDocument(ctx, top, file)
	}
	if err != nil {
		return err
	}
	r, err := pipeline.ReadResult(file, maxPosted)
	if err != nil {
		return err
	}
	switch outsideCI := !s.trigger.CI && s.place != nil; {
	case r.Run.Narrowed != nil:
		return usage("%s is of a run that was narrowed to some tests, which says nothing of the stage; publish the result of a whole run", file)
	case outsideCI: // only the files say whose result it is
	case !ofThisRun(r.Run, s.trigger):
		return fmt.Errorf("%s belongs to another run (repository, workflow run, attempt, commit or pull request differ); publish this run's result", file)
	default:
		r.Run.URL, r.Run.Forge = s.trigger.URL, s.trigger.Forge
	}
	s.publishFrom(filepath.Dir(file), nil)
	s.publisher.Publish(ctx, publish.Wanted{Comment: true}, *r)
	return nil
}

// ofThisRun reports whether a result was made by the run that the trigger names.
func ofThisRun(r e2e.Run, t trigger.Trigger) bool {
	return r.Repository == t.Repository && r.WorkflowRun == t.WorkflowRun && r.WorkflowAttempt <= t.WorkflowAttempt &&
		r.SHA == t.SHA && r.PullRequest == t.PullRequest
}
