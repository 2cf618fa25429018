package githubfake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// CheckRun that was created.
type CheckRun struct {
	ID                    int
	Name, SHA, Conclusion string
	Title, Summary, Text  string
	Annotations, Requests int
	Paths                 []string
}

// Deployment of a commit, with the statuses that were added, oldest first. Creator is the
// account that made it; empty: a person.
type Deployment struct {
	ID               int
	SHA, Environment string
	Creator          User
	Statuses         []DeploymentStatus
}

// StartJob makes the deployment that a job with an environment makes as soon as it starts: one
// for each job, also of a matrix, with the job's page in its status ("Deploying with GitHub
// Actions" in GitHub's docs). A job that says deployment: false makes none.
func (s *Server) StartJob(run int, sha, environment string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	page := fmt.Sprintf("https://github.example/%s/actions/runs/%d/job/%d", s.Repository, run, s.lastID)
	s.Deployments = append(s.Deployments, Deployment{ID: int(s.lastID), SHA: sha, Environment: environment, Creator: JobBot,
		Statuses: []DeploymentStatus{{State: "in_progress", Environment: environment, LogURL: page}}})
}

// DeploymentStatus is one of them.
type DeploymentStatus struct{ State, Description, Environment, LogURL string }

// CheckRuns are those that were created.
func (s *Server) CheckRuns() []CheckRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.checks)
}

// DeploymentNow is a deployment as it is.
func (s *Server) DeploymentNow(id int) Deployment {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.Deployments {
		if d.ID == id {
			return d
		}
	}
	return Deployment{}
}

// checkIn is what requests about check runs hold.
type checkIn struct {
	Name, Status, Conclusion string
	HeadSHA                  string `json:"head_sha"`
	Output                   struct {
		Title, Summary, Text string
		Annotations          []struct{ Path string }
	}
}

// rules are the rules that the description does not have.
func (in checkIn) rules() error {
	switch {
	case in.Status == "completed" && in.Conclusion == "":
		return errors.New("completed without a conclusion")
	case in.Conclusion == "neutral" || in.Conclusion == "skipped":
		return errors.New("a conclusion that satisfies a required check without a pass")
	case len(in.Output.Summary) > 65_535 || len(in.Output.Text) > 65_535:
		return errors.New("summary or text has more than 65535 bytes")
	case len(in.Output.Annotations) > 50:
		return errors.New("more than 50 annotations")
	}
	return nil
}

func (k *CheckRun) take(in checkIn) {
	k.Title, k.Summary, k.Text = in.Output.Title, in.Output.Summary, in.Output.Text
	k.Requests++
	k.Annotations += len(in.Output.Annotations)
	for _, a := range in.Output.Annotations {
		k.Paths = append(k.Paths, a.Path)
	}
}

func (k *CheckRun) json() map[string]any {
	return map[string]any{"id": k.ID, "name": k.Name, "head_sha": k.SHA, "status": "completed", "conclusion": k.Conclusion,
		"html_url": "https://github.example/check"}
}

func createCheck(c call) answer {
	var in checkIn
	_ = json.Unmarshal(c.body, &in) // checked before
	if err := in.rules(); err != nil {
		c.t.Errorf("githubfake: check run: %v", err)
		return refusal(http.StatusUnprocessableEntity, err.Error())
	}
	c.lastID++
	k := CheckRun{ID: int(c.lastID), Name: in.Name, SHA: in.HeadSHA, Conclusion: in.Conclusion}
	k.take(in)
	c.checks = append(c.checks, k)
	return reply(http.StatusCreated, k.json())
}

func updateCheck(c call) answer {
	var in checkIn
	_ = json.Unmarshal(c.body, &in) // checked before
	for i := range c.checks {
		if k := &c.checks[i]; k.ID == number(c.args[2]) {
			if err := in.rules(); err != nil || in.Status != "" || in.Conclusion != "" {
				c.t.Errorf("githubfake: check run: more than its output is changed, or %v", err)
			}
			k.take(in)
			return reply(http.StatusOK, k.json())
		}
	}
	return refusal(http.StatusNotFound, "Not Found")
}

func listDeployments(c call) answer {
	list := []map[string]any{}
	for _, d := range slices.Backward(c.Deployments) {
		if d.SHA == c.query.Get("sha") && d.Environment == c.query.Get("environment") {
			list = append(list, map[string]any{"id": d.ID, "sha": d.SHA, "environment": d.Environment, "creator": userJSON(cmp.Or(d.Creator, Person))})
		}
	}
	return c.bare(list, "deployments")
}

// listDeploymentStatuses lists the newest first.
func listDeploymentStatuses(c call) answer {
	list := []map[string]any{}
	for _, d := range c.Deployments {
		if d.ID != number(c.args[2]) {
			continue
		}
		for i, s := range slices.Backward(d.Statuses) {
			list = append(list, map[string]any{"id": i + 1, "state": s.State, "description": s.Description, "environment": s.Environment, "log_url": s.LogURL})
		}
	}
	return reply(http.StatusOK, list)
}

func addDeploymentStatus(c call) answer {
	var in struct {
		State, Description, Environment string
		LogURL                          string `json:"log_url"`
	}
	_ = json.Unmarshal(c.body, &in) // checked before
	for i := range c.Deployments {
		if d := &c.Deployments[i]; d.ID == number(c.args[2]) {
			d.Statuses = append(d.Statuses, DeploymentStatus{in.State, in.Description, in.Environment, in.LogURL})
			return reply(http.StatusCreated, map[string]any{"id": len(d.Statuses), "state": in.State})
		}
	}
	return refusal(http.StatusNotFound, "Not Found")
}
