package servers

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// EnvAPIServer names a kube-apiserver. There is no package for it and it takes minutes
// to build from its module, so CI does not have it. The test is for machines that do.
const EnvAPIServer = "E2E_GATE_KUBE_APISERVER"

// APIServer is a running kube-apiserver with its etcd and without controllers:
// what a test says of an object's status stays.
type APIServer struct {
	*Process
	Port   int
	CAFile string
}

// APIToken is that of a user who may do everything.
const APIToken = "token-of-the-test" //nolint:gosec // of a server that lives as long as the test

// StartAPIServer starts a real API server, or skips.
func StartAPIServer(tb testing.TB) *APIServer {
	tb.Helper()
	binary := os.Getenv(EnvAPIServer)
	if binary == "" {
		tb.Skip(EnvAPIServer + " names no kube-apiserver; the other tests use a server of the same shape")
	}
	dir, port, peer := tb.TempDir(), FreePort(tb), FreePort(tb)
	etcd := fmt.Sprintf("http://127.0.0.1:%d", port)
	start(tb, dir, Accepts(port), need.Tool(tb, "etcd", "apt-get install etcd-server"), "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls",
		etcd, "--advertise-client-urls", etcd,
		"--listen-peer-urls", fmt.Sprintf("http://127.0.0.1:%d", peer), "--unsafe-no-fsync")
	s := &APIServer{Port: FreePort(tb), CAFile: filepath.Join(dir, "apiserver.crt")}
	write(tb, filepath.Join(dir, "tokens.csv"), APIToken+",gate,1,\"system:masters\"\n")
	run(tb, "openssl", "genrsa", "-out", filepath.Join(dir, "sa.key"), "2048")
	s.Process = start(tb, dir, s.ready, binary, "--etcd-servers", etcd, "--secure-port", fmt.Sprint(s.Port), "--bind-address", "127.0.0.1", "--cert-dir", dir,
		"--token-auth-file", filepath.Join(dir, "tokens.csv"), "--disable-admission-plugins", "ServiceAccount", "--service-account-issuer", "https://kubernetes.test",
		"--service-account-key-file", filepath.Join(dir, "sa.key"), "--service-account-signing-key-file", filepath.Join(dir, "sa.key"),
		"--endpoint-reconciler-type", "none", "--authorization-mode", "RBAC")
	return s
}

// Client sends requests to the server with the user's token.
func (s *APIServer) Client() *http.Client {
	pool := x509.NewCertPool()
	if data, err := os.ReadFile(s.CAFile); err == nil {
		pool.AppendCertsFromPEM(data)
	}
	return &http.Client{Timeout: 5 * time.Second, Transport: bearer{&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "kubernetes",
		MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}}}
}

type bearer struct{ *http.Transport }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer "+APIToken)
	return b.Transport.RoundTrip(r)
}

// URL is the server's address.
func (s *APIServer) URL() string { return fmt.Sprintf("https://localhost:%d", s.Port) }

// ready: the server answers, and has made the namespace default.
func (s *APIServer) ready() error {
	resp, err := s.Client().Get(s.URL() + "/api/v1/namespaces/default")
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // an answer of the test's server
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", resp.Status)
	}
	return nil
}
