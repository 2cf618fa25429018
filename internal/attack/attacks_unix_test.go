//go:build unix

package attack

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/gatebin"
)

// attack is a row: what is tried, where, and what must come of it.
type attack struct {
	attack, surface, expected string
	// try is the attack. Else test names the test elsewhere that makes it: a package and a test, with
	// "/" and a subtest, or a package of stories and a story.
	try  func(t *testing.T)
	test string
	// slow rows do not run with -short.
	slow bool
}

// attacks are all rows, by surface.
func attacks() []attack {
	return slices.Concat(reportAttacks(), textAttacks(), configAttacks(), documentAttacks(), workspaceAttacks(), processAttacks(), tokenAttacks(),
		judgeAttacks(), gateAttacks(), diskAttacks(), historyAttacks(), forkAttacks())
}

// TestAttacks tries each row that has its attack here, and holds that the tests exist that the others name.
func TestAttacks(t *testing.T) {
	root := gatebin.Root(t)
	seen := map[string]bool{}
	for _, a := range attacks() {
		name := a.surface + ": " + a.attack
		if seen[name] || a.expected == "" || (a.try == nil) == (a.test == "") {
			t.Errorf("the row %q has to have one name, what is expected, and either an attack or the test that makes it", name)
		}
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			switch {
			case a.test != "":
				if why := missing(root, a.test); why != "" {
					t.Errorf("%s is to hold that %s: %s", a.test, a.expected, why)
				}
			case a.slow && testing.Short():
				t.Skip("takes more than a second")
			default:
				a.try(t)
				if t.Failed() {
					t.Log("expected: " + a.expected)
				}
			}
		})
	}
}

// missing says what is missing of a test that a row names; "" if the test exists.
func missing(root, name string) string {
	pkg, test, _ := strings.Cut(name, " ")
	dir := filepath.Join(root, filepath.FromSlash(pkg))
	if !strings.HasPrefix(test, "Test") && !strings.HasPrefix(test, "Fuzz") {
		if _, err := os.Stat(filepath.Join(dir, "testdata", "script", test+".txtar")); err != nil {
			return "there is no such story"
		}
		return ""
	}
	test, sub, _ := strings.Cut(test, "/")
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	found, named := false, sub == ""
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err.Error()
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				found = found || n.Recv == nil && n.Name.Name == test
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && text == sub {
					named = true
				}
			}
			return true
		})
	}
	switch {
	case !found:
		return "there is no such test"
	case !named:
		return "no text in its package is " + strconv.Quote(sub)
	}
	return ""
}

// TestMissing holds that a row cannot name a test that is gone.
func TestMissing(t *testing.T) {
	root := gatebin.Root(t)
	for name, want := range map[string]string{
		"internal/attack TestMissing": "", "internal/attack TestMissing/there is no such test": "", "internal/cli/stories/laws law2-flake": "",
		"internal/attack TestGone": "there is no such test", "internal/gone TestMissing": "there is no such test",
		"internal/cli/stories/laws law9":                            "there is no such story",
		"internal/attack TestMissing/" + "nowhere" + " to be found": `no text in its package is "nowhere to be found"`,
	} {
		if got := missing(root, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// elsewhere is a row whose attack is made by a test of another package.
func elsewhere(surface, what, expected, test string) attack {
	return attack{attack: what, surface: surface, expected: expected, test: test}
}
