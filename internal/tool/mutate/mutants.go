package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutant is a file with one small change.
type mutant struct {
	file string
	line int
	what string
	// text is the whole changed file.
	text []byte
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d: %s", filepath.ToSlash(m.file), m.line, m.what)
}

// mutantsOf are the mutants of the files of a folder, without its tests, in order.
func mutantsOf(dir string, names []string) ([]mutant, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []mutant
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		file := filepath.Join(dir, name)
		text, err := os.ReadFile(file) //nolint:gosec // a source file of ours
		if err != nil {
			return nil, err
		}
		found, err := mutate(file, text)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

// mutate makes the mutants of one file.
func mutate(file string, text []byte) ([]mutant, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	m := &maker{fset: fset, file: file, tree: tree}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok == token.VAR // constants are words and bounds; imports and types are not behaviour
		case *ast.BinaryExpr:
			m.operator(n)
		case *ast.IfStmt:
			m.condition(n.If, &n.Cond)
			m.body(n.If, "the body of an if is left out", n.Body)
		case *ast.ForStmt:
			if n.Cond != nil {
				m.body(n.For, "the body of a loop is left out", n.Body)
			}
		case *ast.RangeStmt:
			m.body(n.For, "the body of a loop is left out", n.Body)
		case *ast.CaseClause:
			m.clause(n)
			m.statements(&n.Body)
		case *ast.BlockStmt:
			m.statements(&n.List)
		case *ast.UnaryExpr:
			m.not(n)
		case *ast.Ident:
			m.literal(n)
		case *ast.BasicLit:
			m.number(n)
		}
		return true
	})
	return m.list, m.err
}

// maker changes a tree, prints it, and changes it back.
type maker struct {
	fset *token.FileSet
	file string
	tree *ast.File
	list []mutant
	err  error
}

// add prints the tree as it is now.
func (m *maker) add(at token.Pos, format_ string, args ...any) {
	var b bytes.Buffer
	if err := format.Node(&b, m.fset, m.tree); err != nil && m.err == nil {
		m.err = err
	}
	m.list = append(m.list, mutant{file: m.file, line: m.fset.Position(at).Line, what: fmt.Sprintf(format_, args...), text: b.Bytes()})
}

// others are the operators that a mistake could put in place of each one.
var others = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR}, token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL},
}

func (m *maker) operator(e *ast.BinaryExpr) {
	op := e.Op
	for _, other := range others[op] {
		e.Op = other
		m.add(e.OpPos, "%s instead of %s", other, op)
	}
	e.Op = op
	if op == token.LAND || op == token.LOR {
		x, y := e.X, e.Y
		constant := ast.NewIdent(strconv.FormatBool(op == token.LAND))
		e.X = constant
		m.add(x.Pos(), "the left side of %s is left out", op)
		e.X, e.Y = x, constant
		m.add(y.Pos(), "the right side of %s is left out", op)
		e.Y = y
	}
}

// condition negates a condition, unless a mutant of its operator does so already.
func (m *maker) condition(at token.Pos, cond *ast.Expr) {
	if b, ok := (*cond).(*ast.BinaryExpr); ok && (b.Op == token.EQL || b.Op == token.NEQ) {
		return
	}
	was := *cond
	*cond = &ast.UnaryExpr{Op: token.NOT, X: &ast.ParenExpr{X: was}}
	m.add(at, "the condition is turned around")
	*cond = was
}

func (m *maker) body(at token.Pos, what string, b *ast.BlockStmt) {
	if len(b.List) == 0 {
		return
	}
	was := b.List
	b.List = nil
	m.add(at, "%s", what)
	b.List = was
}

func (m *maker) clause(c *ast.CaseClause) {
	if len(c.Body) > 0 {
		was := c.Body
		c.Body = nil
		m.add(c.Case, "the body of a case is left out")
		c.Body = was
	}
	if len(c.List) > 1 {
		was := c.List
		for i := range was {
			c.List = slices.Delete(slices.Clone(was), i, i+1)
			m.add(was[i].Pos(), "one value of a case is left out")
		}
		c.List = was
	}
}

// statements leaves out one statement at a time: calls, assignments to what exists
// already, jumps, early returns without a value.
func (m *maker) statements(list *[]ast.Stmt) {
	was := *list
	for i, s := range was {
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.BranchStmt:
		case *ast.ReturnStmt:
			if len(s.Results) > 0 {
				continue
			}
		default:
			continue
		}
		*list = slices.Delete(slices.Clone(was), i, i+1)
		m.add(s.Pos(), "a statement is left out")
	}
	*list = was
}

func (m *maker) not(e *ast.UnaryExpr) {
	if e.Op != token.NOT {
		return
	}
	was := e.X
	e.X = &ast.ParenExpr{X: &ast.UnaryExpr{Op: token.NOT, X: &ast.ParenExpr{X: was}}}
	m.add(e.OpPos, "not is left out")
	e.X = was
}

func (m *maker) literal(id *ast.Ident) {
	was := id.Name
	switch was {
	case "true":
		id.Name = "false"
	case "false":
		id.Name = "true"
	default:
		return
	}
	m.add(id.Pos(), "%s instead of %s", id.Name, was)
	id.Name = was
}

func (m *maker) number(lit *ast.BasicLit) {
	n, err := strconv.Atoi(lit.Value)
	if lit.Kind != token.INT || err != nil {
		return
	}
	was := lit.Value
	lit.Value = strconv.Itoa(n + 1)
	m.add(lit.Pos(), "%s instead of %s", lit.Value, was)
	lit.Value = was
}
