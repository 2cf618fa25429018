// Package tlsgate is the tls check: a certificate that a client would accept, for
// long enough.
package tlsgate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/safetext"
)

// Kind is the name of this kind of check in the config.
const Kind = "tls"

// Spec is the tls check of the config.
type Spec struct {
	Address     string        `yaml:"address" doc:"host:port of a port that speaks TLS from the first byte."`
	ServerName  string        `yaml:"server_name" doc:"Server name to request; the certificate must be valid for it. Default: the host of the address."`
	Names       []string      `yaml:"names" doc:"Further names for which the certificate must be valid."`
	MinDaysLeft int           `yaml:"min_days_left" doc:"Every certificate sent must still be valid for at least this many days. Default: valid now."`
	CAFile      string        `yaml:"ca_file" doc:"File with PEM certificates to trust in addition to the system's, relative to the repository root."`
	CertFile    string        `yaml:"cert_file" doc:"File with the gate's own PEM certificate, if the server asks for one."`
	KeyFile     string        `yaml:"key_file" doc:"File with the key of cert_file."`
	Timeout     time.Duration `yaml:"timeout" doc:"Longest time of a single handshake with its connection. Default 5s."`
}

// ProbeTimeout bounds a single handshake.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string { return []string{trust.Word} }

func (s *Spec) trust() *trust.TLS {
	return &trust.TLS{CAFile: s.CAFile, ServerName: s.ServerName, MinDaysLeft: s.MinDaysLeft, CertFile: s.CertFile, KeyFile: s.KeyFile}
}

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	return slices.Concat(probe.CheckAddress("address", s.Address, Kind), s.trust().Validate(), probe.CheckDuration("timeout", s.Timeout))
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	if problems := s.Validate(); len(problems) > 0 {
		return probe.BrokenProbe(Kind, "", problems)
	}
	return prober{spec: s, root: env.Root}
}

type prober struct {
	spec *Spec
	root string
}

func (p prober) Kind() string   { return Kind }
func (p prober) Target() string { return p.spec.Address }

func (p prober) Expected() string {
	text := "a trusted certificate"
	if names := slices.Concat([]string{p.spec.ServerName}, p.spec.Names); strings.Join(names, "") != "" {
		text += " for " + strings.Trim(strings.Join(names, ", "), ", ")
	}
	if p.spec.MinDaysLeft > 0 {
		text += fmt.Sprintf(", valid for %d days", p.spec.MinDaysLeft)
	}
	return text
}

// Probe makes one handshake and closes the connection.
func (p prober) Probe(ctx context.Context) probe.Observation {
	config, fault := p.spec.trust().Config(p.root)
	if fault != nil {
		return *fault
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", p.spec.Address)
	if err != nil {
		if o, ok := trust.Fault(err); ok {
			return o
		}
		return probe.NetFault(err, p.spec.ProbeTimeout())
	}
	defer func() { _ = conn.Close() }()
	state := conn.(*tls.Conn).ConnectionState()
	return p.judge(&state)
}

func (p prober) judge(state *tls.ConnectionState) probe.Observation {
	if o, wrong := p.spec.trust().CheckDays(state); wrong {
		return o
	}
	leaf := state.PeerCertificates[0]
	for _, name := range p.spec.Names {
		if leaf.VerifyHostname(name) != nil {
			return probe.Never(trust.Word, "certificate not for "+safetext.Plain(name, probe.MaxQuote),
				"the certificate lacks a name; reissue it with all names, or correct names")
		}
	}
	first := slices.MinFunc(state.PeerCertificates, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	return probe.Healthy("certificate valid until " + first.NotAfter.UTC().Format(time.DateOnly))
}
