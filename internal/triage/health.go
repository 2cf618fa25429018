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
		if text := changedUnder(g, in); text != "" {
			if health != HealthFailed {
				health = HealthDegraded
			}
			why = append(why, text)
		}
		for _, s := range g.Timeline {
			h := gateHealth(g, s, in, d)
			if h == HealthOK {
				continue
			}
			if health != HealthFailed {
				health = h
			}
			why = append(why, fmt.Sprintf("gate %s was %s from %s to %s: %s", clean(g.Name, maxQuote), s.State, s.From.UTC().Format(time.TimeOnly),
				s.To.UTC().Format(time.TimeOnly), clean(s.Observed, maxQuote)))
		}
	}
	return health, why
}

// changedUnder says of a gate of the kind version that another build was deployed
// while the test ran, although it was one that the gate accepts, too.
func changedUnder(g e2e.Gate, in Input) string {
	if g.Kind != "version" || !g.Required {
		return ""
	}
	before := ""
	for _, s := range g.Timeline {
		if s.State != e2e.Healthy {
			continue
		}
		if before != "" && s.Observed != before && !s.From.Before(in.From.Add(-slack)) && !s.From.After(later(in.From, in.To).Add(slack)) {
			return fmt.Sprintf("gate %s saw the deployment change from %s to %s at %s", clean(g.Name, maxQuote), clean(before, maxQuote),
				clean(s.Observed, maxQuote), s.From.UTC().Format(time.TimeOnly))
		}
		before = s.Observed
	}
	return ""
}

func later(a, b time.Time) time.Time {
	if b.Before(a) {
		return a
	}
	return b
}

// gateHealth is what one span of a gate says about the time of the failure. An
// advisory gate counts as failed only where the failure names its host.
func gateHealth(g e2e.Gate, s e2e.Span, in Input, d *document) Health {
	to := later(in.From, in.To)
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
