package publish

import (
	"context"
	"fmt"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/trigger"
)

const (
	// PreRunTimeout bounds each thing that is asked or said before a run starts: the tests
	// do not wait for it any longer.
	PreRunTimeout = 5 * time.Second
	// cancelledPublishTimeout is how long publishing may take once the run was cancelled:
	// the runner kills what has not ended ten seconds after its first signal.
	cancelledPublishTimeout = 2 * time.Second
)

// Wanted is what is to be published.
type Wanted struct {
	// Comment: comment and commit status, and the section of a release.
	Comment bool
	// Check run with annotations.
	Check bool
	// Deployment is the environment whose deployment gets a status; empty: that of the
	// event, if there is one and Comment is wanted.
	Deployment string
	// Promote publishes a draft that passed.
	Promote bool
}

// Any reports whether anything is wanted.
func (w Wanted) Any() bool { return w.Comment || w.Promote || w.Check || w.Deployment != "" }

// Options of a [Publisher].
type Options struct {
	// Open opens the place when it is first needed.
	Open func() (Place, error)
	// Journal records what was not published.
	Journal *Journal
	// Trigger is what started the run; Stage and Key name what is judged.
	Trigger    trigger.Trigger
	Stage, Key string
	// Elsewhere: the trigger is that of a subject which is not the event's commit. Someone waits for the status there.
	Elsewhere bool
	// ReleaseAsked: a flag names the release of the trigger.
	ReleaseAsked bool
	// Owners are the teams that may be mentioned; nil means that none is.
	Owners map[string]string
	// SuiteDir is the directory of a suite from the repository root; nil: not known.
	SuiteDir func(suite string) string
	// HasFile reports whether the checkout has a file, by its path from the repository root;
	// nil: not known.
	HasFile func(file string) bool
	// Shown is a result without secrets in what people read, ids of tests included; nil: there are none.
	Shown func(e2e.Result) e2e.Result
	// Out is the folder with result.json and report.html, for a draft of a release.
	Out string
}

// Publisher posts a run's beginning and its result at one place.
type Publisher struct {
	Options
	place Place
	// deployment is found once; 0 until then.
	deployment int64
}

// New returns a publisher. It opens nothing.
func New(o Options) *Publisher {
	if o.Shown == nil {
		o.Shown = func(r e2e.Result) e2e.Result { return r }
	}
	return &Publisher{Options: o}
}

// Place opens the place once per run, because it counts the time that publishing takes.
func (p *Publisher) Place() (Place, error) {
	if p.place != nil {
		return p.place, nil
	}
	place, err := p.Open()
	if err == nil {
		p.place = place
	}
	return place, err
}

// Start announces the run before the tests start: on the deployment, in the pull
// request's comment if that is about an older commit, which it reports, and, in a re-run or elsewhere, by a pending commit status. Best effort: a
// read-only token is reported at the end.
func (p *Publisher) Start(ctx context.Context, w Wanted) (superseded bool) {
	p.startDeployment(ctx, w)
	if w.Comment {
		p.pend(ctx)
	}
	return w.Comment && p.supersede(ctx)
}

// pend replaces the commit status of an earlier attempt while this one runs: a merge queue and people would take it for the verdict.
func (p *Publisher) pend(ctx context.Context) {
	t := p.Trigger
	if t.WorkflowAttempt < 2 && !p.Elsewhere || t.Fork || t.Dependabot {
		return
	}
	place, err := p.Place()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, PreRunTimeout)
	defer cancel()
	_, _ = place.SetStatus(ctx, t.SHA, PendingStatus(p.Stage, p.Key, place.AttemptPage(t.URL, t.WorkflowAttempt), t.WorkflowAttempt))
}

// PendingStatus is the commit status of an attempt that runs; page is that of the attempt.
func PendingStatus(stage, key, page string, attempt int) Status {
	return Status{Context: StatusName(stage, key), State: Pending, TargetURL: page, Description: fmt.Sprintf("attempt %d of the workflow run is running", attempt)}
}

func (p *Publisher) supersede(ctx context.Context) bool {
	t := p.Trigger
	if t.PullRequest == 0 || t.Fork || t.Dependabot {
		return false
	}
	place, err := p.Place()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, PreRunTimeout)
	defer cancel()
	stamp := Stamp{Key: p.Key, Stage: p.Stage, WorkflowRun: t.WorkflowRun, Attempt: t.WorkflowAttempt, SHA: t.SHA}
	out, err := place.Supersede(ctx, t.PullRequest, stamp, t.URL)
	return err == nil && out.Action == Updated
}

// Publish posts what is wanted: comment and status first, then check run, deployment and
// release. Call it after every document was written. It never changes the verdict; failures
// are recorded in the journal. After the context is cancelled it has two seconds.
//
// undone says of what was asked for by name (check run, deployment status, promotion), and of a status elsewhere, that it was not done, and why. A token
// that may only read, because the change comes from a fork or from Dependabot, is no reason for that.
func (p *Publisher) Publish(ctx context.Context, w Wanted, r e2e.Result) (undone []string) {
	place, err := p.Place()
	if err != nil {
		p.Journal.Failed(err)
		if undone = p.asked(w, err.Error()); w.Comment && p.Elsewhere {
			undone = append(undone, "the commit status of the subject ("+err.Error()+")")
		}
		return undone
	}
	publish := context.WithoutCancel(ctx)
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		publish, cancel = context.WithTimeout(publish, cancelledPublishTimeout)
		defer cancel()
	}
	p.Journal.mark()
	if w.Comment && !p.comment(publish, place, r) {
		return p.asked(w, "the token may only read")
	}
	if why := p.Journal.since(); why != "" && p.Elsewhere {
		undone = append(undone, "the commit status of the subject ("+why+")")
	}
	missing := false
	for _, part := range []struct {
		asked Wanted
		do    func(context.Context, Place, Wanted, e2e.Result) bool
	}{
		{Wanted{Check: w.Check}, p.check}, {Wanted{Deployment: w.Deployment}, p.endDeployment}, {Wanted{Promote: w.Promote}, p.release},
	} {
		p.Journal.mark()
		has := part.do(publish, place, w, r)
		missing = missing || !has
		switch why := p.Journal.since(); {
		case !has:
			undone = append(undone, p.asked(part.asked, place.Traits().Lacks)...)
		case why != "":
			undone = append(undone, p.asked(part.asked, why)...)
		}
	}
	if missing {
		p.Journal.Note(place.Traits().Lacks)
	}
	return undone
}

// asked says of what was asked for by name that it was not done.
func (p *Publisher) asked(w Wanted, why string) (undone []string) {
	if p.Trigger.Fork || p.Trigger.Dependabot {
		return nil
	}
	for _, one := range []struct {
		asked bool
		name  string
	}{{w.Check, "the check run"}, {w.Deployment != "", "the deployment status"}, {w.Promote, "the promotion of the release"}} {
		if one.asked {
			undone = append(undone, one.name+" ("+why+")")
		}
	}
	return undone
}

// comment posts the comment and the commit status. It reports whether further writes
// should be tried.
func (p *Publisher) comment(ctx context.Context, place Place, r e2e.Result) bool {
	traits := place.Traits()
	if r.Run.PullRequest > 0 || traits.CommentWithoutPR {
		out, err := place.UpsertComment(ctx, r.Run.PullRequest, StampOf(r), report.Comment(p.Shown(r), p.commentOptions(traits)))
		p.Journal.Outcome(out, err)
		if out.Action == ReadOnly {
			return false // the status would be refused too; one line is enough
		}
	}
	status := StatusOf(p.Shown(r))
	status.TargetURL = place.AttemptPage(status.TargetURL, r.Run.WorkflowAttempt)
	if group := report.MergeGroup(r.Run); group != "" {
		status.Description = group + ": " + status.Description
	}
	p.Journal.Outcome(place.SetStatus(ctx, r.Run.SHA, status))
	return true
}

// commentOptions are the options that the place and the config set for comments.
func (p *Publisher) commentOptions(traits Traits) report.CommentOptions {
	o := report.CommentOptions{Owners: p.Owners}
	if traits.SmallDiagrams {
		o.DiagramBytes = report.GiteaDiagramBytes
	}
	return o
}

// StampOf is the stamp of a result.
func StampOf(r e2e.Result) Stamp {
	stamp := Stamp{Key: r.Run.Key, Stage: r.Run.Stage, WorkflowRun: r.Run.WorkflowRun, Attempt: r.Run.WorkflowAttempt, SHA: r.Run.SHA, Failed: []string{}}
	for _, t := range r.Tests {
		excused := t.Environment != nil && t.Environment.Excuses // an earlier attempt with documents would excuse it too
		if t.LaterPass || t.Effect == e2e.Blocks && !excused {
			stamp.Failed = append(stamp.Failed, e2e.DigestOfID(t.Stable()))
		}
	}
	return stamp
}

// StatusName is the context of a commit status. Each key has its own, so that one call's
// pass cannot replace another call's failure.
func StatusName(stage, key string) string {
	if key != "" {
		stage += " (" + key + ")"
	}
	return "e2e-gate/" + stage
}

// StatusOf is the commit status of a verdict. Not judged is an error, never a success. A
// stage that does not block is a success here too; its description says how it went.
func StatusOf(r e2e.Result) Status {
	st := Status{Context: StatusName(r.Run.Stage, r.Run.Key), State: StateError, TargetURL: r.Run.URL, Description: report.HeadlineOf(r).Text("-")}
	switch {
	case r.Verdict.ExitStatus() == e2e.ExitPassed:
		st.State = Success
	case r.Verdict.State == e2e.VerdictFailed:
		st.State = Failure
	}
	return st
}
