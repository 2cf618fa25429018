package shards

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/testkit/need"
)

func TestGroupSeconds(t *testing.T) {
	var tests []Test
	for i := range 8 {
		tests = append(tests, Test{ID: fmt.Sprintf("slow%d", i), Group: "slow", Seconds: 5})
	}
	tests = append(tests, Test{ID: "a1", Group: "a", Seconds: 1}, Test{ID: "a2", Group: "a", Seconds: 1})
	opts := Options{Count: 2, GroupSeconds: map[string]float64{"slow": 3, "a": 2, "unused": 100, "": 50}}
	p := mustMake(t, tests, opts)
	// The slow group is too long for one shard and starts on both.
	if total := p.Shards[0].Seconds + p.Shards[1].Seconds; total != 40+2*3+2+2 {
		t.Errorf("%v s in all: %+v", total, p.Shards)
	}
	if p.LowerBound != (40+3+2+2)/2. {
		t.Errorf("the bound is %v: the least is that each group starts once", p.LowerBound)
	}
	if one := mustMake(t, tests, Options{Count: 1, GroupSeconds: opts.GroupSeconds}); one.Makespan != 47 || one.LowerBound != 47 {
		t.Errorf("on one shard each group starts once: %v, bound %v", one.Makespan, one.LowerBound)
	}
	for _, bad := range []float64{-1, 0, math.NaN(), math.Inf(1)} {
		if p := mustMake(t, tests, Options{Count: 1, GroupSeconds: map[string]float64{"slow": bad}}); p.Makespan != 42 {
			t.Errorf("%v s is not a cost, but the plan takes %v s", bad, p.Makespan)
		}
	}
}

// A group that costs much to start is worth keeping on few shards.
func TestGroupSecondsHoldTogether(t *testing.T) {
	var tests []Test
	for i := range 20 {
		tests = append(tests, Test{ID: fmt.Sprintf("x%02d", i), Group: "x", Seconds: 5}, Test{ID: fmt.Sprintf("y%02d", i), Group: "y", Seconds: 5})
	}
	p := mustMake(t, tests, Options{Count: 2, GroupSeconds: map[string]float64{"x": 30, "y": 30}})
	if p.Makespan != 130 {
		t.Errorf("both groups start on both shards: %v s", p.Makespan)
	}
}

func drawTests(t *rapid.T) []Test {
	tests := make([]Test, rapid.IntRange(0, 120).Draw(t, "tests"))
	for i := range tests {
		tests[i] = Test{
			ID:      fmt.Sprintf("t%03d", i),
			Owner:   rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "owner"),
			Group:   rapid.SampledFrom([]string{"", "", "", "g1", "g2", "g3"}).Draw(t, "group"),
			Seconds: rapid.SampledFrom([]float64{0, 0.001, 0.5, 1, 3, 10, 77}).Draw(t, "seconds"),
			High:    rapid.SampledFrom([]float64{0, 0.5, 100}).Draw(t, "high"),
			Locks:   rapid.SampledFrom([][]string{nil, nil, nil, nil, {"l1"}, {"l2"}, {"l1", "l3"}}).Draw(t, "locks"),
			Bound:   rapid.SampledFrom([][]string{nil, nil, nil, nil, {"b1"}, {"b2"}, {"b1", "b3"}}).Draw(t, "bound"),
			Smoke:   rapid.IntRange(0, 4).Draw(t, "smoke") == 0,
		}
	}
	return tests
}

func TestProperties(t *testing.T) {
	need.NoRaceDetector(t)
	rapid.Check(t, func(t *rapid.T) {
		tests := drawTests(t)
		costs := rapid.SampledFrom([]map[string]float64{nil, {"g1": 2}, {"g1": 0.5, "g2": 40, "g3": -1, "": 7}}).Draw(t, "costs")
		opts := Options{Count: rapid.IntRange(0, 12).Draw(t, "count"), Smoke: SmokeMode(rapid.IntRange(0, 1).Draw(t, "mode")), GroupSeconds: costs}
		plan, err := Make(tests, opts)
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, tests, plan, opts.Smoke)
		checkSeconds(t, tests, plan, opts)
		shuffled := rapid.Permutation(tests).Draw(t, "order")
		again, _ := Make(shuffled, opts)
		if diff := cmp.Diff(plan, again); diff != "" {
			t.Fatalf("the plan depends on the order of its input:\n%s", diff)
		}
		checkJSON(t, tests, plan, opts)
	})
}

// checkJSON: what went through JSON is the same and plans the same.
func checkJSON(t *rapid.T, tests []Test, plan Plan, opts Options) {
	data, err := json.Marshal([]any{tests, opts, plan})
	if err != nil {
		t.Fatal(err)
	}
	var inputs []Test
	var options Options
	var back Plan
	if err := json.Unmarshal(data, &[]any{&inputs, &options, &back}); err != nil {
		t.Fatal(err)
	}
	again, _ := Make(inputs, options)
	if diff := cmp.Diff(plan, back) + cmp.Diff(plan, again); diff != "" {
		t.Fatalf("the plan is another one after JSON:\n%s", diff)
	}
}

// checkSeconds: a shard takes what its tests take and, once in each phase, what each of
// their groups costs.
func checkSeconds(t *rapid.T, tests []Test, plan Plan, opts Options) {
	byID := map[string]Test{}
	for _, test := range tests {
		byID[test.ID] = test
	}
	for _, s := range plan.Shards {
		type start struct {
			group string
			smoke bool
		}
		want, started := 0.0, map[start]bool{}
		for i, id := range s.Tests {
			test := byID[id]
			if test.Seconds == 0 {
				test.Seconds = plan.Median
			}
			want += test.Seconds
			if at := (start{test.Group, i < s.Smoke}); test.Group != "" && !started[at] {
				started[at] = true
				want += max(opts.GroupSeconds[test.Group], 0)
			}
		}
		if math.Abs(want-s.Seconds) > 1e-6 {
			t.Fatalf("shard %d takes %v s, its tests and groups %v s: %+v", s.Index, s.Seconds, want, s)
		}
	}
}

// fuzzTests makes tests of arbitrary bytes: five for each.
func fuzzTests(data []byte) []Test {
	var tests []Test
	for i := 0; i+5 <= len(data) && len(tests) < 400; i += 5 {
		t := Test{ID: fmt.Sprintf("%c/%03d", data[i]%7+'a', len(tests)), Seconds: math.Float64frombits(uint64(data[i])<<56 | uint64(data[i+1])<<48),
			High: float64(data[i+2])}
		if data[i+2]%2 == 0 {
			t.Seconds = float64(data[i]) * float64(data[i+1]) / 100
		}
		if t.Seconds > 1e9 && !math.IsInf(t.Seconds, 1) {
			t.Seconds = 1e9 // beside larger ones nothing else counts, and the search takes all its steps: half a second
		}
		t.Owner = []string{"", "a", "b", "c", "\xff", "d"}[data[i+3]%6]
		t.Group = []string{"", "", "f1", "f2", "f3"}[data[i+3]/6%5]
		t.Smoke = data[i+4]%8 == 0
		if data[i+4]%5 == 0 {
			t.Locks = []string{"l" + string(rune('0'+data[i+4]%3)), "m"}[:data[i+4]%2+1]
		}
		tests = append(tests, t)
	}
	return tests
}

// FuzzMake: no input makes it panic, lose or double a test, or depend on the order.
func FuzzMake(f *testing.F) {
	f.Add(uint16(3), 0.5, 20.0, []byte("some arbitrary tests of the seed corpus, five bytes for each of them"))
	f.Add(uint16(0), math.NaN(), -1.0, []byte{})
	f.Add(uint16(511), math.Inf(1), 1e308, []byte{255, 254, 0, 1, 2, 200, 100, 0, 12, 5, 200, 100, 0, 12, 10})
	f.Fuzz(func(t *testing.T, count uint16, tolerance, cost float64, data []byte) {
		tests := fuzzTests(data)
		opts := Options{Count: int(count) % (MaxMatrix + 1), Max: int(count) % 50, Tolerance: tolerance, Overhead: cost, Budget: -cost, Smoke: SmokeMode(count >> 15),
			GroupSeconds: map[string]float64{"f1": cost, "f2": 1}}
		plan, err := Make(tests, opts)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]string, len(tests))
		for i := range tests {
			want[i] = tests[i].ID
		}
		slices.Sort(want)
		if got := ids(plan); !slices.Equal(got, want) {
			t.Fatalf("not each test exactly once: %v", got)
		}
		rand.New(rand.NewPCG(uint64(count), 7)).Shuffle(len(tests), func(i, j int) { tests[i], tests[j] = tests[j], tests[i] })
		again, _ := Make(tests, opts)
		if diff := cmp.Diff(fmt.Sprint(plan), fmt.Sprint(again)); diff != "" {
			t.Fatalf("the plan depends on the order of its input:\n%s", diff)
		}
	})
}

// Make does not change its input.
func TestInputStaysAsItIs(t *testing.T) {
	tests := []Test{{ID: "a", Smoke: true, Locks: []string{"l"}}, {ID: "b", Locks: []string{"l"}}, {ID: "c", Seconds: 3}}
	before := slices.Clone(tests)
	mustMake(t, tests, Options{Count: 2, Smoke: SmokeOwn})
	if diff := cmp.Diff(before, tests); diff != "" {
		t.Error(diff)
	}
}

// A shard has the number of its main owner among the owners, whatever the durations are.
func TestShardsAreNumberedByOwner(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		var tests []Test
		for i := range 6 {
			tests = append(tests, Test{ID: fmt.Sprint("t", i), Owner: string(rune('a' + i)), Seconds: 100 + r.Float64()})
		}
		p := mustMake(t, tests, Options{Count: 8})
		for i, s := range p.Shards[:6] {
			if want := string(rune('a' + i)); len(s.Owners) != 1 || s.Owners[0] != want {
				t.Errorf("shard %d is of %v, want %s", i, s.Owners, want)
			}
		}
	}
}

// Many small durations beside a large one: a sum in another order is rounded to another
// number, and the plan, with its alternatives, would differ from run to run.
func TestSumsDoNotDependOnTheOrder(t *testing.T) {
	var tests []Test
	for i := range 26 {
		tests = append(tests, Test{ID: fmt.Sprintf("t%03d", i), Smoke: true})
	}
	for i, seconds := range []float64{0.001, 0.001, 1} {
		tests = append(tests, Test{ID: fmt.Sprintf("t%03d", 26+i), Seconds: seconds, Smoke: true})
	}
	plan := mustMake(t, tests, Options{})
	for range 20 {
		slices.Reverse(tests)
		if diff := cmp.Diff(plan, mustMake(t, tests, Options{})); diff != "" {
			t.Fatalf("the plan depends on the order of its input:\n%s", diff)
		}
	}
}

// On one machine, smoke tests end before others begin, so a lock may be on two shards: one
// in each phase. On many machines nothing keeps the phases apart.
func TestLockInBothPhases(t *testing.T) {
	var tests []Test
	for i := range 13 {
		tests = append(tests, Test{ID: fmt.Sprintf("t%03d", i), Smoke: true})
	}
	tests[11].Locks = []string{"l1"}
	tests = append(tests, Test{ID: "t013", Seconds: 3, Locks: []string{"l1", "l3"}})
	shardsOf := func(opts Options) map[int]bool {
		at := map[int]bool{}
		for _, s := range mustMake(t, tests, opts).Shards {
			if slices.Contains(s.Tests, "t011") || slices.Contains(s.Tests, "t013") {
				at[s.Index] = true
			}
		}
		return at
	}
	if at := shardsOf(Options{}); len(at) != 2 {
		t.Errorf("the lock is on %d shards; in two phases it need not hold the tests together", len(at))
	}
	if at := shardsOf(Options{Smoke: SmokeOwn}); len(at) != 1 {
		t.Errorf("the lock is on %d shards at once", len(at))
	}
}
