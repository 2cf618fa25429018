package estimate

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var day0 = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// runs reads "p" as a pass, "k" as a flake, "f" as a failure and "." as nothing, the
// oldest first; "p*9" is nine passes.
func runs(text string) (list []Observation) {
	for word := range strings.FieldsSeq(text) {
		kind, times, n := word[:1], 1, len(list)
		if len(word) > 2 {
			_, _ = fmt.Sscanf(word[2:], "%d", &times)
		}
		for i := range times {
			list = append(list, Observation{Kind: map[string]Kind{"p": Pass, "k": Flake, "f": Fail}[kind], Run: fmt.Sprintf("run-%d", n+i),
				SHA: fmt.Sprintf("sha-%d", n+i), Started: day0.Add(time.Duration(n+i) * time.Hour)})
		}
	}
	return list
}

func TestStates(t *testing.T) {
	for _, tc := range []struct {
		name, runs string
		state, was State
		since      string // first run of the state
		flakes     int
		window     int
	}{
		{"nothing", "", NotEnough, "", "", 0, 0},
		{"four runs are too few, whatever they say", "k*4", NotEnough, "", "", 4, 4},
		{"runs that say nothing are no runs", "p*4 .*9", NotEnough, "", "", 0, 4},
		{"passes", "p*5", Stable, "", "", 0, 5},
		{"one flake makes no flaky test", "p*20 k p*3", Stable, "", "", 1, 24},
		{"one failure makes no failing test", "p*20 f p*3", Stable, "", "", 0, 24},
		{"flaky from the beginning", "p k p p k p p k", Flaky, "", "", 3, 8},
		{"became flaky", "p*30 k k p k p k p k", Flaky, "", "run-30", 5, 8},
		{"stays flaky through a few passes", "p*30 k k p k p k p k p*5", Flaky, "", "run-30", 5, 13},
		{"flakes ended", "k k p k p k k p k k p k p*25", Fixed, Flaky, "run-12", 0, 25},
		{"and came back once: it is not fixed, nor flaky again", "k k p k p k k p k k p k p*25 k", Stable, "", "", 1, 26},
		{"failing", "p*20 f*4", Failing, "", "run-20", 0, 4},
		{"failed in all runs: since when is not known", "f*9", Failing, "", "", 0, 9},
		{"fixed", "p*20 f*6 p*8", Fixed, Failing, "run-26", 0, 8},
		{"passes again, too few to be sure", "p*20 f*6 p*4", Failing, "", "", 0, 4},
		{"fixed, though it failed once since", "f*8 p*3 f p*7", Fixed, Failing, "run-12", 0, 11},
		{"failing, then flaky", "f*12 k p k k p p k p k p k p", Flaky, "", "run-12", 6, 12},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Of(runs(tc.runs))
			since := ""
			if got.Since != nil {
				since = got.Since.Run
				if want := fmt.Sprintf("sha-%d", int(got.Since.Started.Sub(day0).Hours())-1); got.Before == nil || got.Before.SHA != want {
					t.Errorf("before it: %+v, want %s", got.Before, want)
				}
			}
			if got.State != tc.state || got.Was != tc.was || since != tc.since || got.Flakes.Count != tc.flakes || got.Flakes.Runs != tc.window {
				t.Errorf("%s, was %q, since %q, %+v", got.State, got.Was, since, got.Flakes)
			}
		})
	}
}

// A state ends later than it began: the rate at which it begins is above that at which it ends.
func TestHysteresis(t *testing.T) {
	list := runs("p*30 k p p p p k p*9")
	if got := Of(list); got.State != Flaky {
		t.Fatalf("%+v", got)
	}
	// The same number of flakes in as many runs, without ever being close to each other, did
	// not begin it.
	if got := Of(runs("p*14 k p*20 k p*9")); got.State != Stable {
		t.Errorf("%+v", got)
	}
}

func TestPerRun(t *testing.T) {
	list := []Observation{{Kind: Fail, Run: "a"}, {Kind: Pass, Run: "a", Seconds: 2}, {Kind: Fail, Run: "b"}, {Run: "b"}, {Kind: Fail, Run: "b"},
		{Kind: Pass}, {Kind: Pass}, {Kind: 9, Run: "c"}}
	want := []Observation{{Kind: Flake, Run: "a", Seconds: 2}, {Kind: Fail, Run: "b"}, {Kind: Pass}, {Kind: Pass}}
	if diff := cmp.Diff(want, PerRun(list)); diff != "" {
		t.Error(diff)
	}
}

func TestStreakOf(t *testing.T) {
	for _, tc := range []struct {
		runs          string
		n             int
		first, before string
	}{{"", 0, "", ""}, {"f p", 0, "", ""}, {"f k", 0, "", ""}, {"p f .*3 f", 2, "run-1", "run-0"}, {"f f", 2, "run-0", ""}} {
		got := StreakOf(runs(tc.runs))
		name := func(o *Observation) string {
			if o == nil {
				return ""
			}
			return o.Run
		}
		if got.Runs != tc.n || name(got.First) != tc.first || name(got.Before) != tc.before {
			t.Errorf("%s: %d since %q after %q", tc.runs, got.Runs, name(got.First), name(got.Before))
		}
	}
}

// What says nothing changes no estimate, wherever it lies; and no sequence leads to numbers
// that cannot be.
func TestEstimateHasNoHoles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SliceOfN(rapid.SampledFrom([]Kind{Pass, Pass, Flake, Fail}), 0, 90).Draw(t, "kinds")
		var said, all []Observation
		for i, k := range kinds {
			for range rapid.IntRange(0, 2).Draw(t, "silent") {
				all = append(all, Observation{Run: fmt.Sprint("silent", len(all))})
			}
			o := Observation{Kind: k, Run: fmt.Sprint(i), Started: day0.Add(time.Duration(i) * time.Hour)}
			said, all = append(said, o), append(all, o)
		}
		got := Of(all)
		if diff := cmp.Diff(Of(said), got); diff != "" {
			t.Fatal(diff)
		}
		bad := got.Bad()
		if bad.Runs > len(said) || bad.Low > bad.Share() || bad.High < bad.Share() || bad.Low < 0 || bad.High > 1 {
			t.Fatalf("%+v", bad)
		}
		if (len(said) < Enough) != (got.State == NotEnough) {
			t.Fatalf("%d runs: %s", len(said), got.State)
		}
		if (got.Since == nil) != (got.Before == nil) || got.Since != nil && !got.Before.Started.Before(got.Since.Started) {
			t.Fatalf("%+v after %+v", got.Since, got.Before)
		}
		if got.State == Fixed && (said[len(said)-1].Kind != Pass || got.Was == "") {
			t.Fatalf("%+v", got)
		}
	})
}

func TestPaceOf(t *testing.T) {
	repeat := func(seconds float64, n int) (list []float64) {
		for i := range n {
			list = append(list, seconds*(1+0.02*float64(i%5)))
		}
		return list
	}
	join := func(lists ...[]float64) (all []float64) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	for _, tc := range []struct {
		name    string
		seconds []float64
		start   int
		slower  bool
	}{
		{"nothing", nil, 0, false},
		{"steady", repeat(3, 60), 0, false},
		{"equal", make([]float64, 60), 0, false},
		{"twice as slow", join(repeat(3, 30), repeat(6.2, 8)), 30, true},
		{"twice as fast", join(repeat(6, 30), repeat(3, 8)), 30, false},
		{"slower and fast again", join(repeat(3, 20), repeat(7, 20), repeat(3, 20)), 40, false},
		{"slower twice", join(repeat(3, 20), repeat(7, 20), repeat(15, 15)), 40, true},
		{"outliers", join(repeat(3, 20), []float64{90, 80}, repeat(3, 20), []float64{70}), 0, false},
		{"three runs are too few", join(repeat(3, 30), repeat(9, 3)), 0, false},
		{"a tenth slower is not worth saying", join(repeat(3, 30), repeat(3.4, 30)), 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := PaceOf(tc.seconds); got.Start != tc.start || got.Slower() != tc.slower || got.Changed() != (tc.start > 0) {
				t.Errorf("%+v, ratio %v", got, got.Ratio())
			}
		})
	}
	if got := PaceOf(join(repeat(3, 30), repeat(6, 10))).Ratio(); got < 1.9 || got > 2.1 {
		t.Error(got)
	}
	if got := (Pace{}).Ratio(); got != 1 {
		t.Error(got)
	}
}

// No durations make the search endless or find a change outside of them.
func TestPaceOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0.001, 1e6), rapid.SampledFrom([]float64{0.001, 1, 1, 5})), 0, 80).Draw(t, "seconds")
		if got := PaceOf(list); got.Start < 0 || got.Changed() && (got.Start < leastSide || got.Start > len(list)-leastSide || got.From <= 0) {
			t.Fatalf("%+v of %d", got, len(list))
		}
	})
}

func BenchmarkOf(b *testing.B) {
	list := runs("p*30 k p p k p p k p*20 f p p")
	for b.Loop() {
		Of(list)
	}
}

func TestPassesWorseBetter(t *testing.T) {
	for _, tc := range []struct {
		runs                  string
		passes, worse, better bool
	}{
		{"p*9", false, false, false},
		{"p*40", true, false, false},
		{"p*40 k", false, false, false},
		{"p*40 f", false, false, false},
		{"p*20 f*6 p*9", true, false, true},
		{"p*20 f*6", false, true, false},
		{"p*30 k k p k p k p k", false, true, false},
		{"k p k k p k p k k p k p p*20", true, false, true},
	} {
		got := Of(runs(tc.runs))
		if got.Passes() != tc.passes || got.Worse() != tc.worse || got.Better() != tc.better {
			t.Errorf("%s: passes %t, worse %t, better %t", tc.runs, got.Passes(), got.Worse(), got.Better())
		}
		if got.Earlier.Runs+got.Flakes.Runs != len(runs(tc.runs)) || got.Bad().Count != got.Flakes.Count+got.Fails.Count {
			t.Errorf("%s: %+v", tc.runs, got)
		}
	}
}

// The posterior is a probability, and knows a change that is certain.
func TestPosterior(t *testing.T) {
	list := runs("p*30 f*10")
	follow(list, func(n int, p posterior) {
		sum := 0.0
		for i, w := range p.weight {
			sum += w
			if c := p.counts[i]; c[0]+c[1]+c[2] != n+1-i || len(p.weight) != n+1 {
				t.Fatalf("after %d runs: %v since %d", n+1, c, i)
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Fatalf("after %d runs: %v", n+1, sum)
		}
		if n == len(list)-1 && (p.best() != 30 || !p.changed() || p.weight[30] < 0.89 || p.above(Fail, failingOn) < 0.9 || p.above(Flake, failingOn) > 0.05) {
			t.Errorf("%v", p.weight)
		}
	})
	// By hand: a pass, then a failure. The failure is of the old behaviour with (1-h) * 1/4 / 2.25, of
	// a new one with h * 1/4 / 1.25.
	follow(runs("p f"), func(n int, p posterior) {
		old, fresh := (1-hazard)*0.25/2.25, hazard*0.25/1.25
		if n == 1 && math.Abs(p.weight[1]-fresh/(old+fresh)) > 1e-12 {
			t.Errorf("%v, want %v", p.weight[1], fresh/(old+fresh))
		}
	})
}

func TestRanksAndSplit(t *testing.T) {
	if diff := cmp.Diff([]float64{4.5, 1, 2.5, 2.5, 4.5, 6}, ranksOf([]float64{7, 1, 3, 3, 7, 9})); diff != "" {
		t.Error(diff)
	}
	// Four below four: the ranks of the left side sum to 10, 18 are expected, with a variance of 12.
	if got, want := split([]float64{1, 2, 3, 4, 5, 6, 7, 8}), 8/math.Sqrt(12); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
	if got := split([]float64{1, 2, 3, 4, 5, 6, 7}); got != 0 {
		t.Errorf("%v of too short a list", got)
	}
	if got := nearest([]float64{1, 1.1, 1, 1.2, 1, 2, 2.2, 2, 2.1}); got != 5 {
		t.Errorf("the change is at %d", got)
	}
	if got := (Pace{Start: 4}).Ratio(); got != 1 {
		t.Error(got)
	}
}
