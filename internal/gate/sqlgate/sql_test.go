package sqlgate

import (
	"database/sql"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
	"github.com/org/e2e-gate/internal/testkit/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is one running database, whichever it is.
type bench struct {
	driver, open string // of the test's own connection
	spec         func(Spec) probe.Spec
	dsn          string
}

func (b bench) exec(t *testing.T, statements ...string) {
	t.Helper()
	servers.Exec(t, b.driver, b.open, statements...)
}

func (b bench) look(t *testing.T, s Spec) probe.Observation {
	t.Helper()
	if s.DSN == "" {
		s.DSN = b.dsn
	}
	spec := b.spec(s)
	o := gatekit.Look(t, spec, probe.Env{})
	gatekit.NoSecret(t, spec.New(probe.Env{}), o, servers.Password, s.DSN)
	return o
}

func asPostgres(s Spec) probe.Spec { p := Postgres(s); return &p }
func asMySQL(s Spec) probe.Spec    { m := MySQL(s); return &m }

func TestPostgres(t *testing.T) {
	server := servers.StartPostgres(t)
	servers.Exec(t, "pgx", server.DSN("postgres"), "CREATE DATABASE app", "CREATE ROLE reader LOGIN PASSWORD '"+servers.Password+"'")
	b := bench{driver: "pgx", open: server.DSN("app"), spec: asPostgres, dsn: server.DSN("app")}
	t.Run("connect", func(t *testing.T) {
		gatekit.Healthy(t, b.look(t, Spec{}), "connects")
		gatekit.Never(t, b.look(t, Spec{DSN: strings.Replace(b.dsn, servers.Password, "wrong-password", 1)}), "login",
			`28P01 password authentication failed for user "test"`)
		gatekit.Never(t, b.look(t, Spec{DSN: server.DSN("nope")}), "no_database", `3D000 database "nope" does not exist`)
		gatekit.Never(t, b.look(t, Spec{DSN: strings.Replace(b.dsn, "disable", "require", 1)}), "tls", "the server does not support TLS")
	})
	t.Run("permission", func(t *testing.T) {
		b.exec(t, "CREATE TABLE private (a int)")
		reader := strings.Replace(b.dsn, "test:", "reader:", 1)
		gatekit.Never(t, b.look(t, Spec{DSN: reader, Query: &Query{SQL: "SELECT count(*) FROM private"}}), "permission", "42501 permission denied for table private")
	})
	t.Run("hangs", func(t *testing.T) {
		gatekit.NotYet(t, b.look(t, Spec{Query: &Query{SQL: "SELECT pg_sleep(30)"}, Timeout: 100 * time.Millisecond}), "no answer within 100ms")
	})
	t.Run("reads only", func(t *testing.T) {
		gatekit.Never(t, b.look(t, Spec{Query: &Query{SQL: "CREATE TABLE made (a int)"}}), "query",
			"query: 25006 cannot execute CREATE TABLE in a read-only transaction")
	})
	b.testQuery(t)
	b.testTools(t)
	t.Run("lock of golang-migrate", func(t *testing.T) {
		b.testLock(t, "SELECT pg_advisory_lock("+lockID("public\x00schema_migrations\x00app")+")")
	})
	t.Run("gone", func(t *testing.T) {
		server.Kill()
		gatekit.NotYet(t, b.look(t, Spec{}), "connection refused")
	})
}

func TestMariaDB(t *testing.T) {
	server := servers.StartMariaDB(t)
	b := bench{driver: "mysql", open: server.Driver("app"), spec: asMySQL, dsn: server.DSN("app")}
	t.Run("connect", func(t *testing.T) {
		gatekit.Healthy(t, b.look(t, Spec{}), "connects")
		gatekit.Healthy(t, b.look(t, Spec{DSN: server.Driver("app")}), "connects")
		o := b.look(t, Spec{DSN: strings.Replace(b.dsn, servers.Password, "wrong-password", 1)})
		gatekit.Never(t, o, "login", "1045 Access denied for user 'test'@'127.0.0.1' (using password: YES)")
		gatekit.Never(t, b.look(t, Spec{DSN: server.DSN("nope")}), "no_database", "1049 Unknown database 'nope'")
		gatekit.Never(t, b.look(t, Spec{DSN: b.dsn + "?tls=true"}), "tls", "the server does not support TLS")
	})
	t.Run("permission", func(t *testing.T) {
		b.exec(t, "CREATE TABLE private (a int)", "CREATE USER reader@'127.0.0.1' IDENTIFIED BY '"+servers.Password+"'", "CREATE DATABASE open",
			"GRANT ALL ON open.* TO reader@'127.0.0.1'")
		reader := strings.Replace(server.DSN("open"), "test:", "reader:", 1)
		gatekit.Never(t, b.look(t, Spec{DSN: reader, Query: &Query{SQL: "SELECT count(*) FROM app.private"}}), "permission",
			"1142 SELECT command denied to user 'reader'@'127.0.0.1' for table `app`.`private`")
	})
	t.Run("hangs", func(t *testing.T) {
		gatekit.NotYet(t, b.look(t, Spec{Query: &Query{SQL: "SELECT SLEEP(30)"}, Timeout: 100 * time.Millisecond}), "no answer within 100ms")
	})
	t.Run("reads only", func(t *testing.T) {
		gatekit.Never(t, b.look(t, Spec{Query: &Query{SQL: "INSERT INTO private VALUES (1)"}}), "query",
			"query: 1792 Cannot execute statement in a READ ONLY transaction")
	})
	b.testQuery(t)
	b.testTools(t)
	t.Run("lock of golang-migrate", func(t *testing.T) { b.testLock(t, "SELECT GET_LOCK('"+lockID("app:schema_migrations")+"', 10)") })
	t.Run("gone", func(t *testing.T) {
		server.Kill()
		gatekit.NotYet(t, b.look(t, Spec{}), "connection refused")
	})
}

func (b bench) testQuery(t *testing.T) {
	t.Run("query", func(t *testing.T) {
		b.exec(t, "CREATE TABLE cases (a int)", "INSERT INTO cases VALUES (1), (2)")
		look := func(q Query) probe.Observation { return b.look(t, Spec{Query: &q}) }
		const count = "SELECT count(*) FROM cases"
		gatekit.Healthy(t, look(Query{SQL: count, Equals: "2.0"}), `connects, query "2"`)
		gatekit.Healthy(t, look(Query{SQL: count, AtLeast: "1", AtMost: "2", Matches: "^[0-9]$"}), `connects, query "2"`)
		for _, q := range []Query{{AtLeast: "3"}, {AtMost: "1"}, {Equals: "20"}, {Matches: "x"}} {
			q.SQL = count
			gatekit.NotYet(t, look(q), `query "2"`)
		}
		gatekit.NotYet(t, look(Query{SQL: "SELECT a FROM cases WHERE a = 9"}), "query returns no row")
		gatekit.Never(t, look(Query{SQL: "SELECT a FROM nowhere"}), "query", "query: no such table")
		if o := look(Query{SQL: "SELEC a"}); o.Word != "query" {
			t.Errorf("got %+v", o)
		}
	})
}

// testLock: a dirty row is a failure only when no migration is running.
func (b bench) testLock(t *testing.T, lock string) {
	b.exec(t, "DROP TABLE IF EXISTS schema_migrations", "CREATE TABLE schema_migrations (version bigint, dirty boolean)",
		"INSERT INTO schema_migrations VALUES (7, true)")
	db, err := sql.Open(b.driver, b.open)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), lock); err != nil {
		t.Fatal(err)
	}
	spec := Spec{Migration: &Migration{Tool: "golang-migrate", Version: "7"}}
	gatekit.NotYet(t, b.look(t, spec), "migration 7 is running")
	_ = conn.Close()
	_ = db.Close()
	gatekit.Never(t, b.look(t, spec), "dirty", "dirty migration 7")
}

func TestConnectionsThatHang(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pg := &Postgres{DSN: fmt.Sprintf("postgres://u:pw-1234@%s/app?sslmode=disable", l.Addr()), Timeout: 50 * time.Millisecond}
	gatekit.NotYet(t, gatekit.Look(t, pg, probe.Env{}), "no answer within 50ms")
	my := &MySQL{DSN: fmt.Sprintf("mysql://u:pw-1234@%s/app", l.Addr()), Timeout: 50 * time.Millisecond}
	gatekit.NotYet(t, gatekit.Look(t, my, probe.Env{}), "no answer within 50ms")
	if p := my.New(probe.Env{}); p.Target() != l.Addr().String()+"/app" {
		t.Error(p.Target())
	}
}

func TestPostgresReplica(t *testing.T) {
	primary := servers.StartPostgres(t)
	b := bench{driver: "pgx", open: primary.DSN("postgres"), spec: asPostgres, dsn: primary.DSN("postgres")}
	gatekit.Never(t, b.look(t, Spec{MaxLag: time.Second}), "no_replica", "no replication")
	replica := primary.Replica(t)
	// The replica answers before it has connected to its primary.
	wait(t, func() bool { return b.look(t, Spec{MaxLag: time.Minute}).Open() })
	r := bench{driver: "pgx", open: replica.DSN("postgres"), spec: asPostgres, dsn: replica.DSN("postgres")}
	gatekit.Healthy(t, r.look(t, Spec{MaxLag: time.Minute}), "connects, replica keeps up")
	gatekit.Healthy(t, b.look(t, Spec{MaxLag: time.Minute}), "connects, replica keeps up")
	// The replica receives and does not replay.
	r.exec(t, "SELECT pg_wal_replay_pause()")
	b.exec(t, "CREATE TABLE late (a int)", "INSERT INTO late VALUES (1)")
	wait(t, func() bool {
		o := r.look(t, Spec{MaxLag: time.Nanosecond})
		return !o.Open() && strings.HasSuffix(o.Observed, " behind") && o.Key == "replica behind"
	})
	r.exec(t, "SELECT pg_wal_replay_resume()")
	wait(t, func() bool { return r.look(t, Spec{MaxLag: time.Nanosecond}).Open() })
}

func TestMariaDBReplica(t *testing.T) {
	source := servers.StartMariaDB(t, "--log-bin", "--server-id=1")
	gatekit.Never(t, bench{spec: asMySQL, dsn: source.DSN("app")}.look(t, Spec{MaxLag: time.Minute}), "no_replica", "no replication")
	replica := servers.StartMariaDB(t, "--server-id=2")
	b := bench{driver: "mysql", open: replica.Driver("app"), spec: asMySQL, dsn: replica.DSN("app")}
	// From here on: the users of the test exist on both sides already.
	file, at := position(t, source.Driver("app"))
	b.exec(t, fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='test', MASTER_PASSWORD='%s', MASTER_LOG_FILE='%s', "+
		"MASTER_LOG_POS=%s", source.Port, servers.Password, file, at))
	gatekit.NotYet(t, b.look(t, Spec{MaxLag: time.Minute}), "replication is not running")
	b.exec(t, "START SLAVE")
	wait(t, func() bool { return b.look(t, Spec{MaxLag: time.Minute}).Observed == "connects, replica keeps up" })
	b.exec(t, "STOP SLAVE SQL_THREAD")
	gatekit.NotYet(t, b.look(t, Spec{MaxLag: time.Minute}), "replication is not running")
}

// position is where the source's log ends.
func position(t *testing.T, dsn string) (file, at string) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found, err := rows(t.Context(), db, "SHOW MASTER STATUS")
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0][0], found[0][1]
}

// wait waits for a condition of a server.
func wait(t *testing.T, ok func() bool) {
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

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Postgres{Timeout: -1, MaxLag: -1, Migration: &Migration{Tool: "flyweight", Version: "1", AtLeast: "2", Table: "a;b"},
		Query: &Query{Matches: "(", AtLeast: "many"}},
		"dsn: the data source cannot be read", `migration.tool: unknown tool "flyweight"`, "migration.table: this is not a table name",
		"migration.at_least: version and at_least exclude each other",
		"query.sql: the query is empty", "query.matches: bad regular expression: error parsing regexp: missing closing ): `(`", `query.at_least: "many" is not a number`,
		"max_lag: the duration is negative", "timeout: the duration is negative")
	gatekit.Problems(t, &MySQL{DSN: "mysql://u:p@h:1/db", Migration: &Migration{Tool: "alembic", AtLeast: "a1"}},
		"migration.at_least: the versions of alembic have no order")
	gatekit.Problems(t, &MySQL{DSN: "mysql://:"}, "dsn: the data source cannot be read")
}

func TestCompareVersions(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"1.9", "1.10", -1}, {"1", "1.0", 0}, {"1_2", "1.2", 0}, {"0012_b", "12_a", 1}, {"20240101", "3", 1}, {"2", "2.1", -1}, {"1.0", "1.0.1", -1},
		{"a", "b", -1}} {
		got := compareVersions(tt.a, tt.b)
		if (got > 0) != (tt.want > 0) || (got < 0) != (tt.want < 0) {
			t.Errorf("%s %s: %d", tt.a, tt.b, got)
		}
		if back := compareVersions(tt.b, tt.a); (got > 0) != (back < 0) {
			t.Errorf("%s %s: not symmetric", tt.a, tt.b)
		}
	}
}
