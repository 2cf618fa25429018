// Package shards plans tests onto shards: by owner and by historical duration.
//
// It is pure: no I/O, no clock, no randomness, and the same plan whatever the
// order of its input. Its objectives, in this order:
//
//  1. Makespan: the slowest shard takes no longer than the lower bound plus a
//     tolerance, or than longest-first would take where that is more. The bound
//     is max(sum of all / shards, longest item).
//  2. Owner splits: an owner's tests sit on few shards, so that failures stay local
//     and fixtures are shared: at most owners + shards - 1 pairs of owner and shard
//     where durations allow it, fewer where there is time to spare.
//  3. Stability: a test more or less, or durations that vary a little, move few tests
//     to another shard. It needs no earlier plan.
//
// A test without a known duration counts as the median of the known ones: if it counted
// as nothing, all new tests would end up on one shard.
//
// The baseline is longest-first list scheduling (Graham 1969); durations are in
// seconds throughout.
package shards

import (
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

// MaxCount is the most shards that a plan may have: as many as pods of a cluster run.
const MaxCount = 5000

// MaxMatrix is the most jobs that a GitHub matrix may have. [Make] does not know where
// shards run, so who asks it for a matrix has to keep to it.
const MaxMatrix = 256

// SplitShare is how much of a shard's fair share, the sum of all over the number of
// shards, a group may take before its tests are planned one by one.
const SplitShare = 0.7

// mostSeconds is more than anything takes: sums of it are still exact enough.
const mostSeconds = 1e12

// unknownSeconds stands in for every test when none has been timed.
const unknownSeconds = 1.0

// Test is one test to plan.
type Test struct {
	// ID is unique.
	ID string
	// Owner is the team that is responsible for the test; all tests without one count
	// as one owner's.
	Owner string
	// Group holds tests together, such as those of a file: those of one owner with
	// the same non-empty group go to the same shard, unless together they take more
	// than [SplitShare] of a shard's fair share.
	Group string
	// Locks name resources that the test must not share with a test that runs at the
	// same time. All tests with a lock in common go to the same shard.
	Locks []string
	// Bound names what the test is never cut from, such as the tests that it builds on: all
	// tests with one in common go to the same shard, and are smoke if one of them is.
	Bound []string
	// Seconds is the expected duration, the median. Zero or less, NaN and more than
	// 1e12 mean unknown; use a small positive value for a test that takes no time.
	Seconds float64
	// High is what it takes in one of ten runs (p90), in seconds. Less than Seconds
	// means unknown.
	High float64
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
	// Tolerance above the lower bound, as a share of it; 0 and NaN are
	// [DefaultTolerance], negative is none.
	Tolerance float64
	// Smoke says where smoke tests run.
	Smoke SmokeMode
	// GroupSeconds is what a group takes in addition to its tests, by its name and in
	// seconds, such as the start-up and the fixtures of a file. It counts once on every
	// shard that runs a test of the group, with [SmokeFirst] once in each phase. Zero or
	// less, NaN and more than 1e12 are nothing.
	GroupSeconds map[string]float64
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
	// Smoke is how many of Tests are smoke tests, or run with them because they
	// share a lock.
	Smoke int
	// Seconds is the expected duration of its tests, one after the other, including the
	// fixed costs of their groups.
	Seconds float64
	// High is what they take in one of ten runs, if each varies by itself.
	High float64
}

// Alternative is a number of shards that was considered.
type Alternative struct {
	Count int
	// Makespan in seconds, without overhead: a bound that plans come close to.
	Makespan float64
	// BilledMinutes are those of all shards, overhead included, where a platform
	// bills each by the minute begun.
	BilledMinutes int
}

// Plan says which tests run on which shard.
type Plan struct {
	Shards []Shard
	// Makespan is when the last shard ends, in seconds.
	Makespan float64
	// LowerBound is a time in seconds that no plan of so many shards can beat.
	LowerBound float64
	// OwnerSplits counts pairs of owner and shard.
	OwnerSplits int
	// Guessed counts the tests whose duration is not known.
	Guessed int
	// Median is what a guessed test counted, in seconds.
	Median float64
	// Advice says, if it is so, that more shards would not help.
	Advice string
	// Alternatives are the counts up to [Options.Max].
	Alternatives []Alternative
}

// ErrInput is wrapped by all errors of [Make].
var ErrInput = errors.New("cannot plan")

// Make plans tests onto shards. It fails for an id that is empty or comes twice,
// and for a count that is negative or above [MaxCount]. Without tests, the plan
// has as many empty shards as asked for, at least one.
func Make(tests []Test, opts Options) (Plan, error) {
	if err := check(tests, opts); err != nil {
		return Plan{}, err
	}
	plan := Plan{Median: median(tests)}
	tests, plan.Guessed = timed(tests, plan.Median)
	tests = drawnIn(tests, opts.Smoke == SmokeOwn && opts.Count != 1)
	in := newInput(tests, opts)
	choice := newChoice(in)
	plan.Alternatives = choice.alternatives()
	if in.opts.Count == 0 {
		in.opts.Count = choice.count(plan.Alternatives)
	}
	plan.build(tests, in.items(true), in.items(false), in.opts)
	plan.OwnerSplits = splits(plan.Shards)
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

// known excludes NaN as well, which compares with nothing.
func known(seconds float64) bool { return seconds > 0 && seconds <= mostSeconds }

// timed returns the tests with a duration each, and for how many of them it is guessed.
// It does not change its input.
func timed(tests []Test, guess float64) (list []Test, guessed int) {
	for i := range tests {
		if known(tests[i].Seconds) {
			continue
		}
		if guessed == 0 {
			tests = slices.Clone(tests)
		}
		tests[i].Seconds = guess
		guessed++
	}
	return tests, guessed
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
		if bound(rest, n-k) >= bound(smoke, k) {
			p.Advice = advice(rest, n-k, k)
		} else {
			p.Advice = advice(smoke, k, n-k)
		}
		return
	}
	first, second := place(smoke, n, opts), place(rest, n, opts)
	p.Shards = merge(first.shards(tests, true), second.shards(tests, false))
	p.Makespan = first.makespan() + second.makespan()
	p.LowerBound = bound(smoke, n) + bound(rest, n)
	if p.Advice = advice(rest, n, 0); len(rest) == 0 {
		p.Advice = advice(smoke, n, 0)
	}
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
		more, less := smoke[i].High-smoke[i].Seconds, rest[i].High-rest[i].Seconds
		smoke[i].Seconds += rest[i].Seconds
		smoke[i].High = smoke[i].Seconds + math.Hypot(more, less)
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

// advice says if the longest item determines the time of a list on n shards; beside are
// the plan's other shards.
func advice(list []item, n, beside int) string {
	total, longest := sum(list)
	at := slices.IndexFunc(list, func(it item) bool { return it.most() == longest })
	if len(list) < 2 || n+beside < 2 || longest < total/float64(n) {
		return ""
	}
	enough, noun := int(math.Ceil(total/longest))+beside, "shards"
	if enough == 1 {
		noun = "shard"
	}
	return fmt.Sprintf("more than %d %s would not help: the longest batch, %s, takes %s alone", enough, noun,
		strings.ToValidUTF8(list[at].id, "?"), seconds(longest))
}

func seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1fs", s)
	}
	return fmt.Sprintf("%dm%02ds", int(s)/60, int(s)%60)
}
