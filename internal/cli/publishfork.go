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

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/trigger"
)

// forkPublisher posts for a run whose token may only read: from a fork, or of Dependabot.
// The run's code may have written anything into its artifacts, so the pull request, the
// commit and the conclusion come from the forge.
type forkPublisher struct {
	publishCmd
	app     *App
	trigger trigger.Trigger
	forge   forge.Reader
	place   publish.Place
	journal *publish.Journal
	run     forge.WorkflowRun
	stage   string
}

const dependabot = "dependabot[bot]"

func (f *forkPublisher) post(ctx context.Context) error {
	var err error
	if f.run, err = f.forge.WorkflowRun(ctx, f.trigger.TriggeredBy); err != nil {
		return err
	}
	if why := f.skipReason(); why != "" {
		return f.tell("nothing to post: " + why)
	}
	pulls, err := f.forge.PullRequests(ctx, f.run)
	if err != nil {
		return err
	}
	current := slices.DeleteFunc(slices.Clone(pulls), func(p forge.PullRequest) bool { return p.SHA != f.run.SHA })
	switch {
	case len(pulls) == 0:
		return f.tell("nothing to post: no open pull request has this branch")
	case len(current) == 0:
		return f.tell("superseded: the pull request has a newer commit, whose run is posted instead")
	}
	if f.stage, err = f.chooseStage(current); err != nil {
		return err
	}
	if !f.run.Completed { // whoever waits for the status must not take an earlier attempt's for the verdict
		f.journal.Outcome(f.place.SetStatus(ctx, f.run.SHA, publish.PendingStatus(f.stage, f.Key, f.place.AttemptPage(f.run.URL, f.run.Attempt), f.run.Attempt)))
		return f.tell("the run was started again; its result is posted when it ends")
	}
	conclusion := f.run.Conclusion
	if f.Job != "" {
		if conclusion, err = f.forge.JobConclusion(ctx, f.run, f.Job); err != nil {
			return err
		}
	}
	return f.publish(ctx, current, conclusion)
}

// skipReason says why there is nothing to post; empty where there is.
func (f *forkPublisher) skipReason() string {
	switch {
	case f.run.Event != "pull_request":
		return "the run was not started by a pull request"
	case strings.EqualFold(f.run.HeadRepository, f.trigger.Repository) && f.run.Actor != dependabot:
		return "the run is of a branch of this repository, and could post its own result"
	case f.run.Conclusion == "action_required":
		return "the run waits for an approval; its result is posted when it has run"
	case f.run.Conclusion == "skipped", f.run.Conclusion == "stale":
		return "the run was " + f.run.Conclusion + ": it judged nothing, so a required check stays pending"
	}
	return ""
}

func (f *forkPublisher) tell(text string) error {
	_, err := fmt.Fprintln(f.app.Stdout, safeLine(text))
	return err
}

// chooseStage takes the stage from the config of this checkout, which is the default
// branch's: a fork must not choose the name of a status. It is an error if the pull
// requests would run different stages.
func (f *forkPublisher) chooseStage(pulls []forge.PullRequest) (name string, err error) {
	top, err := root()
	if err != nil {
		return "", err
	}
	peeked, err := config.Peek(config.Options{Root: top, File: f.Config})
	if err != nil {
		return "", usageError{err}
	}
	for i, p := range pulls {
		stage, err := chooseStage(peeked, f.Stage, trigger.Trigger{CI: true, Event: f.run.Event, Branch: p.Base})
		switch {
		case err != nil:
			return "", usageError{err}
		case i > 0 && stage.Name != name:
			const several = "the pull requests #%d and #%d have this head, but their bases run the stages %s and %s; choose one with --stage"
			return "", usage(several, pulls[0].Number, p.Number, name, stage.Name)
		}
		name = stage.Name
	}
	return name, nil
}

// publish posts comment and status.
func (f *forkPublisher) publish(ctx context.Context, pulls []forge.PullRequest, conclusion string) error {
	doc, err := f.document(ctx)
	if err != nil {
		f.journal.Failed(fmt.Errorf("the result of the run does not count: %w", err))
	} else if pr, ok := f.pullRequest(pulls, doc); ok {
		f.overrideClaims(doc, pr, conclusion)
		stamp := publish.Stamp{Key: f.Key, Stage: f.stage, WorkflowRun: doc.Run.WorkflowRun, Attempt: f.run.Attempt, SHA: f.run.SHA}
		out, err := f.place.UpsertComment(ctx, pr, stamp, report.Comment(*doc, report.CommentOptions{Caveat: f.unverified(), About: f.disclaimer(conclusion)}))
		f.journal.Outcome(out, err)
		if err == nil {
			_ = f.tell("the PR comment was " + string(out.Action) + " " + out.URL)
		}
	} else {
		f.journal.Failed(errors.New("the PR comment was not published: several pull requests have this head, and the result names none of them"))
	}
	status := f.status(doc, conclusion)
	out, err := f.place.SetStatus(ctx, f.run.SHA, status)
	f.journal.Outcome(out, err)
	if err == nil {
		_ = f.tell(fmt.Sprintf("the commit status %s is %s", status.Context, status.State))
	}
	return nil
}

// pullRequest is the one to comment on. The result may only choose among those that the
// API names.
func (f *forkPublisher) pullRequest(pulls []forge.PullRequest, doc *e2e.Result) (int, bool) {
	if len(pulls) == 1 {
		return pulls[0].Number, true
	}
	named := slices.ContainsFunc(pulls, func(p forge.PullRequest) bool { return p.Number == doc.Run.PullRequest })
	return doc.Run.PullRequest, named
}

// document is the run's result, if it is of the run.
func (f *forkPublisher) document(ctx context.Context) (*e2e.Result, error) {
	file := f.Result
	if file == "" {
		dir, err := os.MkdirTemp("", "e2e-gate-publish-*")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if file, err = f.fetch(ctx, dir); err != nil {
			return nil, err
		}
	}
	doc, err := pipeline.ReadResult(file, maxPosted)
	if err != nil {
		return nil, err
	}
	r := doc.Run
	if r.Narrowed != nil {
		return nil, errors.New("it is of a run that was narrowed to some tests")
	}
	ours := strings.EqualFold(r.Repository, f.trigger.Repository) && r.WorkflowRun == fmt.Sprint(f.run.ID)
	if !ours || r.WorkflowAttempt != f.run.Attempt || r.SHA != f.run.SHA {
		return nil, errors.New("it names another repository, run, attempt or commit than the API")
	}
	return doc, nil
}

// fetch takes result.json out of what the run's attempt uploaded.
func (f *forkPublisher) fetch(ctx context.Context, dir string) (string, error) {
	files := &remote{app: f.app, forge: f.forge, run: f.run.ID, key: f.Key, attempt: f.run.Attempt}
	if err := files.refresh(ctx); err != nil {
		return "", err
	}
	list := files.matching(func(u upload) bool {
		return (u.kind == "run" || u.kind == "verdict") && u.slug == safetext.FileName(f.stage) && u.attempt == f.run.Attempt
	})
	file := filepath.Join(dir, "result.json")
	limit, isResult := forge.Limit{File: maxPosted, Total: maxPosted}, func(name string) bool { return name == "result.json" }
	slices.SortStableFunc(list, func(a, b upload) int { // the small artifacts last
		switch {
		case a.documents == b.documents:
			return 0
		case b.documents:
			return -1
		}
		return 1
	})
	failed := fmt.Errorf("it uploaded none for stage %s", f.stage)
	for _, u := range slices.Backward(list) {
		if err := f.forge.Extract(ctx, u.Artifact, dir, limit, isResult); err != nil {
			failed = err
			continue
		}
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", failed
}

// overrideClaims replaces what the result claims about itself by what the API says. If the
// two disagree about the outcome, the verdict becomes not judged.
func (f *forkPublisher) overrideClaims(doc *e2e.Result, pr int, conclusion string) {
	doc.Run.Stage, doc.Run.Key, doc.Run.PullRequest, doc.Run.URL, doc.Run.Event = f.stage, f.Key, pr, f.run.URL, f.run.Event
	doc.Run.MergeGroup, doc.Grouped = nil, nil
	stripLinks(doc)
	if (conclusion == "success") == (doc.Verdict.ExitStatus() == e2e.ExitPassed) {
		return
	}
	const contradicts = "the run ended with %s, but its result says otherwise, so the result does not count; read the run's log"
	why := e2e.Reason{Code: e2e.CodeToolError, Effect: e2e.NotJudged, Text: fmt.Sprintf(contradicts, cmp.Or(conclusion, "nothing"))}
	doc.Verdict = e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: true, Reasons: []e2e.Reason{why}}
}

// stripLinks removes the links of a result: a stranger's links would appear under our name.
func stripLinks(doc *e2e.Result) {
	for i := range doc.Tests {
		t := &doc.Tests[i]
		if t.Quarantine != nil {
			t.Quarantine.Issue = ""
		}
		for j := range t.Attempts {
			t.Attempts[j].Links = nil
		}
	}
}

// unverified marks everything that comes from a stranger's run.
func (f *forkPublisher) unverified() string {
	if f.run.Actor == dependabot {
		return "unverified, from a run of Dependabot"
	}
	return "unverified, from a fork"
}

// disclaimer says who wrote the verdict in a comment. The conclusion is one of GitHub's words.
func (f *forkPublisher) disclaimer(conclusion string) string {
	const text = "**Unverified**: the pull request's own code wrote this verdict and everything below. GitHub reports that its run ended with %s."
	return fmt.Sprintf(text, cmp.Or(plainWord(conclusion), "nothing"))
}

// plainWord keeps letters, digits and the characters that join them.
func plainWord(s string) string { return strings.Trim(safetext.FileName(s), "-.") }

// status is the API's conclusion. It is green only if the result does not contradict it.
func (f *forkPublisher) status(doc *e2e.Result, conclusion string) publish.Status {
	page := f.place.AttemptPage(f.run.URL, f.run.Attempt)
	st := publish.Status{Context: publish.StatusName(f.stage, f.Key), State: publish.StateError, TargetURL: page, Redo: true}
	switch {
	case conclusion == "failure":
		st.State = publish.Failure
	case conclusion == "success" && doc != nil && doc.Verdict.ExitStatus() == e2e.ExitPassed:
		st.State = publish.Success
	}
	st.Description = f.unverified() + "; no valid result"
	if doc != nil {
		st.Description = f.unverified() + "; " + report.HeadlineOf(*doc).Text("-")
	}
	return st
}
