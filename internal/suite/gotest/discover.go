// Package gotest runs plain go test.
package gotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/scanner"
	"go/token"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// Framework is go test. It does not tell an assertion from an error.
var Framework = adapter.Framework{
	New:    func(s adapter.Spec, root string) adapter.Adapter { return &goTest{spec: s, root: root} },
	Detect: detect, Signs: "a go.mod with *_test.go: behind a build tag such as e2e, in a folder such as e2e, else any",
	Fields: []string{"packages", "args"},
	Flags:  []string{"run", "json", "v", "list", "skip", "bench", "fuzz", "count", "timeout", "c", "o"}, FlagPrefix: "test.",
}

// goTest runs plain go test.
type goTest struct {
	spec adapter.Spec
	root string
}

// buildFlags are the go test arguments that decide which files belong to a
// package; go list needs them too, and refuses most others.
var buildFlags = []string{"tags", "mod", "modfile", "overlay", "race", "msan", "asan"}

// goPackage holds the fields of go list's output that are read.
type goPackage struct {
	Dir, ImportPath           string
	TestGoFiles, XTestGoFiles []string
	Error                     *struct{ Pos, Err string }
}

// Discover asks the toolchain which files belong to the suite's packages, and reads the
// test functions and their tags from the source. Nothing is compiled or run: TestMain
// may start things that must wait for the gates.
func (g *goTest) Discover(ctx context.Context, env []string) ([]e2e.Test, []e2e.Problem, error) {
	packages, err := g.list(ctx, env)
	if err != nil {
		return nil, nil, err
	}
	var tests []e2e.Test
	var problems []e2e.Problem
	for _, p := range packages {
		if p.Error != nil {
			problems = append(problems, g.buildProblem(strings.TrimSpace(p.Error.Pos+" "+p.Error.Err)))
			continue
		}
		found, broken := g.scan(p)
		tests, problems = append(tests, found...), append(problems, broken...)
	}
	return tests, problems, nil
}

func (g *goTest) buildProblem(text string) e2e.Problem {
	if strings.Contains(text, "does not contain main module") {
		text += "; there is no go.mod in " + path.Join(".", filepath.ToSlash(g.spec.Dir)) + " or above it that covers it"
	}
	return e2e.Problem{Code: e2e.CodeBuildFailed, LosesEvidence: true, Unit: g.spec.Name,
		Text: fmt.Sprintf("suite %s does not build: %s", g.spec.Name, text)}
}

func (g *goTest) dir() string { return filepath.Join(g.root, filepath.FromSlash(g.spec.Dir)) }

func (g *goTest) list(ctx context.Context, env []string) ([]goPackage, error) {
	var out bytes.Buffer
	argv := append([]string{"go", "list", "-e", "-json=Dir,ImportPath,TestGoFiles,XTestGoFiles,Error"}, g.listFlags()...)
	argv = append(append(argv, "--"), g.packages()...)
	exit := proc.Run(ctx, proc.Spec{Argv: argv, Dir: g.dir(), Env: env, Stdout: &out})
	if exit.Ended == proc.NotStarted {
		return nil, adapter.ToolError(g.spec.Name, "go", exit.Err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(&out); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("suite %s: read go list: %w", g.spec.Name, err)
		}
		packages = append(packages, p)
	}
	if !exit.OK() {
		return nil, fmt.Errorf("suite %s: go list failed (%s): %s", g.spec.Name, exit, adapter.FirstLines(exit.Tail, 5))
	}
	return packages, nil
}

func (g *goTest) packages() []string {
	if len(g.spec.Packages) == 0 {
		return []string{"./..."}
	}
	return g.spec.Packages
}

func (g *goTest) listFlags() []string {
	var flags []string
	for i, arg := range g.spec.Args {
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") || !slices.Contains(buildFlags, name) {
			continue
		}
		flags = append(flags, arg)
		if next := i + 1; !hasValue && name != "race" && name != "msan" && name != "asan" && next < len(g.spec.Args) {
			flags = append(flags, g.spec.Args[next])
		}
	}
	return flags
}

// maxName is the longest name, in bytes, whose lines go test -json still reads as events: it cuts lines at 4 KiB.
const maxName = 4000

// scan reads the test functions of a package.
func (g *goTest) scan(p goPackage) ([]e2e.Test, []e2e.Problem) {
	var tests []e2e.Test
	var problems []e2e.Problem
	for _, name := range append(slices.Clone(p.TestGoFiles), p.XTestGoFiles...) {
		file := filepath.Join(p.Dir, name)
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			problems = append(problems, g.buildProblem(g.parseError(err)))
			continue
		}
		for _, t := range g.functions(p, g.relative(file), fset, parsed) {
			if len(t.Name) > maxName {
				problems = append(problems, g.buildProblem(fmt.Sprintf(
					"%s:%d: the name %.60s… has %d bytes, and go test tells nothing of a test with more than %d; shorten it", t.File, t.Line, t.Name, len(t.Name), maxName)))
				continue
			}
			tests = append(tests, t)
		}
	}
	return tests, problems
}

func (g *goTest) parseError(err error) string {
	var list scanner.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		return fmt.Sprintf("%s:%d:%d: %s", g.relative(list[0].Pos.Filename), list[0].Pos.Line, list[0].Pos.Column, list[0].Msg)
	}
	return err.Error()
}

// relative is a file's path from the suite's directory, with forward slashes.
func (g *goTest) relative(file string) string {
	dir := g.dir()
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		if rel, err := filepath.Rel(real, file); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	if rel, err := filepath.Rel(dir, file); err == nil {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(file)
}

func (g *goTest) functions(p goPackage, file string, fset *token.FileSet, parsed *ast.File) []e2e.Test {
	examples := map[string]bool{}
	for _, ex := range doc.Examples(parsed) {
		if ex.Output != "" || ex.EmptyOutput {
			examples["Example"+ex.Name] = true
		}
	}
	var tests []e2e.Test
	for _, decl := range parsed.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || !isTest(fn) && !examples[fn.Name.Name] {
			continue
		}
		tests = append(tests, e2e.Test{
			ID:    g.spec.Name + "/" + file + "::" + fn.Name.Name,
			Suite: g.spec.Name, Framework: "gotest",
			File: file, Line: fset.Position(fn.Pos()).Line,
			Class: p.ImportPath, Name: fn.Name.Name,
			Tags: directiveTags(fn.Doc),
			Unit: g.spec.Name + "/" + path.Dir(file),
		})
	}
	return tests
}

// isTest reports whether go test would run the function: TestXxx(*testing.T) or
// FuzzXxx(*testing.F), whose seed corpus runs as a test. TestMain is neither.
func isTest(fn *ast.FuncDecl) bool {
	if fn.Recv != nil || fn.Type.TypeParams != nil || len(fn.Type.Params.List) != 1 || fn.Type.Results != nil {
		return false
	}
	for prefix, param := range map[string]string{"Test": "T", "Fuzz": "F"} {
		rest, ok := strings.CutPrefix(fn.Name.Name, prefix)
		first, _ := utf8.DecodeRuneInString(rest)
		if ok && !unicode.IsLower(first) && isPointerTo(fn.Type.Params.List[0].Type, param) {
			return true
		}
	}
	return false
}

// isPointerTo reports whether the type is *testing.T, under any import name.
func isPointerTo(t ast.Expr, name string) bool {
	star, ok := t.(*ast.StarExpr)
	if !ok {
		return false
	}
	switch x := star.X.(type) {
	case *ast.SelectorExpr:
		return x.Sel.Name == name
	case *ast.Ident:
		return x.Name == name
	}
	return false
}

// directiveTags reads the lines "//e2e:tags smoke, owner:case-platform" above a
// test function.
func directiveTags(comment *ast.CommentGroup) []string {
	if comment == nil {
		return nil
	}
	var tags []string
	for _, line := range comment.List {
		rest, ok := strings.CutPrefix(line.Text, "//e2e:tags")
		if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
			continue
		}
		for _, tag := range strings.FieldsFunc(rest, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
			if !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}
