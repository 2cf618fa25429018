// Command planbench compares the planner with other planners, on tables of real test
// durations: CSV files with the columns test and seconds, or date, commit, test and
// seconds for several versions of one suite.
//
//	go run ./internal/tool/planbench -shards 4,8,16 timings/*.csv
//
// Peers are written from their documented behaviour: longest-first (Captain, ddtest),
// round robin, contiguous (Playwright's --shard), hash, pytest-split's two (duration_based_chunks and
// least_duration), gotestsum's ci-matrix. The owner of a test is its folder, two levels deep.
//
// The last columns are what a small change of the input moves: the share of tests that are
// on another shard after one test was added, one was removed, all durations changed by up
// to 5 %, and with the durations of the next version. Shards are matched by what they have
// in common.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	counts := flag.String("shards", "2,4,8,16,32", "numbers of shards")
	flag.Parse()
	if err := run(os.Stdout, *counts, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "planbench:", err)
		os.Exit(1)
	}
}

func run(to *os.File, counts string, files []string) error {
	tw := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(tw, "data\tshards\tplanner\tmakespan/bound\towner splits\tat most\trealised/bound\tmoved by: "+columns()+"\t")
	for _, file := range files {
		data, err := read(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for text := range strings.SplitSeq(counts, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return fmt.Errorf("-shards: %q is not a number", text)
			}
			for _, p := range planners {
				data.row(tw, strings.TrimSuffix(filepath.Base(file), ".csv"), n, p)
			}
		}
	}
	return tw.Flush()
}

// row measures one planner: how it balances what it was told, and, where there is a next
// version, what that would have taken.
func (d data) row(tw *tabwriter.Writer, name string, n int, p planner) {
	where := p.plan(d.known, n)
	loads := make([]float64, n)
	pairs := map[string]bool{}
	owners := map[string]bool{}
	for i, t := range d.known {
		loads[where[i]] += t.seconds
		pairs[fmt.Sprint(t.owner, "\n", where[i])] = true
		owners[t.owner] = true
	}
	realised := "-"
	if len(d.next) > 0 {
		next := make([]float64, n)
		total, longest := 0.0, 0.0
		for i, t := range d.known {
			seconds := d.next[t.name]
			next[where[i]] += seconds
			total, longest = total+seconds, max(longest, seconds)
		}
		realised = fmt.Sprintf("%.3f", slices.Max(next)/max(total/float64(n), longest))
	}
	_, _ = fmt.Fprintf(tw, "%s\t%d\t%s\t%.3f\t%d\t%d\t%s\t%s\t\n", name, n, p.name, slices.Max(loads)/bound(d.known, n), len(pairs), len(owners)+n-1,
		realised, d.stability(p, n))
}

func columns() string {
	var names []string
	for _, c := range changes {
		names = append(names, c.name)
	}
	return strings.Join(names, "\t")
}

func (d data) stability(p planner, n int) string {
	var cells []string
	for _, c := range changes {
		cell := "-"
		if percent, ok := d.moved(p, n, c); ok {
			cell = fmt.Sprintf("%.1f %%", percent)
		}
		cells = append(cells, cell)
	}
	return strings.Join(cells, "\t")
}
