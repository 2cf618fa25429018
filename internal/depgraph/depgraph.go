// Package depgraph reads from the files of a repository which of its parts use which others: packages of Go by their imports,
// packages of npm, pnpm and yarn by their package.json, modules of Maven by their POMs. No tool is run and nothing is downloaded.
//
// It sees more than a build does rather than less: imports under all build constraints, dependencies of all scopes and profiles. A
// change needs no graph of its base: a use that it takes away is in a file that it changes, so the part with that file is changed
// itself; and manifests, which say what parts of npm and Maven use, affect everything.
package depgraph

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The kinds of graphs that can be read.
const (
	Go    = "go"
	NPM   = "npm"
	Maven = "maven"
)

// Kinds are all kinds.
func Kinds() []string { return []string{Go, NPM, Maven} }

// maxFile bounds a file that is read, in bytes.
const maxFile = 32 << 20

// Part is a part of a repository: a package or a module.
type Part struct {
	// Dir is its folder, from the root; "." is the root.
	Dir string
	// Files are those of it that say whose it is, from the root.
	Files []string
	// Inert: nothing runs it but what uses it, or tests of its own that are no suite.
	Inert bool

	users []int
}

// Graph is the parts of a repository with what uses them. The zero value has none.
type Graph struct {
	parts []*Part
	kinds []kind
	names []string // of the kinds
}

// kind finds the parts that a file belongs to. known: that is all that depends on it.
type kind interface {
	of(file string) (parts []int, known bool)
}

// Read reads the graphs of some kinds from a tree whose files are given by their paths. It is an error if a file cannot be read
// that decides on a graph: what it uses is not known then.
func Read(tree fs.FS, files, kinds []string) (*Graph, error) {
	g := &Graph{}
	files = slices.DeleteFunc(slices.Clone(files), isForeign)
	for _, name := range kinds {
		var k kind
		var err error
		switch name {
		case Go:
			k, err = g.readGo(tree, files)
		case NPM:
			k, err = g.readNPM(tree, files)
		case Maven:
			k, err = g.readMaven(tree, files)
		default:
			err = fmt.Errorf("unknown graph %q", name)
		}
		if err != nil {
			return nil, err
		}
		g.kinds, g.names = append(g.kinds, k), append(g.names, name)
	}
	for _, p := range g.parts {
		slices.Sort(p.users)
	}
	return g, nil
}

// languages are the kinds of graphs that know who uses a source, by its extension. Sources of "other" languages are used in ways that
// no graph knows; what is not named here is part of the package that has it.
var languages = map[string]string{
	".go": Go,
	".js": NPM, ".jsx": NPM, ".mjs": NPM, ".cjs": NPM, ".ts": NPM, ".tsx": NPM, ".mts": NPM, ".cts": NPM, ".vue": NPM, ".svelte": NPM, ".astro": NPM,
	".java": Maven, ".kt": Maven, ".kts": Maven, ".scala": Maven, ".groovy": Maven, ".clj": Maven,
	".py": other, ".rs": other, ".cs": other, ".fs": other, ".vb": other, ".rb": other, ".php": other, ".swift": other, ".c": other, ".cc": other, ".cpp": other,
	".h": other, ".hpp": other, ".m": other, ".dart": other, ".ex": other, ".exs": other, ".erl": other, ".hs": other, ".proto": other, ".thrift": other,
	".graphql": other, ".avsc": other, ".sql": other, ".sh": other, ".tf": other, ".bzl": other,
}

const other = "other"

func languageOf(file string) string { return languages[strings.ToLower(path.Ext(file))] }

// isForeign reports whether a file is a copy of somebody else's package.
func isForeign(file string) bool {
	return strings.Contains("/"+file, "/vendor/") || strings.Contains("/"+file, "/node_modules/")
}

// Of are the parts that a file is of. known: they and what uses them are all that depends on it, as far as the kinds of graphs can
// tell; else something else may too.
func (g *Graph) Of(file string) (parts []*Part, known bool) {
	if isForeign(file) {
		return nil, false
	}
	language := languageOf(file)
	for i, k := range g.kinds {
		own, all := k.of(file)
		for _, at := range own {
			parts = append(parts, g.parts[at])
		}
		known = known || all && (language == "" || language == g.names[i])
	}
	return parts, known
}

// Users are some parts with all that use them, at any distance.
func (g *Graph) Users(parts []*Part) (all []*Part) {
	seen := map[*Part]bool{}
	for todo := slices.Clone(parts); len(todo) > 0; {
		p := todo[0]
		if todo = todo[1:]; seen[p] {
			continue
		}
		seen[p] = true
		all = append(all, p)
		for _, user := range p.users {
			todo = append(todo, g.parts[user])
		}
	}
	return all
}

// Astray is the first of some parts, which are those of [Graph.Users], that leads to no mapped one by what uses it; nil:
// there is none. So it is not known what depends on it in the end. What is inert need not lead anywhere.
func (g *Graph) Astray(parts []*Part, mapped func(*Part) bool) *Part {
	uses, leads := map[*Part][]*Part{}, map[*Part]bool{}
	var todo []*Part
	for _, p := range parts {
		for _, user := range p.users {
			uses[g.parts[user]] = append(uses[g.parts[user]], p)
		}
		if mapped(p) {
			todo = append(todo, p)
		}
	}
	for len(todo) > 0 {
		p := todo[0]
		if todo = todo[1:]; !leads[p] {
			leads[p] = true
			todo = append(todo, uses[p]...)
		}
	}
	for _, p := range parts {
		if !leads[p] && !p.Inert {
			return p
		}
	}
	return nil
}

// add adds a part and returns its index.
func (g *Graph) add(p Part) int {
	g.parts = append(g.parts, &p)
	return len(g.parts) - 1
}

// use notes that a part uses another one.
func (g *Graph) use(user, used int) {
	if p := g.parts[used]; user != used && !slices.Contains(p.users, user) {
		p.users = append(p.users, user)
	}
}

// folders are parts by their folder.
type folders map[string][]int

// above are the parts whose folder a file is in, the nearest first, without those of the root.
func (f folders) above(file string) (parts []int) {
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		parts = append(parts, f[dir]...)
	}
	return parts
}

// fill gives each part the files of its folder that are of no part below it.
func (g *Graph) fill(f folders, files []string) {
	for _, file := range files {
		for dir := path.Dir(file); ; dir = path.Dir(dir) {
			for _, at := range f[dir] {
				g.parts[at].Files = append(g.parts[at].Files, file)
			}
			if len(f[dir]) > 0 || dir == "." {
				break
			}
		}
	}
}

// errGone is that a file is not there that git knows: it was deleted and that is not committed yet.
var errGone = errors.New("the file is gone")

// read reads a regular file.
func read(tree fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(tree, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errGone
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", name, reason(err))
	case !info.Mode().IsRegular(): // opening a pipe could block
		return nil, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s has %d MB", name, info.Size()>>20)
	}
	f, err := tree.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, reason(err))
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, reason(err))
	}
	return data, nil
}

// reason is an error of a file system without the operation and the path.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
