package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/org/e2e-gate/internal/config/strictyaml"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// quarantineEntry is an entry as written in the file.
type quarantineEntry struct {
	Test     string `yaml:"test" doc:"Id of a test, or a glob in which only * (within a segment) and ** (across) are special." required:"true"`
	Owner    string `yaml:"owner" doc:"Who has to fix it." required:"true"`
	Reason   string `yaml:"reason" doc:"Why it is quarantined." required:"true"`
	Since    day    `yaml:"quarantined_at" doc:"Since when, YYYY-MM-DD." required:"true"`
	Deadline day    `yaml:"fix_deadline" doc:"Last day on which it does not block, YYYY-MM-DD, UTC." required:"true"`
	Twins    int    `yaml:"twins" doc:"For tests that share the id: how many there are. Without it, and if another number is reported, the entry excuses none of them."`
	Remove   bool   `yaml:"removal_if_not_fixed" doc:"true: the test is to be removed if it is not fixed in time."`
	LastSeen day    `yaml:"last_seen_failure" doc:"Last known failure, YYYY-MM-DD."`
	Issue    string `yaml:"issue" doc:"Ticket."`
}

// day is a date in UTC.
type day struct{ time.Time }

// UnmarshalText reads YYYY-MM-DD.
func (d *day) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil || t.Year() < 2000 { // a zero date would be no date
		return fmt.Errorf("expected a date such as 2026-11-30, found %q", text)
	}
	d.Time = t
	return nil
}

// ReadQuarantine reads a quarantine file. A file that does not exist is an error;
// every mistake comes back at once, as from [Load]. No link leads out of root, the checkout, to
// the file; an empty root says that the user named it.
func ReadQuarantine(root, file string) (policy.Quarantine, error) {
	name := file
	if rel, err := filepath.Rel(root, file); root != "" && err == nil && filepath.IsLocal(rel) {
		name = rel
	} else {
		root = "" // the config names a file elsewhere
	}
	data, err := readFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no quarantine file %s; create it with the content [], or drop the key quarantine", shown(file))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the quarantine: %w", err)
	}
	return ParseQuarantine(shown(file), data)
}

// ParseQuarantine is [ReadQuarantine] for the content of a file.
func ParseQuarantine(file string, data []byte) (policy.Quarantine, error) {
	var entries []quarantineEntry
	doc := strictyaml.Decode(data, &entries, strictyaml.Options{File: file})
	quarantine := policy.Quarantine{}
	for i, e := range entries {
		checkEntry(doc, fmt.Sprintf("[%d]", i), e)
		quarantine = append(quarantine, e2e.Quarantine{
			Test: e.Test, Owner: e.Owner, Reason: e.Reason, Since: e.Since.Time, Deadline: e.Deadline.Time, Remove: e.Remove, Issue: e.Issue,
			Twins: e.Twins,
		})
	}
	return quarantine, doc.Diags().Err()
}

func checkEntry(doc *strictyaml.Document, path string, e quarantineEntry) {
	for _, f := range []struct {
		key, hint string
		missing   bool
	}{
		{"test", "give a test's id or a glob", e.Test == ""},
		{"owner", "name who has to fix it", e.Owner == ""},
		{"reason", "say why", e.Reason == ""},
		{"quarantined_at", "give the date, YYYY-MM-DD", e.Since.IsZero()},
		{"fix_deadline", "without a deadline it would stay forever; give the date, YYYY-MM-DD", e.Deadline.IsZero()},
	} {
		if f.missing && !doc.Has(path+"."+f.key) {
			doc.Diags().Add(doc.At(path, fmt.Sprintf("the quarantine entry lacks %s", f.key), f.hint))
		}
	}
	if doc.Has(path+".twins") && e.Twins < 2 {
		doc.Diags().Add(doc.At(path+".twins", "twins is how many tests share the id, so it is at least 2", "leave it out for a test with an id of its own"))
	}
	if !e.Deadline.IsZero() && e.Deadline.Before(e.Since.Time) {
		doc.Diags().Add(doc.At(path+".fix_deadline", "the deadline is before the day of quarantine", "swap the dates?"))
	}
}
