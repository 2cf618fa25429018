package gate

import (
	"context"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// The rates at which checks are watched while suites run. The watch must not put load
// on the system under test.
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
	// Grace is how long a required check may be down until [Monitor.Await] gives up;
	// zero: [DefaultGrace].
	Grace time.Duration
	// OnChange is called when a check's answer changes, one call at a time. It must
	// not call [Monitor.Stop].
	OnChange func(Change)
}

// Change is a check whose answer has changed.
type Change struct {
	Gate   e2e.Gate
	Before e2e.GateState
	At     time.Time
}

// Monitor keeps probing while suites run. Its methods may be called by several
// goroutines.
type Monitor struct {
	set     *Set
	options WatchOptions
	cancel  context.CancelFunc
	group   sync.WaitGroup

	mu sync.Mutex
	// down are the required checks that are not healthy, with the first probe that said
	// so. news is closed when that changes.
	down map[*check]time.Time
	news chan struct{}
	// lost are the checks that were down for longer than the grace period. They stay in it.
	lost map[*check]e2e.Gate
}

// Watch starts probing every check at a gentle rate, until ctx ends or [Monitor.Stop].
// Needs are ignored: they are only about the order in which checks become healthy.
func (s *Set) Watch(ctx context.Context, options WatchOptions) *Monitor {
	m := &Monitor{set: s, options: options, down: map[*check]time.Time{}, lost: map[*check]e2e.Gate{}, news: make(chan struct{})}
	m.options.Grace = firstPositive(options.Grace, DefaultGrace)
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
	if c.waited.Load() { // it is watched once its wait has ended
		select {
		case <-c.done:
		case <-ctx.Done():
			return
		}
	}
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

// look probes once and records it. ok is false if ctx ended: the answer is then about
// the cancellation, not the service.
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
	before, changed := c.watched(o, from, at)
	m.heed(c, o, from)
	if changed {
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

// heed notes whether a required check is down.
func (m *Monitor) heed(c *check, o Observation, from time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, was := m.down[c]
	switch is := c.spec.IsRequired() && !o.Open(); {
	case is == was:
		return
	case is:
		m.down[c] = from
	default:
		delete(m.down, c)
	}
	close(m.news)
	m.news = make(chan struct{})
}

// Await waits until no required check is down that is needed, as its scope says. Once such a check was
// down for the grace period, Await returns it, also on every later call: tests that start late
// cannot be trusted to have had a healthy environment. If ctx ends, it returns nil.
func (m *Monitor) Await(ctx context.Context, needed func(*e2e.Scope) bool) (lost *e2e.Gate) {
	for {
		left, news, lost := m.standing(needed)
		if lost != nil || left == 0 {
			return lost
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-news:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// standing is how long the needed checks that are down may stay down; 0 if none is down.
func (m *Monitor) standing(needed func(*e2e.Scope) bool) (left time.Duration, news <-chan struct{}, lost *e2e.Gate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.set.checks {
		since, down := m.down[c]
		_, was := m.lost[c]
		if !down && !was || !needed(c.spec.Scope) {
			continue
		}
		rest := m.options.Grace - time.Since(since)
		if !was && rest <= 0 {
			m.lost[c] = c.snapshot()
			was = true
		}
		if was {
			g := m.lost[c]
			return 0, m.news, &g
		}
		if left == 0 || rest < left {
			left = rest
		}
	}
	return left, m.news, nil
}

// Recheck probes every check once, now, and returns what they say. A check whose
// probe did not end before ctx keeps its last answer, and so does one that is still waited for.
func (m *Monitor) Recheck(ctx context.Context) []e2e.Gate {
	var group sync.WaitGroup
	for _, c := range m.set.checks {
		if c.undecided() {
			continue
		}
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
