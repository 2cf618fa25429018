package gate

import (
	"context"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// The rates at which checks are watched while suites run. The watch must not be a
// load on what is being tested.
const (
	minWatchInterval     = time.Second
	defaultWatchInterval = 2 * time.Second
	maxWatchPause        = time.Minute
)

// WatchOptions say how to watch.
type WatchOptions struct {
	// Interval is the time between two probes of a check, at least a second; zero:
	// the check's own interval, at least two seconds.
	Interval time.Duration
	// OnChange is called when a check's answer changes, one call at a time. It must
	// not call [Monitor.Stop].
	OnChange func(Change)
}

// Change is a check whose answer is no longer what it was.
type Change struct {
	Gate   e2e.Gate
	Before e2e.GateState
	At     time.Time
}

// Monitor goes on probing while suites run. Its methods may be called by several
// goroutines.
type Monitor struct {
	set     *Set
	options WatchOptions
	cancel  context.CancelFunc
	group   sync.WaitGroup
}

// Watch starts probing every check at a gentle rate, until ctx ends or
// [Monitor.Stop]. Needs play no part: they are about the order of coming up.
func (s *Set) Watch(ctx context.Context, options WatchOptions) *Monitor {
	m := &Monitor{set: s, options: options}
	ctx, m.cancel = context.WithCancel(ctx)
	for _, c := range s.checks {
		m.group.Go(func() { m.run(ctx, c) })
	}
	return m
}

func (m *Monitor) interval(c *check) time.Duration {
	if m.options.Interval > 0 {
		return max(m.options.Interval, minWatchInterval)
	}
	return max(c.interval, defaultWatchInterval)
}

func (m *Monitor) run(ctx context.Context, c *check) {
	pause := m.interval(c)
	for sleep(ctx, m.set.jitter(pause)) {
		o, ok := m.look(ctx, c)
		if !ok {
			return
		}
		pause = max(m.interval(c), min(o.RetryAfter, maxWatchPause))
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// look probes once and records it. ok is false where ctx ended: what the probe
// said then is about that.
func (m *Monitor) look(ctx context.Context, c *check) (o Observation, ok bool) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return o, false
	}
	if ctx.Err() != nil {
		return o, false
	}
	from := time.Now()
	o = c.look(ctx)
	if ctx.Err() != nil {
		return o, false
	}
	at := time.Now()
	if before, changed := c.watched(o, from, at); changed {
		m.report(c, before, at)
	}
	return o, true
}

func (m *Monitor) report(c *check, before e2e.GateState, at time.Time) {
	if m.options.OnChange == nil {
		return
	}
	m.set.calls.Lock()
	defer m.set.calls.Unlock()
	m.options.OnChange(Change{Gate: c.snapshot(), Before: before, At: at.UTC()})
}

// Recheck probes every check once, now, and returns what they say. A check whose
// probe did not end before ctx keeps its last answer.
func (m *Monitor) Recheck(ctx context.Context) []e2e.Gate {
	var group sync.WaitGroup
	for _, c := range m.set.checks {
		group.Go(func() { m.look(ctx, c) })
	}
	group.Wait()
	return m.Gates()
}

// Gates returns all checks with their timelines so far.
func (m *Monitor) Gates() []e2e.Gate { return m.set.Gates() }

// Stop ends the watch and returns all checks with their timelines. When it
// returns nothing of the watch runs any more. It may be called again.
func (m *Monitor) Stop() []e2e.Gate {
	m.cancel()
	m.group.Wait()
	return m.Gates()
}
