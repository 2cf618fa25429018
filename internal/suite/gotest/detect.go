package gotest

import (
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// detect looks for tests that a build tag keeps out of the usual go test ./..., or for
// a folder with a telling name.
func detect(t *adapter.Tree) []adapter.Detected {
	var all []adapter.Detected
	for _, module := range adapter.ByDir(t.Matching("go.mod")) {
		for _, tag := range []string{"e2e", "integration"} {
			var files []string
			for _, file := range t.Holding([]string{"//go:build " + tag + "\n"}, "*_test.go") {
				if module.Spec.Dir == "." || strings.HasPrefix(file, module.Spec.Dir+"/") {
					files = append(files, file)
				}
			}
			if len(files) > 0 {
				all = append(all, adapter.Detected{Files: append(files, module.Files[0]), Spec: adapter.Spec{Dir: module.Spec.Dir, Args: []string{"-tags=" + tag}}})
			}
		}
	}
	return all
}
