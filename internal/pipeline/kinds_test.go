package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/shards"
)

// Suites for machines of two kinds never share a shard, and get shards by their part of the work.
func TestKindsOfMachines(t *testing.T) {
	plan := &e2e.Plan{}
	var tests []shards.Test
	for i := range 8 {
		one := e2e.Test{ID: fmt.Sprintf("t%d", i), Suite: map[bool]string{true: "ui", false: "api"}[i < 2]}
		plan.Tests = append(plan.Tests, e2e.PlannedTest{Test: one})
		tests = append(tests, shards.Test{ID: one.ID, Seconds: 10})
	}
	s := New(Options{Kind: func(suite string) string { return suite + ".yaml" }})
	made, err := s.spread(plan, tests, shards.Options{Count: 4})
	if err != nil {
		t.Fatal(err)
	}
	work, kinds := plan.Work(), map[string]int{}
	for i, sh := range made.Shards {
		if sh.Index != i {
			t.Errorf("shard %d has index %d", i, sh.Index)
		}
		suite := work[sh.Tests[0]].Suite
		kinds[suite]++
		for _, id := range sh.Tests {
			if work[id].Suite != suite {
				t.Errorf("shard %d has tests of %s and %s", i, suite, work[id].Suite)
			}
		}
	}
	if kinds["api"] != 3 || kinds["ui"] != 1 || made.Makespan != 20 {
		t.Errorf("%v, %v s", kinds, made.Makespan)
	}
	tests[0].Locks, tests[5].Locks = []string{"db"}, []string{"db"}
	if _, err := s.spread(plan, tests, shards.Options{Count: 4}); err == nil || !strings.Contains(err.Error(), "share db, and run in pods of different kinds") {
		t.Errorf("a lock across two kinds: %v", err)
	}
}

// With fewer places than shards, more shards are made where starts are cheap, and no more than places where they are not.
func TestShardsForPlaces(t *testing.T) {
	need.NoRaceDetector(t)
	plan := &e2e.Plan{}
	var tests []shards.Test
	for i := range 40 {
		one := e2e.Test{ID: fmt.Sprintf("t%02d", i), Suite: "api"}
		plan.Tests = append(plan.Tests, e2e.PlannedTest{Test: one})
		tests = append(tests, shards.Test{ID: one.ID, Seconds: float64(10 + i%7), High: float64(30 + i%7)})
	}
	s := New(Options{Places: 3})
	count := func(overhead float64) int {
		made, err := s.spread(plan, tests, shards.Options{Overhead: overhead})
		if err != nil {
			t.Fatal(err)
		}
		return len(made.Shards)
	}
	if cheap, dear := count(0.001), count(600); cheap < 3 || dear != 3 {
		t.Errorf("%d shards where a start costs nothing, %d where it costs ten minutes", cheap, dear)
	}
}
