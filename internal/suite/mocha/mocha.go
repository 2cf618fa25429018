// Package mocha runs Mocha.
package mocha

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

//go:embed *.cjs *.mjs
var files embed.FS

// Framework is Mocha.
var Framework = adapter.Framework{
	New:    newAdapter,
	Detect: detect, Signs: ".mocharc.*, or mocha in a package.json",
	Fields: []string{"run", "args"},
	Flags:  []string{"parallel", "p", "jobs", "j", "bail", "b", "watch", "w", "dry-run"},

	TellsErrors: true,
}

// newAdapter runs Mocha with a module of ours that listens to its runner, so that the reporter of
// the suite stays.
func newAdapter(s adapter.Spec, root string) adapter.Adapter {
	return adapter.NewReporting(s, root, adapter.LaunchSpec{
		Start:       []string{"npx", "--no-install", "mocha"},
		Package:     "mocha",
		Interpreter: "node",
		Files:       files,
		Arguments:   arguments,
	})
}

// arguments names no file: Mocha adds those of a command line to those of .mocharc, and hooks of
// any file may be those of all tests. Our module chooses the tests.
func arguments(l adapter.Launch) ([]string, error) {
	module := l.File("e2e-gate-mocha.cjs")
	if strings.Contains(module, ",") {
		return nil, fmt.Errorf("suite %s: Mocha cuts the path %s at its comma; run the gate in a folder without one", l.Spec.Name, module)
	}
	args := append([]string{"--require", module}, l.Spec.Args...)
	// Workers have runners of their own, what bail leaves out would be lost, and a dry run passes. All may be set in .mocharc.
	args = append(args, "--no-parallel", "--no-bail", "--no-dry-run")
	if l.Listing() {
		args = append(args, "--exit") // what a file opens when it is loaded does not hold up the listing
	}
	return args, nil
}

// configs are the names under which Mocha looks for its configuration.
var configs = append(adapter.Scripts(".mocharc"), ".mocharc.json", ".mocharc.jsonc", ".mocharc.yml", ".mocharc.yaml")

func detect(t *adapter.Tree) []adapter.Detected {
	found := adapter.ByDir(append(t.Manifests("mocha"), t.Matching(configs...)...))
	for i := range found {
		dir := found[i].Spec.Dir
		found[i].Tests = count(t, dir)
		// The suite's own script knows its files.
		found[i].Spec.Args = withoutOurs(t.Package(path.Join(dir, "package.json")).ScriptOf("mocha"))
	}
	return found
}

// count is about how many tests lie in the folders where Mocha's tests usually are, and in files
// that are named so.
func count(t *adapter.Tree, dir string) int {
	files := slices.DeleteFunc(t.Below(dir, "*.js", "*.cjs", "*.mjs", "*.ts"), func(file string) bool {
		named := strings.Contains(path.Base(file), ".test.") || strings.Contains(path.Base(file), ".spec.")
		return !named && !slices.ContainsFunc(strings.Split(path.Dir(file), "/"), func(part string) bool {
			return slices.Contains([]string{"test", "tests", "spec", "specs", "e2e"}, part)
		})
	})
	return t.Count(files, test)
}

var test = regexp.MustCompile(`(?m)^\s*(?:it|test|specify)(?:\.\w+)?\(`)

// withoutOurs are the arguments of a command line of Mocha without its name and the flags that the
// gate refuses.
func withoutOurs(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	return adapter.WithoutFlags(words[1:], []string{"--parallel", "-p", "--bail", "-b", "--watch", "-w", "--dry-run"}, "--jobs", "-j")
}
