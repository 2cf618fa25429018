package main

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// trials is how many small changes a column of stability is the mean of.
const trials = 5

// change is a small change of what a plan is made from.
type change struct {
	name string
	// make returns the tests as they are after the change; nil: there is no such change.
	make func(d data, r *rand.Rand) []timed
}

var changes = []change{
	{"one more", func(d data, r *rand.Rand) []timed {
		i := r.IntN(len(d.known))
		twin := d.known[i]
		twin.name += "~new"
		return slices.Insert(slices.Clone(d.known), i+1, twin)
	}},
	{"one less", func(d data, r *rand.Rand) []timed {
		i := r.IntN(len(d.known))
		return slices.Delete(slices.Clone(d.known), i, i+1)
	}},
	{"±5 %", func(d data, r *rand.Rand) []timed {
		tests := slices.Clone(d.known)
		for i := range tests {
			tests[i].seconds *= 0.95 + 0.1*r.Float64()
		}
		return tests
	}},
	{"next", func(d data, _ *rand.Rand) []timed { return d.after }},
}

// moved is the mean share of tests that change their shard by a change, in percent;
// ok is false where there is no such change. The seed is fixed: every planner meets the
// same changes.
func (d data) moved(p planner, n int, c change) (percent float64, ok bool) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a benchmark that repeats
	before := p.plan(d.known, n)
	for range trials {
		tests := c.make(d, r)
		if len(tests) == 0 {
			return 0, false
		}
		percent += 100 * movedShare(places(d.known, before), places(tests, p.plan(tests, n)), n) / trials
	}
	return percent, true
}

func places(tests []timed, where []int) map[string]int {
	at := make(map[string]int, len(tests))
	for i, t := range tests {
		at[t.name] = where[i]
	}
	return at
}

// movedShare is the share of the tests in both plans that are on another shard in the
// second. Which shard of the second is which of the first is decided by what they have
// in common, most first, so that a mere renumbering moves nothing.
func movedShare(before, after map[string]int, n int) float64 {
	common := make([]int, n*n)
	all := 0
	for name, from := range before {
		if to, ok := after[name]; ok {
			common[from*n+to]++
			all++
		}
	}
	if all == 0 {
		return 0
	}
	order := make([]int, len(common))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(common[b], common[a]) })
	first, second, kept := make([]bool, n), make([]bool, n), 0
	for _, pair := range order {
		if from, to := pair/n, pair%n; !first[from] && !second[to] {
			first[from], second[to] = true, true
			kept += common[pair]
		}
	}
	return 1 - float64(kept)/float64(all)
}
