package e2e

import "time"

// GateState is what a health gate last said. The zero value is unknown and keeps
// the gate shut.
type GateState string

// The states of a gate.
const (
	GateUnknown GateState = ""
	Healthy     GateState = "healthy"
	Unhealthy   GateState = "unhealthy"
	Degraded    GateState = "degraded"
	ProbeError  GateState = "probe_error"
)

// Finality tells a condition that may still come from one that cannot.
type Finality string

// The finalities of a gate that is not healthy.
const (
	FinalityNone Finality = ""
	NotYet       Finality = "not_yet"
	Never        Finality = "never"
)

// Gate is the result of one health check and what was seen of it while the
// suites ran.
type Gate struct {
	Name     string    `json:"name" doc:"Name of the check in the config."`
	Kind     string    `json:"kind" doc:"Kind of the check: http, tcp, command."`
	Required bool      `json:"required" doc:"False: advisory, reported and never shuts the gate."`
	State    GateState `json:"state" doc:"What the check last said." enum:"healthy,unhealthy,degraded,probe_error"`
	Finality Finality  `json:"finality" doc:"never: waiting longer cannot help. Empty when healthy." enum:",not_yet,never"`
	Target   string    `json:"target,omitempty" doc:"What was probed, without credentials and query string."`
	Attempts int       `json:"attempts" doc:"How often it was probed before the suites."`
	Seconds  float64   `json:"seconds" doc:"How long the wait took."`
	Expected string    `json:"expected" doc:"What would have been healthy."`
	Observed string    `json:"observed" doc:"What was last seen."`
	Reason   string    `json:"reason,omitempty" doc:"Why it is not healthy, with what to try."`
	Timeline []Span    `json:"timeline,omitempty" doc:"What the check said over time, while waiting and while suites ran; equal answers are one span."`
}

// Open reports whether the gate lets suites start: it is healthy, degraded, or
// only advisory.
func (g Gate) Open() bool {
	return !g.Required || g.State == Healthy || g.State == Degraded
}

// LostSpans returns the times in which the gate was not open while suites ran.
func (g Gate) LostSpans() []Span {
	var lost []Span
	for _, s := range g.Timeline {
		if s.Watch && s.State != Healthy && s.State != Degraded {
			lost = append(lost, s)
		}
	}
	return lost
}

// GatesOpen reports whether all gates are open.
func GatesOpen(gates []Gate) bool {
	for _, g := range gates {
		if !g.Open() {
			return false
		}
	}
	return true
}

// Span is an interval in which a gate gave the same answer.
type Span struct {
	From     time.Time `json:"from" doc:"First probe with this answer, UTC."`
	To       time.Time `json:"to" doc:"Last probe with this answer, UTC."`
	State    GateState `json:"state" doc:"The answer." enum:"healthy,unhealthy,degraded,probe_error"`
	Observed string    `json:"observed,omitempty" doc:"What was seen."`
	Probes   int       `json:"probes" doc:"How many probes gave it."`
	Watch    bool      `json:"watch,omitempty" doc:"Seen while suites ran, not while waiting for them to start."`
}
