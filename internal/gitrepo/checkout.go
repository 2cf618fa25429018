package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// checkoutTime bounds how long the files of a commit may take to be written.
const checkoutTime = 5 * time.Minute

// CheckOut writes the files of a commit into an empty folder, which becomes a repository of its own with that one commit. It has
// the objects of this checkout and nothing of its configuration: no hook, no filter and no template of it is run. It refuses a commit
// that is not whole without these (submodules, Git LFS and other filters), and one with a link that leads out of the folder.
func (c Checkout) CheckOut(ctx context.Context, commit, dir string) error {
	if !c.Has(ctx, commit) {
		return fmt.Errorf("commit %.10s is not in the checkout; check out with fetch-depth: 0", commit)
	}
	listed, err := c.git(ctx, timeout, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return err
	}
	links, attributes, err := special(listed)
	if err != nil {
		return err
	}
	objects, err := c.git(ctx, timeout, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return err
	}
	if objects = strings.TrimSuffix(objects, "\n"); strings.ContainsAny(objects, "\n\"") {
		return errors.New("the path of the checkout has a line break or a quotation mark")
	}
	own := Checkout{Dir: dir, Environ: c.Environ}
	format := "sha1"
	if len(commit) == 64 {
		format = "sha256"
	}
	if _, err := own.git(ctx, timeout, "init", "--quiet", "--template=", "--object-format="+format); err != nil {
		return err
	}
	for _, f := range []struct{ name, text string }{{"objects/info/alternates", objects}, {"shallow", commit}, {"HEAD", commit}} {
		name := filepath.Join(dir, ".git", filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(f.text+"\n"), 0o644); err != nil { //nolint:gosec // as git writes it
			return err
		}
	}
	if _, err := own.git(ctx, checkoutTime, "read-tree", "--reset", "-u", commit); err != nil {
		return fmt.Errorf("not all files of commit %.10s are in the checkout: %w; check out with fetch-depth: 0, and without a filter", commit, err)
	}
	return checkTree(dir, links, attributes)
}

// special finds in the list of a tree what needs a look when it is checked out.
func special(listed string) (links, attributes []string, err error) {
	for entry := range strings.SplitSeq(listed, "\x00") {
		mode, name, ok := strings.Cut(entry, "\t")
		switch {
		case !ok:
		case strings.HasPrefix(mode, "160000 "):
			return nil, nil, fmt.Errorf("it has the submodule %s, whose files are not in the commit", name)
		case strings.HasPrefix(mode, "120000 "):
			links = append(links, name)
		case path.Base(name) == ".gitattributes":
			attributes = append(attributes, name)
		}
	}
	return links, attributes, nil
}

// checkTree refuses links that lead out of a folder, and files that a filter would make.
func checkTree(dir string, links, attributes []string) error {
	top, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	within := func(file string) bool {
		rel, err := filepath.Rel(top, file)
		return err == nil && filepath.IsLocal(rel)
	}
	for _, name := range links {
		file := filepath.Join(top, filepath.FromSlash(name))
		to, err := os.Readlink(file)
		if err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
		real, err := filepath.EvalSymlinks(file) // one that leads nowhere is judged by its text
		if filepath.IsAbs(to) || !within(filepath.Join(filepath.Dir(file), to)) || err == nil && !within(real) {
			return fmt.Errorf("it has the link %s, which leads out of it", name)
		}
	}
	for _, name := range attributes {
		text, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name))) //nolint:gosec // the commit names it
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte("filter=")) {
			return fmt.Errorf("%s names a filter, such as Git LFS, so the commit does not have all contents", name)
		}
	}
	return nil
}
