package github

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/forge"
)

// runOnBranch is what is read of a run in a list. go-github has no field for its path.
type runOnBranch struct {
	ID         int64  `json:"id"`
	RunAttempt int    `json:"run_attempt"`
	Event      string `json:"event"`
	HeadSHA    string `json:"head_sha"`
	HeadBranch string `json:"head_branch"`
	Path       string `json:"path"`
	Head       struct {
		FullName string `json:"full_name"`
	} `json:"head_repository"`
}

// WorkflowRuns lists a page of the runs of a workflow's file on a branch, the newest
// first; pages count from 1. A run whose head lies in a fork may have a branch of that
// name. An error is an [*Error].
func (c *Client) WorkflowRuns(ctx context.Context, file, branch string, page int) (list []forge.WorkflowRun, more bool, err error) {
	var out struct {
		Runs []runOnBranch `json:"workflow_runs"`
	}
	query := url.Values{"branch": {branch}, "exclude_pull_requests": {"true"}}
	if more, err = c.page(ctx, "actions/workflows/"+url.PathEscape(path.Base(file))+"/runs", query, page, &out); err != nil {
		return nil, false, c.unread("the list of the workflow's runs", artifactsRight, err)
	}
	for _, r := range out.Runs {
		// A workflow of another commit is named path@ref.
		at, _, _ := strings.Cut(r.Path, "@")
		list = append(list, forge.WorkflowRun{ID: r.ID, Attempt: max(r.RunAttempt, 1), Event: r.Event, SHA: r.HeadSHA, Branch: r.HeadBranch,
			HeadRepository: r.Head.FullName, Path: at})
	}
	return list, more, nil
}

// ArtifactsNamed lists a page of the repository's artifacts of a name that have not
// expired, the newest first; pages count from 1. An error is an [*Error].
func (c *Client) ArtifactsNamed(ctx context.Context, name string, page int) (list []forge.Artifact, more bool, err error) {
	var out struct {
		Artifacts []struct {
			ID      int64  `json:"id"`
			Name    string `json:"name"`
			Size    int64  `json:"size_in_bytes"`
			Expired bool   `json:"expired"`
			Run     struct {
				ID               int64  `json:"id"`
				RepositoryID     int64  `json:"repository_id"`
				HeadRepositoryID int64  `json:"head_repository_id"`
				HeadBranch       string `json:"head_branch"`
			} `json:"workflow_run"`
		} `json:"artifacts"`
	}
	if more, err = c.page(ctx, "actions/artifacts", url.Values{"name": {name}}, page, &out); err != nil {
		return nil, false, c.unread(artifactsLost, artifactsRight, err)
	}
	for _, a := range out.Artifacts {
		if !a.Expired && a.Name == name {
			own := a.Run.RepositoryID != 0 && a.Run.RepositoryID == a.Run.HeadRepositoryID
			list = append(list, forge.Artifact{ID: a.ID, Name: a.Name, Size: a.Size, Run: a.Run.ID, Branch: a.Run.HeadBranch, OwnHead: own})
		}
	}
	return list, more, nil
}

// page reads a page of a list below the repository.
func (c *Client) page(ctx context.Context, where string, query url.Values, page int, to any) (more bool, err error) {
	ctx, done := c.begin(ctx)
	defer done()
	query.Set("per_page", strconv.Itoa(perPage))
	query.Set("page", strconv.Itoa(page))
	req, err := c.api.NewRequest("GET", fmt.Sprintf("repos/%s/%s/%s?%s", c.owner, c.name, where, query.Encode()), nil)
	if err != nil {
		return false, err
	}
	resp, err := c.api.Do(ctx, req, to)
	if err != nil {
		return false, err
	}
	return resp.NextPage != 0, nil
}

// ReadArtifact reads files out of an artifact: those at its top level whose name is
// wanted. Artifact and files may have so many bytes, each together. An error is an
// [*Error].
func (c *Client) ReadArtifact(ctx context.Context, a forge.Artifact, most int64, want func(name string) bool) ([][]byte, error) {
	var files [][]byte
	err := c.open(ctx, a, most, forge.Limit{File: most, Total: most}, want, func(_ string, in io.Reader) error {
		data, err := io.ReadAll(in)
		files = append(files, data)
		return err
	})
	if err != nil {
		return nil, err
	}
	return files, nil
}
