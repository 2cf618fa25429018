package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/org/e2e-gate/internal/adapter/github"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/trigger"
)

// lastWords is how long publishing may take once the run was cancelled: the runner
// kills what has not ended ten seconds after its first signal.
const lastWords = 2 * time.Second

// github is a client for a run; nil where there is no token.
func (a *App) github(t trigger.Trigger) (*github.Client, error) {
	return a.githubFor(t, github.PublishTime)
}

// githubFor is a client whose calls may take so long together.
func (a *App) githubFor(t trigger.Trigger, most time.Duration) (*github.Client, error) {
	token := a.getenv("GITHUB_TOKEN")
	if token == "" {
		return nil, nil
	}
	return github.New(github.Options{
		BaseURL: cmp.Or(a.getenv("E2E_GATE_API_URL"), a.getenv("GITHUB_API_URL")), GraphQLURL: a.getenv("GITHUB_GRAPHQL_URL"),
		Repository: t.Repository, Token: token, Fork: t.Fork, Now: a.Now, Transport: a.Transport, Time: most, UserAgent: "e2e-gate/" + version(),
	})
}

// publishOnGitHub posts what is asked for. It comes after every document was written
// and never changes the verdict; what was lost is said.
func (s *setup) publishOnGitHub(ctx context.Context, where published, r e2e.Result) {
	client, err := s.publisher()
	if err != nil {
		s.said(err)
		return
	}
	publish := context.WithoutCancel(ctx)
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		publish, cancel = context.WithTimeout(publish, lastWords)
		defer cancel()
	}
	if where.Comment && !s.publishComment(publish, client, r) {
		return
	}
	if s.trigger.Forge != "" {
		s.onlyBasics(where)
		return
	}
	if where.Check {
		s.posted(client.CreateCheck(publish, r.Run.SHA, s.checkRun(r)))
	}
	s.deployed(publish, client, where, r)
	if s.trigger.Release != "" {
		s.publishRelease(publish, client, where, r)
	}
}

// onlyBasics says what a forge that is not GitHub does not have, where it is missed.
func (s *setup) onlyBasics(where published) {
	if where.Check || where.Promote || s.deploys(where) || s.releaseAsked || s.trigger.ReleaseAction != "" {
		s.note("on " + s.trigger.Forge + " only the comment and the commit status are published; releases, deployments and check runs are for GitHub")
	}
}

// publisher is the one client of a run: it counts the time that publishing takes.
func (s *setup) publisher() (*github.Client, error) {
	if s.client != nil {
		return s.client, nil
	}
	client, err := s.app.github(s.trigger)
	if err == nil && client == nil {
		err = errors.New("publishing needs GITHUB_TOKEN in the environment")
	}
	s.client = client
	return client, err
}

// publishComment posts the comment and the commit status. It reports whether another
// write is worth a try.
func (s *setup) publishComment(ctx context.Context, client *github.Client, r e2e.Result) bool {
	if r.Run.PullRequest > 0 {
		out, err := client.UpsertComment(ctx, r.Run.PullRequest, stampOf(r), report.Comment(r, s.commentOptions()))
		s.posted(out, err)
		if out.Action == github.ReadOnly {
			return false // the status would be refused as well: one line says it
		}
	}
	status := commitStatus(r)
	if group := report.MergeGroup(r.Run); group != "" {
		status.Description = group + ": " + status.Description
	}
	s.posted(client.SetStatus(ctx, r.Run.SHA, status))
	return true
}

// commentOptions are what the forge and the config say of comments.
func (s *setup) commentOptions() report.CommentOptions {
	o := report.CommentOptions{Owners: s.owners} // publish has none, and calls nobody
	if s.trigger.Forge != "" {
		o.DiagramBytes = report.GiteaDiagramBytes
	}
	return o
}

func (s *setup) posted(out github.Outcome, err error) {
	s.said(err)
	s.incomplete = s.incomplete || out.Action == github.ReadOnly
	if out.Note != "" {
		s.note(out.Note)
	}
}

// note is about something that was not published and is not missed.
func (s *setup) note(text string) {
	s.unpublished = append(s.unpublished, text)
	_, _ = fmt.Fprintln(s.app.Stderr, safeLine("note: "+text))
}

// commitStatus is the commit status that says the verdict. What was not judged is an
// error, never a success; a stage that does not block does not stop anybody here
// either, and its words say how it went.
func commitStatus(r e2e.Result) github.Status {
	st := github.Status{Context: "e2e-gate/" + r.Run.Stage, State: github.StateError, TargetURL: r.Run.URL, Description: report.HeadlineOf(r).Text("-")}
	switch {
	case r.Verdict.ExitStatus() == e2e.ExitPassed:
		st.State = github.Success
	case r.Verdict.State == e2e.VerdictFailed:
		st.State = github.Failure
	}
	return st
}
