package cli

import (
	"context"
	"fmt"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate"
)

type gatesCmd struct{ staged }

// Help is shown by gates --help.
func (gatesCmd) Help() string {
	return "Example: e2e-gate gates --format json\nExit status: 0 passed, 3 failed."
}

// Run checks the gates.
func (c gatesCmd) Run(ctx context.Context, a *App) error {
	s, session, err := a.begin(ctx, c.staged, config.EnvironmentSections)
	if err != nil {
		return err
	}
	gates, problems := session.CheckGates(ctx)
	s.console.Done()
	rep := gate.NewReport(gates)
	rep.Open = rep.Open && len(problems) == 0
	for _, p := range problems {
		_, _ = fmt.Fprintln(a.Stderr, safeLine("problem: "+p.Text))
	}
	if c.Format == "json" {
		err = s.json(rep)
	} else {
		err = a.printGates(rep)
	}
	if err == nil && !rep.Open {
		err = exitError(e2e.ExitNotJudged)
	}
	return err
}

func (a *App) printGates(rep gate.Report) error {
	for _, c := range rep.Checks {
		line := fmt.Sprintf("%-10s %s (%s): %s", c.State, c.Name, c.Kind, c.Observed)
		if c.Reason != "" {
			line += "; " + c.Reason
		}
		_, _ = fmt.Fprintln(a.Stdout, safeLine(line))
	}
	word := "failed"
	if rep.Open {
		word = "passed"
	}
	_, err := fmt.Fprintf(a.Stdout, "gates %s\n", word)
	return err
}
