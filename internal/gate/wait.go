package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// Options are the inputs of a set of checks.
type Options struct {
	// Env is what probes may use: root directory, environment, identity variables.
	Env Env
	// Redact removes secrets from every text that leaves this package; nil: none.
	Redact func(string) string
	// Died reports background processes that ended. Each ends the wait for the checks whose scope has
	// something in common with its own. A closed channel reports nothing.
	Died <-chan Death
	// OnUpdate is called when a check's answer changes and when the wait for it has
	// ended, one call at a time.
	OnUpdate func(e2e.Gate)
	// OnEnd is called when the wait for a check has ended, with its answer then, before the check is watched. Calls may come at
	// the same time.
	OnEnd func(e2e.Gate)
	// Random gives numbers in [0,1) for the jitter; nil: math/rand.
	Random func() float64
}

// Death is the exit of a process that should have kept running.
type Death struct {
	Name string
	Text string
	// Scope says which tests needed it; nil: all.
	Scope *e2e.Scope
}

// Error says which process ended and how.
func (d Death) Error() string { return fmt.Sprintf("process %s ended: %s", d.Name, d.Text) }

// Set is a list of checks, probed together.
type Set struct {
	checks  []*check
	options Options
	// calls serialises the callbacks.
	calls sync.Mutex
}

// New builds the probes of a spec that [Spec.Validate] found nothing wrong with.
// A check that is not valid all the same becomes one that answers probe_error.
func New(spec Spec, options Options) *Set {
	if options.Env.Redact == nil {
		options.Env.Redact = options.Redact
	}
	probes := make([]Probe, len(spec.Checks))
	timeouts := make([]time.Duration, len(spec.Checks))
	for i := range spec.Checks {
		c := &spec.Checks[i]
		if chosen := c.chosen(); len(chosen) == 1 {
			probes[i], timeouts[i] = chosen[0].spec.New(options.Env), chosen[0].spec.ProbeTimeout()
			continue
		}
		probes[i], timeouts[i] = probe.BrokenProbe("", "", []diag.Mistake{c.wrongKinds(c.chosen())}), probe.DefaultTimeout
	}
	return newSet(spec, probes, timeouts, options)
}

func newSet(spec Spec, probes []Probe, timeouts []time.Duration, options Options) *Set {
	if options.Random == nil {
		options.Random = rand.Float64
	}
	if options.Redact == nil {
		options.Redact = func(s string) string { return s }
	}
	s := &Set{options: options}
	byName := map[string]*check{}
	for i, c := range spec.Checks {
		k := newCheck(&spec, c, probes[i], timeouts[i], options.Redact)
		s.checks, byName[c.Name] = append(s.checks, k), k
	}
	for _, k := range s.checks {
		for _, need := range k.spec.Needs {
			if other := byName[need]; other != nil && other != k {
				k.needs = append(k.needs, other)
			}
		}
	}
	return s
}

// Gates returns all checks as they are now, in the order of the config.
func (s *Set) Gates() []e2e.Gate {
	gates := make([]e2e.Gate, len(s.checks))
	for i, c := range s.checks {
		gates[i] = c.snapshot()
	}
	return gates
}

func (s *Set) update(c *check) {
	if s.options.OnUpdate == nil {
		return
	}
	s.calls.Lock()
	defer s.calls.Unlock()
	s.options.OnUpdate(c.snapshot())
}

// jitter spreads probes by a fifth either way, so that checks of many shards do not
// probe one service at the same moment.
func (s *Set) jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*s.options.Random()))
}

// wait is one run of [Set.Begin].
type wait struct {
	*Set
	start time.Time
	// stops end the wait for single checks.
	stops map[*check]context.CancelCauseFunc
	// pending counts required checks that have not ended; requiredDone is closed
	// when there is none.
	pending      atomic.Int64
	requiredDone chan struct{}
}

// Wait probes all checks until each has passed, has failed permanently, or has timed
// out. It may be called once, in place of [Set.Begin]. A canceled ctx ends it soon; checks that were undecided
// then are not healthy.
func (s *Set) Wait(ctx context.Context) []e2e.Gate {
	w := s.Begin(ctx)
	<-w.Ended()
	return s.Gates()
}

// Waiting is a wait that has begun.
type Waiting struct {
	set    *Set
	news   chan struct{}
	ended  chan struct{}
	cancel context.CancelCauseFunc
}

// Begin begins to probe all checks, each as [Set.Wait] does. It may be called once.
func (s *Set) Begin(ctx context.Context) *Waiting {
	w := &wait{Set: s, start: time.Now(), requiredDone: make(chan struct{}), stops: map[*check]context.CancelCauseFunc{}}
	ctx, stop := context.WithCancelCause(ctx)
	out := &Waiting{s, make(chan struct{}, 1), make(chan struct{}), stop}
	contexts := make([]context.Context, len(s.checks))
	for i, c := range s.checks {
		c.waited.Store(true)
		contexts[i], w.stops[c] = context.WithCancelCause(ctx)
	}
	var deaths sync.WaitGroup
	deaths.Go(func() { w.heedDeaths(ctx) })
	for _, c := range s.checks {
		if c.spec.IsRequired() {
			w.pending.Add(1)
		}
	}
	if w.pending.Load() == 0 {
		close(w.requiredDone)
	}
	var group sync.WaitGroup
	for i, c := range s.checks {
		group.Go(func() {
			defer func() {
				if fault := recover(); fault != nil { // as for a probe
					c.conclude(e2e.ProbeError, e2e.Never, fmt.Sprintf("the wait crashed: %v", fault), "internal error (a bug in e2e-gate); report it with this text", w.start)
				}
				w.end(c)
				select {
				case out.news <- struct{}{}:
				default: // the last one was not taken yet
				}
			}()
			w.run(contexts[i], c)
		})
	}
	go func() {
		group.Wait()
		stop(nil)
		deaths.Wait()
		for _, stop := range w.stops {
			stop(nil)
		}
		close(out.ended)
	}()
	return out
}

// Ended is closed when no check is waited for any more.
func (w *Waiting) Ended() <-chan struct{} { return w.ended }

// News has a value after the wait for a check has ended.
func (w *Waiting) News() <-chan struct{} { return w.news }

// Stop ends the wait for checks that are undecided: they are not healthy.
func (w *Waiting) Stop() {
	w.cancel(context.Canceled)
	<-w.ended
}

func (w *wait) heedDeaths(ctx context.Context) {
	for {
		select {
		case d, ok := <-w.options.Died:
			if !ok {
				return
			}
			for c, stop := range w.stops {
				// What every test needs may be healthy without a process that only some need.
				if d.Scope == nil || c.spec.Scope != nil && c.spec.Scope.Overlaps(d.Scope) {
					stop(d)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

func (w *wait) end(c *check) {
	if w.options.OnEnd != nil {
		w.options.OnEnd(c.snapshot())
	}
	close(c.done)
	if c.spec.IsRequired() && w.pending.Add(-1) == 0 {
		close(w.requiredDone)
	}
	w.update(c)
}

// errDeadline ends the wait for a check. It reports itself as a timeout, because
// net/http returns it as the cause of an error.
var errDeadline error = deadline{}

type deadline struct{}

func (deadline) Error() string { return "deadline of the check" }
func (deadline) Timeout() bool { return true }

// run waits for one check.
func (w *wait) run(ctx context.Context, c *check) {
	ctx, cancel := context.WithDeadlineCause(ctx, w.start.Add(c.limit), errDeadline)
	defer cancel()
	if w.needsOpen(ctx, c) {
		w.poll(ctx, c)
	}
}

// needsOpen waits for the checks that this one needs. A check without them ends
// without having been probed.
func (w *wait) needsOpen(ctx context.Context, c *check) bool {
	for _, need := range c.needs {
		select {
		case <-need.done:
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, errDeadline) {
				w.interrupted(c, cause)
				return false
			}
			c.conclude(e2e.Unhealthy, e2e.NotYet, "not probed",
				fmt.Sprintf("it needs %s, which was not healthy within %s; look at that check first", need.spec.Name, c.limit), w.start)
			return false
		}
		if g := need.snapshot(); !need.open() {
			c.conclude(e2e.Unhealthy, g.Finality, "not probed", fmt.Sprintf("it needs %s, which is %s; look at that check first", need.spec.Name, g.State), w.start)
			return false
		}
	}
	return true
}

// poll probes a check until it has passed or failed.
func (w *wait) poll(ctx context.Context, c *check) {
	row, last := 0, false
	for {
		released := w.released(c)
		o, ok := w.look(ctx, c)
		switch {
		case !ok:
			w.interrupted(c, context.Cause(ctx))
			return
		case o.Open():
			row++
		default:
			row = 0
		}
		switch {
		case row >= c.stableFor, row > 0 && released:
			c.conclude(o.State, o.Finality, o.Observed, o.Reason, w.start)
			return
		case o.Finality == e2e.Never:
			c.conclude(o.State, e2e.Never, o.Observed, o.Reason, w.start)
			return
		case last, released, ctx.Err() != nil:
			w.givenUp(c, o, row, released)
			return
		}
		last = w.pause(ctx, c, o.RetryAfter)
	}
}

// released reports that an advisory check is not waited for any more: the probe that
// follows is its last.
func (w *wait) released(c *check) bool {
	if c.spec.IsRequired() {
		return false
	}
	select {
	case <-w.requiredDone:
		return true
	default:
		return false
	}
}

// look probes and records. ok is false if the wait was ended from outside in the
// meantime: the answer is then about our own cancellation.
func (w *wait) look(ctx context.Context, c *check) (o Observation, ok bool) {
	from := time.Now()
	o = c.look(ctx)
	cause := context.Cause(ctx)
	if cause != nil && !errors.Is(cause, errDeadline) {
		return o, false
	}
	if cause != nil && !o.Open() {
		// The end of the wait has cut this probe short: the answer before it says more.
		if before, ok := c.cutShort(); ok {
			return before, true
		}
	}
	if c.note(o, from, time.Now()) {
		w.update(c)
	}
	return o, true
}

// pause sleeps until the next probe. last is true where that one is the last
// before the deadline: it is then made so that it can still end in time.
func (w *wait) pause(ctx context.Context, c *check, retryAfter time.Duration) (last bool) {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	d := max(w.jitter(c.interval), retryAfter)
	if last = d >= left; last {
		d = left - min(c.timeout, left/2)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	released := w.requiredDone
	if c.spec.IsRequired() {
		released = nil
	}
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-released:
	}
	return last
}

// givenUp ends the wait for a check that might still become healthy.
func (w *wait) givenUp(c *check, o Observation, row int, released bool) {
	attempts := c.snapshot().Attempts
	state, reason := o.State, fmt.Sprintf("not healthy within %s (%s): %s", c.limit, times(attempts, "probe"), o.Reason)
	switch {
	case row > 0:
		state = e2e.Unhealthy
		reason = fmt.Sprintf("healthy %s in a row within %s, but stable_for asks for %d; find out why it comes and goes, or raise timeout", times(row, "time"),
			c.limit, c.stableFor)
	case released:
		reason = "advisory check, not healthy when all required checks had ended: " + o.Reason
	}
	c.conclude(state, e2e.NotYet, o.Observed, reason, w.start)
}

func times(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// interrupted ends the wait for a check because of something else.
func (w *wait) interrupted(c *check, cause error) {
	observed := c.snapshot().Observed
	var death Death
	if !errors.As(cause, &death) {
		c.conclude(e2e.Unhealthy, e2e.NotYet, observed, "the wait was cancelled before the check was healthy; run again", w.start)
		return
	}
	o := c.finish(probe.Never("", death.Error(), death.Error()+" while the gate waited for it to be healthy; look at its log"))
	now := time.Now()
	c.mu.Lock()
	c.line.add(o, now, now, false)
	c.mu.Unlock()
	c.conclude(o.State, o.Finality, o.Observed, o.Reason, w.start)
}
