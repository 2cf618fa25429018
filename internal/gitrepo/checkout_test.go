package gitrepo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckOut writes a commit elsewhere: it is whole, a repository of its own, and nothing that the checkout configures was run.
func TestCheckOut(t *testing.T) {
	r := newRepo(t)
	ran := filepath.Join(t.TempDir(), "ran")
	base := r.commit(map[string]string{"a.txt": "base\n", "dir/b.sh": "echo b\n", ".gitattributes": "*.txt text eol=lf\n"})
	r.commit(map[string]string{"a.txt": "change\n", "new.txt": "new\n"})
	for _, hook := range []string{"post-checkout", "reference-transaction", "post-index-change"} {
		r.Write(".git/hooks/"+hook, "#!/bin/sh\necho "+hook+" >> "+ran+"\n")
		if err := os.Chmod(filepath.Join(r.Dir, ".git", "hooks", hook), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.Write(".git/info/attributes", "* filter=evil\n")
	r.Git("config", "filter.evil.smudge", "sh -c 'echo smudge >> "+ran+"; cat'")
	r.Git("config", "filter.evil.required", "true")
	r.Git("config", "core.fsmonitor", "echo fsmonitor >> "+ran)
	dir := t.TempDir()
	if err := r.checkout().CheckOut(t.Context(), base, dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.txt": "base\n", "dir/b.sh": "echo b\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new.txt")); err == nil {
		t.Error("a file of the change is there")
	}
	if _, err := os.Stat(ran); err == nil {
		text, _ := os.ReadFile(ran)
		t.Errorf("run: %s", text)
	}
	there := r.At(dir)
	if head, dirty := there.Git("rev-parse", "HEAD"), there.Git("status", "--porcelain"); head != base || dirty != "" {
		t.Errorf("HEAD is %s, want %s; status %q", head, base, dirty)
	}
	if log := there.Git("log", "--format=%H"); log != base {
		t.Errorf("log: %s", log)
	}
	if left := r.Git("worktree", "list"); strings.Count(left, "\n") != 0 {
		t.Errorf("the checkout knows of it: %s", left)
	}
}

// TestCheckOutRefuses has commits that are not what is in their files alone.
func TestCheckOutRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(t *testing.T, r repo)
		want    string
	}{
		"a submodule": {func(_ *testing.T, r repo) {
			r.Git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",lib")
		}, "submodule lib"},
		"an absolute link":          {linked("/etc", "conf"), "link conf, which leads out"},
		"a link out of it":          {linked("../../x", "a/link"), "link a/link, which leads out"},
		"a link out by another one": {func(t *testing.T, r repo) { linked("b/c", "d")(t, r); linked("d/../../../x", "e")(t, r) }, "link e, which leads out"},
		"Git LFS": {func(_ *testing.T, r repo) {
			r.Write("assets/.gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n")
			r.Git("add", "-A")
		}, "assets/.gitattributes names a filter"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			r.Write("b/c/f", "1")
			r.Git("add", "-A")
			tc.prepare(t, r)
			r.Git("commit", "-qm", "x")
			err := r.checkout().CheckOut(t.Context(), r.Git("rev-parse", "HEAD"), t.TempDir())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
	r := newRepo(t)
	r.commit(map[string]string{"a": "1"})
	for _, unknown := range []string{strings.Repeat("a", 40), "HEAD", "--help", ""} {
		if err := r.checkout().CheckOut(t.Context(), unknown, t.TempDir()); err == nil || !strings.Contains(err.Error(), "fetch-depth: 0") {
			t.Errorf("%q: %v", unknown, err)
		}
	}
}

func linked(to, name string) func(*testing.T, repo) {
	return func(t *testing.T, r repo) {
		t.Helper()
		file := filepath.Join(r.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, file); err != nil {
			t.Skip(err)
		}
		r.Git("add", "-A")
	}
}
