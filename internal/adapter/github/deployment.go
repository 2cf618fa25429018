package github

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/safetext"
)

// DeploymentState is the state of a deployment's status.
type DeploymentState string

// The states that the gate sets.
const (
	DeploymentInProgress DeploymentState = "in_progress"
	DeploymentSuccess    DeploymentState = "success"
	DeploymentFailure    DeploymentState = "failure"
)

const (
	deploymentLost  = "the deployment status"
	deploymentRight = "deployments: write"
)

// FindDeployment is the newest deployment of a commit to an environment. An error is
// an [*Error]; that there is none is one.
func (c *Client) FindDeployment(ctx context.Context, sha, environment string) (int64, error) {
	ctx, done := c.begin(ctx)
	defer done()
	list, _, err := c.api.Repositories.ListDeployments(ctx, c.owner, c.name, &github.DeploymentsListOptions{
		SHA: sha, Environment: environment, ListOptions: github.ListOptions{PerPage: 1},
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("the commit %.12s was not deployed to %s", sha, safetext.Line(environment, maxContext))
	}
	if err != nil {
		return 0, c.lost(deploymentLost, deploymentRight, err)
	}
	return list[0].GetID(), nil
}

// SetDeploymentStatus adds a status to a deployment. The description is cut at 140
// characters; a page that is no http or https address is left out. Deployments before
// it stay as they are. An error is an [*Error].
func (c *Client) SetDeploymentStatus(ctx context.Context, id int64, environment string, state DeploymentState, description, page string) (Outcome, error) {
	if id <= 0 {
		return Outcome{}, c.lost(deploymentLost, deploymentRight, errors.New("this run belongs to no deployment"))
	}
	ctx, done := c.begin(ctx)
	defer done()
	sent := &github.DeploymentStatusRequest{State: new(string(state)), AutoInactive: new(false),
		Description: new(cutRunes(safetext.Line(description, 4*maxDescription+40), maxDescription))}
	if page = safetext.URL(page); page != "" {
		sent.LogURL = &page
	}
	if environment != "" {
		sent.Environment = &environment
	}
	_, _, err := c.api.Repositories.CreateDeploymentStatus(ctx, c.owner, c.name, id, sent)
	if err == nil {
		return Outcome{Action: Created, URL: page}, nil
	}
	e := c.lost(deploymentLost, deploymentRight, err)
	if note := c.readOnly(e); note != "" {
		return Outcome{Action: ReadOnly, Note: note}, nil
	}
	return Outcome{}, e
}
