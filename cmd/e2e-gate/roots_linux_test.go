package main

import (
	"crypto/x509"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// TestRootsWithoutASystem holds that the program trusts the web's authorities where
// the system has no file of them. It is the one test here that may ask for the
// system's roots: a process reads them once.
func TestRootsWithoutASystem(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", "/nowhere/roots.pem")
	t.Setenv("SSL_CERT_DIR", "/nowhere")
	trusted := 0
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if root.Constraint != nil {
			continue // trusted for some chains only
		}
		// No roots are given: those of the system are asked.
		at := cert.NotBefore.Add(time.Hour)
		if _, err := cert.Verify(x509.VerifyOptions{CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("%s: %v", cert.Subject, err)
		}
		trusted++
	}
	if trusted < 50 {
		t.Errorf("only %d authorities are embedded", trusted)
	}
}
