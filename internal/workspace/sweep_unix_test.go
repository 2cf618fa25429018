//go:build unix

package workspace

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSweep(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "secret"), "before")
	write(t, filepath.Join(root, "units", "1", "evidence", "log.txt"), "kept")
	write(t, filepath.Join(root, "result.json"), "{}")
	link(t, filepath.Join(outside, "secret"), filepath.Join(root, "evil.txt"))
	link(t, outside, filepath.Join(root, "units", "evil"))
	link(t, "log.txt", filepath.Join(root, "units", "1", "evidence", "inner"))
	if err := syscall.Mkfifo(filepath.Join(root, "processes"), 0o644); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", filepath.Join(root, "s"))
	if err != nil {
		t.Fatal(err)
	}
	socket.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = socket.Close()
	if err := os.Link(filepath.Join(outside, "secret"), filepath.Join(root, "units", "hard")); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(root, "units", "closed")
	link(t, outside, filepath.Join(closed, "evil"))
	write(t, filepath.Join(closed, "kept"), "kept")
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	dir, err := Open("", root)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	swept := Sweep(dir)
	slices.Sort(swept.Removed)
	want := Swept{Removed: []string{"evil.txt", "processes", "s", "units/1/evidence/inner", "units/closed/evil", "units/evil"}, Copied: []string{"units/hard"}}
	if diff := cmp.Diff(want, swept); diff != "" {
		t.Error(diff)
	}
	if text := swept.String(); !strings.Contains(text, "devices: 6, such as evil.txt; copied files that have a second name: 1, such as units/hard") {
		t.Error(text)
	}
	// What is left are files of their own, and nothing outside has changed.
	var left []string
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			t.Errorf("%s: %v", path, err)
		}
		if !d.IsDir() {
			left = append(left, d.Name())
		}
		return nil
	})
	if diff := cmp.Diff([]string{"result.json", "log.txt", "kept", "hard"}, left); diff != "" {
		t.Error(diff)
	}
	write(t, filepath.Join(outside, "secret"), "after")
	if data, _ := os.ReadFile(filepath.Join(root, "units", "hard")); string(data) != "before" {
		t.Errorf("a write outside reaches the upload: %q", data)
	}
	if again := Sweep(dir); again.String() != "" {
		t.Errorf("there was more: %s", again)
	}
}
