package adapter

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
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
}

const (
	// maxSearched and maxDepth bound the search in a repository.
	maxSearched = 50_000
	maxDepth    = 8
	// maxManifest bounds a file that is read to look for a framework's name in it.
	maxManifest = 1 << 20
)

// Tree is the files of a repository, from its root, without those of packages and
// builds.
type Tree struct {
	root string
	// Files are sorted, with forward slashes.
	Files []string
}

// ReadTree reads the names of a repository's files. What cannot be read is left out.
func ReadTree(root string) *Tree {
	t := &Tree{root: root}
	t.walk(".", 0)
	slices.Sort(t.Files)
	return t
}

func (t *Tree) walk(dir string, depth int) {
	entries, err := os.ReadDir(filepath.Join(t.root, filepath.FromSlash(dir)))
	if err != nil || depth > maxDepth {
		return
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case len(t.Files) >= maxSearched || IsBuilt(e.Name()):
			continue
		case e.Type().IsRegular():
			t.Files = append(t.Files, name)
		case e.Type() == fs.ModeDir && !strings.HasPrefix(e.Name(), ".") && e.Name() != "testdata":
			t.walk(name, depth+1)
		}
	}
}

// Matching are the files whose base name matches one of the patterns.
func (t *Tree) Matching(patterns ...string) []string {
	var found []string
	for _, file := range t.Files {
		for _, pattern := range patterns {
			if ok, _ := path.Match(pattern, path.Base(file)); ok {
				found = append(found, file)
				break
			}
		}
	}
	return found
}

// Holding are the files of these names that hold one of the texts.
func (t *Tree) Holding(texts []string, patterns ...string) []string {
	return slices.DeleteFunc(t.Matching(patterns...), func(file string) bool {
		info, err := os.Stat(filepath.Join(t.root, filepath.FromSlash(file)))
		if err != nil || info.Size() > maxManifest {
			return true
		}
		data, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(file)))
		return err != nil || !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(string(data), text) })
	})
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

// Manifests are the package.json files that name a package of npm.
func (t *Tree) Manifests(name string) []string {
	return t.Holding([]string{`"` + name + `"`}, "package.json")
}
