package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/proc"
)

// root is the git top level, else the working directory.
func root() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return wd, nil
		}
	}
}

// checkout is a working copy that git is asked about.
type checkout struct {
	dir string
	// environ is what git inherits, without what is withheld from children.
	environ []string
}

// gitTimeout bounds one question to git.
const gitTimeout = 10 * time.Second

// git asks git; without git or a commit the answer is empty.
func (c checkout) git(ctx context.Context, args ...string) string {
	var out strings.Builder
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	exit := proc.Run(ctx, proc.Spec{Argv: append([]string{"git"}, args...), Dir: c.dir, Env: proc.CleanEnv(proc.Env{Base: c.environ}), Stdout: &out})
	if !exit.OK() {
		return ""
	}
	return strings.TrimSpace(out.String())
}

// head is the commit that is checked out.
func (c checkout) head(ctx context.Context) string { return c.git(ctx, "rev-parse", "HEAD") }

// has reports whether the checkout has a commit, which a shallow one may not.
func (c checkout) has(ctx context.Context, commit string) bool {
	return c.git(ctx, "rev-parse", "--verify", "--quiet", commit+"^{commit}") != ""
}

// maxChanged bounds how many files of a change are looked at.
const maxChanged = 5000

// changedPaths are the files of the change since a base; without a base, or where a shallow
// checkout does not have it, they are not known.
func (c checkout) changedPaths(ctx context.Context, base string) []string {
	if base == "" {
		return nil
	}
	paths := strings.FieldsFunc(c.git(ctx, "diff", "--name-only", "-z", base+"...HEAD"), func(r rune) bool { return r == 0 })
	return paths[:min(len(paths), maxChanged)]
}
