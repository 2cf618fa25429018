package report

import (
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// maxMentions bounds how many teams one comment mentions.
const maxMentions = 10

// Mentions lists the teams to mention, in the order of the tests: the owners of failures
// that block and do not fail on the default branch too, for whatever reason: those are not new. The names come from owners
// alone, never from the result; an owner without a team there is not mentioned.
//
// It depends on nothing but the result, so an edited comment keeps the teams that it
// already mentions, and GitHub notifies only those that the edit adds.
func Mentions(r e2e.Result, owners map[string]string) []string {
	var list []string
	if r.Verdict.State != e2e.VerdictFailed || !r.Verdict.Blocks {
		return nil
	}
	for _, t := range r.Tests {
		name := owners[t.Owner]
		if t.Effect != e2e.Blocks || failingOnMain(t) || !safetext.ValidMention(name) || slices.Contains(list, name) {
			continue
		}
		if list = append(list, name); len(list) == maxMentions {
			break
		}
	}
	return list
}
