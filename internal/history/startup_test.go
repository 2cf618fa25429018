package history

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestProcesses(t *testing.T) {
	passed := func(seconds ...float64) []e2e.Attempt {
		var list []e2e.Attempt
		for _, s := range seconds {
			list = append(list, e2e.Attempt{Outcome: e2e.Passed, Seconds: s, Source: e2e.SourceFirst})
		}
		return list
	}
	planned := map[string]e2e.Test{"a": {File: "f1"}, "b": {File: "f1"}, "c": {File: "f2"}, "lost": {File: "f2"}, "none": {}}
	unit := func(name string, attempt int, ended e2e.Ended, seconds float64, tests ...string) e2e.UnitRun {
		return e2e.UnitRun{Suite: "s", Unit: name, Attempt: attempt, Ended: ended, Seconds: seconds, Tests: tests}
	}
	again := append(passed(2), e2e.Attempt{Outcome: e2e.Passed, Seconds: 50, Source: e2e.SourceDiagnostic})
	doc := e2e.ShardRun{
		Units: []e2e.UnitRun{
			unit("two files", 1, "exited", 10, "a", "b", "c"),
			unit("at once", 1, "exited", 1, "a", "b"),
			unit("rerun", 2, "exited", 60, "a"),
			unit("stopped", 1, "timeout", 60, "a"),
			unit("crashed", 1, "exited", 60, "c", "lost"),
			unit("no files", 1, "exited", 60, "none"),
		},
		Tests: []e2e.TestRun{{ID: "a", Attempts: again}, {ID: "b", Attempts: passed(1, 1)}, {ID: "c", Attempts: passed(3)}, {ID: "lost"},
			{ID: "none", Attempts: passed(1)}},
	}
	want := []Process{{Suite: "s", Unit: "two files", Files: 2, Seconds: 3}, {Suite: "s", Unit: "at once", Files: 1}}
	if diff := cmp.Diff(want, recordOf(doc, planned, e2e.Result{}).Processes); diff != "" {
		t.Error(diff)
	}
}

func TestStartup(t *testing.T) {
	// of makes runs of one process each, that took seconds beyond its files' tests.
	of := func(unit string, main bool, files []int, seconds ...float64) []Record {
		var list []Record
		for i := range seconds {
			r := run(i, "", e2e.Passed, 1)
			r.RunID, r.Main, r.Overhead = fmt.Sprintf("%s-%v-%d", unit, main, i), main, seconds[i]
			r.Processes = []Process{{Suite: "s", Unit: unit, Files: files[i%len(files)], Seconds: seconds[i]}}
			list = append(list, r)
		}
		return list
	}
	for _, tc := range []struct {
		name           string
		records        []Record
		file, overhead float64
	}{
		{"too few", of("u", false, []int{1}, 4, 4), 0, 4},
		{"one file each, robust", of("u", false, []int{1}, 4, 5, 600, 4, 5), 5, 0},
		{"the share of a file where all have as many", of("u", false, []int{2}, 8, 8, 8), 4, 0},
		{"10 s for the process and 2 s for each file", of("u", false, []int{1, 2, 4, 8}, 12, 14, 18, 26), 2, 10},
		{"nothing for a file", of("u", false, []int{1, 2, 4, 8}, 9, 9, 9, 9), 0, 9},
		{"fewer files that took longer", of("u", false, []int{8, 4, 2, 1}, 2, 4, 8, 9), 0, 4 + 2},
		{"never more than a file's share", of("u", false, []int{4, 5}, 4, 30, 4, 30), 3.5, 6.25},
		{"the default branch first", append(of("u", true, []int{1}, 1, 1, 1), of("u", false, []int{1}, 9, 9, 9, 9, 9)...), 1, 8},
		{"corrupt", of("u", false, []int{0, -1}, 4, -4, 4, math.MaxFloat64), 0, 4},
		{"another unit of the suite", of("v", false, []int{1}, 3, 3, 3), 3, 0},
	} {
		s := Fold(tc.records)
		overhead, _ := s.Overhead()
		if file := s.Startup("s", "u"); file != tc.file || overhead != tc.overhead {
			t.Errorf("%s: %v s for a file and %v for a shard, want %v and %v", tc.name, file, overhead, tc.file, tc.overhead)
		}
	}
	if got := Fold(of("u", false, []int{1}, 3, 3, 3)).Startup("other", "u"); got != 0 {
		t.Errorf("another suite: %v s", got)
	}
}
