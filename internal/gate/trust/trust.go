// Package trust is shared by the kinds of checks that speak TLS: which certificates to
// trust, and what a failed handshake means.
package trust

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// Word is the name of a TLS failure in retry_on.
const Word = "tls"

// TLS configures which certificates to trust, and the gate's own certificate.
type TLS struct {
	CAFile      string `yaml:"ca_file" doc:"File with PEM certificates to trust in addition to the system's, relative to the repository root."`
	ServerName  string `yaml:"server_name" doc:"Name that the certificate must be for, if it is not the host of the address."`
	Insecure    bool   `yaml:"insecure" doc:"Accept any certificate."`
	MinDaysLeft int    `yaml:"min_days_left" doc:"The certificates sent must still be valid for at least this many days."`
	CertFile    string `yaml:"cert_file" doc:"File with the gate's own PEM certificate, if the server asks for one, relative to the repository root."`
	KeyFile     string `yaml:"key_file" doc:"File with the key of cert_file."`
}

// Validate returns what is wrong with it; paths start at the section itself.
func (t *TLS) Validate() []diag.Mistake {
	var problems []diag.Mistake
	if t == nil {
		return nil
	}
	if t.MinDaysLeft < 0 {
		problems = append(problems, diag.Mistake{Path: "min_days_left", Text: "the number of days is negative", Hint: "use 14, for two weeks"})
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		problems = append(problems, diag.Mistake{Path: "cert_file", Text: "cert_file and key_file belong together", Hint: "give both, or none"})
	}
	return problems
}

// Config builds the TLS config of one connection. An error is one of the probe, not of
// the service. Files are read each time, because background processes may rewrite them.
// A nil section trusts the system's root CAs.
func (t *TLS) Config(root string) (*tls.Config, *probe.Observation) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t == nil {
		return config, nil
	}
	config.ServerName = t.ServerName
	config.InsecureSkipVerify = t.Insecure //nolint:gosec // the config asks for it
	if fault := t.addAuthorities(config, root); fault != nil {
		return nil, fault
	}
	if t.CertFile == "" {
		return config, nil
	}
	cert, err := tls.LoadX509KeyPair(under(root, t.CertFile), under(root, t.KeyFile))
	if err != nil {
		return nil, broken("cannot use cert_file "+t.CertFile,
			"the files tls.cert_file and tls.key_file are not a usable pair; check their paths, and that they are PEM and belong together")
	}
	config.Certificates = []tls.Certificate{cert}
	return config, nil
}

func (t *TLS) addAuthorities(config *tls.Config, root string) *probe.Observation {
	if t.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(under(root, t.CAFile))
	if err != nil {
		return broken("cannot read ca_file "+t.CAFile, "the file tls.ca_file cannot be read; check its path, relative to the repository root")
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return broken("no certificate in ca_file "+t.CAFile, "the file tls.ca_file holds no PEM certificate; export the authority's certificate as PEM")
	}
	config.RootCAs = pool
	return nil
}

// Expected describes what is expected of the certificates; empty if only trust is.
func (t *TLS) Expected() string {
	if t == nil || t.MinDaysLeft == 0 {
		return ""
	}
	return fmt.Sprintf("certificate valid for %d days", t.MinDaysLeft)
}

func broken(observed, reason string) *probe.Observation {
	o := probe.Broken(observed, reason)
	return &o
}

func under(root, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(root, name)
}
