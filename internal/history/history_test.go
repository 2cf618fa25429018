package history

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

var day0 = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// later is the clock of a reader after all runs of the tests.
func later() time.Time { return day0.Add(10_000 * time.Hour) }

// run is a record of one test in the nth run.
func run(n int, ref string, o e2e.Outcome, seconds float64) Record {
	return Record{Schema: Schema, RunID: "e2e-" + string(rune('a'+n)), Attempt: 1, Subject: e2e.Subject{Ref: ref}, Started: day0.Add(time.Duration(n) * time.Hour),
		Tests: []Entry{{ID: "t", Suite: "s", File: "f", Outcome: o, Seconds: seconds}}}
}

func TestRecordOf(t *testing.T) {
	attempt := func(o e2e.Outcome, seconds float64) e2e.Attempt { return e2e.Attempt{Outcome: o, Seconds: seconds} }
	doc := e2e.ShardRun{
		Index: 2, Run: e2e.Run{ID: "e2e-1-x", WorkflowAttempt: 3, Stage: "pr", Subject: e2e.Subject{Ref: "refs/heads/main", SHA: "abc"}, Started: day0},
		Tests: []e2e.TestRun{
			{ID: "passed", Attempts: []e2e.Attempt{attempt(e2e.Passed, 2)}},
			{ID: "flaky", Attempts: []e2e.Attempt{attempt(e2e.Failed, 9), attempt(e2e.Passed, 3)}},
			{ID: "failed", Attempts: []e2e.Attempt{attempt(e2e.Failed, 9)}},
			{ID: "lost"},
			{ID: "unplanned", Unplanned: &e2e.Test{Suite: "u", File: "uf"}, Attempts: []e2e.Attempt{attempt(e2e.Passed, 1)}},
		},
	}
	got := recordOf(doc, map[string]e2e.Test{"passed": {Suite: "s", File: "f"}}, e2e.Result{})
	want := Record{Schema: Schema, RunID: "e2e-1-x", Attempt: 3, Shard: 2, Stage: "pr", Subject: e2e.Subject{Ref: "refs/heads/main", SHA: "abc"},
		Started: day0, Tests: []Entry{
			{ID: "passed", Suite: "s", File: "f", Outcome: e2e.Passed, Seconds: 2},
			{ID: "flaky", Outcome: e2e.Flaky, Seconds: 3, Attempts: []Attempt{{Outcome: e2e.Failed, Seconds: 9}, {Outcome: e2e.Passed, Seconds: 3}}},
			{ID: "failed", Outcome: e2e.Failed, Attempts: []Attempt{{Outcome: e2e.Failed, Seconds: 9}}},
			{ID: "lost", Outcome: e2e.Lost, Nothing: Lost},
			{ID: "unplanned", Suite: "u", File: "uf", Outcome: e2e.Passed, Seconds: 1},
		}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if empty := recordOf(e2e.ShardRun{}, nil, e2e.Result{}); empty.Tests == nil {
		t.Error("no tests are null in JSON")
	}
}

func TestEstimate(t *testing.T) {
	many := func(n int, o e2e.Outcome, seconds func(i int) float64) []Record {
		var list []Record
		for i := range n {
			list = append(list, run(i, "", o, seconds(i)))
		}
		return list
	}
	count := func(i int) float64 { return float64((i*7)%25 + 1) } // each of 1 to 25 once, without a trend
	twice := append(many(20, e2e.Passed, func(i int) float64 { return 3 + float64(i%4)/10 }),
		shift(20, many(6, e2e.Passed, func(i int) float64 { return 7 + float64(i%4)/10 }))...)
	for _, tc := range []struct {
		name    string
		records []Record
		seconds float64
		runs    int
	}{
		{"nothing", nil, 0, 0},
		{"one", []Record{run(0, "", e2e.Passed, 3)}, 3, 1},
		{"two: the newer one counts more", []Record{run(0, "", e2e.Passed, 3), run(1, "", e2e.Passed, 4)}, 4, 2},
		{"three: the middle one", []Record{run(0, "", e2e.Passed, 9), run(1, "", e2e.Passed, 1), run(2, "", e2e.Passed, 4)}, 4, 3},
		{"a flaky run passed in the end", []Record{run(0, "", e2e.Flaky, 5)}, 5, 1},
		{"failures do not count", []Record{run(0, "", e2e.Passed, 5), run(1, "", e2e.Failed, 0), run(2, "", e2e.Failed, 60)}, 5, 1},
		{"nor do those that said nothing", []Record{run(0, "", e2e.Skipped, 1), run(1, "", e2e.Lost, 1), run(2, "", e2e.NotRun, 1), run(3, "", "", 1)}, 0, 0},
		{"the newest 20 of 25, newer ones more", many(25, e2e.Passed, count), 13, 20},
		{"the newest 20 that passed, however long ago", append(many(20, e2e.Passed, count), shift(20, many(30, e2e.Failed, count))...), 11, 20},
		{"twice as slow since six runs", twice, 7.1, 6},
		{"an outlier", append(many(9, e2e.Passed, func(int) float64 { return 2 }), shift(9, many(1, e2e.Passed, func(int) float64 { return 500 }))...), 2, 10},
		{"the default branch first", append(many(3, e2e.Passed, count), main(3, 7), main(4, 7), main(5, 8), run(6, "refs/pull/1/merge", e2e.Passed, 90)), 7, 3},
		{"two runs on the default branch are too few", append(many(3, e2e.Passed, func(int) float64 { return 2 }), main(3, 7), main(4, 7)), 2, 5},
		{"too fast to measure is known to be fast", []Record{run(0, "", e2e.Passed, 0)}, minSeconds, 1},
		{"a negative duration", []Record{run(0, "", e2e.Passed, -5)}, minSeconds, 1},
		{"a duration that cannot be", []Record{run(0, "", e2e.Passed, math.MaxFloat64), run(1, "", e2e.Passed, math.MaxFloat64), run(2, "", e2e.Passed, 4)}, 4, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seconds, runs := Fold(tc.records).Estimate("t")
			if seconds != tc.seconds || runs != tc.runs {
				t.Errorf("got %v of %d runs, want %v of %d", seconds, runs, tc.seconds, tc.runs)
			}
		})
	}
	if s, n := (Stats{}).Estimate("t"); s != 0 || n != 0 {
		t.Error("the zero value knows something")
	}
}

// main is a run on the default branch, whatever its name.
func main(n int, seconds float64) Record {
	r := run(n, "refs/heads/trunk", e2e.Passed, seconds)
	r.Main = true
	return r
}

func TestHighWholeAndOverhead(t *testing.T) {
	var records []Record
	for i := range 10 {
		r := run(i, "", e2e.Passed, 10)
		if i == 4 {
			r.Tests[0].Seconds = 30
		}
		r.Overhead = float64(i)
		// The suite's other half ran on another shard.
		other := run(i, "", e2e.Passed, 0)
		other.Shard, other.Tests = 1, []Entry{{ID: "u", Suite: "s", File: "f", Outcome: e2e.Passed, Seconds: 5}}
		records = append(records, r, other)
	}
	s := Fold(records)
	if high := s.High("t"); high != 10 {
		t.Errorf("one slow run of ten: %v", high)
	}
	if high := Fold(records[:4]).High("t"); high != 0 {
		t.Errorf("two runs say what one in ten takes: %v", high)
	}
	if whole := s.Whole("s"); whole != 15 {
		t.Errorf("the suite takes %v, want 15", whole)
	}
	if seconds, n := s.Overhead(); n != 20 || seconds != 0 {
		t.Errorf("%v of %d", seconds, n)
	}
}

// shift makes records n hours younger.
func shift(n int, records []Record) []Record {
	for i := range records {
		records[i].Started = records[i].Started.Add(time.Duration(n) * time.Hour)
	}
	return records
}

func TestRecent(t *testing.T) {
	for _, tc := range []struct {
		name, runs string
		want       string
	}{
		{"nothing", "", New},
		{"too few runs on a branch", "B:p B:f", ""},
		{"too few runs", "p k p k", ""},
		{"passed", "B:p*5", Stable},
		{"failed on a pull request", "p*5 B:f", Stable},
		{"flaky", "B:k B:p B:k B:p B:k B:p", Flaky},
		{"flaky on a branch, and not where it counts", "p*5 B:k B:k B:p B:k", Stable},
		{"failing on main, which one run shows", "f", FailingOnMain},
		{"failing on master", "master:f", FailingOnMain},
		{"failing on main, passed on a pull request since", "f B:p", FailingOnMain},
		{"failed on main once, passes there again", "p*20 f p*9", Stable},
		{"failing until lately: none of the words", "p*20 f*6 p*2", ""},
		{"fixed", "p*20 f*6 p*9", Stable},
		{"failing on main, skipped and lost since", "f s l", FailingOnMain},
		{"failing on main goes before flaky", "k p k p k f", FailingOnMain},
		{"a branch that is called like main", "refs/heads/maintenance:f refs/tags/main:f", ""},
		{"only skipped, lost and stopped: it counts as new", "s l n", New},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Fold(sequence(tc.runs)).Recent("t"); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// sequence reads runs, the oldest first: "p*9" is nine passes on main, "B:k" a flake on
// another branch, "w|p" a pass of the variant w.
func sequence(text string) (list []Record) {
	outcomes := map[string]e2e.Outcome{"p": e2e.Passed, "k": e2e.Flaky, "f": e2e.Failed, "s": e2e.Skipped, "l": e2e.Lost, "n": e2e.NotRun}
	for word := range strings.FieldsSeq(text) {
		ref, times := "refs/heads/main", 1
		variant, rest, named := strings.Cut(word, "|")
		if word = rest; !named {
			variant, word = "", variant
		}
		if i := strings.LastIndex(word, ":"); i >= 0 {
			ref, word = word[:i], word[i+1:]
		}
		if ref == "B" {
			ref = "refs/pull/7/merge"
		}
		word, count, _ := strings.Cut(word, "*")
		if n, err := strconv.Atoi(count); err == nil {
			times = n
		}
		for range times {
			r := run(len(list), ref, outcomes[word], 1)
			r.SHA, r.Variant = fmt.Sprintf("sha-%d", len(list)), variant
			list = append(list, r)
		}
	}
	return list
}

func TestGuessAndKnown(t *testing.T) {
	stats := Fold([]Record{
		{RunID: "1", Started: day0, Tests: []Entry{
			{ID: "b", Suite: "s", File: "f", Outcome: e2e.Passed, Seconds: 2}, {ID: "a", Suite: "s", File: "f", Outcome: e2e.Passed, Seconds: 4},
			{ID: "c", Suite: "s", File: "g", Outcome: e2e.Passed, Seconds: 30}, {ID: "d", Suite: "s", File: "g", Outcome: e2e.Failed, Seconds: 0},
			{ID: "e", Suite: "other", Outcome: e2e.Failed}, {ID: "", Suite: "s", Outcome: e2e.Passed, Seconds: 999},
		}},
		{RunID: "2", Started: day0.Add(time.Hour), Tests: []Entry{{ID: "moved", Suite: "other", File: "new", Outcome: e2e.Failed}}},
		{RunID: "0", Started: day0.Add(-time.Hour), Tests: []Entry{{ID: "moved", Suite: "s", File: "old", Outcome: e2e.Passed, Seconds: 8}}},
	})
	for _, tc := range []struct {
		suite, file string
		seconds     float64
		from        string
	}{
		{"s", "f", 3, "file"}, {"s", "g", 30, "file"}, {"s", "unknown", 4, "suite"}, {"s", "", 4, "suite"},
		{"other", "new", 8, "file"}, {"other", "x", 8, "suite"}, {"unknown", "f", 0, ""},
	} {
		if seconds, from := stats.Guess(e2e.Test{Suite: tc.suite, File: tc.file}); seconds != tc.seconds || from != tc.from {
			t.Errorf("%s/%s: got %v from %q, want %v from %q", tc.suite, tc.file, seconds, from, tc.seconds, tc.from)
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, stats.Known("s")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"e", "moved"}, stats.Known("other")); diff != "" {
		t.Error(diff)
	}
	if got := (Stats{}).Known("s"); got != nil {
		t.Error(got)
	}
}

var genRecord = rapid.Custom(func(t *rapid.T) Record {
	ids := rapid.SampledFrom([]string{"t", "u", "v"})
	r := Record{
		Schema: Schema, RunID: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "run"), Attempt: rapid.IntRange(1, 2).Draw(t, "attempt"),
		Shard:   rapid.IntRange(0, 2).Draw(t, "shard"),
		Subject: e2e.Subject{Ref: rapid.SampledFrom([]string{"", "refs/heads/main", "refs/pull/1/merge"}).Draw(t, "ref")},
		Started: day0.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "hour")) * time.Hour),
	}
	for range rapid.IntRange(0, 4).Draw(t, "tests") {
		r.Tests = append(r.Tests, Entry{
			ID: ids.Draw(t, "id"), Suite: rapid.SampledFrom([]string{"s", "z"}).Draw(t, "suite"), File: rapid.SampledFrom([]string{"", "f"}).Draw(t, "file"),
			Outcome: rapid.SampledFrom([]e2e.Outcome{e2e.Passed, e2e.Passed, e2e.Failed, e2e.Flaky, e2e.Skipped, ""}).Draw(t, "outcome"),
			Seconds: float64(rapid.IntRange(-1, 9).Draw(t, "seconds")),
		})
	}
	return r
})

// view is the result of every query.
func view(s Stats) map[string]any {
	all := map[string]any{}
	for _, id := range []string{"t", "u", "v"} {
		seconds, runs := s.Estimate(id)
		all[id] = []any{seconds, runs, s.Recent(id)}
	}
	for _, suite := range []string{"s", "z"} {
		seconds, from := s.Guess(e2e.Test{Suite: suite, File: "f"})
		all["suite "+suite] = []any{seconds, from, s.Known(suite)}
	}
	return all
}

func TestFoldDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// More than count, with many of the same age.
		records := rapid.SliceOfN(genRecord, 0, 60).Draw(t, "records")
		want := view(Fold(records))
		mixed := rapid.Permutation(records).Draw(t, "mixed")
		for i := range mixed {
			if len(mixed[i].Tests) > 0 {
				mixed[i].Tests = rapid.Permutation(mixed[i].Tests).Draw(t, "tests")
			}
		}
		if diff := cmp.Diff(want, view(Fold(mixed))); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestFoldLeavesRecordsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(genRecord, 0, 10).Draw(t, "records")
		before := make([]Record, len(records))
		for i, r := range records {
			before[i] = r
			before[i].Tests = slices.Clone(r.Tests)
		}
		view(Fold(records))
		if diff := cmp.Diff(before, records); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkFold(b *testing.B) {
	var records []Record
	for n := range 50 {
		r := run(n, "", e2e.Passed, 1)
		r.Tests = nil
		for i := range 2000 {
			r.Tests = append(r.Tests, Entry{ID: "suite/file.go::Test" + string(rune(i)), Suite: "suite", File: "file.go", Outcome: e2e.Passed, Seconds: float64(i)})
		}
		records = append(records, r)
	}
	for b.Loop() {
		Fold(records)
	}
}

// recordOf is the record of a shard of a run with these tests.
func recordOf(doc e2e.ShardRun, planned map[string]e2e.Test, result e2e.Result) Record {
	return NewRecorder(result, func(id string) (e2e.Test, bool) {
		t, ok := planned[id]
		return t, ok
	}).Of(doc)
}
