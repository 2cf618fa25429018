package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

// Adapter knows one test framework.
type Adapter interface {
	// Discover lists the suite's tests without running any. Problems are about the
	// tests themselves (a file that does not parse); the error means that nothing
	// could be listed at all, and wraps [ErrTool] where a tool is missing.
	Discover(ctx context.Context, env []string) ([]e2e.Test, []e2e.Problem, error)
	// Start says how to run the tests of a unit.
	Start(u Unit) (Invocation, error)
}

// ErrTool is wrapped by errors about a missing or unusable tool.
var ErrTool = errors.New("tool not usable")

// Unit is one process to run: some tests of one suite.
type Unit struct {
	// Name is that of [e2e.Test.Unit].
	Name  string
	Tests []e2e.Test
	// Attempt is 1, or 2 in the diagnostic rerun.
	Attempt int
	// Reports and Evidence are empty directories of this unit alone.
	Reports, Evidence string
	// Soft is the time after which a framework that can should stop by itself and
	// report; 0 is none. The process is ended somewhat later.
	Soft time.Duration
	// Env is the environment that the process gets.
	Env []string
	// Began is when the unit began: reports that are older do not count.
	Began time.Time
	// Log takes what the tests printed; it may be nil.
	Log io.Writer
	// Progress is told of a test's start (outcome unknown) and end, where the
	// framework says so while it runs; it may be nil.
	Progress func(test string, outcome e2e.Outcome)
}

// Command is a process to start.
type Command struct {
	Argv []string
	Dir  string
	// Env are variables of the framework, on top of what the suite gets.
	Env []string
}

// Invocation is one run of a unit.
type Invocation interface {
	// Command is what to start.
	Command() Command
	// Stdout takes the process' standard output, or is nil where that is only
	// worth logging.
	Stdout() io.Writer
	// Report tells, after the process has ended, what became of the tests.
	Report(exit proc.Exit) Report
}

// Report is what a unit reported.
type Report struct {
	// Tests are the attempts at planned tests, by id.
	Tests map[string][]e2e.Attempt
	// Unplanned are tests that were reported and not planned.
	Unplanned []e2e.TestRun
	// Problems around the tests. Those that lose evidence name the tests.
	Problems []e2e.Problem
	// BuildFailed: the tests could not be built.
	BuildFailed bool
}

// toolError explains a command that could not be started.
func toolError(suite, tool string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("suite %s: %w: %s is not installed or not in PATH; install it before the gate runs", suite, ErrTool, tool)
	}
	return fmt.Errorf("suite %s: %w: %s: %w", suite, ErrTool, tool, err)
}
