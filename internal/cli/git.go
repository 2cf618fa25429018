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
	out, err := c.ask(ctx, args...)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// ask asks git. An error says what git said.
func (c checkout) ask(ctx context.Context, args ...string) (string, error) {
	var out strings.Builder
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	exit := proc.Run(ctx, proc.Spec{Argv: append([]string{"git"}, args...), Dir: c.dir, Env: proc.CleanEnv(proc.Env{Base: c.environ}), Stdout: &out})
	if !exit.OK() {
		said, _, _ := strings.Cut(strings.TrimSpace(exit.Tail), "\n")
		return "", fmt.Errorf("git %s: %s: %s", args[0], exit, said)
	}
	return out.String(), nil
}

// trackedBelow reports which files of a folder git tracks, by their names in it: those that
// came with the checkout. Outside of a checkout there are none.
func (c checkout) trackedBelow(ctx context.Context, folder string) (func(name string) bool, error) {
	git := filepath.Join(c.dir, ".git")
	if info, err := os.Stat(git); err == nil && info.IsDir() {
		git = filepath.Join(git, "HEAD") // without one it is not a repository
	}
	if _, err := os.Stat(git); err != nil {
		return nil, nil
	}
	top, err := filepath.EvalSymlinks(c.dir)
	if err != nil {
		return nil, fmt.Errorf("the checkout cannot be found: %w", err)
	}
	rel, err := filepath.Rel(c.dir, folder)
	if err != nil || !filepath.IsLocal(rel) {
		rel = "" // it is elsewhere, unless a link leads back
	}
	const doubt = "git cannot say whether it tracks the records, which a change could have written (%w); " +
		"make git work in this checkout, such as with git config --global --add safe.directory '*'"
	if link, err := c.trackedLink(ctx, rel); err != nil {
		return nil, fmt.Errorf(doubt, err)
	} else if link {
		return func(string) bool { return true }, nil
	}
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, fmt.Errorf("the folder of the history cannot be found: %w", err)
	}
	if inside, err := filepath.Rel(top, real); err != nil || !filepath.IsLocal(inside) {
		return nil, nil
	}
	list, err := checkout{real, c.environ}.ask(ctx, "ls-files", "-z", "--", ".")
	if err != nil {
		return nil, fmt.Errorf(doubt, err)
	}
	names := map[string]bool{}
	for name := range strings.SplitSeq(list, "\x00") {
		names[name] = true
	}
	return func(name string) bool { return names[name] }, nil
}

// trackedLink reports whether a part of a path below the checkout is a symbolic link that
// git tracks: it leads to wherever a change wants.
func (c checkout) trackedLink(ctx context.Context, rel string) (bool, error) {
	for part := rel; part != "" && part != "."; part = filepath.Dir(part) {
		info, err := os.Lstat(filepath.Join(c.dir, part))
		if err != nil || info.Mode()&os.ModeSymlink == 0 {
			continue
		}
		list, err := c.ask(ctx, "ls-files", "-z", "--", ":(literal)"+filepath.ToSlash(part))
		if err != nil || list != "" {
			return list != "", err
		}
	}
	return false, nil
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
