// Package nodetest runs node:test, the test runner of Node.
package nodetest

import (
	"embed"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// Their names are none that Node takes for tests, such as those that end in -test.
//
//go:embed *.cjs *.mjs
var files embed.FS

// Framework is node:test.
var Framework = adapter.Framework{
	New:    newAdapter,
	Detect: detect, Signs: "a script with node --test in a package.json, or test files that import node:test",
	Fields: []string{"run", "args", "specs"},
	Flags: []string{
		"test-name-pattern", "test-skip-pattern", "test-only", "test-shard", "test-isolation", "experimental-test-isolation", "test-rerun-failures",
		"test-update-snapshots", "test-randomize", "test-random-seed", "watch",
	},

	TellsErrors: true,
}

// newAdapter runs node --test with a module of ours in the process of each file, which stands in
// for node:test, and with a reporter of ours beside those of the suite.
func newAdapter(s adapter.Spec, root string) adapter.Adapter {
	return adapter.NewReporting(s, root, adapter.LaunchSpec{
		Start:       []string{"node", "--test"},
		Interpreter: "node",
		Files:       files,
		Arguments:   arguments,
		Environment: func(l adapter.Launch, _ []string) []string {
			if adapter.HasFlag(l.Spec.Args, thresholds...) {
				return []string{"E2E_GATE_COVERAGE=threshold"}
			}
			return nil
		},
	})
}

// thresholds are alarms of the whole suite, which collects makes.
var (
	collects   = []string{"--experimental-test-coverage"}
	thresholds = []string{"--test-coverage-lines", "--test-coverage-branches", "--test-coverage-functions"}
)

const reporter, destination = "--test-reporter", "--test-reporter-destination"

func arguments(l adapter.Launch) ([]string, error) {
	args := []string{"--import=" + fileURL(l.File("e2e-gate-nodetest.cjs"))}
	// It prints nothing, and Node writes to that file alone: from version 22 on it refuses a device.
	ours := []string{reporter + "=" + fileURL(l.File("e2e-gate-nodetest-reporter.mjs")), destination + "=" + l.File("printed.txt")}
	if l.Listing() {
		own := adapter.WithoutFlags(l.Spec.Args, collects, append([]string{reporter, destination}, thresholds...)...)
		sources, err := specs(l)
		return slices.Concat(args, ours, own, sources), err
	}
	own := l.Spec.Args
	if l.Part {
		own = adapter.WithoutFlags(own, nil, thresholds...)
	}
	// Where there are several reporters, each needs a destination; that of a single one is stdout.
	given := slices.Concat(l.Spec.Run, own)
	switch have := count(given, reporter); {
	case have == 0:
		args = append(args, reporter+"=spec", destination+"=stdout")
	case have == 1 && count(given, destination) == 0:
		args = append(args, destination+"=stdout")
	}
	args = append(args, ours...)
	if l.Attempt > 1 { // the diagnostic rerun runs one test at a time
		args = append(args, "--test-concurrency=1")
	}
	own, named := own[:positional(own)], own[positional(own):]
	sources := l.Sources()
	if slices.ContainsFunc(sources, isPattern) {
		sources = nil
	}
	if len(sources) > 0 {
		return slices.Concat(args, own, inFolder(sources)), nil
	}
	sources, err := specs(l) // those that hold no selected test run none
	return slices.Concat(args, own, named, sources), err
}

// positional is where files and patterns begin in a command line: behind the last option and its value.
func positional(words []string) int {
	at := len(words)
	for at > 0 && !strings.HasPrefix(words[at-1], "-") && (at < 2 || !strings.HasPrefix(words[at-2], "-") || strings.Contains(words[at-2], "=")) {
		at--
	}
	return at
}

// specs are the files that the settings of a suite name; none: Node looks for them.
func specs(l adapter.Launch) ([]string, error) {
	if len(l.Spec.Specs) == 0 {
		return nil, nil
	}
	found, err := adapter.SourceFiles(l.Dir, l.Spec.Specs)
	switch {
	case err != nil:
		return nil, fmt.Errorf("suite %s: %w", l.Spec.Name, err)
	case len(found) == 0:
		return nil, fmt.Errorf("suite %s: no file matches specs", l.Spec.Name)
	}
	return inFolder(found), nil
}

// isPattern reports whether Node, from version 21 on, would take the name of a file for a pattern.
func isPattern(file string) bool { return strings.ContainsAny(file, `*?[]{}()!+@\`) }

// inFolder keeps the name of a file from being an option.
func inFolder(sources []string) []string {
	all := make([]string, len(sources))
	for i, file := range sources {
		if strings.HasPrefix(file, "-") {
			file = "./" + file
		}
		all[i] = file
	}
	return all
}

func count(args []string, flag string) int {
	n := 0
	for _, arg := range args {
		if name, _, _ := strings.Cut(arg, "="); name == flag {
			n++
		}
	}
	return n
}

// fileURL is the address of a file: a path with a drive or with odd characters would be another one.
func fileURL(file string) string {
	file = filepath.ToSlash(file)
	if !strings.HasPrefix(file, "/") {
		file = "/" + file
	}
	return (&url.URL{Scheme: "file", Path: file}).String()
}

// detect looks for a script that starts node --test, and for test files that import node:test.
func detect(t *adapter.Tree) []adapter.Detected {
	var found []adapter.Detected
	for _, d := range adapter.ByDir(t.Matching("package.json")) {
		runs, words := script(t.Package(path.Join(d.Spec.Dir, "package.json")))
		tests, importing := sources(t, d.Spec.Dir)
		if words == nil && len(importing) == 0 {
			continue
		}
		d.Files, d.Tests = []string{path.Join(d.Spec.Dir, "package.json")}, tests
		d.Spec.Run = runs
		d.Spec.Args, d.Spec.Specs = split(words)
		found = append(found, d)
	}
	return found
}

// script is the command line of node --test in a package.json, without these two words. runs is what starts
// it there instead of node: tsx, which is node with a loader of TypeScript.
func script(p *adapter.Package) (runs, words []string) {
	words = p.ScriptOf("node")
	if !slices.Contains(words, "--test") {
		if words = p.ScriptOf("tsx"); !slices.Contains(words, "--test") {
			return nil, nil
		}
		runs = []string{"npx", "tsx", "--test"}
	}
	return runs, slices.DeleteFunc(words[1:], func(word string) bool { return word == "--test" || word == "--watch" })
}

// split tells the files and patterns of a command line from its options.
func split(words []string) (args, specs []string) {
	at := positional(words)
	for _, word := range words[at:] {
		if !strings.ContainsAny(path.Base(word), ".*") { // a folder, in which Node looks for tests
			return words, nil
		}
		specs = append(specs, strings.TrimPrefix(word, "./"))
	}
	return slices.Clip(words[:at]), specs
}

var test = regexp.MustCompile(`(?m)^\s*(?:it|test)(?:\.\w+)?\(`)

// sources are the test files of a folder that import node:test, and about how many tests they hold.
func sources(t *adapter.Tree, dir string) (int, []string) {
	files := slices.DeleteFunc(t.Below(dir, "*.js", "*.cjs", "*.mjs", "*.ts", "*.cts", "*.mts"), func(file string) bool {
		named := strings.Contains(path.Base(file), "test") || strings.Contains(path.Base(file), ".spec.")
		return !named && !slices.ContainsFunc(strings.Split(path.Dir(file), "/"), func(part string) bool {
			return slices.Contains([]string{"test", "tests", "e2e"}, part)
		}) || !imports.MatchString(t.Read(file))
	})
	return t.Count(files, test), files
}

var imports = regexp.MustCompile(`(?m)(?:from\s*|require\(\s*|import\(\s*|^import\s*)['"]node:test['"]`)
