package cli

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
)

// What pytest, its plugins and Cypress call a test is not what the gate calls it.
func TestImportedNames(t *testing.T) {
	known := newKnownTests()
	for _, name := range []string{"api/test_a.py::test_x[1]", "api/test_a.py::TestC::test_y[a::b]", "test_top.py::test_z"} {
		file, _, _ := strings.Cut(name, "::")
		known.add(e2e.Test{ID: "py/" + name, Suite: "py", Framework: "pytest", File: file, Name: name}, "e2e")
	}
	for _, name := range []string{"logs in", "logs out"} {
		known.add(e2e.Test{ID: "ui/a.cy.js::" + name, Suite: "ui", Framework: "cypress", File: "cypress/e2e/a.cy.js", Name: name}, "web")
	}
	for name, want := range map[string]string{
		"api/test_a.py::test_x[1]":                "py/api/test_a.py::test_x[1]",
		"e2e/api/test_a.py::test_x[1]":            "py/api/test_a.py::test_x[1]",
		"api.test_a::test_x[1]":                   "py/api/test_a.py::test_x[1]",
		"e2e.api.test_a.TestC::test_y[a::b]":      "py/api/test_a.py::TestC::test_y[a::b]",
		"test_top::test_z":                        "py/test_top.py::test_z",
		"py/api/test_a.py::TestC::test_y[a::b]":   "py/api/test_a.py::TestC::test_y[a::b]",
		"e2e/api/test_a.py::TestC::test_y[other]": "",
	} {
		got := known.entries(history.Imported{Names: []string{name}, Outcome: e2e.Passed, Seconds: 2}, "")
		if want == "" && len(got) != 0 || want != "" && (len(got) != 1 || got[0].ID != want || got[0].Seconds != 2) {
			t.Errorf("%s is %+v, want %s", name, got, want)
		}
	}
	for _, file := range []string{"cypress/e2e/a.cy.js", "web/cypress/e2e/a.cy.js"} {
		got := known.entries(history.Imported{Names: []string{file}, File: file, Outcome: e2e.Passed, Seconds: 3}, "")
		if len(got) != 2 || got[0].Seconds != 1.5 || got[1].ID != "ui/a.cy.js::logs out" {
			t.Errorf("%s is %+v", file, got)
		}
	}
}
