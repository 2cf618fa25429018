// Package tcpgate is the tcp check: an address that accepts connections.
package tcpgate

import (
	"context"
	"net"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// Kind is the name of this kind of check in the config.
const Kind = "tcp"

// Spec is the tcp check of the config.
type Spec struct {
	Address string        `yaml:"address" doc:"host:port, with brackets around an IPv6 address: 127.0.0.1:9092, [::1]:5432."`
	Timeout time.Duration `yaml:"timeout" doc:"Longest time of a single connection attempt. Default 5s."`
}

// ProbeTimeout bounds a single connection attempt.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords is empty: every failure of a connection is transient.
func (s *Spec) RetryWords() []string { return nil }

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	return append(probe.CheckDuration("timeout", s.Timeout), probe.CheckAddress("address", s.Address, Kind)...)
}

// New builds the probe.
func (s *Spec) New(probe.Env) probe.Probe {
	if problems := s.Validate(); len(problems) > 0 {
		return probe.BrokenProbe(Kind, "", problems)
	}
	return prober{s}
}

type prober struct{ spec *Spec }

func (p prober) Kind() string     { return Kind }
func (p prober) Target() string   { return p.spec.Address }
func (p prober) Expected() string { return "accepts connections" }

// Probe connects once and closes the connection.
func (p prober) Probe(ctx context.Context) probe.Observation {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.spec.Address)
	if err != nil {
		return probe.NetFault(err, p.spec.ProbeTimeout())
	}
	_ = conn.Close()
	return probe.Healthy("accepts connections")
}
