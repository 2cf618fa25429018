package triage

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// RuleUse is what one of the user's rules does to failures of the past.
type RuleUse struct {
	// Number is the rule's, from 1.
	Number int
	// Matches counts the failures that it matches, Decides those that no rule before it matches.
	Matches, Decides int
	// Categories are those that the failures have without the rules, UNKNOWN aside, in the order of [e2e.Categories].
	Categories []e2e.Category
}

// The bounds from which a rule is said to match too widely: of at least wideFrom failures more than half, or failures
// that the built-in rules put into wideKinds categories.
const (
	wideFrom  = 10
	wideKinds = 3
)

// Against says what each rule does to failures of the past, in the order of the rules.
func (t *Triager) Against(inputs []Input) []RuleUse {
	uses := make([]RuleUse, len(t.rules))
	kinds := make([]map[e2e.Category]bool, len(t.rules))
	builtIn := &Triager{}
	for _, in := range inputs {
		d := read(in)
		decided := false
		var category e2e.Category
		for i := range t.rules {
			if _, ok := t.rules[i].match(in, d); !ok {
				continue
			}
			uses[i].Matches++
			if !decided {
				uses[i].Decides, decided = uses[i].Decides+1, true
			}
			if category == "" {
				category = builtIn.Triage(in).Category
			}
			if kinds[i] == nil {
				kinds[i] = map[e2e.Category]bool{}
			}
			kinds[i][category] = true
		}
	}
	for i := range uses {
		uses[i].Number = t.rules[i].number
		for _, c := range e2e.Categories() {
			if kinds[i][c] && c != unknown {
				uses[i].Categories = append(uses[i].Categories, c)
			}
		}
	}
	return uses
}

// Fault says what is wrong with a rule that did this to so many failures; empty: nothing.
func (u RuleUse) Fault(failures int) (text, hint string) {
	switch {
	case failures == 0:
		return "", ""
	case u.Matches == 0:
		return fmt.Sprintf("it matches none of %d failures", failures),
			"remove it, or correct its expressions: they match anywhere in the text, and letters match as written"
	case u.Decides == 0:
		return fmt.Sprintf("rules before it match all of the %d failures that it matches", u.Matches), "move it up, or remove it"
	case failures >= wideFrom && 2*u.Matches > failures:
		return fmt.Sprintf("it matches %d of %d failures", u.Matches, failures), "add a condition, such as test or details"
	case len(u.Categories) >= wideKinds:
		var words []string
		for _, c := range u.Categories {
			words = append(words, string(c))
		}
		return fmt.Sprintf("it matches failures of several kinds, which without it are %s", strings.Join(words, ", ")), "add a condition, such as test or details"
	}
	return "", ""
}
