// Package pytest runs pytest.
package pytest

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

//go:embed e2e_gate_pytest.py
var files embed.FS

// Framework is pytest.
var Framework = adapter.Framework{
	New:    newAdapter,
	Detect: detect, Signs: "pytest.ini, [tool.pytest] in pyproject.toml or the like, conftest.py, test_*.py, *_test.py",
	Fields: []string{"run", "args"},
	Flags:  []string{"collect-only", "co", "x", "exitfirst", "maxfail", "lf", "last-failed", "sw", "stepwise", "deselect"},

	Validate: validate,

	TellsErrors: true,
}

// bundled are flags without a value, which pytest takes several of behind one dash.
var bundled = regexp.MustCompile(`^-[xvqslh]{2,}$`)

// validate refuses -x among other flags.
func validate(s adapter.Spec, fail func(path, text, hint string)) {
	for i, arg := range s.Args {
		if bundled.MatchString(arg) && strings.Contains(arg, "x") {
			fail(fmt.Sprintf("args[%d]", i), fmt.Sprintf("%s has -x, which ends the run at the first failure, so the other tests are lost", arg), "leave x out of it")
		}
	}
}

// newAdapter runs pytest with a plugin of ours. Its arguments are the same when
// tests are listed and when they run, since they decide pytest's root directory,
// ini-file and conftest files: the plugin leaves out what was not selected.
func newAdapter(s adapter.Spec, root string) adapter.Adapter {
	return adapter.NewReporting(s, root, adapter.LaunchSpec{
		Start:     []string{"pytest"},
		Files:     files,
		Python:    true,
		Arguments: arguments,
		NoTests:   5,
	})
}

func arguments(l adapter.Launch) ([]string, error) {
	args := append([]string{"-p", "e2e_gate_pytest"}, l.Spec.Args...)
	if l.Listing() {
		return append(args, "--collect-only", "-q"), nil
	}
	parallel := func(arg string) bool { return strings.HasPrefix(arg, "-n") || strings.HasPrefix(arg, "--numprocesses") }
	if l.Attempt > 1 && slices.ContainsFunc(args, parallel) {
		args = append(args, "--numprocesses=0") // the diagnostic rerun runs one test at a time
	}
	return args, nil
}
