package kube

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const token = "token-of-the-test"

// script answers requests one after another; the last function answers all further ones.
type script struct {
	*httptest.Server
	mu       sync.Mutex
	steps    []http.HandlerFunc
	requests []*http.Request
}

// serve starts a server over TLS with HTTP/2, as the API server is.
func serve(t *testing.T, steps ...http.HandlerFunc) *script {
	t.Helper()
	s := &script{steps: steps}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r)
		step := s.steps[0]
		if len(s.steps) > 1 {
			s.steps = s.steps[1:]
		}
		s.mu.Unlock()
		step(w, r)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// seen are the requests so far, as METHOD path?query.
func (s *script) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, r := range s.requests {
		list = append(list, r.Method+" "+r.URL.Path)
	}
	return list
}

func (s *script) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

func (s *script) ca() string { return base64.StdEncoding.EncodeToString([]byte(s.pem())) }

// configure writes a kubeconfig; user and cluster are parts of YAML.
func configure(t *testing.T, server, cluster, user string) string {
	t.Helper()
	return write(t, "kubeconfig", fmt.Sprintf(`
current-context: test
contexts: [{name: test, context: {cluster: c, user: u, namespace: staging}}]
clusters: [{name: c, cluster: {server: %q, %s}}]
users: [{name: u, user: %s}]
`, server, cluster, user))
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

// client is one of a server, which waits for milliseconds where others wait for seconds.
func (s *script) client(t *testing.T, user string) *Client {
	t.Helper()
	c, err := Open(t.Context(), Where{Kubeconfig: configure(t, s.URL, "certificate-authority-data: "+s.ca(), user), Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	c.pause, c.patience = time.Millisecond, 2*time.Second
	t.Cleanup(func() { c.current().http.CloseIdleConnections() })
	return c
}

func says(code int, text string, args ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, text, args...)
	}
}

func status(code int, reason, message string) http.HandlerFunc {
	text, _ := json.Marshal(map[string]any{"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message})
	return says(code, "%s", text)
}

// within is a context for a test that must not hang.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
