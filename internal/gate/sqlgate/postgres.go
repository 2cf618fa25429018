package sqlgate

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/safetext"
)

type postgres struct{}

func (postgres) kind() string    { return "postgres" }
func (postgres) example() string { return "postgres://user:password@127.0.0.1:5432/app" }

func (postgres) parse(dsn string) (source, error) {
	if dsn == "" {
		return source{}, errors.New("no dsn")
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return source{}, errors.New("unreadable dsn")
	}
	// One round trip per query and nothing kept: connection poolers take it.
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0
	config.RuntimeParams["application_name"] = "e2e-gate"
	connector := func(ctx context.Context) driver.Connector {
		c := config.Copy()
		c.DialFunc = boundDial(ctx)
		return stdlib.GetConnector(*c)
	}
	target := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))) + "/" + config.Database
	return source{target: target, password: config.Password, connector: connector}, nil
}

// afterEnd bounds what the driver does when the probe's time is up: it asks the
// server, on a second connection, to end the query.
const afterEnd = time.Second

func boundDial(probe context.Context) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if probe.Err() == nil {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
		ctx, cancel := context.WithTimeout(ctx, afterEnd)
		defer cancel()
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, fmt.Errorf("connect to cancel: %w", err)
		}
		if err := conn.SetDeadline(time.Now().Add(afterEnd)); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("bound connection: %w", err)
		}
		return conn, nil
	}
}

func (postgres) fault(err error) (fault, bool) {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		if strings.Contains(err.Error(), "server refused TLS connection") {
			return fault{trust.Word, "the server does not support TLS",
				"the data source requires TLS, but the server does not support it; correct sslmode in the dsn"}, true
		}
		return fault{}, false
	}
	text := safetext.Plain(pg.Code+" "+pg.Message, probe.MaxQuote)
	switch {
	case pg.Code == "57P03":
		return fault{"", text, "the server is starting or recovering; wait, or look at its log"}, true
	case strings.HasPrefix(pg.Code, "28"):
		return loginRefused(text), true
	case pg.Code == "3D000":
		return noDatabase(text), true
	case pg.Code == "42501":
		return notAllowed(text), true
	case pg.Code == "42P01", pg.Code == "3F000":
		return fault{wordTable, noTable, "a table does not exist; check its name"}, true
	case pg.Code == "42703":
		return fault{wordTable, text, "a column does not exist; check the table"}, true
	case strings.HasPrefix(pg.Code, "42"), pg.Code == "25006", strings.HasPrefix(pg.Code, "22"):
		return fault{wordQuery, text, "the server does not accept the query; correct it"}, true
	}
	return fault{"", text, "the server answers with an error; look at its log"}, true
}

// noTable is what a table that does not exist is observed as.
const noTable = "no such table"

func loginRefused(text string) fault {
	return fault{wordLogin, text, "the server refuses the login; check user and password in the dsn, and which hosts the server accepts"}
}

func noDatabase(text string) fault {
	return fault{wordDatabase, text, "the database does not exist; check its name in the dsn, or create it"}
}

func notAllowed(text string) fault {
	return fault{wordPermission, text, "the user lacks a privilege; grant it, or use another user in the dsn"}
}

// lockID is the number of golang-migrate's advisory lock
// (database.GenerateAdvisoryLockId there).
func lockID(text string) string {
	const salt = 1486364155
	return strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(text))*salt), 10)
}

func (postgres) migrating(ctx context.Context, q querier, table string) (bool, error) {
	names, err := rows(ctx, q, "SELECT current_schema(), current_database()")
	if err != nil || len(names) == 0 {
		return false, err
	}
	schema := names[0][0]
	if s, t, ok := strings.Cut(table, "."); ok {
		schema, table = s, t
	}
	id := lockID(strings.Join([]string{schema, table, names[0][1]}, "\x00"))
	held, err := rows(ctx, q, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = "+id)
	return len(held) > 0, err
}

func (postgres) age(column string) string { return "EXTRACT(EPOCH FROM now() - " + column + ")" }

// lag: a replica that has replayed all that it received is not behind, however
// long ago the last transaction was; one that has replayed none since its start is
// behind since then. A primary knows it of each of its replicas.
func (postgres) lag(ctx context.Context, q querier) (lag, error) {
	found, err := rows(ctx, q, `SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END,
		(SELECT count(*) FROM pg_stat_replication),
		CASE WHEN pg_is_in_recovery() THEN
			CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
			ELSE EXTRACT(EPOCH FROM now() - COALESCE(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())) END
		ELSE (SELECT max(EXTRACT(EPOCH FROM replay_lag)) FROM pg_stat_replication) END`)
	if err != nil || len(found) == 0 {
		return lag{}, err
	}
	row := found[0]
	return lag{known: row[0] == "1" || row[1] != "0", behind: seconds(row[2])}, nil
}

// seconds reads a number of seconds; an unknown one is none.
func seconds(text string) time.Duration {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}
