package cluster

import (
	"cmp"
	"slices"

	"github.com/org/e2e-gate/shards"
)

// mostPerPlace is how many shards there are for each pod that runs at one time, at most: more of them cost more starts than they save.
const mostPerPlace = 4

// Cut chooses a number of shards for so many pods at one time: the one whose last pod ends first, where each shard takes as long as it
// does in one of ten runs, a free place takes the next shard, and each start costs what a pod and the suites take to start.
func Cut(tests []shards.Test, opts shards.Options, parallel int, start float64) (int, error) {
	best, bestTime := 1, 0.0
	parallel = min(parallel, shards.MaxCount)
	opts.Max = 1 // other counts are weighed here, and not for each plan
	for _, count := range counts(parallel, min(mostPerPlace*parallel, shards.MaxCount, max(len(tests), 1))) {
		opts.Count = count
		p, err := shards.Make(tests, opts)
		if err != nil {
			return 0, err
		}
		if t := lastEnds(p, parallel, start); count == 1 || t < bestTime*0.99 {
			best, bestTime = count, t
		}
	}
	return best, nil
}

// counts are numbers of shards to compare, up to most: where there are many, in steps of an eighth and of a quarter of the places, because
// the difference is small and each of them is planned.
func counts(parallel, most int) (list []int) {
	for n := 1; n < min(parallel, most); n += max(n/8, 1) {
		list = append(list, n)
	}
	for n := parallel; n < most; n += max(parallel/4, 1) {
		list = append(list, n)
	}
	return append(list, most)
}

// lastEnds is when the last shard ends, in seconds, where a free place takes the next shard of [inOrder].
func lastEnds(p shards.Plan, parallel int, start float64) float64 {
	free := make([]float64, parallel) // when each place is free, in order
	list := slices.DeleteFunc(slices.Clone(p.Shards), func(sh shards.Shard) bool { return len(sh.Tests) == 0 })
	inOrder(list, func(sh shards.Shard) (bool, float64) { return sh.Smoke == len(sh.Tests), max(sh.Seconds, sh.High) })
	for _, sh := range list {
		ends := free[0] + start + max(sh.Seconds, sh.High)
		at, _ := slices.BinarySearch(free, ends)
		copy(free, free[1:at])
		free[at-1] = ends
	}
	return free[parallel-1]
}

// inOrder sorts shards as pods take them: smoke tests first, then the longest.
func inOrder[S any](list []S, of func(S) (smoke bool, seconds float64)) {
	slices.SortStableFunc(list, func(a, b S) int {
		smokeA, secondsA := of(a)
		smokeB, secondsB := of(b)
		switch {
		case smokeA != smokeB && smokeA:
			return -1
		case smokeA != smokeB:
			return 1
		}
		return cmp.Compare(secondsB, secondsA)
	})
}
