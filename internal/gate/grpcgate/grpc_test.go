package grpcgate

import (
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

func TestMain(m *testing.M) {
	silence() // not while a server of the tests is already writing
	goleak.VerifyTestMain(m)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// serve runs a real server; a nil health server leaves the protocol out.
func serve(t *testing.T, h healthpb.HealthServer, options ...grpc.ServerOption) string {
	t.Helper()
	l, s := listen(t), grpc.NewServer(options...)
	if h != nil {
		healthpb.RegisterHealthServer(s, h)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-done })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port
}

func TestStatus(t *testing.T) {
	h := health.NewServer()
	h.SetServingStatus("orders.v1.Orders", healthpb.HealthCheckResponse_NOT_SERVING)
	h.SetServingStatus("unsure", healthpb.HealthCheckResponse_UNKNOWN)
	address := serve(t, h)
	gatekit.Healthy(t, gatekit.Look(t, &Spec{Address: address}, probe.Env{}), "SERVING")
	orders := &Spec{Address: address, Service: "orders.v1.Orders"}
	p := orders.New(probe.Env{})
	gatekit.NotYet(t, gatekit.Again(t, orders, p), "NOT_SERVING")
	h.SetServingStatus("orders.v1.Orders", healthpb.HealthCheckResponse_SERVING)
	gatekit.Healthy(t, gatekit.Again(t, orders, p), "SERVING")
	gatekit.NotYet(t, gatekit.Look(t, &Spec{Address: address, Service: "unsure"}, probe.Env{}), "UNKNOWN")
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: address, Service: "billing"}, probe.Env{}), "not_found", `NotFound, "unknown service"`)
	if p.Target() != address+"/orders.v1.Orders" || p.Kind() != "grpc" || p.Expected() != "SERVING" {
		t.Errorf("target %s", p.Target())
	}
}

func TestServersWithoutHealthService(t *testing.T) {
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: serve(t, nil)}, probe.Env{}), "unimplemented", `Unimplemented, "unknown service grpc.health.v1.Health"`)
}

func TestConnectionsThatFail(t *testing.T) {
	l := listen(t)
	l.Close()
	gatekit.NotYet(t, gatekit.Look(t, &Spec{Address: l.Addr().String()}, probe.Env{}), "connection refused")
	gatekit.NotYet(t, gatekit.Look(t, &Spec{Address: "gate.invalid:1"}, probe.Env{}), "host not found: gate.invalid")
	// Accepted by the kernel, but never answered.
	gatekit.NotYet(t, gatekit.Look(t, &Spec{Address: listen(t).Addr().String(), Timeout: 50 * time.Millisecond}, probe.Env{}), "no answer within 50ms")
}

func TestTLS(t *testing.T) {
	ca := gatekit.NewAuthority(t)
	env := probe.Env{Root: ca.Dir}
	address := serve(t, health.NewServer(), grpc.Creds(credentials.NewTLS(ca.Server(t))))
	gatekit.Healthy(t, gatekit.Look(t, &Spec{Address: address, TLS: &trust.TLS{CAFile: "ca.pem"}}, env), "SERVING")
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: address, TLS: &trust.TLS{}}, env), "tls", `certificate of an unknown authority (issuer "gate test CA")`)
	days := &Spec{Address: address, TLS: &trust.TLS{CAFile: "ca.pem", MinDaysLeft: 400}}
	o := gatekit.Look(t, days, env)
	gatekit.Never(t, o, "tls", `certificate of "localhost" expires on `+time.Now().Add(gatekit.Year).UTC().Format(time.DateOnly))
	plain := serve(t, health.NewServer())
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: plain, TLS: &trust.TLS{CAFile: "ca.pem"}}, env), "tls", "the port does not speak TLS")
	if o := gatekit.Look(t, &Spec{Address: address, TLS: &trust.TLS{CAFile: "none.pem"}}, env); o.Observed != "cannot read ca_file none.pem" {
		t.Errorf("got %+v", o)
	}
}

// guarded asks for a token and, as careless servers do, repeats the one it got.
func guarded(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	switch got := md.Get("authorization"); {
	case len(got) == 0:
		return nil, status.Error(codes.Unauthenticated, "no token")
	case got[0] != "Bearer right-token":
		return nil, status.Error(codes.PermissionDenied, "bad token "+got[0])
	}
	return next(ctx, req)
}

func TestCredentials(t *testing.T) {
	address := serve(t, health.NewServer(), grpc.UnaryInterceptor(guarded))
	spec := func(token string) *Spec {
		return &Spec{Address: address, Metadata: map[string]string{"authorization": token}}
	}
	gatekit.Healthy(t, gatekit.Look(t, spec("Bearer right-token"), probe.Env{}), "SERVING")
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: address}, probe.Env{}), "unauthenticated", `Unauthenticated, "no token"`)
	gatekit.Never(t, gatekit.Look(t, spec("Bearer wrong-token"), probe.Env{}), "permission_denied", `PermissionDenied, "bad token ***"`)
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{Address: "http://h:1", Timeout: -1, Metadata: map[string]string{"grpc-x": "", "a b": "", "ok": "1"}, TLS: &trust.TLS{CertFile: "x"}},
		"address: the address is a url, but the grpc check takes host:port", `metadata["a b"]: this cannot be sent as metadata`,
		`metadata["grpc-x"]: this cannot be sent as metadata`,
		"tls.cert_file: cert_file and key_file belong together", "timeout: the duration is negative")
}
