package servers

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver of the readiness check
	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the readiness check

	"github.com/org/e2e-gate/internal/testkit/need"
)

// Password is that of every user of every server here.
const Password = "pw-of-the-test"

// Postgres is a running PostgreSQL with a superuser "test", who logs in by
// password.
type Postgres struct {
	*Process
	Port int
	bin  string
	dir  string
}

// StartPostgres starts PostgreSQL; settings are lines of postgresql.conf.
func StartPostgres(tb testing.TB, settings ...string) *Postgres {
	tb.Helper()
	slow(tb)
	s := &Postgres{Port: FreePort(tb), bin: postgresBin(tb), dir: tb.TempDir()}
	data, pw := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "pw")
	write(tb, pw, Password)
	run(tb, as(tb, "postgres", s.dir, filepath.Join(s.bin, "initdb"), "-D", data, "-U", "test", "--pwfile", pw, "-A", "scram-sha-256", "--no-sync",
		"--locale=C", "-E", "UTF8")...)
	s.run(tb, data, settings...)
	return s
}

// Replica starts a replica of the server.
func (s *Postgres) Replica(tb testing.TB) *Postgres {
	tb.Helper()
	r := &Postgres{Port: FreePort(tb), bin: s.bin, dir: tb.TempDir()}
	data := filepath.Join(r.dir, "data")
	source := fmt.Sprintf("host=127.0.0.1 port=%d user=test password=%s", s.Port, Password)
	run(tb, as(tb, "postgres", r.dir, filepath.Join(s.bin, "pg_basebackup"), "-D", data, "-R", "--no-sync", "-c", "fast", "-d", source)...)
	r.run(tb, data)
	return r
}

func (s *Postgres) run(tb testing.TB, data string, settings ...string) {
	tb.Helper()
	argv := []string{filepath.Join(s.bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", fmt.Sprint(s.Port), "-k", s.dir, "-c", "fsync=off"}
	for _, setting := range settings {
		argv = append(argv, "-c", setting)
	}
	s.Process = start(tb, s.dir, ping("pgx", s.DSN("postgres")), as(tb, "postgres", s.dir, argv...)...)
}

// DSN is the superuser's data source for a database.
func (s *Postgres) DSN(database string) string {
	return fmt.Sprintf("postgres://test:%s@127.0.0.1:%d/%s?sslmode=disable", Password, s.Port, database)
}

// postgresBin is the folder of the server's programs, which Debian keeps off the
// path.
func postgresBin(tb testing.TB) string {
	tb.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	return filepath.Dir(need.Tool(tb, "postgres", "apt-get install postgresql"))
}

// MariaDB is a running MariaDB with a user "test" who may do everything.
type MariaDB struct {
	*Process
	Port int
}

// StartMariaDB starts MariaDB with further options of its command line.
func StartMariaDB(tb testing.TB, options ...string) *MariaDB {
	tb.Helper()
	slow(tb)
	server := need.Tool(tb, "mariadbd", "apt-get install mariadb-server")
	install := need.Tool(tb, "mariadb-install-db", "apt-get install mariadb-server")
	s, dir := &MariaDB{Port: FreePort(tb)}, tb.TempDir()
	data := filepath.Join(dir, "data")
	run(tb, as(tb, "mysql", dir, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")...)
	init := filepath.Join(dir, "init.sql")
	write(tb, init, "CREATE USER test@'127.0.0.1' IDENTIFIED BY '"+Password+"';\nGRANT ALL ON *.* TO test@'127.0.0.1' WITH GRANT OPTION;\nCREATE DATABASE app;\n")
	argv := append([]string{server, "--no-defaults", "--datadir=" + data, "--socket=" + filepath.Join(dir, "s"), "--bind-address=127.0.0.1",
		fmt.Sprintf("--port=%d", s.Port), "--init-file=" + init, "--skip-name-resolve"}, options...)
	s.Process = start(tb, dir, ping("mysql", s.Driver("app")), as(tb, "mysql", dir, argv...)...)
	return s
}

// Driver is the data source of a database in the driver's own form.
func (s *MariaDB) Driver(database string) string {
	return fmt.Sprintf("test:%s@tcp(127.0.0.1:%d)/%s?multiStatements=true", Password, s.Port, database)
}

// DSN is the data source of a database as a URL.
func (s *MariaDB) DSN(database string) string {
	return fmt.Sprintf("mysql://test:%s@127.0.0.1:%d/%s", Password, s.Port, database)
}

// Exec runs statements in a database.
func Exec(tb testing.TB, driver, dsn string, statements ...string) {
	tb.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a connection of the test
	for _, s := range statements {
		if _, err := db.ExecContext(tb.Context(), s); err != nil {
			tb.Fatalf("%s: %v", strings.SplitN(s, "\n", 2)[0], err)
		}
	}
}

func ping(driver, dsn string) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		db, err := sql.Open(driver, dsn)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		defer db.Close() //nolint:errcheck // a connection of the test
		if err := db.PingContext(ctx); err != nil {
			return fmt.Errorf("ping: %w", err)
		}
		return nil
	}
}

func write(tb testing.TB, name, text string) {
	tb.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}
