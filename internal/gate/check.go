package gate

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

// check is one check while it is probed.
type check struct {
	spec      Check
	probe     Probe
	timeout   time.Duration // of a single probe
	limit     time.Duration // of the whole wait
	interval  time.Duration
	stableFor int
	needs     []*check
	redact    func(string) string

	// done is closed when the wait for this check has ended; waited: one has begun.
	done   chan struct{}
	waited atomic.Bool
	// turn is a lock that is held during a probe: two probes of one check at a time
	// would tell nothing more and could trip a rate limit. It is a channel because
	// waiting for it must end with a context.
	turn chan struct{}

	mu   sync.Mutex
	gate e2e.Gate
	line timeline
}

func newCheck(spec *Spec, c Check, p Probe, timeout time.Duration, redact func(string) string) *check {
	limit, interval, stable := spec.times(&c)
	k := &check{
		spec: c, probe: p, timeout: timeout, limit: limit, interval: interval, stableFor: stable, redact: redact,
		done: make(chan struct{}), turn: make(chan struct{}, 1),
	}
	k.gate = e2e.Gate{
		Name: k.text(c.Name), Kind: p.Kind(), Required: c.IsRequired(), External: c.External, Scope: c.Scope, Dependency: c.Dependency,
		Target: k.text(p.Target()), Expected: k.text(p.Expected()),
		State: e2e.Unhealthy, Finality: e2e.NotYet, Observed: "not probed",
	}
	if d, ok := p.(interface{ Demands() string }); ok {
		k.gate.Demands = k.text(d.Demands())
	}
	return k
}

// text makes a text fit to be shown. Secrets are removed before the cut and again after
// it, since a line break within one may have hidden it.
func (c *check) text(s string) string { return c.redact(safetext.Plain(c.redact(s), probe.MaxText)) }

// look probes once, within the check's own timeout.
func (c *check) look(ctx context.Context) (o Observation) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// A bug in a probe must not end the process: suites and background processes would
	// never be torn down.
	defer func() {
		if fault := recover(); fault != nil {
			o = c.finish(probe.Broken(fmt.Sprintf("the probe crashed: %v", fault), "internal error (a bug in e2e-gate); report it with this text"))
		}
	}()
	return c.finish(c.probe.Probe(ctx))
}

// finish applies retry_on and makes the texts fit to be shown.
func (c *check) finish(o Observation) Observation {
	if o.State == e2e.GateUnknown {
		o = probe.Broken("no answer from the probe", "internal error (a bug in e2e-gate); report it")
	}
	if o.Finality == e2e.Never && o.Word != "" && slices.ContainsFunc(c.spec.RetryOn, func(w string) bool { return strings.EqualFold(w, o.Word) }) {
		o.Finality = e2e.NotYet
	}
	o.Observed, o.Reason = c.text(o.Observed), c.text(o.Reason)
	return o
}

// note records a probe that was made while waiting. A check has not passed before the
// wait for it has ended: until then, a success is one of several.
func (c *check) note(o Observation, from, to time.Time) (changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.gate
	c.line.add(o, from, to, false)
	c.gate.Attempts++
	c.gate.State, c.gate.Finality, c.gate.Observed, c.gate.Reason = o.State, o.Finality, o.Observed, o.Reason
	if o.Open() {
		c.gate.State, c.gate.Finality = e2e.Unhealthy, e2e.NotYet
	}
	// Do not report a success before the last one that is needed: the end of the wait
	// is reported.
	return !o.Open() && (before.State != c.gate.State || before.Finality != c.gate.Finality || before.Observed != c.gate.Observed)
}

// cutShort counts a probe that was cut short by the end of the wait, and returns the
// answer before it. ok is false if there is none, or if it was a success.
func (c *check) cutShort() (before Observation, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gate.Attempts == 0 || c.line.last.Open() {
		return before, false
	}
	c.gate.Attempts++
	return c.line.last, true
}

// conclude ends the wait for the check.
func (c *check) conclude(state e2e.GateState, finality e2e.Finality, observed, reason string, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gate.State, c.gate.Finality = state, finality
	c.gate.Observed, c.gate.Reason = c.text(observed), c.text(reason)
	c.gate.Seconds = math.Round(time.Since(since).Seconds()*1000) / 1000
}

// watched records a probe that was made while suites run, and returns the state
// before it.
func (c *check) watched(o Observation, from, to time.Time) (before e2e.GateState, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, changed = c.gate.State, !c.line.last.SameAs(o)
	c.line.add(o, from, to, true)
	c.gate.State, c.gate.Finality, c.gate.Observed, c.gate.Reason = o.State, o.Finality, o.Observed, o.Reason
	return before, changed
}

// snapshot copies the gate as it is now.
func (c *check) snapshot() e2e.Gate {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.gate
	g.Timeline = slices.Clone(c.line.spans)
	return g
}

// undecided reports whether the check is still waited for.
func (c *check) undecided() bool {
	select {
	case <-c.done:
		return false
	default:
		return c.waited.Load()
	}
}

func (c *check) open() bool {
	s := c.snapshot().State
	return s == e2e.Healthy || s == e2e.Degraded
}
