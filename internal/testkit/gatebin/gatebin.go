// Package gatebin builds the gate's program for tests that run it as its users do.
package gatebin

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// Root is the folder of the root module, above the working directory of the test.
func Root(tb testing.TB) string {
	tb.Helper()
	root, err := rootOf()
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

func rootOf() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if info, err := os.Stat(filepath.Join(d, "cmd", "e2e-gate")); err == nil && info.IsDir() {
			return d, nil
		}
		if filepath.Dir(d) == d {
			return "", fmt.Errorf("no folder above %s has cmd/e2e-gate", dir)
		}
	}
}

// Build returns the path of the program, in a folder of the test.
func Build(tb testing.TB) string {
	tb.Helper()
	made, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	program := filepath.Join(tb.TempDir(), filepath.Base(made))
	if os.Link(made, program) == nil {
		return program
	}
	data, err := os.ReadFile(made)
	if err == nil {
		err = os.WriteFile(program, data, 0o755)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return program
}

// Cache is the folder of what tests keep for the next ones.
func Cache() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "e2e-gate-examples")
}

// built builds the program once for this process. The file stays: go links a program of the same name only if something has changed,
// and does not write into the old one, to which tests have links.
var built = sync.OnceValues(func() (string, error) {
	root, err := rootOf()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(Cache(), fmt.Sprintf("gate-%x", sha256.Sum256([]byte(root)))[:21])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	release, err := Lock(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer release()
	program := filepath.Join(dir, "e2e-gate")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	// As it is released, and as the action builds it: what was compiled for one serves the other.
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./cmd/e2e-gate") //nolint:gosec,noctx // ours
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return program, nil
})
