//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/bigrun"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
)

// A signal while a verdict over many tests is made leaves a result that is not judged.
func TestSignalDuringAVerdict(t *testing.T) {
	dir := t.TempDir()
	if err := (bigrun.Run{Passed: 20_000, Shards: 4}).Write(dir); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(gatebin.Build(t), "verdict", "--plan", "plan.json", "--results", "results", "--out", "out") //nolint:gosec // ours
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var err error
	for signalled := false; ; {
		select {
		case err = <-done:
		case <-tick.C:
			// The folder is made before the first document is read.
			if _, missing := os.Stat(filepath.Join(dir, "out")); missing == nil && !signalled {
				signalled = true
				_ = cmd.Process.Signal(syscall.SIGTERM)
			}
			continue
		}
		break
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != e2e.ExitNotJudged {
		t.Errorf("ended with %v, want exit status %d", err, e2e.ExitNotJudged)
	}
	data, err := os.ReadFile(filepath.Join(dir, "out", "result.json"))
	var r e2e.Result
	if err != nil || json.Unmarshal(data, &r) != nil {
		t.Fatalf("%v: %.200s", err, data)
	}
	cancelled := false
	for _, reason := range r.Verdict.Reasons {
		cancelled = cancelled || reason.Code == e2e.CodeCancelled
	}
	if r.Verdict.State != e2e.VerdictNotJudged || !cancelled {
		t.Errorf("%s: %.500v", r.Verdict.State, r.Verdict.Reasons)
	}
}
