package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/adapter/github"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
)

// deploying says on the deployment that the gate is at work.
func (s *setup) deploying(ctx context.Context, where published) {
	if !s.deploys(where) || s.trigger.Forge != "" {
		return
	}
	client, err := s.publisher()
	if err != nil {
		return // it is said at the end
	}
	s.deploymentStatus(ctx, client, where, s.trigger.SHA, github.DeploymentInProgress, github.DeploymentOwn+s.stage.Name+" is running")
}

// deployed says on the deployment how it went.
func (s *setup) deployed(ctx context.Context, client *github.Client, where published, r e2e.Result) {
	if !s.deploys(where) {
		return
	}
	state := github.DeploymentFailure
	if r.Verdict.ExitStatus() == e2e.ExitPassed {
		state = github.DeploymentSuccess
	}
	s.deploymentStatus(ctx, client, where, r.Run.SHA, state, report.HeadlineOf(r).Text("-"))
}

// deploys reports whether a deployment gets statuses. What the gate set with an App's
// token starts workflows: one that answers it with another would go on for ever.
func (s *setup) deploys(where published) bool {
	if s.trigger.Echo {
		return false
	}
	return where.Deployment != "" || where.Comment && s.trigger.Deployment != 0
}

func (s *setup) environment(where published) string {
	if where.Deployment != "" {
		return where.Deployment
	}
	return s.trigger.Environment
}

func (s *setup) deploymentStatus(ctx context.Context, client *github.Client, where published, sha string, state github.DeploymentState, text string) {
	environment := s.environment(where)
	if s.deployment == 0 && environment == s.trigger.Environment {
		s.deployment = s.trigger.Deployment
	}
	if s.deployment == 0 {
		var err error
		if s.deployment, err = client.FindDeployment(ctx, sha, environment); err != nil {
			s.said(err)
			return
		}
	}
	s.posted(client.SetDeploymentStatus(ctx, s.deployment, environment, state, text, github.RunPage(s.trigger.URL, s.trigger.WorkflowAttempt)))
}

// maxCheckAnnotations is how many annotations of a level a check run gets.
const maxCheckAnnotations = 500

// checkRun is a result as a check run. Its name is none that a job or status has: a
// rule that names it would name two things.
func (s *setup) checkRun(r e2e.Result) github.Check {
	k := github.Check{
		Name: strings.TrimSpace("e2e-gate report: " + r.Run.Stage + " " + r.Run.Key), Passed: r.Verdict.ExitStatus() == e2e.ExitPassed, Title: report.HeadlineOf(r).Text("-"),
		Summary: report.Comment(r, report.CommentOptions{MaxBytes: github.MaxCheckText}), URL: r.Run.URL, ID: fmt.Sprintf("%s.%d", r.Run.WorkflowRun, r.Run.WorkflowAttempt),
	}
	k.Annotations = report.Annotations(r, report.AnnotationOptions{SuiteDir: s.suiteDir, Max: maxCheckAnnotations})
	return k
}
