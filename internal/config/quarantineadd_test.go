package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

var added = e2e.Quarantine{
	Test: "s/**::TestX*", Owner: "team-a", Reason: `a "race": #812`, Issue: "https://example.com/1", Remove: true,
	Since: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), Deadline: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC),
}

const addedText = `- test: "s/**::TestX*"
  owner: "team-a"
  reason: "a \"race\": #812"
  quarantined_at: 2026-11-02
  fix_deadline: 2026-11-30
  removal_if_not_fixed: true
  last_seen_failure: 2026-11-01
  issue: "https://example.com/1"
`

func TestAddQuarantine(t *testing.T) {
	seen := time.Date(2026, 11, 1, 23, 0, 0, 0, time.UTC)
	const one = "{test: a, owner: o, reason: r, quarantined_at: 2026-01-01, fix_deadline: 2026-02-01}"
	indented := "  " + strings.ReplaceAll(strings.TrimSuffix(addedText, "\n"), "\n", "\n  ") + "\n"
	for name, c := range map[string]struct{ before, after string }{
		"no file":         {"", addedText},
		"an empty list":   {"# ours\n[]  # none yet\n# end\n", "# ours\n# none yet\n# end\n" + addedText},
		"only comments":   {"# ours\n", "# ours\n" + addedText},
		"comments":        {"# ours\n- " + one + " # why\n\n# end", "# ours\n- " + one + " # why\n\n# end\n" + addedText},
		"indented":        {"  - " + one + "\n", "  - " + one + "\n" + indented},
		"other line ends": {"- " + one + "\r\n", "- " + one + "\r\n" + strings.ReplaceAll(addedText, "\n", "\r\n")},
	} {
		got, err := AddQuarantine("q.yml", []byte(c.before), added, seen)
		if err != nil || string(got) != c.after {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, c.after)
		}
	}
	for name, before := range map[string]string{"in brackets": "[" + one + "]\n", "invalid": "- {test: a}\n", "a second document": "- " + one + "\n...\n"} {
		if got, err := AddQuarantine("q.yml", []byte(before), added, seen); err == nil {
			t.Errorf("%s: appended:\n%s", name, got)
		}
	}
}

// Any entry is read back as it was given, or refused.
func TestAddQuarantineReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entry := added
		for _, field := range []*string{&entry.Test, &entry.Owner, &entry.Reason, &entry.Issue} {
			*field = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"${HOME}", "a\nb", "- x", "# y", "null", "2026-01-01", "'", `"\`, "*a", "&b",
				"\u2028"})).Draw(t, "field")
		}
		first, err := AddQuarantine("q.yml", nil, added, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := AddQuarantine("q.yml", first, entry, time.Time{})
		if err != nil {
			return
		}
		got, err := ParseQuarantine("q.yml", text)
		if err != nil || !slices.Equal(got, []e2e.Quarantine{added, entry}) {
			t.Fatalf("%v: %+v from\n%s", err, got, text)
		}
	})
}
