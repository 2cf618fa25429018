package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
)

type reportCmd struct {
	common
	Files []string `arg:"" name:"file" help:"JUnit XML files."`
}

// Help is shown by report --help.
func (reportCmd) Help() string {
	return "Example: e2e-gate report --format json target/surefire-reports/*.xml\nExit status: 3 if evidence was lost, else 0."
}

// Run counts the results in reports.
func (c reportCmd) Run(ctx context.Context, a *App) error {
	return interruptible(ctx, func() error { return c.count(a) })
}

func (c reportCmd) count(a *App) error {
	rep := junit.Files(c.Files, junit.Options{})
	var err error
	if c.Format == "json" {
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(rep)
	} else {
		err = a.printReport(rep)
	}
	if err == nil && rep.LosesEvidence() {
		err = exitError(e2e.ExitNotJudged)
	}
	return err
}

func (a *App) printReport(rep junit.Report) error {
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "TESTS\tPASSED\tFAILED\tERRORS\tSKIPPED\tFLAKY\tSECONDS\tFILE")
	row := func(n junit.Counts, name string) {
		_, _ = fmt.Fprintf(tw, "%d\t%d\t%d\t%d\t%d\t%d\t%.3f\t%s\n", n.Tests, n.Passed, n.Failed, n.Errors, n.Skipped, n.Flaky, n.Seconds, safeLine(name))
	}
	for _, f := range rep.Files {
		row(f.Counts, f.Path)
	}
	if len(rep.Files) > 1 {
		row(rep.Totals, "total")
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, f := range rep.Files {
		for _, p := range f.Problems {
			word := "problem"
			if p.LosesEvidence {
				word = "evidence lost"
			}
			_, _ = fmt.Fprintln(a.Stdout, safeLine(fmt.Sprintf("%s:%s (%s)", f.Path, p.Message, word)))
		}
	}
	return nil
}
