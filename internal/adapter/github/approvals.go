package github

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/forge"
)

const (
	approvalLost  = "who approved the pull request"
	approvalRight = "pull-requests: read"
	// maxApprovalPages bounds how many pages of 100 are read of each list. A list that goes on
	// is incomplete, or an error.
	maxApprovalPages = 10
	// maxFiles is how many files of a pull request GitHub lists.
	maxFiles = 3000
)

// errTooMany: a list has more pages than are read.
var errTooMany = errors.New("there are more than 1,000 of them")

// pages reads a list page by page, up to so many. more: there are others.
func pages(limit int, read func(o github.ListOptions) (*github.Response, error)) (more bool, err error) {
	o := github.ListOptions{PerPage: perPage}
	for range limit {
		resp, err := read(o)
		if err != nil {
			return false, err
		}
		if o.Page = resp.NextPage; o.Page == 0 {
			return false, nil
		}
	}
	return true, nil
}

// Proposal reads a pull request, and who wrote it. An error is an [*Error].
func (c *Client) Proposal(ctx context.Context, number int) (forge.Proposal, error) {
	ctx, done := c.begin(ctx)
	defer done()
	pr, _, err := c.api.PullRequests.Get(ctx, c.owner, c.name, number)
	if err != nil {
		return forge.Proposal{}, c.unread(approvalLost, approvalRight, err)
	}
	p := forge.Proposal{
		Number: number, SHA: pr.GetHead().GetSHA(), Branch: pr.GetHead().GetRef(), HeadRepository: pr.GetHead().GetRepo().GetFullName(),
		Authors: []string{pr.GetUser().GetLogin()},
	}
	for _, l := range pr.Labels {
		p.Labels = append(p.Labels, l.GetName())
	}
	n := 0
	more, err := pages(maxApprovalPages, func(o github.ListOptions) (*github.Response, error) {
		list, resp, err := c.api.PullRequests.ListCommits(ctx, c.owner, c.name, number, &o)
		for _, one := range list {
			n++
			if one.GetAuthor().GetLogin() == "" || one.GetCommitter().GetLogin() == "" {
				p.Unknown = append(p.Unknown, one.GetSHA())
			}
			for _, login := range []string{one.GetAuthor().GetLogin(), one.GetCommitter().GetLogin()} {
				if login != "" && !slices.Contains(p.Authors, login) {
					p.Authors = append(p.Authors, login)
				}
			}
		}
		return resp, err
	})
	if err != nil {
		return forge.Proposal{}, c.unread(approvalLost, approvalRight, err)
	}
	p.Incomplete = more || n != pr.GetCommits() // GitHub lists 250
	return p, nil
}

// Reviews lists those of a pull request, the oldest first. An error is an [*Error].
func (c *Client) Reviews(ctx context.Context, number int) ([]forge.Review, error) {
	ctx, done := c.begin(ctx)
	defer done()
	var list []forge.Review
	more, err := pages(maxApprovalPages, func(o github.ListOptions) (*github.Response, error) {
		page, resp, err := c.api.PullRequests.ListReviews(ctx, c.owner, c.name, number, &o)
		for _, r := range page {
			list = append(list, forge.Review{Login: r.GetUser().GetLogin(), State: r.GetState(), SHA: r.GetCommitID(), Bot: r.GetUser().GetType() != "User"})
		}
		return resp, err
	})
	if err == nil && more {
		err = errTooMany // a later one may take an approval back
	}
	if err != nil {
		return nil, c.unread(approvalLost, approvalRight, err)
	}
	return list, nil
}

// Labelled lists when a label was put on a pull request, the oldest first, and when its branch
// was last pushed with force. An error is an [*Error].
func (c *Client) Labelled(ctx context.Context, number int, label string) (list []forge.Labelling, forced time.Time, err error) {
	ctx, done := c.begin(ctx)
	defer done()
	more, err := pages(maxApprovalPages, func(o github.ListOptions) (*github.Response, error) {
		page, resp, err := c.api.Issues.ListIssueEvents(ctx, c.owner, c.name, number, &o)
		for _, e := range page {
			switch at := e.GetCreatedAt().Time; {
			case e.GetEvent() == "labeled" && e.GetLabel().GetName() == label:
				list = append(list, forge.Labelling{Login: e.GetActor().GetLogin(), Bot: e.GetActor().GetType() != "User", At: at})
			case e.GetEvent() == "head_ref_force_pushed" && at.After(forced):
				forced = at
			}
		}
		return resp, err
	})
	if err == nil && more {
		err = errTooMany
	}
	if err != nil {
		return nil, time.Time{}, c.unread(approvalLost, approvalRight, err)
	}
	return list, forced, nil
}

// FirstRun is when the first workflow run of a proposal's head was created. Runs of the same
// commit on other branches do not count: they may be from before it was proposed. An error is
// an [*Error].
func (c *Client) FirstRun(ctx context.Context, p forge.Proposal) (time.Time, error) {
	ctx, done := c.begin(ctx)
	defer done()
	var first time.Time
	more, err := pages(maxApprovalPages, func(o github.ListOptions) (*github.Response, error) {
		page, resp, err := c.api.Actions.ListRepositoryWorkflowRuns(ctx, c.owner, c.name, &github.ListWorkflowRunsOptions{HeadSHA: p.SHA, ListOptions: o})
		if err != nil {
			return resp, err
		}
		for _, r := range page.WorkflowRuns {
			at := r.GetCreatedAt().Time
			own := r.GetHeadSHA() == p.SHA && r.GetHeadBranch() == p.Branch && r.GetHeadRepository().GetFullName() == p.HeadRepository
			if own && !at.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		return resp, err
	})
	if err == nil && more {
		err = errTooMany
	}
	if err != nil {
		return time.Time{}, c.unread("when the commit was first run", "actions: read", err)
	}
	return first, nil
}

// MayWrite reports whether an account may write to the repository. An error is an [*Error].
func (c *Client) MayWrite(ctx context.Context, login string) (bool, error) {
	ctx, done := c.begin(ctx)
	defer done()
	level, _, err := c.api.Repositories.GetPermissionLevel(ctx, c.owner, c.name, login)
	if err != nil {
		return false, c.unread("whether "+login+" may write", "metadata: read", err)
	}
	return slices.Contains([]string{"admin", "maintain", "write"}, level.GetPermission()), nil
}

// ProposedFiles are the paths that a pull request touches. An error is an [*Error].
func (c *Client) ProposedFiles(ctx context.Context, number int) (paths []string, complete bool, err error) {
	ctx, done := c.begin(ctx)
	defer done()
	n := 0
	more, err := pages(maxFiles/perPage, func(o github.ListOptions) (*github.Response, error) {
		page, resp, err := c.api.PullRequests.ListFiles(ctx, c.owner, c.name, number, &o)
		for _, f := range page {
			n++
			paths = append(paths, f.GetFilename())
			if f.GetPreviousFilename() != "" {
				paths = append(paths, f.GetPreviousFilename())
			}
		}
		return resp, err
	})
	if err != nil {
		return nil, false, c.unread("which files the pull request touches", approvalRight, err)
	}
	return paths, !more && n < maxFiles, nil
}
