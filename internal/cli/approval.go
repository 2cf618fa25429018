package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hmarr/codeowners"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/policy"
)

// approval lifts what a change of the judge blocks, if the base's config says who may approve
// that, and they did. Then the change's own config judges. What cannot be asked is not given.
func (b *bench) approval(ctx context.Context, j *judging) {
	judge := j.organization.of(j.config)
	if judge == nil || judge.Judge.Approve.None() || !policy.Blocks(judge.Policy.Table().JudgeChanged()) {
		return
	}
	base := *j
	j.ask = func(tests bool) ([]e2e.Approval, error) { return b.approved(context.WithoutCancel(ctx), base, tests) }
	if len(j.Changes) == 0 {
		return // it is asked if tests are affected
	}
	given, err := j.ask(false)
	if err != nil {
		j.Unapproved = err.Error()
		return
	}
	j.By, j.ApprovedBy = e2e.JudgedByApproval, given
}

// asking asks for approvals of a change that affects tests; nil if it cannot be approved.
func (j judging) asking() func() ([]e2e.Approval, string) {
	if j.ask == nil {
		return nil
	}
	return func() ([]e2e.Approval, string) {
		given, err := j.ask(true)
		if err != nil {
			return nil, err.Error()
		}
		return given, ""
	}
}

// approved are the approvals of all pull requests that need one; tests: the change affects tests,
// and not the config alone. An error says what is missing.
func (b *bench) approved(ctx context.Context, j judging, tests bool) ([]e2e.Approval, error) {
	c, err := b.forge()
	if errors.Is(err, errNoToken) {
		return nil, errors.New("GITHUB_TOKEN is missing, with which that is asked; give the step a token with pull-requests: read and actions: read")
	}
	if err != nil {
		return nil, err
	}
	asked, ok := c.(forge.Approvals)
	if !ok {
		return nil, errors.New("this forge cannot be asked for approvals")
	}
	rule := j.organization.of(j.config).Judge.Approve
	n := notary{asked: asked, rule: rule, file: j.file, owns: func(ctx context.Context, login string) error { return b.owns(ctx, j, login) }}
	if b.in.trigger.Event != "merge_group" {
		if b.pullRequest == 0 {
			return nil, errors.New("only a pull request can be approved, and no open one has this commit as its head")
		}
		return n.approved(ctx, b.pullRequest, b.in.trigger.SHA)
	}
	group, err := b.group(ctx, c, asked, j, tests)
	if err != nil {
		return nil, err
	}
	var given []e2e.Approval
	for _, pr := range group {
		list, err := n.approved(ctx, pr, "")
		if err != nil {
			return nil, err
		}
		given = append(given, list...)
	}
	return given, nil
}

// group are the pull requests of a merge group that alter what judges them: those that touch
// the config or the quarantine. If that cannot be told, as of tests, all of them are.
func (b *bench) group(ctx context.Context, c connection, asked forge.Approvals, j judging, tests bool) ([]int, error) {
	queue, ok := c.(forge.MergeQueue)
	if !ok {
		return nil, errors.New("which pull requests the merge group holds is not known; set GITHUB_GRAPHQL_URL")
	}
	all, err := queue.QueuedPRs(ctx, b.in.trigger.Branch, b.in.trigger.SHA)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("which pull requests the merge group holds is not known: the queue does not have its commit any more")
	}
	if tests {
		return all, nil
	}
	files := append(slices.Clone(config.DefaultFiles), j.file, inRepository(b.in.root, b.own.File))
	for _, name := range []string{j.config.Quarantine, b.own.Quarantine} {
		files = append(files, filepath.ToSlash(filepath.Clean(name)))
	}
	var need []int
	for _, pr := range all {
		touched, complete, err := asked.ProposedFiles(ctx, pr)
		if err != nil || !complete || slices.ContainsFunc(touched, func(name string) bool { return slices.Contains(files, name) }) {
			need = append(need, pr)
		}
	}
	if len(need) == 0 {
		return all, nil
	}
	return need, nil
}

// owns says why an account does not own the config of the base, by CODEOWNERS of the base; nil:
// it does.
func (b *bench) owns(ctx context.Context, j judging, login string) error {
	read, err := b.read(ctx, j.Commit)
	if err != nil {
		return err
	}
	for _, place := range []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} {
		text, found, err := read(ctx, place)
		if err != nil {
			return err
		}
		if found {
			return ownsBy(text, place, j.file, login)
		}
	}
	return errors.New("the base has no CODEOWNERS")
}

// ownsBy is owns by the text of CODEOWNERS.
func ownsBy(text []byte, place, file, login string) error {
	rules, err := codeowners.ParseFile(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s of the base cannot be read: %w", place, err)
	}
	rule, err := rules.Match(file)
	if err != nil || rule == nil || len(rule.Owners) == 0 {
		return fmt.Errorf("%s of the base names no owner of %s", place, file)
	}
	teams := false
	for _, o := range rule.Owners {
		if o.Type == codeowners.UsernameOwner && strings.EqualFold(o.Value, login) {
			return nil
		}
		teams = teams || o.Type != codeowners.UsernameOwner
	}
	if teams {
		return fmt.Errorf("%s does not own %s by name, and the job's token cannot ask whether an account is in a team; name accounts in %s",
			login, file, place)
	}
	return fmt.Errorf("%s does not own %s", login, file)
}

// notary says who approved a pull request, by the rule of the base.
type notary struct {
	asked forge.Approvals
	rule  config.Approve
	// file is the config of the base; owns says why an account does not own it.
	file string
	owns func(ctx context.Context, login string) error
}

// approved are the approvals of a pull request at its head, which is sha where that is known.
// An error says what is missing.
func (n notary) approved(ctx context.Context, pr int, sha string) ([]e2e.Approval, error) {
	p, err := n.asked.Proposal(ctx, pr)
	switch {
	case err != nil:
		return nil, err
	case sha != "" && p.SHA != sha:
		return nil, fmt.Errorf("pull request #%d has another commit by now", pr)
	case p.Incomplete:
		return nil, fmt.Errorf("GitHub does not list all commits of pull request #%d, so its authors are not known; squash them", pr)
	case len(p.Unknown) > 0:
		return nil, fmt.Errorf("commit %.10s of pull request #%d belongs to no account, so its author is not known; add its e-mail address to the author's account",
			p.Unknown[0], pr)
	}
	var given []e2e.Approval
	if n.rule.Review != "" {
		by, err := n.review(ctx, p)
		if err != nil {
			return nil, err
		}
		given = append(given, e2e.Approval{By: by, How: "review", PullRequest: pr})
	}
	if n.rule.Label != "" {
		by, err := n.label(ctx, p)
		if err != nil {
			return nil, err
		}
		given = append(given, e2e.Approval{By: by, How: "label", PullRequest: pr})
	}
	return given, nil
}

// review is who approved the head of a pull request. Of one reviewer the last word counts.
func (n notary) review(ctx context.Context, p forge.Proposal) (string, error) {
	list, err := n.asked.Reviews(ctx, p.Number)
	if err != nil {
		return "", err
	}
	last := map[string]int{}
	for i, r := range list {
		if slices.Contains([]string{"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}, r.State) {
			last[strings.ToLower(r.Login)] = i
		}
	}
	missing := fmt.Errorf("pull request #%d has no approving review of its newest commit, %.10s", p.Number, p.SHA)
	for i, r := range list {
		if last[strings.ToLower(r.Login)] != i || r.State != "APPROVED" || r.SHA != p.SHA {
			continue
		}
		err := n.may(ctx, p, r.Login, r.Bot)
		if err == nil && n.rule.Review == "code-owners" {
			err = n.owns(ctx, r.Login)
		}
		if err == nil {
			return r.Login, nil
		}
		missing = fmt.Errorf("the review of pull request #%d does not count: %w", p.Number, err)
	}
	return "", missing
}

// label is who put the label on after the head was pushed.
func (n notary) label(ctx context.Context, p forge.Proposal) (string, error) {
	name := n.rule.Label
	list, forced, err := n.asked.Labelled(ctx, p.Number, name)
	switch {
	case err != nil:
		return "", err
	case !slices.Contains(p.Labels, name) || len(list) == 0:
		return "", fmt.Errorf("pull request #%d does not have the label %s", p.Number, name)
	}
	first, err := n.asked.FirstRun(ctx, p)
	if err != nil {
		return "", err
	}
	last := slices.MaxFunc(list, func(a, b forge.Labelling) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	switch {
	case first.IsZero():
		return "", fmt.Errorf("no workflow run of commit %.10s is known, so it is not known whether the label %s is newer", p.SHA, name)
	case !last.At.After(first), !last.At.After(forced):
		return "", fmt.Errorf("the label %s was put on pull request #%d at %s, not after its newest commit, %.10s, was there; remove it and put it on again",
			name, p.Number, last.At.UTC().Format(time.RFC3339), p.SHA)
	}
	if err := n.may(ctx, p, last.Login, last.Bot); err != nil {
		return "", fmt.Errorf("the label of pull request #%d does not count: %w", p.Number, err)
	}
	return last.Login, nil
}

// may says why an account may not approve a pull request; nil: it may.
func (n notary) may(ctx context.Context, p forge.Proposal, login string, bot bool) error {
	switch {
	case login == "" || bot:
		return errors.New("it is not a person's")
	case slices.ContainsFunc(p.Authors, func(a string) bool { return strings.EqualFold(a, login) }):
		return fmt.Errorf("%s is an author of the change", login)
	}
	writes, err := n.asked.MayWrite(ctx, login)
	switch {
	case err != nil:
		return err
	case !writes:
		return fmt.Errorf("%s may not write to the repository", login)
	}
	return nil
}
