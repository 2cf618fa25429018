package history

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history/estimate"
)

func TestPast(t *testing.T) {
	for _, tc := range []struct {
		name, runs string
		except     string
		state      string
		text       string
	}{
		{"unknown", "", "", New, "new, no earlier run is known"},
		{"only this run", "f", "e2e-a", New, "new, no earlier run is known"},
		{"passed once", "p", "", notEnough, "new, passed in the last run"},
		{"passed once on a branch", "B:p", "", notEnough, "new, passed in the last run (not on main)"},
		{"passed", "p B:p", "", notEnough, "new, passed in the last 2 runs on all branches"},
		{"passed in enough runs", "p*5", "", Stable, "new, passed in the last 5 runs"},
		{"other branches do not count where main is known", "p*5 B:p*9", "", Stable, "new, passed in the last 5 runs"},
		{"failing on main", "p f f B:p", "", FailingOnMain, "fails on main too since 2026-11-01 (2 runs)"},
		{"but for this run", "p f", "e2e-b", notEnough, "new, passed in the last run"},
		{"skipped between", "f s f", "", FailingOnMain, "fails on main too since 2026-11-01 (2 runs)"},
		{"flaky ends it", "f k", "", notEnough, "flaky in 1 and failed in 1 of the last 2 runs, too few to tell"},
		{"flaky", "k p B:k p k p", "", Flaky, "flaky in 2 of the last 5 runs"},
		{"flaky on branches", "B:k p B:k p B:k", "", Flaky, "flaky in 3 of the last 5 runs on all branches, passes on main"},
		{"flaky on other branches than main", "p*9 B:k B:p", "", Stable, "flaky in 1 of the last 11 runs on all branches, passes on main"},
		{"failed on a pull request", "p B:f", "", notEnough, "failed in 1 of the last 2 runs on all branches, passes on main"},
		{"failed on pull requests, passes on main", "p*20 B:f B:f", "", Stable, "failed in 2 of the last 22 runs on all branches, passes on main"},
		{"failed somewhere", "B:f", "", notEnough, "failed in the last run (not on main), too few to tell"},
		{"fails on branches, main is not known", "B:p B:f*8", "", "failing", "failed in 8 of the last 9 runs on all branches"},
		{"passes on main again, which is too early to tell", "p*20 f*5 p", "", "failing", "failed in 5 of the last 6 runs, passes on main"},
		{"fixed", "p*20 f*6 p*9", "", "fixed", "fixed since 2026-11-02 (9 runs), was failing"},
		{"flakes of long ago", "k p*5 k k p k p*40", "", "fixed", "fixed since 2026-11-01 (40 runs), was flaky"},
		{"flaked once", "B:k", "", notEnough, "flaky in the last run (not on main), too few to tell"},
		{"flaked once of many", "p*18 k p", "", Stable, "flaky in 1 of the last 20 runs"},
		{"became flaky: the window is since then", "p*30 k k p k p k p k", "", Flaky, "flaky in 5 of the last 8 runs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Fold(sequence(tc.runs)).Past("t", Own{Run: tc.except})
			if got.State != tc.state || got.Text != tc.text {
				t.Errorf("%s: %s", got.State, got.Text)
			}
			if (got.Flaky > 0) != (got.FlakeHigh > 0) || got.FlakeLow > got.FlakeHigh {
				t.Errorf("%d flakes, from %v to %v", got.Flaky, got.FlakeLow, got.FlakeHigh)
			}
			if (got.State == FailingOnMain) != !got.Since.IsZero() || got.Since.Location() != time.UTC {
				t.Errorf("since %v", got.Since)
			}
		})
	}
	if Fold(sequence("f")).Past("", Own{}) != nil {
		t.Error("a test without an id has a past")
	}
}

const notEnough = string(estimate.NotEnough)

// A streak of which no beginning is kept may be longer.
func TestPastLongerThanKept(t *testing.T) {
	got := Fold(sequence(fmt.Sprintf("p f*%d", samples+5))).Past("t", Own{})
	want := fmt.Sprintf("fails on main too since 2026-11-01 or longer (%d or more runs)", samples)
	if got.Text != want || !got.Longer || got.First == nil || got.Before != nil {
		t.Errorf("%+v", got)
	}
}

// The commits around a change are named.
func TestPastNamesTheCommits(t *testing.T) {
	for _, tc := range []struct{ runs, first, before string }{
		{"p*3 f f", "sha-3", "sha-2"}, {"f f", "sha-0", ""}, {"p*20 f*6 p*9", "sha-26", "sha-25"}, {"p*30 k k p k p k p k", "sha-30", "sha-29"}, {"p*9", "", ""},
		{"p*3 B:f f", "sha-4", "sha-2"},
	} {
		got := Fold(sequence(tc.runs)).Past("t", Own{})
		sha := func(r *e2e.HistoryRun) string {
			if r == nil {
				return ""
			}
			return r.SHA
		}
		if sha(got.First) != tc.first || sha(got.Before) != tc.before {
			t.Errorf("%s: between %q and %q", tc.runs, sha(got.Before), sha(got.First))
		}
	}
}

// Two shards or attempts of one run are one run of a streak.
func TestPastCountsRuns(t *testing.T) {
	again := run(1, "refs/heads/main", e2e.Failed, 1)
	again.Attempt = 2
	got := Fold([]Record{run(1, "refs/heads/main", e2e.Failed, 1), again}).Past("t", Own{})
	if got.Streak != 1 || got.Longer {
		t.Errorf("%+v", got)
	}
}

func TestCovered(t *testing.T) {
	other := run(2, "", e2e.Failed, 1)
	other.Tests[0].ID = "u"
	stats := Fold([]Record{run(0, "", e2e.Passed, 1), run(1, "", e2e.Flaky, 1), other, run(3, "", e2e.Passed, 1), run(4, "", e2e.Lost, 0),
		run(5, "", e2e.Passed, 1)})
	for id, want := range map[string]Covered{
		"t":    {Tests: 1, LastBad: day0.Add(time.Hour), PassesSince: day0.Add(3 * time.Hour), Runs: 2},
		"u":    {Tests: 1, LastBad: day0.Add(2 * time.Hour)},
		"tu":   {Tests: 2, LastBad: day0.Add(2 * time.Hour), PassesSince: day0.Add(3 * time.Hour), Runs: 2},
		"none": {},
	} {
		if got := stats.Covered(func(test string) bool { return id != "none" && strings.Contains(id, test) }); got != want {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
	}
}

// Enough: the runs since the last failure are enough to remove an entry of the quarantine.
func TestCoveredEnough(t *testing.T) {
	for runs, want := range map[string]bool{
		"f p": false, "p p p": false, "p*35": true, "p*20 f*6 p*9": true, "k k p k p k k p k k p k p*20": true, "k k p k p k k p k k p k p*3": false,
		"p*20 f*6 p*9 f": false, "p*20 f*6 p*9 B:f": false,
	} {
		if got := Fold(sequence(runs)).Covered(func(string) bool { return true }); got.Enough != want {
			t.Errorf("%s: %+v", runs, got)
		}
	}
	two := append(sequence("p*20 f*6 p*9"), shift(100, sequence("p p"))...)
	for i := range two[35:] {
		two[35+i].Tests[0].ID = "u"
		two[35+i].RunID += "u"
	}
	if got := Fold(two).Covered(func(string) bool { return true }); got.Enough || got.Tests != 2 {
		t.Errorf("one of two tests has too few runs: %+v", got)
	}
}

func TestSlower(t *testing.T) {
	var list []Record
	for i := range 30 {
		r := run(i, "refs/heads/main", e2e.Passed, 3+float64(i%4)/10)
		if i >= 22 {
			r.Tests[0].Seconds *= 2
		}
		list = append(list, r)
	}
	got := Fold(list).One("t")
	if got.Pace == nil || got.Pace.Since.Run != list[22].RunID || got.Trend < 1.8 || got.Trend > 2.2 || got.High < 6 {
		t.Errorf("%+v", got)
	}
	if got := Fold(list).Past("t", Own{}).Slower; got == nil || got.Since.Run != list[22].RunID || got.To < 1.9*got.From {
		t.Errorf("%+v", got)
	}
	if got := Fold(list[:26]).Past("t", Own{Run: list[25].RunID}).Slower; got != nil { // three runs are too few
		t.Errorf("%+v", got)
	}
	if got := Fold(list[:22]).One("t"); got.Pace != nil || got.Trend != 1 {
		t.Errorf("%+v", got)
	}
	if got := Fold(list[:3]).One("t"); got.Pace != nil || got.Trend != 0 {
		t.Errorf("%+v", got)
	}
}

// Each variant is estimated by itself.
func TestPastOfVariants(t *testing.T) {
	for _, tc := range []struct{ name, runs, state, text string }{
		{"one fails on main, the other does not", "linux|p*9 windows|p*9 windows|f linux|p", "failing", "windows: fails on main too since 2026-11-01 (1 run)"},
		{"both fail, since the later of the two", "linux|p*9 windows|p windows|f*3 linux|f", FailingOnMain, "fails on main too since 2026-11-01 (1 run)"},
		{"the other ran on a branch only", "linux|p*9 linux|f*2 B:windows|p", FailingOnMain, "fails on main too since 2026-11-01 (2 runs)"},
		{"one is flaky", "linux|p*9 windows|k windows|p windows|k windows|k windows|p", Flaky, "windows: flaky in 3 of the last 5 runs"},
		{"one has a single run", "linux|p*9 windows|p", Stable, "new, passed in the last 9 runs"},
		{"flaky on branches, in both", "B:linux|k*2 B:linux|p*3 B:windows|k*3 B:windows|p*2", Flaky, "windows: flaky in 3 of the last 5 runs on all branches"},
		{"both pass", "linux|p*9 windows|p*9", Stable, "new, passed in the last 9 runs"},
		{"a variant that did not run lately", "windows|p*9 linux|p*19 linux|f", FailingOnMain, "fails on main too since 2026-11-02 (1 run)"},
		{"old records name none", "p*9 linux|p windows|f", "failing", "windows: fails on main too since 2026-11-01 (1 run)"},
		{"a variant that said nothing is none", "linux|p*9 windows|s", Stable, "new, passed in the last 9 runs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.NewReplacer("B:windows|", "windows|B:", "B:linux|", "linux|B:").Replace(tc.runs)
			got := Fold(sequence(text)).Past("t", Own{})
			if got.State != tc.state || got.Text != tc.text || (got.State == FailingOnMain) != !got.Since.IsZero() {
				t.Errorf("%s: %s, since %v", got.State, got.Text, got.Since)
			}
		})
	}
	// Two variants that disagree in one run are not flaky.
	both := sequence("linux|p*9 windows|p*9 linux|p windows|f")
	both[19].RunID = both[18].RunID
	if got := Fold(both).Past("t", Own{}); got.Flaky != 0 || got.State != "failing" {
		t.Errorf("%+v", got)
	}
}

// "Failing on main" is said only if the newest runs there that say something failed, in
// each variant, and never of a run that says nothing.
func TestFailingOnMainIsAFact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var records []Record
		newest := map[string]e2e.Outcome{} // by variant
		for i := range rapid.IntRange(0, window).Draw(t, "runs") {
			r := run(i, rapid.SampledFrom([]string{"refs/heads/main", "refs/heads/main", "refs/pull/7/merge"}).Draw(t, "ref"),
				rapid.SampledFrom([]e2e.Outcome{e2e.Failed, e2e.Failed, e2e.Failed, e2e.Passed, e2e.Flaky, e2e.Skipped}).Draw(t, "outcome"), 1)
			r.Variant = rapid.SampledFrom([]string{"linux", "windows"}).Draw(t, "variant")
			if rapid.IntRange(0, 3).Draw(t, "silent") == 0 {
				r.Nothing = NotJudged
			}
			if r.Nothing == "" && r.onMain() && r.Tests[0].Outcome != e2e.Skipped {
				newest[r.Variant] = r.Tests[0].Outcome
			}
			records = append(records, r)
		}
		want := len(newest) > 0
		for _, o := range newest {
			want = want && o == e2e.Failed
		}
		got := Fold(records).Past("t", Own{})
		if (got.State == FailingOnMain) != want || strings.HasPrefix(got.Text, "fails on main too") != want || (got.Streak > 0) != want {
			t.Fatalf("%s: %s; the newest on main: %v", got.State, got.Text, newest)
		}
		if (Fold(records).Recent("t") == FailingOnMain) != want {
			t.Fatal(Fold(records).Recent("t"))
		}
	})
}

// Two kinds of machines that take turns make no test slower.
func TestPaceOfVariants(t *testing.T) {
	var list []Record
	for i := range 40 {
		r := run(i, "refs/heads/main", e2e.Passed, 3+float64(i%4)/10)
		if r.Variant = "linux"; i >= 30 {
			r.Variant, r.Tests[0].Seconds = "windows", r.Tests[0].Seconds*3
		}
		list = append(list, r)
	}
	if got := Fold(list).Pace("t"); got.Changed() || got.Runs != 10 {
		t.Errorf("%+v", got)
	}
	if _, runs := Fold(list).Estimate("t"); runs != window {
		t.Errorf("an estimate of %d runs", runs)
	}
}

// BenchmarkAll asks the estimator for 1,000 tests of 60 runs each, every one flaky.
func BenchmarkAll(b *testing.B) {
	var records []Record
	for i := range 60 {
		r := run(i, "refs/heads/main", e2e.Passed, 1)
		r.Tests = nil
		for n := range 1000 {
			e := Entry{ID: fmt.Sprint("t", n), Suite: "s", File: "f", Outcome: e2e.Passed, Seconds: 1 + float64((i*7+n)%5)/10}
			if (i+n)%9 == 0 {
				e.Outcome = e2e.Flaky
			}
			r.Tests = append(r.Tests, e)
		}
		records = append(records, r)
	}
	stats := Fold(records)
	for b.Loop() {
		stats.All()
	}
}

// That a test fails on main too does not say why it fails here: only the same failure there does, and a run of main
// says it of itself.
func TestPastOfAFailureOnMain(t *testing.T) {
	for _, tc := range []struct {
		own  Own
		want string
	}{
		{Own{}, "fails on main too since 2026-11-01 (3 runs)"},
		{Own{Same: 3}, "fails on main too since 2026-11-01 (3 runs), in the same way in 3 judged runs"},
		{Own{Same: 1}, "fails on main too since 2026-11-01 (3 runs), in the same way in 1 judged run"},
		{Own{OnMain: true}, "failing on main since 2026-11-01 (3 runs)"},
	} {
		if got := Fold(sequence("p f f f")).Past("t", tc.own); got.Text != tc.want || got.State != FailingOnMain {
			t.Errorf("%+v: %+v, want %q", tc.own, got, tc.want)
		}
	}
	if got := Fold(sequence("f p")).Past("t", Own{Same: 3}); strings.Contains(got.Text, "same way") {
		t.Errorf("a test that passes on main: %q", got.Text)
	}
}
