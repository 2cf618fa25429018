package github

import (
	"context"

	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/publish"
)

// A client implements all ports.
var _ interface {
	Port
	publish.Checks
	publish.Deployments
	publish.Releases
	forge.Backups
	forge.Attempts
	forge.Branches
	forge.Approvals
	forge.MergeQueue
	forge.Elsewhere
} = (*Client)(nil)

// Port is what every GitHub-like forge offers for publishing and reading. Type assertions
// show what else a forge has.
type Port interface {
	publish.Place
	forge.Reader
}

// Open is [New] with what the forge does not have left out. On GitHub that is the merge
// queue, where no address for GraphQL is given.
func Open(o Options) (Port, error) {
	c, err := New(o)
	switch {
	case err != nil:
		return nil, err
	case o.Forge != "":
		return basic{c, o.Forge}, nil
	case o.GraphQLURL == "":
		return withoutQueue{c, c, c, c, c, c, c, c, c}, nil
	}
	return c, nil
}

// withoutQueue is GitHub without its merge queue.
type withoutQueue struct {
	Port
	publish.Checks
	publish.Deployments
	publish.Releases
	forge.Backups
	forge.Attempts
	forge.Branches
	forge.Approvals
	forge.Elsewhere
}

// basic is Gitea or Forgejo: comment and commit status, and what can be read of a run.
type basic struct {
	Port
	name string
}

// Traits say what the forge lacks.
func (b basic) Traits() publish.Traits {
	return publish.Traits{
		Lacks:         "on " + b.name + " only the comment and the commit status are published; releases, deployments and check runs need GitHub",
		SmallDiagrams: true,
	}
}

// AttemptPage: attempts have no pages of their own.
func (b basic) AttemptPage(page string, _ int) string { return page }

// Traits of GitHub: it has everything.
func (c *Client) Traits() publish.Traits { return publish.Traits{} }

// AttemptPage is [RunPage].
func (c *Client) AttemptPage(page string, attempt int) string { return RunPage(page, attempt) }

// Release is [Client.FindRelease] for the port.
func (c *Client) Release(ctx context.Context, tag, _ string) (publish.Release, bool, error) {
	r, found, err := c.FindRelease(ctx, tag)
	if err != nil || !found {
		return nil, false, err
	}
	return foundRelease{c, r}, true, nil
}

// foundRelease is a release with the client that found it.
type foundRelease struct {
	c *Client
	r Release
}

func (f foundRelease) Facts() publish.ReleaseFacts {
	return publish.ReleaseFacts{Tag: f.r.Tag, SHA: f.r.SHA, Draft: f.r.Draft, URL: f.r.URL}
}

func (f foundRelease) UpsertSection(ctx context.Context, stamp publish.Stamp, render func(limit int) string) (publish.Outcome, error) {
	return f.c.UpsertSection(ctx, f.r, stamp, render)
}

func (f foundRelease) KeepSection(ctx context.Context, stamp publish.Stamp, render func(limit int) string) (publish.Outcome, error) {
	return f.c.KeepSection(ctx, f.r, stamp, render)
}

func (f foundRelease) Attach(ctx context.Context, stamp publish.Stamp, a publish.Asset) (publish.Outcome, error) {
	return f.c.Attach(ctx, f.r, stamp, a)
}

func (f foundRelease) Promote(ctx context.Context, sha string) (publish.Outcome, error) {
	return f.c.Promote(ctx, f.r, sha)
}
