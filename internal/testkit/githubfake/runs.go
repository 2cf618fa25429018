package githubfake

import (
	"net/http"
	"strings"
)

// Run is a workflow run that others ask for.
type Run struct {
	ID      int
	Attempt int
	// SHA, Branch and HeadRepository are those of a pull request's head.
	Event, SHA, Branch, HeadRepository, Actor string
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
	out := map[string]any{"id": r.ID, "run_attempt": max(r.Attempt, 1), "event": r.Event, "head_sha": r.SHA, "head_branch": r.Branch, "status": "completed",
		"conclusion": r.Conclusion, "html_url": "https://github.example/" + c.Repository + "/actions/runs/" + c.args[2], "pull_requests": []any{},
		"actor": userJSON(User{Login: r.Actor, Type: "User"}), "head_repository": map[string]any{"full_name": r.HeadRepository}}
	if r.Conclusion == "" {
		out["status"], out["conclusion"] = "in_progress", nil
	}
	if r.HeadRepository == "" {
		out["head_repository"] = nil
	}
	return reply(http.StatusOK, out)
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
