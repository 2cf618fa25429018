package cli

import (
	"fmt"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
)

// lintFragments warns of included files that have no owner in CODEOWNERS, or another account than that of their owner:
// who may change them decides which gates their tests wait for.
func lintFragments(c *config.Config, codeOwner func(file string) string) []diag.Message {
	var found []diag.Message
	for _, f := range c.Fragments {
		is, want := codeOwner(f.File), c.Owners[f.Owner]
		m := diag.Message{File: f.File, Severity: diag.Warning, Hint: fmt.Sprintf("add a line to CODEOWNERS: /%s @the-team", f.File)}
		if want != "" {
			m.Hint = fmt.Sprintf("add a line to CODEOWNERS: /%s %s", f.File, want)
		}
		switch {
		case is == "":
			m.Text = "CODEOWNERS names no owner of this file, which says what tests wait for"
		case want != "" && is != want:
			m.Text = fmt.Sprintf("CODEOWNERS gives this file to %s, but its owner %s is %s", is, f.Owner, want)
		default:
			continue
		}
		found = append(found, m)
	}
	return found
}
