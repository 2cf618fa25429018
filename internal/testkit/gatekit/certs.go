package gatekit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Year is a long time for a certificate of a test.
const Year = 365 * 24 * time.Hour

// Authority signs certificates for one test. Its own is in Dir/ca.pem.
type Authority struct {
	Dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes an authority named "gate test CA".
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{Dir: tb.TempDir()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gate test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(10 * Year), KeyUsage: x509.KeyUsageCertSign,
	}
	der, key := sign(tb, template, template, nil)
	a.cert, _ = x509.ParseCertificate(der)
	a.key = key
	writePEM(tb, filepath.Join(a.Dir, "ca.pem"), "CERTIFICATE", der)
	return a
}

// Issue signs a certificate for a name or address, valid from and to, counted from
// now. It serves servers and clients.
func (a *Authority) Issue(tb testing.TB, name string, from, to time.Duration) tls.Certificate {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, key := sign(tb, template, a.cert, a.key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Write issues a certificate for localhost and puts it into Dir/cert.pem and
// Dir/key.pem, for servers that want files.
func (a *Authority) Write(tb testing.TB) (certFile, keyFile string) {
	tb.Helper()
	cert := a.Issue(tb, "localhost", -time.Hour, Year)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	certFile, keyFile = filepath.Join(a.Dir, "cert.pem"), filepath.Join(a.Dir, "key.pem")
	writePEM(tb, certFile, "CERTIFICATE", cert.Certificate[0])
	writePEM(tb, keyFile, "PRIVATE KEY", key)
	return certFile, keyFile
}

// Server is the TLS side of a server for localhost.
func (a *Authority) Server(tb testing.TB) *tls.Config {
	tb.Helper()
	return &tls.Config{Certificates: []tls.Certificate{a.Issue(tb, "localhost", -time.Hour, Year)}, MinVersion: tls.VersionTLS12}
}

func writePEM(tb testing.TB, name, kind string, der []byte) {
	tb.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func sign(tb testing.TB, template, parent *x509.Certificate, by *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	if by == nil {
		by = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		tb.Fatal(err)
	}
	return der, key
}
