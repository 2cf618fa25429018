package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/config"
)

func TestLintFragments(t *testing.T) {
	c := &config.Config{Owners: map[string]string{"pay": "@acme/pay", "cases": "@acme/cases"}, Fragments: []config.Fragment{
		{File: "a.yml", Owner: "pay"}, {File: "b.yml", Owner: "cases"}, {File: "c.yml", Owner: "stranger"},
		{File: "d.yml", Owner: "pay"}, {File: "e.yml", Owner: "stranger"},
	}}
	owners := map[string]string{"a.yml": "@acme/pay", "b.yml": "@acme/pay", "e.yml": "@acme/x"}
	var got []string
	for _, m := range lintFragments(c, func(file string) string { return owners[file] }) {
		got = append(got, m.File+": "+m.Text+"; "+m.Hint)
	}
	if diff := cmp.Diff([]string{
		"b.yml: CODEOWNERS gives this file to @acme/pay, but its owner cases is @acme/cases; add a line to CODEOWNERS: /b.yml @acme/cases",
		"c.yml: CODEOWNERS names no owner of this file, which says what tests wait for; add a line to CODEOWNERS: /c.yml @the-team",
		"d.yml: CODEOWNERS names no owner of this file, which says what tests wait for; add a line to CODEOWNERS: /d.yml @acme/pay",
	}, got); diff != "" {
		t.Error(diff)
	}
}
