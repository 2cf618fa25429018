package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"text/tabwriter"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/triage"
)

// interruptible ends with the context although do may wait for input that never
// comes, such as that of a terminal. It is for what owes no teardown.
func interruptible(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	fault := make(chan any, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				fault <- fmt.Sprintf("%v\n%s", r, debug.Stack())
			}
		}()
		done <- do()
	}()
	select {
	case err := <-done:
		return err
	case r := <-fault:
		panic(r) // Main says so
	case <-ctx.Done():
		return fmt.Errorf("stopped before the end of the input: %w", context.Cause(ctx))
	}
}

type reportCmd struct {
	common
	Files []string `arg:"" name:"file" help:"JUnit XML files."`
}

// Help is shown by report --help.
func (reportCmd) Help() string {
	return "Example: e2e-gate report --format json target/surefire-reports/*.xml\nExit status: 3 if evidence was lost, else 0."
}

// Run counts what reports hold.
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

type triageCmd struct {
	Config string `help:"Config file whose triage rules go first." placeholder:"FILE" type:"path"`
	Format string `help:"Input and output format: JSON lines." enum:"jsonl" default:"jsonl"`
}

// Help is shown by triage --help.
func (triageCmd) Help() string {
	return `Example: echo '{"id":"1","test":"TestPay","message":"dial tcp 10.0.0.1:5432: connect: connection refused","context":{"health":"failed"}}' | e2e-gate triage` +
		"\nExit status: 0 when every line was read, else 2 after the readable ones."
}

// Run categorises failures.
func (c triageCmd) Run(ctx context.Context, a *App) error {
	return interruptible(ctx, func() error { return c.serve(a) })
}

func (c triageCmd) serve(a *App) error {
	var rules []triage.Rule
	if c.Config != "" {
		top, err := root()
		if err != nil {
			return err
		}
		cfg, err := config.Load(config.Options{Root: top, File: c.Config, Uses: config.Sections{"triage"}, Lookup: a.lookup})
		if err != nil {
			return usageError{err}
		}
		rules = cfg.Triage.Rules
	}
	engine, err := triage.New(rules)
	if err != nil {
		return usageError{err}
	}
	if err := engine.Serve(a.Stdin, a.Stdout); err != nil {
		return usageError{err}
	}
	return nil
}

type lintCmd struct{ staged }

// Help is shown by lint --help.
func (lintCmd) Help() string {
	return "Example: e2e-gate lint --config .github/e2e-gate.yml\nExit status: 2 if a run would not start, else 0."
}

// Run checks config, quarantine and tests.
func (c lintCmd) Run(ctx context.Context, a *App) error {
	s, session, err := a.begin(ctx, c.staged, config.AllSections)
	if err != nil {
		return err
	}
	queue := slices.ContainsFunc(s.config.Stages, func(st config.Stage) bool { return slices.Contains(st.On, "merge_group") })
	required, workflows := lintWorkflows(s.root, queue)
	findings := slices.Concat(s.config.Lint(), session.Lint(ctx), workflows)
	s.console.Done()
	if c.Format == "json" {
		if err := s.json(map[string]any{"findings": findings, "required_checks": append([]string{}, required...)}); err != nil {
			return err
		}
	} else {
		for _, m := range findings {
			_, _ = fmt.Fprintln(a.Stdout, safeLine(m.String()))
		}
		for _, check := range required {
			_, _ = fmt.Fprintln(a.Stdout, safeLine("to be required on pull requests: the check "+check))
		}
		_, _ = fmt.Fprintf(a.Stdout, "config %s is valid, %d findings\n", s.config.File, len(findings))
	}
	return nil
}
