package github

import (
	"context"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/publish"
)

const (
	jobsLost     = "the list of jobs of an earlier attempt"
	statusesLost = "the list of the commit's statuses"
	witnessLost  = "the pull request's comment of an earlier attempt"
	// maxStatusPages bounds how many pages of 100 statuses are read: GitHub keeps 1,000 of a
	// commit and context.
	maxStatusPages = 10
)

// Jobs lists the jobs of an attempt of a run. An error is an [*Error].
func (c *Client) Jobs(ctx context.Context, run int64, attempt int) ([]forge.Job, error) {
	ctx, done := c.begin(ctx)
	defer done()
	var list []forge.Job
	opts := &github.ListOptions{PerPage: perPage}
	for range maxJobPages {
		page, resp, err := c.api.Actions.ListWorkflowJobsAttempt(ctx, c.owner, c.name, run, int64(attempt), opts)
		if err != nil {
			return nil, c.unread(jobsLost, artifactsRight, err)
		}
		for _, j := range page.Jobs {
			job := forge.Job{Name: j.GetName(), Runner: j.GetRunnerName(), Running: j.GetStatus() == "in_progress", Conclusion: j.GetConclusion()}
			for _, s := range j.Steps {
				job.Steps = append(job.Steps, forge.Step{
					Name: s.GetName(), Number: int(s.GetNumber()), Running: s.GetStatus() == "in_progress", Conclusion: s.GetConclusion(),
				})
			}
			list = append(list, job)
		}
		if opts.Page = resp.NextPage; opts.Page == 0 {
			break
		}
	}
	return list, nil
}

// StatusesOf lists every status that a commit ever got in a context, the newest first, as far
// as a bot or the token's own account set it. An error is an [*Error].
func (c *Client) StatusesOf(ctx context.Context, sha, name string) ([]forge.CommitStatus, error) {
	if !commit.MatchString(sha) {
		return nil, nil
	}
	ctx, done := c.begin(ctx)
	defer done()
	c.mu.Lock()
	login := c.login
	c.mu.Unlock()
	var list []forge.CommitStatus
	opts := &github.ListOptions{PerPage: perPage}
	for range maxStatusPages {
		page, resp, err := c.api.Repositories.ListStatuses(ctx, c.owner, c.name, sha, opts)
		if err != nil {
			return nil, c.unread(statusesLost, "statuses: read", err)
		}
		for _, s := range page {
			own := s.GetCreator().GetType() == "Bot" || login != "" && strings.EqualFold(s.GetCreator().GetLogin(), login)
			if own && s.GetContext() == name {
				list = append(list, forge.CommitStatus{State: s.GetState(), Description: s.GetDescription(), TargetURL: s.GetTargetURL()})
			}
		}
		if opts.Page = resp.NextPage; opts.Page == 0 {
			break
		}
	}
	return list, nil
}

// FailedBefore reads, from our comment on a pull request, which tests failed in a workflow run.
// found is false where the comment is of another run, or does not say it. An error is an [*Error].
func (c *Client) FailedBefore(ctx context.Context, pr int, stage, key, workflowRun string) (forge.FailedTests, bool, error) {
	ctx, done := c.begin(ctx)
	defer done()
	u := c.upsert(pr, publish.Stamp{Key: key, Stage: stage, WorkflowRun: workflowRun}, "")
	if err := u.read(ctx); err != nil {
		return forge.FailedTests{}, false, c.unread(witnessLost, "pull-requests: read", err)
	}
	for _, f := range u.ours(u.marks(ctx)) {
		if f.WorkflowRun == workflowRun && f.Failed != nil {
			return forge.FailedTests{Attempt: f.Attempt, Digests: f.Failed}, true, nil
		}
	}
	return forge.FailedTests{}, false, nil
}
