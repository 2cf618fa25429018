// Package suitetest is what the tests of adapters share: folders with files, tests that
// are listed and run through an adapter, and processes that have ended.
package suitetest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// Files writes files, named with forward slashes, and returns their folder.
func Files(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	Write(t, root, files)
	return root
}

// Write writes files below a folder.
func Write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Discover lists the tests of a suite.
func Discover(t *testing.T, a adapter.Adapter) ([]e2e.Test, []e2e.Problem) {
	t.Helper()
	tests, problems, err := a.Discover(t.Context(), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	return tests, problems
}

// Run runs tests in one process and returns the report. soft is [adapter.Unit.Soft].
func Run(t *testing.T, a adapter.Adapter, tests []e2e.Test, soft time.Duration) adapter.Report {
	t.Helper()
	return run(t, a, adapter.Unit{Name: tests[0].Unit, Tests: tests, Soft: soft})
}

// RunBatch runs a batch and returns the report.
func RunBatch(t *testing.T, a adapter.Adapter, b e2e.Batch) adapter.Report {
	t.Helper()
	return run(t, a, adapter.Unit{Name: b.Unit, Tests: []e2e.Test{b.Stand()}, Batch: true})
}

func run(t *testing.T, a adapter.Adapter, u adapter.Unit) adapter.Report {
	t.Helper()
	u.Attempt, u.Reports, u.Env = 1, filepath.Join(t.TempDir(), "reports"), os.Environ()
	u.Evidence = filepath.Join(filepath.Dir(u.Reports), "evidence")
	if err := os.MkdirAll(u.Reports, 0o755); err != nil {
		t.Fatal(err)
	}
	inv, err := a.Start(u)
	if err != nil {
		t.Fatal(err)
	}
	cmd := inv.Command()
	exit := proc.Run(context.Background(), proc.Spec{Argv: cmd.Argv, Dir: cmd.Dir, Env: append(os.Environ(), cmd.Env...), Stdout: inv.Stdout()})
	return inv.Report(exit)
}

// Process is one whose runner has ended, in folders of its own. Its unit u is of the suite
// s, and has tests of these names.
func Process(t testing.TB, names ...string) *adapter.Process {
	t.Helper()
	root := t.TempDir()
	u := adapter.Unit{Name: "u", Attempt: 1, Reports: filepath.Join(root, "unit", "reports"), Evidence: filepath.Join(root, "unit", "evidence")}
	for _, dir := range []string{u.Reports, u.Evidence, filepath.Join(root, "suite")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		u.Tests = append(u.Tests, e2e.Test{ID: "s/" + name, Name: name, Suite: "s", Unit: "u"})
	}
	return &adapter.Process{Spec: adapter.Spec{Name: "s", Framework: "pytest"}, Root: root, Unit: u, Start: adapter.Command{Dir: filepath.Join(root, "suite")}}
}

// WithEvents has the process leave these lines of events.
func WithEvents(t *testing.T, p *adapter.Process, lines ...string) *adapter.Process {
	t.Helper()
	file := filepath.Join(p.Unit.Reports, "events.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Results = &adapter.EventFile{Path: file, Test: func(ev adapter.Event) e2e.Test {
		return e2e.Test{ID: "s/" + ev.File + "::" + ev.Name, Suite: "s", Name: ev.Name, File: ev.File}
	}}
	return p
}
