package gate

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/dnsgate"
	"github.com/org/e2e-gate/internal/gate/fixturesgate"
	"github.com/org/e2e-gate/internal/gate/flagsgate"
	"github.com/org/e2e-gate/internal/gate/grpcgate"
	"github.com/org/e2e-gate/internal/gate/kafkagate"
	"github.com/org/e2e-gate/internal/gate/kubegate"
	"github.com/org/e2e-gate/internal/gate/oidcgate"
	"github.com/org/e2e-gate/internal/gate/redisgate"
	"github.com/org/e2e-gate/internal/gate/s3gate"
	"github.com/org/e2e-gate/internal/gate/sqlgate"
	"github.com/org/e2e-gate/internal/gate/tlsgate"
	"github.com/org/e2e-gate/internal/gate/versiongate"
)

// silent accepts connections, keeps them all, and never writes a byte.
type silent struct {
	net.Listener
	udp   net.PacketConn
	done  chan struct{}
	mu    sync.Mutex
	conns []net.Conn
}

func newSilent(t *testing.T) *silent {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &silent{Listener: l, udp: udp, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
		}
	}()
	return s
}

// allClosed fails for a connection that the other side has not ended.
func (s *silent) allClosed(t *testing.T) {
	t.Helper()
	_ = s.Close()
	_ = s.udp.Close()
	<-s.done
	if len(s.conns) < 12 {
		t.Errorf("only %d connections were made", len(s.conns))
	}
	for _, conn := range s.conns {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the connection from %s is still open", conn.RemoteAddr())
		}
		_ = conn.Close()
	}
}

// hanging are checks of every kind that connects, against a server that hangs. Each
// would wait for a minute by itself.
func hanging(t *testing.T, s *silent) []Check {
	t.Helper()
	const minute = time.Minute
	at, url := s.Addr().String(), "http://"+s.Addr().String()
	config := filepath.Join(t.TempDir(), "kubeconfig")
	text := "current-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: \"" + url +
		"\"}}]\nusers: [{name: u, user: {token: t}}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []Check{
		{HTTP: &HTTPSpec{URL: url, Timeout: minute}},
		{Version: &versiongate.Spec{URL: []string{url}, Equals: "1", Timeout: minute}},
		{Fixtures: &fixturesgate.Spec{URL: url, Semver: "^1", Timeout: minute}},
		{Postgres: &sqlgate.Postgres{DSN: "postgres://u@" + at + "/db?sslmode=disable", Timeout: minute}},
		{Postgres: &sqlgate.Postgres{DSN: "postgres://u@" + at + "/db?sslmode=require", Timeout: minute}},
		{MySQL: &sqlgate.MySQL{DSN: "mysql://u@" + at + "/db", Timeout: minute}},
		{Redis: &redisgate.Spec{Address: at, Timeout: minute}},
		{Kafka: &kafkagate.Spec{Brokers: []string{at}, Timeout: minute}},
		{S3: &s3gate.Spec{Endpoint: url, Bucket: "bucket", AccessKey: "a", SecretKey: "b", Timeout: minute}},
		{OIDC: &oidcgate.Spec{Issuer: url, Timeout: minute}},
		{Flags: &flagsgate.Spec{URL: url, Expect: map[string]string{"f": "1"}, Timeout: minute}},
		{Kubernetes: &kubegate.Spec{Kubeconfig: config, Workloads: []kubegate.Workload{{Name: "deployment/api"}}, Timeout: minute}},
		{GRPC: &grpcgate.Spec{Address: at, Timeout: minute}},
		{TLS: &tlsgate.Spec{Address: at, Timeout: minute}},
		{DNS: &dnsgate.Spec{Name: "api.example", Server: s.udp.LocalAddr().String(), Timeout: minute}},
	}
}

// Thirty checks, half of which hang, one of each kind: the wait ends at its
// deadline, and neither a goroutine nor a connection is left.
func TestEveryKindEndsAtTheDeadline(t *testing.T) {
	// Names that other packages of this process left.
	before := goleak.IgnoreCurrent()
	s := newSilent(t)
	spec := Spec{Timeout: time.Second, Interval: 100 * time.Millisecond, Checks: hanging(t, s)}
	kinds := map[string]bool{"tcp": true, "command": true}
	for i := range spec.Checks {
		spec.Checks[i].Name = fmt.Sprint("hangs ", i)
		kinds[spec.Checks[i].chosen()[0].name] = true
	}
	for _, k := range (&Check{}).kinds() {
		if !kinds[k.name] {
			t.Errorf("no check of kind %s", k.name)
		}
	}
	for len(spec.Checks) < 30 {
		spec.Checks = append(spec.Checks, Check{Name: fmt.Sprint("open ", len(spec.Checks)), TCP: tcp(s.Addr().String())})
	}
	if problems := spec.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	ended := make(chan []e2e.Gate, 1)
	go func() { ended <- New(spec, Options{}).Wait(t.Context()) }()
	select {
	case gates := <-ended:
		for i, g := range gates {
			if open := i >= 15; g.Open() != open || g.Finality == e2e.Never {
				t.Errorf("unexpected gate %+v", g)
			}
		}
	case <-time.After(30 * time.Second):
		t.Fatal("a check does not heed the deadline")
	}
	s.allClosed(t)
	goleak.VerifyNone(t, before)
}
