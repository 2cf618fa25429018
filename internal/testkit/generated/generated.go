// Package generated helps tests that hold a file of the repository to what the code
// says, and write it when they are run with -update.
package generated

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// File wants a file to have a text, or gives it that text. how says what to run then.
func File(tb testing.TB, file, want string, update bool, how string) {
	tb.Helper()
	if update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // a folder of the repository
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // a file of the repository
			tb.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want { //nolint:gosec // named by the test
		tb.Errorf("%s is not what the code says (%v); run %s, and look at the difference", file, err, how)
	}
}

var cell = strings.NewReplacer("<", "&lt;", "|", "&#124;", "\n", " ")

// Cell makes a text of ours a cell of a Markdown table: it keeps <stage> from being taken
// for HTML, and a bar for the end of the cell.
func Cell(text string) string { return cell.Replace(text) }
