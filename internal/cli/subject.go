package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/trigger"
)

// subject is what the flag or the environment say is judged, where that is not the checkout: a deployment that a job of a cluster
// tests, or another repository's commit. Nothing is made up: what they do not say is not known. Zero: they say nothing.
func (a *App) subject(flag string) (e2e.Subject, error) {
	var s e2e.Subject
	fields := map[string]*string{
		"repository": &s.Repository, "sha": &s.SHA, "ref": &s.Ref, "environment": &s.Environment, "version": &s.ProductVersion,
	}
	for name, field := range fields {
		*field = strings.TrimSpace(a.getenv("E2E_SUBJECT_" + strings.ToUpper(name)))
	}
	for pair := range strings.SplitSeq(flag, ",") {
		if flag == "" {
			break
		}
		name, value, ok := strings.Cut(pair, "=")
		field := fields[strings.TrimSpace(name)]
		if !ok || field == nil {
			return s, usage("--subject: %q is none of its parts; give repository=OWNER/NAME, sha=COMMIT, ref=REF, environment=NAME, version=TEXT, separated by commas",
				pair)
		}
		*field = strings.TrimSpace(value)
	}
	switch {
	case s == e2e.Subject{}:
	case s.SHA != "" && trigger.Commit(s.SHA) == "":
		return s, usage("the subject's commit %q is not a full hash; give all 40 (or 64) hexadecimal digits, so that no other commit can be meant", s.SHA)
	case s.Repository == "" && (s.SHA != "" || s.Ref != ""):
		return s, usage("the subject has a commit or ref, and no repository; say which one (E2E_SUBJECT_REPOSITORY, or repository= in --subject)")
	}
	return s, nil
}

// elsewhere refuses to post the verdict on a subject that is not the event's commit: it would stand beside the wrong one.
func (in inputs) elsewhere(p published) error {
	own := in.subject.SHA == "" || in.subject.SHA == in.trigger.SHA
	own = own && (in.subject.Repository == "" || strings.EqualFold(in.subject.Repository, in.trigger.Repository))
	if own || p.Publish != "" || !p.wanted().Any() {
		return nil
	}
	return usage("the subject %s is not the commit of this event, on which comment, status, check, deployment and promotion would be posted; leave them out "+
		"(in the action: comment: false), and use the exit status, --statement or --publish dir:PATH", strings.TrimSpace(in.subject.Repository+" "+in.subject.SHA))
}

// ofRemote adds what a platform other than GitHub does not tell and the checkout's remote does: the default branch, and the tip of
// the base.
func ofRemote(ctx context.Context, t trigger.Trigger, work gitrepo.Checkout) trigger.Trigger {
	if t.Platform == "" {
		return t
	}
	if t.MainBranch == "" {
		t.MainBranch = work.MainBranch(ctx)
		t.DefaultBranch = t.MainBranch != "" && t.Event != "pull_request" && t.Event != "merge_group" && t.Ref == "refs/heads/"+t.MainBranch
	}
	if t.Event == "pull_request" || t.Event == "merge_group" {
		t.Branch = cmp.Or(t.Branch, t.MainBranch)
		t.BaseSHA = cmp.Or(t.BaseSHA, work.Resolve(ctx, t.Branch))
	}
	return t
}

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
