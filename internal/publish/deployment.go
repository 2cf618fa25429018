package publish

import (
	"context"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
)

// deploys reports whether a deployment gets statuses. A status that the gate sets with an
// App's token starts workflows; answering it with another one would loop forever.
func (p *Publisher) deploys(w Wanted) bool {
	if p.Trigger.Echo {
		return false
	}
	return w.Deployment != "" || w.Comment && p.Trigger.Deployment != 0
}

// startDeployment sets the deployment to in progress. A place that cannot be opened is
// reported at the end.
func (p *Publisher) startDeployment(ctx context.Context, w Wanted) {
	if !p.deploys(w) {
		return
	}
	if place, err := p.Place(); err == nil {
		if deployments, ok := place.(Deployments); ok {
			p.deploymentStatus(ctx, place, deployments, w, p.Trigger.SHA, DeploymentInProgress, DeploymentOwn+p.Stage+" is running")
		}
	}
}

// endDeployment sets the deployment to the outcome. It reports false where the place has no
// deployments.
func (p *Publisher) endDeployment(ctx context.Context, place Place, w Wanted, r e2e.Result) bool {
	if !p.deploys(w) {
		return true
	}
	deployments, ok := place.(Deployments)
	if !ok {
		return false
	}
	state := DeploymentFailure
	if r.Verdict.ExitStatus() == e2e.ExitPassed {
		state = DeploymentSuccess
	}
	p.deploymentStatus(ctx, place, deployments, w, r.Run.SHA, state, report.HeadlineOf(r).Text("-"))
	return true
}

func (p *Publisher) deploymentStatus(ctx context.Context, place Place, to Deployments, w Wanted, sha string, state DeploymentState, text string) {
	environment := w.Deployment
	if environment == "" {
		environment = p.Trigger.Environment
	}
	if p.deployment == 0 && environment == p.Trigger.Environment {
		p.deployment = p.Trigger.Deployment
	}
	if p.deployment == 0 {
		var err error
		if p.deployment, err = to.FindDeployment(ctx, sha, environment, p.Trigger.URL); err != nil {
			p.Journal.Failed(err)
			return
		}
	}
	page := place.AttemptPage(p.Trigger.URL, p.Trigger.WorkflowAttempt)
	p.Journal.Outcome(to.SetDeploymentStatus(ctx, Deployment{p.deployment, sha, environment}, state, text, page))
}
