// Package isolation gives each attempt on each shard what it must not share: a database
// of its own, copied from a template, and whatever a pair of commands brings up and
// takes down. It removes what it created, also after failures and cancellations. What a
// killed run left behind is swept by later runs, by its marker and its age.
package isolation

import (
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
)

// Spec is the section "isolation" of the config.
type Spec struct {
	Postgres *Postgres         `yaml:"postgres" doc:"A PostgreSQL database of its own for each shard and attempt."`
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

// FileVariable names the file that up may write environment into.
const FileVariable = "E2E_ISOLATION_ENV"

// Enabled reports whether there is anything to do.
func (s *Spec) Enabled() bool { return s.Postgres != nil || len(s.Up) > 0 }

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Validate returns what is wrong with a resolved section. Paths start below
// "isolation".
func (s *Spec) Validate() []diag.Mistake {
	var found []diag.Mistake
	if len(s.Down) > 0 && len(s.Up) == 0 {
		found = append(found, diag.Mistake{Path: "down", Text: "down is set without up", Hint: "add up, or remove down"})
	}
	found = append(found, duration("timeout", s.Timeout)...)
	if s.Postgres == nil {
		return found
	}
	for _, p := range s.Postgres.validate() {
		p.Path = "postgres." + p.Path
		found = append(found, p)
	}
	return found
}

func (p *Postgres) validate() []diag.Mistake {
	var found []diag.Mistake
	if _, err := pgconn.ParseConfig(p.DSN); err != nil || p.DSN == "" {
		// The reason would quote the data source.
		found = append(found, diag.Mistake{
			Path: "dsn", Text: "the data source cannot be read", Hint: "write it as postgres://user:password@127.0.0.1:5432/postgres",
		})
	}
	if p.Template == "" {
		found = append(found, diag.Mistake{Path: "template", Text: "template is missing", Hint: "name the database that is to be copied"})
	}
	if p.Env != "" && !variable.MatchString(p.Env) {
		found = append(found, diag.Mistake{
			Path: "env", Text: fmt.Sprintf("invalid environment variable name %q", p.Env), Hint: "use letters, digits and underscores",
		})
	}
	return append(append(found, duration("timeout", p.Timeout)...), duration("sweep_after", p.SweepAfter)...)
}

func duration(path string, d time.Duration) []diag.Mistake {
	if d >= 0 {
		return nil
	}
	return []diag.Mistake{{Path: path, Text: "the duration is negative", Hint: "use one such as 1m"}}
}
