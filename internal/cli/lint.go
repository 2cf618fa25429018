package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
)

type lintCmd struct {
	staged
	Explain string `help:"Print what a stage comes to: its gates, processes and isolation with the tests that they are for, its rerun and its policy." placeholder:"STAGE"`
	Against string `help:"Try the rules of triage.rules against the failures of all result.json files below DIR: which never match, and which match too widely." placeholder:"DIR" type:"path"`
}

// Help is shown by lint --help.
func (lintCmd) Help() string {
	return "Example: e2e-gate lint --config .github/e2e-gate.yml\nExit status: 2 if a run would not start or a finding is an error, else 0."
}

// Run checks config, quarantine and tests.
func (c lintCmd) Run(ctx context.Context, a *App) error {
	if c.Explain != "" {
		return c.explain(ctx, a)
	}
	s, session, err := a.begin(ctx, c.staged, config.AllSections)
	if err != nil {
		return err
	}
	queue := slices.ContainsFunc(s.config.Stages, func(st config.Stage) bool { return slices.Contains(st.On, "merge_group") })
	required, workflows := lintWorkflows(s.root, queue)
	findings := slices.Concat(secondConfig(s.root, c.Config), s.own.Lint(), s.lintExtends(ctx), session.Lint(ctx), s.lint(s.own, a.Environ),
		placeholderOwner(s.own), lintFragments(s.own, pipeline.CodeOwners(s.root)), workflows, missingCommands(s.root, s.own),
		lintExecutor(s.root, s.own))
	rules, err := lintRules(ctx, a, s.root, s.own, c.Against)
	if err != nil {
		return err
	}
	findings = append(findings, rules...)
	slices.SortStableFunc(findings, func(a, b diag.Message) int { return int(a.Severity - b.Severity) }) // what a run would fail on comes first
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
			_, _ = fmt.Fprintln(a.Stdout, safeLine("check to require on pull requests: "+check))
		}
		state := "is valid"
		if slices.ContainsFunc(findings, func(m diag.Message) bool { return m.Severity == diag.Error }) {
			state = "can be read, but has errors"
		}
		_, _ = fmt.Fprintf(a.Stdout, "config %s %s, %s\n", s.config.File, state, report.Plural(len(findings), "finding", "findings"))
	}
	if wrong := slices.DeleteFunc(slices.Clone(findings), func(m diag.Message) bool { return m.Severity != diag.Error }); len(wrong) > 0 {
		return usageError{diag.Errors(wrong)}
	}
	return nil
}

// explain prints a stage as it is run. It lists no tests.
func (c lintCmd) explain(ctx context.Context, a *App) error {
	c.Stage = c.Explain
	in, err := a.resolve(ctx, c.staged, config.AllSections, "")
	if err != nil {
		return err
	}
	lines := in.config.Describe(c.Explain)
	if c.Format == "json" {
		return json.NewEncoder(a.Stdout).Encode(map[string]any{"stage": c.Explain, "lines": lines})
	}
	for _, line := range lines {
		_, _ = fmt.Fprintln(a.Stdout, safeLine(line))
	}
	return nil
}

// secondConfig refuses a config at the other default place, which is not read. asked
// is the path that a flag names.
func secondConfig(root, asked string) []diag.Message {
	if asked != "" {
		return nil
	}
	var there []string
	for _, name := range config.DefaultFiles {
		if _, err := os.Lstat(filepath.Join(root, filepath.FromSlash(name))); err == nil {
			there = append(there, name)
		}
	}
	if len(there) < 2 {
		return nil
	}
	return []diag.Message{{File: there[1], Text: fmt.Sprintf("it is not read, because %s is there too", there[0]), Hint: "remove one of them"}}
}
