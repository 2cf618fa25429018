package gate

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// outage is healthy but for the given probes.
func outage(from, to int) func(int) Observation {
	return func(n int) Observation {
		if n >= from && n < to {
			return notYet("connection refused")
		}
		return up
	}
}

func TestWatchRecordsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		f := b.add(Check{Name: "api"}, &fake{script: outage(3, 5)})
		set := b.set()
		set.Wait(t.Context())
		start := time.Now()
		var changes []string
		m := set.Watch(t.Context(), WatchOptions{OnChange: func(c Change) {
			changes = append(changes, fmt.Sprintf("%s %s -> %s", c.At.Sub(start), c.Before, c.Gate.State))
		}})
		time.Sleep(15 * time.Second)
		gates := m.Stop()
		n := f.probes()
		time.Sleep(time.Minute)
		if f.probes() != n {
			t.Error("probed after Stop")
		}
		if want := []string{"6s healthy -> unhealthy", "10s unhealthy -> healthy"}; !slices.Equal(changes, want) {
			t.Errorf("changes %q, want %q", changes, want)
		}
		at := func(d time.Duration) time.Time { return start.UTC().Add(d) }
		want := []e2e.Span{
			{From: at(0), To: at(0), State: e2e.Healthy, Observed: "up", Probes: 1},
			{From: at(2 * time.Second), To: at(4 * time.Second), State: e2e.Healthy, Observed: "up", Probes: 2, Watch: true},
			{From: at(6 * time.Second), To: at(8 * time.Second), State: e2e.Unhealthy, Observed: "connection refused", Probes: 2, Watch: true},
			{From: at(10 * time.Second), To: at(14 * time.Second), State: e2e.Healthy, Observed: "up", Probes: 3, Watch: true},
		}
		if diff := cmp.Diff(want, gates[0].Timeline); diff != "" {
			t.Error(diff)
		}
		wantGate(t, gates[0], e2e.Healthy, e2e.FinalityNone, 1)
		if lost := gates[0].LostSpans(); len(lost) != 1 || lost[0].Probes != 2 {
			t.Errorf("lost %v", lost)
		}
	})
}

func TestWatchIntervals(t *testing.T) {
	for _, tt := range []struct {
		check, watch time.Duration
		want         int
	}{
		{check: 100 * time.Millisecond, want: 10},
		{check: 5 * time.Second, want: 4},
		{check: 5 * time.Second, watch: 10 * time.Millisecond, want: 20},
		{watch: 10 * time.Second, want: 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(Spec{})
			f := b.add(Check{Name: "api", Interval: tt.check}, &fake{script: always(up)})
			m := b.set().Watch(t.Context(), WatchOptions{Interval: tt.watch})
			time.Sleep(20*time.Second + time.Millisecond)
			m.Stop()
			if f.probes() != tt.want {
				t.Errorf("%+v: %d probes", tt, f.probes())
			}
		})
	}
}

func TestRecheckProbesAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: 30 * time.Second})
		a := b.add(Check{Name: "a"}, &fake{script: outage(1, 9), takes: time.Second})
		b.add(Check{Name: "b"}, &fake{script: always(up), takes: time.Second})
		set := b.set()
		set.Wait(t.Context())
		m := set.Watch(t.Context(), WatchOptions{})
		start := time.Now()
		gates := byName(m.Recheck(t.Context()))
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %s", took)
		}
		if gates["a"].State != e2e.Unhealthy || gates["b"].State != e2e.Healthy || gates["a"].Attempts != 1 {
			t.Errorf("unexpected gates %+v", gates)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		n := a.probes()
		if again := m.Recheck(ctx); again[0].State != e2e.Unhealthy || a.probes() != n {
			t.Error("a cancelled recheck probed")
		}
		m.Stop()
		m.Stop()
	})
}

func TestAwaitHoldsAsLongAsARequiredCheckIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		advisory := false
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		b.add(Check{Name: "api"}, &fake{script: outage(3, 5)})
		b.add(Check{Name: "extra", Required: &advisory}, &fake{script: outage(2, 99)})
		set := b.set()
		set.Wait(t.Context())
		m := set.Watch(t.Context(), WatchOptions{Grace: 5 * time.Second})
		defer m.Stop()
		start := time.Now()
		time.Sleep(5 * time.Second)
		if lost := m.Await(t.Context(), everything); lost != nil || time.Since(start) != 5*time.Second {
			t.Errorf("held by an advisory check: %v after %s", lost, time.Since(start))
		}
		time.Sleep(2 * time.Second) // api is down since 6 s
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if lost := m.Await(t.Context(), everything); lost != nil || time.Since(start) != 10*time.Second {
					t.Errorf("%v after %s", lost, time.Since(start))
				}
			})
		}
		group.Wait()
	})
}

func TestAwaitGivesUpAfterTheGracePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		b.add(Check{Name: "api"}, &fake{script: outage(2, 6)})
		set := b.set()
		set.Wait(t.Context())
		m := set.Watch(t.Context(), WatchOptions{Grace: 5 * time.Second})
		defer m.Stop()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		time.Sleep(5 * time.Second) // down since 4 s
		if lost := m.Await(ctx, everything); lost != nil || time.Since(start) != 6*time.Second {
			t.Errorf("the end of the context is not the end of the wait: %v after %s", lost, time.Since(start))
		}
		lost := m.Await(t.Context(), everything)
		if lost == nil || lost.Name != "api" || lost.Observed != "connection refused" || time.Since(start) != 9*time.Second {
			t.Errorf("%v after %s", lost, time.Since(start))
		}
		time.Sleep(time.Minute)
		if g := m.Gates()[0]; g.State != e2e.Healthy {
			t.Errorf("%+v", g)
		}
		if lost := m.Await(t.Context(), everything); lost == nil {
			t.Error("what was given up starts all the same")
		}
	})
}

func TestWatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{})
		b.add(Check{Name: "hung"}, &fake{script: always(up), takes: 3 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		m := b.set().Watch(ctx, WatchOptions{})
		time.Sleep(3 * time.Second) // in the middle of the first probe
		cancel()
		synctest.Wait()
		if g := m.Stop()[0]; len(g.Timeline) != 0 {
			t.Errorf("a probe that we cancelled ourselves was recorded: %+v", g.Timeline)
		}
	})
}

func TestTimelineIsBoundedAndHonest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		answers := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 400).Draw(t, "answers")
		states := []Observation{up, notYet("refused"), probe.Degraded("warn", ""), notYet("HTTP 503")}
		var line timeline
		start := time.Unix(0, 0)
		for i, a := range answers {
			at := start.Add(time.Duration(i) * time.Second)
			line.add(states[a], at, at, i%2 == 1)
		}
		spans := line.spans
		if len(spans) > maxSpans {
			t.Fatalf("%d spans", len(spans))
		}
		last := start.Add(time.Duration(len(answers)-1) * time.Second)
		if !spans[0].From.Equal(start) || !spans[len(spans)-1].To.Equal(last) {
			t.Fatal("the first or the last span is gone")
		}
		for i, s := range spans {
			if s.To.Before(s.From) || i > 0 && !s.From.After(spans[i-1].To) {
				t.Fatalf("spans overlap at %d: %v", i, spans)
			}
			for at := s.From; !at.After(s.To); at = at.Add(time.Second) {
				if o := states[answers[int(at.Sub(start).Seconds())]]; o.State != s.State || o.Observed != s.Observed {
					t.Fatalf("span %d claims %s at %s", i, s.Observed, at)
				}
			}
		}
	})
}

func TestTimelineDropsHealthySpansFirst(t *testing.T) {
	var line timeline
	for i := range 150 {
		o := up
		if i%2 == 1 {
			o = notYet(fmt.Sprint("down ", i))
		}
		at := time.Unix(int64(i), 0)
		line.add(o, at, at, true)
	}
	down := 0
	for _, s := range line.spans {
		if s.State == e2e.Unhealthy {
			down++
		}
	}
	if down != 75 {
		t.Errorf("%d of 75 outages are left", down)
	}
}

func everything(*e2e.Scope) bool { return true }

func TestAwaitOfOtherTestsIsNotHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		payment := &e2e.Scope{Services: []string{"payment"}}
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		b.add(Check{Name: "payment", Scope: payment}, &fake{script: outage(2, 99)})
		b.add(Check{Name: "database"}, &fake{script: always(up)})
		set := b.set()
		set.Wait(t.Context())
		m := set.Watch(t.Context(), WatchOptions{Grace: 5 * time.Second})
		defer m.Stop()
		start := time.Now()
		time.Sleep(5 * time.Second)
		needs := func(services ...string) func(*e2e.Scope) bool {
			return e2e.NeededFor([]e2e.Test{{Needs: services}}, false).Has
		}
		if lost := m.Await(t.Context(), needs("case")); lost != nil || time.Since(start) != 5*time.Second {
			t.Errorf("held by a gate that it does not need: %v after %s", lost, time.Since(start))
		}
		for _, who := range [][]string{{"case", "payment"}, nil} {
			if lost := m.Await(t.Context(), needs(who...)); lost == nil || lost.Name != "payment" || time.Since(start) != 9*time.Second {
				t.Errorf("%v: %v after %s", who, lost, time.Since(start))
			}
		}
		if lost := m.Await(t.Context(), needs("case")); lost != nil {
			t.Errorf("given up for the others too: %v", lost)
		}
	})
}
