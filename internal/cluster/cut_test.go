package cluster

import (
	"fmt"
	"slices"
	"testing"

	"github.com/org/e2e-gate/shards"
)

// alike are tests that take a second each.
func alike(n int) (tests []shards.Test) {
	for i := range n {
		tests = append(tests, shards.Test{ID: fmt.Sprintf("t%05d", i), Seconds: 1})
	}
	return tests
}

// Few tests: a plan of equal ones that no number of shards divides searches for seconds with the race detector.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		tests, parallel int
		start           float64
		least, most     int
	}{
		{0, 4, 1, 1, 1},
		{1, 4, 1, 1, 1},
		{4, 2, 20, 2, 2},      // a second start on a place costs more than it saves
		{4, 3, 1, 2, 3},       // two tests one after the other, on one of the shards at least
		{2, 1 << 60, 1, 2, 2}, // more places than any plan has shards
	} {
		got, err := Cut(alike(c.tests), shards.Options{Max: shards.MaxCount}, c.parallel, c.start)
		if err != nil || got < c.least || got > c.most {
			t.Errorf("%d tests on %d places: %d shards, want %d to %d; %v", c.tests, c.parallel, got, c.least, c.most, err)
		}
	}
}

func TestCountsToCompare(t *testing.T) {
	for parallel := range 300 {
		for _, most := range []int{1, 2, 7, parallel + 1, 4 * (parallel + 1), shards.MaxCount} {
			list := counts(parallel+1, most)
			if list[0] != 1 || list[len(list)-1] != most || !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
				t.Fatalf("%d places, up to %d: %v", parallel+1, most, list)
			}
			if parallel < most && !slices.Contains(list, parallel+1) {
				t.Errorf("%d places, up to %d: a shard for each place is not compared: %v", parallel+1, most, list)
			}
		}
	}
	if n := len(counts(shards.MaxCount, shards.MaxCount)); n > 100 {
		t.Errorf("%d numbers are compared, each by a plan", n)
	}
}

// A place that is free takes the next shard.
func TestLastEnds(t *testing.T) {
	p := shards.Plan{Shards: []shards.Shard{
		{Tests: []string{"a"}, Seconds: 5}, {Tests: []string{"b"}, Seconds: 4, High: 9}, {Tests: []string{"c"}, Seconds: 3}, {Tests: []string{"d"}, Seconds: 3}, {},
	}}
	for parallel, want := range map[int]float64{1: 24, 2: 14, 3: 10, 4: 10, 9: 10} {
		if got := lastEnds(p, parallel, 1); got != want {
			t.Errorf("%d places: the last ends after %v s, want %v", parallel, got, want)
		}
	}
}
