package shipping

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// unclear are phrases that have to be read twice, each with what to write instead, and a word of theirs, since most texts have none
// of them, and expressions are slow with the race detector.
var unclear = []struct {
	word   string
	phrase *regexp.Regexp
	better string
}{
	{" no ", regexp.MustCompile(`(?i)(?:\bthere )?\b(?:is|are|was|were) no ` +
		`(?:valid|test|file|regular|flake|such|word|number|list|zip|json|utf-8|release|https?|effect|secret)\b`),
		`"invalid X", "not a X"`},
	{"nobody", regexp.MustCompile(`(?i)\bnobody\b`), `who acts, or the passive ("is not trusted"), or "no owner"`},
	{"for ever", regexp.MustCompile(`(?i)\bfor ever\b`), `"forever", "indefinitely"`},
	{"beside the tests", regexp.MustCompile(`(?i)\bbeside the tests\b`), `"background process"`},
	{"somebody", regexp.MustCompile(`(?i)\bneeds? somebody\b`), `"needs attention"`},
	{"has a fault", regexp.MustCompile(`(?i)\bhas a fault\b`), `"internal error (a bug in e2e-gate)"`},
	{"sick", regexp.MustCompile(`(?i)\bsick\b`), `"unhealthy"`},
	{"gate", regexp.MustCompile(`(?i)\bgates? (?:(?:is|are|was|were) )?(?:not )?(?:open|shut)\b`), `"the gate passed", "the gate failed"`},
	{"shut gate", regexp.MustCompile(`(?i)\bshut gates?\b`), `"failed gate"`},
	{"effect table", regexp.MustCompile(`(?i)\beffect table\b`), `"policy table"`},
	{"authorities", regexp.MustCompile(`(?i)\bauthorities of the web\b`), `"bundled root CAs"`},
	{"verdict that", regexp.MustCompile(`(?i)\bverdict that travels\b`), `"attestation", "signed verdict"`},
	{"the check says", regexp.MustCompile(`(?i)\bthe check says not\b`), `"the check does not say"`},
	{"there are two", regexp.MustCompile(`(?i)\bthere are two of the name\b`), `"duplicate name"`},
}

// readByPeople are files other than Go's that users and contributors read.
var readByPeople = regexp.MustCompile(`\.(?:md|ya?ml|sh|py|js|java|html|txtar)$|\.schema\.json$|/Dockerfile$|/publish$|^\.ci/run$`)

// TestPlainEnglish finds unclear phrases in docs, workflows, actions and schemas, and in the
// comments and string literals of Go. There is no list of exceptions: change the text.
func TestPlainEnglish(t *testing.T) {
	files := 0
	check := func(name string, line int, text string) {
		text = strings.Join(strings.Fields(text), " ")
		lower := strings.ToLower(text)
		for _, u := range unclear {
			if !strings.Contains(lower, u.word) {
				continue
			}
			for _, found := range u.phrase.FindAllString(text, -1) {
				if !strings.HasPrefix(strings.ToLower(found), "there ") { // "there is no such job" is fine
					t.Errorf("%s:%d: %q is hard to read; write %s", name, line, found, u.better)
				}
			}
		}
	}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if generated := d.Name() == ".git" || d.Name() == ".e2e-gate" || d.Name() == "node_modules" || d.Name() == "target"; generated {
				return fs.SkipDir
			}
		case name == "internal/shipping/english_test.go" || !d.Type().IsRegular():
		case strings.HasSuffix(name, ".go"):
			files++
			return eachText(name, check)
		case readByPeople.MatchString("/"+name) && (!strings.Contains(name, "/testdata/") || strings.HasSuffix(name, ".txtar")):
			files++
			for i, line := range strings.Split(read(t, filepath.Join(root, filepath.FromSlash(name))), "\n") {
				check(name, i+1, line)
			}
		}
		return nil
	})
	if err != nil || files < 500 {
		t.Errorf("%d files were read: %v", files, err)
	}
}

// eachText passes every comment and every string literal of a Go file to check.
func eachText(name string, check func(name string, line int, text string)) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, filepath.Join(root, filepath.FromSlash(name)), nil, parser.ParseComments)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	for _, group := range file.Comments {
		check(name, set.Position(group.Pos()).Line, group.Text())
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				check(name, set.Position(lit.Pos()).Line, text)
			}
		}
		return true
	})
	return nil
}
