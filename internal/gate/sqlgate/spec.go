// Package sqlgate is the postgres and the mysql check: a database that takes
// connections, is at the expected migration, answers a query as expected, and whose
// replicas keep up. It only reads, within a read-only transaction.
package sqlgate

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/safetext"
)

// Spec is the part of the config that both kinds share.
type Spec struct {
	DSN       string        `yaml:"dsn" doc:"Data source, as a URL (postgres://user:password@host:5432/db?sslmode=require, mysql://user:password@host:3306/db) or in the driver's own form. Secret."`
	Migration *Migration    `yaml:"migration" doc:"Migration that the schema must have."`
	Query     *Query        `yaml:"query" doc:"A query, and what its first value must be."`
	MaxLag    time.Duration `yaml:"max_lag" doc:"A replica may be this far behind: the one connected to; on a PostgreSQL primary, every connected replica, at least one."`
	Timeout   time.Duration `yaml:"timeout" doc:"Longest time of a single probe with its connection. Default 5s."`
}

// Postgres is the postgres check of the config.
type Postgres Spec

// MySQL is the mysql check of the config; MariaDB speaks the same.
type MySQL Spec

// Migration is the state that a migration tool must have reached.
type Migration struct {
	Tool     string   `yaml:"tool" doc:"Tool that writes the migration table." enum:"flyway,liquibase,golang-migrate,goose,alembic,rails,prisma,django,atlas"`
	Version  string   `yaml:"version" doc:"Newest migration, exactly. For liquibase its id or tag, for django app.name, for prisma its name."`
	AtLeast  string   `yaml:"at_least" doc:"Newest migration, this or a later one. Not for alembic, whose versions have no order."`
	Contains []string `yaml:"contains" doc:"Migrations that must all have been applied; for alembic the heads, all of them."`
	Table    string   `yaml:"table" doc:"Table of the tool, with its schema if need be. Default: the tool's own."`
}

// Query is a query with its expectation; without one, a row is enough.
type Query struct {
	SQL     string `yaml:"sql" doc:"Query that returns one value. It runs in a read-only transaction. It is never shown."`
	Equals  string `yaml:"equals" doc:"Value that it must have. Numbers compare as numbers."`
	Matches string `yaml:"matches" doc:"Regular expression (RE2) that must match somewhere in it."`
	AtLeast string `yaml:"at_least" doc:"Smallest allowed number."`
	AtMost  string `yaml:"at_most" doc:"Largest allowed number."`
}

// The words of retry_on.
const (
	wordLogin      = "login"
	wordDatabase   = "no_database"
	wordPermission = "permission"
	wordTable      = "wrong_table"
	wordDirty      = "dirty"
	wordAhead      = "ahead"
	wordQuery      = "query"
	wordNoReplica  = "no_replica"
)

var retryWords = []string{wordAhead, wordDirty, wordLogin, wordDatabase, wordNoReplica, wordPermission, wordQuery, trust.Word, wordTable}

// Validate returns what is wrong with the spec.
func (p *Postgres) Validate() []diag.Mistake { return (*Spec)(p).validate(postgres{}) }

// New builds the probe.
func (p *Postgres) New(env probe.Env) probe.Probe { return (*Spec)(p).build(postgres{}, env) }

// ProbeTimeout bounds a single probe.
func (p *Postgres) ProbeTimeout() time.Duration { return probe.TimeoutOr(p.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (p *Postgres) RetryWords() []string { return slices.Clone(retryWords) }

// Validate returns what is wrong with the spec.
func (m *MySQL) Validate() []diag.Mistake { return (*Spec)(m).validate(maria{}) }

// New builds the probe.
func (m *MySQL) New(env probe.Env) probe.Probe { return (*Spec)(m).build(maria{}, env) }

// ProbeTimeout bounds a single probe.
func (m *MySQL) ProbeTimeout() time.Duration { return probe.TimeoutOr(m.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (m *MySQL) RetryWords() []string { return slices.Clone(retryWords) }

func (s *Spec) validate(d dialect) []diag.Mistake {
	var problems []diag.Mistake
	if _, err := d.parse(s.DSN); err != nil {
		// The reason would quote the data source.
		problems = append(problems, diag.Mistake{Path: "dsn", Text: "the data source cannot be read", Hint: "write it as " + d.example()})
	}
	problems = append(problems, probe.Under("migration", s.Migration.validate())...)
	problems = append(problems, probe.Under("query", s.Query.validate())...)
	problems = append(problems, probe.CheckDuration("max_lag", s.MaxLag)...)
	return append(problems, probe.CheckDuration("timeout", s.Timeout)...)
}

var tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$`)

func (m *Migration) validate() []diag.Mistake {
	if m == nil {
		return nil
	}
	var problems []diag.Mistake
	t, known := tools[m.Tool]
	if !known {
		problems = append(problems, diag.Mistake{Path: "tool", Text: fmt.Sprintf("unknown tool %q", m.Tool), Hint: diag.Expected(m.Tool, toolNames())})
	}
	if m.Table != "" && !tableName.MatchString(m.Table) {
		problems = append(problems, diag.Mistake{Path: "table", Text: "this is not a table name", Hint: "write it as schema_migrations or app.schema_migrations"})
	}
	if m.Version != "" && m.AtLeast != "" {
		problems = append(problems, diag.Mistake{Path: "at_least", Text: "version and at_least exclude each other", Hint: "remove one of them"})
	}
	if m.AtLeast != "" && known && t.order == unordered {
		problems = append(problems, diag.Mistake{
			Path: "at_least", Text: "the versions of " + m.Tool + " have no order", Hint: "use version, or contains with all heads",
		})
	}
	return problems
}

func (q *Query) validate() []diag.Mistake {
	if q == nil {
		return nil
	}
	var problems []diag.Mistake
	if q.SQL == "" {
		problems = append(problems, diag.Mistake{Path: "sql", Text: "the query is empty", Hint: "write it as select count(*) from cases"})
	}
	if _, err := regexp.Compile(q.Matches); err != nil {
		problems = append(problems, diag.Mistake{
			Path: "matches", Text: "bad regular expression: " + safetext.Plain(err.Error(), probe.MaxQuote), Hint: "use RE2 syntax",
		})
	}
	for _, bound := range [][2]string{{"at_least", q.AtLeast}, {"at_most", q.AtMost}} {
		if _, err := strconv.ParseFloat(bound[1], 64); bound[1] != "" && err != nil {
			problems = append(problems, diag.Mistake{Path: bound[0], Text: fmt.Sprintf("%q is not a number", bound[1]), Hint: "write it as 100 or 0.5"})
		}
	}
	return problems
}
