//go:build unix

package history

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe without a writer, or an endless device, must not block a run.
func TestPipesAndDevicesAreSkipped(t *testing.T) {
	d := Dir{Path: t.TempDir()}
	if err := syscall.Mkfifo(filepath.Join(d.Path, "pipe.jsonl.gz"), 0o600); err != nil {
		t.Skip(err)
	}
	if err := syscall.Symlink("/dev/zero", filepath.Join(d.Path, "zero.jsonl.gz")); err != nil {
		t.Fatal(err)
	}
	if records, skipped := load(t, d); len(records) != 0 || len(skipped) != 2 {
		t.Errorf("%d records, skipped %q", len(records), skipped)
	}
}
