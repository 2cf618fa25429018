package githubfake

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// PullCommit of a pull request. An author or committer without an account is empty.
type PullCommit struct{ SHA, Author, Committer string }

// Review of a pull request.
type Review struct {
	User       User
	State, SHA string
}

// IssueEvent is what happened to a pull request; Label is that of labeled and unlabeled.
type IssueEvent struct {
	Event, Label string
	Actor        User
	Created      time.Time
}

func (c call) pull() *Pull {
	i := slices.IndexFunc(c.Pulls, func(p Pull) bool { return p.Number == number(c.args[2]) })
	if i < 0 {
		return nil
	}
	return &c.Pulls[i]
}

// ofPull answers with a page of what a pull request has, at its address.
func ofPull(kind, what string, list func(p *Pull) []map[string]any) func(call) answer {
	return func(c call) answer {
		p := c.pull()
		if p == nil {
			return refusal(http.StatusNotFound, "Not Found")
		}
		all := list(p)
		size, page := 30, max(number(c.query.Get("page")), 1)
		if n := number(c.query.Get("per_page")); n > 0 {
			size = n
		}
		from, to := min((page-1)*size, len(all)), min(page*size, len(all))
		a := reply(http.StatusOK, append([]map[string]any{}, all[from:to]...))
		if to < len(all) {
			where := fmt.Sprintf("%s/repos/%s/%s/%d/%s", c.base, c.Repository, kind, p.Number, what)
			a.header.Set("Link", fmt.Sprintf(`<%s?per_page=%d&page=%d>; rel="next"`, where, size, page+1))
		}
		return a
	}
}

func getPull(c call) answer {
	p := c.pull()
	if p == nil {
		return refusal(http.StatusNotFound, "Not Found")
	}
	labels := []map[string]any{}
	for _, l := range p.Labels {
		labels = append(labels, map[string]any{"name": l})
	}
	return reply(http.StatusOK, map[string]any{"number": p.Number, "state": "open", "base": map[string]any{"ref": p.Base}, "labels": labels,
		"commits": len(p.Commits), "user": userJSON(User{p.Author, "User"}),
		"head": map[string]any{"sha": p.SHA, "ref": p.Branch, "repo": map[string]any{"full_name": p.HeadRepository}}})
}

// account is a user, or null for a commit whose address belongs to no account.
func account(login string) any {
	if login == "" {
		return nil
	}
	return userJSON(User{login, "User"})
}

// GitHub lists the first 250 commits and the first 3,000 files.
var (
	listPullCommits = ofPull("pulls", "commits", func(p *Pull) (list []map[string]any) {
		for _, one := range p.Commits[:min(len(p.Commits), 250)] {
			list = append(list, map[string]any{"sha": one.SHA, "author": account(one.Author), "committer": account(one.Committer)})
		}
		return list
	})
	listPullFiles = ofPull("pulls", "files", func(p *Pull) (list []map[string]any) {
		for _, name := range p.Files[:min(len(p.Files), 3000)] {
			list = append(list, map[string]any{"filename": name, "status": "modified"})
		}
		return list
	})
	listReviews = ofPull("pulls", "reviews", func(p *Pull) (list []map[string]any) {
		for i, r := range p.Reviews {
			list = append(list, map[string]any{"id": i + 1, "user": userJSON(r.User), "state": r.State, "commit_id": r.SHA})
		}
		return list
	})
	listIssueEvents = ofPull("issues", "events", func(p *Pull) (list []map[string]any) {
		for i, e := range p.Events {
			one := map[string]any{"id": i + 1, "event": e.Event, "actor": userJSON(e.Actor), "created_at": e.Created.Format(time.RFC3339)}
			if e.Label != "" {
				one["label"] = map[string]any{"name": e.Label}
			}
			list = append(list, one)
		}
		return list
	})
)

func listRepositoryRuns(c call) answer {
	var list []map[string]any
	for _, r := range c.Runs {
		if sha := c.query.Get("head_sha"); sha == "" || sha == r.SHA {
			list = append(list, c.runJSON(r))
		}
	}
	return c.page(list, "workflow_runs", "actions/runs")
}

// getPermission answers in the older words too: maintain is write there, and triage read.
func getPermission(c call) answer {
	role, ok := c.Permissions[c.args[2]]
	if !ok {
		return refusal(http.StatusNotFound, c.args[2]+" is not a user")
	}
	permission := map[string]string{"maintain": "write", "triage": "read"}[role]
	if permission == "" {
		permission = role
	}
	return reply(http.StatusOK, map[string]any{"permission": permission, "role_name": role, "user": userJSON(User{c.args[2], "User"})})
}
