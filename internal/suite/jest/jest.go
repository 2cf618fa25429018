// Package jest runs Jest.
package jest

import (
	"embed"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

//go:embed *.cjs
var files embed.FS

// Framework is Jest.
var Framework = adapter.Framework{
	New:    newAdapter,
	Detect: detect, Signs: "jest.config.*, or jest in a package.json",
	Fields: []string{"run", "args"},
	Flags: []string{
		"t", "testNamePattern", "testRunner", "runTestsByPath", "shard", "bail", "b", "onlyChanged", "o", "changedSince",
		"onlyFailures", "f", "listTests", "watch", "watchAll", "passWithNoTests", "json", "outputFile",
	},

	TellsErrors: true,
}

// newAdapter runs Jest with a reporter and a test runner of ours; the latter chooses the
// tests and hands them to jest-circus, Jest's usual one.
func newAdapter(s adapter.Spec, root string) adapter.Adapter {
	return adapter.NewReporting(s, root, adapter.LaunchSpec{
		Start:       []string{"npx", "--no-install", "jest"},
		Interpreter: "node",
		Package:     "jest",
		Files:       files,
		Arguments:   arguments,
		Environment: func(l adapter.Launch, _ []string) []string {
			var words []string
			if slices.ContainsFunc(l.Spec.Args, func(arg string) bool { return slices.Contains(collects, strings.TrimSuffix(arg, "=true")) }) {
				words = append(words, "collect")
			}
			if adapter.HasFlag(l.Spec.Args, threshold) {
				words = append(words, "threshold")
			}
			return []string{"E2E_GATE_COVERAGE=" + strings.Join(words, ",")}
		},
	})
}

// Flags that the gate replaces, in a listing or in a part of a suite. The reporter hears of them.
const threshold = "--coverageThreshold"

var collects = []string{"--coverage", "--collectCoverage"}

func arguments(l adapter.Launch) ([]string, error) {
	args := []string{"--ci", "--testRunner=" + l.File("e2e-gate-jest-runner.cjs"), "--reporters=" + l.File("e2e-gate-jest.cjs")}
	if l.Listing() {
		nothing := l.File("e2e-gate-jest-nothing.cjs")
		args = append(args, "--testLocationInResults", "--coverage=false", "--globalSetup="+nothing, "--globalTeardown="+nothing)
		return append(args, adapter.WithoutFlags(l.Spec.Args, collects, threshold)...), nil
	}
	own := l.Spec.Args
	if l.Part {
		own = adapter.WithoutFlags(own, nil, threshold)
	}
	// Locations tell apart tests of one title.
	args = append(append(args, "--testLocationInResults", "--reporters=default"), own...)
	if l.Attempt > 1 && !adapter.HasFlag(args, "-i", "--runInBand", "-w", "--maxWorkers") {
		args = append(args, "--runInBand") // the diagnostic rerun runs one test at a time
	}
	if l.Part {
		args = append(args, threshold+"={}") // it speaks of the whole suite
	}
	if sources := l.Sources(); len(sources) > 0 {
		args = append(append(args, "--runTestsByPath"), sources...)
	}
	return args, nil
}

func detect(t *adapter.Tree) []adapter.Detected {
	found := adapter.ByDir(append(t.Matching(append(adapter.Scripts("jest.config"), "jest.config.json")...), t.Manifests("jest")...))
	return t.Counted(found, "!@playwright/test", adapter.JSTests...)
}
