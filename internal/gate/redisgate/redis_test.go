package redisgate

import (
	"fmt"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"go.uber.org/goleak"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
	"github.com/org/e2e-gate/internal/testkit/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func look(t *testing.T, s *Spec) probe.Observation {
	t.Helper()
	o := gatekit.Look(t, s, probe.Env{})
	gatekit.NoSecret(t, s.New(probe.Env{}), o, servers.Password, "wrong-password")
	return o
}

func do(t *testing.T, server *servers.Redis, command string, args ...any) {
	t.Helper()
	conn, err := redis.Dial("tcp", server.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Do(command, args...); err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, ok func() bool) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-limit:
			t.Fatal("the condition did not come")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestLogin(t *testing.T) {
	open := servers.StartRedis(t)
	gatekit.Healthy(t, look(t, &Spec{Address: open.Address()}), "PONG")
	if o := look(t, &Spec{Address: open.Address(), Password: "wrong-password"}); o.Word != "login" {
		t.Errorf("got %+v", o)
	}
	closed := servers.StartRedis(t, "--requirepass", servers.Password)
	gatekit.Healthy(t, look(t, &Spec{Address: closed.Address(), Password: servers.Password}), "PONG")
	gatekit.Never(t, look(t, &Spec{Address: closed.Address()}), "login", "NOAUTH Authentication required.")
	gatekit.Never(t, look(t, &Spec{Address: closed.Address(), Password: "wrong-password"}), "login",
		"WRONGPASS invalid username-password pair or user is disabled.")
	acl := servers.StartRedis(t, "--user", "gate", "on", ">"+servers.Password, "-@all", "+ping")
	gatekit.Healthy(t, look(t, &Spec{Address: acl.Address(), Username: "gate", Password: servers.Password}), "PONG")
	if o := look(t, &Spec{Address: acl.Address(), Username: "gate", Password: servers.Password, Role: "master"}); o.Word != "permission" ||
		!strings.HasPrefix(o.Observed, "NOPERM ") {
		t.Errorf("got %+v", o)
	}
}

func TestReplication(t *testing.T) {
	master := servers.StartRedis(t)
	withReplica := &Spec{Address: master.Address(), Role: "master", MinReplicas: 1, MaxLag: time.Minute}
	gatekit.NotYet(t, look(t, withReplica), "replicas online: 0")
	replica := servers.StartRedis(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", master.Port))
	until(t, func() bool { return look(t, withReplica).Observed == "PONG, master, replicas online: 1" })
	asReplica := &Spec{Address: replica.Address(), Role: "replica", MaxLag: time.Minute}
	until(t, func() bool { return look(t, asReplica).Observed == "PONG, replica, link up" })
	gatekit.NotYet(t, look(t, &Spec{Address: replica.Address(), Role: "master"}), "replica")
	master.Kill()
	until(t, func() bool { return look(t, asReplica).Observed == "link to the master is down" })
	gatekit.NotYet(t, look(t, withReplica), "connection refused")
	do(t, replica, "REPLICAOF", "NO", "ONE")
	gatekit.NotYet(t, look(t, asReplica), "master")
}

func TestMemory(t *testing.T) {
	server := servers.StartRedis(t, "--maxmemory", "32mb", "--maxmemory-policy", "noeviction")
	s := &Spec{Address: server.Address(), MaxMemoryPercent: 20}
	gatekit.Healthy(t, look(t, s), "PONG, memory within bounds")
	do(t, server, "SET", "a", strings.Repeat("x", 8<<20))
	if o := look(t, s); !strings.HasPrefix(o.Observed, "memory ") || o.Key != "memory" || o.Open() {
		t.Errorf("got %+v", o)
	}
	unbound := servers.StartRedis(t)
	gatekit.Healthy(t, look(t, &Spec{Address: unbound.Address(), MaxMemoryPercent: 60}), "PONG, memory within bounds")
}

func TestTLS(t *testing.T) {
	ca := gatekit.NewAuthority(t)
	cert, key := ca.Write(t)
	server := servers.StartRedisTLS(t, filepath.Join(ca.Dir, "ca.pem"), cert, key)
	in := func(s *Spec) probe.Observation { return gatekit.Look(t, s, probe.Env{Root: ca.Dir}) }
	gatekit.Healthy(t, in(&Spec{Address: server.Address(), TLS: &trust.TLS{CAFile: "ca.pem"}}), "PONG")
	gatekit.Never(t, in(&Spec{Address: server.Address(), TLS: &trust.TLS{}}), "tls", `certificate of an unknown authority (issuer "gate test CA")`)
	if o := in(&Spec{Address: server.Address(), TLS: &trust.TLS{CAFile: "ca.pem", MinDaysLeft: 400}}); o.Word != "tls" {
		t.Errorf("got %+v", o)
	}
}

func TestOtherServers(t *testing.T) {
	web := httptest.NewServer(nil)
	defer web.Close()
	gatekit.Never(t, look(t, &Spec{Address: web.Listener.Addr().String()}), "not_redis", "not the answer of a redis server")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	gatekit.NotYet(t, look(t, &Spec{Address: l.Addr().String(), Timeout: 50 * time.Millisecond}), "no answer within 50ms")
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{Address: "redis://h:1", Username: "u", Role: "slave", MinReplicas: -1, MaxMemoryPercent: 101,
		TLS: &trust.TLS{MinDaysLeft: -1}, MaxLag: -1, Timeout: -1},
		"address: the address is a url, but the redis check takes host:port", "password: a user needs a password", `role: unknown role "slave"`,
		"min_replicas: min_replicas needs a master, and a number of at least 0",
		"max_memory_percent: the number is not between 1 and 100", "tls.min_days_left: the number of days is negative", "max_lag: the duration is negative",
		"timeout: the duration is negative")
}

func TestExpected(t *testing.T) {
	p := (&Spec{Address: "h:1", Role: "master", MinReplicas: 2, MaxLag: time.Second, MaxMemoryPercent: 90}).New(probe.Env{})
	if got := p.Expected(); got != "PONG, master, replicas >= 2, lag at most 1s, memory at most 90%" {
		t.Error(got)
	}
}
