package httpgate

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

// tlsServer serves over TLS with a certificate for the given name and validity.
func tlsServer(t *testing.T, a *gatekit.Authority, name string, from, to time.Duration, change func(*tls.Config)) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{a.Issue(t, name, from, to)}} //nolint:gosec // a test server
	if change != nil {
		change(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

const year = 365 * 24 * time.Hour

func TestTLS(t *testing.T) {
	ca := gatekit.NewAuthority(t)
	good := tlsServer(t, ca, "localhost", -time.Hour, year, nil)
	short := tlsServer(t, ca, "localhost", -time.Hour, 10*24*time.Hour, nil)
	wrong := tlsServer(t, ca, "api.example.test", -time.Hour, year, nil)
	expired := tlsServer(t, ca, "localhost", -2*year, -time.Hour, nil)
	future := tlsServer(t, ca, "localhost", time.Hour, year, nil)
	demanding := tlsServer(t, ca, "localhost", -time.Hour, year, func(c *tls.Config) {
		// With TLS 1.3 the client learns of the refusal only after its request, in a
		// race with the closing of the connection.
		c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	})
	nameless := tlsServer(t, ca, "localhost", -time.Hour, year, func(c *tls.Config) {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, io.ErrUnexpectedEOF }
	})
	trust := func() *TLS { return &TLS{CAFile: "ca.pem"} }
	for _, tt := range []struct {
		name, url string
		tls       *TLS
		state     e2e.GateState
		finality  e2e.Finality
		observed  string
	}{
		{"trusted", good, trust(), e2e.Healthy, "", "HTTP 200"},
		{"absolute path", good, &TLS{CAFile: filepath.Join(ca.Dir, "ca.pem")}, e2e.Healthy, "", "HTTP 200"},
		{"insecure", expired, &TLS{Insecure: true}, e2e.Healthy, "", "HTTP 200"},
		{"server name", wrong, &TLS{CAFile: "ca.pem", ServerName: "api.example.test"}, e2e.Healthy, "", "HTTP 200"},
		{"days left", short, &TLS{CAFile: "ca.pem", MinDaysLeft: 5}, e2e.Healthy, "", "HTTP 200"},
		{"too few days", short, &TLS{CAFile: "ca.pem", MinDaysLeft: 14}, e2e.Unhealthy, e2e.Never,
			`certificate of "localhost" expires on ` + time.Now().Add(10*24*time.Hour).UTC().Format(time.DateOnly)},
		{"unknown authority", good, nil, e2e.Unhealthy, e2e.Never, `certificate of an unknown authority (issuer "gate test CA")`},
		{"wrong name", wrong, trust(), e2e.Unhealthy, e2e.Never, "certificate for api.example.test, not for localhost"},
		{"expired", expired, trust(), e2e.Unhealthy, e2e.Never, "certificate expired on " + time.Now().Add(-time.Hour).UTC().Format(time.DateOnly)},
		{"not yet valid", future, trust(), e2e.Unhealthy, e2e.NotYet, "certificate valid only from " + time.Now().Add(time.Hour).UTC().Format(time.DateOnly)},
		{"client certificate", demanding, trust(), e2e.Unhealthy, e2e.Never, "TLS refused: tls: handshake failure"},
		{"no certificate yet", nameless, trust(), e2e.Unhealthy, e2e.NotYet, "TLS refused: tls: internal error"},
		{"plain port", strings.Replace(answering(t, 200, ""), "http:", "https:", 1), nil, e2e.Unhealthy, e2e.Never, "the port does not speak TLS"},
		{"missing file", good, &TLS{CAFile: "none.pem"}, e2e.ProbeError, e2e.Never, "cannot read ca_file none.pem"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := lookIn(t, &Spec{URL: tt.url, TLS: tt.tls}, probe.Env{Root: ca.Dir})
			want(t, o, tt.state, tt.finality, tt.observed)
			if o.Finality == e2e.Never && o.State == e2e.Unhealthy && o.Word != wordTLS {
				t.Errorf("word %q", o.Word)
			}
		})
	}
	if err := os.WriteFile(filepath.Join(ca.Dir, "bad.pem"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, lookIn(t, &Spec{URL: good, TLS: &TLS{CAFile: "bad.pem"}}, probe.Env{Root: ca.Dir}), e2e.ProbeError, e2e.Never, "no certificate in ca_file bad.pem")
	h2 := &Spec{URL: good, TLS: trust(), ExpectHeaders: map[string]string{"X-Proto": "HTTP/2.0"}}
	want(t, lookIn(t, h2, probe.Env{Root: ca.Dir}), e2e.Healthy, "", "HTTP 200")
}
