package gate

import "github.com/org/e2e-gate/internal/e2e"

// Report is what "gates --format json" prints.
type Report struct {
	Open   bool          `json:"open" doc:"Whether suites may start."`
	Checks []CheckReport `json:"checks" doc:"Every check, in the order of the config."`
}

// CheckReport is one check of a [Report]. It is a type of its own, so that a new
// field of the domain does not become a promise by accident.
type CheckReport struct {
	Name     string        `json:"name" doc:"Name in the config."`
	Kind     string        `json:"kind" doc:"Kind of the check."`
	Required bool          `json:"required" doc:"False: advisory."`
	State    e2e.GateState `json:"state" doc:"Last state of the check." enum:"healthy,unhealthy,degraded,probe_error"`
	Finality e2e.Finality  `json:"finality" doc:"Empty when healthy." enum:",not_yet,never"`
	Attempts int           `json:"attempts" doc:"Probes made."`
	Seconds  float64       `json:"seconds" doc:"How long the wait took."`
	Expected string        `json:"expected" doc:"What a healthy answer looks like."`
	Observed string        `json:"observed" doc:"What was last seen."`
	Reason   string        `json:"reason" doc:"Why it is not healthy, and what to try."`
}

// NewReport makes the report of gates that were waited for.
func NewReport(gates []e2e.Gate) Report {
	r := Report{Open: e2e.GatesOpen(gates), Checks: make([]CheckReport, len(gates))}
	for i, g := range gates {
		r.Checks[i] = CheckReport{
			Name: g.Name, Kind: g.Kind, Required: g.Required, State: g.State, Finality: g.Finality, Attempts: g.Attempts,
			Seconds: g.Seconds, Expected: g.Expected, Observed: g.Observed, Reason: g.Reason,
		}
	}
	return r
}
