package realsuite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/golden"
)

// frameworks are those whose contract is played with the real framework, in the order of docs.
var frameworks = []string{"gotest", "pytest", "playwright", "vitest", "jest", "junit5"}

// Every framework has a project of every case, or says why there can be none; the table of the
// docs shows both.
func TestContractIsWhole(t *testing.T) {
	var b strings.Builder
	b.WriteString("| case | right |")
	for _, f := range frameworks {
		b.WriteString(" " + f + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(frameworks)) + "\n")
	var notes []string
	for _, c := range Contract {
		fmt.Fprintf(&b, "| %s | %s |", c.Doc, c.right())
		for _, f := range frameworks {
			project, ok := ContractOf(t, f)[c.Name]
			why := Impossible(project)
			switch {
			case !ok:
				t.Errorf("%s has no project of the case %s", f, c.Name)
			case why != "":
				if !slices.Contains(notes, why) {
					notes = append(notes, why)
				}
				b.WriteString(" – |")
			default:
				b.WriteString(" run |")
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n–: %s\n", strings.Join(notes, " "))

	file := filepath.Join(gatebin.Root(t), "docs", "frameworks.md")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- contract -->\n", "<!-- /contract -->"
	before, rest, ok := strings.Cut(string(data), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no %s", file, begin)
	}
	golden.File(t, file, before+begin+b.String()+end+after)
}

// right is what the table says of a case.
func (c Case) right() string {
	if slices.Contains(c.Exit, 0) {
		return "passes"
	}
	var words []string
	for _, status := range c.Exit {
		words = append(words, map[int]string{1: "blocks", 3: "not judged"}[status])
	}
	return strings.Join(words, ", or ")
}
