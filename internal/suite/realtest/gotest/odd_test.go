package gotest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// TestOdd: tests of odd names, 5000 tests in a file, and tests that print what the gate reads. All of them lie in one package,
// because a name of Go says nothing of its file.
func TestOdd(t *testing.T) {
	// A title as the rest of an identifier.
	word := func(title string) string {
		var text strings.Builder
		for _, c := range title {
			if unicode.IsLetter(c) || unicode.IsDigit(c) {
				text.WriteRune(c)
			} else if c == ' ' {
				text.WriteRune('_')
			} else {
				fmt.Fprintf(&text, "_%x_", c)
			}
		}
		return text.String()
	}
	o := realsuite.OddSuite{
		Spec: suite.Spec{Name: "s", Framework: "gotest"}, Config: map[string]string{"go.mod": "module example.com/odd\n\ngo 1.26\n"},
		// go list refuses files of other names, and two that differ in case only.
		Unfiled: slices.DeleteFunc(slices.Clone(realsuite.OddFiles), func(name string) bool { return slices.Contains([]string{"plain", "Case", "日本-ü"}, name) }),
		// Its names have 4000 bytes at most.
		Untitled: realsuite.OddTitles[len(realsuite.OddTitles)-1:],
		File:     func(name string) string { return name + "_test.go" },
		Source: func(cases []realsuite.OddCase) string {
			var text strings.Builder
			text.WriteString("package odd\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"testing\"\n)\n\n")
			for _, c := range cases {
				body := ""
				if c.Fails {
					body = fmt.Sprintf("fmt.Print(%s); fmt.Fprint(os.Stderr, %[1]s); t.Fatal(\"case %d.\")", realsuite.OddCase{Title: realsuite.Forged}.JSON(), c.N)
				}
				fmt.Fprintf(&text, "func Test%d_%s(t *testing.T) { %s }\n", c.N, word(c.Title), body)
			}
			text.WriteString("var _, _ = fmt.Sprint, os.Args\n")
			return text.String()
		},
	}
	o.Play(t)
}

// TestRefused: a module that does not load is named with file and line, and a file that does not parse hides no other.
func TestRefused(t *testing.T) {
	const test = "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n"
	for name, tc := range map[string]struct {
		files map[string]string
		words []string
	}{
		"a module that does not parse":       {map[string]string{"go.mod": "module a\n\nrequires x\n", "a_test.go": test}, []string{"go.mod:3"}},
		"a module of a newer Go":             {map[string]string{"go.mod": "module a\n\ngo 1.999\n", "a_test.go": test}, []string{"1.999"}},
		"no module":                          {map[string]string{"a_test.go": test}, []string{"go.mod"}},
		"a file that does not parse":         {map[string]string{"go.mod": "module a\n", "a_test.go": test, "b_test.go": "package a\n\nfunc TestB( {\n"}, []string{"b_test.go:3:"}},
		"a name that go test cannot tell of": {map[string]string{"go.mod": "module a\n", "a_test.go": strings.Replace(test, "TestA", "TestA"+strings.Repeat("a", 5000), 1)}, []string{"a_test.go:5", "has 5005 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			realsuite.Refused(t, realsuite.Trick{Spec: suite.Spec{Name: "s", Framework: "gotest"}, Files: tc.files}, []string{"GOTOOLCHAIN=local", "GOFLAGS=-mod=mod"}, tc.words...)
		})
	}
}
