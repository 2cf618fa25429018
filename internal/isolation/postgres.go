package isolation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/org/e2e-gate/internal/safetext"
)

// Error codes of PostgreSQL that are handled here.
const (
	codeInUse  = "55006" // a session is connected to the template
	codeExists = "42P04"
	codeNone   = "3D000" // no such database
)

// Time limits of everything but creating a database.
const (
	dropTime  = 30 * time.Second
	sweepTime = 20 * time.Second
	markTime  = 5 * time.Second
	maxSwept  = 50
	firstWait = 100 * time.Millisecond
	longWait  = 2 * time.Second
)

var errDSN = errors.New("the data source cannot be read; write it as postgres://user:password@127.0.0.1:5432/postgres")

// marker is the comment on a database that e2e-gate created: when, in seconds since
// 1970, and in which run.
var marker = regexp.MustCompile(`^e2e-gate ([0-9]{1,12}) [A-Za-z0-9_.-]+$`)

func mark(now time.Time, run string) string {
	safe := regexp.MustCompile(`[^A-Za-z0-9_.-]`).ReplaceAllString(run, "_")
	return fmt.Sprintf("e2e-gate %d %s", now.Unix(), safe[:min(len(safe), 100)])
}

// madeAt is when the database with this comment was created; ok is false if the comment
// is not ours.
func madeAt(comment string) (at time.Time, ok bool) {
	m := marker.FindStringSubmatch(comment)
	if m == nil {
		return at, false
	}
	seconds, err := strconv.ParseInt(m[1], 10, 64)
	return time.Unix(seconds, 0), err == nil
}

func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }

// connect connects to another database than the template: a connection to the template
// would block the copy.
func (p *Postgres) connect(ctx context.Context) (*pgconn.PgConn, error) {
	config, err := pgconn.ParseConfig(p.DSN)
	if err != nil {
		return nil, errDSN
	}
	if config.Database == p.Template {
		config.Database = "postgres"
	}
	config.RuntimeParams["application_name"] = "e2e-gate"
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %s; check dsn", said(ctx, err))
	}
	return conn, nil
}

func exec(ctx context.Context, conn *pgconn.PgConn, sql string) ([]*pgconn.Result, error) {
	return conn.Exec(ctx, sql).ReadAll()
}

// created says what is known of a database after the attempt to create it: if the
// connection broke, it may exist.
type created int

const (
	notCreated created = iota
	maybeCreated
)

// create creates a database and sets its marker.
func (p *Postgres) create(ctx context.Context, name, comment string) (created, error) {
	conn, err := p.connect(ctx)
	if err != nil {
		return notCreated, err
	}
	defer closeNow(conn)
	if err := p.copy(ctx, conn, name); err != nil {
		state := notCreated
		if codeOf(err) == "" {
			state = maybeCreated
		}
		return state, fmt.Errorf("copy the template %s: %s; %s", p.Template, said(ctx, err), advice(ctx, err))
	}
	// A database without its marker would never be swept.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	defer cancel()
	if _, err := exec(ctx, conn, fmt.Sprintf("COMMENT ON DATABASE %s IS '%s'", identifier(name), comment)); err != nil {
		return maybeCreated, fmt.Errorf("mark the database: %s; look at the server's log", said(ctx, err))
	}
	return maybeCreated, nil
}

// copy waits as long as ctx lasts for the template to be free. The server itself
// waits some seconds before it says that it is not.
func (p *Postgres) copy(ctx context.Context, conn *pgconn.PgConn, name string) error {
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		_, err := exec(ctx, conn, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", identifier(name), identifier(p.Template)))
		if codeOf(err) != codeInUse {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// drop drops a database of this run, whoever is still connected to it.
func (p *Postgres) drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, dropTime)
	defer cancel()
	conn, err := p.connect(ctx)
	if err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	defer closeNow(conn)
	if _, err := exec(ctx, conn, "DROP DATABASE IF EXISTS "+identifier(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database %s: %s; drop it by hand, or leave it to a later run", name, said(ctx, err))
	}
	return nil
}

// sweep drops databases that killed runs left behind: those with our marker that are
// older than a run can be. A database with a session is left alone. It returns a
// sentence for each one that it dropped or could not drop.
func (p *Postgres) sweep(ctx context.Context, now time.Time) []string {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	conn, err := p.connect(ctx)
	if err != nil {
		return nil // creating a database will report it
	}
	defer closeNow(conn)
	var said []string
	for _, name := range p.leftovers(ctx, conn, now) {
		if _, err := exec(ctx, conn, "DROP DATABASE IF EXISTS "+identifier(name)); err != nil {
			said = append(said, fmt.Sprintf("database %s of an earlier run cannot be dropped (%s)", name, words(err)))
			continue
		}
		said = append(said, fmt.Sprintf("dropped database %s, left behind by a run that ended early", name))
	}
	return said
}

func (p *Postgres) leftovers(ctx context.Context, conn *pgconn.PgConn, now time.Time) []string {
	age := p.SweepAfter
	if age == 0 {
		age = DefaultSweepAfter
	}
	results, err := exec(ctx, conn, "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE NOT datistemplate AND "+
		"shobj_description(oid, 'pg_database') LIKE 'e2e-gate %' ORDER BY datname")
	if err != nil || len(results) == 0 {
		return nil
	}
	var old []string
	for _, row := range results[0].Rows {
		name := string(row[0])
		if at, ours := madeAt(string(row[1])); ours && now.Sub(at) >= age && name != p.Template && len(old) < maxSwept {
			old = append(old, name)
		}
	}
	return old
}

func closeNow(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

func codeOf(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// said explains why something failed: its timeout, or [words].
func said(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return fmt.Sprintf("timed out (%s)", words(err))
	}
	return words(err)
}

// words is the error text of the server or of the network. The driver's own text would
// name user and database.
func words(err error) string {
	var pg *pgconn.PgError
	var op *net.OpError
	switch {
	case errors.As(err, &pg):
		return safetext.Plain(pg.Code+" "+pg.Message, 300)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "no answer"
	case errors.As(err, &op):
		return safetext.Plain(op.Err.Error(), 300)
	case strings.Contains(err.Error(), "server refused TLS"):
		return "the server does not support TLS"
	}
	return "the connection broke"
}

func advice(ctx context.Context, err error) string {
	switch codeOf(err) {
	case "":
		if ctx.Err() != nil {
			return "a session may be connected to it, or it may be large; then raise timeout"
		}
	case codeInUse:
		return "a session stays connected to it; copy a database that is not in use"
	case codeExists:
		return "this attempt of the run has been here before"
	case codeNone:
		return "create it first, or correct template"
	case "42501":
		return "give the user of dsn the right CREATEDB, and make it owner of the template or mark that as IS_TEMPLATE"
	}
	return "look at the server's log"
}
