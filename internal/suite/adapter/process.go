package adapter

import (
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

// Results is where a runner leaves what became of its tests.
type Results interface {
	// Collect takes what was reported. Where nothing was, it says in none what was
	// looked for; the error means that it cannot be known.
	Collect(p *Process, c *Collected) (none string, err error)
}

// Command is what to start.
func (p *Process) Command() Command { return p.Start }

// Stdout is nil: the output is only worth logging.
func (p *Process) Stdout() io.Writer { return nil }

// Report reads what the unit left and judges it.
func (p *Process) Report(exit proc.Exit) Report {
	c := newCollected(p, exit)
	if exit.Ended != proc.NotStarted {
		none, err := p.Results.Collect(p, c)
		c.In.Channel.Nothing = none
		if err != nil {
			c.In.Channel.Unreadable = err.Error()
		}
	}
	return c.report()
}
