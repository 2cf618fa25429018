package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/isolation"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/secrets"
)

// isolation gives each shard and attempt its own resources; nil if the config asks for
// none.
func (s *Session) isolation() *isolation.Isolation {
	spec := s.opts.Config.Isolation
	if !spec.Enabled() {
		return nil
	}
	return isolation.New(isolation.Config{
		Spec: spec, Root: s.opts.Root, Out: s.out, RunID: s.run.ID, BaseEnv: s.opts.BaseEnv, Secrets: s.opts.Config.Secrets,
		Redact: s.redactLog, Hide: s.hide, Note: s.opts.Progress.Note, Now: s.opts.Now,
	})
}

// hide masks secrets that isolation makes.
func (s *Session) hide(src secrets.Source) {
	found := secrets.Find(src)
	for _, secret := range found.Named {
		s.opts.Redact.Add(secret.Value)
	}
	for _, secret := range found.Weak {
		s.opts.Redact.AddUnlessWord(secret.Value)
	}
}

// afterEnd is how long a cancelled run waits for the teardown of isolation before it
// writes its documents. A longer teardown goes on meanwhile, and the gate ends after it.
const afterEnd = 2 * time.Second

// release tears down the isolation of shards. It cannot fail a run, because its tests
// have ended.
func (env *environment) release(ctx context.Context, f *flow, list ...*runner.Shard) {
	done := make(chan struct{})
	env.releases.Go(func() {
		defer close(done)
		var group sync.WaitGroup
		for _, sh := range list {
			group.Go(func() {
				err := safely(func() error { return sh.Release(context.WithoutCancel(ctx)) })
				if err != nil {
					env.mu.Lock()
					defer env.mu.Unlock()
					env.left = append(env.left, err)
				}
			})
		}
		group.Wait()
	})
	select {
	case <-done:
	case <-ctx.Done():
		timer := time.NewTimer(afterEnd)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
			return
		}
	}
	for _, err := range env.leftovers() {
		f.add(e2e.Problem{Code: e2e.CodeEnvironment, Text: err.Error()})
		env.opts.Progress.Note(err.Error())
	}
}

// leftovers are the teardown failures, each reported once.
func (env *environment) leftovers() []error {
	env.mu.Lock()
	defer env.mu.Unlock()
	left := env.left
	env.left = nil
	return left
}
