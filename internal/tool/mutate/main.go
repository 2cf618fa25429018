// Command mutate breaks the code of the deciding packages, one small change at a time,
// and runs the package's own tests on each. A change that no test notices is a rule
// without a test. It changes no file: the tests are built with go test -overlay.
//
//	go run ./internal/tool/mutate                    all targets, as in the weekly workflow
//	go run ./internal/tool/mutate -share 0.1         a tenth of all mutants, drawn by -seed
//	go run ./internal/tool/mutate internal/policy    one target
//
// It prints each mutant that survived with its place, then a table of killed and
// survived, and exits 1 where a target is below its share. Mutants that do not compile
// are not counted.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"
)

// target is a package, or some files of one, and the share of its mutants that its own
// tests must kill.
type target struct {
	dir string
	// files are the names that are mutated; empty: all.
	files []string
	min   float64
}

// targets are the deciding packages.
var targets = []target{
	{dir: "internal/verdict", min: 0.95},
	{dir: "internal/verdict/attempts", min: 0.95},
	{dir: "internal/policy", min: 0.95},
	{dir: "internal/rerun", min: 0.95},
	{dir: "shards", min: 0.85},
	{dir: "internal/triage", files: []string{"decide.go"}, min: 0.85},
	{dir: "internal/junit", min: 0.85},
}

// result counts the mutants of a target.
type result struct {
	killed, survived, invalid int
	survivors                 []string
}

func (r result) share() float64 {
	if r.killed+r.survived == 0 {
		return 1
	}
	return float64(r.killed) / float64(r.killed+r.survived)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	share := flags.Float64("share", 1, "share of the mutants that is tried, above 0 and at most 1")
	seed := flags.Uint64("seed", rand.Uint64(), "seed of the draw where not all are tried") //nolint:gosec // a draw of mutants is no secret
	workers := flags.Int("workers", 2, "mutants that are tried at once")
	timeout := flags.Duration("timeout", 2*time.Minute, "time after which the tests of a mutant are ended; it counts as killed")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *share <= 0 || *share > 1 || *workers < 1 {
		_, _ = fmt.Fprintln(stderr, "mutate: -share takes a number above 0 and at most 1, -workers one from 1 on")
		return 2
	}
	chosen, err := choose(flags.Args())
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "mutate:", err)
		return 2
	}
	_, _ = fmt.Fprintf(stdout, "share %g, seed %d\n", *share, *seed)
	results := make([]result, len(chosen))
	for i, t := range chosen {
		o := options{share: *share, seed: *seed, workers: *workers, timeout: *timeout}
		if results[i], err = t.try(ctx, o, stdout); err != nil {
			_, _ = fmt.Fprintf(stderr, "mutate: %s: %v\n", t.dir, err)
			return 2
		}
	}
	return table(stdout, chosen, results)
}

// choose picks the targets that are named; all where none is.
func choose(names []string) ([]target, error) {
	if len(names) == 0 {
		return targets, nil
	}
	var chosen []target
	var known []string
	for _, t := range targets {
		known = append(known, t.dir)
		if slices.Contains(names, t.dir) {
			chosen = append(chosen, t)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("unknown target %s; use some of %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

type options struct {
	share   float64
	seed    uint64
	workers int
	timeout time.Duration
}

// try tries the mutants of a target.
func (t target) try(ctx context.Context, o options, stdout io.Writer) (result, error) {
	bench, err := newBench(t.dir, o.timeout)
	if err != nil {
		return result{}, err
	}
	defer bench.close()
	if out, err := bench.test(ctx, "", nil); err != nil {
		return result{}, fmt.Errorf("the tests fail without any mutant: %w\n%s", err, out)
	}
	mutants, err := mutantsOf(t.dir, t.files)
	if err != nil {
		return result{}, err
	}
	draw := rand.New(rand.NewPCG(o.seed, 0)) //nolint:gosec // a draw of mutants is not a secret
	mutants = slices.DeleteFunc(mutants, func(mutant) bool { return draw.Float64() >= o.share })
	var r result
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(o.workers)
	for _, m := range mutants {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fate, err := bench.try(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			switch fate {
			case killed:
				r.killed++
			case invalid:
				r.invalid++
			case survived:
				r.survived++
				r.survivors = append(r.survivors, m.String())
				_, _ = fmt.Fprintln(stdout, "survived:", m)
			}
			return err
		})
	}
	return r, group.Wait()
}

func table(stdout io.Writer, chosen []target, results []result) int {
	status := 0
	tw := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "\nTARGET\tKILLED\tSURVIVED\tSHARE\tAT LEAST")
	for i, t := range chosen {
		r := results[i]
		mark := ""
		if r.share() < t.min {
			mark, status = "\tbelow", 1
		}
		name := t.dir
		if len(t.files) > 0 {
			name += "/" + strings.Join(t.files, ",")
		}
		_, _ = fmt.Fprintf(tw, "%s\t%d\t%d\t%.1f%%\t%.0f%%%s\n", name, r.killed, r.survived, 100*r.share(), 100*t.min, mark)
	}
	_ = tw.Flush()
	return status
}
