// Package isolation gives each attempt on each shard what it must not share: a database
// of its own, copied from a template, and whatever a pair of commands brings up and
// takes down. It removes what it created, also after failures and cancellations. What a
// killed run left behind is swept by later runs, by its marker and its age.
package isolation

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
)

// Spec is the section "isolation" of the config.
type Spec struct {
	Postgres *Postgres         `yaml:"postgres" doc:"A PostgreSQL database of its own for each shard and attempt."`
	MySQL    *MySQL            `yaml:"mysql" doc:"A MySQL or MariaDB database of its own for each shard and attempt."`
	Workers  int               `yaml:"workers" doc:"Number of copies of each database, for the workers of a framework that runs tests at the same time in one process group: worker 0 has the variable with _0 at its end, and so on. Default: one, for the whole shard."`
	Up       []string          `yaml:"up" doc:"Argument vector of a command that brings up what a shard's attempt needs for itself, and returns. It gets the shard's environment; lines KEY=VALUE that it writes into the file E2E_ISOLATION_ENV become environment variables of the shard's suites."`
	Down     []string          `yaml:"down" doc:"Argument vector of a command that takes it down again; it always runs once up was started."`
	Dir      string            `yaml:"dir" doc:"Working directory of up and down, from the repository root."`
	Env      map[string]string `yaml:"env" doc:"Environment variables of up and down, in addition to those that all child processes get."`
	PassEnv  []string          `yaml:"pass_env" doc:"Withheld variables to pass on to up and down, by name."`
	Timeout  time.Duration     `yaml:"timeout" doc:"Limit for up and down each. Default 5m."`
	Stages   []string          `yaml:"stages" judge:"base" doc:"Stages that have it; none means all."`
	Services []string          `yaml:"services" judge:"base" doc:"Services that need it: only batches with a test that needs one of them get it. With no services and no journeys, every batch gets it."`
	Journeys []string          `yaml:"journeys" judge:"base" doc:"Journeys whose tests need it."`

	// Scope is what services and journeys come to; nil: every batch gets it.
	Scope *e2e.Scope `yaml:"-"`
}

// Postgres makes databases.
type Postgres struct {
	DSN        string        `yaml:"dsn" doc:"Data source of a user that may create databases, as a URL or in keyword form. Suites get it with the database replaced. Secret."`
	Template   string        `yaml:"template" doc:"Database to copy. No session may be connected to it meanwhile."`
	Env        string        `yaml:"env" doc:"Environment variable that hands the data source to the suites. Default DATABASE_URL."`
	Timeout    time.Duration `yaml:"timeout" doc:"Maximum time to create a database, including the wait for the template to be free. Default 1m."`
	SweepAfter time.Duration `yaml:"sweep_after" doc:"Age from which databases left behind by killed runs are dropped. They are recognised by their comment. Default 6h."`
}

// Defaults of the config.
const (
	DefaultEnv        = "DATABASE_URL"
	DefaultTimeout    = time.Minute
	DefaultSweepAfter = 6 * time.Hour
	DefaultCommand    = 5 * time.Minute
)

// maxWorkers bounds workers.
const maxWorkers = 64

// The variables by which the reporters of frameworks give each worker the database that is its own: the names of the variables, and how
// many workers there may be.
const (
	WorkerVariables = "E2E_WORKER_VARIABLES"
	WorkersVariable = "E2E_WORKERS"
)

// FileVariable names the file that up may write environment into.
const FileVariable = "E2E_ISOLATION_ENV"

// Enabled reports whether there is anything to do.
func (s *Spec) Enabled() bool { return s.Postgres != nil || s.MySQL != nil || len(s.Up) > 0 }

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Validate returns what is wrong with a resolved section. Paths start below
// "isolation".
func (s *Spec) Validate() []diag.Mistake {
	var found []diag.Mistake
	if len(s.Down) > 0 && len(s.Up) == 0 {
		found = append(found, diag.Mistake{Path: "down", Text: "down is set without up", Hint: "add up, or remove down"})
	}
	found = append(found, duration("timeout", s.Timeout)...)
	under := func(section string, list []diag.Mistake) {
		for _, p := range list {
			p.Path = section + "." + p.Path
			found = append(found, p)
		}
	}
	if s.Workers < 0 || s.Workers > maxWorkers {
		found = append(found, diag.Mistake{Path: "workers", Text: fmt.Sprintf("the number is not between 1 and %d", maxWorkers),
			Hint: "use as many as the framework has workers"})
	}
	if s.Workers > 0 && s.Postgres == nil && s.MySQL == nil {
		found = append(found, diag.Mistake{Path: "workers", Text: "there is no database to copy for each worker",
			Hint: "add postgres or mysql; up sees E2E_SHARD, and tests E2E_WORKER"})
	}
	if s.Postgres != nil {
		under("postgres", s.Postgres.validate())
	}
	if s.MySQL != nil {
		under("mysql", s.MySQL.validate())
	}
	if s.Postgres != nil && s.MySQL != nil && cmp.Or(s.Postgres.Env, DefaultEnv) == cmp.Or(s.MySQL.Env, DefaultEnv) {
		found = append(found, diag.Mistake{Path: "mysql.env", Text: "both databases would be handed over in one variable", Hint: "give each an env of its own"})
	}
	return found
}

func (p *Postgres) fields() fields { return fields{p.DSN, p.Template, p.Env, p.Timeout, p.SweepAfter} }

func (p *Postgres) validate() []diag.Mistake {
	_, err := pgconn.ParseConfig(p.DSN)
	return p.fields().validate(err == nil && p.DSN != "", errDSN)
}

// fields are those of a section for a database.
type fields struct {
	dsn, template, env  string
	timeout, sweepAfter time.Duration
}

// validate checks them; unreadable is said of a data source that cannot be read. The driver's reason would quote it.
func (f fields) validate(readable bool, unreadable error) []diag.Mistake {
	var found []diag.Mistake
	if !readable {
		text, hint, _ := strings.Cut(unreadable.Error(), "; ")
		found = append(found, diag.Mistake{Path: "dsn", Text: text, Hint: hint})
	}
	if f.template == "" {
		found = append(found, diag.Mistake{Path: "template", Text: "template is missing", Hint: "name the database that is to be copied"})
	}
	if f.env != "" && !variable.MatchString(f.env) {
		found = append(found, diag.Mistake{
			Path: "env", Text: fmt.Sprintf("invalid environment variable name %q", f.env), Hint: "use letters, digits and underscores",
		})
	}
	return append(append(found, duration("timeout", f.timeout)...), duration("sweep_after", f.sweepAfter)...)
}

func duration(path string, d time.Duration) []diag.Mistake {
	if d >= 0 {
		return nil
	}
	return []diag.Mistake{{Path: path, Text: "the duration is negative", Hint: "use one such as 1m"}}
}
