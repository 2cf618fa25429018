//go:build unix

package gitrepo

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A checkout of another user is named as that, whichever words git has for it, and other failures are not.
func TestForeignCheckout(t *testing.T) {
	for said, foreign := range map[string]bool{
		"fatal: detected dubious ownership in repository at '/x'\nTo add an exception for this directory, call: git config": true, // git 2.35.3
		"fatal: unsafe repository ('/x' is owned by someone else)\nTo add an exception for this directory, call:":           true, // git 2.35.2
		"fatal: not a git repository (or any of the parent directories): .git":                                              false,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "said"), []byte(said), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "git"), []byte("#!/bin/sh\ncat '"+dir+"/said' >&2; exit 128\n"), 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		work := Checkout{Dir: dir, Environ: os.Environ()}
		if got := work.Foreign(t.Context()); got != foreign || work.Head(t.Context()) != "" {
			t.Errorf("%s: %v", said, got)
		}
	}
}

// A newer git reads the checkout of another user, because nothing that it configures is run.
func TestCheckoutOfAnotherUser(t *testing.T) {
	r := newRepo(t)
	head := r.commit(map[string]string{"a": "b"})
	if err := filepath.WalkDir(r.Dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, 65_534, 65_534))
	}); err != nil {
		t.Skipf("files cannot be given to another user: %v", err)
	}
	if got := r.checkout().Head(t.Context()); got != head && !r.checkout().Foreign(t.Context()) {
		t.Errorf("%q, want %s", got, head)
	}
}
