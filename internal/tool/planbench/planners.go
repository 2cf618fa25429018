package main

import (
	"cmp"
	"crypto/md5" //nolint:gosec // as ci-matrix spreads names
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/org/e2e-gate/shards"
)

type timed struct {
	name, owner string
	seconds     float64
}

// planner gives each test, in the order of the suite, a shard.
type planner struct {
	name string
	plan func(tests []timed, n int) []int
}

var planners = []planner{
	{"e2e-gate", ours},
	{"longest-first", longestFirst},
	{"least_duration", longestFirst}, // pytest-split's is the same
	{"duration_chunks", chunks},
	{"ci-matrix", ciMatrix},
	{"contiguous", contiguous},
	{"round robin", func(tests []timed, n int) []int { return each(tests, func(i int, _ timed) int { return i % n }) }},
	{"hash", hash},
}

func bound(tests []timed, n int) float64 {
	total, longest := 0.0, 0.0
	for _, t := range tests {
		total, longest = total+t.seconds, max(longest, t.seconds)
	}
	return max(total/float64(n), longest)
}

func ours(tests []timed, n int) []int {
	list := make([]shards.Test, len(tests))
	for i, t := range tests {
		list[i] = shards.Test{ID: t.name, Owner: t.owner, Seconds: max(t.seconds, 1e-6)}
	}
	plan, err := shards.Make(list, shards.Options{Count: n})
	if err != nil {
		panic(err) // names are unique and n is a number of shards
	}
	at := map[string]int{}
	for _, s := range plan.Shards {
		for _, id := range s.Tests {
			at[id] = s.Index
		}
	}
	return each(tests, func(_ int, t timed) int { return at[t.name] })
}

func each(tests []timed, choose func(int, timed) int) []int {
	where := make([]int, len(tests))
	for i, t := range tests {
		where[i] = choose(i, t)
	}
	return where
}

// longestFirst gives tests, the longest first, to the shard with the least load.
func longestFirst(tests []timed, n int) []int {
	where, loads := make([]int, len(tests)), make([]float64, n)
	for _, i := range byDuration(tests) {
		at := 0
		for s := range loads {
			if loads[s] < loads[at] {
				at = s
			}
		}
		where[i] = at
		loads[at] += tests[i].seconds
	}
	return where
}

func byDuration(tests []timed) []int {
	order := make([]int, len(tests))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case tests[a].seconds > tests[b].seconds:
			return -1
		case tests[a].seconds < tests[b].seconds:
			return 1
		}
		return strings.Compare(tests[a].name, tests[b].name)
	})
	return order
}

// quick is the duration below which ci-matrix does not balance a test, in seconds.
const quick = 0.005

// ciMatrix is the rule of gotestsum's tool ci-matrix: longest first to the shard with the
// least load, and of those with equally little to the one with the fewest tests; once
// every shard has some load, what is quick or unknown goes where a hash of its name says.
// It takes the 85th percentile of several runs; of the one run in a table that is its value.
func ciMatrix(tests []timed, n int) []int {
	where, loads, counts := make([]int, len(tests)), make([]float64, n), make([]int, n)
	for _, i := range byDuration(tests) {
		at := 0
		for s := range loads {
			if cmp.Or(cmp.Compare(loads[s], loads[at]), cmp.Compare(counts[s], counts[at])) < 0 {
				at = s
			}
		}
		if tests[i].seconds <= quick && loads[at] > 0 {
			sum := md5.Sum([]byte(tests[i].name))                       //nolint:gosec // it spreads names
			at = int(binary.BigEndian.Uint64(sum[:]) >> 24 % uint64(n)) //nolint:gosec // below n
		}
		where[i] = at
		loads[at] += tests[i].seconds
		counts[at]++
	}
	return where
}

// chunks is pytest-split's default: consecutive tests until a group is full.
func chunks(tests []timed, n int) []int {
	total := 0.0
	for _, t := range tests {
		total += t.seconds
	}
	group, filled := 0, 0.0
	return each(tests, func(_ int, t timed) int {
		if filled >= total/float64(n) && group < n-1 {
			group, filled = group+1, 0
		}
		filled += t.seconds
		return group
	})
}

// contiguous is Playwright's --shard: equal numbers of consecutive tests.
func contiguous(tests []timed, n int) []int {
	return each(tests, func(i int, _ timed) int { return i * n / len(tests) })
}

func hash(tests []timed, n int) []int {
	return each(tests, func(_ int, t timed) int {
		h := fnv.New32a()
		_, _ = h.Write([]byte(t.name))
		return int(h.Sum32() % uint32(n)) //nolint:gosec // n is at most 256
	})
}
