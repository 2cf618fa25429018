package shipping

import (
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var shownWorkflow = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestWorkflowsMayAskForEarlierAttempts holds that every workflow that we show, and the one
// that init writes, may ask how earlier attempts ended: without that, a re-run is not judged.
func TestWorkflowsMayAskForEarlierAttempts(t *testing.T) {
	seen := 0
	check := func(file, text string) {
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
			calls := strings.Contains(job.Uses, "e2e-gate")
			for _, step := range job.Steps {
				uses, _ := step["uses"].(string)
				with, _ := step["with"].(map[string]any)
				judges := with["command"] == nil || with["command"] == "run" || with["command"] == "shard" || with["command"] == "verdict"
				calls = calls || judges && strings.HasPrefix(uses, "org/e2e-gate")
			}
			if !calls {
				continue
			}
			granted := w.Permissions
			if job.Permissions != nil {
				granted = job.Permissions
			}
			if seen++; granted["actions"] != "read" {
				t.Errorf("%s: job %s has the permissions %v, without actions: read", file, id, granted)
			}
		}
	}
	for _, file := range glob(t, "README.md", "docs/*.md", "examples/*/*.md") {
		for _, m := range shownWorkflow.FindAllStringSubmatch(read(t, file), -1) {
			check(file, m[1])
		}
	}
	for _, file := range glob(t, "internal/cli/templates/*.yml", "examples/*/.github/workflows/*.yml", ".github/workflows/self-test.yml") {
		check(file, read(t, file))
	}
	if seen < 10 {
		t.Errorf("only %d jobs were found", seen)
	}
}
