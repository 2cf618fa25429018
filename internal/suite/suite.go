// Package suite is the registry of test frameworks: it makes the adapter of a suite,
// checks the settings of one, and finds suites in a repository. It alone knows all
// frameworks. What their adapters share, and how to write one, is in the package adapter;
// each framework has a folder next to it.
//
// The types that the rest of the gate needs are those of the package adapter, under the
// same names.
package suite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/suite/behave"
	"github.com/org/e2e-gate/internal/suite/command"
	"github.com/org/e2e-gate/internal/suite/cucumber"
	"github.com/org/e2e-gate/internal/suite/cypress"
	"github.com/org/e2e-gate/internal/suite/gotest"
	"github.com/org/e2e-gate/internal/suite/jest"
	"github.com/org/e2e-gate/internal/suite/jvm"
	"github.com/org/e2e-gate/internal/suite/mocha"
	"github.com/org/e2e-gate/internal/suite/nodetest"
	"github.com/org/e2e-gate/internal/suite/phpunit"
	"github.com/org/e2e-gate/internal/suite/playwright"
	"github.com/org/e2e-gate/internal/suite/pytest"
	"github.com/org/e2e-gate/internal/suite/robot"
	"github.com/org/e2e-gate/internal/suite/rspec"
	"github.com/org/e2e-gate/internal/suite/vitest"
)

type (
	// Spec is one suite of the config.
	Spec = adapter.Spec
	// Adapter lists and runs the tests of one suite.
	Adapter = adapter.Adapter
	// Unit is one process to run.
	Unit = adapter.Unit
	// Command is a process to start.
	Command = adapter.Command
	// Invocation is one run of a unit.
	Invocation = adapter.Invocation
	// Report is what a unit reported.
	Report = adapter.Report
	// Batcher is an adapter of a suite that may not be able to list its tests.
	Batcher = adapter.Batcher
	// Preparer is an adapter whose processes can share work that is done once.
	Preparer = adapter.Preparer
)

// DefaultUnitTimeout limits one process of a suite.
const DefaultUnitTimeout = adapter.DefaultUnitTimeout

// ErrTool is wrapped by errors about a missing or unusable tool.
var ErrTool = adapter.ErrTool

// frameworks are the frameworks by their name in the config. Each has a column in the contract of
// internal/testkit/realsuite, or its tests fail.
var frameworks = map[string]adapter.Framework{
	"behave":        behave.Framework,
	"command":       command.Framework,
	"cucumber":      cucumber.Framework,
	"cypress":       cypress.Framework,
	"gotest":        gotest.Framework,
	"jest":          jest.Framework,
	"junit5-gradle": jvm.Gradle,
	"junit5-maven":  jvm.Maven,
	"mocha":         mocha.Framework,
	"nodetest":      nodetest.Framework,
	"phpunit":       phpunit.Framework,
	"playwright":    playwright.Framework,
	"pytest":        pytest.Framework,
	"robot":         robot.Framework,
	"rspec":         rspec.Framework,
	"vitest":        vitest.Framework,
	"webdriverio":   mocha.WebdriverIO,
}

// Names are the names of all frameworks, sorted.
func Names() []string { return slices.Sorted(maps.Keys(frameworks)) }

// New returns the adapter of a suite. root is the repository root.
func New(s Spec, root string) (Adapter, error) {
	f, known := frameworks[s.Framework]
	if !known {
		return nil, fmt.Errorf("suite %s: unknown framework %q; use one of %s", s.Name, s.Framework, strings.Join(Names(), ", "))
	}
	return f.New(s, root), nil
}

// TellsErrors reports whether a framework distinguishes an unexpected error from a
// failed assertion. For an unknown framework it returns true.
func TellsErrors(framework string) bool {
	f, known := frameworks[framework]
	return !known || f.TellsErrors
}
