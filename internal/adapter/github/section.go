package github

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/safetext"
)

// UpsertSection puts a section into a release's body, or brings it up to date in place.
// What others wrote stays as it is. render is told how many bytes the section may have.
// A newer run's section is left. Other jobs may write the same body at the same time:
// see [Client.KeepSection]. An error is an [*Error].
func (c *Client) UpsertSection(ctx context.Context, r Release, stamp publish.Stamp, render func(limit int) string) (publish.Outcome, error) {
	ctx, done := c.begin(ctx)
	defer done()
	out, err := c.upsertSection(ctx, r, stamp, render)
	if err != nil {
		return publish.Outcome{}, c.lost(releaseLost, releaseRight, err)
	}
	return out, nil
}

func (c *Client) upsertSection(ctx context.Context, r Release, stamp publish.Stamp, render func(limit int) string) (publish.Outcome, error) {
	if err := checkStamp(stamp); err != nil {
		return publish.Outcome{}, err
	}
	// What was found may be seconds old, and others write here, too. Where the body cannot
	// be read again, it counts.
	if now, _, err := c.api.Repositories.GetRelease(ctx, c.owner, c.name, r.ID); err == nil {
		r.body = now.GetBody()
	}
	before, old, after := cutSection(r.body, stamp)
	m, written, known := readMarker(old)
	copied := false
	if known {
		after, copied = m.dropCopies(after, stamp)
	}
	room := maxBody - len(before) - len(after) - len(section(stamp, ""))
	if room < minSection {
		return publish.Outcome{}, errors.New("the release's notes are full; shorten them")
	}
	body := strings.TrimRight(render(room), "\n")
	if len(body) > room {
		body, _ = safetext.Cut(body, room)
	}
	switch {
	case known && m.compare(stamp) > 0:
		return publish.Outcome{Action: publish.Superseded, URL: r.URL, Note: "the release's section was not changed: a newer run of the workflow wrote it"}, nil
	case known && !copied && m.hash == hash(body) && hash(written) == m.hash:
		return publish.Outcome{Action: publish.Unchanged, URL: r.URL}, nil
	}
	_, _, err := c.api.Repositories.EditRelease(ctx, c.owner, c.name, r.ID, &github.RepositoryRelease{Body: new(before + section(stamp, body) + after)})
	return publish.Outcome{Action: publish.Updated, URL: r.URL}, err
}

// dropCopies takes further sections of a stamp out of what follows the first: they
// would never be updated. The marker becomes that of the newest run among them.
func (m *marker) dropCopies(after string, s publish.Stamp) (rest string, copied bool) {
	for {
		before, double, tail := cutSection(after, s)
		if double == "" {
			return after, copied
		}
		if other, _, ok := readMarker(double); ok && other.compare(m.Stamp) > 0 {
			m.Stamp = other.Stamp
		}
		after, copied = strings.TrimRight(before, "\n")+tail, true
	}
}

// KeepSection looks, some time after [Client.UpsertSection], whether the section is still
// there, and writes it again where another job, which had read before we wrote, wrote
// after us; the API knows no conditional write. Two jobs that both do so leave both
// sections. It writes three times at most. An error is an [*Error].
func (c *Client) KeepSection(ctx context.Context, r Release, stamp publish.Stamp, render func(limit int) string) (publish.Outcome, error) {
	ctx, done := c.begin(ctx)
	defer done()
	for range maxWrites {
		now, _, err := c.api.Repositories.GetRelease(ctx, c.owner, c.name, r.ID)
		if err != nil {
			// It was written, and nothing shows that it is gone.
			return publish.Outcome{Action: publish.Unchanged, URL: r.URL}, nil
		}
		_, old, _ := cutSection(now.GetBody(), stamp)
		if m, _, known := readMarker(old); known && m.compare(stamp) >= 0 {
			return publish.Outcome{Action: publish.Unchanged, URL: r.URL}, nil
		}
		if out, err := c.upsertSection(ctx, r, stamp, render); err != nil {
			return out, c.lost(releaseLost, releaseRight, err)
		}
	}
	return publish.Outcome{}, c.lost(releaseLost, "",
		errors.New("other jobs keep overwriting it; let the stages of a release wait for each other (needs:)"))
}

// sectionEnd is the last line of a section.
func sectionEnd(s publish.Stamp) string {
	return fmt.Sprintf("<!-- /e2e-gate:v1 key=%s stage=%s -->", word(s.Key), word(s.Stage))
}

func section(s publish.Stamp, body string) string { return mark(s, body) + "\n" + sectionEnd(s) }

// cutSection finds the section of a stamp. A section without its end, such as
// an edited one, does not count: a new one is put at the end.
func cutSection(body string, s publish.Stamp) (before, section, after string) {
	body = strings.ReplaceAll(body, "\r\n", "\n")
	for at := 0; ; at += len(markerHead) {
		i := strings.Index(body[at:], markerHead)
		if i < 0 {
			break
		}
		at += i
		inside, after, ended := strings.Cut(body[at:], sectionEnd(s))
		m, _, ok := readMarker(body[at:])
		// A section holds no other: what starts before one lost its own end.
		if ok && m.of(s) && ended && strings.Count(inside, markerHead) == 1 {
			return body[:at], inside, after
		}
	}
	if body != "" {
		body = strings.TrimRight(body, "\n") + "\n\n"
	}
	return body, "", ""
}
