package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/need"
)

// busy is a store with runs of so many tests, whose durations vary and of which some fail.
func busy(t *testing.T, tests, runs int) (*Log, memory) {
	t.Helper()
	store := memory{}
	log := &Log{Store: store, Now: later}
	random := rand.New(rand.NewChaCha8([32]byte{18}))
	for n := range runs {
		r := run(0, "refs/heads/main", e2e.Passed, 1)
		r.RunID, r.Started, r.Tests = fmt.Sprintf("e2e-%013d-%016x", 1_700_000_000_000+n, random.Uint64()), day0.Add(time.Duration(n)*time.Hour), nil
		r.WorkflowRun, r.Main = fmt.Sprint(20_000_000_000+n*37), true
		for i := range tests {
			e := Entry{ID: fmt.Sprintf("case-journeys/package_%d/file_%d_test.go::TestOfTheJourney%d", i/100, i/10, i), Suite: "case-journeys",
				File: fmt.Sprintf("package_%d/file_%d_test.go", i/100, i/10), Outcome: e2e.Passed, Seconds: (1 + float64(i%97)/7) * math.Exp(random.NormFloat64()/5)}
			if random.IntN(50) == 0 {
				e.Outcome = []e2e.Outcome{e2e.Failed, e2e.Flaky}[random.IntN(2)]
			}
			r.Tests = append(r.Tests, e)
		}
		if err := log.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return log, store
}

func loaded(t *testing.T, log *Log) Stats {
	t.Helper()
	stats, skipped, err := log.Load(t.Context())
	if err != nil || len(skipped) > 0 {
		t.Fatalf("%v %q", err, skipped)
	}
	return stats
}

// What is saved after each run is one small object, from which the next run knows the same.
func TestShrink(t *testing.T) {
	log, store := busy(t, 40, 70)
	before := loaded(t, log)
	for range 2 { // a second time, nothing more is lost
		if err := log.Shrink(t.Context(), 1<<20); err != nil {
			t.Fatal(err)
		}
		names := slices.Collect(func(yield func(string) bool) {
			for name := range store {
				if !yield(name) {
					return
				}
			}
		})
		if len(names) != 1 || IsRecord(names[0]) {
			t.Fatalf("the store has %q", names)
		}
		after := loaded(t, log)
		for _, one := range before.All() {
			same := after.One(one.Test)
			counts := []int{same.Runs - one.Runs, same.Failed - one.Failed, same.Flaky - one.Flaky}
			if math.Abs(same.Median-one.Median) > one.Median/100 || !slices.Equal(counts, []int{0, 0, 0}) || same.State != one.State {
				t.Errorf("%s", cmp.Diff(one, same))
			}
		}
		if !cmp.Equal(before.Incidents(), after.Incidents()) {
			t.Error("incidents differ")
		}
	}
	// The next run is added to it, and its workflow run is known.
	r := run(1, "refs/heads/main", e2e.Failed, 1)
	r.RunID = "e2e-1700000009999-y"
	if err := log.Save(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, runs := loaded(t, log).Estimate("t"); runs != 0 || loaded(t, log).One("t").Failed != 1 {
		t.Errorf("%+v", loaded(t, log).One("t"))
	}
}

// TestShrinkToASize is the size that docs/sharding.md promises: 10,000 tests and 50 runs a day take less
// than 50 MB of caches and artifacts.
func TestShrinkToASize(t *testing.T) {
	need.NoRaceDetector(t)
	if testing.Short() {
		t.Skip("writes half a million samples")
	}
	log, store := busy(t, 10_000, 62)
	record := 0
	for _, data := range store {
		record = max(record, len(data))
	}
	if err := log.Shrink(t.Context(), MaxCached); err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, data := range store {
		size += len(data)
	}
	stats := loaded(t, log)
	one := stats.One("case-journeys/package_0/file_1_test.go::TestOfTheJourney17")
	t.Logf("a record has %d bytes, the snapshot %d, with %d runs of a test", record, size, one.Runs)
	if day := 50 * (size + record); size > MaxCached || day > 50_000_000 || one.Runs < 10 || len(stats.All()) != 10_000 {
		t.Errorf("%d bytes a day, %d tests, %+v", day, len(stats.All()), one)
	}
}

// Even where not one run of each test fits, one is kept; an empty store stays empty.
func TestShrinkToNothing(t *testing.T) {
	log, _ := busy(t, 30, 5)
	if err := log.Shrink(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if one := loaded(t, log).All(); len(one) != 30 || one[0].Runs < 1 {
		t.Errorf("%+v", one)
	}
	empty := memory{}
	if err := (&Log{Store: empty, Now: later}).Shrink(t.Context(), 1); err != nil || len(empty) != 0 {
		t.Errorf("%v %v", err, empty)
	}
}
