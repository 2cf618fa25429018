package report

import (
	"regexp"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// team is what may be mentioned: @user or @organisation/team, and nothing that could
// be anything else in Markdown.
var team = regexp.MustCompile(`^@[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,99})?$`)

// ValidTeam reports whether text can stand in the map of owners: @user or @org/team.
func ValidTeam(text string) bool { return team.MatchString(text) }

// maxMentions bounds how many teams one comment calls.
const maxMentions = 10

// Mentions lists the teams that something new needs, in the order of the tests: those
// of failures that block and did not fail on the default branch before. The names
// come from owners alone, never from the result; an owner without a team there is
// nobody to call.
//
// It depends on nothing but the result, so a comment that is edited keeps the teams
// that it called already, and GitHub tells only those that an edit adds.
func Mentions(r e2e.Result, owners map[string]string) []string {
	var list []string
	if r.Verdict.State != e2e.VerdictFailed || !r.Verdict.Blocks {
		return nil
	}
	for _, t := range r.Tests {
		name := owners[t.Owner]
		if t.Effect != e2e.Blocks || failingOnMain(t) || !ValidTeam(name) || slices.Contains(list, name) {
			continue
		}
		if list = append(list, name); len(list) == maxMentions {
			break
		}
	}
	return list
}
