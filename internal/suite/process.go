package suite

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

// process is one run of a runner that leaves its results in files.
type process struct {
	spec    Spec
	root    string
	unit    Unit
	command Command
	results results
	exit    proc.Exit
}

// results is where a runner leaves what became of its tests.
type results interface {
	// collect files what was reported. Where nothing was, it says in none what was
	// looked for; the error means that it cannot be known.
	collect(p *process, m *matcher, rep *Report) (none string, err error)
}

func (p *process) Command() Command { return p.command }

func (p *process) Stdout() io.Writer { return nil }

// Report reads what the unit left and matches it.
func (p *process) Report(exit proc.Exit) Report {
	p.exit = exit
	rep := Report{Tests: map[string][]e2e.Attempt{}}
	if exit.Ended == proc.NotStarted {
		p.problem(&rep, e2e.CodeToolError, true, "unit %s could not start: %v", p.unit.Name, exit.Err)
		return rep
	}
	m := newMatcher(p)
	none, err := p.results.collect(p, m, &rep)
	switch {
	case err != nil:
		p.problem(&rep, e2e.CodeReportDamaged, true, "the reports of unit %s cannot be read: %v", p.unit.Name, err)
		return rep
	case none != "" && (exit.Ended == proc.Cancelled || exit.Ended == proc.TimedOut):
		return rep // whoever stopped it says so
	case none != "":
		p.problem(&rep, e2e.CodeReportDamaged, true, "unit %s left no report (%s): %s; %s", p.unit.Name, exit, none, lastWords(exit))
		return rep
	}
	m.into(&rep)
	p.exitProblem(exit, m, &rep)
	return rep
}

// problem adds a problem about all tests of the unit.
func (p *process) problem(rep *Report, code e2e.Code, loses bool, format string, args ...any) {
	found := e2e.Problem{Code: code, Unit: p.unit.Name, LosesEvidence: loses, Text: fmt.Sprintf(format, args...)}
	for _, t := range p.unit.Tests {
		found.Tests = append(found.Tests, t.ID)
	}
	rep.Problems = append(rep.Problems, found)
}

// exitProblem compares the exit status with what was reported.
func (p *process) exitProblem(exit proc.Exit, m *matcher, rep *Report) {
	switch {
	case exit.Ended == proc.Signalled:
		p.problem(rep, e2e.CodeRunnerExit, true, "the runner of unit %s was %s", p.unit.Name, exit)
	case exit.Ended == proc.Exited && exit.Code != 0 && !m.anyFailed && !explained(rep):
		p.problem(rep, e2e.CodeRunnerExit, true, "the runner of unit %s ended with %s although no test failed; %s", p.unit.Name, exit, lastWords(exit))
	case m.cases == 0 && !explained(rep):
		p.problem(rep, e2e.CodeReportDamaged, true, "the reports of unit %s hold no test", p.unit.Name)
	}
}

// explained reports whether a problem has said already why the runner did not do
// all that it was to do.
func explained(rep *Report) bool {
	return slices.ContainsFunc(rep.Problems, func(found e2e.Problem) bool {
		return found.LosesEvidence && (found.Code == e2e.CodeRunnerExit || found.Code == e2e.CodeBuildFailed)
	})
}

var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// anError begins the description of an error.
var anError = regexp.MustCompile(`\w*(?:Error|Exception)\b.*:|^(?:error|fatal|panic):`)

// lastWords is the end of what a runner printed, for a message, from its last error
// on: without colours and the lines of a stack.
func lastWords(exit proc.Exit) string {
	var lines []string
	for line := range strings.Lines(colours.ReplaceAllString(exit.Tail, "")) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "at ") && !strings.HasPrefix(line, "❯ ") {
			lines = append(lines, line)
		}
	}
	from := max(0, len(lines)-3)
	for i, line := range lines {
		if anError.MatchString(line) {
			from = i // the last one
		}
	}
	if words := strings.Join(lines[from:min(from+3, len(lines))], " | "); words != "" {
		return "end of its output: " + words
	}
	return "it printed nothing"
}
