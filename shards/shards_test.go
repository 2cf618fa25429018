package shards

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func ids(p Plan) []string {
	var all []string
	for _, s := range p.Shards {
		all = append(all, s.Tests...)
	}
	slices.Sort(all)
	return all
}

func mustMake(t testing.TB, tests []Test, opts Options) Plan {
	t.Helper()
	p, err := Make(tests, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOwnersStayTogetherWhereBalanceAllows(t *testing.T) {
	var tests []Test
	for _, owner := range []string{"a", "b", "c", "d"} {
		for i := range 25 {
			tests = append(tests, Test{ID: fmt.Sprintf("%s%02d", owner, i), Owner: owner, Seconds: 1})
		}
	}
	p := mustMake(t, tests, Options{Count: 4})
	if p.OwnerSplits != 4 || p.Makespan != 25 {
		t.Errorf("splits %d, makespan %v; want one owner per shard of 25 s", p.OwnerSplits, p.Makespan)
	}
}

func TestLongestFirst(t *testing.T) {
	tests := []Test{{ID: "a", Seconds: 5}, {ID: "b", Seconds: 4}, {ID: "c", Seconds: 3}, {ID: "d", Seconds: 3}, {ID: "e", Seconds: 3}}
	p := mustMake(t, tests, Options{Count: 2})
	if p.Makespan > 10 || p.LowerBound != 9 {
		t.Errorf("makespan %v, bound %v", p.Makespan, p.LowerBound)
	}
	for _, s := range p.Shards {
		if !slices.IsSortedFunc(s.Tests, strings.Compare) {
			t.Errorf("shard %d does not run its longest first: %v", s.Index, s.Tests)
		}
	}
}

func TestUnknownIsTheMedian(t *testing.T) {
	tests := []Test{{ID: "a", Seconds: 2}, {ID: "b", Seconds: 10}, {ID: "c", Seconds: 4}, {ID: "n1"}, {ID: "n2", Seconds: math.NaN()},
		{ID: "n3", Seconds: math.Inf(1)}, {ID: "n4", Seconds: -3}}
	p := mustMake(t, tests, Options{Count: 1})
	if p.Guessed != 4 || p.Median != 4 || p.Makespan != 16+4*4 {
		t.Errorf("guessed %d of %vs, makespan %v", p.Guessed, p.Median, p.Makespan)
	}
	if p := mustMake(t, []Test{{ID: "x"}, {ID: "y"}}, Options{Count: 2}); p.Makespan != unknownSeconds || p.Guessed != 2 {
		t.Errorf("with no history at all: %+v", p)
	}
}

func TestSmoke(t *testing.T) {
	tests := []Test{{ID: "s1", Seconds: 1, Smoke: true}, {ID: "s2", Seconds: 2, Smoke: true}, {ID: "long", Seconds: 30}, {ID: "mid", Seconds: 20},
		{ID: "low", Seconds: 10}}
	first := mustMake(t, tests, Options{Count: 2})
	if first.Shards[0].Smoke != 1 || first.Shards[1].Smoke != 1 || first.Makespan != 2+30 {
		t.Errorf("smoke first: %+v", first)
	}
	own := mustMake(t, tests, Options{Count: 3, Smoke: SmokeOwn})
	if diff := cmp.Diff([]string{"s2", "s1"}, own.Shards[0].Tests); diff != "" || own.Shards[0].Smoke != 2 {
		t.Errorf("smoke has no shard of its own: %+v", own.Shards)
	}
	for _, s := range own.Shards[1:] {
		if s.Smoke != 0 {
			t.Errorf("shard %d mixes smoke with others", s.Index)
		}
	}
	only := mustMake(t, tests[:2], Options{Count: 2, Smoke: SmokeOwn})
	if len(only.Shards[0].Tests) != 1 || len(only.Shards[1].Tests) != 1 {
		t.Errorf("a selection of smoke alone is sharded like any other: %+v", only.Shards)
	}
	one := mustMake(t, tests, Options{Count: 1, Smoke: SmokeOwn})
	if diff := cmp.Diff([]string{"s2", "s1", "long", "mid", "low"}, one.Shards[0].Tests); diff != "" {
		t.Error(diff)
	}
}

func TestGroupsStayTogether(t *testing.T) {
	tests := []Test{{ID: "a1", Group: "a", Seconds: 1}, {ID: "a2", Group: "a", Seconds: 5}, {ID: "b", Seconds: 4}, {ID: "c", Seconds: 2}}
	// 12 s on 2 shards: 70 % of a fair share are 4.2 s, and the group takes 6.
	if p := mustMake(t, tests, Options{Count: 2}); p.Makespan != 6 || len(p.Shards[0].Tests) != 2 {
		t.Errorf("the group is too long to stay together: %+v", p.Shards)
	}
	tests[1].Seconds, tests[3].Seconds = 1, 4
	p := mustMake(t, tests, Options{Count: 2})
	for _, s := range p.Shards {
		if slices.Contains(s.Tests, "a1") != slices.Contains(s.Tests, "a2") {
			t.Errorf("group a was split: %v", p.Shards)
		}
	}
	tests[1].Owner = "other"
	if p := mustMake(t, tests, Options{Count: 2}); p.OwnerSplits != 3 {
		t.Errorf("a group of two owners must not mix them: %+v", p.Shards)
	}
}

// Tests that share a lock are never on two machines at once.
func TestLocksStayTogether(t *testing.T) {
	tests := []Test{{ID: "a", Seconds: 5, Locks: []string{"x"}}, {ID: "b", Seconds: 5, Locks: []string{"x", "y"}},
		{ID: "c", Seconds: 5, Locks: []string{"y"}}, {ID: "d", Seconds: 5}}
	p := mustMake(t, tests, Options{Count: 4})
	if p.Makespan != 15 || p.LowerBound != 15 {
		t.Errorf("%+v", p)
	}
	tests[0].Smoke = true
	own := mustMake(t, tests, Options{Count: 2, Smoke: SmokeOwn})
	if len(own.Shards[0].Tests) != 3 {
		t.Errorf("a test shares a lock with a smoke test on another machine: %+v", own.Shards)
	}
}

func TestHigh(t *testing.T) {
	p := mustMake(t, []Test{{ID: "a", Seconds: 10, High: 13}, {ID: "b", Seconds: 10, High: 14}, {ID: "c", Seconds: 1, Smoke: true},
		{ID: "d", Seconds: 2, High: 1}}, Options{Count: 1})
	if p.Shards[0].Seconds != 23 || p.Shards[0].High != 28 {
		t.Errorf("%+v", p.Shards[0])
	}
}

func TestAlternatives(t *testing.T) {
	var tests []Test
	for i := range 60 {
		tests = append(tests, Test{ID: fmt.Sprint(i), Seconds: 10})
	}
	p := mustMake(t, tests, Options{Max: 3, Overhead: 30})
	want := []Alternative{{1, 600, 11}, {2, 300, 12}, {3, 200, 12}}
	if diff := cmp.Diff(want, p.Alternatives); diff != "" {
		t.Error(diff)
	}
}

func TestCount(t *testing.T) {
	many := make([]Test, 100)
	for i := range many {
		many[i] = Test{ID: fmt.Sprint(i), Seconds: 10}
	}
	for _, tc := range []struct {
		name  string
		tests []Test
		opts  Options
		want  int
	}{
		{"1000 s: 1000/n + 20n is least at 7", many, Options{}, 7},
		{"at most as asked", many, Options{Max: 3}, 3},
		{"the budget wants more than the cost alone", many, Options{Budget: 100, Max: 16}, 10},
		{"a budget that cannot be kept does not count", many, Options{Budget: 1}, 7},
		{"no overhead: all that is allowed", many, Options{Overhead: -1}, 8},
		{"a short suite is not worth a second shard", many[:2], Options{}, 1},
		{"nothing", nil, Options{}, 1},
		{"fixed", many, Options{Count: 5}, 5},
	} {
		if got := len(mustMake(t, tc.tests, tc.opts).Shards); got != tc.want {
			t.Errorf("%s: %d shards, want %d", tc.name, got, tc.want)
		}
	}
}

func TestAdvice(t *testing.T) {
	tests := []Test{{ID: "slow/one", Seconds: 250}, {ID: "b", Seconds: 30}, {ID: "c", Seconds: 30}}
	want := "more than 2 shards would not help: the longest batch, slow/one, takes 4m10s alone"
	if got := mustMake(t, tests, Options{Count: 3}).Advice; got != want {
		t.Errorf("got %q", got)
	}
	if got := mustMake(t, tests[1:], Options{Count: 1}).Advice; got != "" {
		t.Errorf("got %q", got)
	}
}

func TestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		tests []Test
		opts  Options
		want  string
	}{
		"double":   {[]Test{{ID: "a"}, {ID: "a"}}, Options{}, `two tests have the id "a"`},
		"empty id": {[]Test{{}}, Options{}, "empty id"},
		"negative": {nil, Options{Count: -1}, "-1 shards"},
		"too many": {nil, Options{Count: MaxCount + 1}, "5001 shards"},
	} {
		_, err := Make(tc.tests, tc.opts)
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func checkPlan(t *rapid.T, tests []Test, plan Plan, mode SmokeMode) {
	want := make([]string, len(tests))
	for i := range tests {
		want[i] = tests[i].ID
	}
	slices.Sort(want)
	if got := ids(plan); !slices.Equal(got, want) {
		t.Fatalf("not each test exactly once: %v", got)
	}
	checkLocks(t, tests, plan, mode)
	checkBounds(t, tests, plan)
	n := float64(len(plan.Shards))
	// Graham's bound for list scheduling, per phase; the tolerance comes on top.
	if limit := plan.LowerBound * (2 - 1/n) * (1 + DefaultTolerance); plan.Makespan > limit+1e-9 {
		t.Fatalf("makespan %v above the bound of list scheduling %v", plan.Makespan, limit)
	}
	if plan.Makespan < plan.LowerBound-1e-6 {
		t.Fatalf("makespan %v below the lower bound %v", plan.Makespan, plan.LowerBound)
	}
}

// checkBounds: what is bound is on one shard, all before or all after the smoke tests' end.
func checkBounds(t *rapid.T, tests []Test, plan Plan) {
	type place struct {
		shard int
		smoke bool
	}
	at := map[string]place{}
	for _, s := range plan.Shards {
		for n, id := range s.Tests {
			i := slices.IndexFunc(tests, func(t Test) bool { return t.ID == id })
			here := place{s.Index, n < s.Smoke}
			for _, name := range tests[i].Bound {
				if have, ok := at[name]; ok && have != here {
					t.Fatalf("%s is cut: %+v and %+v", name, have, here)
				}
				at[name] = here
			}
			if tests[i].Smoke && !here.smoke {
				t.Fatalf("%s is smoke and does not run first", id)
			}
		}
	}
}

func checkLocks(t *rapid.T, tests []Test, plan Plan, mode SmokeMode) {
	type phased struct {
		lock  string
		smoke bool
	}
	at := map[phased]int{}
	for _, s := range plan.Shards {
		for n, id := range s.Tests {
			i := slices.IndexFunc(tests, func(t Test) bool { return t.ID == id })
			for _, name := range tests[i].Locks {
				l := phased{name, mode == SmokeFirst && n < s.Smoke} // one after the other there
				if have, ok := at[l]; ok && have != s.Index {
					t.Fatalf("the lock %s is on shards %d and %d", name, have, s.Index)
				}
				at[l] = s.Index
			}
		}
	}
}

func synthetic(n, owners int) []Test {
	r := rand.New(rand.NewPCG(1, 2))
	tests := make([]Test, n)
	for i := range tests {
		tests[i] = Test{ID: fmt.Sprintf("suite/file_%d_test.go::Test%d", i/20, i), Owner: fmt.Sprintf("team-%d", r.IntN(owners)),
			Seconds: math.Exp(r.NormFloat64()*1.5 - 1)}
	}
	return tests
}

func TestSplitsAreFewOnManyTests(t *testing.T) {
	const owners, count = 12, 16
	p := mustMake(t, synthetic(4000, owners), Options{Count: count})
	if p.OwnerSplits > owners+count-1 {
		t.Errorf("%d owner splits, want at most %d", p.OwnerSplits, owners+count-1)
	}
	if p.Makespan > p.LowerBound*(1+DefaultTolerance) {
		t.Errorf("makespan %v over bound %v", p.Makespan, p.LowerBound)
	}
}

func BenchmarkMake(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		tests := synthetic(n, 50)
		grouped, costs := slices.Clone(tests), map[string]float64{}
		for i := range grouped {
			grouped[i].Group, _, _ = strings.Cut(grouped[i].ID, "::")
			grouped[i].Owner = fmt.Sprintf("team-%d", i/20%50)
			costs[grouped[i].Group] = 0.5
		}
		for _, bench := range []struct {
			name  string
			tests []Test
			opts  Options
		}{
			{"256", tests, Options{Count: 256}},
			{"auto", tests, Options{Max: 256, Budget: 60}},
			{"256 by file", grouped, Options{Count: 256, GroupSeconds: costs}},
			{"auto by file", grouped, Options{Max: 256, Budget: 60, GroupSeconds: costs}},
		} {
			b.Run(fmt.Sprintf("%d onto %s", n, bench.name), func(b *testing.B) { benchmark(b, bench.tests, bench.opts) })
		}
	}
}

// benchmark also reports what the process has taken from the system so far, which never
// shrinks: its peak, where one benchmark runs alone.
func benchmark(b *testing.B, tests []Test, opts Options) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Make(tests, opts); err != nil {
			b.Fatal(err)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-peak")
}

// As many shards as pods of a cluster run: each test once, and the time near the bound.
func TestMostShards(t *testing.T) {
	for name, opts := range map[string]Options{"together": {Count: MaxCount}, "smoke apart": {Count: MaxCount, Smoke: SmokeOwn}} {
		t.Run(name, func(t *testing.T) {
			tests := synthetic(20_000, 40)
			for i := range tests {
				tests[i].Smoke = i%50 == 0
			}
			p := mustMake(t, tests, opts)
			if len(p.Shards) != MaxCount {
				t.Errorf("%d shards", len(p.Shards))
			}
			seen := map[string]bool{}
			for i, s := range p.Shards {
				if s.Index != i {
					t.Errorf("shard %d has the index %d", i, s.Index)
				}
				for _, id := range s.Tests {
					if seen[id] {
						t.Fatalf("%s runs twice", id)
					}
					seen[id] = true
				}
			}
			if len(seen) != len(tests) || p.Makespan > 2*p.LowerBound {
				t.Errorf("%d of %d tests, makespan %v, bound %v", len(seen), len(tests), p.Makespan, p.LowerBound)
			}
		})
	}
}
