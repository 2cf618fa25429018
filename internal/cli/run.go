package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
)

type runCmd struct {
	Names      []string `arg:"" optional:"" name:"test" help:"Run only these tests: a part of an id or of a path, a whole id, or FILE:LINE."`
	LastFailed bool     `help:"Run only the tests that did not pass in the newest run of the stage on this machine."`
	FailedOf   *string  `help:"Run only the tests that did not pass in a run: its id or the start of it, or a result.json." placeholder:"RUN"`
	staged
	published
	following
	executed
	Deliver string `help:"Hand over documents and evidence at the end, where no disk outlives the run: log, as the last lines of standard output, which cluster unpack reads; or s3://BUCKET/PREFIX." placeholder:"log|s3://..."`
}

// Help is shown by run --help.
func (runCmd) Help() string {
	return "Examples:\n  e2e-gate run --config examples/casework/e2e-gate.yml\n  e2e-gate run TestSubmit\n  e2e-gate run --last-failed\n" +
		"A run that is narrowed to some tests is for people: nothing of it is published, signed or remembered, and no check may rely on it."
}

// Run is the whole stage on this machine.
func (c runCmd) Run(ctx context.Context, a *App) error {
	before, err := c.read()
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if c.Executor != "" && (len(c.Names) > 0 || c.LastFailed || c.FailedOf != nil) {
		return usage("--executor runs the whole stage, or that of a --service; to run some tests, leave --executor out")
	}
	if err := checkDeliver(c.Deliver); err != nil {
		return err
	}
	place, err := openPlace(c.Publish)
	if err != nil {
		return err
	}
	s, err := a.prepare(ctx, c.staged, withCluster(config.AllSections, c.Executor, c.published), "")
	if err != nil {
		return err
	}
	if s.narrow, err = c.narrowed(ctx, a, s.inputs); err != nil {
		return err
	}
	if err := a.refusePosting(s.inputs, c.published); err != nil {
		return err
	}
	s.place, s.posting, s.exonerates, s.jobs = place, c.posting(), true, before.jobs(c.names())
	s.fetchEarlier(ctx, c.staged)
	if c.Executor != "" {
		return c.elsewhere(ctx, s)
	}
	session, err := s.session(ctx, c.staged, false, true, s.past.backups(s.console))
	if err != nil {
		return err
	}
	return c.judged(ctx, s, session, func() e2e.Result { return session.Run(ctx) })
}

// judged runs a session, and prints, writes, publishes and hands over what came of it.
func (c runCmd) judged(ctx context.Context, s *setup, session *pipeline.Session, run func() e2e.Result) error {
	s.runner().folder(session.Out(), artifactName(c.Key, "run", s.stage.Name, s.trigger.WorkflowAttempt))
	if err := s.beginSummary(ctx, c.Summary); err != nil {
		return err
	}
	s.announce(ctx, c.wanted())
	result := run()
	err := s.finish(ctx, c.Format, c.published, session, result)
	if c.Deliver == "" {
		return err
	}
	return s.deliver(ctx, c.Deliver, session.Out(), result, err)
}

// elsewhere is a run whose shards run in a cluster.
func (c runCmd) elsewhere(ctx context.Context, s *setup) error {
	remote, err := s.executor(ctx, c)
	if err != nil {
		return err
	}
	s.pods, s.places = true, s.config.Executor.Kubernetes.Parallelism
	if len(s.config.Executor.Kubernetes.Pods) > 0 {
		s.kind = s.config.Executor.Kubernetes.PodOf
	}
	session, err := s.session(ctx, c.staged, true, false, s.past.backups(s.console))
	if err != nil {
		return err
	}
	if c.DryRun {
		plan, err := session.PlanOnly(ctx)
		s.console.Done()
		if err != nil {
			return err
		}
		return remote.dryRun(ctx, plan, session.Out())
	}
	return c.judged(ctx, s, session, func() e2e.Result { return session.RunOn(ctx, remote) })
}

// noSuchTest says that what a narrowed run asked for is not there, where that is all that happened.
func noSuchTest(r e2e.Result) string {
	var texts []string
	for _, p := range r.Problems {
		switch {
		case p.Note:
		case p.Code != e2e.CodeNoTests:
			return ""
		default:
			texts = append(texts, p.Text)
		}
	}
	if len(r.Tests) > 0 {
		return ""
	}
	return strings.Join(texts, "\n")
}

// finish prints, writes and publishes a result, and exits with its status.
func (s *setup) finish(ctx context.Context, format string, where published, session *pipeline.Session, r e2e.Result) error {
	s.console.Done()
	if r.Run.Narrowed != nil {
		if text := noSuchTest(r); text != "" {
			return usage("%s", text)
		}
		if err := s.show(format, session, r, ""); err != nil {
			return fmt.Errorf("cannot print the result: %w", err)
		}
		return exitError(r.Verdict.ExitStatus())
	}
	if s.wrong() && s.posting {
		where = where.nothing() // the problem of the result says so
	}
	undone := append(s.writeStatement(where.Statement, r), s.writeSummary(ctx, where.Summary, r)...)
	s.writeSlack(where.Slack, r)
	s.writeMetrics(where.Metrics, r)
	s.runner().show(r, filepath.Join(session.Out(), "result.json"), s.inputs)
	s.past.keep(ctx, s.runner())
	if wanted := where.wanted(); wanted.Any() {
		undone = append(undone, s.publisher.Publish(ctx, wanted, r)...)
		s.runner().summariseUnpublished()
	}
	if err := s.show(format, session, r, ""); err != nil {
		return fmt.Errorf("cannot print the result: %w", err)
	}
	return s.ended(r, undone)
}

// ended is the exit status of a result. What was asked for and not done makes no green job: the verdict stands as it is, and the
// reason comes last.
func (s *setup) ended(r e2e.Result, undone []string) error {
	status := r.Verdict.ExitStatus()
	if status != e2e.ExitPassed || len(undone) == 0 {
		return exitError(status)
	}
	return fmt.Errorf("the verdict is %s, and this was asked for and not done: %s", r.Verdict.State, strings.Join(undone, "; "))
}
