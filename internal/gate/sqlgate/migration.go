package sqlgate

import (
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

// order is how the versions of a tool compare.
type order int

const (
	// numeric: a later version compares higher.
	numeric order = iota
	// perApp is numeric among versions with the same text before the first dot.
	perApp
	// executed: a version is later if it was executed later.
	executed
	// unordered: versions are hashes.
	unordered
)

// step is one migration in effect, and other names that it goes by.
type step struct {
	version string
	names   []string
}

func (a step) is(name string) bool { return a.version == name || slices.Contains(a.names, name) }

// state is the content of a tool's table: migrations in effect, oldest first.
type state struct {
	applied []step
	// broken names the migration that failed; running names what is in progress or
	// waiting.
	broken, running string
}

func (s state) has(name string) bool {
	return slices.ContainsFunc(s.applied, func(a step) bool { return a.is(name) })
}

// newest is the last migration in effect; ok is false where there is none.
func (s state) newest(o order, like string) (last step, ok bool) {
	list := s.applied
	if app, _, dotted := strings.Cut(like, "."); o == perApp && dotted {
		list = slices.DeleteFunc(slices.Clone(list), func(a step) bool { return !strings.HasPrefix(a.version, app+".") })
	}
	if len(list) == 0 {
		return step{}, false
	}
	if o == numeric || o == perApp {
		return slices.MaxFunc(list, func(a, b step) int { return compareVersions(a.version, b.version) }), true
	}
	return list[len(list)-1], true
}

func (m *Migration) table() string {
	if m.Table != "" {
		return m.Table
	}
	return tools[m.Tool].table
}

func (m *Migration) expected() string {
	text := m.Tool + " migration"
	switch {
	case m.Version != "":
		text += " " + m.Version
	case m.AtLeast != "":
		text += " " + m.AtLeast + " or later"
	}
	if len(m.Contains) > 0 {
		text += " with " + strings.Join(m.Contains, ", ")
	}
	return text
}

// judge compares the table with what is expected. Where all is well, the observation
// has no finality.
func (m *Migration) judge(s state) (string, probe.Observation) {
	if s.running != "" {
		return "", probe.NotYet(show(s.running), "a migration is running or holds its lock; wait, or find out who runs it")
	}
	if s.broken != "" {
		return "", probe.Never(wordDirty, show(s.broken),
			"a migration has failed and left the schema in an unknown state; repair it with "+m.Tool+", or add dirty to retry_on if it is repaired automatically")
	}
	for _, want := range m.Contains {
		if !s.has(want) {
			return "", m.behind("migration " + show(want) + " is missing, newest " + m.shown(s))
		}
	}
	if tools[m.Tool].order == unordered && len(m.Contains) > 0 && len(s.applied) != len(m.Contains) {
		return "", m.behind("heads " + m.shown(s))
	}
	text := "migration " + m.shown(s)
	switch where := m.place(s); {
	case m.Version == "" && m.AtLeast == "", where == 0, where > 0 && m.AtLeast != "":
		return text, probe.Observation{}
	case where > 0:
		return "", probe.Never(wordAhead, text, "the database is ahead of the version under test; point the check at the right database, use at_least, or "+
			"add ahead to retry_on")
	}
	return "", m.behind(text)
}

// place is negative if the schema is before the expected version, zero if it is at it,
// and positive if it is after it.
func (m *Migration) place(s state) int {
	const before, at, after = -1, 0, 1
	want, o := m.Version+m.AtLeast, tools[m.Tool].order
	last, some := s.newest(o, want)
	switch {
	case !some:
		return before
	case o == unordered:
		if len(s.applied) == 1 && last.is(want) {
			return at
		}
		return before
	case last.is(want):
		return at
	case o == executed:
		if s.has(want) {
			return after
		}
		return before
	}
	return compareVersions(last.version, want)
}

func (m *Migration) behind(observed string) probe.Observation {
	return probe.NotYet(observed, m.expected()+" was expected; wait for the migration, or run it")
}

// shown is the newest migration, or for versions without order all of them.
func (m *Migration) shown(s state) string {
	last, some := s.newest(tools[m.Tool].order, m.Version+m.AtLeast)
	if !some {
		return "none"
	}
	if tools[m.Tool].order != unordered {
		return show(last.version)
	}
	all := make([]string, len(s.applied))
	for i, a := range s.applied {
		all[i] = a.version
	}
	slices.Sort(all)
	return show(strings.Join(all, ", "))
}

// wrongTable distinguishes a table that does not exist yet from a table of something
// else.
func (m *Migration) wrongTable(f fault) probe.Observation {
	if f.observed == noTable {
		return probe.NotYet("no table "+m.table(), "no migration has run yet, or its table has another name; wait for it, or set migration.table")
	}
	return probe.Never(wordTable, "table "+m.table()+" is not one of "+m.Tool,
		"the table lacks the columns of "+m.Tool+"; correct migration.tool or migration.table")
}

func show(s string) string { return safetext.Plain(s, probe.MaxQuote) }

// compareVersions compares versions by their runs of digits as numbers and the
// rest as text: 1.10 is after 1.9, 0012_x after 0002_y.
func compareVersions(a, b string) int {
	for a != "" && b != "" {
		ra, rb := run(a), run(b)
		a, b = a[len(ra):], b[len(rb):]
		if c := compareRuns(ra, rb); c != 0 {
			return c
		}
	}
	// 1 and 1.0 are one version.
	if strings.Trim(a+b, "._0") == "" {
		return 0
	}
	return len(a) - len(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func run(s string) string {
	n := 1
	for n < len(s) && isDigit(s[n]) == isDigit(s[0]) {
		n++
	}
	return s[:n]
}

func compareRuns(a, b string) int {
	if !isDigit(a[0]) || !isDigit(b[0]) {
		return strings.Compare(strings.ReplaceAll(a, "_", "."), strings.ReplaceAll(b, "_", "."))
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
