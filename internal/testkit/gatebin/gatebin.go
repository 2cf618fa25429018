// Package gatebin builds the gate's program for tests that run it as its users do.
package gatebin

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Root is the folder of the root module, above the working directory of the test.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for d := dir; ; d = filepath.Dir(d) {
		if info, err := os.Stat(filepath.Join(d, "cmd", "e2e-gate")); err == nil && info.IsDir() {
			return d
		}
		if filepath.Dir(d) == d {
			tb.Fatalf("no folder above %s has cmd/e2e-gate", dir)
		}
	}
}

// Build builds the program into a folder of the test and returns its path.
func Build(tb testing.TB) string {
	tb.Helper()
	program := filepath.Join(tb.TempDir(), "e2e-gate")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-o", program, "./cmd/e2e-gate") //nolint:gosec // ours
	cmd.Dir = Root(tb)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	return program
}
