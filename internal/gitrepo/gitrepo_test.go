package gitrepo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/testkit/gitkit"
)

// repo is a repository of a test.
type repo struct {
	gitkit.Repo
}

func newRepo(t *testing.T) repo {
	t.Helper()
	return repo{gitkit.New(t)}
}

// commit writes files and commits them.
func (r repo) commit(files map[string]string) string {
	for name, text := range files {
		r.Write(name, text)
	}
	return r.Commit("parent " + strings.Repeat("b", 40) + "\n\nparent " + strings.Repeat("c", 40))
}

func (r repo) checkout() Checkout { return Checkout{Dir: r.Dir, Environ: os.Environ()} }

func TestChanged(t *testing.T) {
	r := newRepo(t)
	base := r.commit(map[string]string{"a.go": "1", "moved.go": strings.Repeat("x\n", 50)})
	r.Git("mv", "moved.go", "there.go")
	r.commit(map[string]string{"a.go": "2", "ünï\tcode.go": "3"})
	work := r.checkout()
	if diff := cmp.Diff([]string{"a.go", "moved.go", "there.go", "ünï\tcode.go"}, work.Changed(t.Context(), base)); diff != "" {
		t.Error(diff)
	}
	for _, unknown := range []string{strings.Repeat("a", 40), "", "HEAD~1", "--output=x"} { // as in a shallow checkout; or no hash
		if got := work.Changed(t.Context(), unknown); len(got) != 0 {
			t.Errorf("%q: %v", unknown, got)
		}
	}
}

// A submodule whose commit is changed is listed, also where .gitmodules would have git say nothing of it.
func TestChangedSubmodule(t *testing.T) {
	r := newRepo(t)
	at := func(commit string) {
		r.Git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat(commit, 40)+",services/auth")
	}
	r.Write(".gitmodules", "[submodule \"services/auth\"]\n\tpath = services/auth\n\turl = ../auth\n\tignore = all\n")
	r.Write("a.go", "1")
	r.Git("add", ".gitmodules", "a.go")
	at("a")
	r.Git("commit", "-qm", "base")
	base := r.Git("rev-parse", "HEAD")
	r.Write("a.go", "2")
	r.Git("add", "a.go")
	at("b")
	r.Git("commit", "-qm", "change")
	want := []string{"a.go", "services/auth"}
	if diff := cmp.Diff(want, r.checkout().Changed(t.Context(), base)); diff != "" {
		t.Error(diff)
	}
	files, ok := r.checkout().ChangedBy(t.Context(), r.Git("rev-parse", "HEAD"))
	if diff := cmp.Diff(want, files); diff != "" || !ok {
		t.Error(ok, diff)
	}
}

// Files of submodules are listed where they are checked out, at any depth; of others there is only the folder.
func TestAllFiles(t *testing.T) {
	inner, sub, r := newRepo(t), newRepo(t), newRepo(t)
	inner.commit(map[string]string{"deep.go": "1"})
	add := func(to, from repo, name string) {
		to.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", from.Dir, name)
	}
	sub.Write("a_test.go", "1")
	add(sub, inner, "inner")
	sub.Commit("sub")
	r.Write("go.mod", "1")
	add(r, sub, "e2e")
	add(r, inner, "other")
	r.Commit("top")
	r.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive", "e2e")
	r.Git("submodule", "--quiet", "deinit", "-f", "other")
	want := []string{".gitmodules", "e2e/.gitmodules", "e2e/a_test.go", "e2e/inner/deep.go", "go.mod", "other"}
	if diff := cmp.Diff(want, r.checkout().AllFiles(t.Context())); diff != "" {
		t.Error(diff)
	}
	if files := r.checkout().Files(t.Context()); !slices.Equal(files, []string{".gitmodules", "e2e", "go.mod", "other"}) {
		t.Error(files)
	}
}

// A working copy has changed what is committed, staged, written or new. What git ignores does not count, nor a file that was written as it was.
func TestChangedHere(t *testing.T) {
	r := newRepo(t)
	base := r.commit(map[string]string{"a.go": "1", "b.go": "1", "c.go": "1", "gone.go": "1", "same.go": "1", ".gitignore": "*.log\n"})
	r.commit(map[string]string{"a.go": "2"})
	r.Write("b.go", "2")
	r.Git("add", "b.go")
	r.Write("c.go", "2")
	r.Write("dir/new ünï.go", "1")
	r.Write("x.log", "1")
	r.Write("same.go", "1")
	if err := os.Remove(filepath.Join(r.Dir, "gone.go")); err != nil {
		t.Fatal(err)
	}
	got, ok := r.checkout().ChangedHere(t.Context(), base)
	if diff := cmp.Diff([]string{"a.go", "b.go", "c.go", "dir/new ünï.go", "gone.go"}, got); diff != "" || !ok {
		t.Error(ok, diff)
	}
	for _, unknown := range []string{strings.Repeat("a", 40), "", "HEAD", "--output=x"} {
		if got, ok := r.checkout().ChangedHere(t.Context(), unknown); ok {
			t.Errorf("%q: %v", unknown, got)
		}
	}
}

func TestChangesOfABranch(t *testing.T) {
	r := newRepo(t)
	base := r.commit(map[string]string{"a": "1", "b": "1"})
	r.Git("checkout", "-qb", "change")
	r.commit(map[string]string{"a": "2"})
	r.commit(map[string]string{"c": "2"})
	r.Git("checkout", "-q", "main")
	second := r.commit(map[string]string{"b": "2"})
	r.Git("merge", "-q", "--no-ff", "-m", "merge", "change")
	head := r.Git("rev-parse", "HEAD")
	work := r.checkout()
	got, ok := work.FirstParents(t.Context(), base, head, 2)
	if diff := cmp.Diff([]string{head, second}, got); diff != "" || !ok {
		t.Error(ok, diff)
	}
	for commit, want := range map[string]string{head: "a c", second: "b"} {
		if files, ok := work.ChangedBy(t.Context(), commit); strings.Join(files, " ") != want || !ok {
			t.Errorf("%v %v, want %s", ok, files, want)
		}
	}
	if _, ok := work.FirstParents(t.Context(), base, head, 1); ok {
		t.Error("more than asked for are whole")
	}
	for _, from := range []string{strings.Repeat("a", 40), "", "main", r.Git("rev-parse", "change")} {
		if list, ok := work.FirstParents(t.Context(), from, second, 10); ok {
			t.Errorf("%q: %v", from, list)
		}
	}
	if files, ok := work.ChangedBy(t.Context(), base); ok { // it has no parent
		t.Error(files)
	}
}

func TestFile(t *testing.T) {
	r := newRepo(t)
	base := r.commit(map[string]string{"dir/a b.yml": "one\n", "empty": "", "*.yml": "star"})
	if err := os.Symlink("empty", filepath.Join(r.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	second := r.commit(map[string]string{"dir/a b.yml": "two"})
	work := r.checkout()
	if links, err := work.Links(t.Context()); err != nil || !slices.Equal(links, []string{"link"}) {
		t.Errorf("%v %v", links, err)
	}
	for _, tc := range []struct {
		commit, path, text string
		found, unknown     bool
	}{
		{base, "dir/a b.yml", "one\n", true, false},
		{second, "dir/a b.yml", "two", true, false},
		{base, "empty", "", true, false},
		{base, "*.yml", "star", true, false}, // a name, not a pattern
		{base, "dir/*.yml", "", false, false},
		{base, "nothing", "", false, false},
		{base, "dir", "", false, true},
		{second, "link", "", false, true},
		{strings.Repeat("a", 40), "empty", "", false, true},
		{"HEAD", "empty", "", false, true},
	} {
		data, found, err := work.File(t.Context(), tc.commit, tc.path)
		if string(data) != tc.text || found != tc.found || (err != nil) != tc.unknown {
			t.Errorf("%.8s %s: %q %v %v", tc.commit, tc.path, data, found, err)
		}
	}
}

// What stands in the checkout cannot change what git says of a commit.
func TestNothingInTheCheckoutIsTrusted(t *testing.T) {
	r := newRepo(t)
	base := r.commit(map[string]string{"e2e-gate.yml": "strict\n"})
	other := r.commit(map[string]string{"e2e-gate.yml": "lax\n"})
	touched := filepath.Join(t.TempDir(), "touched")
	program := "!sh -c 'touch " + touched + "; cat'"
	script := filepath.Join(t.TempDir(), "run.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ntouch "+touched+"\necho lax\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.Git("replace", r.Git("rev-parse", base+":e2e-gate.yml"), r.Git("rev-parse", other+":e2e-gate.yml"))
	r.Git("replace", base, other)
	for _, set := range [][2]string{{"diff.evil.textconv", script}, {"diff.external", script}, {"core.fsmonitor", script}, {"core.pager", program}, {"core.hooksPath", filepath.Dir(script)}} {
		r.Git("config", set[0], set[1])
	}
	if err := os.WriteFile(filepath.Join(r.Dir, ".git", "info", "attributes"), []byte("*.yml diff=evil\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	work := r.checkout()
	work.Environ = append(work.Environ, "GIT_DIR=/nowhere", "GIT_EXTERNAL_DIFF="+script, "GIT_PAGER="+script)
	data, found, err := work.File(t.Context(), base, "e2e-gate.yml")
	if string(data) != "strict\n" || !found || err != nil {
		t.Errorf("%q %v %v", data, found, err)
	}
	if got := work.Changed(t.Context(), base); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if work.Head(t.Context()) != other || !work.Has(t.Context(), base) {
		t.Error("the checkout is not read")
	}
	if _, err := os.Stat(touched); err == nil {
		t.Error("a program that the checkout configures was run")
	}
}

// A checkout of another user is read: jobs in containers have one.
func TestAnotherOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	r := newRepo(t)
	head := r.commit(map[string]string{"a": "1"})
	for _, name := range []string{r.Dir, filepath.Join(r.Dir, ".git")} {
		if err := os.Chown(name, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.checkout().Head(t.Context()); got != head {
		t.Errorf("HEAD is %q, want %s", got, head)
	}
}

func TestParents(t *testing.T) {
	r := newRepo(t)
	one := r.commit(map[string]string{"a": "1"})
	r.Git("checkout", "-qb", "change")
	two := r.commit(map[string]string{"b": "2"})
	r.Git("checkout", "-q", "main")
	three := r.commit(map[string]string{"c": "3"})
	r.Git("merge", "-q", "--no-ff", "-m", "merge\n\nparent "+two, "change")
	merge := r.Git("rev-parse", "HEAD")
	work := r.checkout()
	for commit, want := range map[string][]string{one: nil, three: {one}, merge: {three, two}, strings.Repeat("a", 40): nil, "HEAD": nil} {
		if diff := cmp.Diff(want, work.Parents(t.Context(), commit)); diff != "" {
			t.Errorf("%s: %s", commit, diff)
		}
	}
	if got := work.MergeBase(t.Context(), two, three); got != one {
		t.Errorf("merge base %q", got)
	}
	// A shallow clone knows the parents of its one commit, and can fetch another.
	shallow := filepath.Join(t.TempDir(), "shallow")
	r.Git("clone", "-q", "--depth=1", "file://"+r.Dir, shallow)
	work = Checkout{Dir: shallow, Environ: os.Environ()}
	if diff := cmp.Diff([]string{three, two}, work.Parents(t.Context(), merge)); diff != "" {
		t.Error(diff)
	}
	if work.Has(t.Context(), one) || work.MergeBase(t.Context(), two, three) != "" {
		t.Error("a shallow clone has what it has not")
	}
	r.Git("config", "uploadpack.allowReachableSHA1InWant", "true")
	if err := work.Fetch(t.Context(), one); err != nil || !work.Has(t.Context(), one) {
		t.Errorf("not fetched: %v", err)
	}
	if err := work.Fetch(t.Context(), strings.Repeat("a", 40)); err == nil {
		t.Error("a commit that is nowhere was fetched")
	}
	if work.Resolve(t.Context(), "main") != merge || work.Resolve(t.Context(), "nothing") != "" {
		t.Errorf("main is %q", work.Resolve(t.Context(), "main"))
	}
}

func TestAncestors(t *testing.T) {
	r := newRepo(t)
	one := r.commit(map[string]string{"a": "1"})
	r.Git("checkout", "-qb", "side")
	side := r.commit(map[string]string{"b": "1"})
	r.Git("checkout", "-q", "main")
	two := r.commit(map[string]string{"a": "2"})
	r.Git("merge", "-q", "--no-ff", "-m", "merge", "side")
	merged := r.Git("rev-parse", "HEAD")
	all := r.checkout().Ancestors(t.Context(), merged, 10)
	if len(all) != 4 || all[0] != merged || all[3] != one || !slices.Contains(all, side) || !slices.Contains(all, two) {
		t.Error(all)
	}
	if got := r.checkout().Ancestors(t.Context(), merged, 2); len(got) != 2 {
		t.Error(got)
	}
	missing := strings.Repeat("d", 40)
	if got := r.checkout().Ancestors(t.Context(), missing, 10); !slices.Equal(got, []string{missing}) {
		t.Errorf("a commit that the checkout does not have: %v", got)
	}
	if got := r.checkout().Ancestors(t.Context(), "--all", 10); got != nil {
		t.Error(got)
	}
}
