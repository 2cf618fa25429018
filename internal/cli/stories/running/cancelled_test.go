//go:build unix

package running

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/testkit/servers"
)

// TestCancelledRunDropsItsDatabases interrupts a run in the middle of a test that
// holds on to its database, and ignores signals.
func TestCancelledRunDropsItsDatabases(t *testing.T) {
	postgres := servers.StartPostgres(t)
	servers.Exec(t, "pgx", postgres.DSN("postgres"), "CREATE DATABASE template_of_test")
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"tests": "one hang\n", "e2e-gate.yml": fmt.Sprintf(`version: 1
stages: {pr: {on: [pull_request]}}
isolation: {postgres: {dsn: %q, template: template_of_test}}
suites:
  - {name: s, framework: command, list: [fake-suite, list, tests], run: [fake-suite, run, tests], reports: "{report_dir}/*.xml"}
`, postgres.DSN("template_of_test"))} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "e2e-gate", "run", "--out", filepath.Join(root, "out"))
	cmd.Dir = root
	done := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Join(root, "hang.pid")); err == nil {
			break
		}
		select {
		case err := <-done:
			t.Fatal("the gate ended: ", err)
		case <-tick.C:
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-done
	if status := cmd.ProcessState.ExitCode(); status != 3 {
		t.Errorf("status %d", status)
	}
	postgres.NothingLeft(t, filepath.Join(root, "out"), "")
}
