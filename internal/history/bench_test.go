package history

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// 10,000 tests in 200 runs.
func BenchmarkLoad(b *testing.B) {
	store := memory{}
	log := &Log{Store: store, Now: later}
	for n := range 200 {
		r := run(0, "", e2e.Passed, 1)
		r.RunID, r.Started, r.Tests = fmt.Sprintf("e2e-%013d-x", 1_700_000_000_000+n), day0.Add(time.Duration(n)*time.Hour), nil
		for i := range 10_000 {
			r.Tests = append(r.Tests, Entry{ID: fmt.Sprintf("case-journeys/package_%d/file_%d_test.go::TestOfTheJourney%d", i/100, i/10, i),
				Suite: "case-journeys", File: fmt.Sprintf("package_%d/file_%d_test.go", i/100, i/10), Outcome: e2e.Passed, Seconds: float64(i%97) / 7})
		}
		if err := log.Save(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
	for _, kind := range []string{"first", "with a snapshot"} {
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			peak := peakHeap(b)
			defer func() { b.ReportMetric(peak(), "peak-MiB") }()
			for b.Loop() {
				if kind == "first" {
					for name := range store {
						if strings.HasPrefix(name, snapshotPrefix) {
							delete(store, name)
						}
					}
				}
				if _, _, err := log.Load(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			records, snapshots, n := 0, 0, 0
			for name, data := range store {
				if strings.HasPrefix(name, snapshotPrefix) {
					snapshots, n = snapshots+len(data), n+1
				} else {
					records += len(data)
				}
			}
			b.ReportMetric(float64(records)/(1<<20), "records-MiB")
			b.ReportMetric(float64(snapshots)/float64(max(n, 1))/(1<<20), "snapshot-MiB")
		})
	}
}

// peakHeap is the most memory that the heap took since, in MiB, that of the store
// included. It is looked at every few milliseconds.
func peakHeap(b testing.TB) func() float64 {
	b.Helper()
	runtime.GC()
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		tick, peak := time.NewTicker(5*time.Millisecond), uint64(0)
		defer tick.Stop()
		heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
		for {
			metrics.Read(heap)
			peak = max(peak, heap[0].Value.Uint64()+heap[1].Value.Uint64())
			select {
			case <-done:
				most <- peak
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 { close(done); return float64(<-most) / (1 << 20) }
}
