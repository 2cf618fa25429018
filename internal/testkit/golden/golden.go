// Package golden compares files of the repository with what tests compute: expected
// output below testdata, and documents and schemas that are generated from code.
//
// One switch rewrites all of them, in every package of the tree:
//
//	UPDATE_GOLDEN=1 go test ./...
package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Env is the switch. It is an environment variable because a flag has to be defined
// in every package that `go test ./... -flag` runs.
const Env = "UPDATE_GOLDEN"

// Updating says whether golden files are rewritten instead of compared.
func Updating() bool { return os.Getenv(Env) != "" }

// File fails the test unless the file has the wanted text, or writes that text into
// the file where golden files are updated.
func File(tb testing.TB, file, want string) {
	tb.Helper()
	if Updating() {
		Write(tb, file, want)
		return
	}
	got, err := os.ReadFile(file) //nolint:gosec // named by the test
	if err != nil {
		tb.Errorf("%v; %s", err, Hint(tb))
		return
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		tb.Errorf("%s differs (-file +computed); %s\n%s", file, Hint(tb), diff)
	}
}

// Write writes a text into a file, and makes its folder.
func Write(tb testing.TB, file, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // a folder of the repository
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // a file of the repository
		tb.Fatal(err)
	}
}

// Hint says how to rewrite what the test compares.
func Hint(tb testing.TB) string {
	name, _, _ := strings.Cut(tb.Name(), "/")
	return "if that is meant, run " + Env + "=1 go test -run '^" + name + "$' in this package, and look at the difference"
}

var cell = strings.NewReplacer("<", "&lt;", "|", "&#124;", "\n", " ")

// Cell makes a text fit for a cell of a Markdown table: it escapes <stage>, which would
// be HTML, and a bar, which would end the cell.
func Cell(text string) string { return cell.Replace(text) }
