package adapter

import (
	"fmt"
	"io"

	"github.com/org/e2e-gate/internal/proc"
)

// Process is one run of a runner that leaves its results in files.
type Process struct {
	Spec Spec
	// Root is the repository root.
	Root string
	Unit Unit
	// Start is what to start.
	Start   Command
	Results Results
}

// Results reads the results that a runner wrote.
type Results interface {
	// Collect reads the reported results. If there are none, the text none says what
	// was searched for. The error means that the results cannot be read.
	Collect(p *Process, c *Collected) (none string, err error)
}

// Following is implemented by [Results] that are written while the process runs.
type Following interface {
	// Follow reports what was added since the last call to the unit's Progress.
	Follow(p *Process)
}

// Follow reports the progress of the process, if its results show it.
func (p *Process) Follow() {
	if f, ok := p.Results.(Following); ok {
		f.Follow(p)
	}
}

// Command is what to start.
func (p *Process) Command() Command { return p.Start }

// Stdout is nil: the output is only logged.
func (p *Process) Stdout() io.Writer { return nil }

// Report reads the results of the unit and makes the report.
func (p *Process) Report(exit proc.Exit) Report {
	c := newCollected(p, exit)
	if exit.Ended != proc.NotStarted {
		none, err := p.collect(c)
		c.In.Channel.Nothing = none
		if err != nil {
			c.In.Channel.Unreadable = err.Error()
		}
	}
	return c.report()
}

// collect reads the results. A fault of the gate in that takes only this unit along.
func (p *Process) collect(c *Collected) (none string, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("internal error (a bug in e2e-gate): %v; please report it with the files", fault)
		}
	}()
	return p.Results.Collect(p, c)
}
