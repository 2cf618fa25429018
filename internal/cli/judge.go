package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// judge takes policy and quarantine of a pull request from its base revision: a
// change cannot relax its own judge. A base without a config (the change that
// introduces the gate) means the built-in policy and no quarantine; so does a base
// that the checkout does not have, as [e2e.CodePolicyUnreadable].
func (s *setup) judge(ctx context.Context, cfg *config.Config, own policy.Quarantine) (policy.Quarantine, []e2e.Problem) {
	if !strings.HasPrefix(s.trigger.Event, "pull_request") {
		return own, nil
	}
	base := s.trigger.BaseSHA
	if base == "" || s.git(ctx, "rev-parse", "--verify", "--quiet", base+"^{commit}") == "" {
		if len(cfg.Policy) == 0 && cfg.Quarantine == "" {
			return own, nil
		}
		cfg.Policy = nil
		return nil, []e2e.Problem{{Code: e2e.CodePolicyUnreadable, Text: "the checkout does not have the base commit of the pull request, so the built-in policy holds, and no quarantine: a change cannot relax its own judge; check out with fetch-depth: 0"}}
	}
	theirs := &config.Config{}
	if text, ok := s.atBase(ctx, base, s.config.File); ok {
		theirs = config.PeekBytes(s.config.File, []byte(text))
	} else {
		s.console.Note("the base has no such config, so the built-in policy holds, and no quarantine")
	}
	cfg.Policy = theirs.Policy
	quarantine, err := s.baseQuarantine(ctx, base, theirs.Quarantine)
	if err != nil {
		s.console.Note(fmt.Sprintf("the quarantine of the base cannot be read and does not count: %v", err))
	}
	return quarantine, nil
}

func (s *setup) baseQuarantine(ctx context.Context, base, file string) (policy.Quarantine, error) {
	if file == "" {
		return nil, nil
	}
	text, ok := s.atBase(ctx, base, filepath.Join(s.root, filepath.FromSlash(file)))
	if !ok {
		return nil, nil
	}
	q, err := config.ParseQuarantine(file, []byte(text))
	if err != nil {
		return nil, err
	}
	return q, nil
}

// atBase is a file of the checkout as it was at the base.
func (s *setup) atBase(ctx context.Context, base, file string) (string, bool) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(s.root, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	text := s.git(ctx, "show", base+":"+filepath.ToSlash(rel))
	return text, text != ""
}
