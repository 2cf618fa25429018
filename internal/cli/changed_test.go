package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChangedPaths(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("changed paths come from git, which is not installed")
	}
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-C", dir}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a.go", "1")
	git("add", "-A")
	git("commit", "-qm", "one")
	base := git("rev-parse", "HEAD")
	write("a.go", "2")
	write("ünï\tcode.go", "3")
	git("add", "-A")
	git("commit", "-qm", "two")
	work := checkout{dir, os.Environ()}
	if diff := cmp.Diff([]string{"a.go", "ünï\tcode.go"}, work.changedPaths(t.Context(), base)); diff != "" {
		t.Error(diff)
	}
	// As in a shallow checkout.
	if got := work.changedPaths(t.Context(), strings.Repeat("a", 40)); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
