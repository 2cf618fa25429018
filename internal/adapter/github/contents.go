package github

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/go-github/v62/github"
)

// File reads a file of the repository as it is at a commit, which is its full hash.
// found is false where the commit has no such file. An error, which is an [*Error],
// means that it is unknown, such as a 404 for a token that may not read. The
// API gives files of up to 1 MB.
func (c *Client) File(ctx context.Context, sha, path string) (data []byte, found bool, err error) {
	ctx, done := c.begin(ctx)
	defer done()
	data, found, err = c.file(ctx, sha, path)
	if err != nil {
		return nil, false, c.unread(path+" of the base", "contents: read", err)
	}
	return data, found, nil
}

func (c *Client) file(ctx context.Context, sha, path string) ([]byte, bool, error) {
	if !commit.MatchString(sha) {
		return nil, false, errors.New("the base commit is not known by its full hash")
	}
	file, _, _, err := c.api.Repositories.GetContents(ctx, c.owner, c.name, path, &github.RepositoryContentGetOptions{Ref: sha})
	if status(err) == http.StatusNotFound {
		// GitHub also answers 404 without permission: reading the commit tells the two apart.
		c.mu.Lock()
		known := c.commit == sha
		c.mu.Unlock()
		if known {
			return nil, false, nil
		}
		if _, _, err = c.api.Git.GetCommit(ctx, c.owner, c.name, sha); err == nil {
			c.mu.Lock()
			c.commit = sha
			c.mu.Unlock()
		}
		return nil, false, err
	}
	if err != nil {
		return nil, false, err
	}
	if file == nil {
		return nil, false, errors.New("it is a folder, not a file")
	}
	text, err := file.GetContent()
	if err == nil && text == "" && file.GetSize() > 0 {
		err = errors.New("larger than the API returns")
	}
	return []byte(text), err == nil, err
}
