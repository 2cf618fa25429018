package e2e

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// GateState is the last answer of a health gate. The zero value is unknown: the gate has
// not passed.
type GateState string

// The states of a gate.
const (
	GateUnknown GateState = ""
	Healthy     GateState = "healthy"
	Unhealthy   GateState = "unhealthy"
	Degraded    GateState = "degraded"
	ProbeError  GateState = "probe_error"
)

// Finality tells transient failures, which waiting may fix, from permanent ones.
type Finality string

// The finalities of a gate that is not healthy: not_yet is a transient failure, never a
// permanent one.
const (
	FinalityNone Finality = ""
	NotYet       Finality = "not_yet"
	Never        Finality = "never"
)

// Gate is the result of one health check and what was seen of it while the
// suites ran.
type Gate struct {
	Name     string `json:"name" mask:"-" doc:"Name of the check in the config."`
	Kind     string `json:"kind" mask:"-" doc:"Kind of the check: http, tcp, command."`
	Required bool   `json:"required" doc:"False: advisory; it is reported, but never stops the suites."`
	External bool   `json:"external,omitempty" doc:"It belongs to something that the change under test is no part of."`
	// Dependency: tests that need it may be excused for not having run, as far as the policy says.
	Dependency bool      `json:"dependency,omitempty" doc:"It looks at an external dependency that the config declares."`
	Scope      *Scope    `json:"scope,omitempty" doc:"Which tests need it; absent: every test."`
	State      GateState `json:"state" doc:"What the check last said." enum:"healthy,unhealthy,degraded,probe_error"`
	Finality   Finality  `json:"finality" doc:"never: a permanent failure, waiting longer cannot help. not_yet: a transient one. Empty when healthy." enum:",not_yet,never"`
	Target     string    `json:"target,omitempty" doc:"What was probed, without credentials and query string."`
	Attempts   int       `json:"attempts" doc:"How often it was probed before the suites."`
	Seconds    float64   `json:"seconds" doc:"How long the wait took."`
	Expected   string    `json:"expected" doc:"What a healthy answer looks like."`
	Observed   string    `json:"observed" doc:"What was last seen."`
	Demands    string    `json:"demands,omitempty" mask:"-" doc:"Commit or version that a check of the kind version wants to find deployed."`
	Reason     string    `json:"reason,omitempty" doc:"Why it is not healthy, with what to try."`
	Timeline   []Span    `json:"timeline,omitempty" doc:"Answers of the check over time, while waiting and while suites ran; equal answers in a row are one span."`
}

// Open reports whether the gate passed, so that suites may start: it is healthy, degraded,
// or only advisory.
func (g Gate) Open() bool {
	return !g.Required || g.State == Healthy || g.State == Degraded
}

// LostSpans returns the intervals in which the gate did not pass while suites ran.
func (g Gate) LostSpans() []Span {
	var lost []Span
	for _, s := range g.Timeline {
		if s.Watch && s.State != Healthy && s.State != Degraded {
			lost = append(lost, s)
		}
	}
	return lost
}

// GatesOpen reports whether all gates passed.
func GatesOpen(gates []Gate) bool {
	for _, g := range gates {
		if !g.Open() {
			return false
		}
	}
	return true
}

// GatesOpenForAll reports whether every gate that all tests need passed.
func GatesOpenForAll(gates []Gate) bool {
	for _, g := range gates {
		if g.Scope == nil && !g.Open() {
			return false
		}
	}
	return true
}

// GatesFor are the gates that a test needs.
func GatesFor(gates []Gate, t *Test) []Gate {
	var list []Gate
	for _, g := range gates {
		if g.Scope.NeededBy(t) {
			list = append(list, g)
		}
	}
	return list
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

// loopback are the names of this machine, where only a port tells servers apart.
var loopback = []string{"127.0.0.1", "localhost", "::1"}

// Loopback are the names of this machine.
func Loopback() []string { return slices.Clone(loopback) }

// IsLoopback reports whether a host is this machine.
func IsLoopback(host string) bool { return slices.Contains(loopback, host) }

var defaultPorts = map[string]string{"http": "80", "https": "443", "postgres": "5432", "postgresql": "5432", "mysql": "3306", "redis": "6379", "amqp": "5672"}

// Address is the host of the gate's target, in lower case, and its port where it has
// one: of a URL, or of host:port. A command has none.
func (g Gate) Address() (host, port string) {
	target := strings.TrimSpace(g.Target)
	if !strings.Contains(target, "://") {
		if strings.ContainsAny(target, " \t") || !strings.Contains(target, ":") {
			return "", ""
		}
		target = "tcp://" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		return "", ""
	}
	port = u.Port()
	if port == "" {
		port = defaultPorts[u.Scheme]
	}
	return strings.ToLower(u.Hostname()), port
}

// Local reports whether the gate's target is a port of this machine.
func (g Gate) Local() bool {
	host, port := g.Address()
	return IsLoopback(host) && port != ""
}
