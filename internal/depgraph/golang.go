package depgraph

import (
	"bytes"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// goPackage is what is read of a folder with Go files: twice a part, since nothing can import the files of its tests.
type goPackage struct {
	part, tests int
	// imports of both.
	imports [2]map[string]bool
	// embeds: it has a //go:embed, so that files below its folder may be part of it.
	embeds bool
	files  map[string]bool
}

type goGraph struct {
	packages map[string]*goPackage
	// modules are the folders by the path of the module there, or of one that a replace directive leads to it.
	modules map[string][]string
}

// readGo reads the imports of all Go files, whatever their build constraints.
func (g *Graph) readGo(tree fs.FS, files []string) (kind, error) {
	gg := &goGraph{map[string]*goPackage{}, map[string][]string{}}
	for _, file := range files {
		var err error
		switch base := path.Base(file); {
		case base == "go.mod" || base == "go.work":
			err = gg.readModule(tree, file)
		case path.Ext(base) == ".go":
			err = gg.readFile(tree, file)
		}
		if err != nil && !errors.Is(err, errGone) {
			return nil, err
		}
	}
	if len(gg.modules) == 0 {
		return nil, errors.New("the repository has no go.mod")
	}
	dirs := make([]string, 0, len(gg.packages))
	for dir := range gg.packages {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		p := gg.packages[dir]
		p.part, p.tests = g.add(Part{Dir: dir}), g.add(Part{Dir: dir, Inert: true})
	}
	for _, dir := range dirs {
		p := gg.packages[dir]
		for file := range p.files {
			part := g.parts[p.part]
			if strings.HasSuffix(file, "_test.go") {
				part = g.parts[p.tests]
			}
			part.Files = append(part.Files, file)
		}
		slices.Sort(g.parts[p.part].Files)
		slices.Sort(g.parts[p.tests].Files)
		if len(g.parts[p.tests].Files) > 0 {
			g.use(p.tests, p.part)
		}
		for i, user := range []int{p.part, p.tests} {
			for name := range p.imports[i] {
				for _, used := range gg.find(name) {
					g.use(user, used.part)
				}
			}
		}
	}
	return gg, nil
}

// find are the packages of the repository that an import may mean.
func (gg *goGraph) find(name string) (list []*goPackage) {
	for prefix := name; prefix != "." && prefix != "/"; prefix = path.Dir(prefix) {
		for _, dir := range gg.modules[prefix] {
			if p := gg.packages[path.Join(dir, strings.TrimPrefix(name, prefix))]; p != nil {
				list = append(list, p)
			}
		}
	}
	return list
}

// of: a Go file is of the package of its folder. Any other file may be embedded by packages above it, and read
// by the nearest one, unless that is of the root.
func (gg *goGraph) of(file string) (parts []int, known bool) {
	dir := path.Dir(file)
	if p := gg.packages[dir]; p != nil && path.Ext(file) == ".go" {
		switch {
		case strings.HasSuffix(file, "_test.go"):
			parts = append(parts, p.tests)
		default:
			parts = append(parts, p.part)
		}
		known = true
	}
	for nearest := !known; ; dir = path.Dir(dir) {
		if p := gg.packages[dir]; p != nil && (p.embeds || nearest && (dir != "." || path.Dir(file) == ".")) {
			parts, nearest = append(parts, p.part, p.tests), false
		}
		if dir == "." {
			return parts, known
		}
	}
}

// readFile reads the imports of a file.
func (gg *goGraph) readFile(tree fs.FS, file string) error {
	data, err := read(tree, file)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, data, parser.ImportsOnly|parser.SkipObjectResolution)
	if err != nil {
		if isSample(file) {
			return nil
		}
		return fmt.Errorf("the imports of %s cannot be read: %w", file, err)
	}
	dir := path.Dir(file)
	p := gg.packages[dir]
	if p == nil {
		p = &goPackage{imports: [2]map[string]bool{{}, {}}, files: map[string]bool{}}
		gg.packages[dir] = p
	}
	p.files[file] = true
	p.embeds = p.embeds || bytes.Contains(data, []byte("//go:embed "))
	imports := p.imports[0]
	if strings.HasSuffix(file, "_test.go") {
		imports = p.imports[1]
	}
	for _, spec := range parsed.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			imports[name] = true
		}
	}
	return nil
}

// isSample reports whether the go tool passes over a file unless another one names it: it may be an example of what does not compile.
func isSample(file string) bool {
	return slices.ContainsFunc(strings.Split(file, "/"), func(part string) bool {
		return part == "testdata" || strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".")
	})
}

// readModule reads the path of a module, and which folders replace others.
func (gg *goGraph) readModule(tree fs.FS, file string) error {
	data, err := read(tree, file)
	if err != nil {
		return err
	}
	dir, block, found := path.Dir(file), "", path.Base(file) == "go.work"
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "//")
		words := strings.Fields(strings.ReplaceAll(line, `"`, ""))
		switch {
		case len(words) == 0:
			continue
		case len(words) == 1 && words[0] == ")":
			block = ""
			continue
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case block != "":
			words = append([]string{block}, words...)
		}
		switch to := slices.Index(words, "=>"); {
		case words[0] == "module" && len(words) > 1 && !found:
			gg.modules[words[1]], found = append(gg.modules[words[1]], dir), true
		case words[0] == "replace" && to >= 2 && to+1 < len(words) && strings.HasPrefix(words[to+1], "."):
			gg.modules[words[1]] = append(gg.modules[words[1]], path.Join(dir, words[to+1]))
		}
	}
	if !found && !isSample(file) {
		return fmt.Errorf("%s names no module", file)
	}
	return nil
}
