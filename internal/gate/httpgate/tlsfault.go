package httpgate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

const hintTLS = "; or add tls to retry_on where a roll-out serves a default certificate"

// tlsConfig builds the trust of one request; a fault is one of the probe, not of
// the service. The file is read for each request: what runs beside the tests may
// write it anew.
func (p *prober) tlsConfig() (*tls.Config, *probe.Observation) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	spec := p.spec.TLS
	if spec == nil {
		return config, nil
	}
	config.ServerName = spec.ServerName
	config.InsecureSkipVerify = spec.Insecure //nolint:gosec // the config asks for it
	if spec.CAFile == "" {
		return config, nil
	}
	name := spec.CAFile
	if !filepath.IsAbs(name) {
		name = filepath.Join(p.env.Root, name)
	}
	pem, err := os.ReadFile(name) //nolint:gosec // the config names the file
	if err != nil {
		fault := probe.Broken("cannot read ca_file "+spec.CAFile, "the file tls.ca_file cannot be read; check its path, relative to the repository root")
		return nil, &fault
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		fault := probe.Broken("no certificate in ca_file "+spec.CAFile, "the file tls.ca_file holds no PEM certificate; export the authority's certificate as PEM")
		return nil, &fault
	}
	config.RootCAs = pool
	return config, nil
}

// tlsFault says what is wrong with the TLS of an address; ok is false where the
// error is not about TLS.
func tlsFault(err error) (o probe.Observation, ok bool) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var op *net.OpError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return never("the port speaks no TLS", "the address is https and the port speaks something else; use http, or the port that serves https"), true
	case errors.As(err, &name):
		return wrongName(name), true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return outOfDate(invalid.Cert), true
	case errors.As(err, &unknown):
		return never("certificate of an unknown authority"+issuer(unknown.Cert), "the certificate is signed by an unknown authority; name its certificate in tls.ca_file"), true
	case errors.As(err, &verification):
		return never("certificate not accepted: "+safetext.Plain(verification.Err.Error(), probe.MaxQuote), "the certificate was not accepted; correct it, or name its authority in tls.ca_file"), true
	case errors.As(err, &op) && op.Op == "remote error":
		return refusedByAlert(op.Err), true
	}
	return probe.Observation{}, false
}

func never(observed, reason string) probe.Observation {
	return probe.Never(wordTLS, observed, reason+hintTLS)
}

func issuer(cert *x509.Certificate) string {
	if cert == nil || cert.Issuer.CommonName == "" {
		return ""
	}
	return fmt.Sprintf(" (issuer %q)", safetext.Plain(cert.Issuer.CommonName, maxNameSize))
}

func wrongName(err x509.HostnameError) probe.Observation {
	names := slices.Clone(err.Certificate.DNSNames)
	for _, ip := range err.Certificate.IPAddresses {
		names = append(names, ip.String())
	}
	text := "no name"
	if len(names) > 0 {
		text = strings.Join(names[:min(len(names), maxFailing)], ", ")
	}
	return never(fmt.Sprintf("certificate for %s, not for %s", safetext.Plain(text, probe.MaxQuote), err.Host),
		"the certificate is for another name; use that name in the url, or set tls.server_name")
}

func outOfDate(cert *x509.Certificate) probe.Observation {
	if now := time.Now(); now.Before(cert.NotBefore) {
		return probe.NotYet("certificate valid only from "+day(cert.NotBefore), "the certificate is not valid yet; check the clocks of both machines")
	}
	return never("certificate expired on "+day(cert.NotAfter), "the certificate has expired; renew it")
}

// refusedByAlert tells refusals that stay from those of a server that is coming
// up without its certificate, as ingresses do. Alerts of the other side have a type
// that crypto/tls does not export, and so are told by their texts.
func refusedByAlert(alert error) probe.Observation {
	text := alert.Error()
	observed := "TLS refused: " + safetext.Plain(text, probe.MaxQuote)
	if strings.HasSuffix(text, "internal error") || strings.HasSuffix(text, "unrecognized name") {
		return probe.NotYet(observed, "the server has no certificate for this name yet; check its TLS setup if that stays so")
	}
	return never(observed, "the server refuses the TLS connection; check versions and whether it demands a client certificate")
}

// checkDays holds the certificates that were sent against min_days_left.
func checkDays(state *tls.ConnectionState, days int) (observed string, ok bool) {
	if state == nil || days == 0 {
		return "", true
	}
	limit := time.Now().AddDate(0, 0, days)
	for _, cert := range state.PeerCertificates {
		if cert.NotAfter.Before(limit) {
			return fmt.Sprintf("certificate of %q expires on %s", safetext.Plain(cert.Subject.CommonName, maxNameSize), day(cert.NotAfter)), false
		}
	}
	return "", true
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
