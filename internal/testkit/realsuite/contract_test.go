package realsuite

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/golden"
)

// columns are the frameworks whose contract is played, in the order of docs.
var columns = []column{
	{name: "gotest"}, {name: "pytest"}, {name: "playwright"}, {name: "vitest"}, {name: "jest"}, {name: "mocha"}, {name: "webdriverio"},
	{name: "webdriverio (cucumber)"}, {name: "webdriverio (jasmine)"}, {name: "nodetest"}, {name: "robot"}, {name: "rspec"}, {name: "phpunit"},
	{name: "behave"}, {name: "cucumber"},
	{name: "cypress", word: "played"}, {name: "command"}, {name: "junit5-maven"},
	{name: "junit5-maven (junit4)"}, {name: "junit5-maven (testng)"},
}

// column is a framework, as for [FrameworkOf]; word stands in the table where a case runs, and is "run" if empty.
type column struct{ name, word string }

// without are frameworks of the registry that have no column, with the reason.
var without = map[string]string{
	"junit5-gradle": "it shares listing, filter and reporter with junit5-maven, and the only Gradle that it is run with (4.4) knows no JUnit Platform.",
}

// An adapter without a contract is not registered: every framework of the registry has a column here
// or a reason for none, and no column is for anything else.
func TestEveryFrameworkHasAContract(t *testing.T) {
	var have []string
	for _, c := range columns {
		have = append(have, FrameworkOf(c.name))
		if without[c.name] != "" {
			t.Errorf("%s has a column; take it out of the list of those without one", c.name)
		}
	}
	for name, why := range without {
		have = append(have, name)
		if len(why) < 20 {
			t.Errorf("say why %s has no column", name)
		}
	}
	slices.Sort(have)
	have = slices.Compact(have)
	if want := suite.Names(); !slices.Equal(have, want) {
		t.Errorf("the contract knows %v, the registry %v", have, want)
	}
}

// Every column is played by a test of internal/suite/realtest, which fails where a row is not right.
func TestEveryContractIsPlayed(t *testing.T) {
	var sources strings.Builder
	files, err := filepath.Glob(filepath.Join(gatebin.Root(t), "internal", "suite", "realtest", "*", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(data)
	}
	for _, c := range columns {
		plays := func(by string) bool { return strings.Contains(sources.String(), by+`(t, "`+c.name+`"`) }
		if !plays("realsuite.PlayContract") && !plays("realsuite.PlayTogether") {
			t.Errorf("no test of internal/suite/realtest plays the contract of %s", c.name)
		}
	}
}

// Every framework has a project of every case, or says why there can be none, and none besides; the
// table of the docs shows both.
func TestContractIsWhole(t *testing.T) {
	var b strings.Builder
	b.WriteString("| case | right |")
	for _, f := range columns {
		b.WriteString(" " + f.name + " |")
		for name := range ContractOf(t, f.name) {
			if name != together && !slices.ContainsFunc(Contract, func(c Case) bool { return c.Name == name }) {
				t.Errorf("%s has a project of %s, which is not a case", f.name, name)
			}
		}
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
	var notes []string
	for _, c := range Contract {
		fmt.Fprintf(&b, "| %s | %s |", c.Doc, c.right())
		for _, f := range columns {
			project, ok := ContractOf(t, f.name)[c.Name]
			why := Impossible(project)
			switch {
			case !ok:
				t.Errorf("%s has no project of the case %s", f.name, c.Name)
			case why != "":
				if !slices.Contains(notes, why) {
					notes = append(notes, why)
				}
				b.WriteString(" – |")
			default:
				b.WriteString(" " + cmp.Or(f.word, "run") + " |")
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n–: %s\n", strings.Join(notes, " "))
	for _, name := range slices.Sorted(maps.Keys(without)) {
		fmt.Fprintf(&b, "\nNo column for %s: %s\n", name, without[name])
	}

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
