// Package gitrepo asks git about a checkout. It trusts nothing in it: no replaced objects, no
// grafts, no configured program (textconv, external diffs, hooks, file system monitors), no
// configuration of the user or the system, and no GIT_ variable of the environment.
package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/proc"
)

// Checkout is a working copy that git is asked about.
type Checkout struct {
	// Dir is its top, or a folder in it.
	Dir string
	// Environ is what git inherits, without what is withheld from child processes.
	Environ []string
}

// timeout bounds one question to git, fetchTimeout one that goes over the network.
const (
	timeout      = 10 * time.Second
	fetchTimeout = time.Minute
)

// fullHash is what becomes an argument of git.
var fullHash = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// fixed are the options of every call. A checkout that belongs to another user, as in a container
// job, is read too: nothing that it configures is run.
var fixed = []string{"git", "--no-replace-objects", "--no-pager", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull,
	"-c", "diff.external=", "-c", "core.attributesFile=" + os.DevNull, "-c", "protocol.ext.allow=never", "-c", "core.quotePath=false"}

func (c Checkout) env() []string {
	base := slices.DeleteFunc(slices.Clone(c.Environ), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	return proc.CleanEnv(proc.Env{Base: base, Set: []map[string]string{{
		"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.DevNull, "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_ATTR_NOSYSTEM": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C",
	}}})
}

// ErrForeign is that git refuses a checkout because its files belong to another user, in a container job or on
// a machine of one's own. Since git 2.38, safe.directory among the options of a call prevents that; before, only
// a configuration of the user's did, which is not trusted here.
var ErrForeign = errors.New("git refuses this checkout, because its files belong to another user than the one that the gate runs as (\"dubious ownership\"); " +
	"run checkout and gate as the same user (in a container job: options: --user), give the files to that user with chown, or install git 2.38 or newer")

// foreignSaid is how git says so, since 2.35.3 and before that.
var foreignSaid = regexp.MustCompile(`(?m)^fatal: (detected dubious ownership in repository|unsafe repository \()`)

// git runs git and returns what it printed. The error is what git said.
func (c Checkout) git(ctx context.Context, limit time.Duration, args ...string) (string, error) {
	var out, said strings.Builder
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	exit := proc.Run(ctx, proc.Spec{Argv: append(slices.Clone(fixed), args...), Dir: c.Dir, Env: c.env(), Stdout: &out, Log: &said})
	if exit.OK() {
		return out.String(), nil
	}
	if exit.Err != nil {
		return "", exit.Err
	}
	if foreignSaid.MatchString(said.String()) {
		return "", ErrForeign
	}
	return "", errors.New(firstLine(said.String(), "git "+args[0]+" failed with "+exit.String()))
}

// firstLine is what git said, without its "fatal: ".
func firstLine(text, otherwise string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if line = strings.TrimPrefix(line, "fatal: "); line == "" {
		return otherwise
	}
	return line
}

// Foreign reports whether git refuses the checkout because its files belong to another user.
func (c Checkout) Foreign(ctx context.Context) bool {
	_, err := c.git(ctx, timeout, "rev-parse", "--git-dir")
	return errors.Is(err, ErrForeign)
}

// Head is the commit that is checked out; empty where there is none, or no git.
func (c Checkout) Head(ctx context.Context) string {
	out, err := c.git(ctx, timeout, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// Parents are the parents of a commit as its object names them, which a shallow checkout has too.
func (c Checkout) Parents(ctx context.Context, commit string) []string {
	if !fullHash.MatchString(commit) {
		return nil
	}
	out, err := c.git(ctx, timeout, "cat-file", "commit", commit)
	if err != nil {
		return nil
	}
	var parents []string
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			break // the message follows
		}
		if hash, ok := strings.CutPrefix(line, "parent "); ok && fullHash.MatchString(hash) {
			parents = append(parents, hash)
		}
	}
	return parents
}

// Has reports whether the checkout has a commit with its files, which a shallow one may not.
func (c Checkout) Has(ctx context.Context, commit string) bool {
	if !fullHash.MatchString(commit) {
		return false
	}
	_, err := c.git(ctx, timeout, "cat-file", "-e", commit+"^{tree}")
	return err == nil
}

// Fetch gets one commit from the remote that the checkout came from, if it does not have it.
func (c Checkout) Fetch(ctx context.Context, commit string) error {
	if !fullHash.MatchString(commit) {
		return fmt.Errorf("%q is not the full hash of a commit", commit)
	}
	if c.Has(ctx, commit) {
		return nil
	}
	_, err := c.git(ctx, fetchTimeout, "-c", "credential.helper=", "-c", "core.sshCommand=ssh", "-c", "remote.origin.uploadpack=git-upload-pack",
		"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--depth=1", "origin", commit)
	return err
}

// File reads a file of a commit, by its path from the top of the repository. found is false
// where the commit's tree does not name the path; an error means that it is unknown.
func (c Checkout) File(ctx context.Context, commit, path string) (data []byte, found bool, err error) {
	if !fullHash.MatchString(commit) {
		return nil, false, fmt.Errorf("%q is not the full hash of a commit", commit)
	}
	listed, err := c.git(ctx, timeout, "ls-tree", "-z", "--full-tree", commit, "--", path)
	if err != nil {
		return nil, false, err
	}
	if listed == "" {
		return nil, false, nil
	}
	kind := strings.Fields(listed)
	if len(kind) < 3 || kind[1] != "blob" || !strings.HasPrefix(kind[0], "100") {
		return nil, false, fmt.Errorf("%s is not a regular file at %.10s", path, commit)
	}
	text, err := c.git(ctx, timeout, "cat-file", "blob", kind[2])
	return []byte(text), err == nil, err
}

// MergeBase is the newest commit that two commits have in common; empty where it is not known,
// as in a shallow checkout.
func (c Checkout) MergeBase(ctx context.Context, a, b string) string {
	if !fullHash.MatchString(a) || !fullHash.MatchString(b) {
		return ""
	}
	out, err := c.git(ctx, timeout, "merge-base", a, b)
	if err != nil || !fullHash.MatchString(strings.TrimSpace(out)) {
		return ""
	}
	return strings.TrimSpace(out)
}

// Ancestors are a commit and those before it, the newest first, at most so many, as far as the
// checkout has them.
func (c Checkout) Ancestors(ctx context.Context, commit string, most int) []string {
	if !fullHash.MatchString(commit) {
		return nil
	}
	out, err := c.git(ctx, timeout, "rev-list", "--topo-order", fmt.Sprintf("--max-count=%d", most), "--end-of-options", commit)
	if err != nil {
		return []string{commit}
	}
	return strings.Fields(out)
}

// Resolve is the commit of a branch of the remote, as the checkout last saw it; empty where it
// is not known.
func (c Checkout) Resolve(ctx context.Context, branch string) string {
	out, err := c.git(ctx, timeout, "rev-parse", "--verify", "--quiet", "--end-of-options", "refs/remotes/origin/"+branch+"^{commit}")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// MainBranch is the default branch of the remote, as the checkout was made; empty where it does not say.
func (c Checkout) MainBranch(ctx context.Context) string {
	out, err := c.git(ctx, timeout, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
	if err != nil {
		return ""
	}
	name, ok := strings.CutPrefix(strings.TrimSpace(out), "refs/remotes/origin/")
	if !ok {
		return ""
	}
	return name
}

// OnBranch reports whether a commit is on a branch of the remote, as far as the checkout knows.
func (c Checkout) OnBranch(ctx context.Context, commit string) bool {
	if !fullHash.MatchString(commit) {
		return false
	}
	out, err := c.git(ctx, timeout, "for-each-ref", "--count=1", "--contains", commit, "refs/remotes/origin/")
	return err == nil && strings.TrimSpace(out) != ""
}

// MaxChanged bounds how many files of a change are looked at.
const MaxChanged = 5000

// allSubmodules has a submodule listed whose commit was changed, although .gitmodules says ignore = all: that is a file of the repository.
const allSubmodules = "--ignore-submodules=none"

// Changed are the files of the change since its common ancestor with a base; without a base, or
// where a shallow checkout does not have it, they are not known.
func (c Checkout) Changed(ctx context.Context, base string) []string {
	if !fullHash.MatchString(base) {
		return nil
	}
	out, err := c.git(ctx, timeout, "diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "-z", allSubmodules, base+"...HEAD")
	if err != nil {
		return nil
	}
	paths := strings.FieldsFunc(out, func(r rune) bool { return r == 0 })
	return paths[:min(len(paths), MaxChanged)]
}

// FirstParents are the commits of a branch behind one of its commits up to another one, the newest first: each the merge of a change,
// or the change itself. ok is false where they are not known, or are more than most.
func (c Checkout) FirstParents(ctx context.Context, from, to string, most int) (commits []string, ok bool) {
	if !fullHash.MatchString(from) || !fullHash.MatchString(to) || c.MergeBase(ctx, from, to) != from {
		return nil, false
	}
	out, err := c.git(ctx, timeout, "rev-list", "--first-parent", fmt.Sprintf("--max-count=%d", most+1), "--end-of-options", from+".."+to)
	if err != nil {
		return nil, false
	}
	commits = strings.Fields(out)
	return commits, len(commits) <= most
}

// ChangedBy are the files that a commit changes of its first parent. ok is false where they are not all known.
func (c Checkout) ChangedBy(ctx context.Context, commit string) (files []string, ok bool) {
	parents := c.Parents(ctx, commit)
	if len(parents) == 0 || !c.Has(ctx, parents[0]) {
		return nil, false
	}
	out, err := c.git(ctx, timeout, "diff-tree", "-r", "--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "-z", allSubmodules, parents[0], commit)
	if err != nil {
		return nil, false
	}
	files = strings.FieldsFunc(out, func(r rune) bool { return r == 0 })
	return files, len(files) < MaxChanged
}

// ChangedHere are the files that differ between a commit and the working copy: what was committed since, what is not
// committed, and what git neither tracks nor ignores. ok is false where they are not all known. It is for a developer's own working
// copy: a filter that the user configured for the repository may be run, as git status runs it.
func (c Checkout) ChangedHere(ctx context.Context, since string) (files []string, ok bool) {
	if !fullHash.MatchString(since) {
		return nil, false
	}
	tracked, err := c.git(ctx, timeout, "diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "-z", "--ignore-submodules=dirty", since)
	if err != nil {
		return nil, false
	}
	others, err := c.git(ctx, timeout, "ls-files", "--others", "--exclude-standard", "--full-name", "-z")
	if err != nil {
		return nil, false
	}
	files = strings.FieldsFunc(tracked+others, func(r rune) bool { return r == 0 })
	slices.Sort(files)
	files = slices.Compact(files)
	return files, len(files) < MaxChanged
}

// Tracked reports which files of a folder git tracks, by their names in it: those that came with
// the checkout. It is nil where there are none, as outside of a checkout.
func (c Checkout) Tracked(ctx context.Context, folder string) (func(name string) bool, error) {
	git := filepath.Join(c.Dir, ".git")
	if info, err := os.Stat(git); err == nil && info.IsDir() {
		git = filepath.Join(git, "HEAD") // without one it is not a repository
	}
	if _, err := os.Stat(git); err != nil {
		return nil, nil
	}
	top, err := filepath.EvalSymlinks(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("the checkout cannot be found: %w", err)
	}
	rel, err := filepath.Rel(c.Dir, folder)
	if err != nil || !filepath.IsLocal(rel) {
		rel = "" // it is elsewhere, unless a link leads back
	}
	const doubt = "git cannot say whether it tracks the records, which a change could have written (%w); make git work in this checkout"
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
	list, err := Checkout{real, c.Environ}.git(ctx, timeout, "ls-files", "-z", "--", ".")
	if err != nil {
		return nil, fmt.Errorf(doubt, err)
	}
	names := map[string]bool{}
	for name := range strings.SplitSeq(list, "\x00") {
		names[name] = true
	}
	return func(name string) bool { return names[name] }, nil
}

// Files are the paths of all files that git tracks; none where they are not known.
func (c Checkout) Files(ctx context.Context) []string {
	list, err := c.git(ctx, timeout, "ls-files", "-z")
	if err != nil {
		return nil
	}
	return strings.FieldsFunc(list, func(r rune) bool { return r == 0 })
}

// AllFiles are [Checkout.Files] with those of submodules that are checked out; of others, the folder.
func (c Checkout) AllFiles(ctx context.Context) []string {
	list, err := c.git(ctx, timeout, "ls-files", "--recurse-submodules", "-z")
	if err != nil {
		return c.Files(ctx)
	}
	return strings.FieldsFunc(list, func(r rune) bool { return r == 0 })
}

// Links are the paths of all symbolic links that git tracks.
func (c Checkout) Links(ctx context.Context) ([]string, error) {
	list, err := c.git(ctx, timeout, "ls-files", "--stage", "-z")
	if err != nil {
		return nil, err
	}
	var links []string
	for entry := range strings.SplitSeq(list, "\x00") {
		if mode, name, ok := strings.Cut(entry, "\t"); ok && strings.HasPrefix(mode, "120000 ") {
			links = append(links, name)
		}
	}
	return links, nil
}

// FilesOf are the paths of all regular files of a commit, sorted.
func (c Checkout) FilesOf(ctx context.Context, commit string) ([]string, error) {
	if !fullHash.MatchString(commit) {
		return nil, fmt.Errorf("%q is not a commit", commit)
	}
	list, err := c.git(ctx, timeout, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	var files []string
	for entry := range strings.SplitSeq(list, "\x00") {
		if mode, name, ok := strings.Cut(entry, "\t"); ok && strings.HasPrefix(mode, "100") {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files, nil
}

// trackedLink reports whether a part of a path below the checkout is a symbolic link that
// git tracks: it leads to wherever a change wants.
func (c Checkout) trackedLink(ctx context.Context, rel string) (bool, error) {
	for part := rel; part != "" && part != "."; part = filepath.Dir(part) {
		info, err := os.Lstat(filepath.Join(c.Dir, part))
		if err != nil || info.Mode()&os.ModeSymlink == 0 {
			continue
		}
		list, err := c.git(ctx, timeout, "ls-files", "-z", "--", filepath.ToSlash(part))
		if err != nil || list != "" {
			return list != "", err
		}
	}
	return false, nil
}

// Remote is the URL of the remote origin; empty where there is none, or no git. It may hold a password.
func (c Checkout) Remote(ctx context.Context) string {
	out, err := c.git(ctx, timeout, "config", "--local", "--get", "remote.origin.url")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}
