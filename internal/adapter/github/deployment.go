package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/safetext"
)

const (
	deploymentLost  = "the deployment status"
	deploymentRight = "deployments: write"
)

// maxOwnDeployments bounds how many deployments are asked for their statuses, one request each.
const maxOwnDeployments = 20

// FindDeployment is the newest deployment of a commit to an environment that is not one of this
// run, whose page is given: a job that names an environment makes a deployment by itself. An error
// is an [*Error], also if there is none.
func (c *Client) FindDeployment(ctx context.Context, sha, environment, page string) (int64, error) {
	ctx, done := c.begin(ctx)
	defer done()
	id, err := c.findDeployment(ctx, sha, environment, page)
	if err != nil {
		return 0, c.lost(deploymentLost, deploymentRight, err)
	}
	return id, nil
}

func (c *Client) findDeployment(ctx context.Context, sha, environment, page string) (int64, error) {
	list, _, err := c.api.Repositories.ListDeployments(ctx, c.owner, c.name, &github.DeploymentsListOptions{
		SHA: sha, Environment: environment, ListOptions: github.ListOptions{PerPage: perPage},
	})
	if err != nil {
		return 0, err
	}
	for i, d := range list {
		if i == maxOwnDeployments {
			return 0, fmt.Errorf("the newest %d deployments of the commit to %s are of jobs of this run; "+
				"give those jobs `environment: {name: %[2]s, deployment: false}`", i, safetext.Line(environment, maxContext))
		}
		own, err := c.ofRun(ctx, d, page)
		if err != nil || !own {
			return d.GetID(), err
		}
	}
	why := "was not deployed to"
	if len(list) > 0 {
		why = "was deployed only by jobs of this run, which name the environment, to"
	}
	return 0, fmt.Errorf("the commit %.12s %s %s", sha, why, safetext.Line(environment, maxContext))
}

// ofRun reports whether a job of a run made a deployment: its statuses name the job's page.
func (c *Client) ofRun(ctx context.Context, d *github.Deployment, page string) (bool, error) {
	if d.GetCreator().GetType() != "Bot" || page == "" {
		return false, nil
	}
	list, _, err := c.api.Repositories.ListDeploymentStatuses(ctx, c.owner, c.name, d.GetID(), &github.ListOptions{PerPage: perPage})
	return err == nil && slices.ContainsFunc(list, func(s *github.DeploymentStatus) bool {
		own := strings.HasPrefix(s.GetDescription(), publish.DeploymentOwn) // the gate's own status, which an earlier attempt set
		return !own && (s.GetLogURL() == page || strings.HasPrefix(s.GetLogURL(), page+"/"))
	}), err
}

// SetDeploymentStatus adds a status to a deployment. The description is cut at 140
// characters; a page that is not an http or https address is left out. Deployments before
// it stay as they are. A success becomes a failure where a newer run, or another call of
// the gate in the same, has said so of this deployment: the last word would be green
// otherwise. An error is an [*Error].
func (c *Client) SetDeploymentStatus(
	ctx context.Context, d publish.Deployment, state publish.DeploymentState, description, page string,
) (publish.Outcome, error) {
	if d.ID <= 0 {
		return publish.Outcome{}, c.lost(deploymentLost, deploymentRight, errors.New("this run has no deployment"))
	}
	ctx, done := c.begin(ctx)
	defer done()
	page, note := safetext.URL(page), ""
	if state == publish.DeploymentSuccess && c.failedElsewhere(ctx, d.ID, page) {
		state, description = publish.DeploymentFailure, publish.DeploymentOwn+"failed in a newer run or another job; this one: "+description
		note = "the deployment status is failure: a newer run, or another job of this one, failed for this deployment"
	}
	text, word := cutRunes(safetext.Line(description, 4*maxDescription+40), maxDescription), string(state)
	sent := &github.DeploymentStatusRequest{State: &word, AutoInactive: new(false), Description: &text}
	if page != "" {
		sent.LogURL = &page
	}
	if d.Environment != "" {
		sent.Environment = &d.Environment
	}
	_, _, err := c.api.Repositories.CreateDeploymentStatus(ctx, c.owner, c.name, d.ID, sent)
	if err == nil {
		return publish.Outcome{Action: publish.Created, URL: page, Note: note}, nil
	}
	e := c.lost(deploymentLost, deploymentRight, err)
	if note := c.readOnly(e); note != "" {
		return publish.Outcome{Action: publish.ReadOnly, Note: note}, nil
	}
	return publish.Outcome{}, e
}

// failedElsewhere reports whether a run that is not older than the page's has set a
// failure, as far as the newest hundred statuses say.
func (c *Client) failedElsewhere(ctx context.Context, id int64, page string) bool {
	list, _, err := c.api.Repositories.ListDeploymentStatuses(ctx, c.owner, c.name, id, &github.ListOptions{PerPage: perPage})
	return err == nil && slices.ContainsFunc(list, func(s *github.DeploymentStatus) bool {
		ours := s.GetState() == string(publish.DeploymentFailure) && strings.HasPrefix(s.GetDescription(), publish.DeploymentOwn)
		return ours && statusOvertaken(publish.Status{TargetURL: page}, publish.Status{TargetURL: s.GetLogURL()})
	})
}
