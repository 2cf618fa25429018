package gate

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// A check that is still waited for is not watched, and its answer when the wait ended is told before anything that is seen later.
func TestBeginLeavesTheWaitToGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: 2 * time.Second})
		var ended []string
		b.options.OnEnd = func(g e2e.Gate) { ended = append(ended, g.Name+" "+string(g.State)) }
		b.add(Check{Name: "fast"}, &fake{script: always(up)})
		slow := b.add(Check{Name: "slow"}, &fake{script: after(10, notYet("starting"), up)})
		set := b.set()
		start := time.Now()
		w := set.Begin(t.Context())
		<-w.News()
		if !slices.Equal(ended, []string{"fast healthy"}) || time.Since(start) != 0 {
			t.Fatalf("%v after %s", ended, time.Since(start))
		}
		m := set.Watch(t.Context(), WatchOptions{})
		time.Sleep(5 * time.Second)
		gates := byName(m.Recheck(t.Context()))
		wantGate(t, gates["slow"], e2e.Unhealthy, e2e.NotYet, 3)
		if n := slow.probes(); n != 3 { // at 0, 2 and 4 seconds
			t.Errorf("%d probes of what is waited for", n)
		}
		<-w.Ended()
		if !slices.Equal(ended, []string{"fast healthy", "slow healthy"}) || time.Since(start) != 20*time.Second {
			t.Errorf("%v after %s", ended, time.Since(start))
		}
		time.Sleep(5 * time.Second)
		gates = byName(m.Stop())
		watched := 0
		for _, span := range gates["slow"].Timeline {
			if span.Watch {
				watched += span.Probes
			}
		}
		if watched != 2 || gates["slow"].State != e2e.Healthy {
			t.Errorf("%d probes while it was watched: %+v", watched, gates["slow"])
		}
	})
}

func TestStopEndsWhatIsUndecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		b.add(Check{Name: "fast"}, &fake{script: always(up)})
		b.add(Check{Name: "slow"}, &fake{script: always(notYet("starting"))})
		set := b.set()
		w := set.Begin(t.Context())
		<-w.News()
		m := set.Watch(t.Context(), WatchOptions{})
		time.Sleep(2500 * time.Millisecond)
		w.Stop()
		w.Stop()
		gates := byName(m.Stop())
		wantGate(t, gates["slow"], e2e.Unhealthy, e2e.NotYet, 3)
		if !strings.Contains(gates["slow"].Reason, "the wait was cancelled") || gates["fast"].State != e2e.Healthy {
			t.Errorf("%+v", gates)
		}
	})
}

// A bug in a wait leaves a check that is not healthy, and stops nothing else.
func TestAWaitThatCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		b.add(Check{Name: "fine"}, &fake{script: always(up)})
		b.add(Check{Name: "odd"}, &fake{script: always(up)})
		b.options.Random = nil
		set := b.set()
		set.checks[1].needs = []*check{nil}
		gates := byName(set.Wait(t.Context()))
		wantGate(t, gates["odd"], e2e.ProbeError, e2e.Never, 0)
		if gates["fine"].State != e2e.Healthy || !strings.Contains(gates["odd"].Observed, "the wait crashed") {
			t.Errorf("%+v", gates)
		}
	})
}
