package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
	"github.com/org/e2e-gate/internal/trigger"
)

// TestPayloadsOfGitHub reads every payload that GitHub's SDK has as an example: none is fatal, each event that starts workflows runs the
// right stage for the right commit, and the others are named in one sentence.
func TestPayloadsOfGitHub(t *testing.T) {
	dir := t.TempDir()
	manifest, err := os.ReadFile(filepath.Join("testdata", "payloads", "package.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "package.json"), manifest, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	realsuite.Node(t, dir)
	cfg, err := config.PeekBytes("e2e-gate.yml", []byte(`version: 1
stages:
  pr: {on: [pull_request]}
  queue: {on: [merge_group]}
  main: {on: [push]}
  deployed: {on: [deployment, deployment_status]}
  release: {on: [release]}
  asked: {on: [workflow_dispatch, repository_dispatch]}
  after: {on: [workflow_run]}
suites: [{name: s, framework: command, run: [x]}]
`))
	if err != nil {
		t.Fatal(err)
	}
	stages := map[string]string{"pull_request": "pr", "merge_group": "queue", "push": "main", "deployment": "deployed", "deployment_status": "deployed",
		"release":           "release",
		"workflow_dispatch": "asked", "repository_dispatch": "asked", "workflow_run": "after"}
	type object = map[string]any
	text := func(payload object, path ...string) string {
		for _, name := range path[:len(path)-1] {
			payload, _ = payload[name].(object)
		}
		value, _ := payload[path[len(path)-1]].(string)
		return value
	}
	const eventSHA = "0123456789abcdef0123456789abcdef01234567"
	files, _ := filepath.Glob(filepath.Join(dir, "node_modules", "@octokit", "webhooks-examples", "*", "index.json"))
	examples := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		var events []struct {
			Name     string            `json:"name"`
			Examples []json.RawMessage `json:"examples"`
		}
		if err == nil {
			err = json.Unmarshal(data, &events)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range events {
			for n, raw := range event.Examples {
				examples++
				var payload object
				if err := json.Unmarshal(raw, &payload); err != nil {
					t.Fatal(err)
				}
				at := filepath.Join(t.TempDir(), "event.json")
				if err := os.WriteFile(at, raw, 0o600); err != nil {
					t.Fatal(err)
				}
				env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event.Name, "GITHUB_EVENT_PATH": at, "GITHUB_SHA": eventSHA,
					"GITHUB_REF":        "refs/heads/main",
					"GITHUB_REPOSITORY": text(payload, "repository", "full_name"), "GITHUB_RUN_ID": "1"}
				got := trigger.Detect(func(name string) string { return env[name] })
				stage, err := chooseStage(cfg, "", got)
				where := filepath.Base(filepath.Dir(file)) + ": " + event.Name + " " + text(payload, "action")
				if want := stages[event.Name]; want != stage.Name || (want == "") != (err != nil) {
					t.Errorf("%s, example %d: stage %q, not %q: %v", where, n, stage.Name, want, err)
				}
				if err != nil && (strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), event.Name)) {
					t.Errorf("%s: %v", where, err)
				}
				want := eventSHA
				switch event.Name {
				case "pull_request", "pull_request_review", "pull_request_review_comment", "pull_request_review_thread":
					want = text(payload, "pull_request", "head", "sha")
				case "merge_group":
					want = text(payload, "merge_group", "head_sha")
				case "deployment", "deployment_status", "deployment_review":
					if sha := text(payload, "deployment", "sha"); sha != "" {
						want = sha
					}
				case "workflow_run":
					want = text(payload, "workflow_run", "head_sha")
				}
				if got.SHA != want || len(got.Notes) > 0 {
					t.Errorf("%s, example %d: commit %s, not %s; %q", where, n, got.SHA, want, got.Notes)
				}
			}
		}
	}
	if examples < 700 {
		t.Errorf("only %d examples in %d files", examples, len(files))
	}
	t.Logf("%d payloads", examples)
}
