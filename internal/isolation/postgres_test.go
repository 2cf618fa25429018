package isolation

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/org/e2e-gate/internal/secrets"
	"github.com/org/e2e-gate/internal/testkit/servers"
)

// names lists the databases of a server that are ours by name.
func names(t *testing.T, s *servers.Postgres) []string {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(conn)
	results, err := exec(t.Context(), conn, "SELECT datname FROM pg_database WHERE datname LIKE 'e2e_gate_%' OR datname LIKE 'kept%' ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, row := range results[0].Rows {
		list = append(list, string(row[0]))
	}
	return list
}

// connected is an open connection to a database.
func connected(t *testing.T, dsn string) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(conn) })
	return conn
}

func TestPostgres(t *testing.T) {
	s := servers.StartPostgres(t)
	servers.Exec(t, "pgx", s.DSN("postgres"), `CREATE DATABASE "cases; of ""all"""`)
	template := `cases; of "all"`
	servers.Exec(t, "pgx", strings.Replace(s.DSN("x"), "/x?", "/cases;%20of%20%22all%22?", 1), "CREATE TABLE cases (id int)", "INSERT INTO cases VALUES (42)")
	spec := func() Spec { return Spec{Postgres: &Postgres{DSN: s.DSN("postgres"), Template: template}} }
	for name, test := range map[string]func(*testing.T, *servers.Postgres, Spec){
		"copies, hands over and drops": testCopies, "waits for the template": testWaits, "gives up on a template in use": testGivesUp,
		"says why without the data source": testWords, "sweeps by marker and age": testSweep, "leaves what it did not make": testExisting,
	} {
		t.Run(name, func(t *testing.T) { test(t, s, spec()) })
	}
}

func testCopies(t *testing.T, s *servers.Postgres, spec Spec) {
	var mu sync.Mutex
	var hidden []string
	i := New(Config{Spec: spec, RunID: "e2e-1-x", Hide: func(src secrets.Source) { mu.Lock(); defer mu.Unlock(); hidden = append(hidden, valuesOf(src)...) }})
	spaces := make([]*Space, 3)
	var group sync.WaitGroup
	for n := range spaces {
		group.Go(func() {
			var err error
			if spaces[n], err = i.Open(t.Context(), Place{Shard: n, Attempt: 1, Prefix: fmt.Sprintf("p%d", n)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := names(t, s); !slices.Equal(got, []string{"e2e_gate_p0", "e2e_gate_p1", "e2e_gate_p2"}) {
		t.Fatalf("databases %v", got)
	}
	for n, space := range spaces {
		dsn := space.Env()["DATABASE_URL"]
		if !slices.Contains(hidden, dsn) || !slices.Contains(hidden, servers.Password) {
			t.Errorf("%s is not hidden", dsn)
		}
		// This suite writes and never closes its connection.
		conn := connected(t, dsn)
		if _, err := exec(t.Context(), conn, fmt.Sprintf("UPDATE cases SET id = %d WHERE id = 42", n)); err != nil {
			t.Error(err)
		}
		db, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Fatal(err)
		}
		var id int
		if err := db.QueryRowContext(t.Context(), "SELECT id FROM cases").Scan(&id); err != nil || id != n {
			t.Errorf("shard %d sees %d, %v", n, id, err)
		}
		_ = db.Close()
		for range 2 {
			if err := space.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	if got := names(t, s); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func testWaits(t *testing.T, s *servers.Postgres, spec Spec) {
	busy := connected(t, strings.Replace(s.DSN("x"), "/x?", "/cases;%20of%20%22all%22?", 1))
	refused := make(chan struct{})
	go func() {
		defer close(refused)
		// The server records refused copies only in its statistics. That a copy waits for
		// the template is seen by the gate's own connection.
		watch, err := pgconn.Connect(context.Background(), s.DSN("postgres"))
		if err != nil {
			t.Error(err)
			return
		}
		defer closeNow(watch)
		for {
			results, err := exec(context.Background(), watch,
				"SELECT 1 FROM pg_stat_activity WHERE application_name = 'e2e-gate' AND query LIKE 'CREATE DATABASE%' AND state = 'idle'")
			if err != nil || len(results[0].Rows) > 0 {
				break
			}
		}
		closeNow(busy)
	}()
	space, err := New(Config{Spec: spec, RunID: "r"}).Open(t.Context(), Place{Prefix: "wait"})
	<-refused
	if err != nil {
		t.Fatal(err)
	}
	if err := space.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func testGivesUp(t *testing.T, s *servers.Postgres, spec Spec) {
	connected(t, strings.Replace(s.DSN("x"), "/x?", "/cases;%20of%20%22all%22?", 1))
	spec.Postgres.Timeout = 300 * time.Millisecond
	space, err := New(Config{Spec: spec, RunID: "r"}).Open(t.Context(), Place{Prefix: "never"})
	if err == nil || !strings.Contains(err.Error(), "timed out") || !strings.Contains(err.Error(), "a session may be connected to it") {
		t.Error(err)
	}
	if err := space.Close(t.Context()); err != nil || len(names(t, s)) != 0 {
		t.Error(err, names(t, s))
	}
}

func testWords(t *testing.T, s *servers.Postgres, spec Spec) {
	wrong := strings.Replace(s.DSN("postgres"), servers.Password, "wrong-password", 1)
	for want, p := range map[string]*Postgres{
		"password authentication failed": {DSN: wrong, Template: "x"},
		"does not exist":                 {DSN: s.DSN("postgres"), Template: "no-such-template"},
		"connection refused":             {DSN: strings.Replace(s.DSN("postgres"), fmt.Sprint(s.Port), fmt.Sprint(servers.FreePort(t)), 1), Template: "x"},
		"does not support TLS":           {DSN: strings.Replace(s.DSN("postgres"), "sslmode=disable", "sslmode=require", 1), Template: "x"},
	} {
		space, err := New(Config{Spec: Spec{Postgres: p}, RunID: "r"}).Open(t.Context(), Place{Prefix: "words"})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wrong-password") ||
			strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), servers.Password) {
			t.Errorf("%v, want %s", err, want)
		}
		if err := space.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func testSweep(t *testing.T, s *servers.Postgres, spec Spec) {
	now := time.Unix(2_000_000_000, 0)
	comment := func(age time.Duration) string { return mark(now.Add(-age), "e2e-1-dead") }
	all := map[string]string{
		"e2e_gate_old": comment(7 * time.Hour), "e2e_gate_used": comment(7 * time.Hour), "kept_young": comment(5 * time.Hour), "kept_plain": "",
		"kept_other": "made by somebody at 1", "kept_alike": comment(9*time.Hour) + "; not quite", "kept_future": comment(-time.Hour),
	}
	for name, text := range all {
		servers.Exec(t, "pgx", s.DSN("postgres"), "CREATE DATABASE "+identifier(name))
		if text != "" {
			servers.Exec(t, "pgx", s.DSN("postgres"), fmt.Sprintf("COMMENT ON DATABASE %s IS '%s'", identifier(name), text))
		}
	}
	connected(t, s.DSN("e2e_gate_used"))
	var notes []string
	space, err := New(Config{Spec: spec, RunID: "r", Now: func() time.Time { return now },
		Note: func(text string) { notes = append(notes, text) }}).Open(t.Context(), Place{Prefix: "sweeper"})
	if err != nil {
		t.Fatal(err)
	}
	if err := space.Close(t.Context()); err != nil {
		t.Error(err)
	}
	want := []string{"e2e_gate_used", "kept_alike", "kept_future", "kept_other", "kept_plain", "kept_young"}
	if got := names(t, s); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
	if len(notes) != 2 || !strings.Contains(notes[0], "dropped database e2e_gate_old") ||
		!strings.Contains(notes[1], "e2e_gate_used of an earlier run cannot be dropped (55006") {
		t.Errorf("notes %q", notes)
	}
	for _, name := range want {
		servers.Exec(t, "pgx", s.DSN("postgres"), "DROP DATABASE "+identifier(name)+" WITH (FORCE)")
	}
}

func testExisting(t *testing.T, s *servers.Postgres, spec Spec) {
	servers.Exec(t, "pgx", s.DSN("postgres"), "CREATE DATABASE e2e_gate_mine")
	space, err := New(Config{Spec: spec, RunID: "r"}).Open(t.Context(), Place{Prefix: "mine"})
	if err == nil || !strings.Contains(err.Error(), "42P04") {
		t.Error(err)
	}
	if err := space.Close(t.Context()); err != nil || !slices.Contains(names(t, s), "e2e_gate_mine") {
		t.Errorf("a database of another user was dropped: %v", err)
	}
	servers.Exec(t, "pgx", s.DSN("postgres"), "DROP DATABASE e2e_gate_mine")
}

// A gate that is cancelled while the server copies drops what came of it.
func TestCancelledWhileCopying(t *testing.T) {
	s := servers.StartPostgres(t)
	servers.Exec(t, "pgx", s.DSN("postgres"), "CREATE DATABASE big")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		watch, err := pgconn.Connect(context.Background(), s.DSN("postgres"))
		defer cancel()
		if err != nil {
			t.Error(err)
			return
		}
		defer closeNow(watch)
		for ctx.Err() == nil {
			results, err := exec(context.Background(), watch, "SELECT 1 FROM pg_stat_activity WHERE application_name = 'e2e-gate' AND query LIKE 'CREATE DATABASE%'")
			if err != nil || len(results[0].Rows) > 0 {
				return
			}
		}
	}()
	space, err := New(Config{Spec: Spec{Postgres: &Postgres{DSN: s.DSN("postgres"), Template: "big"}}, RunID: "r"}).Open(ctx, Place{Prefix: "cancelled"})
	t.Logf("open: %v", err) // it may have been quicker
	cancel()
	if err := space.Close(context.WithoutCancel(ctx)); err != nil {
		t.Error(err)
	}
	if got := names(t, s); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func TestValidate(t *testing.T) {
	s := Spec{Down: []string{"x"}, Timeout: -1, Postgres: &Postgres{DSN: "postgres://u:secret@h:port/", Env: "A-B", SweepAfter: -time.Hour}}
	var got []string
	for _, p := range s.Validate() {
		got = append(got, p.Path)
		if strings.Contains(p.Text+p.Hint, "secret") {
			t.Error(p)
		}
	}
	if want := []string{"down", "timeout", "postgres.dsn", "postgres.template", "postgres.env", "postgres.sweep_after"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
