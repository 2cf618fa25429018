package cli

import (
	"context"
	"fmt"

	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/publish"
)

// maxGroupFiles is how many changed files of a pull request are read: three pages.
const maxGroupFiles = 300

// grouped asks about pull requests of a merge group: one request for all, and up to three for the
// files of each. What cannot be asked is not known, and says so.
func (s *setup) grouped(ctx context.Context, numbers []int) []pipeline.GroupMember {
	list := make([]pipeline.GroupMember, len(numbers))
	for i, n := range numbers {
		list[i].Number = n
	}
	unknown := func(why string) []pipeline.GroupMember {
		for i := range list {
			list[i].Unknown = why
		}
		return list
	}
	c, err := s.connect()
	if err != nil {
		return unknown(err.Error())
	}
	queue, ok := c.(forge.MergeQueue)
	asked, lists := c.(forge.Approvals)
	if !ok || !lists {
		return unknown("this forge cannot be asked about pull requests of a merge group; set GITHUB_GRAPHQL_URL")
	}
	name := publish.StatusName(s.stage.Name, s.key)
	found, err := queue.GroupedPRs(ctx, numbers, name)
	if err != nil {
		return unknown(err.Error())
	}
	for i := range list {
		list[i] = member(ctx, asked, list[i], found, name)
	}
	return list
}

// member is a pull request of the group with what the forge says of it.
func member(ctx context.Context, asked forge.Approvals, m pipeline.GroupMember, found []forge.GroupedPR, status string) pipeline.GroupMember {
	for _, pr := range found {
		if pr.Number != m.Number {
			continue
		}
		m.Title, m.SHA = pr.Title, pr.SHA
		switch state := publish.State(pr.Status); state {
		case publish.Success, publish.Failure, publish.StateError, publish.Pending:
			m.Alone = pr.Status
		default:
			m.Unknown = fmt.Sprintf("its head has no commit status %s", status)
		}
		if pr.Files > maxGroupFiles {
			m.Unknown = also(m.Unknown, fmt.Sprintf("it changes %d files, and at most %d are looked at", pr.Files, maxGroupFiles))
			return m
		}
		files, complete, err := asked.ProposedFiles(ctx, m.Number)
		switch {
		case err != nil:
			m.Unknown = also(m.Unknown, err.Error())
		case !complete:
			m.Unknown = also(m.Unknown, "the forge does not list all files that it changes")
		default:
			m.Files, m.FilesKnown = files, true
		}
		return m
	}
	m.Unknown = "the forge does not show it"
	return m
}

// also joins two clauses, the first of which may be empty.
func also(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
