package cli

import (
	"context"
	"fmt"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
)

// readPlan reads the plan: the given file, else the one among the artifacts of the
// workflow run. The artifacts are nil outside of GitHub. With an error, the plan is nil or has only its run, see
// [pipeline.ReadPlan].
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
		return nil, nil, usage("--plan is missing; give the plan.json that the plan command wrote")
	case file == "":
		if file, err = files.plan(ctx); err != nil {
			return nil, nil, err
		}
	}
	if err := a.ownDocument(ctx, top, file); err != nil {
		return nil, nil, err
	}
	plan, err := pipeline.ReadPlan(ctx, file, version())
	return files, plan, err
}

// adopt prepares a session for a plan that another job made, and takes its run id and
// stage. fetched adds what other jobs left.
func (a *App) adopt(ctx context.Context, f staged, plan *e2e.Plan, uses config.Sections, fetched func(*setup)) (*setup, *pipeline.Session, error) {
	if f.Stage != "" && f.Stage != plan.Run.Stage {
		return nil, nil, usage("--stage %s: the plan is for stage %s; leave --stage out, or plan again", f.Stage, plan.Run.Stage)
	}
	f.Stage = plan.Run.Stage
	s, err := a.prepare(ctx, f, uses, plan.Run.ID)
	if err != nil {
		return nil, nil, err
	}
	if made, now := plan.Extends, s.judging.Extends; made != nil && now != nil && made.Digest != now.Digest {
		s.judging.notes = append(s.judging.notes, fmt.Sprintf("the organisation's config changed since the plan: %s then, %s now, which counts", made, now))
	}
	if a.order != nil {
		s.known, s.noRerun = a.order.known(), a.order.NoRerun
	} else {
		fetched(s)
	}
	session, err := s.session(ctx, f, true, false, s.past.backups(s.console))
	if err != nil {
		return nil, nil, err
	}
	return s, session, session.Adopt(plan)
}
