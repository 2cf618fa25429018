package triage

import (
	"slices"

	"github.com/org/e2e-gate/internal/safetext"
)

var (
	healthWords = []string{string(HealthOK), string(HealthDegraded), string(HealthFailed)}
	rerunWords  = []string{string(RerunPassed), string(RerunFailed), string(RerunNone)}
	recentWords = []string{string(RecentStable), string(RecentFlaky), string(RecentNew), string(RecentFailingOnMain)}
)

func allowed(word string, words []string) bool { return slices.Contains(words, word) }

func rerunOf(in Input) Rerun {
	if in.Context.Rerun == "" {
		return RerunNone
	}
	return in.Context.Rerun
}

// The bounds of what is shown, in characters.
const (
	maxQuote = 160
	maxText  = 600
)

// clean makes text fit for one line.
func clean(s string, limit int) string { return safetext.Plain(s, limit) }

func quote(s string) string { return `"` + clean(s, maxQuote) + `"` }
