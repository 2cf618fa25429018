package shards

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// shardOf is the shard of each test.
func shardOf(p Plan) map[string]int {
	at := map[string]int{}
	for _, s := range p.Shards {
		for _, id := range s.Tests {
			at[id] = s.Index
		}
	}
	return at
}

// moved is the share of the tests in both plans that have another shard in the second,
// by its number: names of shards are made of it.
func moved(before, after Plan) float64 {
	from, to := shardOf(before), shardOf(after)
	both, other := 0.0, 0.0
	for id, shard := range from {
		if at, ok := to[id]; ok {
			both++
			if at != shard {
				other++
			}
		}
	}
	return other / both
}

// A small change of the input moves few tests; longest first alone moves half of them
// for a single test more.
func TestStability(t *testing.T) {
	tests := synthetic(2000, 12)
	opts := Options{Count: 12}
	before := mustMake(t, tests, opts)
	r := rand.New(rand.NewPCG(5, 6))
	jitter := func(tests []Test) []Test {
		tests = slices.Clone(tests)
		for i := range tests {
			tests[i].Seconds *= 0.95 + 0.1*r.Float64()
		}
		return tests
	}
	for _, tc := range []struct {
		name  string
		most  float64
		after []Test
	}{
		{"one more", 0.03, append(slices.Clone(tests), Test{ID: "suite/file_7_test.go::TestNew", Owner: "team-3", Seconds: 2})},
		{"one less", 0.03, slices.Delete(slices.Clone(tests), 700, 701)},
		{"5 % more or less", 0.05, jitter(tests)},
		{"another order", 0, func() []Test { c := slices.Clone(tests); slices.Reverse(c); return c }()},
	} {
		after := mustMake(t, tc.after, opts)
		if share := moved(before, after); share > tc.most {
			t.Errorf("%s: %.1f %% of the tests move, want at most %.0f %%", tc.name, 100*share, 100*tc.most)
		}
		if after.Makespan > after.LowerBound*(1+DefaultTolerance) || after.OwnerSplits > 12+12-1 {
			t.Errorf("%s: makespan %v over %v, %d splits", tc.name, after.Makespan, after.LowerBound, after.OwnerSplits)
		}
	}
}

// The hard case: some long tests for each shard. Time comes first, then owners.
func TestFewLongTests(t *testing.T) {
	tests := synthetic(400, 10)
	for i := range tests {
		tests[i].Seconds = 60 + 10*tests[i].Seconds
	}
	p := mustMake(t, tests, Options{Count: 16})
	base := longestFirst(newInput(tests, Options{Count: 16}).items(false), 16)
	if p.Makespan > max(p.LowerBound*(1+DefaultTolerance), base.makespan()) {
		t.Errorf("makespan %v, of longest first %v, over bound %v", p.Makespan, base.makespan(), p.LowerBound)
	}
	if p.OwnerSplits > 10+16-1 || base.splits() < 100 {
		t.Errorf("%d owner splits, of longest first %d", p.OwnerSplits, base.splits())
	}
}
