package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/suite"
)

type historyImportCmd struct {
	historyFlags
	Suite string   `help:"Suite of the config that the files belong to. Default: all suites are searched." placeholder:"NAME"`
	Paths []string `arg:"" help:"Files, or folders with JUnit XML: JUnit, go test -json (gotestsum), pytest-split, Playwright's JSON, cypress-split, CSV with test and seconds." type:"path"`
}

// Help is shown by history import --help.
func (historyImportCmd) Help() string {
	return "Example: e2e-gate history import target/surefire-reports\nTests are found by discovery and matched by name; entries without a match are kept only " +
		"with --suite."
}

// maxImported bounds a file that is imported, in bytes.
const maxImported = 512 << 20

// Run imports files.
func (c historyImportCmd) Run(ctx context.Context, a *App) error {
	log, err := c.open(a)
	if err != nil {
		return err
	}
	ids, err := c.discover(ctx, a)
	if err != nil {
		return err
	}
	files, err := importFiles(c.Paths)
	if err != nil {
		return err
	}
	matched, unknown := 0, 0
	var example string
	for _, file := range files {
		tests, started, identity, err := readImport(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		var entries []history.Entry
		for _, t := range tests {
			if found := ids.entries(t, c.Suite); len(found) > 0 {
				entries = append(entries, found...)
			} else if unknown++; example == "" && len(t.Names) > 0 {
				example = t.Names[0]
			}
		}
		matched += len(entries)
		if len(entries) > 0 {
			if err := log.Save(ctx, history.ImportedRecord(identity, started, entries)); err != nil {
				return err
			}
		}
	}
	_, _ = fmt.Fprintf(a.Stdout, "imported %s from %s\n", report.Plural(matched, "test", "tests"), report.Plural(len(files), "file", "files"))
	if unknown > 0 {
		_, _ = fmt.Fprintln(a.Stderr, safeLine(fmt.Sprintf("note: %d match no test of this repository and are left out, such as %s; --suite NAME keeps them "+
			"under a suite's name", unknown, example)))
	}
	if matched == 0 {
		return exitError(e2e.ExitNotJudged)
	}
	return nil
}

// discover lists the tests of the config's suites, without running any. Without a config
// there are none, and --suite names the suite of what is imported.
func (c historyImportCmd) discover(ctx context.Context, a *App) (knownTests, error) {
	top, err := root()
	if err != nil {
		return knownTests{}, err
	}
	cfg, err := config.Load(config.Options{Root: top, File: c.Config, Uses: config.JudgeSections, Lookup: a.lookup})
	if err != nil {
		if c.Suite != "" && c.Config == "" {
			return newKnownTests(), nil
		}
		return knownTests{}, usageError{err}
	}
	ids := newKnownTests()
	for _, spec := range cfg.Suites {
		if c.Suite != "" && spec.Name != c.Suite {
			continue
		}
		adapter, err := suite.New(spec, top)
		if err != nil {
			return knownTests{}, usageError{err}
		}
		tests, _, err := adapter.Discover(ctx, proc.CleanEnv(proc.Env{Base: a.Environ, Set: []map[string]string{spec.Env}, Pass: spec.PassEnv}))
		if err != nil { // the files may be of another suite
			_, _ = fmt.Fprintln(a.Stderr, safeLine(fmt.Sprintf("note: the tests of suite %s are not known: %v", spec.Name, err)))
			continue
		}
		for _, t := range tests {
			ids.add(t, spec.Dir)
		}
	}
	return ids, nil
}

// importFiles are the files, and the XML files below folders.
func importFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, usage("%s: %w; give files, or folders with JUnit XML", path, errors.Unwrap(err))
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		_ = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && strings.HasSuffix(strings.ToLower(d.Name()), ".xml") {
				files = append(files, file)
			}
			return nil
		})
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// readImport reads a file; identity is that of its content.
func readImport(file string) (tests []history.Imported, started time.Time, identity string, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, time.Time{}, "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxImported {
		return nil, time.Time{}, "", fmt.Errorf("not a regular file, or larger than %d MiB", maxImported>>20)
	}
	data, err := os.ReadFile(file) //nolint:gosec // named by the user
	if err != nil {
		return nil, time.Time{}, "", err
	}
	sum := sha256.Sum256(data)
	identity = fmt.Sprintf("%x", sum[:8])
	if looksLikeXML(data) {
		tests = importJUnit(data)
	} else if tests, err = history.ReadImported(data); err != nil {
		return nil, time.Time{}, "", err
	}
	started = info.ModTime()
	for _, t := range tests {
		if !t.Started.IsZero() && t.Started.Before(started) {
			started = t.Started
		}
	}
	return tests, started, identity, nil
}

func looksLikeXML(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data[:min(len(data), 4096)], "\xef\xbb\xbf \t\r\n"), []byte("<"))
}

func importJUnit(data []byte) []history.Imported {
	var merged junit.Merger
	// A damaged report still holds durations.
	if sum, _ := junit.Read(bytes.NewReader(data), junit.Options{}, merged.Add); sum.DecimalComma {
		merged.DecimalComma()
	}
	var list []history.Imported
	for _, t := range merged.Tests() {
		id := t.Identity
		one := history.Imported{Names: []string{id.Classname + "::" + id.Name, id.Classname + "." + id.Name, id.File + "::" + id.Name, id.Name},
			File: id.File, Outcome: e2e.OutcomeOf(t.Attempts)}
		for _, attempt := range t.Attempts {
			if attempt.Outcome == e2e.Passed {
				one.Seconds = attempt.Seconds
			}
			if one.Started.IsZero() {
				one.Started = attempt.Started
			}
		}
		list = append(list, one)
	}
	return list
}
