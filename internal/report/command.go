package report

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// RunCommand is the command that runs a test of a result alone, for a POSIX shell. It is empty where a name does not lead to the
// test: it was not planned, or its name was masked or cannot be typed.
func RunCommand(r e2e.Result, t e2e.TestResult) string {
	id := t.Stable()
	switch {
	case slices.Contains(r.Plan.Whole, t.Suite):
		id = e2e.BatchOf(e2e.Test{Suite: t.Suite}).ID // all of it runs
	case t.Unplanned || id == "":
		return ""
	}
	return gateCommand(r.Run, id)
}

// againCommand is the command that runs what did not pass, of a result in a folder; empty where all passed, or where another
// machine has the result.
func againCommand(r e2e.Result, out string) string {
	if n := CountsOf(r); n.Failed+n.LostOrNotRun == 0 || r.Run.WorkflowRun != "" || out == "" {
		return ""
	}
	if path.Base(out) == r.Run.ID {
		return gateCommand(r.Run, "--last-failed")
	}
	return gateCommand(r.Run, "--failed-of", path.Join(out, "result.json"))
}

// gateCommand is e2e-gate run with the config and stage of a run; empty where an argument cannot be typed.
func gateCommand(run e2e.Run, arguments ...string) string {
	args := []string{"e2e-gate", "run"}
	if run.Config != "" {
		args = append(args, "--config", run.Config)
	}
	args = append(append(args, "--stage", run.Stage), arguments...)
	for i, arg := range args {
		if arg == "" || len(arg) > idText || arg != safetext.Line(arg, idText) || strings.Contains(arg, safetext.Mask) {
			return ""
		}
		if !plainArgument.MatchString(arg) {
			args[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(args, " ")
}

// plainArgument needs no quotes in a shell.
var plainArgument = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)
