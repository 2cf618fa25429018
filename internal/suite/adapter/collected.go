package adapter

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// Collected holds the results of a process while they are read. [attempts.Of]
// interprets them.
type Collected struct {
	// In is the input of [attempts.Of]. The [Results] set Build and Channel.
	In     attempts.In
	keeper keeper
	// wall is how long the process took, in seconds; 0: not known.
	wall float64
}

func newCollected(p *Process, exit proc.Exit) *Collected {
	in := attempts.In{Unit: p.Unit.Name, RepeatedCases: p.Spec.Retries == RepeatedCases, Planned: PlannedOf(p.Unit.Tests), Exit: ExitOf(exit)}
	in.Exit.Output = OutputTail(exit)
	return &Collected{In: in, keeper: keeper{p: p}, wall: exit.Wall.Seconds()}
}

// Keep copies files that a test attached, and returns the paths of the copies, absolute.
func (c *Collected) Keep(paths []string) []string { return c.keeper.keep(paths) }

// Add adds a reported test, whose files are kept already.
func (c *Collected) Add(r attempts.Reported) { c.In.Reported = append(c.In.Reported, r) }

// Problem adds a problem that loses the evidence of all tests of the unit.
func (c *Collected) Problem(code e2e.Code, format string, args ...any) {
	found := e2e.Problem{Code: code, Unit: c.In.Unit, LosesEvidence: true, Text: fmt.Sprintf(format, args...)}
	for _, t := range c.In.Planned {
		found.Tests = append(found.Tests, t.ID)
	}
	c.In.Problems = append(c.In.Problems, found)
}

// report makes the report from what was collected.
func (c *Collected) report() Report {
	c.In.Attachments = c.keeper.problems()
	c.boundTimes()
	return Judge(c.In)
}

// boundTimes corrects times that cannot be: no test takes longer than its process. Plans
// and the history would take them for true.
func (c *Collected) boundTimes() {
	if c.wall <= 0 {
		return
	}
	for _, r := range c.In.Reported {
		for i := range r.Results {
			a := &r.Results[i].Attempt
			a.Seconds = min(a.Seconds, c.wall)
		}
	}
}

// Judge makes the report from the results of a process.
func Judge(in attempts.In) Report {
	out := attempts.Of(in)
	return Report{Tests: out.Tests, Unplanned: out.Unplanned, Problems: out.Problems, BuildFailed: in.Build.Failed}
}

// PlannedOf converts planned tests for [attempts.In].
func PlannedOf(tests []e2e.Test) []attempts.Planned {
	list := make([]attempts.Planned, len(tests))
	for i, t := range tests {
		list[i] = attempts.Planned{ID: t.ID, Name: t.Name, Group: t.Group, File: t.File, SkippedLast: t.SkippedLast, Twins: t.Twins}
	}
	return list
}

// ExitOf converts how a process ended, without its output.
func ExitOf(exit proc.Exit) attempts.Exit {
	return attempts.Exit{Ended: e2e.Ended(exit.Ended), Code: exit.Code, Text: exit.String(), Err: fmt.Sprint(exit.Err)}
}

// ReportedOf converts a test of a JUnit report, without spellings and files. Its id is made
// of class, else file, else the names of the suites around it.
func ReportedOf(spec Spec, t junit.Test) attempts.Reported {
	id, meta := t.Identity, t.Metadata
	suites := strings.ReplaceAll(id.Suites, "\n", " › ")
	class := id.Classname
	if class == "" && id.File == "" {
		class = suites
	}
	r := attempts.Reported{
		Apart: []string{id.File, id.Hostname, suites},
		Unplanned: e2e.Test{
			Suite: spec.Name, Framework: spec.Framework, Name: id.Name, Class: class, File: id.File, Line: id.Line,
			Owner: meta.Owner, Journey: meta.Journey, Criticality: meta.Criticality, Tags: meta.Tags,
		},
	}
	for i, a := range t.Attempts {
		a.Line = id.Line
		r.Results = append(r.Results, attempts.Result{Attempt: a, Retry: t.Stated[i]})
	}
	return r
}
