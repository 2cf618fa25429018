package history

import (
	"fmt"
	"math"
	"testing"
	"time"

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
		name                    string
		records                 []Record
		file, process, overhead float64
	}{
		{"too few", of("u", false, []int{1}, 4, 4), 0, 0, 4},
		{"one file each, robust", of("u", false, []int{1}, 4, 5, 600, 4, 5), 5, 0, 0},
		{"the share of a file where all have as many", of("u", false, []int{2}, 8, 8, 8), 4, 0, 0},
		{"10 s for the process and 2 s for each file", of("u", false, []int{1, 2, 4, 8}, 12, 14, 18, 26), 2, 10, 0},
		{"nothing for a file", of("u", false, []int{1, 2, 4, 8}, 9, 9, 9, 9), 0, 9, 0},
		{"fewer files that took longer", of("u", false, []int{8, 4, 2, 1}, 2, 4, 8, 9), 0, 4 + 2, 1},
		{"never more than a file's share", of("u", false, []int{4, 5}, 4, 30, 4, 30), 3.5, 6.25, 3.125},
		{"the default branch first", append(of("u", true, []int{1}, 1, 1, 1), of("u", false, []int{1}, 9, 9, 9, 9, 9)...), 1, 0, 8},
		{"corrupt", of("u", false, []int{0, -1}, 4, -4, 4, math.MaxFloat64), 0, 0, 4},
		{"as many files, and when the first test began", timed(of("u", false, []int{2}, 8, 8, 8), 3), 2.5, 3, 0},
		{"tests that run at once hide the start", timed(of("u", false, []int{2}, 0, 0, 0), 3), 0, 3, 0},
		{"different files, and when the first test began", timed(of("u", false, []int{1, 2, 4, 8}, 12, 14, 18, 26), 11), 2, 10, 0},
		{"another unit of the suite", of("v", false, []int{1}, 3, 3, 3), 3, 0, 0},
	} {
		s := Fold(tc.records)
		overhead, _ := s.Overhead()
		file, process := s.Startup("s", "u"), s.Start("s", "u")
		if file != tc.file || process != tc.process || overhead != tc.overhead {
			t.Errorf("%s: %v s for a file, %v for a process and %v for a shard, want %v, %v and %v", tc.name, file, process, overhead, tc.file, tc.process, tc.overhead)
		}
	}
	if got := Fold(of("u", false, []int{1}, 3, 3, 3)).Startup("other", "u"); got != 0 {
		t.Errorf("another suite: %v s", got)
	}
}

// timed says when the first test of each process began.
func timed(list []Record, first float64) []Record {
	for _, r := range list {
		r.Processes[0].First = first
	}
	return list
}

// When the first test of a process began is known if all of its tests say when they did, by the same clock.
func TestFirst(t *testing.T) {
	start := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	for name, tc := range map[string]struct {
		began [2]time.Time
		want  float64
	}{
		"both":                      {[2]time.Time{at(13), at(12)}, 2},
		"one does not say":          {[2]time.Time{at(12), {}}, 0},
		"before the process":        {[2]time.Time{at(9), at(12)}, 0},
		"after the process":         {[2]time.Time{at(30), at(31)}, 0},
		"in the end of the process": {[2]time.Time{at(19), at(20)}, 9},
	} {
		doc := e2e.ShardRun{Run: e2e.Run{Started: start}, Units: []e2e.UnitRun{
			{Suite: "s", Unit: "u", Attempt: 1, Ended: e2e.EndedExited, Offset: 10, Seconds: 10, Tests: []string{"a", "b"}}}}
		planned := map[string]e2e.Test{}
		for i, id := range []string{"a", "b"} {
			planned[id] = e2e.Test{File: "f"}
			doc.Tests = append(doc.Tests, e2e.TestRun{ID: id, Attempts: []e2e.Attempt{
				{Outcome: e2e.Passed, Seconds: 1, Source: e2e.SourceFirst, Started: tc.began[i]},
				{Outcome: e2e.Passed, Seconds: 1, Source: e2e.SourceDiagnostic, Started: at(1)}}})
		}
		if got := recordOf(doc, planned, e2e.Result{}).Processes; len(got) != 1 || got[0].First != tc.want {
			t.Errorf("%s: %+v, want %v", name, got, tc.want)
		}
	}
}
