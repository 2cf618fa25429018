package githubfake

import (
	"cmp"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// Run is a workflow run that others ask for.
type Run struct {
	ID      int
	Attempt int
	// SHA, Branch and HeadRepository are those of a pull request's head.
	Event, SHA, Branch, HeadRepository, Actor string
	// Path is that of the workflow's file.
	Path string
	// Created is when its first attempt was.
	Created time.Time
	// Conclusion is empty while it runs. It is action_required where somebody has to approve
	// the run first: such a run is completed and has no jobs (pytorch/test-infra issue 4892). Jobs are conclusions by name.
	Conclusion string
	Jobs       map[string]string
	// Attempts are the jobs of each attempt, where a test says more of them than Jobs does.
	Attempts map[int][]Job
}

// Job of an attempt of a run. Status is completed where it is empty.
type Job struct {
	Name, Runner, Status, Conclusion string
	Steps                            []Step
}

// Step of a job. Status is completed where it is empty.
type Step struct{ Name, Status, Conclusion string }

// RerunAll does what "Re-run all jobs" does: the artifacts of earlier attempts are gone as
// soon as the new attempt starts (actions/upload-artifact issues 323 and 585). "Re-run failed
// jobs" keeps them, so there is nothing to do for it.
func (s *Server) RerunAll(run int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.RunArtifacts {
		if s.RunArtifacts[i].Run == run {
			s.RunArtifacts[i].Deleted = true
		}
	}
}

// Pull is an open pull request.
type Pull struct {
	Number                            int
	SHA, Branch, HeadRepository, Base string
	Title                             string
	// Author opened it. Commits, Files, Reviews and Events are what it has, the oldest first.
	Author  string
	Labels  []string
	Commits []PullCommit
	Files   []string
	Reviews []Review
	Events  []IssueEvent
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
		"pull_requests": []any{}, "created_at": r.Created.Format(time.RFC3339),
		"actor": userJSON(User{Login: r.Actor, Type: "User"}), "head_repository": map[string]any{"full_name": r.HeadRepository}}
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

// page is the part of a list that the query asks for, as the field of an object.
func (c call) page(all []map[string]any, name, where string) answer {
	part, header := c.part(all, where)
	a := reply(http.StatusOK, map[string]any{"total_count": len(all), name: part})
	a.header = header
	return a
}

// bare is the same without an object around the list.
func (c call) bare(all []map[string]any, where string) answer {
	part, header := c.part(all, where)
	a := reply(http.StatusOK, part)
	a.header = header
	return a
}

func (c call) part(all []map[string]any, where string) ([]map[string]any, http.Header) {
	size, page := 30, max(number(c.query.Get("page")), 1)
	if n := number(c.query.Get("per_page")); n > 0 {
		size = n
	}
	from, to := min((page-1)*size, len(all)), min(page*size, len(all))
	header := http.Header{}
	if to < len(all) {
		next := c.query
		next.Set("page", strconv.Itoa(page+1))
		header.Set("Link", fmt.Sprintf(`<%s/repos/%s/%s?%s>; rel="next"`, c.base, c.Repository, where, next.Encode()))
	}
	return append([]map[string]any{}, all[from:to]...), header
}

func listJobs(c call) answer {
	r, attempt := c.run(c.args[2]), number(c.args[3])
	if r == nil {
		return refusal(http.StatusNotFound, "Not Found")
	}
	jobs, known := r.Attempts[attempt]
	if !known && attempt == max(r.Attempt, 1) {
		for name, conclusion := range r.Jobs {
			jobs, known = append(jobs, Job{Name: name, Conclusion: conclusion}), true
		}
	}
	if !known && r.Conclusion != "action_required" {
		return refusal(http.StatusNotFound, "Not Found")
	}
	list := []map[string]any{}
	for i, j := range jobs {
		steps := []map[string]any{}
		for n, st := range j.Steps {
			steps = append(steps, map[string]any{"name": st.Name, "number": n + 1, "status": cmp.Or(st.Status, "completed"), "conclusion": orNull(st.Conclusion)})
		}
		list = append(list, map[string]any{"id": i + 1, "run_id": r.ID, "run_attempt": attempt, "name": j.Name, "runner_name": orNull(j.Runner),
			"status": cmp.Or(j.Status, "completed"), "conclusion": orNull(j.Conclusion), "steps": steps})
	}
	return c.page(list, "jobs", fmt.Sprintf("actions/runs/%d/attempts/%d/jobs", r.ID, attempt))
}

// orNull is how the API writes what there is not.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
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
