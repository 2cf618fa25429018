package cli

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/scaffold"
)

// placeholderOwner warns once of the owner that init wrote where it knew none.
func placeholderOwner(c *config.Config) []diag.Message {
	var names []string
	for _, spec := range c.Suites {
		if spec.Owner == scaffold.NoOwner {
			names = append(names, spec.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	have := report.Plural(len(names), "suite has", "suites have")
	return []diag.Message{{File: c.File, Severity: diag.Warning, Hint: "name the team that gets the failures",
		Text: fmt.Sprintf("%s the owner %s, which init wrote: %s", have, scaffold.NoOwner, strings.Join(names, ", "))}}
}
