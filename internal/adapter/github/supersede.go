package github

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/safetext"
)

// supersededHead starts the line that [Client.Supersede] puts before a comment.
const supersededHead = "> ⏳ **Superseded:** "

// Supersede says in our comment, when a run starts, that what it holds is of an older
// commit and a newer one is being judged, with a link to the run. The rest of the
// comment stays, so that nobody is called twice. A comment on the same commit, and one
// that a newer run has written, is left. It costs a request, and a second where there
// is something to say; an edit notifies nobody. An error is an [*Error]: nothing is
// lost but the line.
func (c *Client) Supersede(ctx context.Context, pr int, stamp Stamp, page string) (Outcome, error) {
	if stamp.check() != nil || pr <= 0 || !commit.MatchString(stamp.SHA) {
		return Outcome{}, nil
	}
	ctx, done := c.begin(ctx)
	defer done()
	u := c.upsert(pr, stamp, "")
	if err := u.read(ctx); err != nil {
		return Outcome{}, c.lost("the line that a newer commit is judged", commentRight, err)
	}
	marks := u.marks(ctx)
	list := u.ours(marks)
	if len(list) == 0 || u.overtaken(marks) || !commit.MatchString(list[0].SHA) || list[0].SHA == stamp.SHA {
		return Outcome{Action: Unchanged}, nil
	}
	first := list[0]
	sent := cutComment(stamp, superseded(stamp.SHA, first.SHA, page)+withoutSuperseded(first.body))
	// The stamp is the new run's, so that no older one writes any more; the commit is
	// still that of what is said below.
	stamp.SHA = first.SHA
	if _, _, err := c.api.Issues.EditComment(ctx, c.owner, c.name, first.id, &github.IssueComment{Body: new(mark(stamp, sent))}); err != nil {
		return Outcome{}, c.lost("the line that a newer commit is judged", commentRight, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh = u.stamp.SHA
	return Outcome{Action: Updated, URL: first.page}, nil
}

// superseded is the line and an empty one.
func superseded(sha, old, page string) string {
	return fmt.Sprintf("%scommit `%.10s` is being judged in %s. What follows is about `%.10s`.\n\n", supersededHead, sha, safetext.Link("this run", page, 20), old)
}

// withoutSuperseded takes the line of an earlier run away.
func withoutSuperseded(body string) string {
	if !strings.HasPrefix(body, supersededHead) {
		return body
	}
	_, rest, _ := strings.Cut(body, "\n")
	return strings.TrimLeft(rest, "\r\n")
}
