package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/report"
)

type quarantineCmd struct {
	Add   quarantineAddCmd   `cmd:"" help:"Append an entry to the quarantine file, with a deadline."`
	List  quarantineListCmd  `cmd:"" help:"Show entries with the days left and how their tests did in earlier runs."`
	Check quarantineCheckCmd `cmd:"" help:"Exit 1 if the deadline of an entry has passed."`
}

// defaultQuarantine is the quarantine file if the config names none.
const defaultQuarantine = ".github/e2e-quarantine.yml"

// maxQuarantine is the longest time of an entry in days, without --force.
const maxQuarantine = int(policy.MaxQuarantine / (24 * time.Hour))

// quarantineFlags are the flags of every quarantine command.
type quarantineFlags struct {
	historyFlags
	File string `help:"Quarantine file. Default: the config's, else .github/e2e-quarantine.yml." placeholder:"FILE" type:"path"`
}

// path is the quarantine file, and whether the config names it.
func (f quarantineFlags) path() (file string, named bool, err error) {
	if f.File != "" {
		return f.File, true, nil
	}
	top, err := root()
	if err != nil {
		return "", false, err
	}
	peeked, err := config.Peek(config.Options{Root: top, File: f.Config})
	switch {
	case err != nil && !errors.Is(err, config.ErrNone):
		return "", false, usageError{err}
	case err != nil || peeked.Quarantine == "":
		return filepath.Join(top, filepath.FromSlash(defaultQuarantine)), false, nil
	}
	return filepath.Join(top, filepath.FromSlash(peeked.Quarantine)), true, nil
}

// past is the history. One that cannot be read is empty, with a note.
func (f quarantineFlags) past(ctx context.Context, a *App) history.Stats {
	stats, err := f.load(ctx, a)
	if err != nil {
		_, _ = fmt.Fprintln(a.Stderr, safeLine("note: the history cannot be read: "+err.Error()))
	}
	return stats
}

// entry is a quarantine entry as list and check show it.
type entry struct {
	e2e.Quarantine
	DaysLeft int             `json:"days_left"`
	History  history.Covered `json:"history"`
}

// read reads the file's entries.
func (f quarantineFlags) read(ctx context.Context, a *App) (string, []entry, error) {
	file, named, err := f.path()
	if err != nil {
		return "", nil, err
	}
	top := ""
	if f.File == "" {
		if top, err = root(); err != nil {
			return "", nil, err
		}
	}
	quarantine, err := config.ReadQuarantine(top, file)
	if _, missing := os.Stat(file); !named && errors.Is(missing, fs.ErrNotExist) {
		err = nil // no file yet
	}
	if err != nil {
		return file, nil, usageError{err}
	}
	stats := f.past(ctx, a)
	list := []entry{}
	for _, q := range quarantine {
		q.Deadline = policy.LastDay(q)
		q.Expired = policy.Expired(q.Deadline, a.Now())
		covered := stats.Covered(func(id string) bool { return id == q.Test || policy.Match(q.Test, id) })
		list = append(list, entry{q, q.DaysLeft(a.Now()), covered})
	}
	return file, list, nil
}

type quarantineAddCmd struct {
	quarantineFlags
	Test   string `arg:"" help:"Id of a test, or a glob: * within a segment, ** across; segments end at / and ::."`
	Owner  string `help:"Team that must fix it." required:"" placeholder:"TEAM"`
	Reason string `help:"Why it is quarantined." required:"" placeholder:"TEXT"`
	Days   int    `help:"Days until the deadline, at most 30." placeholder:"N"`
	Issue  string `help:"Ticket." placeholder:"URL"`
	Twins  int    `help:"How many tests share the id, if several do." placeholder:"N"`
	Remove bool   `help:"Remove the test if it is not fixed in time."`
	Force  bool   `help:"Allow a test that is already in quarantine."`
}

// Help is shown by quarantine add --help.
func (quarantineAddCmd) Help() string {
	return "Example: e2e-gate quarantine add 's/**::TestExport*' --owner case-import --reason 'races with indexing' --days 14 --issue https://example.com/812"
}

// Run appends an entry.
func (c quarantineAddCmd) Run(ctx context.Context, a *App) error {
	if err := c.check(); err != nil {
		return err
	}
	file, named, err := c.path()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(file) //nolint:gosec // named by the config or the user
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read the quarantine: %w", err)
	}
	if err := c.covered(a, file, data); err != nil {
		return err
	}
	stats := c.past(ctx, a).Covered(func(id string) bool { return id == c.Test || policy.Match(c.Test, id) })
	today := a.Now().UTC().Truncate(24 * time.Hour)
	q := e2e.Quarantine{Test: c.Test, Owner: c.Owner, Reason: c.Reason, Since: today, Deadline: today.AddDate(0, 0, c.Days),
		Remove: c.Remove, Issue: c.Issue, Twins: c.Twins}
	text, err := config.AddQuarantine(file, data, q, stats.LastBad)
	if err != nil {
		return usageError{err}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return fmt.Errorf("cannot write the quarantine: %w", err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil { //nolint:gosec // a file of the repository
		return fmt.Errorf("cannot write the quarantine: %w", err)
	}
	if stats.Tests == 0 {
		_, _ = fmt.Fprintln(a.Stderr, safeLine(fmt.Sprintf("note: the history has no test %s; e2e-gate history export lists all known ids", c.Test)))
	}
	if !named {
		_, _ = fmt.Fprintln(a.Stderr, "note: the config names no quarantine file, so nothing reads it yet; add quarantine: "+defaultQuarantine)
	}
	_, err = fmt.Fprintln(a.Stdout, safeLine(fmt.Sprintf("%s is in quarantine until %s; %s must fix it by then", c.Test,
		q.Deadline.Format(time.DateOnly), c.Owner)))
	return err
}

// check refuses entries without a deadline, or with one too far away.
func (c quarantineAddCmd) check() error {
	switch {
	case c.Days < 1:
		return usage("a quarantine needs a deadline; give --days N, at most %d", maxQuarantine)
	case c.Days > maxQuarantine:
		return usage("%d days exceed the limit of %d; use fewer, and look again then", c.Days, maxQuarantine)
	case strings.TrimSpace(c.Test) == "" || strings.TrimSpace(c.Owner) == "" || strings.TrimSpace(c.Reason) == "":
		return usage("a quarantine needs a test, an owner and a reason; give all three")
	}
	return nil
}

// covered refuses a test that an entry covers already.
func (c quarantineAddCmd) covered(a *App, file string, data []byte) error {
	known, err := config.ParseQuarantine(filepath.Base(file), data)
	if found := known.Find(c.Test, c.Twins, func(string) bool { return false }, a.Now()); err == nil && found != nil && !c.Force {
		return usage("%s is already in quarantine until %[3]s, by the entry %[2]s; change that entry, or use --force", c.Test, found.Test,
			found.Deadline.Format(time.DateOnly))
	}
	return nil
}

type quarantineListCmd struct {
	quarantineFlags
	Format string `help:"Output: text or json." enum:"text,json" default:"text"`
}

// Run lists entries.
func (c quarantineListCmd) Run(ctx context.Context, a *App) error {
	_, list, err := c.read(ctx, a)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return a.printJSON(list)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.Stdout, "nothing is in quarantine")
		return err
	}
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "DAYS LEFT\tDEADLINE\tOWNER\tTEST\tEARLIER RUNS\tREASON")
	for _, e := range list {
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", e.left(), e.Deadline.Format(time.DateOnly), safeLine(e.Owner), safeLine(e.Test), e.past(),
			safeLine(e.Reason))
	}
	return tw.Flush()
}

func (e entry) left() string {
	if e.Expired {
		return "expired"
	}
	return fmt.Sprint(e.DaysLeft)
}

// past sums up the earlier runs in a few words.
func (e entry) past() string {
	h := e.History
	switch {
	case h.Tests == 0 || h.LastBad.IsZero() && h.Runs == 0:
		return "no run in the history"
	case h.Runs == 0:
		return "failed or flaky in the last run, on " + h.LastBad.Format(time.DateOnly)
	}
	text := fmt.Sprintf("passes since %s (%s)", h.PassesSince.Format(time.DateOnly), report.Plural(h.Runs, "run", "runs"))
	if !h.Enough {
		text += ", too few to tell"
	}
	return text
}

type quarantineCheckCmd struct {
	quarantineFlags
	Format string `help:"Output: text or json." enum:"text,json" default:"text"`
}

// Help is shown by quarantine check --help.
func (quarantineCheckCmd) Help() string {
	return "Exit status: 1 if the deadline of an entry has passed, 2 if the file cannot be read, else 0."
}

// Run looks for entries whose deadline has passed.
func (c quarantineCheckCmd) Run(ctx context.Context, a *App) error {
	file, list, err := c.read(ctx, a)
	if err != nil {
		return err
	}
	expired := []entry{}
	for _, e := range list {
		if e.Expired {
			expired = append(expired, e)
		}
	}
	if c.Format == "json" {
		err = a.printJSON(map[string]any{"entries": len(list), "expired": expired})
	} else {
		err = a.printExpired(filepath.Base(file), len(list), expired)
	}
	if err == nil && len(expired) > 0 {
		err = exitError(e2e.ExitBlocked)
	}
	return err
}

func (a *App) printExpired(file string, entries int, expired []entry) error {
	for _, e := range expired {
		next := "fix it, or give it a new deadline with a reason"
		if e.Remove {
			next = "remove the test, as the entry says, or fix it"
		}
		switch {
		case e.History.Enough:
			next = e.past() + ": remove the entry"
		case e.History.Runs > 0:
			next = e.past() + ": " + next
		}
		_, _ = fmt.Fprintln(a.Stdout, safeLine(fmt.Sprintf("expired on %s: %s, owner %s; %s", e.Deadline.Format(time.DateOnly), e.Test, e.Owner, next)))
	}
	_, err := fmt.Fprintln(a.Stdout, safeLine(fmt.Sprintf("%s: %s, %d expired", file, report.Plural(entries, "entry", "entries"), len(expired))))
	return err
}
