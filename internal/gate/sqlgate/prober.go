package sqlgate

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
)

// dialect is what the two kinds of databases do differently.
type dialect interface {
	kind() string
	example() string
	parse(dsn string) (source, error)
	// fault classifies an error of the server. ok is false if it is not one, or an
	// unknown one.
	fault(err error) (f fault, ok bool)
	// migrating reports whether golang-migrate holds its lock on the table.
	migrating(ctx context.Context, q querier, table string) (bool, error)
	// age is an expression for the seconds since a column of UTC time.
	age(column string) string
	// lag is how far replication is behind. known is false if there is no replication.
	lag(ctx context.Context, q querier) (l lag, err error)
}

// querier runs queries.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// source is a parsed data source.
type source struct {
	// target is host, port and database.
	target   string
	password string
	// connector connects within the bounds of a probe's context.
	connector func(ctx context.Context) driver.Connector
}

// fault is an error that the server answered with.
type fault struct {
	word             string // empty: it may pass
	observed, reason string
}

func (f fault) observation() probe.Observation {
	if f.word == "" {
		return probe.NotYet(f.observed, f.reason)
	}
	return probe.Never(f.word, f.observed, f.reason+"; or add "+f.word+" to retry_on")
}

// lag is the state of replication.
type lag struct {
	known   bool
	stopped bool
	behind  time.Duration
}

func (s *Spec) build(d dialect, env probe.Env) probe.Probe {
	if problems := s.validate(d); len(problems) > 0 {
		return probe.BrokenProbe(d.kind(), "", problems)
	}
	src, _ := d.parse(s.DSN)
	return &prober{spec: s, dialect: d, source: src, mask: env.Hide([]string{s.DSN, src.password})}
}

type prober struct {
	spec    *Spec
	dialect dialect
	source  source
	mask    func(string) string
}

func (p *prober) Kind() string   { return p.dialect.kind() }
func (p *prober) Target() string { return p.mask(p.source.target) }

func (p *prober) Expected() string {
	parts := []string{"connects"}
	if p.spec.Migration != nil {
		parts = append(parts, p.spec.Migration.expected())
	}
	if p.spec.Query != nil {
		parts = append(parts, p.spec.Query.expected())
	}
	if p.spec.MaxLag > 0 {
		parts = append(parts, "replica at most "+p.spec.MaxLag.String()+" behind")
	}
	return p.mask(strings.Join(parts, ", "))
}

// Probe connects, looks within a read-only transaction, and closes the
// connection.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	o := p.look(ctx)
	o.Observed, o.Reason = p.mask(o.Observed), p.mask(o.Reason)
	return o
}

func (p *prober) look(ctx context.Context) probe.Observation {
	db := sql.OpenDB(p.source.connector(ctx))
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return p.fault(ctx, err)
	}
	defer func() { _ = tx.Rollback() }()
	seen := []string{"connects"}
	for _, look := range []func(context.Context, querier) (string, probe.Observation, error){p.migration, p.query, p.replication} {
		text, o, err := look(ctx, tx)
		if err != nil {
			return p.fault(ctx, err)
		}
		if o.Finality != "" {
			return o
		}
		if text != "" {
			seen = append(seen, text)
		}
	}
	return probe.Healthy(strings.Join(seen, ", "))
}

// fault turns an error into an answer. Errors of the drivers quote the data
// source and are not used, those of the server are.
func (p *prober) fault(ctx context.Context, err error) probe.Observation {
	if f, ok := p.dialect.fault(err); ok {
		return f.observation()
	}
	if o, ok := trust.Fault(err); ok {
		return o
	}
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = context.DeadlineExceeded
	}
	return probe.NetFault(err, probe.TimeoutOr(p.spec.Timeout))
}

func (p *prober) migration(ctx context.Context, q querier) (string, probe.Observation, error) {
	m := p.spec.Migration
	if m == nil {
		return "", probe.Observation{}, nil
	}
	s, err := tools[m.Tool].read(ctx, p.dialect, q, m.table())
	if err != nil {
		if f, ok := p.dialect.fault(err); ok && f.word == wordTable {
			return "", m.wrongTable(f), nil
		}
		return "", probe.Observation{}, err
	}
	text, o := m.judge(s)
	return text, o, nil
}

func (p *prober) replication(ctx context.Context, q querier) (string, probe.Observation, error) {
	if p.spec.MaxLag == 0 {
		return "", probe.Observation{}, nil
	}
	l, err := p.dialect.lag(ctx, q)
	if err != nil {
		return "", probe.Observation{}, err
	}
	text := "replica " + l.behind.Round(time.Millisecond).String() + " behind"
	switch {
	case !l.known:
		return "", probe.Never(wordNoReplica, "no replication",
			"the server neither is a replica nor has one; check the host, remove max_lag, or add no_replica to retry_on if replicas come up later"), nil
	case l.stopped:
		return "", probe.NotYet("replication is not running", "the replica does not replicate; look at its replication status and log"), nil
	case l.behind > p.spec.MaxLag:
		o := probe.NotYet(text, fmt.Sprintf("the replica is more than %s behind; wait, or look at the load of both servers", p.spec.MaxLag))
		o.Key = "replica behind"
		return "", o, nil
	}
	return "replica keeps up", probe.Observation{}, nil
}

// rows reads all rows of a query as text; null is the empty text.
func rows(ctx context.Context, q querier, query string) ([][]string, error) {
	found, err := q.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	defer func() { _ = found.Close() }()
	columns, err := found.Columns()
	if err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	var all [][]string
	for found.Next() && len(all) < maxRows {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := found.Scan(into...); err != nil {
			return nil, fmt.Errorf("read row: %w", err)
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = v.String
		}
		all = append(all, row)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return all, nil
}

// maxRows bounds what is read of a table: no project has so many migrations.
const maxRows = 20000
