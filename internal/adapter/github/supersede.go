package github

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/safetext"
)

// What [Client.Supersede] puts around a comment starts and ends with these.
const (
	supersededHead = "## ⏳ "
	supersededFold = "<details><summary>"
	supersededTail = "\n\n</details>\n"
)

// Supersede says in our comment, when a run starts, that a newer commit is being judged,
// with a link to the run, and folds what it holds of the older one: nobody is to take
// its verdict for the new one's, and who was called in it is not called twice. A comment on the same commit, and one
// that a newer run has written, is left. It costs a request, and a second where there
// is something to say; an edit notifies nobody. An error is an [*Error]: nothing is
// lost but the note.
func (c *Client) Supersede(ctx context.Context, pr int, stamp publish.Stamp, page string) (publish.Outcome, error) {
	if checkStamp(stamp) != nil || pr <= 0 || !commit.MatchString(stamp.SHA) {
		return publish.Outcome{}, nil
	}
	ctx, done := c.begin(ctx)
	defer done()
	u := c.upsert(pr, stamp, "")
	if err := u.read(ctx); err != nil {
		return publish.Outcome{}, c.lost(supersedeLost, commentRight, err)
	}
	marks := u.marks(ctx)
	list := u.ours(marks)
	if len(list) == 0 || u.overtaken(marks) || !commit.MatchString(list[0].SHA) || list[0].SHA == stamp.SHA {
		return publish.Outcome{Action: publish.Unchanged}, nil
	}
	first := list[0]
	body := cutComment(stamp, superseded(stamp, first, page))
	// The stamp is the new run's, so that no older one writes any more; the commit is
	// still that of what is said below.
	stamp.SHA = first.SHA
	body = mark(stamp, body)
	if _, _, err := c.api.Issues.EditComment(ctx, c.owner, c.name, first.id, &github.IssueComment{Body: &body}); err != nil {
		return publish.Outcome{}, c.lost(supersedeLost, commentRight, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh = u.stamp.SHA
	return publish.Outcome{Action: publish.Updated, URL: first.page}, nil
}

// stale: somebody has judged since [Client.Supersede] looked.
func (c *Client) stale() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh = ""
}

// supersedeLost is what it costs where it cannot be written.
const supersedeLost = "the note that a newer commit is being judged"

// superseded is the comment of an older commit while a newer one is being judged.
func superseded(s publish.Stamp, old found, page string) string {
	subject := strings.TrimSpace("e2e-gate " + safetext.Inline(s.Stage, maxContext))
	if s.Key != "" {
		subject += " (" + safetext.Inline(s.Key, maxContext) + ")"
	}
	return fmt.Sprintf("%s%s: being judged — commit `%.10s`\n\nThere is no verdict on it yet: it comes with %s. If that run has ended and this still "+
		"stands here, it was stopped before it could write: run it again. What was said of `%.10s` holds for that commit only.\n\n%sResult of "+
		"<code>%.10s</code></summary>\n\n%s%s",
		supersededHead, subject, s.SHA, safetext.Link("this run", page, maxContext), old.SHA, supersededFold, old.SHA,
		strings.TrimRight(unfolded(old.body), "\r\n"), supersededTail)
}

// unfolded takes away what an earlier run put around the comment.
func unfolded(body string) string {
	_, fold, ok := strings.Cut(body, supersededFold)
	_, inside, ended := strings.Cut(fold, "\n\n")
	if !strings.HasPrefix(body, supersededHead) || !ok || !ended {
		return body
	}
	return strings.TrimSuffix(strings.TrimRight(inside, "\r\n"), strings.TrimRight(supersededTail, "\n"))
}
