package listing

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

const (
	// maxFiles and maxContent bound what is read of a repository, in files and bytes; maxPackaged how
	// many files of installed packages are looked at. Beyond that, listing again is no slower.
	maxFiles    = 50_000
	maxContent  = 256 << 20
	maxPackaged = 300_000
)

// skipped are folders that only tools write, and that decide of no test.
var skipped = []string{
	".e2e-gate", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".vite", ".vite-temp", ".vitest", "__pycache__",
}

// packages are folders of installed packages. Their files are known by what the file system says of
// them: reading all of them would take longer than a listing.
var packages = []string{".venv", ".yarn", "node_modules", "site-packages", "venv"}

// tree writes the state of a repository into a hash.
type tree struct {
	h      io.Writer
	root   string
	except []string
	// seen are folders outside of the repository that links led to.
	seen            map[string]bool
	files, packaged int
	bytes           int64
}

// top adds the repository. Of git's folder only what is checked out counts.
func (t *tree) top() error {
	for _, name := range []string{".git", ".git/HEAD"} {
		path := filepath.Join(t.root, filepath.FromSlash(name))
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			if err := t.file(path, info); err != nil {
				return err
			}
		}
	}
	return t.folder(t.root, false)
}

// folder adds all entries of a folder, sorted. packaged: it lies in a folder of packages.
func (t *tree) folder(dir string, packaged bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if !packaged {
		_, err := os.Lstat(filepath.Join(dir, "pyvenv.cfg"))
		packaged = err == nil
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if slices.Contains(skipped, e.Name()) || e.Name() == ".git" || packaged && e.Name() == ".cache" || slices.Contains(t.except, path) {
			continue
		}
		if err := t.entry(path, e, packaged || slices.Contains(packages, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) entry(path string, e fs.DirEntry, packaged bool) error {
	switch kind := e.Type(); {
	case kind.IsDir():
		if !packaged { // a tool makes folders of packages for its cache
			fmt.Fprintf(t.h, "folder %q\n", path)
		}
		return t.folder(path, packaged)
	case kind&fs.ModeSymlink != 0:
		return t.link(path, packaged)
	case !kind.IsRegular(): // a socket or the like: nothing reads it to list tests
		fmt.Fprintf(t.h, "%s %q\n", kind, path)
		return nil
	}
	info, err := e.Info()
	if err != nil {
		return err
	}
	if packaged {
		return t.stamp(path, info)
	}
	return t.file(path, info)
}

// file adds a file with its content.
func (t *tree) file(path string, info fs.FileInfo) error {
	t.files++
	t.bytes += info.Size()
	if t.files > maxFiles || t.bytes > maxContent {
		return errUnknown
	}
	fmt.Fprintf(t.h, "file %q %d %s\n", path, info.Size(), info.Mode())
	return content(t.h, path)
}

// stamp adds a file of a package. A package manager sets the time of modification to what it likes,
// so the time of change counts as well; a system that has none cannot tell.
func (t *tree) stamp(path string, info fs.FileInfo) error {
	if t.packaged++; t.packaged > maxPackaged || changed(info) == "" {
		return errUnknown
	}
	fmt.Fprintf(t.h, "packaged %q %d %s %d %s\n", path, info.Size(), info.Mode(), info.ModTime().UnixNano(), changed(info))
	return nil
}

// link adds a link, and what it leads to where that lies outside of the repository: a file, or a
// folder of packages. Any other folder out there may be of any size, and lead anywhere.
func (t *tree) link(path string, packaged bool) error {
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.h, "link %q %q\n", path, target)
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if Inside(t.root, real) && !t.leftOut(real) {
		return nil
	}
	info, err := os.Stat(real)
	switch {
	case err != nil:
		return err
	case info.Mode().IsRegular() && packaged:
		return t.stamp(real, info)
	case info.Mode().IsRegular():
		return t.file(real, info)
	case !info.IsDir():
		return nil
	case !packaged || Inside(real, t.root):
		return errUnknown
	case t.seen[real]:
		return nil
	}
	t.seen[real] = true
	return t.folder(real, true)
}

// leftOut reports whether a path in the repository lies in a folder that is not looked at.
func (t *tree) leftOut(path string) bool {
	for dir := path; dir != t.root && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if slices.Contains(skipped, filepath.Base(dir)) || filepath.Base(dir) == ".git" || slices.Contains(t.except, dir) {
			return true
		}
	}
	return false
}
