package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/safetext"
)

// errNoGraphQL: the forge has no GraphQL, as Gitea and Forgejo.
var errNoGraphQL = errors.New("this forge has no GraphQL API; look at GITHUB_GRAPHQL_URL")

// graphQLURL reads GITHUB_GRAPHQL_URL. It gets the token, so one that is not on the
// API's own host counts as none.
func graphQLURL(text string, base *url.URL) *url.URL {
	u, err := url.Parse(text)
	if text == "" || err != nil || u.Scheme != base.Scheme || u.Host != base.Host || u.User != nil || u.RawQuery != "" {
		return nil
	}
	return u
}

// graphQL sends one query or mutation and reads the data of its answer. An answer that
// lists errors is an error, whatever its status.
func (c *Client) graphQL(ctx context.Context, query string, variables map[string]any, into any) error {
	if c.graph == nil {
		return errNoGraphQL
	}
	req, err := c.api.NewRequest(http.MethodPost, c.graph.String(), map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Type, Message string }
	}
	if _, err := c.api.Do(ctx, req, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return errors.New("GraphQL answered: " + safetext.Line(c.scrub(answer.Errors[0].Message), 300))
	}
	if len(answer.Data) == 0 {
		return errors.New("the answer has no data")
	}
	return json.Unmarshal(answer.Data, into)
}

// maxQueue is how many entries of a merge queue are read: one page.
const maxQueue = 100

const queueQuery = `query($owner: String!, $name: String!, $branch: String!, $first: Int!) {
  repository(owner: $owner, name: $name) {
    mergeQueue(branch: $branch) {
      entries(first: $first) { nodes { position headCommit { oid } pullRequest { number } } }
    }
  }
}`

// queueEntry is an entry of a merge queue. GitHub names no head commit for one that is
// not being checked, and no pull request where the token may not see it.
type queueEntry struct {
	Position    int
	HeadCommit  *struct{ OID string }
	PullRequest *struct{ Number int }
}

// QueuedPRs are the pull requests that the commit of a merge group holds, in the order
// in which they will merge: those of the branch's queue up to the entry whose head the
// commit is. There are none where the queue has no such entry any more. It takes one
// request. An error is an [*Error].
func (c *Client) QueuedPRs(ctx context.Context, branch, sha string) ([]int, error) {
	ctx, done := c.begin(ctx)
	defer done()
	var data struct {
		Repository *struct {
			MergeQueue *struct {
				Entries struct{ Nodes []*queueEntry }
			}
		}
	}
	err := c.graphQL(ctx, queueQuery, map[string]any{"owner": c.owner, "name": c.name, "branch": branch, "first": maxQueue}, &data)
	if err != nil {
		return nil, c.unread("the merge queue", "contents: read", err)
	}
	if data.Repository == nil || data.Repository.MergeQueue == nil {
		return nil, nil
	}
	return upTo(data.Repository.MergeQueue.Entries.Nodes, sha), nil
}

// upTo are the pull requests of the entries up to the one with a head commit.
func upTo(entries []*queueEntry, sha string) []int {
	entries = slices.DeleteFunc(entries, func(e *queueEntry) bool { return e == nil })
	slices.SortStableFunc(entries, func(a, b *queueEntry) int { return a.Position - b.Position })
	last := slices.IndexFunc(entries, func(e *queueEntry) bool { return e.HeadCommit != nil && e.HeadCommit.OID == sha })
	var list []int
	for _, e := range entries[:last+1] {
		if e.PullRequest != nil && e.PullRequest.Number > 0 {
			list = append(list, e.PullRequest.Number)
		}
	}
	return list
}

// pullQuery asks for one pull request, under a name of its own.
const pullQuery = `
    pr%d: pullRequest(number: %d) {
      number title headRefOid changedFiles
      commits(last: 1) { nodes { commit { status { context(name: $status) { state } } } } }
    }`

// GroupedPRs reads pull requests with the state of a commit status on the head of each, in one
// request. An error is an [*Error].
func (c *Client) GroupedPRs(ctx context.Context, numbers []int, status string) ([]forge.GroupedPR, error) {
	ctx, done := c.begin(ctx)
	defer done()
	var query strings.Builder
	query.WriteString("query($owner: String!, $name: String!, $status: String!) {\n  repository(owner: $owner, name: $name) {")
	for _, n := range numbers {
		fmt.Fprintf(&query, pullQuery, n, n)
	}
	query.WriteString("\n  }\n}")
	var data struct {
		Repository map[string]*struct {
			Number       int
			Title        string
			HeadRefOID   string
			ChangedFiles int
			Commits      struct {
				Nodes []struct {
					Commit struct {
						Status *struct {
							Context *struct{ State string }
						}
					}
				}
			}
		}
	}
	err := c.graphQL(ctx, query.String(), map[string]any{"owner": c.owner, "name": c.name, "status": status}, &data)
	if err != nil {
		return nil, c.unread("the list of pull requests of the merge group", "pull-requests: read", err)
	}
	var list []forge.GroupedPR
	for _, n := range numbers {
		pr := data.Repository[fmt.Sprintf("pr%d", n)]
		if pr == nil {
			continue
		}
		one := forge.GroupedPR{Number: n, Title: pr.Title, SHA: pr.HeadRefOID, Files: pr.ChangedFiles}
		for _, node := range pr.Commits.Nodes {
			if st := node.Commit.Status; st != nil && st.Context != nil {
				one.Status = strings.ToLower(st.Context.State)
			}
		}
		list = append(list, one)
	}
	return list, nil
}

const minimiseMutation = `mutation($id: ID!) {
  minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized } }
}`

// minimise folds a comment as outdated, by its node id.
func (c *Client) minimise(ctx context.Context, node string) error {
	if node == "" {
		return errNoGraphQL
	}
	return c.graphQL(ctx, minimiseMutation, map[string]any{"id": node}, &struct{}{})
}
