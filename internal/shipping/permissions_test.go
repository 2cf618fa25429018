package shipping

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/cli"
	"github.com/org/e2e-gate/internal/workflows"
)

var shownWorkflow = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// shownJob is a job of a workflow that we show, or that init writes, and that calls the gate.
type shownJob struct {
	file, id    string
	permissions map[string]string
	// judges: it runs tests or decides.
	judges bool
	steps  []map[string]any
}

// shownJobs finds them in the docs and in the files.
func shownJobs(t *testing.T) []shownJob {
	var jobs []shownJob
	add := func(file, text string) {
		var w struct {
			Permissions map[string]string
			Jobs        map[string]struct {
				Permissions map[string]string
				Uses        string
				Steps       []map[string]any
			}
		}
		if yaml.Unmarshal([]byte(text), &w) != nil {
			return // another kind of example
		}
		for id, job := range w.Jobs {
			one := shownJob{file: file, id: id, permissions: w.Permissions, judges: strings.Contains(job.Uses, "e2e-gate"), steps: job.Steps}
			if job.Permissions != nil {
				one.permissions = job.Permissions
			}
			calls := one.judges
			for _, step := range job.Steps {
				uses, _ := step["uses"].(string)
				with, _ := step["with"].(map[string]any)
				if !strings.HasPrefix(uses, "org/e2e-gate") && uses != "./" && uses != "./.e2e-gate-action" {
					continue
				}
				calls = true
				one.judges = one.judges || with["command"] == nil || with["command"] == "run" || with["command"] == "shard" || with["command"] == "verdict"
			}
			if calls {
				jobs = append(jobs, one)
			}
		}
	}
	for _, file := range glob(t, "README.md", "docs/*.md", "examples/*/*.md") {
		for _, m := range shownWorkflow.FindAllStringSubmatch(read(t, file), -1) {
			add(file, m[1])
		}
	}
	for _, file := range glob(t, "internal/cli/templates/*.yml", "examples/*/.github/workflows/*.yml", ".github/workflows/self-test.yml",
		".github/workflows/e2e-gate*.yml") {
		add(file, read(t, file))
	}
	if len(jobs) < 10 {
		t.Errorf("only %d jobs were found", len(jobs))
	}
	return jobs
}

// TestWorkflowsMayAskForEarlierAttempts holds that every workflow that we show, and the one
// that init writes, may ask how earlier attempts ended: without that, a re-run is not judged.
func TestWorkflowsMayAskForEarlierAttempts(t *testing.T) {
	for _, job := range shownJobs(t) {
		inherits := job.permissions == nil && strings.Contains(job.file, ".github/workflows/e2e-gate") // those of its caller
		if job.judges && !inherits && job.permissions["actions"] != "read" {
			t.Errorf("%s: job %s has the permissions %v, without actions: read", job.file, job.id, job.permissions)
		}
	}
}

// TestLintHasNothingAgainstShownWorkflows holds every workflow that we show against the rules by which lint judges a reader's.
func TestLintHasNothingAgainstShownWorkflows(t *testing.T) {
	checks := 0
	for _, doc := range glob(t, "README.md", "docs/*.md", "examples/*/*.md") {
		for _, m := range shown.FindAllStringSubmatch(read(t, doc), -1) {
			root := t.TempDir()
			dir := filepath.Join(root, ".github", "workflows")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, m[1]), []byte(m[2]), 0o600); err != nil {
				t.Fatal(err)
			}
			opts := workflows.Options{Root: root}
			for _, in := range cli.ActionInputs() {
				opts.Inputs = append(opts.Inputs, in.Name)
			}
			required, found := workflows.Lint(opts)
			for _, finding := range found {
				t.Errorf("%s: %v", filepath.Base(doc), finding)
			}
			checks += len(required)
		}
	}
	if checks < 5 {
		t.Errorf("only %d checks are shown that can be required", checks)
	}
}

// TestWorkflowsKeepTheTokenFromTests holds that no checkout beside the gate leaves the token in the
// configuration of git, and that no shell with the token waits for the gate: tests could read both.
func TestWorkflowsKeepTheTokenFromTests(t *testing.T) {
	started := regexp.MustCompile(`(?m)^\s*(exec )?"?\$?\{?[\w./-]*e2e-gate"? (run|shard|plan|action)\b`)
	for _, job := range shownJobs(t) {
		for _, step := range job.steps {
			uses, _ := step["uses"].(string)
			with, _ := step["with"].(map[string]any)
			if strings.HasPrefix(uses, "actions/checkout@") && with["persist-credentials"] != false {
				t.Errorf("%s: the checkout of job %s leaves the token to tests; add persist-credentials: false", job.file, job.id)
			}
			run, _ := step["run"].(string)
			for _, m := range started.FindAllStringSubmatch(run, -1) {
				if m[1] == "" {
					t.Errorf("%s: job %s: start the gate with exec: %s", job.file, job.id, m[0])
				}
			}
		}
	}
}
