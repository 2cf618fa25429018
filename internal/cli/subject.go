package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/trigger"
)

// ofCheckout makes the commit under test the one that is checked out: a verdict holds for the
// code that ran, whatever commit the event names. The event's commit is checked out if HEAD is
// that commit, or a merge of it, as a pull request's test merge is. Otherwise event is the
// event's commit, and the run is judged for HEAD.
func ofCheckout(ctx context.Context, t trigger.Trigger, work gitrepo.Checkout) (judged trigger.Trigger, event string) {
	head := work.Head(ctx)
	switch {
	case t.SHA == "":
		t.SHA = head
	case head == "":
		switch {
		case work.Foreign(ctx):
			t.Notes = append(slices.Clone(t.Notes), gitrepo.ErrForeign.Error())
		case t.CI:
			t.Notes = append(slices.Clone(t.Notes), fmt.Sprintf(
				"git does not tell which commit is checked out, so it is not certain that commit %.10s is what is tested", t.SHA))
		}
	case head == t.SHA:
	default:
		if parents := work.Parents(ctx, head); len(parents) > 1 && slices.Contains(parents, t.SHA) {
			break
		}
		event, t.SHA, t.DefaultBranch = t.SHA, head, false
	}
	return t, event
}

// refuseForeign refuses to run code of another repository with the rights of this one's default
// branch: these events come with secrets and a token that may write.
func (a *App) refuseForeign(ctx context.Context, t trigger.Trigger, work gitrepo.Checkout) error {
	head := work.Head(ctx)
	own := head != "" && (head == a.getenv("GITHUB_SHA") || head == t.BaseSHA)
	switch {
	case own:
	case t.Event == "pull_request_target":
		return usage(targetRefused)
	case t.Event == "workflow_run" && (t.OwnHead || head == ""), t.Event == "issue_comment" && (head == "" || work.OnBranch(ctx, head)):
	case t.Event == "workflow_run", t.Event == "issue_comment":
		return usage(foreignRefused, t.Event, head)
	}
	return nil
}

const (
	targetRefused = "pull_request_target without a checkout of the base would run the pull request's code with the repository's secrets. " +
		"Use on: pull_request; to comment on pull requests from forks, see docs/forks.md"
	foreignRefused = "the event %s comes with the repository's secrets, and commit %.10s, which is checked out, is on no branch of this repository that the " +
		"checkout knows: it may be a fork's. Check out a branch of this repository by its name, or use on: pull_request; for forks see docs/forks.md"
)

// wrongCommit is the problem of a run that was to post or sign a verdict for a commit that it
// did not test.
func (in inputs) wrongCommit() e2e.Problem {
	return e2e.Problem{Code: e2e.CodeWrongCommit, LosesEvidence: true, Text: fmt.Sprintf(
		"the event is about commit %.10s, but %.10s is checked out, so nothing is posted or signed for the event's commit; "+
			"check out the event's commit (actions/checkout without ref:), or switch off comment, check, deployment and statement", in.eventSHA, in.trigger.SHA)}
}
