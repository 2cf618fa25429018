package github

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/safetext"
)

const (
	// perPage and maxPages bound what is read of a pull request's comments.
	perPage, maxPages = 100, 30
	// maxDoubles bounds how many doubles one call removes, maxWrites how often it
	// writes where an older run writes over it.
	maxDoubles, maxWrites = 10, 3
	// maxMinimised bounds how many one call folds that it can neither edit nor delete.
	maxMinimised = 3
	// maxComment is GitHub's limit, in characters; bytes are never fewer.
	maxComment = 65_536
)

const (
	commentLost  = "the PR comment"
	commentRight = "pull-requests: write"
)

// UpsertComment creates our comment on a pull request or updates it in place. Ours
// is the oldest one that starts with the marker of the stamp's key and stage and was
// written by a bot or by the token's own account; doubles are removed, or folded as
// outdated where that is refused. One that another account wrote and the token may not
// edit is folded, and ours is created. An equal body is not written, and leaves the
// stamp of who wrote it first; a newer run (by id, then attempt) is never overwritten.
// Concurrent jobs leave one comment, with the newest body unless an older job's write
// hangs for longer than it takes the newer one to look again. A body that is too long
// for a comment is cut at a line end. An error is an [*Error].
func (c *Client) UpsertComment(ctx context.Context, pr int, stamp publish.Stamp, body string) (publish.Outcome, error) {
	if err := checkStamp(stamp); err != nil {
		return publish.Outcome{}, c.lost(commentLost, commentRight, err)
	}
	if pr <= 0 {
		return publish.Outcome{}, c.lost(commentLost, commentRight, errors.New("this run has no pull request"))
	}
	ctx, done := c.begin(ctx)
	defer done()
	u := c.upsert(pr, stamp, cutComment(stamp, body))
	out, err := u.run(ctx)
	if out.Action == publish.Superseded {
		c.stale()
	}
	if err == nil {
		return out, nil
	}
	e := c.lost(commentLost, commentRight, err)
	if note := c.readOnly(e); note != "" {
		return publish.Outcome{Action: publish.ReadOnly, Note: note}, nil
	}
	return publish.Outcome{}, e
}

const cutNote = "\n\n_This comment is cut here: it is longer than GitHub allows._\n"

func cutComment(s publish.Stamp, body string) string {
	room := maxComment - len(mark(s, ""))
	if len(body) <= room {
		return body
	}
	head, _ := safetext.Cut(body, room-len(cutNote))
	return head[:strings.LastIndexByte(head, '\n')+1] + cutNote
}

func (c *Client) upsert(pr int, stamp publish.Stamp, body string) *upsert {
	return &upsert{Client: c, pr: pr, stamp: stamp, body: body, page: 1, gone: map[int64]bool{}, refused: map[string]bool{}, toMinimise: maxMinimised}
}

// upsert is one call of UpsertComment.
type upsert struct {
	*Client
	pr    int
	stamp publish.Stamp
	body  string
	// page is where reading goes on: what is new is at the end.
	page int
	// marked are comments with our marker, whoever wrote them.
	marked []found
	// gone were deleted while we worked; made is what we created.
	gone map[int64]bool
	made int64
	// refused are authors whose comments the token may not edit; kept: nor may it delete
	// a double. toMinimise is how many may still be folded.
	refused    map[string]bool
	kept       bool
	toMinimise int
}

// found is a comment with the marker.
type found struct {
	marker
	id         int64
	node       string
	author     string
	bot        bool
	body, page string
}

func (u *upsert) run(ctx context.Context) (publish.Outcome, error) {
	if err := u.read(ctx); err != nil {
		return publish.Outcome{}, err
	}
	if out, err := u.reconcile(ctx); err != nil || out.Action != "" {
		return out, err
	}
	made, _, err := u.api.Issues.CreateComment(ctx, u.owner, u.name, u.pr, &github.IssueComment{Body: new(mark(u.stamp, u.body))})
	if err != nil {
		return publish.Outcome{}, err
	}
	u.made = made.GetID()
	u.rememberLogin(made.GetUser())
	u.retire(ctx)
	created := publish.Outcome{Action: publish.Created, URL: made.GetHTMLURL()}
	// Another job may have done the same at the same time. What fails from here on
	// costs a double at most, which the next run removes.
	if err := u.read(ctx); err != nil {
		return created, nil
	}
	out, err := u.reconcile(ctx)
	if err != nil || out.Action == "" || out.Action == publish.Unchanged {
		return created, nil
	}
	return out, nil
}

// read collects the comments with our marker, from the page on where it stopped.
func (u *upsert) read(ctx context.Context) error {
	for ; ; u.page++ {
		list, resp, err := u.api.Issues.ListComments(ctx, u.owner, u.name, u.pr,
			&github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: perPage, Page: u.page}})
		if err != nil {
			return err
		}
		for _, one := range list {
			u.collect(one)
		}
		if resp.NextPage == 0 || u.page == maxPages {
			return nil
		}
	}
}

func (u *upsert) collect(one *github.IssueComment) {
	m, body, ok := readMarker(one.GetBody())
	known := slices.ContainsFunc(u.marked, func(f found) bool { return f.id == one.GetID() })
	if !ok || known || !m.of(u.stamp) {
		return
	}
	author := one.GetUser()
	u.marked = append(u.marked, found{marker: m, id: one.GetID(), node: one.GetNodeID(), author: author.GetLogin(), bot: author.GetType() == "Bot",
		body: body, page: one.GetHTMLURL()})
}

// marks are the marked comments that we may have written, oldest first.
func (u *upsert) marks(ctx context.Context) []found {
	login := u.account(ctx)
	list := slices.DeleteFunc(slices.Clone(u.marked), func(f found) bool {
		return u.gone[f.id] || !f.bot && (login == "" || !strings.EqualFold(f.author, login))
	})
	slices.SortFunc(list, func(a, b found) int { return cmp.Compare(a.id, b.id) })
	return list
}

// ours are the marks of one author: those of whoever wrote the newest run's, because a
// workflow may have changed its token, and without those that may not be edited.
func (u *upsert) ours(marks []found) []found {
	marks = slices.DeleteFunc(slices.Clone(marks), func(f found) bool { return u.refused[f.author] })
	if len(marks) == 0 {
		return nil
	}
	newest := slices.MaxFunc(marks, func(a, b found) int { return a.compare(b.Stamp) })
	return slices.DeleteFunc(marks, func(f found) bool { return f.author != newest.author })
}

// account is the token's own account. It is asked for only if a person wrote our marker
// and no bot did, because an app's token has no account and the request would be wasted.
func (u *upsert) account(ctx context.Context) string {
	u.mu.Lock()
	login, asked := u.login, u.asked
	u.mu.Unlock()
	bot := slices.ContainsFunc(u.marked, func(f found) bool { return f.bot })
	if login != "" || asked || bot || len(u.marked) == 0 {
		return login
	}
	user, _, err := u.api.Users.Get(ctx, "")
	u.mu.Lock()
	u.asked = true
	u.mu.Unlock()
	if err == nil {
		u.rememberLogin(user)
	}
	return user.GetLogin()
}

// rememberLogin records our own login from a comment that we wrote.
func (c *Client) rememberLogin(user *github.User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.login = cmp.Or(c.login, user.GetLogin())
}

// reconcile brings the oldest comment of ours up to date and removes the others. No
// action: there is none of ours.
func (u *upsert) reconcile(ctx context.Context) (publish.Outcome, error) {
	for {
		marks := u.marks(ctx)
		list := u.ours(marks)
		if len(list) == 0 {
			return publish.Outcome{}, nil
		}
		first := list[0]
		if u.overtaken(marks) {
			// The newer job keeps the oldest comment, as we would. Ours goes, unless it
			// is that one.
			if i := slices.IndexFunc(list, func(f found) bool { return f.id == u.made }); i > 0 {
				u.remove(ctx, list[i])
			}
			return publish.Outcome{Action: publish.Superseded, URL: first.page, Note: "the PR comment was not changed: a newer run of the workflow wrote it"}, nil
		}
		out, err := u.update(ctx, first)
		if status(err) == http.StatusNotFound || status(err) == http.StatusGone {
			u.gone[first.id] = true // it was deleted after we had read it
			continue
		}
		if u.foreign(first, err) {
			u.refused[first.author] = true
			continue
		}
		if err != nil {
			return publish.Outcome{}, err
		}
		for _, double := range list[1:min(len(list), maxDoubles+1)] {
			u.remove(ctx, double)
		}
		return out, nil
	}
}

// foreign reports whether an edit was refused because another account wrote the
// comment, as far as that is known.
func (u *upsert) foreign(f found, err error) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return forbidden(err) && !strings.EqualFold(f.author, u.login)
}

// forbidden reports whether the token may not do it; a rate limit is something else.
func forbidden(err error) bool {
	var f *requestError
	return errors.As(err, &f) && f.kind == final && f.status == http.StatusForbidden
}

// overtaken reports whether a newer run has written one of the comments.
func (u *upsert) overtaken(list []found) bool {
	return slices.ContainsFunc(list, func(f found) bool { return f.compare(u.stamp) > 0 })
}

func (u *upsert) update(ctx context.Context, f found) (publish.Outcome, error) {
	want := hash(u.body)
	switch {
	case f.id == u.made:
		return publish.Outcome{Action: publish.Created, URL: f.page}, nil
	case f.hash == want && hash(f.body) == want:
		return publish.Outcome{Action: publish.Unchanged, URL: f.page}, nil
	}
	out := publish.Outcome{Action: publish.Updated, URL: f.page}
	if f.compare(u.stamp) == 0 && !strings.HasPrefix(f.body, supersededHead) {
		out.Note = "the PR comment of another job of this run was replaced; give each call of the gate for this stage its own `key`"
	}
	for range maxWrites {
		edited, _, err := u.api.Issues.EditComment(ctx, u.owner, u.name, f.id, &github.IssueComment{Body: new(mark(u.stamp, u.body))})
		if err != nil {
			return publish.Outcome{}, err
		}
		u.rememberLogin(edited.GetUser())
		if !u.overwritten(ctx, f.id) {
			break
		}
	}
	return out, nil
}

// overwritten reports whether an older run, which had read before we wrote, wrote after
// us. The API has no conditional write, so looking again is the only way to know.
func (u *upsert) overwritten(ctx context.Context, id int64) bool {
	one, _, err := u.api.Issues.GetComment(ctx, u.owner, u.name, id)
	if err != nil {
		return false
	}
	m, _, ok := readMarker(one.GetBody())
	return ok && m.of(u.stamp) && m.compare(u.stamp) < 0
}

// remove deletes a double, or folds it where that is refused. One that stays is
// removed by the next run.
func (u *upsert) remove(ctx context.Context, f found) {
	if !u.kept {
		_, err := u.api.Issues.DeleteComment(ctx, u.owner, u.name, f.id)
		u.kept = forbidden(err)
	}
	if u.kept {
		u.fold(ctx, f)
	}
}

// retire folds comments that another account wrote and we may not edit, once ours exists.
func (u *upsert) retire(ctx context.Context) {
	for _, f := range u.marked {
		if u.refused[f.author] {
			u.fold(ctx, f)
		}
	}
}

// fold minimises a comment, as long as that is allowed and bounded.
func (u *upsert) fold(ctx context.Context, f found) {
	if u.toMinimise--; u.toMinimise >= 0 && u.minimise(ctx, f.node) != nil {
		u.toMinimise = 0
	}
}
