package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/safetext"
)

// FileElsewhere reads a file of a repository (owner/name), which may be another one than the
// client's, at a tag, a branch or the full hash of a commit. A tag counts before a branch of its
// name. sha is the commit. A file of more than maxBytes is an error; so is everything that is not
// there. An error is an [*Error].
//
// GitHub's GITHUB_TOKEN reads the workflow's own repository and public ones; for all others it
// gets the 404 of a repository that does not exist.
func (c *Client) FileElsewhere(ctx context.Context, repository, ref, path string, maxBytes int) (data []byte, sha string, err error) {
	ctx, done := c.begin(ctx)
	defer done()
	parts := repositoryName.FindStringSubmatch(repository)
	if parts == nil {
		return nil, "", c.unread("the file", "", fmt.Errorf("repository %q is not owner/name", repository))
	}
	there := elsewhere{c, parts[1], parts[2]}
	if sha, err = there.resolve(ctx, ref); err == nil {
		data, err = there.file(ctx, sha, path, maxBytes)
	}
	if err != nil {
		e := c.unread(path+" of "+repository, "", err)
		if e.Status == http.StatusForbidden {
			e.Permission = "contents: read"
		}
		return nil, "", e
	}
	return data, sha, nil
}

// elsewhere is a repository that may be another one than the client's.
type elsewhere struct {
	c           *Client
	owner, name string
}

// commit asks for a commit. GitHub answers 404 if the token does not see the repository, and 422
// if the repository has no such commit.
func (e elsewhere) commit(ctx context.Context, ref string) (string, error) {
	sha, err := e.c.commitIn(ctx, e.owner, e.name, ref)
	if status(err) == http.StatusNotFound {
		err = fmt.Errorf("the token does not see repository %s/%s: it does not exist, or is private or internal. GITHUB_TOKEN reads its own repository and "+
			"public ones; give the input token an App's token with contents: read on %[1]s/%[2]s", e.owner, e.name)
	}
	return sha, err
}

func (e elsewhere) resolve(ctx context.Context, ref string) (string, error) {
	if commit.MatchString(ref) {
		return ref, nil
	}
	for _, kind := range []string{"tags/", "heads/"} {
		sha, err := e.commit(ctx, kind+ref)
		switch {
		case status(err) == http.StatusUnprocessableEntity:
			continue
		case err == nil && !commit.MatchString(sha):
			return "", errors.New("the API names no commit")
		}
		return sha, err
	}
	return "", fmt.Errorf("%s/%s has neither a tag nor a branch %s", e.owner, e.name, ref)
}

func (e elsewhere) file(ctx context.Context, sha, path string, maxBytes int) ([]byte, error) {
	file, _, _, err := e.c.api.Repositories.GetContents(ctx, e.owner, e.name, path, &github.RepositoryContentGetOptions{Ref: sha})
	switch {
	case status(err) == http.StatusNotFound:
		if _, err := e.commit(ctx, sha); status(err) == http.StatusUnprocessableEntity {
			return nil, fmt.Errorf("%s/%s has no commit %s", e.owner, e.name, sha)
		} else if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s/%s has no such file at commit %.10s", e.owner, e.name, sha)
	case err != nil:
		return nil, err
	case file == nil || file.GetType() != "file":
		return nil, errors.New("it is not a file")
	case file.GetSize() > maxBytes:
		return nil, errors.New("it is larger than " + safetext.Size(maxBytes))
	}
	text, err := file.GetContent()
	if err == nil && len(text) != file.GetSize() {
		err = errors.New("the answer does not hold the whole file")
	}
	return []byte(text), err
}
