package policy

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestExpired(t *testing.T) {
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)
	deadline := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name     string
		deadline time.Time
		now      time.Time
		want     bool
	}{
		{"before", deadline, time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), false},
		{"its own day begins", deadline, deadline, false},
		{"its own day ends", deadline, time.Date(2026, 11, 30, 23, 59, 59, 999999999, time.UTC), false},
		{"the next day begins", deadline, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), true},
		{"long after", deadline, time.Date(2027, 12, 1, 0, 0, 0, 0, time.UTC), true},
		{"already the next day in the east, not in UTC", deadline, time.Date(2026, 12, 1, 13, 59, 0, 0, east), false},
		{"the next day in UTC, seen from the east", deadline, time.Date(2026, 12, 1, 14, 0, 0, 0, east), true},
		{"still its own day in the west, not in UTC", deadline, time.Date(2026, 11, 30, 12, 0, 0, 0, west), true},
		{"its own day in UTC, seen from the west", deadline, time.Date(2026, 11, 30, 11, 59, 0, 0, west), false},
		{"a deadline with a time of day lasts for its day", deadline.Add(9 * time.Hour), time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC), false},
		{"leap day", time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2028, 2, 29, 23, 0, 0, 0, time.UTC), false},
		{"before 1970", time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{"no deadline", time.Time{}, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), true},
		{"no deadline at the beginning of time", time.Time{}, time.Time{}, true},
	} {
		if got := Expired(tc.deadline, tc.now); got != tc.want {
			t.Errorf("%s: got %v", tc.name, got)
		}
	}
}

func TestFind(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	entry := func(test, owner string, days int) e2e.Quarantine {
		return e2e.Quarantine{Test: test, Owner: owner, Deadline: now.AddDate(0, 0, days)}
	}
	for _, tc := range []struct {
		name    string
		file    Quarantine
		owner   string // of the entry that is found; "" for none
		expired bool
	}{
		{"empty", nil, "", false},
		{"another test", Quarantine{entry("api/x.go::B", "o", 1)}, "", false},
		{"exact", Quarantine{entry("api/x.go::A", "o", 1)}, "o", false},
		{"glob", Quarantine{entry("api/*::A", "o", 1)}, "o", false},
		{"exact goes before globs", Quarantine{entry("**", "glob", 1), entry("api/x.go::A", "exact", 1)}, "exact", false},
		{"exact goes before globs also when it has expired", Quarantine{entry("**", "glob", 1), entry("api/x.go::A", "exact", -1)}, "exact", true},
		{"the first of several", Quarantine{entry("api/**", "one", 1), entry("**", "two", 2)}, "one", false},
		{"the first that has not expired", Quarantine{entry("api/**", "one", -1), entry("**", "two", 0)}, "two", false},
		{"all expired: the first", Quarantine{entry("api/**", "one", -1), entry("**", "two", -2)}, "one", true},
		{"two exact ones", Quarantine{entry("api/x.go::A", "one", -1), entry("api/x.go::A", "two", 1)}, "two", false},
		{"without deadline", Quarantine{{Test: "api/x.go::A", Owner: "o"}}, "o", true},
		{"an entry without test covers nothing", Quarantine{entry("", "o", 1)}, "", false},
		{"Expired in the file does not count", Quarantine{{Test: "api/x.go::A", Owner: "o", Deadline: now, Expired: true}}, "o", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.file.Find("api/x.go::A", 0, unknown, now)
			switch {
			case got == nil && tc.owner != "":
				t.Error("nothing found")
			case got != nil && (got.Owner != tc.owner || got.Expired != tc.expired):
				t.Errorf("got %+v", *got)
			}
		})
	}
	// A test whose name looks like a glob is found by its own id.
	star := Quarantine{entry("api/x.go::*", "o", 1)}
	if got := star.Find("api/x.go::*", 0, unknown, now); got == nil {
		t.Error("an exact id with a star is not found")
	}
	// What is found is a copy.
	star.Find("api/x.go::A", 0, unknown, now).Owner = "changed"
	if star[0].Owner != "o" {
		t.Error("the file was changed")
	}
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		glob, id string
		want     bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a", "a", true},
		{"a", "A", false},
		{"a", "ab", false},
		{"b", "ab", false},
		{"*", "", true},
		{"*", "abc", true},
		{"*", "a/b", false},
		{"*", "a::b", false},
		{"*", "a:b", true},
		{"*", "a:", true},
		{"**", "", true},
		{"**", "a/b::c", true},
		{"***", "a/b::c", true},
		{"api/*", "api/x", true},
		{"api/*", "api/x/y", false},
		{"api/**", "api/x/y::Z", true},
		{"api/**", "api", false},
		{"api/x_test.go::*", "api/x_test.go::TestA", true},
		{"api/x_test.go::*", "api/x_test.go::TestA/sub", false},
		{"api/x_test.go::*", "api/x_test.go", false},
		{"api/*::TestA", "api/x_test.go::TestA", true},
		{"api/*::TestA", "api/sub/x_test.go::TestA", false},
		{"api/**::TestA", "api/sub/x_test.go::TestA", true},
		{"**::TestA", "api/x::TestA", true},
		{"**::TestA", "TestA", false},
		{"**/b/*/d", "a/b/b/c/d", true},
		{"**/b/*/d", "a/b/c/c/d", false},
		{"*a*b*", "xxaxxbxx", true},
		{"*a*b*", "xxbxxaxx", false},
		{"*a/**", "ba/c", true},
		{"**a*b", "a/ab", true},
		{"*:y", "x::y", false}, // half a separator is none
		{"x:*", "x::y", false},
		{"x*:y", "x:y", true},
		{"x::*", "x::y", true},
		{"a.b", "axb", false},
		{"a?", "ab", false},
		{"[ab]", "a", false},
		{"[chromium] *::x", "[chromium] checkout::x", true},
		{"{a,b}", "a", false},
		{`a\d`, "a1", false},
		{`a\*`, `a\b`, true},
		{"(a|b)", "a", false},
		{"^a$", "a", false},
		{"submits(String)[*]", "submits(String)[12]", true},
		{"Checkout › *", "Checkout › kauft Ä\nzweite Zeile", true},
		{"\xff*", "\xffa", true},
	} {
		if got := Match(tc.glob, tc.id); got != tc.want {
			t.Errorf("Match(%q, %q) = %v", tc.glob, tc.id, got)
		}
	}
}

// The same, slowly and by the definition.
func matchByDefinition(glob, id []string) bool {
	switch {
	case len(glob) == 0:
		return len(id) == 0
	case glob[0] == starAcross:
		return matchByDefinition(glob[1:], id) || len(id) > 0 && matchByDefinition(glob, id[1:])
	case glob[0] == starWithin:
		return matchByDefinition(glob[1:], id) || len(id) > 0 && id[0] != "/" && id[0] != "::" && matchByDefinition(glob, id[1:])
	}
	return len(id) > 0 && id[0] == glob[0] && matchByDefinition(glob[1:], id[1:])
}

func TestMatchEqualsItsDefinition(t *testing.T) {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a", "b", "/", "::", "*", "**"}), 0, 8)
	ids := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a", "b", "/", "::", ":"}), 0, 10)
	rapid.Check(t, func(t *rapid.T) {
		glob := strings.Join(parts.Draw(t, "glob"), "")
		id := strings.Join(ids.Draw(t, "id"), "")
		if got, want := Match(glob, id), matchByDefinition(tokens(glob, true), tokens(id, false)); got != want {
			t.Fatalf("Match(%q, %q) = %v", glob, id, got)
		}
	})
}

// A glob made to be slow is not: this would not come back with backtracking over
// all stars.
func TestMatchIsQuick(t *testing.T) {
	if Match(strings.Repeat("*a", 60)+"b", strings.Repeat("a", 5000)) || Match(strings.Repeat("**a", 60)+"b", strings.Repeat("a/", 2500)) {
		t.Error("matched")
	}
}

func unknown(string) bool { return false }

// An entry that equals an id covers that id alone; a star may be escaped.
func TestAStarInAName(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	entry := func(test string) Quarantine {
		return Quarantine{{Test: test, Since: now.AddDate(0, 0, -1), Deadline: now.AddDate(0, 0, 1)}}
	}
	known := func(id string) bool { return id == "s::a*" }
	for _, tc := range []struct {
		entry, id string
		want      bool
	}{
		{"s::a*", "s::a*", true}, {"s::a*", "s::ab", false}, {"s::b*", "s::bc", true},
		{`s::a\\*`, "s::a*", true}, {`s::a\\*`, "s::ab", false}, {`s::\\**`, "s::*b", true}, {`App\*::x`, `App\A::x`, true}, {`App\A::*`, `App\A::x`, true},
	} {
		if got := entry(tc.entry).Find(tc.id, 0, known, now) != nil; got != tc.want {
			t.Errorf("%s covers %s: %v", tc.entry, tc.id, got)
		}
	}
}

// An entry counts from its first day on, and for 30 days at most.
func TestHowLongAnEntryCounts(t *testing.T) {
	since := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	q := Quarantine{{Test: "a", Since: since, Deadline: since.AddDate(10, 0, 0)}}
	for day, want := range map[int]string{-1: "none", 0: "active", 29: "active", 30: "active", 31: "expired"} {
		got := "none"
		if found := q.Find("a", 0, unknown, since.AddDate(0, 0, day).Add(time.Hour)); found != nil {
			got = "active"
			if found.Expired {
				got = "expired"
			}
			if !found.Deadline.Equal(since.AddDate(0, 0, 30)) {
				t.Errorf("day %d: last day %s", day, found.Deadline)
			}
		}
		if got != want {
			t.Errorf("day %d: %s, want %s", day, got, want)
		}
	}
}
