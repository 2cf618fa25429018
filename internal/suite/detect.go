package suite

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// Detected is a suite that was found in a repository.
type Detected = adapter.Detected

// Detect looks for suites in a repository. It reads names and a few manifests, and
// starts nothing; what cannot be read is left out.
func Detect(root string) []Detected {
	t := adapter.ReadTree(root)
	var all []Detected
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		if detect := frameworks[name].Detect; detect != nil {
			all = append(all, named(name, detect(t))...)
		}
	}
	return all
}

// named completes what a framework has found: one suite for each directory.
func named(framework string, found []Detected) []Detected {
	seen := map[string]int{}
	for i := range found {
		s := &found[i].Spec
		s.Framework, s.Name = framework, framework
		if s.Dir == "." {
			s.Dir = ""
		}
		if len(found) > 1 && s.Dir != "" {
			s.Name = framework + "-" + strings.ReplaceAll(s.Dir, "/", "-")
		}
		if seen[s.Name]++; seen[s.Name] > 1 {
			s.Name += "-" + strconv.Itoa(seen[s.Name])
		}
		slices.Sort(found[i].Files)
	}
	return found
}

// Signs are what [Detect] looks for, a line for each framework, sorted.
func Signs() []string {
	var signs []string
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		if f := frameworks[name]; f.Detect != nil {
			signs = append(signs, name+": "+f.Signs)
		}
	}
	return signs
}
