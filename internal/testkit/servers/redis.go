package servers

import (
	"fmt"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// Redis is a running redis-server.
type Redis struct {
	*Process
	Port int
}

// Address is host:port of the server.
func (s *Redis) Address() string { return fmt.Sprintf("localhost:%d", s.Port) }

// StartRedis starts redis-server with further options of its command line; port 0
// among them leaves only TLS, on tlsPort.
func StartRedis(tb testing.TB, options ...string) *Redis {
	tb.Helper()
	s := &Redis{Port: FreePort(tb)}
	argv := append([]string{need.Tool(tb, "redis-server", "apt-get install redis-server"), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--repl-diskless-sync-delay", "0"}, options...)
	argv = append(argv, "--port", fmt.Sprint(s.Port))
	s.Process = start(tb, tb.TempDir(), Accepts(s.Port), argv...)
	return s
}

// StartRedisTLS starts redis-server with TLS only, with the given files.
func StartRedisTLS(tb testing.TB, caFile, certFile, keyFile string) *Redis {
	tb.Helper()
	s := &Redis{Port: FreePort(tb)}
	s.Process = start(tb, tb.TempDir(), Accepts(s.Port), need.Tool(tb, "redis-server", "apt-get install redis-server"), "--bind", "127.0.0.1", "--save",
		"", "--port", "0",
		"--tls-port", fmt.Sprint(s.Port), "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", caFile, "--tls-auth-clients", "no")
	return s
}
