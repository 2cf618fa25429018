// Package behave runs Behave.
package behave

import (
	"embed"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

//go:embed e2e_gate_behave.py
var files embed.FS

// Framework is Behave.
var Framework = adapter.Framework{
	New:    newAdapter,
	Detect: detect, Signs: "*.feature, with a folder steps whose files import behave",
	Fields: []string{"run", "args"},
	Flags:  []string{"dry-run", "d", "stop", "wip", "w", "steps-catalog"},

	TellsErrors: true,
}

// newAdapter runs Behave with a formatter of ours beside those of the suite, which chooses the
// scenarios too.
func newAdapter(s adapter.Spec, root string) adapter.Adapter {
	return adapter.NewReporting(s, root, adapter.LaunchSpec{
		Start:     []string{"behave"},
		Files:     files,
		Python:    true,
		Arguments: arguments,
	})
}

// arguments puts our formatter first: the files of others follow in their order.
func arguments(l adapter.Launch) ([]string, error) {
	args := []string{"--format", "e2e_gate_behave:Reporter", "--outfile", l.File("printed.txt")}
	own := l.Spec.Args
	if l.Listing() {
		own = adapter.WithoutFlags(own, nil, "--format", "-f", "--outfile", "-o")
		return slices.Concat(args, []string{"--dry-run"}, own), nil
	}
	sources := l.Sources()
	if len(sources) == 0 {
		return slices.Concat(args, own), nil
	}
	for i, file := range sources {
		if strings.HasPrefix(file, "-") {
			sources[i] = "./" + file
		}
	}
	return slices.Concat(args, own[:positional(own)], sources), nil
}

// valued are options of Behave with a value behind them.
var valued = []string{
	"-D", "--define", "-e", "--exclude", "-i", "--include", "-f", "--format", "-o", "--outfile", "-n", "--name", "-t", "--tags", "-r", "--runner",
	"--junit-directory", "--logging-level", "--logging-format", "--logging-datefmt", "--logging-filter", "--lang", "--stage", "-j", "--jobs",
	"--tag-expression-protocol",
}

// positional is where files and folders begin in arguments: behind the last option and its value.
func positional(args []string) int {
	at := 0
	for i := 0; i < len(args); i++ {
		if strings.HasPrefix(args[i], "-") {
			if slices.Contains(valued, args[i]) {
				i++
			}
			at = min(i+1, len(args))
		}
	}
	return at
}

var imports = regexp.MustCompile(`(?m)^\s*(?:from behave\b|import behave\b)`)

// detect looks for folders with features and, in steps, their steps.
func detect(t *adapter.Tree) []adapter.Detected {
	tops := map[string][]string{}
	for _, file := range t.Matching("*.py") {
		if path.Base(path.Dir(file)) != "steps" || !imports.MatchString(t.Read(file)) {
			continue
		}
		features := path.Dir(path.Dir(file))
		if tops[features] == nil && len(t.Below(features, "*.feature")) > 0 {
			tops[features] = t.Below(features, "*.feature")
		}
	}
	var found []adapter.Detected
	var dirs []string
	for dir := range tops {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		d := adapter.Detected{Files: tops[dir], Tests: t.Count(tops[dir], adapter.Scenario), Spec: adapter.Spec{Dir: dir}}
		switch {
		case path.Base(dir) == "features": // which Behave looks for
			d.Spec.Dir = path.Dir(dir)
		default:
			d.Spec.Args = []string{"."}
		}
		switch path.Base(t.Above(d.Spec.Dir, "uv.lock", "poetry.lock", "Pipfile.lock")) {
		case "uv.lock":
			d.Spec.Run = []string{"uv", "run", "behave"}
		case "poetry.lock":
			d.Spec.Run = []string{"poetry", "run", "behave"}
		case "Pipfile.lock":
			d.Spec.Run = []string{"pipenv", "run", "behave"}
		}
		found = append(found, d)
	}
	return found
}
