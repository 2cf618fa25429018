// Package cli is the command line: subcommands, flags, wiring, and the way from an
// error to an exit status. Data goes to stdout, progress and diagnostics to stderr.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
)

// Version is set by release builds.
var Version = ""

// App is the program with its streams, environment and transport.
type App struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Environ is the environment, in the form of os.Environ.
	Environ []string
	Now     func() time.Time
	// Transport carries requests to GitHub; nil is Go's own.
	Transport http.RoundTripper

	// listLimit is how long init waits for the frameworks to list tests; 0 is its usual limit.
	listLimit time.Duration
	// dir stands for the checkout where there is none; empty: the working directory is in one.
	dir string
	// consoles are those that were made.
	consoles []*report.Console
	// order is what a pod of a cluster was told of its run; nil: this is none.
	order *order
	// termination is the file of a pod's termination message; empty: the usual one.
	termination string
	// redact removes secrets; nil until it is known which there are.
	redact *safetext.Redactor
	// budget is what the forge says of the hour's requests; nil until it was asked something.
	budget *forge.Budget
}

// usageError is a mistake in flags or config: exit status 2, nothing was run.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitError ends a command with a status and without a message, because the command
// printed everything already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// commands are all subcommands.
type commands struct {
	Run        runCmd        `cmd:"" help:"Run the whole stage on this machine: gates, discovery, plan, suites, one diagnostic rerun, verdict."`
	Gates      gatesCmd      `cmd:"" help:"Check the health gates only."`
	Plan       planCmd       `cmd:"" help:"Check the gates, discover, select and plan; writes plan.json and, in a workflow, the output matrix."`
	Shard      shardCmd      `cmd:"" help:"Check the gates, then run one shard of a plan, with its diagnostic reruns."`
	Verdict    verdictCmd    `cmd:"" help:"Merge shard documents, compare them with the plan, categorise failures, decide."`
	Watch      watchCmd      `cmd:"" help:"While shards run: set the commit status to failure as soon as a test fails for good."`
	Publish    publishCmd    `cmd:"" help:"Post an existing result.json, such as from a workflow_run job for a pull request from a fork."`
	Verify     verifyCmd     `cmd:"" help:"Check that a statement says that the gate passed for a commit."`
	Report     reportCmd     `cmd:"" help:"Read JUnit reports: counts and problems."`
	Triage     triageCmd     `cmd:"" help:"Categorise failures given as JSON lines on stdin."`
	History    historyCmd    `cmd:"" help:"Durations and outcomes of earlier runs: show, export, import."`
	Quarantine quarantineCmd `cmd:"" help:"The quarantine file: add, list, check."`
	Show       showCmd       `cmd:"" help:"Show a past run as it was shown at its end, or all of one of its tests."`
	Explain    explainCmd    `cmd:"" help:"Explain step by step how one test of a result affects the verdict."`
	Cluster    clusterCmd    `cmd:"" help:"What run --executor kubernetes leaves in a cluster, and runs in its pods."`
	Order      orderCmd      `cmd:"" help:"Find the test that another test depends on, by running halves of those that ran beside it."`
	MCP        mcpCmd        `cmd:"" name:"mcp" help:"Serve runs, causes, tests and logs read-only by the Model Context Protocol, over standard input and output."`
	Lint       lintCmd       `cmd:"" help:"Check config, quarantine, tests and workflows without running anything."`
	Init       initCmd       `cmd:"" help:"Look for suites in the repository; write a first config and workflow."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Action     actionCmd     `cmd:"" hidden:"" help:"Run the command that the inputs of action.yml name."`
}

// kongExit carries the status out of kong's parser when kong itself exits, as for help.
type kongExit int

// Main parses arguments, runs a command, and returns the exit status.
func (a *App) Main(ctx context.Context, args []string) (status int) {
	if a.Now == nil {
		a.Now = time.Now
	}
	if _, file := a.Stderr.(*os.File); !file {
		a.Stderr = &locked{w: a.Stderr} // progress comes from goroutines
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case kongExit:
			status = int(r)
		default:
			_, _ = fmt.Fprintf(a.Stderr, "e2e-gate: internal error (a bug in e2e-gate): %v\n%s", r, debug.Stack())
			status = e2e.ExitNotJudged
		}
	}()
	var c commands
	parser := kong.Must(&c, kong.Name("e2e-gate"), kong.Description("Gated end-to-end stages: health gates, shards, one diagnostic rerun, one verdict."),
		kong.Writers(a.Stdout, a.Stderr), kong.Exit(func(n int) { panic(kongExit(n)) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(a))
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return a.fail(usage("%w; see e2e-gate --help", err))
	}
	err = parsed.Run()
	a.settle()
	return a.fail(err)
}

// locked is a writer for several goroutines.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// fail prints what went wrong and returns the exit status for it.
func (a *App) fail(err error) int {
	var exit exitError
	var use usageError
	switch {
	case err == nil:
		return e2e.ExitPassed
	case errors.As(err, &exit):
		return int(exit)
	}
	for line := range strings.SplitSeq(strings.TrimRight(err.Error(), "\n"), "\n") {
		_, _ = fmt.Fprintln(a.Stderr, safeLine(a.safe(line)))
	}
	a.annotate(err)
	a.terminationMessage(safeLine(a.safe(err.Error())))
	if errors.As(err, &use) {
		return e2e.ExitUsage
	}
	return e2e.ExitNotJudged
}

// getenv reads the app's environment.
func (a *App) getenv(name string) string {
	value, _ := a.lookup(name)
	return value
}

func (a *App) lookup(name string) (string, bool) {
	for i := len(a.Environ) - 1; i >= 0; i-- {
		if key, value, ok := strings.Cut(a.Environ[i], "="); ok && key == name {
			return value, true
		}
	}
	return "", false
}

// version is that of the release, else the one that the Go toolchain recorded.
func version() string {
	if Version != "" {
		return Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(a *App) error {
	_, err := fmt.Fprintln(a.Stdout, "e2e-gate", version())
	return err
}
