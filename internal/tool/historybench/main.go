// Command historybench plants histories of one test with a known truth, and prints how
// soon, and how often wrongly, the estimator of the history sees it, beside rules that
// count runs:
//
//	go run ./internal/tool/historybench -histories 1000
//
// docs/history.md shows the tables. The numbers of internal/history/estimate are chosen
// from them.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/org/e2e-gate/internal/history/estimate"
)

func main() {
	histories := flag.Int("histories", 1000, "histories for each cell")
	seed := flag.Uint64("seed", 1, "seed of the random numbers")
	flag.Parse()
	if *histories < 1 {
		fmt.Fprintln(os.Stderr, "historybench: -histories must be at least 1")
		os.Exit(2)
	}
	p := printer{os.Stdout, *histories, *seed}
	p.steady()
	p.changes()
	p.better()
	p.disturbed()
	p.durations()
}

type printer struct {
	to        io.Writer
	histories int
	seed      uint64
}

func (p printer) row(cells ...string) {
	_, _ = fmt.Fprintln(p.to, "| "+strings.Join(cells, " | ")+" |")
}

func (p printer) head(title string, cells ...string) {
	_, _ = fmt.Fprintf(p.to, "\n%s\n\n", title)
	p.row(cells...)
	p.row(strings.Split(strings.Repeat("---,", len(cells)-1)+"---", ",")...)
}

func percent(v float64) string { return fmt.Sprintf("%.1f", v*100) }

func names(rules []rule) (list []string) {
	for _, r := range rules {
		list = append(list, r.name)
	}
	return list
}

// steady is how often a test is called flaky whose rate does not change.
func (p printer) steady() {
	rules := append([]rule{isFlaky}, others...)
	p.head("Called flaky or failing at least once in 30 runs, in % of histories, by its steady rate of flakes:", append([]string{"rate"}, names(rules)...)...)
	for _, rate := range []float64{0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5} {
		cells := []string{percent(rate) + " %"}
		for _, r := range rules {
			cells = append(cells, percent(measure(world{from: rate, to: rate, kind: estimate.Flake}, r, p.histories, p.seed).found))
		}
		p.row(cells...)
	}
}

// cell is missed / false (delay).
func (p printer) cell(w world, r rule) string {
	found, wrong := measure(w, r, p.histories, p.seed), measure(w.unchanged(), r, p.histories, p.seed+1)
	text := percent(1-found.found) + " / " + percent(wrong.found)
	if found.found > 0 {
		text += fmt.Sprintf(" (%d)", found.delay)
	}
	return text
}

var worse = []world{
	{from: 0, to: 0.1, kind: estimate.Flake}, {from: 0, to: 0.2, kind: estimate.Flake}, {from: 0, to: 0.3, kind: estimate.Flake},
	{from: 0, to: 0.5, kind: estimate.Flake}, {from: 0, to: 1, kind: estimate.Fail}, {from: 0.01, to: 0.2, kind: estimate.Flake},
	{from: 0.01, to: 0.02, kind: estimate.Flake}, {from: 0.05, to: 0.1, kind: estimate.Flake}, {from: 0.1, to: 0.2, kind: estimate.Flake},
	{from: 0.25, to: 0.5, kind: estimate.Flake}, {from: 0.05, to: 0.3, kind: estimate.Flake}, {from: 0.05, to: 0.5, kind: estimate.Flake},
	{from: 0.1, to: 0.5, kind: estimate.Flake},
}

func (w world) String() string {
	text := fmt.Sprintf("%.0f %% -> %.0f %%", w.from*100, w.to*100)
	if w.kind == estimate.Fail {
		text += " failed"
	}
	return text
}

// changes is how a change for the worse is found.
func (p printer) changes() {
	rules := append([]rule{{"ours: flaky", isFlaky.says}, {"ours: change", becameWorse.says}}, others...)
	p.head("A change for the worse: % missed within 30 runs / % false alarms without the change (median delay in runs):",
		append([]string{"change", "no test misses less", "with rates learned"}, names(rules)...)...)
	for _, w := range worse {
		cells := []string{w.String(), percent(knownRates(w.from, w.to)), percent(learnedRates(w.from, w.to))}
		for _, r := range rules {
			cells = append(cells, p.cell(w, r))
		}
		p.row(cells...)
	}
}

// better is how the end of failures or flakes is found.
func (p printer) better() {
	p.head("A change for the better: % missed / % false (delay):", "change", "no test misses less", "with rates learned", "ours: fixed", "ours: change")
	for _, w := range []world{
		{from: 1, to: 0, kind: estimate.Fail}, {from: 0.5, to: 0, kind: estimate.Flake}, {from: 0.3, to: 0, kind: estimate.Flake},
		{from: 0.2, to: 0, kind: estimate.Flake}, {from: 0.1, to: 0, kind: estimate.Flake}, {from: 0.5, to: 0.05, kind: estimate.Flake},
	} {
		p.row(w.String(), percent(knownRates(w.from, w.to)), percent(learnedRates(w.from, w.to)), p.cell(w, isFixed), p.cell(w, becameGood))
	}
}

// disturbances are what real histories suffer from.
var disturbances = []struct {
	name string
	on   func(*world)
}{
	{"none", func(*world) {}},
	{"one in ten runs not judged, failing", func(w *world) { w.silent = 0.1 }},
	{"one clock in ten off by up to a week", func(w *world) { w.wrong = 0.1 }},
	{"renamed 15 runs before", func(w *world) { w.renamed = 15 }},
}

func (p printer) disturbed() {
	rules := append([]rule{isFlaky}, others...)
	p.head("The same under disturbances (0 % -> 30 % flakes, then pass -> fail):", append([]string{"disturbance"}, names(rules)...)...)
	for _, w := range []world{{to: 0.3, kind: estimate.Flake}, {to: 1, kind: estimate.Fail}} {
		for _, d := range disturbances {
			d.on(&w)
			cells := []string{w.String() + ": " + d.name}
			for _, r := range rules {
				cells = append(cells, p.cell(w, r))
			}
			p.row(cells...)
			w = world{to: w.to, kind: w.kind}
		}
	}
}

// durations is how a test that takes twice as long is found.
func (p printer) durations() {
	p.head("Twice as slow: % missed / % false (delay), by the standard deviation of the logarithm of durations:", "noise", "ours", halves.name)
	for _, noise := range []float64{0.05, 0.1, 0.2, 0.3, 0.5} {
		w := world{slower: 2, noise: noise}
		p.row(fmt.Sprintf("%.2f", noise), p.cell(w, isSlower), p.cell(w, halves))
	}
	for _, d := range disturbances[1:] {
		w := world{slower: 2, noise: 0.2}
		d.on(&w)
		p.row("0.20, "+d.name, p.cell(w, isSlower), p.cell(w, halves))
	}
}
