//go:build unix

package junit

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside.xml")
	if err := os.WriteFile(outside, []byte(`<testsuite/>`), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.xml")
	pipe := filepath.Join(dir, "pipe.xml")
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, path, root, want string }{
		{"missing", filepath.Join(dir, "missing.xml"), "", "1:1: the file cannot be read: no such file or directory"},
		{"folder", dir, "", "it is a folder"},
		{"pipe", pipe, "", "it is not a regular file"},
		{"link out of the root", "link.xml", dir, "escapes"},
		{"path out of the root", "../x.xml", dir, "escapes"},
		{"root is missing", "x.xml", filepath.Join(dir, "none"), "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sum, err := ReadFile(tt.path, Options{Root: tt.root}, func(Case) error { return nil })
			if err != nil || !sum.LosesEvidence() || !strings.Contains(messages(sum.Problems), tt.want) {
				t.Errorf("%v\n%s", err, messages(sum.Problems))
			}
		})
	}
}
