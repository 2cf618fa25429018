package cli

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/history/estimate"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/trigger"
)

type historyCmd struct {
	Show   historyShowCmd   `cmd:"" help:"Show a test, or the slowest, flakiest, or most changed ones."`
	Export historyExportCmd `cmd:"" help:"Print the history of all tests as CSV or JSON lines."`
	Import historyImportCmd `cmd:"" help:"Import durations from reports of earlier runs, so that the first plan is balanced."`
}

// historyFlags are the flags of every history command.
type historyFlags struct {
	Config string `help:"Config file, for its history store. Default: .github/e2e-gate.yml, then e2e-gate.yml." placeholder:"FILE" type:"path"`
	Store  string `help:"History store instead of the config's: dir:<path> or s3://BUCKET/PREFIX." placeholder:"STORE"`
}

// open opens the store. A repository without a config uses the default one.
func (f historyFlags) open(a *App) (*history.Log, error) {
	top, err := root()
	if err != nil {
		return nil, err
	}
	address := f.Store
	if address == "" {
		if address, err = a.storeAddress(top, f.Config); err != nil {
			return nil, err
		}
	} else if _, err := history.ParseAddress(address); err != nil {
		return nil, usage("--store: %w", err)
	}
	store, _, err := a.openStore(top, address)
	if err != nil {
		return nil, err
	}
	t := trigger.Detect(a.getenv)
	subject, err := a.subject("", t.Subject)
	if err != nil {
		return nil, err
	}
	return &history.Log{Store: store, Now: a.Now, Repository: cmp.Or(t.Repository, subject.Repository)}, nil
}

// load reads the history, and prints which records could not be read.
func (f historyFlags) load(ctx context.Context, a *App) (history.Stats, error) {
	log, err := f.open(a)
	if err != nil {
		return history.Stats{}, err
	}
	stats, skipped, err := log.Load(ctx)
	for _, s := range skipped {
		_, _ = fmt.Fprintln(a.Stderr, safeLine("note: not read: "+s))
	}
	return stats, err
}

type historyShowCmd struct {
	historyFlags
	Test     string `arg:"" optional:"" help:"Id of a test."`
	Slowest  bool   `help:"The tests that take longest." xor:"order"`
	Flakiest bool   `help:"The tests that are flaky or fail most often, judged by the lower end of their rates." xor:"order"`
	Trend    bool   `help:"The tests that became slower, by how much." xor:"order"`

	AffectedMisses bool `help:"Runs of the default branch and the merge queue in which a test failed that the rules of affected leave out." xor:"order"`

	Limit  int    `help:"Number of tests to show." default:"20"`
	Format string `help:"Output: text or json." enum:"text,json" default:"text"`
}

// Help is shown by history show --help.
func (historyShowCmd) Help() string {
	return "Examples:\n  e2e-gate history show --slowest\n  e2e-gate history show 'case-journeys/submission_test.go::TestSubmit'"
}

// Run shows tests.
func (c historyShowCmd) Run(ctx context.Context, a *App) error {
	stats, err := c.load(ctx, a)
	if err != nil {
		return err
	}
	switch {
	case c.Test != "":
		return c.one(a, stats)
	case c.AffectedMisses:
		return c.misses(a, stats)
	}
	list := stats.All()
	by := func(t history.TestStats) float64 { return t.Median }
	switch {
	case c.Flakiest: // what is likely: one of one run is not the flakiest
		by = func(t history.TestStats) float64 { return t.Bad.Low }
	case c.Trend:
		by = func(t history.TestStats) float64 { return t.Trend }
	}
	history.Sort(list, by)
	list = list[:min(len(list), max(c.Limit, 0))]
	if c.Format == "json" {
		return a.printJSON(list)
	}
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "MEDIAN\tP90\tTREND\tRUNS\tFLAKY\tFAILED\tRATE (90 %)\tSTATE\tSINCE\tTEST")
	for _, t := range list {
		since := "-"
		if t.Since != nil {
			since = t.Since.Started.Format(time.DateOnly)
		}
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", known(t.Median, "%.2f s"), known(t.High, "%.2f s"), known(t.Trend, "x%.2f"),
			t.Runs, t.Flaky, t.Failed, rate(t.Bad), words(t.State), since, safeLine(t.Test))
	}
	if len(list) == 0 {
		_, _ = fmt.Fprintln(tw, "the history is empty: run the gate, or import reports with e2e-gate history import")
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if incidents := stats.Incidents(); len(incidents) > 0 {
		_, err = fmt.Fprintf(a.Stdout, "\nThe environment was at fault in %s, last on %s; they change nothing above.\n",
			report.Plural(len(incidents), "run", "runs"), incidents[len(incidents)-1].Format(time.DateOnly))
	}
	return err
}

// misses shows the runs in which affected would have overlooked a failure, and how often that is.
func (c historyShowCmd) misses(a *App, stats history.Stats) error {
	rate, runs := stats.AffectedMisses()
	if c.Format == "json" {
		return a.printJSON(struct {
			Rate estimate.Rate     `json:"rate"`
			Runs []history.MissRun `json:"runs"`
		}{rate, append([]history.MissRun{}, runs[:min(len(runs), max(c.Limit, 0))]...)})
	}
	if rate.Runs == 0 {
		_, err := fmt.Fprintln(a.Stdout, "no run shows it: runs of the default branch and the merge queue do, where a stage has affected: true")
		return err
	}
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	for i, r := range runs[:min(len(runs), max(c.Limit, 0))] {
		if i == 0 {
			_, _ = fmt.Fprintln(tw, "STARTED\tCOMMIT\tRUN\tTEST")
		}
		row := fmt.Sprintf("%s\t%s\t%s", r.Started.Format(time.DateTime), safeLine(cmp.Or(r.SHA[:min(len(r.SHA), 12)], "-")), safeLine(r.Run))
		for _, id := range r.Tests {
			_, _ = fmt.Fprintf(tw, "%s\t%s\n", row, safeLine(id))
		}
		if more := r.Count - len(r.Tests); more > 0 {
			_, _ = fmt.Fprintf(tw, "%s\tand %d more\n", row, more)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.Stdout, "in %d of the last %s of the default branch and the merge queue, a test failed that the rules of affected leave out: %s\n",
		rate.Count, report.Plural(rate.Runs, "run", "runs"), shareOf(rate))
	return err
}

// rate is "15 % (6-32)": the share of runs, and between which rates the true one lies.
func rate(r estimate.Rate) string {
	if r.Runs == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %% (%.0f-%.0f)", r.Share()*100, r.Low*100, r.High*100)
}

// shareOf is "15 %, 90 % between 6 % and 32 %".
func shareOf(r estimate.Rate) string {
	return fmt.Sprintf("%.0f %%, 90 %% between %.0f %% and %.0f %%", r.Share()*100, r.Low*100, r.High*100)
}

// words are those of a state.
func words(state string) string { return strings.NewReplacer("_", " ", "-", " ").Replace(state) }

func known(v float64, format string) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// one shows the runs of a test.
func (c historyShowCmd) one(a *App, stats history.Stats) error {
	var rows []history.Row
	for _, r := range stats.Rows() {
		if r.Test == c.Test {
			rows = append(rows, r)
		}
	}
	switch {
	case len(rows) == 0:
		return fmt.Errorf("the history has no run of %q; e2e-gate history export lists all known ids", c.Test)
	case c.Format == "json":
		return a.printJSON(rows[:min(len(rows), max(c.Limit, 0))])
	}
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "STARTED\tOUTCOME\tSECONDS\tREF\tRUN")
	for _, r := range rows[:min(len(rows), max(c.Limit, 0))] {
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%.3f\t%s\t%s\n", r.Started.Format(time.DateTime), safeLine(string(r.Outcome)),
			r.Seconds, safeLine(r.Ref), safeLine(r.Run))
	}
	_ = tw.Flush()
	median, runs := stats.Estimate(c.Test)
	counted := report.Plural(runs, "run that counts", "runs that count")
	if _, err := fmt.Fprintf(a.Stdout, "median of %s: %.3f s\n", counted, median); err != nil {
		return err
	}
	for _, line := range sentences(stats.One(c.Test)) {
		if _, err := fmt.Fprintln(a.Stdout, safeLine(line)); err != nil {
			return err
		}
	}
	return nil
}

// sentences say what a test does, since when, and between which commits it began.
func sentences(t history.TestStats) []string {
	text := words(t.State)
	if t.Variant != "" {
		text += " on " + t.Variant
	}
	if t.Since != nil {
		text += " since " + place(t.Since)
		if t.Before != nil {
			text += "; the run before it was " + place(t.Before)
		}
	}
	list := []string{text}
	if t.Runs > 0 {
		where := ""
		if t.Branches {
			where = " on all branches"
		}
		if t.Changed {
			where += " since its outcomes last changed"
		}
		list = append(list, fmt.Sprintf("flaky in %d and failed in %d of the last %s%s (%.0f %%, 90 %% between %.0f %% and %.0f %%)", t.Flaky, t.Failed,
			report.Plural(t.Runs, "run", "runs"), where, t.Bad.Share()*100, t.Bad.Low*100, t.Bad.High*100))
	}
	if t.Pace != nil {
		change := "slower"
		if !t.Pace.Slower() {
			change = "faster"
		}
		list = append(list, fmt.Sprintf("%s since %s (x%.1f, from %.2f s to %.2f s)", change, place(t.Pace.Since), t.Pace.Ratio(), t.Pace.From, t.Pace.To))
	}
	return list
}

// place names a run.
func place(r *e2e.HistoryRun) string {
	text := r.Started.Format(time.DateOnly) + ", run " + r.Run
	if r.SHA != "" {
		text += ", commit " + r.SHA[:min(len(r.SHA), 12)]
	}
	return text
}

type historyExportCmd struct {
	historyFlags
	Format string `help:"Output: csv or jsonl." enum:"csv,jsonl" default:"csv"`
}

// Help is shown by history export --help.
func (historyExportCmd) Help() string {
	return "Example: e2e-gate history export --format jsonl > runs.jsonl\nOther tools read both: SELECT test, median(seconds) FROM 'runs.jsonl' GROUP BY test"
}

// Run prints rows.
func (c historyExportCmd) Run(ctx context.Context, a *App) error {
	stats, err := c.load(ctx, a)
	if err != nil {
		return err
	}
	if c.Format == "jsonl" {
		out := json.NewEncoder(a.Stdout)
		out.SetEscapeHTML(false)
		for _, r := range stats.Rows() {
			if err := out.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	return writeCSV(a.Stdout, stats.Rows())
}

func writeCSV(to io.Writer, rows []history.Row) error {
	out := csv.NewWriter(to)
	_ = out.Write([]string{"test", "seconds", "outcome", "started", "suite", "file", "run", "ref", "sha", "main"})
	for _, r := range rows {
		_ = out.Write([]string{r.Test, strconv.FormatFloat(r.Seconds, 'f', -1, 64), string(r.Outcome), r.Started.Format(time.RFC3339),
			r.Suite, r.File, r.Run, r.Ref, r.SHA, strconv.FormatBool(r.Main)})
	}
	out.Flush()
	return out.Error()
}
