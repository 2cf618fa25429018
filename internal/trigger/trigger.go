// Package trigger says what started this run: the event, the commit under test,
// the pull request, the attempt. It reads GitHub's environment and event payload;
// what it does not understand degrades to what the environment alone says, with a
// sentence.
package trigger

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Trigger is what started the run.
type Trigger struct {
	// CI: a GitHub-like runner started it.
	CI    bool
	Event string
	// Repository is owner/name; SHA the commit under test: the head of a pull
	// request, a merge group's commit, a deployment's commit, a pushed commit.
	Repository, SHA, Ref string
	// Branch is what stages match: the pushed branch, or the target branch of a
	// pull request or merge group.
	Branch      string
	PullRequest int
	// Fork: the pull request comes from another repository.
	Fork bool
	// Schedule is the cron line that started a schedule event.
	Schedule string
	// WorkflowRun and WorkflowAttempt tell re-runs; the attempt counts from 1.
	WorkflowRun     string
	WorkflowAttempt int
	URL             string
	// Notes say what could not be read.
	Notes []string
}

// payload is what is read of GitHub's event payloads.
type payload struct {
	Number      int
	Schedule    string
	PullRequest *struct {
		Number int
		Head   struct {
			SHA  string
			Repo *struct {
				FullName string `json:"full_name"`
			}
		}
		Base struct {
			Ref  string
			Repo *struct {
				FullName string `json:"full_name"`
			}
		}
	} `json:"pull_request"`
	MergeGroup *struct {
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
	Deployment  *struct{ SHA, Ref string }
	WorkflowRun *struct {
		HeadSHA    string `json:"head_sha"`
		HeadBranch string `json:"head_branch"`
	} `json:"workflow_run"`
}

// maxPayload bounds what is read of an event payload.
const maxPayload = 32 << 20

// Detect reads the environment. Outside CI it returns a zero trigger with attempt
// 1.
func Detect(getenv func(string) string) Trigger {
	t := Trigger{
		CI: getenv("GITHUB_ACTIONS") == "true" || getenv("GITHUB_RUN_ID") != "", Event: getenv("GITHUB_EVENT_NAME"),
		Repository: getenv("GITHUB_REPOSITORY"), SHA: getenv("GITHUB_SHA"), Ref: getenv("GITHUB_REF"),
		WorkflowRun: getenv("GITHUB_RUN_ID"), WorkflowAttempt: 1,
	}
	// Older Forgejo runners leave the attempt empty: that is the first.
	if n, err := strconv.Atoi(getenv("GITHUB_RUN_ATTEMPT")); err == nil && n > 0 {
		t.WorkflowAttempt = n
	}
	t.Branch, _ = strings.CutPrefix(t.Ref, "refs/heads/")
	if server := strings.TrimRight(getenv("GITHUB_SERVER_URL"), "/"); server != "" && t.Repository != "" && t.WorkflowRun != "" {
		t.URL = fmt.Sprintf("%s/%s/actions/runs/%s", server, t.Repository, t.WorkflowRun)
	}
	if file := getenv("GITHUB_EVENT_PATH"); file != "" && t.CI {
		p, err := read(file)
		if err != nil {
			t.Notes = append(t.Notes, fmt.Sprintf("the event payload cannot be read, so commit and branch come from the environment: %v", err))
		}
		t.apply(p)
	}
	return t
}

func read(file string) (payload, error) {
	var p payload
	info, err := os.Stat(file)
	if err != nil {
		return p, err
	}
	if info.Size() > maxPayload {
		return p, fmt.Errorf("it is larger than %d MiB", maxPayload>>20)
	}
	data, err := os.ReadFile(file) //nolint:gosec // named by the runner
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(data, &p)
}

// apply takes the commit under test from the payload: GITHUB_SHA of a pull request
// is a merge commit that nobody deployed.
func (t *Trigger) apply(p payload) {
	t.Schedule = p.Schedule
	switch {
	case p.PullRequest != nil:
		t.SHA = or(p.PullRequest.Head.SHA, t.SHA)
		t.Branch = or(p.PullRequest.Base.Ref, t.Branch)
		t.PullRequest = max(p.PullRequest.Number, p.Number)
		head, base := p.PullRequest.Head.Repo, p.PullRequest.Base.Repo
		t.Fork = head == nil || base != nil && head.FullName != base.FullName
	case p.MergeGroup != nil:
		t.SHA = or(p.MergeGroup.HeadSHA, t.SHA)
		t.Ref = or(p.MergeGroup.HeadRef, t.Ref)
		t.Branch = strings.TrimPrefix(or(p.MergeGroup.BaseRef, t.Branch), "refs/heads/")
	case p.Deployment != nil:
		t.SHA, t.Ref = or(p.Deployment.SHA, t.SHA), or(p.Deployment.Ref, t.Ref)
	case p.WorkflowRun != nil && t.Event == "workflow_run":
		t.SHA, t.Branch = or(p.WorkflowRun.HeadSHA, t.SHA), or(p.WorkflowRun.HeadBranch, t.Branch)
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
