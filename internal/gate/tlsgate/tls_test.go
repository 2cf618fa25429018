package tlsgate

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve shakes hands with every connection and waits for its end.
func serve(t *testing.T, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if config != nil {
				conn = tls.Server(conn, config)
			} else {
				_, _ = conn.Write([]byte("220 hello\r\n"))
			}
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port
}

func TestCertificates(t *testing.T) {
	ca := gatekit.NewAuthority(t)
	env := probe.Env{Root: ca.Dir}
	day := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.DateOnly) }
	with := func(name string, from, to time.Duration) string {
		return serve(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, name, from, to)}, MinVersion: tls.VersionTLS12})
	}
	good := with("localhost", -time.Hour, gatekit.Year)
	gatekit.Healthy(t, gatekit.Look(t, &Spec{Address: good, CAFile: "ca.pem", MinDaysLeft: 300}, env), "certificate valid until "+day(gatekit.Year))
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: good, CAFile: "ca.pem", MinDaysLeft: 370}, env), "tls",
		`certificate of "localhost" expires on `+day(gatekit.Year))
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: good}, env), "tls", `certificate of an unknown authority (issuer "gate test CA")`)
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: good, CAFile: "ca.pem", Names: []string{"localhost", "www.example.test"}}, env), "tls",
		"certificate not for www.example.test")
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: with("api.example.test", -time.Hour, time.Hour), CAFile: "ca.pem"}, env), "tls",
		"certificate for api.example.test, not for localhost")
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: with("localhost", -gatekit.Year, -time.Hour), CAFile: "ca.pem"}, env), "tls",
		"certificate expired on "+day(-time.Hour))
	gatekit.Never(t, gatekit.Look(t, &Spec{Address: serve(t, nil)}, env), "tls", "the port does not speak TLS")
	named := &Spec{Address: with("api.example.test", -time.Hour, time.Hour), CAFile: "ca.pem", ServerName: "api.example.test"}
	if o := gatekit.Look(t, named, env); !o.Open() {
		t.Errorf("got %+v", o)
	}
	if got := named.New(env).Expected(); got != "a trusted certificate for api.example.test" {
		t.Error(got)
	}
}

func TestConnectionsThatFail(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hung := &Spec{Address: l.Addr().String(), Timeout: 50 * time.Millisecond}
	gatekit.NotYet(t, gatekit.Look(t, hung, probe.Env{}), "no answer within 50ms")
	l.Close()
	gatekit.NotYet(t, gatekit.Look(t, hung, probe.Env{}), "connection refused")
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{MinDaysLeft: -1, KeyFile: "k", Timeout: -1}, "address: the check has no address", "min_days_left: the number of days is negative",
		"cert_file: cert_file and key_file belong together", "timeout: the duration is negative")
}
