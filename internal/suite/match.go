package suite

import (
	"fmt"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// collected is what a process handed over, while it is read. What it means is decided
// by [attempts.Of].
type collected struct {
	in     attempts.In
	keeper keeper
}

func newCollected(p *process, exit proc.Exit) *collected {
	in := attempts.In{Unit: p.unit.Name, Planned: plannedOf(p.unit.Tests), Exit: exitOf(exit)}
	in.Exit.Output = lastWords(exit)
	return &collected{in: in, keeper: keeper{p: p}}
}

// add takes a reported test, whose files are kept already.
func (c *collected) add(r attempts.Reported) { c.in.Reported = append(c.in.Reported, r) }

// problem takes a problem that loses the evidence of all tests of the unit.
func (c *collected) problem(code e2e.Code, format string, args ...any) {
	found := e2e.Problem{Code: code, Unit: c.in.Unit, LosesEvidence: true, Text: fmt.Sprintf(format, args...)}
	for _, t := range c.in.Planned {
		found.Tests = append(found.Tests, t.ID)
	}
	c.in.Problems = append(c.in.Problems, found)
}

// report judges what was collected.
func (c *collected) report() Report {
	c.in.Attachments = c.keeper.problems()
	return judged(c.in)
}

// judged is the report of what a process handed over.
func judged(in attempts.In) Report {
	out := attempts.Of(in)
	return Report{Tests: out.Tests, Unplanned: out.Unplanned, Problems: out.Problems, BuildFailed: in.Build.Failed}
}

func plannedOf(tests []e2e.Test) []attempts.Planned {
	list := make([]attempts.Planned, len(tests))
	for i, t := range tests {
		list[i] = attempts.Planned{ID: t.ID, Name: t.Name}
	}
	return list
}

// exitOf is how a process ended, without what it printed.
func exitOf(exit proc.Exit) attempts.Exit {
	return attempts.Exit{Ended: e2e.Ended(exit.Ended), Code: exit.Code, Text: exit.String(), Err: fmt.Sprint(exit.Err)}
}

// reportedOf is a test of a JUnit report, without spellings and files.
func reportedOf(spec Spec, t junit.Test) attempts.Reported {
	id, meta := t.Identity, t.Metadata
	r := attempts.Reported{
		Unplanned: e2e.Test{
			Suite: spec.Name, Framework: spec.Framework, Name: id.Name, Class: id.Classname, File: id.File,
			Owner: meta.Owner, Journey: meta.Journey, Criticality: meta.Criticality, Tags: meta.Tags,
		},
	}
	for i, a := range t.Attempts {
		r.Results = append(r.Results, attempts.Result{Attempt: a, Retry: t.Stated[i]})
	}
	return r
}
