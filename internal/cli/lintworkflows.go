package cli

import (
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/workflows"
)

// lintWorkflows returns the names of the checks that carry the verdict on pull requests, and what prevents them from being
// required. queue says that a stage runs in a merge queue.
func lintWorkflows(root string, queue bool) (required []string, found []diag.Message) {
	opts := workflows.Options{Root: root, Queue: queue}
	for _, in := range ActionInputs() {
		opts.Inputs = append(opts.Inputs, in.Name)
	}
	return workflows.Lint(opts)
}
