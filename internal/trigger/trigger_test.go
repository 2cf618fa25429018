package trigger

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// detect runs Detect on a runner's environment with changes; the payload goes to
// a file unless it is empty.
func detect(t *testing.T, changes map[string]string, payload string) Trigger {
	t.Helper()
	env := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_SHA": "envsha", "GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_NAME": "push",
		"GITHUB_RUN_ID": "42", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_SERVER_URL": "https://github.example",
	}
	if payload != "" {
		file := filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(file, []byte(payload), 0o600); err != nil {
			t.Fatal(err)
		}
		env["GITHUB_EVENT_PATH"] = file
	}
	for k, v := range changes {
		env[k] = v
	}
	return Detect(func(name string) string { return env[name] })
}

// Payloads in the shapes that GitHub documents, cut to what matters, with
// neighbours that could be mistaken for it.
func TestEvents(t *testing.T) {
	const mergeRef = "refs/pull/7/merge"
	pull := func(head string) string {
		return `{"action": "synchronize", "number": 7, "before": "x", "repository": {"full_name": "acme/shop"}, "pull_request": {"number": 7, "state": "open", "merge_commit_sha": "mergesha",
			"head": {"label": "someone:feature", "ref": "feature", "sha": "headsha", "repo": ` + head + `},
			"base": {"label": "acme:release/1", "ref": "release/1", "sha": "basesha", "repo": {"full_name": "acme/shop", "fork": false}}}}`
	}
	for _, tc := range []struct {
		name, event, ref string
		env              map[string]string
		payload          string
		want             Trigger // beside what all have in common
	}{
		{"pull request", "pull_request", mergeRef, nil, pull(`{"full_name": "acme/shop"}`),
			Trigger{SHA: "headsha", Ref: mergeRef, Branch: "release/1", PullRequest: 7}},
		{"pull request, name in other case", "pull_request", mergeRef, nil, pull(`{"full_name": "Acme/Shop"}`),
			Trigger{SHA: "headsha", Ref: mergeRef, Branch: "release/1", PullRequest: 7}},
		{"pull request from a fork", "pull_request", mergeRef, nil, pull(`{"full_name": "someone/shop", "fork": true}`),
			Trigger{SHA: "headsha", Ref: mergeRef, Branch: "release/1", PullRequest: 7, Fork: true}},
		{"pull request whose fork was deleted", "pull_request", mergeRef, nil, pull(`null`),
			Trigger{SHA: "headsha", Ref: mergeRef, Branch: "release/1", PullRequest: 7, Fork: true}},
		{"pull request whose fork says nothing", "pull_request", mergeRef, nil, pull(`{}`),
			Trigger{SHA: "headsha", Ref: mergeRef, Branch: "release/1", PullRequest: 7, Fork: true}},
		{"pull request target", "pull_request_target", "refs/heads/release/1", nil, pull(`{"full_name": "someone/shop"}`),
			Trigger{SHA: "headsha", Ref: "refs/heads/release/1", Branch: "release/1", PullRequest: 7, Fork: true}},
		{"review", "pull_request_review", mergeRef, nil,
			strings.Replace(pull(`{"full_name": "acme/shop"}`), `"number": 7, "before"`, `"review": {"commit_id": "x"}, "before"`, 1),
			Trigger{SHA: "headsha", Ref: mergeRef, Branch: "release/1", PullRequest: 7}},
		{
			"merge group", "merge_group", "refs/heads/gh-readonly-queue/main/pr-7-abcdef0123", nil,
			`{"action": "checks_requested", "merge_group": {"head_sha": "groupsha", "head_ref": "refs/heads/gh-readonly-queue/main/pr-7-abcdef0123", "base_sha": "b", "base_ref": "refs/heads/main"}}`,
			Trigger{SHA: "groupsha", Ref: "refs/heads/gh-readonly-queue/main/pr-7-abcdef0123", Branch: "main", GroupedPRs: []int{7}},
		},
		{"push", "push", "refs/heads/feature/a", nil, `{"ref": "refs/heads/feature/a", "before": "x", "after": "y", "head_commit": {"id": "y"}, "repository": {"full_name": "acme/shop"}}`, Trigger{SHA: "envsha", Ref: "refs/heads/feature/a", Branch: "feature/a"}},
		{"push of a tag", "push", "refs/tags/v1", nil, `{"ref": "refs/tags/v1"}`, Trigger{SHA: "envsha", Ref: "refs/tags/v1", Release: "v1"}},
		{"release", "release", "refs/tags/v1.2", nil, `{"action": "published", "release": {"tag_name": "v1.2", "target_commitish": "main", "draft": false}}`,
			Trigger{SHA: "envsha", Ref: "refs/tags/v1.2", Release: "v1.2", ReleaseAction: "published"}},
		{"deployment of a branch", "deployment", "refs/heads/main", nil,
			`{"action": "created", "deployment": {"id": 1, "sha": "deployed", "ref": "main", "task": "deploy", "environment": "staging", "payload": {}}, "workflow": null, "workflow_run": null}`, Trigger{SHA: "deployed", Ref: "main", Branch: "main", Deployment: 1, Environment: "staging"}},
		{"deployment of a commit", "deployment", "", nil, `{"deployment": {"sha": "deployed", "ref": "deployed", "payload": "text"}}`,
			Trigger{SHA: "deployed", Ref: "deployed"}},
		{
			"deployment status", "deployment_status", "refs/heads/main", nil,
			`{"action": "created", "deployment_status": {"state": "success", "environment": "staging"}, "deployment": {"sha": "deployed", "ref": "v1"}, "check_run": {"head_sha": "no"}, "workflow_run": {"head_sha": "no", "head_branch": "no"}}`,
			Trigger{SHA: "deployed", Ref: "v1", Branch: "main"},
		},
		{"schedule", "schedule", "refs/heads/main", nil,
			`{"schedule": "0 2 * * *", "repository": {"full_name": "acme/shop"}, "workflow": ".github/workflows/nightly.yml"}`,
			Trigger{SHA: "envsha", Ref: "refs/heads/main", Branch: "main", Schedule: "0 2 * * *"}},
		{"dispatch", "workflow_dispatch", "refs/heads/main", nil,
			`{"inputs": {"number": "3", "pull_request": "4", "deployment": "x"}, "ref": "refs/heads/main", "workflow": "x"}`,
			Trigger{SHA: "envsha", Ref: "refs/heads/main", Branch: "main"}},
		{"repository dispatch", "repository_dispatch", "refs/heads/main", nil, `{"action": "go", "client_payload": {"pull_request": {"number": 9}}}`,
			Trigger{SHA: "envsha", Ref: "refs/heads/main", Branch: "main"}},
		{"repository dispatch with a subject", "repository_dispatch", "refs/heads/main", nil, `{"client_payload": {"subject": {"sha": 1}}}`,
			Trigger{SHA: "envsha", Ref: "refs/heads/main", Branch: "main", Subject: []byte(`{"sha": 1}`)}},
		{"repository dispatch without one", "repository_dispatch", "refs/heads/main", nil, `{"client_payload": {"subject": null}}`,
			Trigger{SHA: "envsha", Ref: "refs/heads/main", Branch: "main"}},
		{"a subject of another event", "push", "refs/heads/main", nil, `{"client_payload": {"subject": {"sha": "a"}}}`,
			Trigger{SHA: "envsha", Ref: "refs/heads/main", Branch: "main"}},
		{
			"workflow run", "workflow_run", "refs/heads/main", nil,
			`{"action": "completed", "workflow_run": {"id": 3, "head_sha": "ransha", "head_branch": "feature", "event": "pull_request", "pull_requests": [{"number": 7}]}, "workflow": {"id": 1}}`,
			Trigger{SHA: "ransha", Ref: "refs/heads/feature", Branch: "feature", TriggeredBy: 3},
		},
		{"unknown event", "sponsorship", "refs/heads/main", nil, `{"sponsorship": {"number": 7}, "number": 5}`,
			Trigger{SHA: "envsha", Ref: "refs/heads/main", Branch: "main"}},
		{"issue comment on a pull request", "issue_comment", "refs/heads/main", nil,
			`{"issue": {"number": 7, "pull_request": {"url": "x"}}, "comment": {"body": "/run"}}`, Trigger{SHA: "envsha", Ref: "refs/heads/main", Branch: "main"}},
		{"no payload", "push", "refs/heads/main", nil, "", Trigger{SHA: "envsha", Ref: "refs/heads/main", Branch: "main"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := detect(t, map[string]string{"GITHUB_EVENT_NAME": tc.event, "GITHUB_REF": tc.ref}, tc.payload)
			tc.want.CI, tc.want.Event, tc.want.Repository = true, tc.event, "acme/shop"
			tc.want.WorkflowRun, tc.want.WorkflowAttempt, tc.want.URL = "42", 1, "https://github.example/acme/shop/actions/runs/42"
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A payload that cannot be read leaves what the environment says, and a note.
func TestPayloadThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.json")
	f, err := os.Create(huge)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(maxPayload + 1); err != nil { // sparse
		t.Fatal(err)
	}
	_ = f.Close()
	_, err = os.Stat(filepath.Join(dir, "missing.json")) // in the system's words
	for _, tc := range []struct{ name, file, payload, note string }{
		{"missing", filepath.Join(dir, "missing.json"), "", errors.Unwrap(err).Error()},
		{"directory", dir, "", "not a regular file"},
		{"huge", huge, "", "larger than 32 MiB"},
		{"garbage", "", "<html>", "invalid character"},
		{"cut off", "", `{"schedule": "0 2 * * *", "pull_`, "unexpected end"},
		{"blank", "", " ", "unexpected end"},
		{"list", "", `[]`, "cannot unmarshal"},
		{"another kind", "", `{"schedule": {"cron": 1}}`, "cannot unmarshal"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := map[string]string{}
			if tc.file != "" {
				env["GITHUB_EVENT_PATH"] = tc.file
			}
			got := detect(t, env, tc.payload)
			if got.SHA != "envsha" || got.Branch != "main" || got.Fork || !got.CI {
				t.Errorf("got %+v", got)
			}
			if len(got.Notes) != 1 || !strings.Contains(got.Notes[0], tc.note) {
				t.Errorf("notes %q", got.Notes)
			}
		})
	}
}

// A pull request without a description in the payload counts as one from a fork.
func TestPullRequestWithoutPayload(t *testing.T) {
	for _, tc := range []struct {
		name, ref, payload string
		number             int
	}{
		{"none", "refs/pull/7/merge", "", 7},
		{"garbage", "refs/pull/7/merge", "garbage", 7},
		{"empty", "refs/pull/7/merge", "{}", 7},
		{"null", "refs/pull/7/head", `{"pull_request": null}`, 7},
		{"odd ref", "refs/heads/x", "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := detect(t, map[string]string{"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF": tc.ref, "GITHUB_BASE_REF": "release/1"}, tc.payload)
			if !got.Fork || got.Branch != "release/1" || got.PullRequest != tc.number || got.SHA != "envsha" || len(got.Notes) == 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// The valid parts of a payload with a mistake still count.
func TestPayloadWithOneMistake(t *testing.T) {
	got := detect(t, map[string]string{"GITHUB_EVENT_NAME": "pull_request"},
		`{"number": "seven", "pull_request": {"number": 7, "head": {"sha": "headsha", "repo": {"full_name": "acme/shop"}}, "base": {"ref": "main"}}}`)
	if got.SHA != "headsha" || got.PullRequest != 7 || got.Fork || len(got.Notes) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestAttempt(t *testing.T) {
	for text, want := range map[string]int{"1": 1, "3": 3, "": 1, "0": 1, "-2": 1, "two": 1, "2.0": 1, "99999999999999999999": 1, " 2": 1} {
		if got := detect(t, map[string]string{"GITHUB_RUN_ATTEMPT": text}, "").WorkflowAttempt; got != want {
			t.Errorf("%q: got %d", text, got)
		}
	}
}

func TestOutsideCI(t *testing.T) {
	want := Trigger{WorkflowAttempt: 1}
	for _, env := range []map[string]string{
		{},
		{"GITHUB_ACTIONS": "false", "GITHUB_RUN_ID": ""},
		{"GITHUB_ACTIONS": "", "GITHUB_RUN_ID": "", "GITHUB_SHA": "stray", "GITHUB_EVENT_NAME": "push", "GITHUB_RUN_ATTEMPT": "4", "GITHUB_EVENT_PATH": "/missing"},
	} {
		if diff := cmp.Diff(want, Detect(func(name string) string { return env[name] })); diff != "" {
			t.Error(diff)
		}
	}
}

// Runners of others set no GITHUB_ACTIONS, or a server URL with a slash.
func TestOtherRunners(t *testing.T) {
	got := detect(t, map[string]string{"GITHUB_ACTIONS": "", "GITHUB_SERVER_URL": "https://forge.example/", "GITHUB_RUN_ATTEMPT": ""}, "")
	if !got.CI || got.URL != "https://forge.example/acme/shop/actions/runs/42" || got.WorkflowAttempt != 1 {
		t.Errorf("got %+v", got)
	}
	for _, missing := range []string{"GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"} {
		if got := detect(t, map[string]string{missing: ""}, ""); got.URL != "" {
			t.Errorf("without %s: %s", missing, got.URL)
		}
	}
}

// GitHub's own example bodies, where they lie beside the repository.
func TestGitHubExamples(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "github", "github-openapi-examples.json"))
	if err != nil {
		t.Skip("no examples beside the repository")
	}
	var examples map[string]map[string]json.RawMessage
	if err := json.Unmarshal(data, &examples); err != nil {
		t.Fatal(err)
	}
	body := func(route string) string {
		raw := examples[route]["200"]
		if raw == nil {
			t.Fatalf("no example for %s", route)
		}
		return string(raw)
	}
	pull := detect(t, map[string]string{"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REPOSITORY": "octocat/Hello-World"},
		`{"action": "opened", "number": 1347, "pull_request": `+body("GET /repos/{owner}/{repo}/pulls/{pull_number}")+`}`)
	if pull.PullRequest != 1347 || len(pull.SHA) != 40 || pull.Branch != "master" || pull.Fork || len(pull.Notes) > 0 {
		t.Errorf("pull request: %+v", pull)
	}
	deployment := detect(t, map[string]string{"GITHUB_EVENT_NAME": "deployment"},
		`{"deployment": `+body("GET /repos/{owner}/{repo}/deployments/{deployment_id}")+`}`)
	if len(deployment.SHA) != 40 || deployment.Ref == "" || len(deployment.Notes) > 0 {
		t.Errorf("deployment: %+v", deployment)
	}
	run := detect(t, map[string]string{"GITHUB_EVENT_NAME": "workflow_run"}, `{"workflow_run": `+body("GET /repos/{owner}/{repo}/actions/runs/{run_id}")+`}`)
	if len(run.SHA) != 40 || run.Branch == "" || len(run.Notes) > 0 {
		t.Errorf("workflow run: %+v", run)
	}
}

// The ref of a merge group is the only place that names a pull request; branches may
// be named like one.
func TestGroupedPRs(t *testing.T) {
	for ref, want := range map[string][]int{
		"refs/heads/gh-readonly-queue/main/pr-7-4bf1f7f0c2b1":                  {7},
		"refs/heads/gh-readonly-queue/release/pr-9-aaaaaaa/pr-12-4bf1f7f0c2b1": {12},
		"refs/heads/gh-readonly-queue/main/feature":                            nil,
		"refs/heads/pr-7-4bf1f7f0c2b1":                                         nil,
		"refs/heads/gh-readonly-queue/main/pr-99999999999999999999-4bf1f7f0":   nil,
		"": nil,
	} {
		if diff := cmp.Diff(want, groupedPRs(ref), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", ref, diff)
		}
	}
}

func TestForge(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, ""},
		{map[string]string{"GITEA_ACTIONS": "true", "GITHUB_RUN_ATTEMPT": ""}, "Gitea"},
		{map[string]string{"GITEA_ACTIONS": "true", "FORGEJO_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.example/"}, "Forgejo"},
		{map[string]string{"GITEA_ACTIONS": "false"}, ""},
	} {
		got := detect(t, c.env, `{}`)
		if got.Forge != c.want || got.WorkflowAttempt != 1 || got.URL != "https://github.example/acme/shop/actions/runs/42" {
			t.Errorf("%v: %+v", c.env, got)
		}
	}
}

// These decide which history is trusted: the workflow's file and the name of the
// default branch.
func TestWorkflowAndMainBranch(t *testing.T) {
	for ref, want := range map[string]string{
		"acme/shop/.github/workflows/e2e.yml@refs/heads/main":   ".github/workflows/e2e.yml",
		"Acme/Shop/.github/workflows/e2e.yml@refs/pull/7/merge": ".github/workflows/e2e.yml",
		"acme/other/.github/workflows/e2e.yml@refs/heads/main":  "", "acme/shop2/.github/workflows/e2e.yml@main": "", "acme/shop/": "", "": "", "@": "",
	} {
		got := detect(t, map[string]string{"GITHUB_WORKFLOW_REF": ref}, `{"repository": {"default_branch": "trunk"}}`)
		if got.Workflow != want || got.MainBranch != "trunk" {
			t.Errorf("%q: %q on %q, want %q", ref, got.Workflow, got.MainBranch, want)
		}
	}
}
