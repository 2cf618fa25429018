// Package adapter is what the adapters of all test frameworks share. The registry in
// internal/suite puts them together; each framework has a folder next to this one.
//
// # How to write an adapter
//
// An adapter does three things: it lists the tests of a suite without running any
// ([Adapter.Discover]), it says how to run exactly some of them in one process
// ([Adapter.Start]), and it reads what became of them ([Invocation.Report]). Look for the
// first line that fits:
//
//  1. The framework takes a reporter in its own language. Write one that writes an [Event]
//     per line, both when tests are listed and when they run, and fill in a [LaunchSpec]:
//     [NewReporting] does all the rest. See vitest, jest, playwright and pytest.
//  2. The framework writes a report of its own while it runs or at its end. Implement
//     Discover, and let Start return a [Process] whose [Results] reads that report. For JUnit
//     XML that is [JUnitFiles]; see command. For another format see cucumber, and for
//     [EventFile] with tests in parts see cypress, with the output of a build jvm.
//  3. The framework prints what happens. Implement [Invocation] yourself and hand what was
//     printed to [Judge]; see gotest.
//
// No adapter interprets its results. It returns plain values, [attempts.In], and
// internal/verdict/attempts makes attempts and problems of them. An id names a test in the
// same way when it is listed and when it ran, or the test is lost.
//
// Then fill in a [Framework], and add it to the registry in internal/suite. The enumeration
// of [Spec.Framework] and the registry are compared by a test. Another one fails until the
// framework has its projects in internal/testkit/realsuite/contract, one for each case or the
// reason why there can be none, and a test in internal/suite/realtest that plays them.
package adapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

// Adapter lists and runs the tests of one suite with one test framework.
type Adapter interface {
	// Discover lists the suite's tests without running any. Problems are about the
	// tests themselves (a file that does not parse), or notes of [NotChecked] for alarms that the
	// suite would lose if it were split; the error means that nothing
	// could be listed at all, and wraps [ErrTool] where a tool is missing.
	Discover(ctx context.Context, env []string) ([]e2e.Test, []e2e.Problem, error)
	// Start says how to run the tests of a unit.
	Start(u Unit) (Invocation, error)
}

// Batcher is implemented by adapters of suites that may not be able to list their tests.
type Batcher interface {
	// Batch is the suite as one unit whose tests are not known before it has run. It
	// reports whether that is how the suite runs; [Adapter.Discover] lists nothing then.
	Batch() (e2e.Batch, bool)
}

// Preparer is implemented by adapters whose processes can share work that is done once, such as a build.
type Preparer interface {
	// Prepare does that work before the first process with some of the tests starts here, unless it is done. It calls
	// began before it starts anything. What it cannot do, each process does for itself, and says what is wrong.
	Prepare(ctx context.Context, tests []e2e.Test, env []string, began func())
	// Cost says, once the tests are listed, why each process of the suite has to do that work for itself; empty: none
	// has to.
	Cost() string
}

// ErrTool is wrapped by errors about a missing or unusable tool.
var ErrTool = errors.New("tool not usable")

// Unit is one process to run: some tests of one suite.
type Unit struct {
	// Name is that of [e2e.Test.Unit].
	Name string
	// Tests are the planned ones. In a batch it is the one that stands for them all.
	Tests []e2e.Test
	Batch bool
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
	// Log gets the output of the tests; it may be nil.
	Log io.Writer
	// Progress is told of each start and end of a test, if the framework reports them while it
	// runs; it may be nil.
	Progress func(Progress)
}

// Tell reports progress.
func (u Unit) Tell(p Progress) {
	if u.Progress != nil {
		u.Progress(p)
	}
}

// Progress is what a framework says of one execution of a test while it runs. It is shown and
// never judged.
type Progress struct {
	// Test is the name of the planned test, as [e2e.Test.Name]; Part is a part of it, which was not
	// listed.
	Test, Part string
	// Outcome is unknown at the start. Paused: it waits for its turn, and starts once more then.
	Outcome e2e.Outcome
	Paused  bool
	// File and Line are where it failed, if that is known.
	File string
	Line int
	// Message and Details are the failure's.
	Message, Details string
	// Seconds is the execution's own time; 0: not known.
	Seconds float64
}

// Follower is implemented by invocations that report their progress in a file.
type Follower interface {
	// Follow reports what is new. It is called now and then while the process runs, and once more after its
	// end, by one goroutine at a time.
	Follow()
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
	// Stdout gets the process' standard output, or is nil if that is only logged.
	Stdout() io.Writer
	// Report returns the results of the tests, after the process has ended.
	Report(exit proc.Exit) Report
}

// Report is what a unit reported.
type Report struct {
	// Tests are the attempts at planned tests, by id.
	Tests map[string][]e2e.Attempt
	// Unplanned are tests that were reported but not planned.
	Unplanned []e2e.TestRun
	// Problems around the tests. Those that lose evidence name the tests.
	Problems []e2e.Problem
	// BuildFailed: the tests could not be built.
	BuildFailed bool
}

// Framework describes a test framework: an entry of the registry in internal/suite.
type Framework struct {
	// New makes the adapter of a suite. root is the repository root.
	New func(s Spec, root string) Adapter
	// Fields are the settings of a suite that only some frameworks have, and this one does:
	// run, list, reports, packages, args, specs.
	Fields []string
	// Flags are those that the gate sets itself, without dashes.
	Flags []string
	// FlagPrefix is cut off a flag before it is compared.
	FlagPrefix string
	// Validate returns what else is wrong with the settings of a suite; it may be nil.
	Validate func(s Spec, fail func(path, text, hint string))
	// Detect finds suites in a repository, by Signs; nil: they cannot be detected.
	Detect func(t *Tree) []Detected
	Signs  string
	// TellsErrors: the framework distinguishes an unexpected error from a failed
	// assertion. So a failure that it does not call an error is an assertion.
	TellsErrors bool
}

// Uninstalled reports whether npx did not find the package that it was to start.
func Uninstalled(exit proc.Exit) bool {
	return strings.Contains(exit.Tail, "npx canceled due to missing packages") || strings.Contains(exit.Tail, "could not determine executable to run")
}

// NotInstalled explains that a package of npm is missing.
func NotInstalled(s Spec, name string) error {
	where := ""
	if dir := path.Clean(filepath.ToSlash(s.Dir)); dir != "." {
		where = " in " + dir
	}
	return fmt.Errorf("suite %s: %w: %s is not installed%s; run npm install --save-dev %s", s.Name, ErrTool, name, where, name)
}

// ToolError explains a command that could not be started.
func ToolError(suite, tool string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("suite %s: %w: %s is not installed or not in PATH; install it before the gate runs", suite, ErrTool, tool)
	}
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsRune(filepath.ToSlash(tool), '/') {
		return fmt.Errorf("suite %s: %w: %s does not exist, or what it starts with (#!) does not; install it before the gate runs", suite, ErrTool, tool)
	}
	return fmt.Errorf("suite %s: %w: %s: %w", suite, ErrTool, tool, err)
}
