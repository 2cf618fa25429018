// Package rspec runs RSpec.
package rspec

import (
	"embed"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

//go:embed e2e_gate_rspec.rb
var files embed.FS

// Framework is RSpec.
var Framework = adapter.Framework{
	New:    newAdapter,
	Detect: detect, Signs: ".rspec, or *_spec.rb below spec",
	Fields:   []string{"run", "args"},
	Flags:    []string{"dry-run", "fail-fast", "only-failures", "next-failure", "n", "bisect", "drb", "X"},
	Validate: validate,

	TellsErrors: true,
}

// newAdapter runs RSpec with a file of ours that listens to its reporter, so that the formatters of
// the suite stay.
func newAdapter(s adapter.Spec, root string) adapter.Adapter {
	start := []string{"rspec"}
	if hasGemfile(root, s.Dir) {
		start = []string{"bundle", "exec", "rspec"}
	}
	return adapter.NewReporting(s, root, adapter.LaunchSpec{Start: start, Files: files, Arguments: arguments})
}

// hasGemfile reports whether a Gemfile lies in the folder of a suite or above it, in the repository.
func hasGemfile(root, dir string) bool {
	for dir = path.Clean(filepath.ToSlash(dir)); ; dir = path.Dir(dir) {
		if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(dir), "Gemfile")); err == nil && info.Mode().IsRegular() {
			return true
		}
		if dir == "." || dir == "/" || strings.HasPrefix(dir, "..") {
			return false
		}
	}
}

// arguments puts files last. With those of the selected examples, RSpec does not look for others.
func arguments(l adapter.Launch) ([]string, error) {
	args := []string{"--require", l.File("e2e_gate_rspec.rb")}
	own, at := l.Spec.Args, positional(l.Spec.Args)
	if l.Listing() {
		// One formatter on the command line replaces those of .rspec, which may write files.
		own = adapter.WithoutFlags(own, nil, "--format", "-f", "--out", "-o")
		return slices.Concat(args, []string{"--dry-run", "--format", "progress"}, own), nil
	}
	args = append(args, "--no-fail-fast") // what it leaves out would be lost; .rspec may set it
	if sources := l.Sources(); len(sources) > 0 {
		for i, file := range sources {
			if strings.HasPrefix(file, "-") {
				sources[i] = "./" + file
			}
		}
		return slices.Concat(args, own[:at], sources), nil
	}
	return append(args, own...), nil
}

// valued are options of RSpec with a value behind them.
var valued = []string{
	"-I", "-r", "--require", "-O", "--options", "--order", "--seed", "--failure-exit-code", "--error-exit-code", "-f", "--format", "-o", "--out",
	"--deprecation-out", "-P", "--pattern", "--exclude-pattern", "--default-path", "-e", "--example", "-E", "--example-matches", "-t", "--tag",
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

func validate(s adapter.Spec, fail func(path, text, hint string)) {
	for _, word := range s.Run {
		switch name := path.Base(filepath.ToSlash(word)); name {
		case "parallel_rspec", "turbo_tests", "flatware", "knapsack":
			fail("run", name+" is not supported", "start rspec, and let shards run examples beside each other")
		case "rake":
			fail("run", "rake is not supported, since it passes no arguments on", "start rspec: [bundle, exec, rspec]")
		}
	}
}

var example = regexp.MustCompile(`(?m)^\s*(?:it|specify|example|scenario)\b`)

func detect(t *adapter.Tree) []adapter.Detected {
	files := t.Matching(".rspec")
	for _, file := range t.Matching("*_spec.rb") {
		if dir := above(file); dir != "" {
			files = append(files, path.Join(dir, "spec"))
		}
	}
	slices.Sort(files)
	found := adapter.ByDir(slices.Compact(files))
	for i := range found {
		found[i].Tests = t.Count(t.Below(found[i].Spec.Dir, "*_spec.rb"), example)
	}
	return found
}

// above is the folder that holds the topmost folder spec of a path; empty: there is none.
func above(file string) string {
	parts := strings.Split(path.Dir(file), "/")
	at := slices.Index(parts, "spec")
	if at < 0 {
		return ""
	}
	return path.Join(append([]string{"."}, parts[:at]...)...)
}
