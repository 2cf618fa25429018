package cli

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/triage"
)

// maxPastResults bounds the results that rules are tried against.
const maxPastResults = 1000

// lintRules tries the rules of triage.rules against the failures of the results below a folder: rules that never match, that
// never decide, or that match too widely.
func lintRules(ctx context.Context, a *App, top string, c *config.Config, dir string) ([]diag.Message, error) {
	if dir == "" {
		return nil, nil
	}
	engine, err := triage.New(c.Triage.Rules)
	if err != nil {
		return nil, usageError{err}
	}
	var files []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Type().IsRegular() && d.Name() == "result.json":
			if files = append(files, path); len(files) == maxPastResults {
				return fs.SkipAll
			}
		}
		return nil
	})
	if err != nil {
		return nil, usage("cannot read the results of --against: %w", err)
	}
	var inputs []triage.Input
	results := 0
	for _, file := range files {
		if err := a.ownDocument(ctx, top, file); err != nil {
			return nil, err
		}
		r, err := pipeline.ReadResult(file, maxResult)
		if err != nil {
			continue // another version's, or no result of the gate
		}
		results++
		inputs = append(inputs, pipeline.TriageInputs(*r)...)
	}
	if len(inputs) == 0 {
		return nil, usage("no failure found in the %s below %s; give --against a folder with result.json files of runs that failed",
			report.Plural(results, "result", "results"), dir)
	}
	var found []diag.Message
	for _, use := range engine.Against(inputs) {
		if text, hint := use.Fault(len(inputs)); text != "" {
			found = append(found, diag.Message{File: c.File, Severity: diag.Warning, Text: fmt.Sprintf("rule %d of triage.rules: %s", use.Number, text), Hint: hint})
		}
	}
	return found, nil
}
