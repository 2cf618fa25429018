package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/trigger"
)

// subjectPart is a part of a subject, by its name in the flag, in the variables and in a payload.
type subjectPart struct {
	name  string
	field func(*e2e.Subject) *string
}

var subjectParts = []subjectPart{
	{"repository", func(s *e2e.Subject) *string { return &s.Repository }},
	{"sha", func(s *e2e.Subject) *string { return &s.SHA }},
	{"ref", func(s *e2e.Subject) *string { return &s.Ref }},
	{"environment", func(s *e2e.Subject) *string { return &s.Environment }},
	{"version", func(s *e2e.Subject) *string { return &s.ProductVersion }},
}

func partNamed(name string) (subjectPart, bool) {
	i := slices.IndexFunc(subjectParts, func(p subjectPart) bool { return p.name == name })
	if i < 0 {
		return subjectPart{}, false
	}
	return subjectParts[i], true
}

// variable hands the part over to the gate, and to its children.
func (p subjectPart) variable() string { return "E2E_SUBJECT_" + strings.ToUpper(p.name) }

// subject is what the flag, the environment or the payload of a repository_dispatch say is judged, where that is not the checkout: a
// deployment that a job of a cluster tests, or another repository's commit. Nothing is made up: what they do not say is not known.
// The flag counts before the environment. A payload is written by somebody else, so it may add to what these two say and not
// contradict it. Zero: they say nothing.
func (a *App) subject(flag string, payload []byte) (e2e.Subject, error) {
	var s e2e.Subject
	for _, p := range subjectParts {
		*p.field(&s) = strings.TrimSpace(a.getenv(p.variable()))
	}
	for pair := range strings.SplitSeq(flag, ",") {
		if flag == "" {
			break
		}
		name, value, ok := strings.Cut(pair, "=")
		part, known := partNamed(strings.TrimSpace(name))
		if !ok || !known {
			return s, usage("--subject: %q is none of its parts; give repository=OWNER/NAME, sha=COMMIT, ref=REF, environment=NAME, version=TEXT, separated by commas",
				pair)
		}
		*part.field(&s) = strings.TrimSpace(value)
	}
	sent, err := subjectOf(payload)
	if err != nil {
		return s, err
	}
	for _, p := range subjectParts {
		ours, theirs := p.field(&s), *p.field(&sent)
		if *ours != "" && theirs != "" && *ours != theirs {
			return s, usage("the workflow says that the subject's %s is %q, and the event's client_payload.subject says %q; one of them is wrong", p.name, *ours, theirs)
		}
		*ours = cmp.Or(*ours, theirs)
	}
	return s, checkSubject(s)
}

// subjectOf reads the subject of a payload.
func subjectOf(payload []byte) (s e2e.Subject, err error) {
	if len(payload) == 0 {
		return s, nil
	}
	var parts map[string]any
	if json.Unmarshal(payload, &parts) != nil {
		return s, usage("client_payload.subject of the event is not an object; send {\"repository\": \"OWNER/NAME\", \"sha\": \"COMMIT\"}")
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		part, known := partNamed(name)
		text, isText := parts[name].(string)
		switch {
		case !known:
			return s, usage("client_payload.subject of the event has the unknown part %.100q; its parts are repository, sha, ref, environment and version", name)
		case !isText && parts[name] != nil:
			return s, usage("client_payload.subject.%s of the event is not a text", name)
		}
		*part.field(&s) = strings.TrimSpace(text)
	}
	if s == (e2e.Subject{}) { // else a sender that forgot all of it would get a verdict on another commit
		return s, usage("client_payload.subject of the event is empty; send repository and sha, or leave it out")
	}
	return s, nil
}

// maxSubject bounds each part of a subject, in bytes.
const maxSubject = 255

var subjectRepository = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$`)

// checkSubject refuses a subject that names nothing, or that could be read as something else than it is.
func checkSubject(s e2e.Subject) error {
	for _, p := range subjectParts {
		if text := *p.field(&s); text != safetext.Line(text, maxSubject) {
			return usage("the subject's %s is longer than %d bytes, or has characters that cannot be shown", p.name, maxSubject)
		}
	}
	odd := func(part string) bool { return strings.Trim(part, ".") == "" }
	switch {
	case s.Repository != "" && (!subjectRepository.MatchString(s.Repository) || slices.ContainsFunc(strings.Split(s.Repository, "/"), odd)):
		return usage("the subject's repository %q is not OWNER/NAME", s.Repository)
	case s.SHA != "" && trigger.Commit(s.SHA) == "":
		return usage("the subject's commit %q is not a full hash; give all 40 (or 64) hexadecimal digits, so that no other commit can be meant", s.SHA)
	case s.Repository == "" && (s.SHA != "" || s.Ref != ""):
		return usage("the subject has a commit or ref, and no repository; say which one (E2E_SUBJECT_REPOSITORY, or repository= in --subject)")
	}
	return nil
}

// subjectEnv hands the subject over to child processes, whoever said it.
func subjectEnv(s e2e.Subject) (list []string) {
	for _, p := range subjectParts {
		if value := *p.field(&s); value != "" {
			list = append(list, p.variable()+"="+value)
		}
	}
	return list
}

// ofSubject finds out what the subject has to do with the event and with the checkout. event is what started the run, before it was
// compared with the checkout.
func (in *inputs) ofSubject(event trigger.Trigger) {
	s := &in.subject
	switch {
	case *s == e2e.Subject{}:
		return
	case s.Repository == "": // only where the event's commit was deployed, and as which version
		s.Repository, s.SHA, s.Ref = in.trigger.Repository, in.trigger.SHA, in.trigger.Ref
		s.Environment = cmp.Or(s.Environment, in.trigger.Environment)
		return
	}
	in.named = true
	same := strings.EqualFold(s.Repository, event.Repository)
	in.elsewhere = !same || s.SHA != event.SHA
	if same && s.SHA == in.trigger.SHA {
		return
	}
	in.testsSHA = in.trigger.SHA
	if in.elsewhere && in.eventSHA == "" { // else the checkout may be of a repository that the event does not name
		in.testsRepository = event.Repository
	}
	in.changed = nil // they are not the subject's
}

// posted is what started the run, as posts are about it: a subject that is not the event's commit has nothing of the event.
func (in inputs) posted() trigger.Trigger {
	t := in.trigger
	if !in.named {
		return t
	}
	t.SHA = in.subject.SHA
	if in.elsewhere {
		t.Repository, t.Ref, t.Branch, t.BaseSHA, t.PullRequest, t.GroupedPRs = in.subject.Repository, in.subject.Ref, "", "", 0, nil
		t.Release, t.ReleaseAction, t.Deployment, t.Environment = "", "", 0, ""
	}
	return t
}

// foreign reports whether the subject is of another repository than the event, which the job's token cannot write to.
func (in inputs) foreign() bool {
	return in.elsewhere && !strings.EqualFold(in.subject.Repository, in.trigger.Repository)
}

// refusePosting refuses to post or sign the verdict on a subject where that would stand beside the wrong commit, or where tests
// of a change would decide about another commit.
func (a *App) refusePosting(in inputs, p published) error {
	what := strings.TrimSpace(in.subject.Repository + " " + in.subject.SHA)
	by := in.judging.By
	const leaveOut = "leave out comment, status, deployment and statement (in the action: comment: false), and use the exit status"
	switch {
	case !in.named || !p.posting() || !in.elsewhere && in.testsSHA == "":
		return nil
	case by == e2e.JudgedByNothing, by == e2e.JudgedByCommit && (in.trigger.MainBranch == "" || in.unseen):
		return usage("nothing is posted or signed for the subject %s: it is not known whether the tests (commit %.10s) are those of a change; "+
			leaveOut, what, in.trigger.SHA)
	case by != e2e.JudgedByCommit && by != e2e.JudgedByWorkingTree:
		return usage("nothing is posted or signed for the subject %s: the tests are those of a change (commit %.10s), and a change of the tests must not "+
			"decide about another commit; run on the default branch, or "+leaveOut, what, in.trigger.SHA)
	case !in.elsewhere || p.Publish != "" || !p.wanted().Any():
		return nil
	case in.subject.SHA == "":
		return usage("the subject %s has no commit on which a status could be posted; name its sha, or "+leaveOut, what)
	case p.Check || p.Promote:
		return usage("--check and --promote are for the commit of the event, and the subject is %s; leave them out", what)
	case in.foreign() && a.getenv(writesSubject) == "":
		return usage("the subject %s is not the commit of this event, and the job's token cannot write there; give %s (input subject-token) a token with "+
			"statuses: write there, or "+leaveOut, what, writesSubject)
	case p.Deployment != "" && in.subject.Environment != "" && p.Deployment != in.subject.Environment:
		return usage("--deployment %s is not the environment of the subject, which is %s", p.Deployment, in.subject.Environment)
	}
	return nil
}

// writesSubject is the variable with the token that writes to the subject's repository. No child process gets it.
const writesSubject = "E2E_SUBJECT_TOKEN"

// wrong reports whether another commit than the event's was checked out and is judged, and nothing else was said to be the subject.
func (in inputs) wrong() bool { return in.eventSHA != "" && !in.named }

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
