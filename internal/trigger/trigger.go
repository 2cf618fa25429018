// Package trigger says what started this run: the event, the commit under test, the
// pull request, the attempt. It reads GitHub's environment and event payload, or the documented variables of other platforms. If it
// does not understand the payload, it uses the environment alone and adds a note.
package trigger

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Trigger is what started the run.
type Trigger struct {
	// CI: a CI platform started it.
	CI bool
	// Event is that of GitHub, or what is the same on another platform.
	Event string
	// Platform is one that does not set GitHub's variables; empty: GitHub, or a forge like it.
	Platform string
	// Index of this job among Total equal ones, from 0; Total 0: the platform names none.
	Index, Total int
	// Forge is Forgejo or Gitea, whose runners set GitHub's variables as well; empty:
	// GitHub.
	Forge string
	// Repository is owner/name; SHA the commit under test: the head of a pull
	// request, a merge group's commit, a deployment's commit, a pushed commit.
	Repository, SHA, Ref string
	// Branch is what stages match: the pushed branch, or the target branch of a
	// pull request or merge group.
	Branch      string
	PullRequest int
	// BaseSHA is the commit that the change is compared with: the base of a pull
	// request or merge group, what a branch was before a push. Empty: not known.
	BaseSHA string
	// DefaultBranch: the commit under test is on the repository's default branch.
	DefaultBranch bool
	// MainBranch is the name of the default branch, and Workflow the path of the
	// workflow's file. They are empty if they are not known, or if the file is in
	// another repository.
	MainBranch, Workflow string
	// Fork: the pull request comes from another repository.
	Fork bool
	// Dependabot started the run: its token may only read, as one of a fork's.
	Dependabot bool
	// GroupedPRs are the pull requests of a merge group, in the order in which they
	// merge: only the last one, which its ref names, until the queue is queried.
	GroupedPRs []int
	// Release is the tag of a release event or of a pushed tag; ReleaseAction is what
	// happened to the release, empty for a pushed tag.
	Release, ReleaseAction string
	// Deployment and Environment are those of a deployment or deployment status event.
	Deployment  int64
	Environment string
	// Echo: the deployment status that started the run is one that the gate itself set.
	Echo bool
	// Subject is client_payload.subject of a repository_dispatch event, as JSON: what its sender says is under test; nil: it says nothing.
	Subject []byte
	// TriggeredBy is the run after which a workflow_run event came.
	TriggeredBy int64
	// OwnHead: that run was of a branch of this repository.
	OwnHead bool
	// Schedule is the cron line that started a schedule event.
	Schedule string
	// Job is the key of this job in the workflow; empty: not known.
	Job string
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
	Before      string
	PullRequest *struct {
		Number int
		Head   struct {
			SHA  string
			Repo *struct {
				FullName string `json:"full_name"`
			}
		}
		Base struct {
			SHA  string
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
		BaseSHA string `json:"base_sha"`
	} `json:"merge_group"`
	Action     string
	Deployment *struct {
		ID                    int64
		SHA, Ref, Environment string
	}
	DeploymentStatus struct {
		Description string
	} `json:"deployment_status"`
	Release *struct {
		TagName string `json:"tag_name"`
	}
	Repository struct {
		DefaultBranch string `json:"default_branch"`
	}
	ClientPayload struct {
		Subject json.RawMessage
	} `json:"client_payload"`
	WorkflowRun *struct {
		ID         int64
		HeadSHA    string `json:"head_sha"`
		HeadBranch string `json:"head_branch"`
		Head       struct {
			FullName string `json:"full_name"`
		} `json:"head_repository"`
	} `json:"workflow_run"`
}

// maxPayload bounds what is read of an event payload.
const maxPayload = 32 << 20

// Detect reads the environment: of GitHub and the forges like it, else of other platforms. Outside CI it returns a zero trigger with
// attempt 1.
func Detect(getenv func(string) string) Trigger {
	if getenv("GITHUB_ACTIONS") != "true" && getenv("GITHUB_RUN_ID") == "" {
		if t, ok := elsewhere(getenv); ok {
			return t
		}
		t := Trigger{WorkflowAttempt: 1}
		// Platforms that the gate does not know set CI as well.
		if InCI(getenv) {
			t.Notes = []string{unknownPlatform}
		}
		return t
	}
	t := Trigger{
		CI: true, Event: getenv("GITHUB_EVENT_NAME"), Forge: forge(getenv),
		Repository: getenv("GITHUB_REPOSITORY"), SHA: getenv("GITHUB_SHA"), Ref: getenv("GITHUB_REF"),
		WorkflowRun: getenv("GITHUB_RUN_ID"), Job: getenv("GITHUB_JOB"), WorkflowAttempt: 1, Dependabot: getenv("GITHUB_ACTOR") == "dependabot[bot]",
	}
	// Older Forgejo runners leave the attempt empty: that is the first.
	if n, err := strconv.Atoi(getenv("GITHUB_RUN_ATTEMPT")); err == nil && n > 0 {
		t.WorkflowAttempt = n
	}
	t.Branch = cmp.Or(getenv("GITHUB_BASE_REF"), branch(t.Ref))
	t.Workflow = workflow(getenv("GITHUB_WORKFLOW_REF"), t.Repository)
	if server := strings.TrimRight(getenv("GITHUB_SERVER_URL"), "/"); server != "" && t.Repository != "" && t.WorkflowRun != "" {
		t.URL = fmt.Sprintf("%s/%s/actions/runs/%s", server, t.Repository, t.WorkflowRun)
	}
	p, err := read(getenv("GITHUB_EVENT_PATH"))
	if err != nil {
		t.Notes = append(t.Notes, fmt.Sprintf("the event payload cannot be read completely, so commit and branch may come from the environment: %v", err))
	}
	t.apply(p)
	return t
}

// InCI reports whether CI is set, as platforms do that the gate does not know otherwise.
func InCI(getenv func(string) string) bool {
	ci := getenv("CI")
	return ci != "" && ci != "0" && !strings.EqualFold(ci, "false")
}

// unknownPlatform is said where CI is set by a platform of which nothing else is known.
const unknownPlatform = "CI is set, but not by a platform that the gate knows: it takes this run for one of a developer, " +
	"so the config of the checkout judges, and a change can alter what judges it"

// forge detects which forge set GitHub's variables. Forgejo's runner sets Gitea's
// variable as well, so Forgejo's own variable is checked first.
func forge(getenv func(string) string) string {
	switch "true" {
	case getenv("FORGEJO_ACTIONS"):
		return "Forgejo"
	case getenv("GITEA_ACTIONS"):
		return "Gitea"
	}
	return ""
}

// branch is the name in a branch's ref; a tag or a pull request has none.
func branch(ref string) string {
	name, ok := strings.CutPrefix(ref, "refs/heads/")
	if !ok {
		return ""
	}
	return name
}

// workflow is the path in owner/name/path@ref, of this repository alone. A called
// workflow has its caller's.
func workflow(ref, repository string) string {
	path, _, _ := strings.Cut(ref, "@")
	if owner := repository + "/"; len(path) > len(owner) && strings.EqualFold(path[:len(owner)], owner) {
		return path[len(owner):]
	}
	return ""
}

func read(file string) (payload, error) {
	var p payload
	if file == "" {
		return p, nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return p, err
	}
	if !info.Mode().IsRegular() {
		return p, errors.New("it is not a regular file")
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

// apply takes the commit under test from the payload: GITHUB_SHA of a pull request is a
// merge commit that is never deployed.
func (t *Trigger) apply(p payload) {
	t.Schedule, t.MainBranch = p.Schedule, p.Repository.DefaultBranch
	// Only these events run the code of a branch; other events may also have a branch
	// as their ref.
	if name := p.Repository.DefaultBranch; name != "" && t.Ref == "refs/heads/"+name {
		t.DefaultBranch = slices.Contains([]string{"push", "schedule", "workflow_dispatch", "repository_dispatch"}, t.Event)
	}
	switch {
	case p.PullRequest != nil:
		t.SHA = cmp.Or(p.PullRequest.Head.SHA, t.SHA)
		t.Branch = cmp.Or(p.PullRequest.Base.Ref, t.Branch)
		t.BaseSHA = Commit(p.PullRequest.Base.SHA)
		t.PullRequest = max(p.PullRequest.Number, p.Number)
		base := t.Repository
		if p.PullRequest.Base.Repo != nil {
			base = cmp.Or(p.PullRequest.Base.Repo.FullName, base)
		}
		head := p.PullRequest.Head.Repo
		t.Fork = head == nil || head.FullName == "" || !strings.EqualFold(head.FullName, base)
	case strings.HasPrefix(t.Event, "pull_request"):
		// Its origin is unknown, so it gets the rights of a pull request from a fork.
		t.Fork = true
		t.PullRequest = pullRequestOf(t.Ref)
		t.Notes = append(t.Notes, "the event payload does not name the pull request; it is treated as one from a fork, and the commit is the merge commit")
	case p.MergeGroup != nil && t.Event == "merge_group":
		t.SHA = cmp.Or(p.MergeGroup.HeadSHA, t.SHA)
		t.Ref = cmp.Or(p.MergeGroup.HeadRef, t.Ref)
		t.BaseSHA = Commit(p.MergeGroup.BaseSHA)
		t.Branch = cmp.Or(strings.TrimPrefix(p.MergeGroup.BaseRef, "refs/heads/"), t.Branch)
		t.GroupedPRs = groupedPRs(t.Ref)
	case p.Deployment != nil && strings.HasPrefix(t.Event, "deployment"):
		t.SHA, t.Ref = cmp.Or(p.Deployment.SHA, t.SHA), cmp.Or(p.Deployment.Ref, t.Ref)
		t.Deployment, t.Environment = p.Deployment.ID, p.Deployment.Environment
		t.Echo = strings.HasPrefix(p.DeploymentStatus.Description, "e2e-gate ")
	case p.WorkflowRun != nil && t.Event == "workflow_run":
		t.SHA, t.Branch = cmp.Or(p.WorkflowRun.HeadSHA, t.SHA), cmp.Or(p.WorkflowRun.HeadBranch, t.Branch)
		if p.WorkflowRun.HeadBranch != "" { // the event's own ref is that of the default branch, whatever ran
			t.Ref = "refs/heads/" + p.WorkflowRun.HeadBranch
		}
		t.TriggeredBy = p.WorkflowRun.ID
		t.OwnHead = p.WorkflowRun.Head.FullName != "" && strings.EqualFold(p.WorkflowRun.Head.FullName, t.Repository)
	case p.Release != nil && t.Event == "release":
		t.Release, t.ReleaseAction = p.Release.TagName, p.Action
	case t.Event == "repository_dispatch" && len(p.ClientPayload.Subject) > 0 && string(p.ClientPayload.Subject) != "null":
		t.Subject = p.ClientPayload.Subject
	case t.Event == "push":
		t.BaseSHA = Commit(p.Before)
		t.Release, _ = strings.CutPrefix(t.Ref, "refs/tags/")
		if t.Release == t.Ref {
			t.Release = ""
		}
	}
}

// groupedPR is how GitHub names a pull request in the ref of its merge group.
var groupedPR = regexp.MustCompile(`pr-(\d{1,9})-[0-9a-f]{7,}`)

// groupedPRs reads what a merge group's ref names: gh-readonly-queue/<base>/pr-<number>-<sha>.
// GitHub names the last one of the group only.
func groupedPRs(ref string) []int {
	_, last, ok := strings.Cut(ref, "gh-readonly-queue/")
	if !ok {
		return nil
	}
	m := groupedPR.FindStringSubmatch(last[strings.LastIndexByte(last, '/')+1:])
	if m == nil {
		return nil
	}
	n, _ := strconv.Atoi(m[1])
	return []int{n}
}

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Commit takes a full hash and nothing else: it becomes an argument of git. All
// zeros stand for a branch that did not exist.
func Commit(sha string) string {
	if !fullHash.MatchString(sha) || strings.Trim(sha, "0") == "" {
		return ""
	}
	return sha
}

// pullRequestOf reads the number out of refs/pull/<number>/merge.
func pullRequestOf(ref string) int {
	number, _, _ := strings.Cut(strings.TrimPrefix(ref, "refs/pull/"), "/")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
