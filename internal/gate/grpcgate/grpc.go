// Package grpcgate is the grpc check: a server that answers SERVING by the
// protocol grpc.health.v1.
package grpcgate

import (
	"context"
	"crypto/tls"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/grpclog"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/safetext"
)

// Kind is the name of this kind of check in the config.
const Kind = "grpc"

// Spec is the grpc check of the config.
type Spec struct {
	Address  string            `yaml:"address" doc:"host:port of the server."`
	Service  string            `yaml:"service" doc:"Name of the service to ask about, such as orders.v1.Orders. Default: the server as a whole."`
	Metadata map[string]string `yaml:"metadata" doc:"Metadata to send, such as authorization. It is never shown."`
	TLS      *trust.TLS        `yaml:"tls" doc:"Use TLS, with these settings; tls: {} trusts the system's root CAs. Default: plain text."`
	Timeout  time.Duration     `yaml:"timeout" doc:"Longest time of a single call with its connection. Default 5s."`
}

// ProbeTimeout bounds a single call.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// neverCodes are the answers of a server that is up and will keep refusing: permanent
// failures.
var neverCodes = map[codes.Code]struct{ word, why string }{
	codes.NotFound:         {"not_found", "the server does not know the service; check the name, with its package, and that the right version is deployed"},
	codes.Unimplemented:    {"unimplemented", "the server does not speak grpc.health.v1; register its health service, or use the tcp check"},
	codes.Unauthenticated:  {"unauthenticated", "the server asks for credentials; send them with metadata"},
	codes.PermissionDenied: {"permission_denied", "the server refuses access; check the credentials in metadata and what they may do"},
	codes.InvalidArgument:  {"invalid_argument", "the server does not accept the request; check service and metadata"},
}

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string {
	words := []string{trust.Word}
	for _, c := range neverCodes {
		words = append(words, c.word)
	}
	slices.Sort(words)
	return words
}

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	problems := probe.CheckAddress("address", s.Address, Kind)
	for _, name := range slices.Sorted(maps.Keys(s.Metadata)) {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(s.Metadata[name]) || strings.HasPrefix(strings.ToLower(name), "grpc-") {
			problems = append(problems, diag.Mistake{
				Path: "metadata[" + strconv.Quote(name) + "]", Text: "this cannot be sent as metadata",
				Hint: "use letters, digits and - without the prefix grpc-, and a value without line breaks",
			})
		}
	}
	problems = append(problems, probe.Under("tls", s.TLS.Validate())...)
	return append(problems, probe.CheckDuration("timeout", s.Timeout)...)
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	if problems := s.Validate(); len(problems) > 0 {
		return probe.BrokenProbe(Kind, "", problems)
	}
	silence()
	var secrets []string
	for _, value := range s.Metadata {
		secrets = append(secrets, value)
		secrets = append(secrets, strings.Fields(value)...)
	}
	return &prober{spec: s, env: env, mask: env.Hide(secrets)}
}

// silence stops the library from writing to standard error.
var silence = sync.OnceFunc(func() { grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) })

type prober struct {
	spec *Spec
	env  probe.Env
	mask func(string) string
}

func (p *prober) Kind() string { return Kind }

func (p *prober) Target() string {
	if p.spec.Service == "" {
		return p.spec.Address
	}
	return p.spec.Address + "/" + p.spec.Service
}

func (p *prober) Expected() string {
	if text := p.spec.TLS.Expected(); text != "" {
		return "SERVING, " + text
	}
	return "SERVING"
}

// Probe makes one call on a connection of its own.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	o := p.look(ctx)
	o.Observed, o.Reason = p.mask(o.Observed), p.mask(o.Reason)
	return o
}

func (p *prober) look(ctx context.Context) probe.Observation {
	w := &witness{}
	creds := insecure.NewCredentials()
	if p.spec.TLS != nil {
		config, fault := p.spec.TLS.Config(p.env.Root)
		if fault != nil {
			return *fault
		}
		creds = witnessed{credentials.NewTLS(config), w}
	}
	conn, err := grpc.NewClient("passthrough:///"+p.spec.Address, grpc.WithTransportCredentials(creds), grpc.WithContextDialer(w.dial),
		grpc.WithDisableServiceConfig(), grpc.WithUserAgent("e2e-gate"))
	if err != nil {
		return probe.Broken("the client cannot be created", "the address or metadata cannot be used; correct them in the config")
	}
	defer func() { _ = conn.Close() }()
	ctx = metadata.NewOutgoingContext(ctx, metadata.New(p.spec.Metadata))
	var from peer.Peer
	answer, err := health.NewHealthClient(conn).Check(ctx, &health.HealthCheckRequest{Service: p.spec.Service}, grpc.Peer(&from))
	if err != nil {
		return p.fault(err, w.Err())
	}
	if o, wrong := p.spec.TLS.CheckDays(stateOf(from)); wrong {
		return o
	}
	return judge(answer.GetStatus())
}

func stateOf(from peer.Peer) *tls.ConnectionState {
	if info, ok := from.AuthInfo.(credentials.TLSInfo); ok {
		return &info.State
	}
	return nil
}

func judge(s health.HealthCheckResponse_ServingStatus) probe.Observation {
	if s == health.HealthCheckResponse_SERVING {
		return probe.Healthy("SERVING")
	}
	return probe.NotYet(safetext.Plain(s.String(), probe.MaxQuote), "the server is up but reports that it does not serve; look at its log and its dependencies")
}

// fault turns an error of the call into an answer. The connection's own error says more
// than the gRPC status made from it.
func (p *prober) fault(err, connection error) probe.Observation {
	s := status.Convert(err)
	if known, ok := neverCodes[s.Code()]; ok {
		return probe.Never(known.word, p.said(s), known.why+"; or add "+known.word+" to retry_on if roll-outs answer like this")
	}
	if s.Code() == codes.Unavailable && connection != nil {
		if o, ok := trust.Fault(connection); ok {
			return o
		}
		return probe.NetFault(connection, p.spec.ProbeTimeout())
	}
	if s.Code() == codes.DeadlineExceeded || s.Code() == codes.Canceled {
		return probe.NetFault(context.DeadlineExceeded, p.spec.ProbeTimeout())
	}
	o := probe.NotYet(p.said(s), "the server does not answer the health call; look at its log, and check whether it expects TLS")
	o.Key = s.Code().String()
	return o
}

func (p *prober) said(s *status.Status) string {
	return s.Code().String() + ", " + probe.Quote(p.mask(s.Message()))
}

// witness keeps the first error of the connection.
type witness struct{ probe.Witness }

func (w *witness) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		w.Note(err)
	}
	return conn, err
}

// witnessed are credentials whose failed handshakes are kept.
type witnessed struct {
	credentials.TransportCredentials
	w *witness
}

func (c witnessed) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		c.w.Note(err)
	}
	return conn, info, err
}

func (c witnessed) Clone() credentials.TransportCredentials {
	return witnessed{c.TransportCredentials.Clone(), c.w}
}
