package github

import (
	"context"
	"errors"

	"github.com/google/go-github/v62/github"
)

const branchLost = "the base branch"

// Compare is the tip of a branch, and the newest commit that it has in common with a commit,
// which is its full hash. An error is an [*Error].
func (c *Client) Compare(ctx context.Context, branch, sha string) (tip, common string, err error) {
	if !commit.MatchString(sha) {
		return "", "", c.unread(branchLost, "", errors.New("the commit under test is not known by its full hash"))
	}
	ctx, done := c.begin(ctx)
	defer done()
	// One commit on the page is enough: the base and the common commit stand beside the list.
	both, _, err := c.api.Repositories.CompareCommits(ctx, c.owner, c.name, branch, sha, &github.ListOptions{PerPage: 1})
	if err != nil {
		return "", "", c.unread(branchLost, "contents: read", err)
	}
	tip, common = both.GetBaseCommit().GetSHA(), both.GetMergeBaseCommit().GetSHA()
	if !commit.MatchString(tip) || !commit.MatchString(common) {
		return "", "", c.unread(branchLost, "", errors.New("the API names no common commit"))
	}
	return tip, common, nil
}

// Protected reports whether a branch is protected. An error is an [*Error].
func (c *Client) Protected(ctx context.Context, branch string) (bool, error) {
	ctx, done := c.begin(ctx)
	defer done()
	b, _, err := c.api.Repositories.GetBranch(ctx, c.owner, c.name, branch, 0)
	if err != nil {
		return false, c.unread("whether branch "+branch+" is protected", "contents: read", err)
	}
	return b.GetProtected(), nil
}
