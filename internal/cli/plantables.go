package cli

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/shards"
)

// tableTest is a test of --tests.
type tableTest struct {
	ID    string   `json:"id"`
	Owner string   `json:"owner"`
	Tags  []string `json:"tags"`
}

// tablePlan is what plan --tests prints.
type tablePlan struct {
	Shards      []tableShard `json:"shards"`
	Makespan    float64      `json:"makespan_seconds"`
	LowerBound  float64      `json:"lower_bound_seconds"`
	OwnerSplits int          `json:"owner_splits"`
	Guessed     int          `json:"guessed"`
}

type tableShard struct {
	Index   int      `json:"index"`
	Owners  []string `json:"owners"`
	Tests   []string `json:"tests"`
	Seconds float64  `json:"seconds"`
}

// planTables plans tests and timings that need no repository.
func (c planCmd) planTables(a *App) error {
	opts, err := c.tableOptions()
	if err != nil {
		return err
	}
	timings, order, err := readTimings(c.Timings)
	if err != nil {
		return usageError{err}
	}
	tests, err := readTests(c.Tests, order)
	if err != nil {
		return usageError{err}
	}
	list := make([]shards.Test, len(tests))
	for i, t := range tests {
		list[i] = shards.Test{ID: t.ID, Owner: t.Owner, Seconds: median(timings[t.ID]), Smoke: e2e.Test{Tags: t.Tags}.Smoke()}
	}
	plan, err := shards.Make(list, opts)
	if err != nil {
		return usageError{err}
	}
	return a.printTablePlan(c.Format, plan)
}

func (c planCmd) tableOptions() (shards.Options, error) {
	opts := shards.Options{Smoke: shards.SmokeOwn}
	var err error
	if opts.Count, err = shardCount(c.Shards); err != nil {
		return opts, err
	}
	for _, f := range []struct {
		name, text string
		into       *float64
	}{{"--budget", c.Budget, &opts.Budget}, {"--overhead", c.Overhead, &opts.Overhead}} {
		if f.text == "" {
			continue
		}
		d, err := time.ParseDuration(f.text)
		if err != nil || d < 0 {
			return opts, usage("%s must be a duration such as 90s or 5m, not %q", f.name, f.text)
		}
		*f.into = d.Seconds()
		if d == 0 {
			*f.into = -1
		}
	}
	return opts, nil
}

// readTests reads the list of tests; without a file, it returns all tests with timings.
func readTests(file string, timed []string) ([]tableTest, error) {
	if file == "" {
		tests := make([]tableTest, len(timed))
		for i, id := range timed {
			tests[i].ID = id
		}
		return tests, nil
	}
	data, err := os.ReadFile(file) //nolint:gosec // named by the user
	if err != nil {
		return nil, fmt.Errorf("--tests: %w", err)
	}
	var tests []tableTest
	if err := json.Unmarshal(data, &tests); err != nil {
		return nil, fmt.Errorf("--tests: %s must hold a JSON list of {id, owner, tags}: %w", file, err)
	}
	return tests, nil
}

// readTimings reads observations per test, and the tests in order of their first.
func readTimings(file string) (timings map[string][]float64, order []string, err error) {
	timings = map[string][]float64{}
	if file == "" {
		return timings, nil, nil
	}
	f, err := os.Open(file) //nolint:gosec // named by the user
	if err != nil {
		return nil, nil, fmt.Errorf("--timings: %w", err)
	}
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	r.FieldsPerRecord = 2
	head, err := r.Read()
	if err != nil || head[0] != "test" || head[1] != "seconds" {
		return nil, nil, fmt.Errorf("%s:1: the header test,seconds is missing", file)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return timings, order, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		line, col := r.FieldPos(1)
		seconds, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			return nil, nil, fmt.Errorf("%s:%d:%d: invalid number of seconds %q", file, line, col, row[1])
		}
		if _, seen := timings[row[0]]; !seen {
			order = append(order, row[0])
		}
		timings[row[0]] = append(timings[row[0]], seconds)
	}
}

// median is 0 without observations, which means unknown to the planner. A test that was
// timed at zero seconds gets a tiny duration instead, because it is known.
func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return max((list[(len(list)-1)/2]+list[len(list)/2])/2, 1e-6)
}

func (a *App) printTablePlan(format string, p shards.Plan) error {
	out := tablePlan{Shards: []tableShard{}, Makespan: p.Makespan, LowerBound: p.LowerBound, OwnerSplits: p.OwnerSplits, Guessed: p.Guessed}
	for _, sh := range p.Shards {
		b := tableShard{Index: sh.Index, Owners: sh.Owners, Tests: sh.Tests, Seconds: sh.Seconds}
		if b.Tests == nil {
			b.Tests, b.Owners = []string{}, []string{}
		}
		out.Shards = append(out.Shards, b)
	}
	if format == "json" {
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	}
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "SHARD\tTESTS\tSECONDS\tOWNERS")
	for _, sh := range out.Shards {
		_, _ = fmt.Fprintf(tw, "%d\t%d\t%.1f\t%s\n", sh.Index, len(sh.Tests), sh.Seconds, safeLine(listed(sh.Owners)))
	}
	_ = tw.Flush()
	splits := report.Plural(out.OwnerSplits, "owner split", "owner splits")
	_, err := fmt.Fprintf(a.Stdout, "makespan %.1f s (lower bound %.1f s), %s, %d guessed\n", out.Makespan, out.LowerBound, splits, out.Guessed)
	return err
}
