package policy

import (
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Quarantine is the quarantine file: entries in file order.
type Quarantine []e2e.Quarantine

// MaxQuarantine is how long a test may stay in quarantine.
const MaxQuarantine = 30 * 24 * time.Hour

// LastDay is the last day on which an entry counts: its deadline, and at most
// [MaxQuarantine] after it began.
func LastDay(q e2e.Quarantine) time.Time {
	if most := q.Since.Add(MaxQuarantine); !q.Since.IsZero() && !q.Deadline.IsZero() && q.Deadline.After(most) {
		return most
	}
	return q.Deadline
}

// Begun reports whether an entry's first day, in UTC, has come.
func Begun(q e2e.Quarantine, now time.Time) bool {
	return !q.Since.UTC().Truncate(24 * time.Hour).After(now.UTC())
}

// Find returns the entry that covers a test on the day of now (UTC), with its last day as
// Deadline and Expired set when that has passed, or nil. An exact id goes before globs, and of
// several the first entry that has not expired wins. An entry that equals an id, as known
// tells, covers that id alone, also if it looks like a glob. twins is how many tests share the id
// (0 or 1: none): an entry covers those only if it says so, because nothing tells which of
// them it was written for.
func (q Quarantine) Find(id string, twins int, known func(id string) bool, now time.Time) *e2e.Quarantine {
	var found *e2e.Quarantine
	for _, exact := range []bool{true, false} {
		for _, entry := range q {
			if exact != (entry.Test == id) || !exact && (known(entry.Test) || !Match(entry.Test, id)) || max(entry.Twins, 1) != max(twins, 1) ||
				!Begun(entry, now) {
				continue
			}
			entry.Deadline = LastDay(entry)
			entry.Expired = Expired(entry.Deadline, now)
			if !entry.Expired {
				return &entry
			}
			if found == nil {
				found = &entry
			}
		}
		if found != nil && exact {
			return found
		}
	}
	return found
}

// Expired reports whether a deadline has passed: its own day, in UTC, still
// counts. An entry without deadline has always expired.
func Expired(deadline, now time.Time) bool {
	return deadline.IsZero() || !now.UTC().Before(deadline.UTC().Truncate(24*time.Hour).Add(24*time.Hour))
}

// Match reports whether a glob covers an id. Only * (within a segment) and **
// (across segments) are special, and \\\\* is a star, since ids of PHP have single backslashes; segments end at / and ::.
func Match(glob, id string) bool {
	g, s := tokens(glob, true), tokens(id, false)
	// Where to go on after a mismatch: let the last * take one more token, or else
	// the last **. Whatever they took first took as little as possible, so that no
	// earlier star needs another try.
	var star, across retry
	gi, si := 0, 0
	for si < len(s) || gi < len(g) {
		switch {
		case gi < len(g) && g[gi] == starAcross:
			across, star = retry{gi + 1, si, true}, retry{}
			gi++
			continue
		case gi < len(g) && g[gi] == starWithin:
			star = retry{gi + 1, si, true}
			gi++
			continue
		case gi < len(g) && si < len(s) && g[gi] == s[si]:
			gi, si = gi+1, si+1
			continue
		}
		switch {
		case star.set && star.id < len(s) && s[star.id] != "/" && s[star.id] != "::":
			star.id++
			gi, si = star.glob, star.id
		case across.set && across.id < len(s):
			across.id++
			star = retry{}
			gi, si = across.glob, across.id
		default:
			return false
		}
	}
	return true
}

// retry is the glob behind a star, and the id behind what the star has taken.
type retry struct {
	glob, id int
	set      bool
}

// The special tokens of a glob. No token of an id equals one.
const (
	starWithin = "*within"
	starAcross = "*across"
)

// tokens cuts a text into bytes, separators and, in a glob, stars.
func tokens(s string, glob bool) []string {
	list := make([]string, 0, len(s))
	for len(s) > 0 {
		n := 1
		switch {
		case strings.HasPrefix(s, "::"):
			n = 2
		case glob && strings.HasPrefix(s, `\\*`):
			list, s = append(list, "*"), s[3:]
			continue
		case glob && s[0] == '*':
			stars := len(s) - len(strings.TrimLeft(s, "*"))
			word := starWithin
			if stars > 1 {
				word = starAcross
			}
			list, s = append(list, word), s[stars:]
			continue
		}
		list = append(list, s[:n])
		s = s[n:]
	}
	return list
}
