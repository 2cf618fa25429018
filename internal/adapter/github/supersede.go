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
// with a link to the run, and folds the older result, so that its verdict is not mistaken
// for the new commit's. Teams that it mentions are not mentioned twice. It does not change
// a comment about the same commit, or one that a newer run wrote. It makes one request, and
// a second one if the comment changes; an edit does not notify anyone. An error is an
// [*Error]; only the note is lost.
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
	// The stamp is the new run's, so that no older run overwrites the note. The commit stays
	// that of the result below.
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

// stale: another run judged the commit after [Client.Supersede] read the comment.
func (c *Client) stale() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh = ""
}

// supersedeLost names what is lost if it cannot be written.
const supersedeLost = "the note that a newer commit is being judged"

// superseded is the comment of an older commit while a newer one is being judged.
func superseded(s publish.Stamp, old found, page string) string {
	subject := strings.TrimSpace("e2e-gate " + safetext.Inline(s.Stage, maxContext))
	if s.Key != "" {
		subject += " (" + safetext.Inline(s.Key, maxContext) + ")"
	}
	return fmt.Sprintf("%s%s: being judged — commit `%.10s`\n\nThere is no verdict yet: %s will post it here. If that run has ended and this note "+
		"remains, it was stopped before it could write: re-run it. The result of `%.10s` holds for that commit only.\n\n%sResult of "+
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
