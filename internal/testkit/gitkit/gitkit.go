// Package gitkit makes git repositories for tests, free of the settings of who runs them.
package gitkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Repo is a repository of a test.
type Repo struct {
	// Dir is its folder, which goes with the test.
	Dir string
	t   *testing.T
}

// New makes an empty repository whose branch is main. It skips the test where git is missing.
func New(t *testing.T) Repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := Repo{Dir: t.TempDir(), t: t}
	r.Git("init", "-q", "-b", "main")
	return r
}

// At is another repository of the same test, which may not be there yet, as the target of a clone.
func (r Repo) At(dir string) Repo { return Repo{Dir: dir, t: r.t} }

// Git runs git in the repository. It returns the output without the space around it, and fails the
// test if git fails.
func (r Repo) Git(args ...string) string {
	r.t.Helper()
	settings := []string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "maintenance.auto=false", "-C", r.Dir}
	cmd := exec.Command("git", append(settings, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Write writes a file, by its path in the repository.
func (r Repo) Write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// Commit commits the whole folder, also where nothing changed, and returns the commit's id.
func (r Repo) Commit(message string) string {
	r.t.Helper()
	r.Git("add", "-A")
	r.Git("commit", "-qm", message, "--allow-empty")
	return r.Git("rev-parse", "HEAD")
}
