package kubernetes

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// controlPlane returns the program with the four servers, which it builds where the user's
// cache folder does not have it.
func controlPlane(tb testing.TB) string {
	tb.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatal("no source")
	}
	source := filepath.Join(filepath.Dir(file), "controlplane")
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version())
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		data, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			tb.Fatal(err)
		}
		fmt.Fprintln(h, name, len(data))
		h.Write(data)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	program := filepath.Join(cache, "e2e-gate-testkit", fmt.Sprintf("controlplane-%x", h.Sum(nil)[:8]))
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		tb.Fatal(err)
	}
	tb.Log("building the control plane, which takes some minutes")
	fresh := fmt.Sprintf("%s.%d", program, os.Getpid())
	defer os.Remove(fresh) //nolint:errcheck // it was renamed, or is a part of a file
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", fresh, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("build the control plane: %v\n%s", err, out)
	}
	if err := os.Rename(fresh, program); err != nil {
		tb.Fatal(err)
	}
	return program
}
