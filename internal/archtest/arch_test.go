package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/org/e2e-gate/"

// rule is a row of the package map.
type rule struct {
	pkg     string
	allowed []string // packages, each with those below it
	all     bool     // anything but the allowed ones
}

var quoted = regexp.MustCompile("`([^`]+)`")

// rules reads the table of docs/architecture.md.
func rules(t *testing.T) []rule {
	t.Helper()
	data, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []rule
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		r := rule{pkg: quoted.FindStringSubmatch(cells[1])[1]}
		may := strings.TrimSpace(cells[3])
		r.all = strings.HasPrefix(may, "anything")
		for _, m := range quoted.FindAllStringSubmatch(may, -1) {
			name := m[1]
			if !strings.HasPrefix(name, "internal/") && name != "shards" {
				name = "internal/" + name
			}
			r.allowed = append(r.allowed, name)
		}
		list = append(list, r)
	}
	if len(list) < 20 {
		t.Fatalf("the package map has only %d rows; was its table changed?", len(list))
	}
	return list
}

// ruleOf is the row of the package itself, else of the nearest one above it.
func ruleOf(list []rule, pkg string) (rule, bool) {
	for dir := pkg; dir != "."; dir = path.Dir(dir) {
		if i := slices.IndexFunc(list, func(r rule) bool { return r.pkg == dir }); i >= 0 {
			return list[i], true
		}
	}
	return rule{}, false
}

func below(pkg, top string) bool { return pkg == top || strings.HasPrefix(pkg, top+"/") }

func (r rule) permits(pkg string) bool {
	named := slices.ContainsFunc(r.allowed, func(a string) bool { return below(pkg, a) })
	return below(pkg, r.pkg) || named != r.all
}

func TestPackageMap(t *testing.T) {
	list := rules(t)
	used := map[string]bool{}
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && file != "../..") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel("../..", filepath.Dir(file))
		if err != nil {
			return err
		}
		check(t, list, filepath.ToSlash(rel), file, used)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if !used[r.pkg] {
			t.Errorf("the package map names %s, and there is no such package", r.pkg)
		}
	}
}

func check(t *testing.T, list []rule, pkg, file string, used map[string]bool) {
	t.Helper()
	if pkg == "internal/archtest" || strings.HasPrefix(pkg, "internal/testkit") {
		return
	}
	r, ok := ruleOf(list, pkg)
	if !ok {
		t.Errorf("%s is not in the package map of docs/architecture.md", pkg)
		return
	}
	used[r.pkg] = true
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, imp := range parsed.Imports {
		name, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if ours, ok := strings.CutPrefix(name, module); ok && !r.permits(ours) {
			t.Errorf("%s imports %s, which the package map does not allow", file, ours)
		}
	}
}

// TestOneFileKnowsEach: another place to publish at, or another history store, is one adapter
// and some lines of one file of the command line; all else goes through the ports, and the
// config checks an address without the client behind it.
func TestOneFileKnowsEach(t *testing.T) {
	for adapter, knows := range map[string]string{
		"internal/adapter/github": "../cli/place.go", "internal/adapter/folder": "../cli/place.go", "internal/history/s3store": "../cli/store.go",
	} {
		found := false
		for _, dir := range []string{"../cli/*.go", "../config/*.go", "../pipeline/*.go"} {
			files, err := filepath.Glob(dir)
			if err != nil || len(files) == 0 {
				t.Fatalf("%s: found %v, %v", dir, files, err)
			}
			for _, file := range files {
				switch imports := imports(t, file, adapter); {
				case imports && filepath.ToSlash(file) != knows:
					t.Errorf("%s imports %s, which %s alone may", file, adapter, knows)
				case imports:
					found = true
				}
			}
		}
		if !found {
			t.Errorf("%s does not import %s; was the file renamed?", knows, adapter)
		}
	}
}

// imports reports whether a file imports a package of ours.
func imports(t *testing.T, file, pkg string) bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(parsed.Imports, func(imp *ast.ImportSpec) bool { return imp.Path.Value == strconv.Quote(module+pkg) })
}

// A flag that a test defines makes `go test ./... -flag` fail in every package without
// it. Switches of tests are environment variables, as in testkit/golden.
func TestNoFlagsOfTests(t *testing.T) {
	for _, dir := range []string{"../../cmd", "../../internal", "../../shards"} {
		err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(file, "_test.go") {
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			for _, imp := range parsed.Imports {
				if imp.Path.Value == `"flag"` {
					t.Errorf("%s imports flag; read an environment variable, or use testkit/golden for golden files", file)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A story in a folder that no package runs would test nothing.
func TestStoriesAreRun(t *testing.T) {
	found := 0
	err := filepath.WalkDir("../cli", func(file string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Base(filepath.Dir(file)) != "script" || filepath.Ext(file) != ".txtar" {
			return err
		}
		found++
		if _, err := os.Stat(filepath.Join(filepath.Dir(file), "../../stories_test.go")); err != nil {
			t.Errorf("%s is a story that no stories_test.go runs; move it below internal/cli/stories", file)
		}
		return nil
	})
	if err != nil || found < 40 {
		t.Errorf("%d stories found, %v", found, err)
	}
}
