package github

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/forge"
)

const (
	runLost   = "the workflow run"
	pullsLost = "the pull request of the workflow run"
	// maxJobPages bounds how many pages of 100 jobs are read: a run has 256 of a matrix
	// and some more.
	maxJobPages = 5
)

// unread makes an [*Error] for something that could not be read.
func (c *Client) unread(what, permission string, err error) *Error {
	e := c.lost(what, permission, err)
	e.verb = "read"
	return e
}

// WorkflowRun reads a run, as its latest attempt is. An error is an [*Error].
func (c *Client) WorkflowRun(ctx context.Context, id int64) (forge.WorkflowRun, error) {
	ctx, done := c.begin(ctx)
	defer done()
	r, _, err := c.api.Actions.GetWorkflowRunByID(ctx, c.owner, c.name, id)
	if err != nil {
		return forge.WorkflowRun{}, c.unread(runLost, artifactsRight, err)
	}
	return forge.WorkflowRun{
		ID: r.GetID(), Attempt: max(r.GetRunAttempt(), 1), Event: r.GetEvent(), SHA: r.GetHeadSHA(), Branch: r.GetHeadBranch(),
		HeadRepository: r.GetHeadRepository().GetFullName(), Actor: r.GetActor().GetLogin(),
		Completed: r.GetStatus() == "completed", Conclusion: r.GetConclusion(), URL: r.GetHTMLURL(),
	}, nil
}

// JobConclusion is how a job of an attempt of a run ended, by the job's name. An error
// is an [*Error]; so is a job that does not exist, or exists twice.
func (c *Client) JobConclusion(ctx context.Context, run forge.WorkflowRun, job string) (string, error) {
	ctx, done := c.begin(ctx)
	defer done()
	var found []string
	opts := &github.ListOptions{PerPage: perPage}
	for range maxJobPages {
		page, resp, err := c.api.Actions.ListWorkflowJobsAttempt(ctx, c.owner, c.name, run.ID, int64(run.Attempt), opts)
		if err != nil {
			return "", c.unread(runLost, artifactsRight, err)
		}
		for _, j := range page.Jobs {
			if j.GetName() == job {
				found = append(found, j.GetConclusion())
			}
		}
		if opts.Page = resp.NextPage; opts.Page == 0 {
			break
		}
	}
	if len(found) != 1 {
		return "", c.unread(runLost, "", fmt.Errorf("it has %d jobs named %s; give the name that the pull request shows", len(found), job))
	}
	return found[0], nil
}

// PullRequests are the open pull requests whose head is the branch that a run ran on,
// by number. The run itself names none where it comes from a fork. An error is an
// [*Error].
func (c *Client) PullRequests(ctx context.Context, run forge.WorkflowRun) ([]forge.PullRequest, error) {
	owner, _, ok := strings.Cut(run.HeadRepository, "/")
	if !ok || run.Branch == "" {
		return nil, nil // the fork was deleted: GitHub closes its pull requests
	}
	ctx, done := c.begin(ctx)
	defer done()
	list, _, err := c.api.PullRequests.List(ctx, c.owner, c.name, &github.PullRequestListOptions{
		State: "open", Head: owner + ":" + run.Branch, ListOptions: github.ListOptions{PerPage: perPage},
	})
	if err != nil {
		return nil, c.unread(pullsLost, "pull-requests: read", err)
	}
	var found []forge.PullRequest
	for _, pr := range list {
		// One owner may have several forks.
		if strings.EqualFold(pr.GetHead().GetRepo().GetFullName(), run.HeadRepository) {
			found = append(found, forge.PullRequest{Number: pr.GetNumber(), SHA: pr.GetHead().GetSHA(), Base: pr.GetBase().GetRef()})
		}
	}
	slices.SortFunc(found, func(a, b forge.PullRequest) int { return a.Number - b.Number })
	return found, nil
}
