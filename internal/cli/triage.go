package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/triage"
)

type triageCmd struct {
	Config   string `help:"Config file whose triage rules are tried first." placeholder:"FILE" type:"path"`
	Format   string `help:"Input and output format: JSON lines." enum:"jsonl" default:"jsonl"`
	Evaluate string `help:"Categorise the labelled failures of FILE, and print how often the answers are right: lines as on stdin, each with its true category as label." placeholder:"FILE" type:"path"`
}

// Help is shown by triage --help.
func (triageCmd) Help() string {
	return `Example: echo '{"id":"1","test":"TestPay","message":"dial tcp 10.0.0.1:5432: connect: connection refused",` +
		`"context":{"health":"failed"}}' | e2e-gate triage` +
		"\nExit status: 0 if every line was read, else 2 after the readable ones."
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
	if c.Evaluate != "" {
		return c.evaluate(a, engine)
	}
	if err := engine.Serve(a.Stdin, a.Stdout); err != nil {
		return usageError{err}
	}
	return nil
}

func (c triageCmd) evaluate(a *App, engine *triage.Triager) error {
	f, err := os.Open(c.Evaluate)
	if err != nil {
		return usage("cannot read the labelled failures: %w; give --evaluate a file that exists", err)
	}
	defer func() { _ = f.Close() }()
	e, err := engine.Evaluate(c.Evaluate, f)
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprint(a.Stdout, e.Text())
	return err
}
