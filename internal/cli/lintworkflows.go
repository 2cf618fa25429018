package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/diag"
)

// workflowFile holds the parts of a workflow that lint checks.
type workflowFile struct {
	On          any                    `yaml:"on"`
	Permissions any                    `yaml:"permissions"`
	Jobs        map[string]workflowJob `yaml:"jobs"`
}

type workflowJob struct {
	Name     string                   `yaml:"name"`
	If       any                      `yaml:"if"`
	Uses     string                   `yaml:"uses"`
	Strategy map[string]any           `yaml:"strategy"`
	Steps    []map[string]interface{} `yaml:"steps"`
	// Permissions replace those of the workflow.
	Permissions any `yaml:"permissions"`
}

// maxWorkflow bounds a workflow that is read, in bytes.
const maxWorkflow = 1 << 20

var (
	usesGate     = regexp.MustCompile(`^[\w.-]+/e2e-gate(?:@|/\.github/actions/without-upload@)`)
	usesReusable = regexp.MustCompile(`^[\w.-]+/e2e-gate/\.github/workflows/e2e-gate(?:-by-tag|-enterprise)?\.yml@`)
)

// lintWorkflows checks the jobs that call the gate on pull requests. It returns the names
// of their checks, and what prevents these from being required. queue says that a stage
// runs in a merge queue.
func lintWorkflows(root string, queue bool) (required []string, found []diag.Message) {
	files, _ := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.y*ml")) // the pattern is our own
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxWorkflow {
			continue
		}
		data, err := os.ReadFile(file) //nolint:gosec // found in the repository
		var w workflowFile
		if err != nil || yaml.Unmarshal(data, &w) != nil {
			continue // actionlint and GitHub report what is wrong with it
		}
		name := filepath.ToSlash(filepath.Join(".github", "workflows", filepath.Base(file)))
		warn := func(text, hint string) {
			found = append(found, diag.Message{File: name, Severity: diag.Warning, Text: text, Hint: hint})
		}
		for _, id := range slices.Sorted(maps.Keys(w.Jobs)) {
			check := w.Jobs[id].check(id)
			w.lintShard(id, warn)
			if check != "" {
				w.lintPermissions(id, warn)
			}
			if check != "" && w.runsOn("pull_request") {
				required = append(required, check)
				w.Jobs[id].lint(id, warn)
				w.lintFilters(warn)
				if queue && !w.runsOn("merge_group") {
					warn("a stage runs on merge_group, but the workflow has no merge_group trigger: a merge queue that requires "+check+" waits forever",
						"add merge_group: to its on:")
				}
			}
		}
	}
	return required, found
}

func (w workflowFile) runsOn(event string) bool {
	switch on := w.On.(type) {
	case string:
		return on == event
	case []any:
		return slices.Contains(on, any(event))
	case map[string]any:
		_, ok := on[event]
		return ok
	}
	return false
}

// lintFilters finds path filters, which leave a required check pending forever.
func (w workflowFile) lintFilters(warn func(text, hint string)) {
	on, _ := w.On.(map[string]any)
	filters, _ := on["pull_request"].(map[string]any)
	for _, key := range []string{"paths", "paths-ignore"} {
		if _, ok := filters[key]; ok {
			warn(fmt.Sprintf("on.pull_request has %s: a required check stays pending forever if the workflow is skipped", key),
				"remove the filter, and narrow the tests with the stage's select")
		}
	}
}

// granted are the permissions of a job. Where nothing is said the repository's default holds,
// which is not known here.
func (w workflowFile) granted(id string) any {
	if own := w.Jobs[id].Permissions; own != nil {
		return own
	}
	return w.Permissions
}

// lintShard finds a job that runs tests and may set commit statuses.
func (w workflowFile) lintShard(id string, warn func(text, hint string)) {
	list, _ := w.granted(id).(map[string]any)
	if w.Jobs[id].runs("shard") && (w.granted(id) == "write-all" || list["statuses"] == "write") {
		warn(fmt.Sprintf("job %s runs tests and has statuses: write: test code could set the verdict's status", id),
			"give the job permissions of its own: {contents: read, actions: read}")
	}
}

// lintPermissions finds a job that may not ask how earlier attempts of its run ended.
func (w workflowFile) lintPermissions(id string, warn func(text, hint string)) {
	list, ok := w.granted(id).(map[string]any)
	if !ok || list["actions"] == "read" || list["actions"] == "write" {
		return
	}
	warn(fmt.Sprintf("job %s has no permission actions: read: after \"Re-run all jobs\" nothing shows what failed before, so the stage is not judged", id),
		"add actions: read to its permissions:")
}

// check is the name of the check that a job reports, if it carries the verdict.
func (j workflowJob) check(id string) string {
	if j.Name != "" {
		id = j.Name
	}
	if usesReusable.MatchString(j.Uses) {
		return id + " / verdict"
	}
	if j.runs("", "run", "verdict") {
		return id
	}
	return ""
}

// runs reports whether a step of the job runs one of these commands of the gate.
func (j workflowJob) runs(commands ...string) bool {
	return slices.ContainsFunc(j.Steps, func(step map[string]any) bool {
		uses, _ := step["uses"].(string)
		with, _ := step["with"].(map[string]any)
		command, _ := with["command"].(string)
		return usesGate.MatchString(uses) && slices.Contains(commands, command)
	})
}

func (j workflowJob) lint(id string, warn func(text, hint string)) {
	condition := strings.TrimSpace(fmt.Sprint(j.If))
	condition = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(condition, "${{"), "}}"))
	if j.If != nil && condition != "always()" {
		warn(fmt.Sprintf("job %s has `if: %s`: GitHub treats a skipped required check as passed", id, condition),
			"remove it, or use always() if the job judges the jobs before it")
	}
	if _, ok := j.Strategy["matrix"]; ok {
		warn(fmt.Sprintf("job %s has a matrix, so each entry has a check of another name", id),
			"give the verdict to one job with a fixed name: see docs/sharding.md")
	}
}
