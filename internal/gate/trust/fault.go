package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

const hintTLS = "; or add tls to retry_on if roll-outs serve a default certificate"

// Bounds of what is quoted of a certificate.
const (
	maxNameSize = 60
	maxNames    = 8
)

// Fault explains an error of TLS; ok is false if the error is not about TLS.
func Fault(err error) (o probe.Observation, ok bool) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var op *net.OpError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return never("the port does not speak TLS", "TLS was expected and the port speaks something else; connect without TLS, or use the port that serves it"), true
	case errors.As(err, &name):
		return wrongName(name), true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return outOfDate(invalid.Cert), true
	case errors.As(err, &unknown):
		return never("certificate of an unknown authority"+issuer(unknown.Cert),
			"the certificate is signed by an unknown authority; name its certificate in tls.ca_file"), true
	case errors.As(err, &verification):
		return never("certificate not accepted: "+safetext.Plain(verification.Err.Error(), probe.MaxQuote),
			"the certificate was not accepted; correct it, or name its authority in tls.ca_file"), true
	case errors.As(err, &op) && op.Op == "remote error":
		return refusedByAlert(op.Err), true
	}
	return probe.Observation{}, false
}

func never(observed, reason string) probe.Observation {
	return probe.Never(Word, observed, reason+hintTLS)
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
		text = strings.Join(names[:min(len(names), maxNames)], ", ")
	}
	return never(fmt.Sprintf("certificate for %s, not for %s", safetext.Plain(text, probe.MaxQuote), err.Host),
		"the certificate is for another name; use that name, or set tls.server_name")
}

func outOfDate(cert *x509.Certificate) probe.Observation {
	if now := time.Now(); now.Before(cert.NotBefore) {
		return probe.NotYet("certificate valid only from "+day(cert.NotBefore), "the certificate is not valid yet; check the clocks of both machines")
	}
	return never("certificate expired on "+day(cert.NotAfter), "the certificate has expired; renew it")
}

// refusedByAlert distinguishes permanent refusals from those of a server that is
// starting without its certificate, as ingresses do. crypto/tls does not export the
// type of the other side's alerts, so they are recognised by their texts.
func refusedByAlert(alert error) probe.Observation {
	text := alert.Error()
	observed := "TLS refused: " + safetext.Plain(text, probe.MaxQuote)
	if strings.HasSuffix(text, "internal error") || strings.HasSuffix(text, "unrecognized name") {
		return probe.NotYet(observed, "the server has no certificate for this name yet; check its TLS setup if this persists")
	}
	return never(observed, "the server refuses the TLS connection; check versions and whether it requires a client certificate")
}

// CheckDays compares the certificates that were sent with min_days_left.
func (t *TLS) CheckDays(state *tls.ConnectionState) (o probe.Observation, wrong bool) {
	if t == nil || state == nil || t.MinDaysLeft == 0 {
		return o, false
	}
	limit := time.Now().AddDate(0, 0, t.MinDaysLeft)
	for _, cert := range state.PeerCertificates {
		if cert.NotAfter.Before(limit) {
			observed := fmt.Sprintf("certificate of %q expires on %s", safetext.Plain(cert.Subject.CommonName, maxNameSize), day(cert.NotAfter))
			return probe.Never(Word, observed, fmt.Sprintf("the certificate expires within %d days; renew it", t.MinDaysLeft)), true
		}
	}
	return o, false
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
