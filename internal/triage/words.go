package triage

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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

// clean makes text fit for one line: control and format characters become
// spaces, runs of space one space, and what is too long is cut.
func clean(s string, limit int) string {
	if most := 8 * limit; len(s) > most {
		s = s[:most]
	}
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		if n >= limit {
			return strings.TrimRight(b.String(), " ") + "…"
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

func quote(s string) string { return `"` + clean(s, maxQuote) + `"` }
