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

// workflowFile is what lint reads of a workflow.
type workflowFile struct {
	On   any                    `yaml:"on"`
	Jobs map[string]workflowJob `yaml:"jobs"`
}

type workflowJob struct {
	Name     string                   `yaml:"name"`
	If       any                      `yaml:"if"`
	Uses     string                   `yaml:"uses"`
	Strategy map[string]any           `yaml:"strategy"`
	Steps    []map[string]interface{} `yaml:"steps"`
}

// maxWorkflow bounds a workflow that is read, in bytes.
const maxWorkflow = 1 << 20

var (
	usesGate     = regexp.MustCompile(`^[\w.-]+/e2e-gate(?:@|/\.github/actions/without-upload@)`)
	usesReusable = regexp.MustCompile(`^[\w.-]+/e2e-gate/\.github/workflows/e2e-gate(?:-by-tag|-enterprise)?\.yml@`)
)

// lintWorkflows looks at the jobs that call the gate on pull requests: what keeps them
// from being a required check, and what that check is called. queue says that a stage is
// meant for a merge queue.
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
			continue // its own linter says what is wrong with it
		}
		name := filepath.ToSlash(filepath.Join(".github", "workflows", filepath.Base(file)))
		warn := func(text, hint string) {
			found = append(found, diag.Message{File: name, Severity: diag.Warning, Text: text, Hint: hint})
		}
		for _, id := range slices.Sorted(maps.Keys(w.Jobs)) {
			if check := w.Jobs[id].check(id); check != "" && w.runsOn("pull_request") {
				required = append(required, check)
				w.Jobs[id].lint(id, warn)
				w.lintFilters(warn)
				if queue && !w.runsOn("merge_group") {
					warn("a stage is for merge_group, and the workflow is not started by it: a merge queue that requires "+check+" waits for ever",
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

// lintFilters finds what leaves a required check pending for ever.
func (w workflowFile) lintFilters(warn func(text, hint string)) {
	on, _ := w.On.(map[string]any)
	filters, _ := on["pull_request"].(map[string]any)
	for _, key := range []string{"paths", "paths-ignore"} {
		if _, ok := filters[key]; ok {
			warn(fmt.Sprintf("on.pull_request has %s, so a required check stays pending for ever where the workflow is skipped", key),
				"take the filter off; what need not run is the stage's select")
		}
	}
}

// check is the name of the check that a job reports, if it carries the verdict.
func (j workflowJob) check(id string) string {
	if j.Name != "" {
		id = j.Name
	}
	if usesReusable.MatchString(j.Uses) {
		return id + " / verdict"
	}
	for _, step := range j.Steps {
		uses, _ := step["uses"].(string)
		with, _ := step["with"].(map[string]any)
		command, _ := with["command"].(string)
		if usesGate.MatchString(uses) && (command == "" || command == "run" || command == "verdict") {
			return id
		}
	}
	return ""
}

func (j workflowJob) lint(id string, warn func(text, hint string)) {
	condition := strings.TrimSpace(fmt.Sprint(j.If))
	condition = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(condition, "${{"), "}}"))
	if j.If != nil && condition != "always()" {
		warn(fmt.Sprintf("job %s has if: %s, and a job that is skipped counts as passed", id, condition),
			"take it off, or use always() where the job judges the jobs before it")
	}
	if _, ok := j.Strategy["matrix"]; ok {
		warn(fmt.Sprintf("job %s has a matrix, so its check has another name for each entry", id),
			"let one job with a fixed name carry the verdict: see docs/sharding.md")
	}
}
