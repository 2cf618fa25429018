package workflows

import (
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/diag"
)

// A job that runs test code must not be able to set the status of the verdict.
func TestShardsMustNotSetStatuses(t *testing.T) {
	const uses = "steps: [{uses: org/e2e-gate@v1, with: {command: shard}}]}\n"
	for name, tc := range map[string]struct {
		workflow, shard string
		warns           bool
	}{
		"by the job's permissions":        {"", "permissions: {statuses: write, actions: read}, " + uses, true},
		"by the workflow's permissions":   {"permissions: {statuses: write, actions: read}\n", uses, true},
		"by all permissions":              {"permissions: write-all\n", uses, true},
		"without upload":                  {"permissions: write-all\n", strings.Replace(uses, "e2e-gate@", "e2e-gate/.github/actions/without-upload@", 1), true},
		"as a program":                    {"permissions: write-all\n", "steps: [{run: e2e-gate shard --index 0}]}\n", true},
		"the job's own permissions count": {"permissions: write-all\n", "permissions: {contents: read, actions: read}, " + uses, false},
		"no permission at all":            {"permissions: write-all\n", "permissions: {}, " + uses, false},
		"it may read everything":          {"permissions: read-all\n", uses, false},
		"it may read statuses":            {"permissions: {statuses: read, actions: read}\n", uses, false},
		"what is not said is not known":   {"", uses, false},
		"another command":                 {"permissions: write-all\n", strings.Replace(uses, "shard", "verdict", 1), false},
		"somebody else's":                 {"permissions: write-all\n", strings.Replace(uses, "e2e-gate@v1, with: {command: shard}", "other@v1, with: {command: shard, x: y}", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, map[string]string{".github/workflows/e2e.yml": "on: push\n" + tc.workflow + "jobs:\n  one: {" + tc.shard})
			_, found := Lint(Options{Root: root, Inputs: inputs})
			at := slices.IndexFunc(found, func(m diag.Message) bool {
				return strings.Contains(m.Text, "job one runs tests and has statuses: write: test code could set the verdict's status")
			})
			if (at >= 0) != tc.warns || at >= 0 && found[at].Line == 0 {
				t.Errorf("%+v", found)
			}
		})
	}
}
