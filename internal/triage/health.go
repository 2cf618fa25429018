package triage

import (
	"fmt"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// slack widens the time of a failure: probes are seconds apart, and a failure shows
// some time after what caused it.
const slack = 5 * time.Second

// healthOf is the health at the time of the failure, and the gates that say so. A
// gate that was down at another time explains nothing, and neither does one that
// was down before the suites started.
func healthOf(in Input, d *document) (Health, []string) {
	if len(in.Gates) == 0 || in.From.IsZero() {
		if in.Context.Health == "" {
			return HealthOK, nil
		}
		return in.Context.Health, nil
	}
	health := HealthOK
	var why []string
	for _, g := range in.Gates {
		for _, s := range g.Timeline {
			h := gateHealth(g, s, in, d)
			if h == HealthOK {
				continue
			}
			if health != HealthFailed {
				health = h
			}
			why = append(why, fmt.Sprintf("gate %s was %s from %s to %s: %s", clean(g.Name, maxQuote), s.State, s.From.UTC().Format(time.TimeOnly), s.To.UTC().Format(time.TimeOnly), clean(s.Observed, maxQuote)))
		}
	}
	return health, why
}

// gateHealth is what one span of a gate says about the time of the failure. An
// advisory gate counts as failed only where the failure names its host.
func gateHealth(g e2e.Gate, s e2e.Span, in Input, d *document) Health {
	to := in.To
	if to.Before(in.From) {
		to = in.From
	}
	if s.To.Before(in.From.Add(-slack)) || s.From.After(to.Add(slack)) || !s.Watch && s.To.Before(in.From) {
		return HealthOK
	}
	switch s.State {
	case e2e.Unhealthy:
		if g.Required || d.names(g.Target) {
			return HealthFailed
		}
		return HealthDegraded
	case e2e.Degraded:
		return HealthDegraded
	case e2e.Healthy, e2e.ProbeError, e2e.GateUnknown:
	}
	return HealthOK
}

// names reports whether a line that may speak of a cause names the host of a gate.
func (d *document) names(gateTarget string) bool {
	own := targetsOf(gateTarget)
	if len(own) == 0 {
		return false
	}
	for i := range d.lines {
		if d.lines[i].weight > trace {
			continue
		}
		for _, t := range d.targetsAt(i) {
			if t.host == own[0].host && (t.port == own[0].port || t.port == 0 || own[0].port == 0) {
				return true
			}
		}
	}
	return false
}
