package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/adapter/github"
	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/trigger"
)

type publishCmd struct {
	Config string `help:"Config file, of the default branch. Default: .github/e2e-gate.yml, then e2e-gate.yml." placeholder:"FILE" type:"path"`
	Stage  string `help:"Stage whose result is posted. Default: the first that runs on the event of the run." placeholder:"NAME"`
	Key    string `help:"Tells two calls of the gate in one workflow apart." placeholder:"KEY"`
	Job    string `help:"Job of the run whose end counts, by the name that the pull request shows. Default: the run as a whole." placeholder:"NAME"`
	Result string `help:"result.json to post. In a workflow_run job the default is what the run before it uploaded." placeholder:"FILE" type:"path"`
}

// Help is shown by publish --help.
func (publishCmd) Help() string {
	return "Example: e2e-gate publish --result .e2e-gate/runs/e2e-1/result.json\nIn a workflow_run job it posts for a run from a fork, and trusts nothing that the run left: see docs/forks.md.\nExit status: 0 posted, or nothing to post; 2 usage; 3 something could not be posted."
}

// Run posts.
func (c publishCmd) Run(ctx context.Context, a *App) error {
	s := &setup{app: a, trigger: trigger.Detect(a.getenv)}
	client, err := a.github(s.trigger)
	switch {
	case err != nil:
		return err
	case client == nil:
		return usage("publish needs GITHUB_TOKEN in the environment")
	case s.trigger.Event == "workflow_run":
		err = (&stranger{setup: s, publishCmd: c, client: client}).post(ctx)
	default:
		err = s.postOwn(ctx, c.Result)
	}
	var use usageError
	if errors.As(err, &use) {
		return err
	}
	s.said(err)
	s.summarise()
	if s.incomplete {
		return exitError(e2e.ExitNotJudged)
	}
	return nil
}

// maxPosted bounds a result.json that is posted, in bytes: one of 500 failures with
// all their text has five million.
const maxPosted = 32 << 20

// postOwn posts a result of this workflow run.
func (s *setup) postOwn(ctx context.Context, file string) error {
	if file == "" {
		return usage("--result is needed: the result.json to post; without it only a workflow_run job knows where to look")
	}
	r, err := pipeline.ReadResult(file, maxPosted)
	if err != nil {
		return err
	}
	t := s.trigger
	if r.Run.Repository != t.Repository || r.Run.WorkflowRun != t.WorkflowRun || r.Run.SHA != t.SHA {
		return fmt.Errorf("%s is of another repository, workflow run or commit; post what this workflow run made", file)
	}
	s.out = filepath.Dir(file)
	s.publishOnGitHub(ctx, published{Comment: true}, *r)
	return nil
}

// stranger posts for a run whose token may only read: from a fork, or of Dependabot.
// The run's code may have written anything into what it left, so who and what it is
// about comes from the API, and how it ended, too.
type stranger struct {
	*setup
	publishCmd
	client *github.Client
	run    github.WorkflowRun
	stage  string
}

const dependabot = "dependabot[bot]"

func (s *stranger) post(ctx context.Context) error {
	var err error
	if s.run, err = s.client.WorkflowRun(ctx, s.trigger.TriggeredBy); err != nil {
		return err
	}
	if why := s.needless(); why != "" {
		return s.tell("nothing to post: " + why)
	}
	pulls, err := s.client.PullRequests(ctx, s.run)
	if err != nil {
		return err
	}
	current := slices.DeleteFunc(slices.Clone(pulls), func(p github.PullRequest) bool { return p.SHA != s.run.SHA })
	switch {
	case len(pulls) == 0:
		return s.tell("nothing to post: no open pull request has this branch")
	case len(current) == 0:
		return s.tell("superseded: the pull request has a newer commit, and that one's run is posted")
	}
	if s.stage, err = s.chooseStage(current[0].Base); err != nil {
		return err
	}
	conclusion := s.run.Conclusion
	if s.Job != "" {
		if conclusion, err = s.client.JobConclusion(ctx, s.run, s.Job); err != nil {
			return err
		}
	}
	return s.publish(ctx, current, conclusion)
}

// needless says why there is nothing to post; empty where there is.
func (s *stranger) needless() string {
	switch {
	case !s.run.Completed:
		return "the run is going on again, and its end is posted"
	case s.run.Event != "pull_request":
		return "the run was not started by a pull request"
	case strings.EqualFold(s.run.HeadRepository, s.trigger.Repository) && s.run.Actor != dependabot:
		return "the run is of this repository's own branch, and could post by itself"
	}
	return ""
}

func (s *stranger) tell(text string) error {
	_, err := fmt.Fprintln(s.app.Stdout, safeLine(text))
	return err
}

// chooseStage takes the stage from the config of this checkout, which is the default
// branch's: a fork must not choose the name of a status.
func (s *stranger) chooseStage(branch string) (string, error) {
	top, err := root()
	if err != nil {
		return "", err
	}
	peeked, err := config.Peek(config.Options{Root: top, File: s.Config})
	if err != nil {
		return "", usageError{err}
	}
	stage, err := chooseStage(peeked, s.Stage, trigger.Trigger{CI: true, Event: s.run.Event, Branch: branch})
	if err != nil {
		return "", usageError{err}
	}
	return stage.Name, nil
}

// publish posts comment and status.
func (s *stranger) publish(ctx context.Context, pulls []github.PullRequest, conclusion string) error {
	doc, err := s.document(ctx)
	if err != nil {
		s.said(fmt.Errorf("the result of the run does not count: %w", err))
	} else if pr, ok := s.pullRequest(pulls, doc); ok {
		s.own(doc, pr, conclusion)
		stamp := github.Stamp{Key: s.Key, Stage: s.stage, WorkflowRun: doc.Run.WorkflowRun, Attempt: s.run.Attempt, SHA: s.run.SHA}
		mark := s.mark(conclusion)
		out, err := s.client.UpsertComment(ctx, pr, stamp, mark+report.Comment(*doc, report.CommentOptions{MaxBytes: report.CommentBytes - len(mark)}))
		s.posted(out, err)
		if err == nil {
			_ = s.tell("the PR comment was " + string(out.Action) + " " + out.URL)
		}
	} else {
		s.said(errors.New("the PR comment was not published: several pull requests have this head, and the result names none of them"))
	}
	status := s.status(doc, conclusion)
	out, err := s.client.SetStatus(ctx, s.run.SHA, status)
	s.posted(out, err)
	if err == nil {
		_ = s.tell(fmt.Sprintf("the commit status %s is %s", status.Context, status.State))
	}
	return nil
}

// pullRequest is the one that is meant. The result may only choose between those that
// the API names.
func (s *stranger) pullRequest(pulls []github.PullRequest, doc *e2e.Result) (int, bool) {
	if len(pulls) == 1 {
		return pulls[0].Number, true
	}
	named := slices.ContainsFunc(pulls, func(p github.PullRequest) bool { return p.Number == doc.Run.PullRequest })
	return doc.Run.PullRequest, named
}

// document is the run's result, if it is of the run.
func (s *stranger) document(ctx context.Context) (*e2e.Result, error) {
	file := s.Result
	if file == "" {
		dir, err := os.MkdirTemp("", "e2e-gate-publish-*")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if file, err = s.fetch(ctx, dir); err != nil {
			return nil, err
		}
	}
	doc, err := pipeline.ReadResult(file, maxPosted)
	if err != nil {
		return nil, err
	}
	r := doc.Run
	if !strings.EqualFold(r.Repository, s.trigger.Repository) || r.WorkflowRun != fmt.Sprint(s.run.ID) || r.WorkflowAttempt != s.run.Attempt || r.SHA != s.run.SHA {
		return nil, errors.New("it is of another repository, run, attempt or commit than the API says")
	}
	return doc, nil
}

// fetch takes result.json out of what the run's attempt uploaded.
func (s *stranger) fetch(ctx context.Context, dir string) (string, error) {
	files := &remote{app: s.app, client: s.client, run: s.run.ID, key: s.Key, attempt: s.run.Attempt}
	if err := files.refresh(ctx); err != nil {
		return "", err
	}
	list := files.some(func(u upload) bool {
		return (u.kind == "run" || u.kind == "verdict") && u.slug == safeName(s.stage) && u.attempt == s.run.Attempt
	})
	file := filepath.Join(dir, "result.json")
	for _, u := range slices.Backward(list) {
		if err := s.client.Extract(ctx, u.Artifact, dir, github.Limit{File: maxPosted, Total: maxPosted}, func(name string) bool { return name == "result.json" }); err != nil {
			return "", err
		}
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("it uploaded none for the stage %s", s.stage)
}

// own replaces what the result says about itself by what the API says, and its verdict
// where the two do not agree.
func (s *stranger) own(doc *e2e.Result, pr int, conclusion string) {
	doc.Run.Stage, doc.Run.Key, doc.Run.PullRequest, doc.Run.URL, doc.Run.Event = s.stage, s.Key, pr, s.run.URL, s.run.Event
	for i := range doc.Tests {
		if q := doc.Tests[i].Quarantine; q != nil {
			q.Issue = "" // a link of theirs, under our name
		}
	}
	if (conclusion == "success") == (doc.Verdict.ExitStatus() == e2e.ExitPassed) {
		return
	}
	doc.Verdict = e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: true, Reasons: []e2e.Reason{{Code: e2e.CodeToolError, Effect: e2e.NotJudged,
		Text: fmt.Sprintf("the run ended with %s, and its result says otherwise, so the result does not count; look at the run's log", cmp.Or(conclusion, "nothing"))}}}
}

// unverified is the mark of everything that a stranger's run said.
func (s *stranger) unverified() string {
	if s.run.Actor == dependabot {
		return "unverified, from a run of Dependabot"
	}
	return "unverified, from a fork"
}

// mark stands before a comment. The conclusion is a word of GitHub's.
func (s *stranger) mark(conclusion string) string {
	return fmt.Sprintf("> **%s**: the pull request's own code made what follows. GitHub says that its run ended with %s.\n\n", s.unverified(), cmp.Or(safeWord(conclusion), "nothing"))
}

func safeWord(s string) string { return strings.Trim(safeName(s), "-.") }

// status is the API's word. It is green only where the result does not contradict.
func (s *stranger) status(doc *e2e.Result, conclusion string) github.Status {
	st := github.Status{Context: "e2e-gate/" + s.stage, State: github.StateError, TargetURL: s.run.URL}
	switch {
	case conclusion == "failure":
		st.State = github.Failure
	case conclusion == "success" && doc != nil && doc.Verdict.ExitStatus() == e2e.ExitPassed:
		st.State = github.Success
	}
	st.Description = s.unverified() + "; no result that counts"
	if doc != nil {
		st.Description = s.unverified() + "; " + report.HeadlineOf(*doc).Text("-")
	}
	return st
}
