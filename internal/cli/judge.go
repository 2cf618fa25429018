package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// judge takes policy, quarantine and the map of owners of a pull request, or of a merge
// group of them, from its base revision: a change cannot relax its own judge, nor call whom it likes. A base without a config (the change that
// introduces the gate) means the built-in policy and no quarantine; so does a base
// that nobody can read, as [e2e.CodePolicyUnreadable].
func (s *setup) judge(ctx context.Context, cfg *config.Config, own policy.Quarantine) (policy.Quarantine, []e2e.Problem) {
	if !strings.HasPrefix(s.trigger.Event, "pull_request") && s.trigger.Event != "merge_group" {
		return own, nil
	}
	read := s.baseReader(ctx)
	quarantine, err := s.judgeOfBase(ctx, cfg, read)
	if err == nil {
		return quarantine, nil
	}
	// Nothing of its own that a change could relax.
	harmless := cfg.Policy.BuiltIn() && cfg.Quarantine == ""
	cfg.Policy, cfg.Owners = policy.Policy{}, nil
	if harmless && s.trigger.BaseSHA == "" {
		return nil, nil
	}
	next := "check out with fetch-depth: 0, or give the token contents: read"
	if broken := (*brokenBaseError)(nil); errors.As(err, &broken) {
		next = "correct the config on the base branch"
	}
	return nil, []e2e.Problem{{Code: e2e.CodePolicyUnreadable, Text: fmt.Sprintf(policyUnreadable, err, next)}}
}

// policyUnreadable says why the base's policy does not hold, and what to do.
const policyUnreadable = "the base of the change cannot be read (%v), so the built-in policy holds, and no quarantine: a change cannot relax its own judge; %s"

// brokenBaseError says that the base's config was read and has mistakes. Its policy does
// not hold in parts: what could not be read may have been the stricter part.
type brokenBaseError struct{ mistakes error }

func (e *brokenBaseError) Error() string {
	text, rest, _ := strings.Cut(e.mistakes.Error(), "\n")
	if rest != "" {
		text += fmt.Sprintf(", and %d more", strings.Count(rest, "\n")+1)
	}
	return "its config has mistakes: " + text
}

func (e *brokenBaseError) Unwrap() error { return e.mistakes }

// judgeOfBase puts the base's policy into the config and returns its quarantine.
func (s *setup) judgeOfBase(ctx context.Context, cfg *config.Config, read readBase) (policy.Quarantine, error) {
	if read == nil {
		return nil, errors.New("the checkout does not have its commit")
	}
	text, found, err := s.atBase(ctx, read, s.config.File)
	if err != nil {
		return nil, err
	}
	if !found {
		s.console.Note("the base has no such config, so the built-in policy holds, and no quarantine")
		cfg.Policy, cfg.Owners = policy.Policy{}, nil
		return nil, nil
	}
	theirs, err := config.PeekBytes(s.config.File, text)
	if err != nil {
		return nil, &brokenBaseError{err}
	}
	cfg.Owners = theirs.Owners
	if cfg.Policy = theirs.Policy; theirs.Quarantine == "" {
		return nil, nil
	}
	if text, found, err = s.atBase(ctx, read, filepath.Join(s.root, filepath.FromSlash(theirs.Quarantine))); err != nil || !found {
		return nil, err
	}
	quarantine, err := config.ParseQuarantine(theirs.Quarantine, text)
	if err != nil {
		s.console.Note(fmt.Sprintf("the quarantine of the base cannot be read and does not count: %v", err))
		return nil, nil
	}
	return quarantine, nil
}

// readBase reads a file of the base revision, by its path from the root.
type readBase func(ctx context.Context, path string) (text []byte, found bool, err error)

// baseReader reads from the checkout where it has the base commit, else through
// GitHub's API: a usual checkout is shallow. It is nil where neither can be.
func (s *setup) baseReader(ctx context.Context) readBase {
	base := s.trigger.BaseSHA
	if base == "" {
		return nil
	}
	if s.git(ctx, "rev-parse", "--verify", "--quiet", base+"^{commit}") != "" {
		return func(ctx context.Context, path string) ([]byte, bool, error) {
			text := s.git(ctx, "show", base+":"+path)
			return []byte(text), text != "", nil
		}
	}
	client, err := s.app.github(s.trigger)
	if client == nil || err != nil {
		return nil
	}
	return func(ctx context.Context, path string) ([]byte, bool, error) { return client.File(ctx, base, path) }
}

// atBase is a file of the checkout as it was at the base. One that lies outside the
// repository has no base.
func (s *setup) atBase(ctx context.Context, read readBase, file string) ([]byte, bool, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, false, err
	}
	rel, err := filepath.Rel(s.root, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, false, nil
	}
	return read(ctx, filepath.ToSlash(rel))
}
