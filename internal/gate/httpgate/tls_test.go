package httpgate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// authority signs certificates for one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gate test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(10 * 365 * 24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, key := sign(t, template, template, nil)
	a.cert, _ = x509.ParseCertificate(der)
	a.key = key
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(filepath.Join(a.dir, "ca.pem"), block, 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func sign(t *testing.T, template, parent *x509.Certificate, by *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

// server serves over TLS with a certificate for the given name and validity.
func (a *authority) server(t *testing.T, name string, from, to time.Duration, change func(*tls.Config)) string {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, key := sign(t, template, a.cert, a.key)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}} //nolint:gosec // a test server
	if change != nil {
		change(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

const year = 365 * 24 * time.Hour

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	good := ca.server(t, "localhost", -time.Hour, year, nil)
	short := ca.server(t, "localhost", -time.Hour, 10*24*time.Hour, nil)
	wrong := ca.server(t, "api.example.test", -time.Hour, year, nil)
	expired := ca.server(t, "localhost", -2*year, -time.Hour, nil)
	future := ca.server(t, "localhost", time.Hour, year, nil)
	demanding := ca.server(t, "localhost", -time.Hour, year, func(c *tls.Config) {
		// With TLS 1.3 the client learns of the refusal only after its request, in a
		// race with the closing of the connection.
		c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	})
	nameless := ca.server(t, "localhost", -time.Hour, year, func(c *tls.Config) {
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
		{"absolute path", good, &TLS{CAFile: filepath.Join(ca.dir, "ca.pem")}, e2e.Healthy, "", "HTTP 200"},
		{"insecure", expired, &TLS{Insecure: true}, e2e.Healthy, "", "HTTP 200"},
		{"server name", wrong, &TLS{CAFile: "ca.pem", ServerName: "api.example.test"}, e2e.Healthy, "", "HTTP 200"},
		{"days left", short, &TLS{CAFile: "ca.pem", MinDaysLeft: 5}, e2e.Healthy, "", "HTTP 200"},
		{"too few days", short, &TLS{CAFile: "ca.pem", MinDaysLeft: 14}, e2e.Unhealthy, e2e.Never, `certificate of "localhost" expires on ` + day(time.Now().Add(10*24*time.Hour))},
		{"unknown authority", good, nil, e2e.Unhealthy, e2e.Never, `certificate of an unknown authority (issuer "gate test CA")`},
		{"wrong name", wrong, trust(), e2e.Unhealthy, e2e.Never, "certificate for api.example.test, not for localhost"},
		{"expired", expired, trust(), e2e.Unhealthy, e2e.Never, "certificate expired on " + day(time.Now().Add(-time.Hour))},
		{"not yet valid", future, trust(), e2e.Unhealthy, e2e.NotYet, "certificate valid only from " + day(time.Now().Add(time.Hour))},
		{"client certificate", demanding, trust(), e2e.Unhealthy, e2e.Never, "TLS refused: tls: handshake failure"},
		{"no certificate yet", nameless, trust(), e2e.Unhealthy, e2e.NotYet, "TLS refused: tls: internal error"},
		{"plain port", strings.Replace(answering(t, 200, ""), "http:", "https:", 1), nil, e2e.Unhealthy, e2e.Never, "the port speaks no TLS"},
		{"missing file", good, &TLS{CAFile: "none.pem"}, e2e.ProbeError, e2e.Never, "cannot read ca_file none.pem"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := lookIn(t, &Spec{URL: tt.url, TLS: tt.tls}, probe.Env{Root: ca.dir})
			want(t, o, tt.state, tt.finality, tt.observed)
			if o.Finality == e2e.Never && o.State == e2e.Unhealthy && o.Word != wordTLS {
				t.Errorf("word %q", o.Word)
			}
		})
	}
	if err := os.WriteFile(filepath.Join(ca.dir, "bad.pem"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, lookIn(t, &Spec{URL: good, TLS: &TLS{CAFile: "bad.pem"}}, probe.Env{Root: ca.dir}), e2e.ProbeError, e2e.Never, "no certificate in ca_file bad.pem")
	h2 := &Spec{URL: good, TLS: trust(), ExpectHeaders: map[string]string{"X-Proto": "HTTP/2.0"}}
	want(t, lookIn(t, h2, probe.Env{Root: ca.dir}), e2e.Healthy, "", "HTTP 200")
}
