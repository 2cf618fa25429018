// Package dnsgate is the dns check: a name that resolves as expected.
package dnsgate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

// Kind is the name of this kind of check in the config.
const Kind = "dns"

// Spec is the dns check of the config.
type Spec struct {
	Name      string        `yaml:"name" doc:"Name to resolve."`
	Addresses []string      `yaml:"addresses" doc:"Addresses or networks (10.1.0.0/16). Every address of the name must be in one of them: an address elsewhere receives part of the traffic."`
	CNAME     string        `yaml:"cname" doc:"Canonical name that the name must resolve to."`
	TXT       string        `yaml:"txt" doc:"Text that one of the TXT records must equal. If only txt is set, the name needs no address."`
	Server    string        `yaml:"server" doc:"host:port of the DNS server to ask instead of the machine's."`
	Timeout   time.Duration `yaml:"timeout" doc:"Longest time of a single resolution. Default 5s."`
}

// ProbeTimeout bounds a single resolution.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords is empty: every DNS answer is transient.
func (s *Spec) RetryWords() []string { return nil }

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	problems := probe.CheckDuration("timeout", s.Timeout)
	if s.Name == "" || strings.ContainsAny(s.Name, " /:@") {
		problems = append(problems, diag.Mistake{
			Path: "name", Text: "the check has no name to resolve", Hint: "write it as api.staging.example.com, without scheme and port",
		})
	}
	for i, text := range s.Addresses {
		if _, err := parseNetwork(text); err != nil {
			problems = append(problems, diag.Mistake{
				Path: fmt.Sprintf("addresses[%d]", i), Text: fmt.Sprintf("%q is neither an address nor a network", text), Hint: "write it as 10.1.2.3 or 10.1.0.0/16",
			})
		}
	}
	if s.Server != "" {
		problems = append(problems, probe.CheckAddress("server", s.Server, Kind)...)
	}
	return problems
}

func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return network, fmt.Errorf("read network: %w", err)
	}
	return network, nil
}

// New builds the probe.
func (s *Spec) New(probe.Env) probe.Probe {
	if problems := s.Validate(); len(problems) > 0 {
		return probe.BrokenProbe(Kind, "", problems)
	}
	p := prober{spec: s}
	for _, text := range s.Addresses {
		network, _ := parseNetwork(text)
		p.networks = append(p.networks, network)
	}
	return p
}

type prober struct {
	spec     *Spec
	networks []netip.Prefix
}

func (p prober) Kind() string { return Kind }

func (p prober) Target() string {
	if p.spec.Server != "" {
		return p.spec.Name + " at " + p.spec.Server
	}
	return p.spec.Name
}

func (p prober) Expected() string {
	parts := []string{"resolves"}
	if len(p.spec.Addresses) > 0 {
		parts[0] = "resolves within " + strings.Join(p.spec.Addresses, ", ")
	}
	if p.spec.CNAME != "" {
		parts = append(parts, "CNAME "+p.spec.CNAME)
	}
	if p.spec.TXT != "" {
		parts = append(parts, "a TXT record as given")
	}
	return strings.Join(parts, ", ")
}

// resolver asks the server of the config, or the machine's. The library ignores the
// context while it waits for answers, so the end of the context closes the connection.
func (p prober) resolver(ctx context.Context) *net.Resolver {
	dial := func(_ context.Context, network, address string) (net.Conn, error) {
		if p.spec.Server != "" {
			address = p.spec.Server
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, fmt.Errorf("ask DNS server: %w", err)
		}
		return boundTo(ctx, conn), nil
	}
	return &net.Resolver{PreferGo: p.spec.Server != "", Dial: dial}
}

// boundTo closes a connection when the context ends. It keeps a datagram
// connection one: the library asks differently over a stream.
func boundTo(ctx context.Context, conn net.Conn) net.Conn {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	if udp, ok := conn.(*net.UDPConn); ok {
		return datagrams{udp, stop}
	}
	return stream{conn, stop}
}

type stream struct {
	net.Conn
	stop func() bool
}

func (s stream) Close() error { s.stop(); return s.Conn.Close() }

type datagrams struct {
	*net.UDPConn
	stop func() bool
}

func (d datagrams) Close() error { d.stop(); return d.UDPConn.Close() }

// Probe resolves once.
func (p prober) Probe(ctx context.Context) probe.Observation {
	var seen []string
	resolver := p.resolver(ctx)
	for _, look := range []func(context.Context, *net.Resolver) (string, *probe.Observation){p.addresses, p.cname, p.txt} {
		text, fault := look(ctx, resolver)
		if fault != nil {
			return *fault
		}
		if text != "" {
			seen = append(seen, text)
		}
	}
	return probe.Healthy(strings.Join(seen, ", "))
}

func (p prober) addresses(ctx context.Context, resolver *net.Resolver) (string, *probe.Observation) {
	if p.spec.TXT != "" && p.spec.CNAME == "" && len(p.networks) == 0 {
		return "", nil
	}
	found, err := resolver.LookupNetIP(ctx, "ip", absolute(p.spec.Name))
	if err != nil {
		return "", p.fault(err)
	}
	// Servers rotate the order with each answer. Sorting keeps equal answers equal.
	slices.SortFunc(found, netip.Addr.Compare)
	var all, strange []string
	for _, addr := range found {
		addr = addr.Unmap()
		all = append(all, addr.String())
		if len(p.networks) > 0 && !slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(addr) }) {
			strange = append(strange, addr.String())
		}
	}
	if len(strange) > 0 {
		return "", notYet("resolves to "+list(strange), "the name resolves to addresses that were not expected; wait until the change has reached this "+
			"machine's DNS, or correct addresses")
	}
	return "resolves to " + list(all), nil
}

func (p prober) cname(ctx context.Context, resolver *net.Resolver) (string, *probe.Observation) {
	if p.spec.CNAME == "" {
		return "", nil
	}
	name, err := resolver.LookupCNAME(ctx, absolute(p.spec.Name))
	if err != nil {
		return "", p.fault(err)
	}
	if !strings.EqualFold(absolute(name), absolute(p.spec.CNAME)) {
		return "", notYet("CNAME "+quoted(name), "the name has another canonical name; wait until the change has reached this machine's DNS, or correct cname")
	}
	return "CNAME " + quoted(name), nil
}

func (p prober) txt(ctx context.Context, resolver *net.Resolver) (string, *probe.Observation) {
	if p.spec.TXT == "" {
		return "", nil
	}
	records, err := resolver.LookupTXT(ctx, absolute(p.spec.Name))
	if err != nil {
		return "", p.fault(err)
	}
	if !slices.Contains(records, p.spec.TXT) {
		return "", notYet(fmt.Sprintf("%d TXT records, none as expected", len(records)),
			"no TXT record has the expected text; wait until the change has reached this machine's DNS, or correct txt")
	}
	return "TXT as expected", nil
}

// absolute keeps the machine's search domains out.
func absolute(name string) string { return strings.TrimSuffix(name, ".") + "." }

func (p prober) fault(err error) *probe.Observation {
	var dns *net.DNSError
	if errors.As(err, &dns) && !dns.IsNotFound && !dns.IsTimeout {
		return notYet("the DNS server does not answer", "the DNS server cannot be reached or fails; check server, or this machine's DNS")
	}
	o := probe.NetFault(err, p.spec.ProbeTimeout())
	if errors.As(err, &dns) && dns.IsTimeout {
		o = probe.NetFault(context.DeadlineExceeded, p.spec.ProbeTimeout())
	}
	return &o
}

func notYet(observed, reason string) *probe.Observation {
	o := probe.NotYet(observed, reason)
	return &o
}

const maxShown = 8

func list(items []string) string {
	if len(items) > maxShown {
		return strings.Join(items[:maxShown], ", ") + fmt.Sprintf(" and %d more", len(items)-maxShown)
	}
	return strings.Join(items, ", ")
}

func quoted(name string) string { return safetext.Plain(strings.TrimSuffix(name, "."), probe.MaxQuote) }
