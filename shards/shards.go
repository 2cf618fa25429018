// Package shards plans tests onto shards: by owner and by historical duration.
//
// It is pure: no I/O, no clock, no randomness, and the same plan whatever the
// order of its input. Its objectives, in this order:
//
//  1. Makespan: the slowest shard takes no longer than the lower bound plus a
//     tolerance, or than longest-first would take where that is more. The bound
//     is max(sum of all / shards, longest item).
//  2. Owner splits: an owner's tests sit on as few shards as that allows, so that
//     failures stay local and fixtures are shared.
//
// A test that nobody has timed counts as the median of those that were: counted
// as nothing, all new tests would pile up on one shard.
//
// The baseline is longest-first list scheduling (Graham 1969); durations are in
// seconds throughout.
package shards

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// DefaultOverhead is the assumed fixed cost of one more shard, in seconds.
const DefaultOverhead = 20.0

// DefaultTolerance is how far above the lower bound a makespan may be for the
// sake of fewer owner splits, as a share of the bound.
const DefaultTolerance = 0.005

// DefaultMax is the most shards that an automatic count chooses.
const DefaultMax = 8

// MaxCount is the most shards that a plan may have: the most jobs that a GitHub
// matrix may have.
const MaxCount = 256

// unknownSeconds stands in for every test when none has been timed.
const unknownSeconds = 1.0

// Test is one test to plan.
type Test struct {
	// ID is unique.
	ID string
	// Owner is the team that answers for the test; tests without one are one
	// owner's.
	Owner string
	// Group holds tests together: those with the same non-empty group go to the
	// same shard.
	Group string
	// Seconds is the expected duration. Zero or less, NaN and infinity mean that
	// nobody knows; use a small positive value for a test that takes no time.
	Seconds float64
	// Smoke tests run before all others.
	Smoke bool
}

// SmokeMode says where smoke tests run.
type SmokeMode int

// The smoke modes.
const (
	// SmokeFirst runs smoke tests first on every shard; the others wait until all
	// of them are done, as a phase. It suits one machine.
	SmokeFirst SmokeMode = iota
	// SmokeOwn gives smoke tests shards of their own, counted in Count. It suits
	// machines that cannot wait for each other. With one shard it is SmokeFirst.
	SmokeOwn
)

// Options of a plan. The zero value means: choose the count, with the defaults.
type Options struct {
	// Count is the number of shards, or 0 to choose it.
	Count int
	// Max bounds a chosen count; 0 is [DefaultMax].
	Max int
	// Overhead is the fixed cost of a shard in seconds, for choosing the count;
	// 0 is [DefaultOverhead], negative is none.
	Overhead float64
	// Budget is the time in seconds within which a chosen count should stay, if it
	// can; 0 is none.
	Budget float64
	// Tolerance above the lower bound; 0 is [DefaultTolerance], negative is none.
	Tolerance float64
	// Smoke says where smoke tests run.
	Smoke SmokeMode
}

// Shard is one shard of a plan.
type Shard struct {
	// Index counts from 0.
	Index int
	// Owners of its tests, sorted; "" for tests without owner.
	Owners []string
	// Tests are the ids in run order: smoke first, then longest first; the tests
	// of a group stay together.
	Tests []string
	// Smoke is how many of Tests are smoke tests.
	Smoke int
	// Seconds is the expected duration of its tests, one after the other.
	Seconds float64
}

// Plan is what runs where.
type Plan struct {
	Shards []Shard
	// Makespan is when the last shard ends, in seconds.
	Makespan float64
	// LowerBound is a time in seconds that no plan of so many shards can beat.
	LowerBound float64
	// OwnerSplits counts pairs of owner and shard.
	OwnerSplits int
	// Guessed counts the tests whose duration nobody knew.
	Guessed int
	// Median is what a guessed test counted, in seconds.
	Median float64
	// Advice says, if it is so, that more shards would not help.
	Advice string
}

// ErrInput is wrapped by all errors of [Make].
var ErrInput = errors.New("cannot plan")

// item is what is placed as a whole: a test, or the tests of a group.
type item struct {
	id      string
	owner   string
	seconds float64
	tests   []int
}

// Make plans tests onto shards. It fails for an id that is empty or comes twice,
// and for a count that is negative or above [MaxCount]. Without tests, the plan
// has as many empty shards as asked for, at least one.
func Make(tests []Test, opts Options) (Plan, error) {
	if err := check(tests, opts); err != nil {
		return Plan{}, err
	}
	tests = slices.Clone(tests)
	plan := Plan{Median: median(tests)}
	for i := range tests {
		if !known(tests[i].Seconds) {
			tests[i].Seconds = plan.Median
			plan.Guessed++
		}
	}
	smoke, rest := items(tests, true), items(tests, false)
	if opts.Count == 0 {
		opts.Count = chooseCount(append(slices.Clone(smoke), rest...), opts)
	}
	plan.build(tests, smoke, rest, opts)
	plan.OwnerSplits = splits(plan.Shards)
	plan.Advice = advice(smoke, rest, opts.Count)
	return plan, nil
}

func check(tests []Test, opts Options) error {
	if opts.Count < 0 || opts.Count > MaxCount {
		return fmt.Errorf("%w: %d shards; ask for 1 to %d, or 0 to have the count chosen", ErrInput, opts.Count, MaxCount)
	}
	seen := make(map[string]struct{}, len(tests))
	for _, t := range tests {
		if t.ID == "" {
			return fmt.Errorf("%w: a test has an empty id", ErrInput)
		}
		if _, double := seen[t.ID]; double {
			return fmt.Errorf("%w: two tests have the id %q; ids must be unique", ErrInput, t.ID)
		}
		seen[t.ID] = struct{}{}
	}
	return nil
}

func known(seconds float64) bool {
	return seconds > 0 && !math.IsInf(seconds, 0) && !math.IsNaN(seconds)
}

// median of the known durations.
func median(tests []Test) float64 {
	var all []float64
	for _, t := range tests {
		if known(t.Seconds) {
			all = append(all, t.Seconds)
		}
	}
	if len(all) == 0 {
		return unknownSeconds
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// items collects what is placed as a whole, in the total order: longest first,
// then by id.
func items(tests []Test, smoke bool) []item {
	order := make([]int, 0, len(tests))
	for i := range tests {
		if tests[i].Smoke == smoke {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(tests[b].Seconds, tests[a].Seconds), cmp.Compare(tests[a].ID, tests[b].ID))
	})
	groups := map[string]int{}
	list := make([]item, 0, len(order))
	backing := slices.Clone(order)
	for n, i := range order {
		t := tests[i]
		if at, ok := groups[t.Group]; ok && t.Group != "" {
			list[at].seconds += t.Seconds
			list[at].tests = append(list[at].tests, i)
			continue
		}
		if t.Group != "" {
			groups[t.Group] = len(list)
		}
		list = append(list, item{id: t.ID, owner: t.Owner, seconds: t.Seconds, tests: backing[n : n+1 : n+1]})
	}
	if len(groups) > 0 {
		slices.SortStableFunc(list, func(a, b item) int { return cmp.Or(cmp.Compare(b.seconds, a.seconds), cmp.Compare(a.id, b.id)) })
	}
	return list
}

func sum(list []item) (total, longest float64) {
	for _, it := range list {
		total += it.seconds
		longest = max(longest, it.seconds)
	}
	return total, longest
}

func bound(list []item, count int) float64 {
	total, longest := sum(list)
	return max(total/float64(count), longest)
}

// chooseCount minimises the expected makespan plus the fixed cost of the shards;
// counts that keep the budget go before those that do not.
func chooseCount(list []item, opts Options) int {
	overhead, most := opts.Overhead, opts.Max
	if overhead == 0 {
		overhead = DefaultOverhead
	}
	if most == 0 {
		most = DefaultMax
	}
	best, bestCost, bestFits := 1, math.Inf(1), false
	for n := 1; n <= min(most, MaxCount, max(len(list), 1)); n++ {
		makespan := bound(list, n)
		fits := opts.Budget <= 0 || makespan <= opts.Budget
		cost := makespan + float64(n)*max(overhead, 0)
		if fits && !bestFits || fits == bestFits && cost < bestCost-1e-9 {
			best, bestCost, bestFits = n, cost, fits
		}
	}
	return best
}

// build places both phases.
func (p *Plan) build(tests []Test, smoke, rest []item, opts Options) {
	n := opts.Count
	if opts.Smoke == SmokeOwn && n > 1 && len(smoke) > 0 && len(rest) > 0 {
		k := smokeShare(smoke, rest, n)
		p.Shards = append(place(smoke, k, opts).shards(tests, true), place(rest, n-k, opts).shards(tests, false)...)
		for i := range p.Shards {
			p.Shards[i].Index = i
			p.Makespan = max(p.Makespan, p.Shards[i].Seconds)
		}
		p.LowerBound = max(bound(smoke, k), bound(rest, n-k))
		return
	}
	first, second := place(smoke, n, opts), place(rest, n, opts)
	p.Shards = merge(first.shards(tests, true), second.shards(tests, false))
	p.Makespan = first.makespan() + second.makespan()
	p.LowerBound = bound(smoke, n) + bound(rest, n)
}

// smokeShare is how many of n shards smoke gets: those that make the slower side
// as fast as can be.
func smokeShare(smoke, rest []item, n int) int {
	best, bestTime := 1, math.Inf(1)
	for k := 1; k < n; k++ {
		if t := max(bound(smoke, k), bound(rest, n-k)); t < bestTime {
			best, bestTime = k, t
		}
	}
	return best
}

func merge(smoke, rest []Shard) []Shard {
	for i := range rest {
		owners := append(slices.Clone(smoke[i].Owners), rest[i].Owners...)
		slices.Sort(owners)
		smoke[i].Owners = slices.Compact(owners)
		smoke[i].Tests = append(smoke[i].Tests, rest[i].Tests...)
		smoke[i].Seconds += rest[i].Seconds
	}
	return smoke
}

func splits(list []Shard) int {
	n := 0
	for _, s := range list {
		n += len(s.Owners)
	}
	return n
}

// advice says when the longest item decides the time.
func advice(smoke, rest []item, count int) string {
	for _, list := range [][]item{rest, smoke} {
		total, longest := sum(list)
		if len(list) > 1 && count > 1 && longest >= total/float64(count) {
			return fmt.Sprintf("more than %d shards would not help: the longest unit, %s, takes %s alone",
				int(math.Ceil(total/longest)), strings.ToValidUTF8(list[0].id, "?"), seconds(longest))
		}
	}
	return ""
}

func seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1fs", s)
	}
	return fmt.Sprintf("%dm%02ds", int(s)/60, int(s)%60)
}
