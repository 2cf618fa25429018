package gate

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// fake is a probe with real state: it answers by what the script says for the
// n-th probe, counted from 0, and takes the given time for it.
type fake struct {
	script func(n int) Observation
	takes  time.Duration

	mu sync.Mutex
	at []time.Time
}

func (f *fake) Kind() string     { return "fake" }
func (f *fake) Target() string   { return "http://fake.test/health" }
func (f *fake) Expected() string { return "to be well" }

func (f *fake) Probe(ctx context.Context) Observation {
	f.mu.Lock()
	n := len(f.at)
	f.at = append(f.at, time.Now())
	f.mu.Unlock()
	if f.takes > 0 {
		select {
		case <-time.After(f.takes):
		case <-ctx.Done():
			return notYet("no answer in time")
		}
	}
	return f.script(n)
}

func (f *fake) probes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.at)
}

// offsets are the times of the probes since the start.
func (f *fake) offsets(start time.Time) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]time.Duration, len(f.at))
	for i, t := range f.at {
		list[i] = t.Sub(start)
	}
	return list
}

func notYet(observed string) Observation {
	return probe.NotYet(observed, observed+"; look at it")
}

// always gives one answer, after gives up answers before the second.
func always(o Observation) func(int) Observation {
	return func(int) Observation { return o }
}

func after(n int, before, then Observation) func(int) Observation {
	return func(i int) Observation {
		if i < n {
			return before
		}
		return then
	}
}

// bench is a spec with its fakes, by name.
type bench struct {
	spec    Spec
	fakes   map[string]*fake
	options Options
}

func newBench(spec Spec) *bench {
	return &bench{spec: spec, fakes: map[string]*fake{}, options: Options{Random: func() float64 { return 0.5 }}}
}

func (b *bench) add(c Check, f *fake) *fake {
	b.spec.Checks = append(b.spec.Checks, c)
	b.fakes[c.Name] = f
	return f
}

func (b *bench) set() *Set {
	probes := make([]Probe, len(b.spec.Checks))
	timeouts := make([]time.Duration, len(b.spec.Checks))
	for i, c := range b.spec.Checks {
		probes[i], timeouts[i] = b.fakes[c.Name], probe.DefaultTimeout
	}
	return newSet(b.spec, probes, timeouts, b.options)
}

func (b *bench) wait(t *testing.T) map[string]e2e.Gate {
	t.Helper()
	return byName(b.set().Wait(t.Context()))
}

func byName(gates []e2e.Gate) map[string]e2e.Gate {
	m := map[string]e2e.Gate{}
	for _, g := range gates {
		m[g.Name] = g
	}
	return m
}

func advisory(c Check) Check {
	no := false
	c.Required = &no
	return c
}

func wantGate(t *testing.T, g e2e.Gate, state e2e.GateState, finality e2e.Finality, attempts int) {
	t.Helper()
	if g.State != state || g.Finality != finality || g.Attempts != attempts {
		t.Errorf("%s: got %s/%q after %d attempts (%s), want %s/%q after %d", g.Name, g.State, g.Finality, g.Attempts, g.Reason, state, finality, attempts)
	}
}
