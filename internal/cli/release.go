package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/adapter/github"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
)

// maxSection bounds what the gate writes into a release's body, in bytes: people come
// there for the notes.
const maxSection = 30_000

// releaseOf makes the release that a flag names the one under test: its commit is then
// what is checked out, where the event is about no commit of its own.
func (s *setup) releaseOf(ctx context.Context, tag string) {
	if tag == "" || tag == s.trigger.Release {
		return
	}
	s.trigger.Release = tag
	if s.trigger.PullRequest > 0 || s.trigger.Event == "merge_group" {
		return
	}
	if head := s.git(ctx, "rev-parse", "HEAD"); head != "" {
		s.trigger.SHA = head
	}
}

// publishRelease puts the result where a release manager looks: into the release's
// body, beside a draft as files, and, if asked, publishes the draft that passed.
func (s *setup) publishRelease(ctx context.Context, client *github.Client, where published, r e2e.Result) {
	tag := s.trigger.Release
	release, found, err := client.FindRelease(ctx, tag)
	switch {
	case err != nil:
		s.said(err)
		return
	case !found && (s.releaseAsked || where.Promote || s.trigger.ReleaseAction != ""):
		s.said(fmt.Errorf("there is no release %s that the token may see; drafts take `permissions: contents: write`", tag))
		return
	case !found:
		return // a tag without a release
	case release.SHA != r.Run.SHA:
		s.said(fmt.Errorf("the release %s is of commit %.12s and %.12s was judged, so nothing was written to it; check out the tag", tag, release.SHA, r.Run.SHA))
		return
	}
	complete := s.attachTo(ctx, client, release, r)
	if where.Promote {
		s.promote(ctx, client, release, r, complete)
	}
}

// attachTo writes the section and the files of a draft, and reports whether all of it
// is there.
func (s *setup) attachTo(ctx context.Context, client *github.Client, release github.Release, r e2e.Result) bool {
	before := s.incomplete
	s.incomplete = false
	defer func() { s.incomplete = s.incomplete || before }()
	stamp := stampOf(r)
	render := func(limit int) string {
		mark := releaseMark(release)
		return mark + report.Comment(r, report.CommentOptions{MaxBytes: min(limit, maxSection) - len(mark)})
	}
	out, err := client.UpsertSection(ctx, release, stamp, render)
	s.posted(out, err)
	if release.Draft {
		s.attachFiles(ctx, client, release, r)
	}
	if out.Action == github.Updated {
		// Only now, because another stage may need some time to write over it.
		s.posted(client.KeepSection(ctx, release, stamp, render))
	}
	return !s.incomplete && out.Action != github.Superseded
}

// attachFiles puts the documents beside a draft.
func (s *setup) attachFiles(ctx context.Context, client *github.Client, release github.Release, r e2e.Result) {
	for _, name := range []string{"result.json", "report.html"} {
		data, err := os.ReadFile(filepath.Join(s.out, name))
		if err != nil {
			s.said(fmt.Errorf("%s was not attached to the release: %w", name, err))
			continue
		}
		s.posted(client.Attach(ctx, release, stampOf(r), github.Asset{Name: assetName(r, name), Data: data}))
	}
}

func stampOf(r e2e.Result) github.Stamp {
	return github.Stamp{Key: r.Run.Key, Stage: r.Run.Stage, WorkflowRun: r.Run.WorkflowRun, Attempt: r.Run.WorkflowAttempt, SHA: r.Run.SHA}
}

// assetName keeps the files of several stages apart.
func assetName(r e2e.Result, name string) string {
	return safeName(keyOr(r.Run.Key)) + "-" + safeName(r.Run.Stage) + "-" + name
}

func releaseMark(r github.Release) string {
	if r.Draft {
		return ""
	}
	return "> This release was published before it was judged: nothing can be stopped any more.\n\n"
}

// promote publishes a draft that the gate let through, and nothing else.
func (s *setup) promote(ctx context.Context, client *github.Client, release github.Release, r e2e.Result, complete bool) {
	switch {
	case !release.Draft:
		return
	case r.Verdict.State != e2e.VerdictPassed || r.Verdict.ExitStatus() != e2e.ExitPassed:
		s.note(fmt.Sprintf("the draft %s stays a draft: the verdict is %s", release.Tag, cmp.Or(string(r.Verdict.State), "not_judged")))
	case !complete:
		s.said(errors.New("the draft stays a draft: its evidence is not complete, and nothing can be attached once it is published; run the job again"))
	default:
		out, err := client.Promote(ctx, release, r.Run.SHA)
		s.posted(out, err)
		if err == nil {
			_, _ = fmt.Fprintln(s.app.Stderr, safeLine("published the release "+release.Tag+" "+out.URL))
		}
	}
}
