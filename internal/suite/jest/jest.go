// Package jest runs Jest.
package jest

import (
	"embed"

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
		Start:     []string{"npx", "--no-install", "jest"},
		Files:     files,
		Arguments: arguments,
	})
}

func arguments(l adapter.Launch) ([]string, error) {
	args := []string{"--ci", "--testRunner=" + l.File("e2e-gate-jest-runner.cjs"), "--reporters=" + l.File("e2e-gate-jest.cjs")}
	if l.Listing() {
		nothing := l.File("e2e-gate-jest-nothing.cjs")
		args = append(args, "--testLocationInResults", "--coverage=false", "--globalSetup="+nothing, "--globalTeardown="+nothing)
		return append(args, l.Spec.Args...), nil
	}
	args = append(append(args, "--reporters=default"), l.Spec.Args...)
	if l.Attempt > 1 && !adapter.HasFlag(args, "-i", "--runInBand", "-w", "--maxWorkers") {
		args = append(args, "--runInBand") // the diagnostic rerun runs one test at a time
	}
	if l.Part {
		args = append(args, "--coverageThreshold={}") // it speaks of the whole suite
	}
	if sources := l.Sources(); len(sources) > 0 {
		args = append(append(args, "--runTestsByPath"), sources...)
	}
	return args, nil
}

func detect(t *adapter.Tree) []adapter.Detected {
	return adapter.ByDir(append(t.Matching(append(adapter.Scripts("jest.config"), "jest.config.json")...), t.Manifests("jest")...))
}
