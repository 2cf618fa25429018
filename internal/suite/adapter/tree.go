package adapter

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Detected is a suite that was found in a repository.
type Detected struct {
	// Files prove it, from the repository root with forward slashes, sorted.
	Files []string
	// Spec is a config for it. Its name is the framework's, with the directory if there
	// are several.
	Spec Spec
	// Runner is the program that a suite of framework command starts, such as mocha.
	Runner string
	// Program is what the shell of Spec.Run starts; empty: Spec.Run starts no shell.
	Program string
	// Needs is what the repository lacks to run it, a line each.
	Needs []string
	// Recipe says where the docs show how its tests are planned one by one; empty where they are.
	Recipe string
	// Tests is about how many its sources hold, as they look; 0: not known.
	Tests int
	// Folders are where the tests lie that one start would run together although nothing says that
	// they are end-to-end tests; sorted. None: they belong together.
	Folders []Folder
	// Narrows: it can start in any folder below its own, and runs the tests there.
	Narrows bool
}

// Folder is a folder with about how many tests.
type Folder struct {
	Dir   string
	Tests int
}

// Kind is the name by which a person chooses the suite: its runner, else its framework.
func (d Detected) Kind() string { return cmp.Or(d.Runner, d.Spec.Framework) }

const (
	// maxSearched and maxDepth bound the search in a repository, in files and folders.
	maxSearched = 50_000
	maxDepth    = 8
	// maxManifest bounds a file that is read to look for a framework's name in it, in bytes;
	// maxRead how many are read, maxKept how many bytes of them are kept.
	maxManifest = 1 << 20
	maxRead     = 20_000
	maxKept     = 64 << 20
)

// Tree is the files of a repository, from its root, without those of packages and
// builds.
type Tree struct {
	root string
	// Files are sorted, with forward slashes.
	Files []string
	// Notes say what is not known of the repository, a line each.
	Notes []string

	// left is how many files may still be read, texts are those that were, room is for how many
	// bytes more.
	left, room int
	texts      map[string]string
	packages   map[string]*Package
}

// ReadTree reads the names of a repository's files. What cannot be read is left out. Where
// folders are named, only they are read, and the files beside and above them.
func ReadTree(root string, folders ...string) *Tree {
	t := &Tree{root: root, left: maxRead, room: maxKept, texts: map[string]string{}, packages: map[string]*Package{}}
	if len(folders) == 0 {
		t.walk(".", 0)
	}
	for _, folder := range folders {
		t.walk(folder, 0)
		for dir := folder; dir != "."; {
			dir = path.Dir(dir)
			t.walk(dir, maxDepth)
		}
	}
	slices.Sort(t.Files)
	t.Files = slices.Compact(t.Files)
	if len(t.Files) >= maxSearched {
		t.note(fmt.Sprintf("the repository has more than %d files, and only those were looked at; name a folder with --dir", maxSearched))
	}
	return t
}

func (t *Tree) note(text string) {
	if !slices.Contains(t.Notes, text) {
		t.Notes = append(t.Notes, text)
	}
}

func (t *Tree) walk(dir string, depth int) {
	entries, err := os.ReadDir(filepath.Join(t.root, filepath.FromSlash(dir)))
	if err != nil {
		return
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case len(t.Files) >= maxSearched || IsBuilt(e.Name()):
			continue
		case e.Type().IsRegular():
			t.Files = append(t.Files, name)
		case e.Type() == fs.ModeDir && depth < maxDepth && !strings.HasPrefix(e.Name(), ".") && e.Name() != "testdata" && e.Name() != "__pycache__":
			t.walk(name, depth+1)
		}
	}
}

// Has reports whether the repository has a file.
func (t *Tree) Has(file string) bool {
	_, found := slices.BinarySearch(t.Files, path.Clean(file))
	return found
}

// Above is the first of the files that lies in a folder or, the nearest first, in one above it;
// empty: none does.
func (t *Tree) Above(dir string, names ...string) string {
	for dir = path.Clean(dir); ; dir = path.Dir(dir) {
		for _, name := range names {
			if file := path.Join(dir, name); t.Has(file) {
				return file
			}
		}
		if dir == "." || dir == "/" {
			return ""
		}
	}
}

// Below are the files in a folder and below it whose base name matches one of the patterns.
func (t *Tree) Below(dir string, patterns ...string) []string {
	dir = path.Clean(dir)
	if dir == "." {
		return matching(t.Files, patterns)
	}
	from, _ := slices.BinarySearch(t.Files, dir+"/")
	to, _ := slices.BinarySearch(t.Files, dir+"0") // the byte after a slash
	return matching(t.Files[from:max(from, to)], patterns)
}

// Matching are the files whose base name matches one of the patterns.
func (t *Tree) Matching(patterns ...string) []string { return matching(t.Files, patterns) }

func matching(files, patterns []string) []string {
	var found []string
	for _, file := range files {
		base := file[strings.LastIndexByte(file, '/')+1:]
		if slices.ContainsFunc(patterns, func(pattern string) bool {
			if !strings.ContainsRune(pattern, '*') {
				return pattern == base
			}
			ok, _ := path.Match(pattern, base)
			return ok
		}) {
			found = append(found, file)
		}
	}
	return found
}

// Read is the text of a file; empty: it cannot be read, or is too large to be looked at.
func (t *Tree) Read(file string) string {
	if text, known := t.texts[file]; known {
		return text
	}
	if t.left--; t.left < 0 {
		t.note(fmt.Sprintf("only %d files were read to see what is in them; name a folder with --dir", maxRead))
		return ""
	}
	name := filepath.Join(t.root, filepath.FromSlash(file))
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxManifest {
		return ""
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	if t.room -= len(data); t.room > 0 {
		t.texts[file] = string(data)
	}
	return string(data)
}

// Holding are the files of these names that hold one of the texts.
func (t *Tree) Holding(texts []string, patterns ...string) []string {
	return slices.DeleteFunc(t.Matching(patterns...), func(file string) bool {
		data := t.Read(file)
		return !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(data, text) })
	})
}

// Count is how often files hold something, each line for itself.
func (t *Tree) Count(files []string, what *regexp.Regexp) int {
	n := 0
	for _, file := range files {
		n += len(what.FindAllStringIndex(t.Read(file), -1))
	}
	return n
}

// ByDir makes a suite of each directory that holds one of the files; those below
// another such directory belong to it.
func ByDir(files []string) []Detected {
	var found []Detected
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b string) int {
		return strings.Compare(path.Dir(a)+"/", path.Dir(b)+"/")
	})
	for _, file := range files {
		at := slices.IndexFunc(found, func(d Detected) bool {
			return d.Spec.Dir == "." || path.Dir(file) == d.Spec.Dir || strings.HasPrefix(file, d.Spec.Dir+"/")
		})
		if path.Dir(file) == "." {
			at = slices.IndexFunc(found, func(d Detected) bool { return d.Spec.Dir == "." })
		}
		if at < 0 {
			found = append(found, Detected{Spec: Spec{Dir: path.Dir(file)}})
			at = len(found) - 1
		}
		found[at].Files = append(found[at].Files, file)
	}
	return found
}

// Scripts are the names under which a configuration in JavaScript may stand.
func Scripts(name string) []string {
	var all []string
	for _, ext := range []string{"js", "cjs", "mjs", "ts", "cts", "mts"} {
		all = append(all, name+"."+ext)
	}
	return all
}
