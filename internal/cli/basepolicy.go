package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/report"
)

// judgement is the policy, the quarantine and the owners by which a run is judged.
type judgement struct {
	policy policy.Policy
	// owners are the teams that may be mentioned.
	owners     map[string]string
	quarantine policy.Quarantine
	problems   []e2e.Problem
}

// judgementOf takes policy, quarantine and the map of owners of a pull request, or of a merge
// group of them, from its base revision: a change cannot relax its own judge, nor choose whom to
// mention. If the base has no config (the change introduces the gate), the built-in policy
// applies, without quarantine. The same holds for a base that cannot be read, which is
// reported as [e2e.CodePolicyUnreadable].
func (a *App) judgementOf(ctx context.Context, in inputs, own policy.Quarantine, console *report.Console) judgement {
	if !strings.HasPrefix(in.trigger.Event, "pull_request") && in.trigger.Event != "merge_group" {
		return judgement{policy: in.config.Policy, owners: in.config.Owners, quarantine: own}
	}
	base := baseRevision{root: in.root, read: a.baseReader(ctx, in), console: console}
	judge, err := base.judgement(ctx, in.config.File)
	if err == nil {
		return judge
	}
	// Nothing of its own that a change could relax.
	harmless := in.config.Policy.BuiltIn() && in.config.Quarantine == ""
	if harmless && in.trigger.BaseSHA == "" {
		return judgement{}
	}
	if broken := (*brokenBaseError)(nil); errors.As(err, &broken) {
		return judgement{policy: policy.Strictest(), problems: []e2e.Problem{{Code: e2e.CodePolicyUnreadable, Text: fmt.Sprintf(policyBroken, err)}}}
	}
	return judgement{problems: []e2e.Problem{{Code: e2e.CodePolicyUnreadable, Text: fmt.Sprintf(policyUnreadable, err)}}}
}

// policyUnreadable and policyBroken say why the base's policy does not apply, which policy
// applies instead, and what to do.
const (
	policyUnreadable = "the base of the change cannot be read (%v); the built-in policy applies, without quarantine: a change cannot relax its own judge. " +
		"Check out with fetch-depth: 0, or give the token contents: read"
	policyBroken = "the base of the change cannot be read (%v); the strictest policy applies (flaky tests and later passes block too), without quarantine: " +
		"a change cannot relax its own judge. Fix the config on the base branch"
)

// brokenBaseError says that the base's config has mistakes. No part of its policy applies,
// because the unreadable part may have been the stricter one.
type brokenBaseError struct{ mistakes error }

func (e *brokenBaseError) Error() string {
	text, rest, _ := strings.Cut(e.mistakes.Error(), "\n")
	if rest != "" {
		text += fmt.Sprintf(", and %d more", strings.Count(rest, "\n")+1)
	}
	return "its config has mistakes: " + text
}

func (e *brokenBaseError) Unwrap() error { return e.mistakes }

// readBase reads a file of the base revision, by its path from the root.
type readBase func(ctx context.Context, path string) (text []byte, found bool, err error)

// baseReader reads from the checkout if it has the base commit, else through the forge,
// since most checkouts are shallow. It is nil if neither is possible.
func (a *App) baseReader(ctx context.Context, in inputs) readBase {
	base, work := in.trigger.BaseSHA, gitrepo.Checkout{Dir: in.root, Environ: a.Environ}
	if base == "" {
		return nil
	}
	if work.Has(ctx, base) {
		return func(ctx context.Context, path string) ([]byte, bool, error) { return work.File(ctx, base, path) }
	}
	c, err := a.openForge(in.trigger, publishTime)
	if c == nil || err != nil {
		return nil
	}
	return func(ctx context.Context, path string) ([]byte, bool, error) { return c.File(ctx, base, path) }
}

// baseRevision is the revision that a change is compared with.
type baseRevision struct {
	root string
	// read is nil where the revision cannot be read.
	read    readBase
	console *report.Console
}

// judgement is what the base's own config says. An error means that it is unknown.
func (b baseRevision) judgement(ctx context.Context, configFile string) (judgement, error) {
	if b.read == nil {
		return judgement{}, errors.New("the checkout does not have its commit")
	}
	text, found, err := b.file(ctx, configFile)
	if err != nil {
		return judgement{}, err
	}
	if !found {
		b.console.Note("the base has no such config; the built-in policy applies, without quarantine")
		return judgement{}, nil
	}
	theirs, err := config.PeekBytes(configFile, text)
	if err != nil {
		return judgement{}, &brokenBaseError{err}
	}
	judge := judgement{policy: theirs.Policy, owners: theirs.Owners}
	if theirs.Quarantine == "" {
		return judge, nil
	}
	text, found, err = b.file(ctx, filepath.Join(b.root, filepath.FromSlash(theirs.Quarantine)))
	if err != nil {
		return judgement{}, err
	}
	if found {
		if judge.quarantine, err = config.ParseQuarantine(theirs.Quarantine, text); err != nil {
			b.console.Note(fmt.Sprintf("the quarantine of the base cannot be read and is ignored: %v", err))
			judge.quarantine = nil
		}
	}
	return judge, nil
}

// file is a file of the checkout as it was at the base. A file outside the repository has
// no base.
func (b baseRevision) file(ctx context.Context, name string) ([]byte, bool, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, false, err
	}
	rel, err := filepath.Rel(b.root, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, false, nil
	}
	return b.read(ctx, filepath.ToSlash(rel))
}
