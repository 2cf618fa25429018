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
	for count := 1; count <= min(mostPerPlace*parallel, shards.MaxCount, max(len(tests), 1)); count++ {
		if count > parallel && count%max(parallel/4, 1) != 0 {
			continue // in steps: the difference is small
		}
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

// lastEnds is when the last shard ends, in seconds, where a free place takes the next shard of [inOrder].
func lastEnds(p shards.Plan, parallel int, start float64) float64 {
	free := make([]float64, parallel)
	list := slices.DeleteFunc(slices.Clone(p.Shards), func(sh shards.Shard) bool { return len(sh.Tests) == 0 })
	inOrder(list, func(sh shards.Shard) (bool, float64) { return sh.Smoke == len(sh.Tests), max(sh.Seconds, sh.High) })
	for _, sh := range list {
		at := 0
		for i := range free {
			if free[i] < free[at] {
				at = i
			}
		}
		free[at] += start + max(sh.Seconds, sh.High)
	}
	return slices.Max(free)
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
