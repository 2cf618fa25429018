package githubfake

import (
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// Run is a workflow run that others ask for.
type Run struct {
	ID      int
	Attempt int
	// SHA, Branch and HeadRepository are those of a pull request's head.
	Event, SHA, Branch, HeadRepository, Actor string
	// Path is that of the workflow's file.
	Path string
	// Conclusion is empty while it runs. Jobs are conclusions by name.
	Conclusion string
	Jobs       map[string]string
}

// Pull is an open pull request.
type Pull struct {
	Number                            int
	SHA, Branch, HeadRepository, Base string
}

func (s *Server) run(id string) *Run {
	for i := range s.Runs {
		if s.Runs[i].ID == number(id) {
			return &s.Runs[i]
		}
	}
	return nil
}

func getRun(c call) answer {
	r := c.run(c.args[2])
	if r == nil {
		return refusal(http.StatusNotFound, "Not Found")
	}
	return reply(http.StatusOK, c.runJSON(*r))
}

func (s *Server) runJSON(r Run) map[string]any {
	out := map[string]any{"id": r.ID, "run_attempt": max(r.Attempt, 1), "event": r.Event, "head_sha": r.SHA, "head_branch": r.Branch, "status": "completed",
		"conclusion": r.Conclusion, "html_url": fmt.Sprintf("https://github.example/%s/actions/runs/%d", s.Repository, r.ID), "path": r.Path,
		"pull_requests": []any{},
		"actor":         userJSON(User{Login: r.Actor, Type: "User"}), "head_repository": map[string]any{"full_name": r.HeadRepository}}
	if r.Conclusion == "" {
		out["status"], out["conclusion"] = "in_progress", nil
	}
	if r.HeadRepository == "" {
		out["head_repository"] = nil
	}
	return out
}

// listRuns lists the runs of a workflow's file.
func listRuns(c call) answer {
	var list []map[string]any
	for _, r := range c.Runs {
		at, _, _ := strings.Cut(r.Path, "@")
		if branch := c.query.Get("branch"); path.Base(at) == c.args[2] && (branch == "" || branch == r.Branch) {
			list = append(list, c.runJSON(r))
		}
	}
	return c.page(list, "workflow_runs", "actions/workflows/"+c.args[2]+"/runs")
}

// page is the part of a list that the query asks for.
func (c call) page(all []map[string]any, name, where string) answer {
	size, page := 30, max(number(c.query.Get("page")), 1)
	if n := number(c.query.Get("per_page")); n > 0 {
		size = n
	}
	from, to := min((page-1)*size, len(all)), min(page*size, len(all))
	a := reply(http.StatusOK, map[string]any{"total_count": len(all), name: append([]map[string]any{}, all[from:to]...)})
	if to < len(all) {
		next := c.query
		next.Set("page", strconv.Itoa(page+1))
		a.header.Set("Link", fmt.Sprintf(`<%s/repos/%s/%s?%s>; rel="next"`, c.base, c.Repository, where, next.Encode()))
	}
	return a
}

func listJobs(c call) answer {
	r := c.run(c.args[2])
	if r == nil || number(c.args[3]) != max(r.Attempt, 1) {
		return refusal(http.StatusNotFound, "Not Found")
	}
	list := []map[string]any{}
	for name, conclusion := range r.Jobs {
		list = append(list, map[string]any{"id": len(list) + 1, "run_id": r.ID, "name": name, "status": "completed", "conclusion": conclusion})
	}
	return reply(http.StatusOK, map[string]any{"total_count": len(list), "jobs": list})
}

func listPulls(c call) answer {
	list := []map[string]any{}
	for _, p := range c.Pulls {
		owner, _, _ := strings.Cut(p.HeadRepository, "/")
		if head := c.query.Get("head"); head == "" || head == owner+":"+p.Branch {
			list = append(list, map[string]any{"number": p.Number, "state": "open", "base": map[string]any{"ref": p.Base},
				"head": map[string]any{"sha": p.SHA, "ref": p.Branch, "repo": map[string]any{"full_name": p.HeadRepository}}})
		}
	}
	return reply(http.StatusOK, list)
}
