// Package vitest runs Vitest.
package vitest

import (
	"embed"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

//go:embed e2e-gate-vitest.mjs
var files embed.FS

// Framework is Vitest.
var Framework = adapter.Framework{
	New:    newAdapter,
	Detect: detect, Signs: "vitest.config.*, or vitest in a package.json",
	Fields: []string{"run", "args"},
	Flags:  []string{"t", "testNamePattern", "shard", "bail", "changed", "allowOnly", "watch", "w", "ui", "passWithNoTests"},

	TellsErrors: true,
}

// newAdapter runs Vitest with a reporter of ours.
func newAdapter(s adapter.Spec, root string) adapter.Adapter {
	return adapter.NewReporting(s, root, adapter.LaunchSpec{
		Start:       []string{"npx", "--no-install", "vitest"},
		Interpreter: "node",
		Package:     "vitest",
		Files:       files,
		Arguments:   arguments,
		Environment: func(l adapter.Launch, _ []string) []string {
			if slices.ContainsFunc(l.Spec.Args, func(arg string) bool { return slices.Contains(collects, strings.TrimSuffix(arg, "=true")) }) {
				return []string{"E2E_GATE_COVERAGE=collect"}
			}
			return nil
		},
	})
}

// collects are flags that switch coverage on. A listing has it off, and Vitest lets the last flag
// win: with one of these it would miss every threshold.
var collects = []string{"--coverage", "--coverage.enabled"}

func arguments(l adapter.Launch) ([]string, error) {
	// A forgotten test.only would take other tests out of the listing.
	args := append([]string{"run"}, l.Sources()...)
	args = append(args, "--allowOnly=false", "--reporter="+l.File("e2e-gate-vitest.mjs"))
	if l.Listing() {
		return append(append(args, "--includeTaskLocation", "--coverage.enabled=false"), adapter.WithoutFlags(l.Spec.Args, collects)...), nil
	}
	// Locations tell apart tests of one title.
	args = append(append(args, "--includeTaskLocation", "--reporter=default"), l.Spec.Args...)
	if l.Attempt > 1 { // the diagnostic rerun is one attempt, and one test at a time
		args = append(args, "--retry=0", "--no-file-parallelism", "--maxConcurrency=1")
	}
	return args, nil
}

func detect(t *adapter.Tree) []adapter.Detected {
	found := adapter.ByDir(append(t.Matching(append(adapter.Scripts("vitest.config"), adapter.Scripts("vitest.workspace")...)...), t.Manifests("vitest")...))
	return t.Counted(found, "!@playwright/test", adapter.JSTests...)
}
