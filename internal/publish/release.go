package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
)

// maxSection bounds what the gate writes into a release's notes, in bytes, so that the
// notes themselves stay easy to find.
const maxSection = 30_000

// release writes the result for release managers: into the release's notes and, for a
// draft, as files. If asked, it publishes a draft that passed. It reports false if the place
// has no releases and one was wanted.
func (p *Publisher) release(ctx context.Context, place Place, w Wanted, r e2e.Result) bool {
	meant := p.ReleaseAsked || w.Promote || p.Trigger.ReleaseAction != ""
	releases, ok := place.(Releases)
	if !ok {
		return !meant
	}
	tag := p.Trigger.Release
	if tag == "" {
		if w.Promote {
			p.Journal.Failed(errors.New("a release was to be published, and the run names none; give --release TAG (the input release)"))
		}
		return true
	}
	found, ok, err := releases.Release(ctx, tag, r.Run.SHA)
	switch {
	case err != nil:
		p.Journal.Failed(err)
	case !ok && meant:
		p.Journal.Failed(fmt.Errorf("release %s not found with this token; reading drafts needs `permissions: contents: write`", tag))
	case !ok: // a tag without a release
	case found.Facts().SHA != r.Run.SHA:
		const other = "release %s is at commit %.12s, but %.12s was judged, so nothing was written to it; check out the tag"
		p.Journal.Failed(fmt.Errorf(other, tag, found.Facts().SHA, r.Run.SHA))
	default:
		stay := p.attachTo(ctx, found, r)
		if w.Promote {
			p.promote(ctx, found, r, stay)
		}
	}
	return true
}

// attachTo writes the section and the files of a draft. The error says why the draft must
// not be published; it is nil if everything was written.
func (p *Publisher) attachTo(ctx context.Context, release Release, r e2e.Result) (stay error) {
	j := p.Journal
	before := j.incomplete
	j.incomplete = false
	defer func() { j.incomplete = j.incomplete || before }()
	stamp, facts, shown := StampOf(r), release.Facts(), p.Shown(r)
	render := func(limit int) string {
		mark := releaseMark(facts)
		return mark + report.Comment(shown, report.CommentOptions{MaxBytes: min(limit, maxSection) - len(mark)})
	}
	out, err := release.UpsertSection(ctx, stamp, render)
	j.Outcome(out, err)
	if facts.Draft && out.Action != Superseded {
		p.attachFiles(ctx, release, r)
	}
	if out.Action == Updated {
		// Check this last, because another stage may overwrite the section in the meantime.
		j.Outcome(release.KeepSection(ctx, stamp, render))
	}
	switch {
	case out.Action == Superseded:
		return errSuperseded
	case j.incomplete:
		return errors.New("the draft was not published: its evidence is incomplete, and nothing can be attached after publication; re-run the job")
	}
	return nil
}

// attachFiles puts the documents beside a draft.
func (p *Publisher) attachFiles(ctx context.Context, release Release, r e2e.Result) {
	for _, name := range []string{"result.json", "report.html"} {
		data, err := os.ReadFile(filepath.Join(p.Out, name))
		if err != nil {
			p.Journal.Failed(fmt.Errorf("%s was not attached to the release: %w", name, err))
			continue
		}
		p.Journal.Outcome(release.Attach(ctx, StampOf(r), Asset{Name: assetName(r, name), Data: data}))
	}
}

// assetName keeps the files of several stages apart.
func assetName(r e2e.Result, name string) string {
	return safetext.FileName(cmp.Or(r.Run.Key, "e2e-gate")) + "-" + safetext.FileName(r.Run.Stage) + "-" + name
}

func releaseMark(r ReleaseFacts) string {
	if r.Draft {
		return ""
	}
	return "> This release was published before it was judged, so the verdict cannot stop it.\n\n"
}

// errSuperseded says that a newer run has the draft.
var errSuperseded = errors.New("the draft was not published: a newer run has judged it, and its verdict counts")

// promote publishes a draft whose verdict is passed. stay is the reason not to, or nil.
func (p *Publisher) promote(ctx context.Context, release Release, r e2e.Result, stay error) {
	facts := release.Facts()
	switch {
	case !facts.Draft:
		return
	case r.Verdict.State != e2e.VerdictPassed || r.Verdict.ExitStatus() != e2e.ExitPassed:
		p.Journal.Note(fmt.Sprintf("the draft %s was not published: the verdict is %s", facts.Tag, cmp.Or(string(r.Verdict.State), "not_judged")))
	case errors.Is(stay, errSuperseded):
		p.Journal.Note(stay.Error())
	case stay != nil:
		p.Journal.Failed(stay)
	default:
		out, err := release.Promote(ctx, r.Run.SHA)
		p.Journal.Outcome(out, err)
		if err == nil && out.Action != NotHere {
			p.Journal.say("published the release " + facts.Tag + " " + out.URL)
		}
	}
}
