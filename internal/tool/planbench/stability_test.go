package main

import (
	"fmt"
	"slices"
	"testing"
)

func TestMovedShare(t *testing.T) {
	before := map[string]int{"a": 0, "b": 0, "c": 1, "d": 1, "gone": 2}
	for _, tc := range []struct {
		name  string
		after map[string]int
		want  float64
	}{
		{"the same", map[string]int{"a": 0, "b": 0, "c": 1, "d": 1}, 0},
		{"renumbered, and one more", map[string]int{"a": 2, "b": 2, "c": 0, "d": 0, "new": 1}, 0},
		{"one of four", map[string]int{"a": 2, "b": 1, "c": 1, "d": 1}, 0.25},
		{"half of them", map[string]int{"a": 0, "b": 0, "c": 0, "d": 0}, 0.5},
		{"nothing in common", map[string]int{"x": 0}, 0},
	} {
		if got := movedShare(before, tc.after, 3); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// What a hash decides never moves; round robin moves what comes after the change.
func TestStabilityOfPeers(t *testing.T) {
	var d data
	for i := range 100 {
		d.known = append(d.known, timed{fmt.Sprintf("a/t%03d", i), "a", 1})
	}
	by := func(name string) planner {
		return planners[slices.IndexFunc(planners, func(p planner) bool { return p.name == name })]
	}
	for _, c := range changes[:3] {
		if got, ok := d.moved(by("hash"), 4, c); got != 0 || !ok {
			t.Errorf("hash, %s: %v %% of the tests move", c.name, got)
		}
	}
	if got, _ := d.moved(by("round robin"), 4, changes[0]); got < 1 {
		t.Errorf("round robin, one more: %v %%, want what comes after it to move", got)
	}
	if _, ok := d.moved(by("hash"), 4, changes[3]); ok {
		t.Error("there is no next version, and yet it moves something")
	}
}

// Short tests go by a hash of the name, once every shard has something; the others go
// where the least is.
func TestCIMatrix(t *testing.T) {
	tests := []timed{{"long", "", 10}, {"mid", "", 6}, {"low", "", 3}}
	for i := range 40 {
		tests = append(tests, timed{fmt.Sprintf("quick%02d", i), "", 0})
	}
	where := ciMatrix(tests, 2)
	if !slices.Equal(where[:3], []int{0, 1, 1}) {
		t.Errorf("the timed tests are on %v", where[:3])
	}
	if quicks := where[3:]; !slices.Contains(quicks, 0) || !slices.Contains(quicks, 1) {
		t.Errorf("all quick tests are on one shard: %v", quicks)
	}
	if empty := ciMatrix(tests[3:7], 4); !slices.Equal(slices.Sorted(slices.Values(empty)), []int{0, 1, 2, 3}) {
		t.Errorf("without any load, the shard with the fewest tests is next: %v", empty)
	}
}
