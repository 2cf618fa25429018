package isolation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/secrets"
)

// Config holds the inputs of isolation.
type Config struct {
	Spec Spec
	// Root is the repository root, Out the run's folder, which logs go to.
	Root, Out string
	RunID     string
	// BaseEnv is what commands may inherit from; Secrets are withheld by name.
	BaseEnv, Secrets []string
	// Redact wraps a log so that secrets do not reach it; nil: as it is.
	Redact func(io.Writer) io.WriteCloser
	// Hide is called with where secrets of shards are; it may be nil.
	Hide func(src secrets.Source)
	// Note is called with a sentence about side events, such as a swept database; it
	// may be nil.
	Note func(text string)
	Now  func() time.Time
}

// Isolation creates spaces. It is safe for concurrent use.
type Isolation struct {
	cfg               Config
	swept, sweptMySQL sync.Once
}

// New prepares isolation; nothing is created before [Isolation.Open].
func New(cfg Config) *Isolation {
	if cfg.Redact == nil {
		cfg.Redact = func(w io.Writer) io.WriteCloser { return nopCloser{w} }
	}
	if cfg.Hide == nil {
		cfg.Hide = func(secrets.Source) {}
	}
	if cfg.Note == nil {
		cfg.Note = func(string) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Isolation{cfg: cfg}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// Place is one attempt on one shard.
type Place struct {
	Shard, Attempt int
	// Prefix is unique among all places of all runs, and safe in a database's name.
	Prefix string
	// Identity is the environment that tells child processes their place.
	Identity map[string]string
}

// Space holds the resources of one place. Its methods are not safe for concurrent use.
type Space struct {
	i         *Isolation
	place     Place
	databases []made // or perhaps made
	dir       string // of up; it is gone after Close
	upped     bool
	// left is what up left running.
	left *proc.Left
	env  map[string]string
}

// maker makes databases on a server.
type maker interface {
	fields() fields
	// withDatabase is the data source with another database.
	withDatabase(name string) (string, error)
	create(ctx context.Context, name, comment string) (created, error)
	drop(ctx context.Context, name string) error
	sweep(ctx context.Context, now time.Time) []string
}

// made is a database by its name.
type made struct {
	maker
	name string
}

// databasePrefix starts the name of each database that is made.
const databasePrefix = "e2e_gate_"

// Open creates what a place needs. On an error it returns what was created so far,
// which must be closed as well.
func (i *Isolation) Open(ctx context.Context, place Place) (*Space, error) {
	s := &Space{i: i, place: place, env: map[string]string{}}
	if p := i.cfg.Spec.Postgres; p != nil {
		if err := s.makeDatabase(ctx, "postgres", p, &i.swept); err != nil {
			return s, err
		}
	}
	if m := i.cfg.Spec.MySQL; m != nil {
		if err := s.makeDatabase(ctx, "mysql", m, &i.sweptMySQL); err != nil {
			return s, err
		}
	}
	if len(i.cfg.Spec.Up) > 0 {
		return s, s.up(ctx)
	}
	return s, nil
}

// Env is the environment that the space adds for its suites.
func (s *Space) Env() map[string]string { return maps.Clone(s.env) }

// Log is the log of up and down, relative to the run's folder; empty where they
// never ran.
func (s *Space) Log() string {
	if !s.upped {
		return ""
	}
	return fmt.Sprintf("isolation/%d-%d.log", s.place.Shard, s.place.Attempt)
}

// Close removes everything again, within its own time limits. It goes on after an
// error, and may be called again.
func (s *Space) Close(ctx context.Context) error {
	var errs []error
	if s.upped {
		errs = append(errs, s.down(ctx))
	}
	for _, d := range s.databases {
		errs = append(errs, d.drop(ctx, d.name))
	}
	s.databases = nil
	return errors.Join(errs...)
}

func (s *Space) makeDatabase(ctx context.Context, section string, m maker, swept *sync.Once) error {
	cfg, f := &s.i.cfg, m.fields()
	swept.Do(func() {
		for _, text := range m.sweep(ctx, cfg.Now()) {
			cfg.Note(text)
		}
	})
	variable, workers := cmp.Or(f.env, DefaultEnv), s.i.cfg.Spec.Workers
	if workers == 0 {
		return s.makeOne(ctx, section, m, databasePrefix+s.place.Prefix, variable)
	}
	for n := range workers {
		numbered := fmt.Sprintf("%s_%d", variable, n)
		if err := s.makeOne(ctx, section, m, fmt.Sprintf("%s%s_w%d", databasePrefix, s.place.Prefix, n), numbered); err != nil {
			return err
		}
		if n == 0 { // for what is no worker
			s.env[variable] = s.env[numbered]
		}
	}
	s.env[WorkersVariable] = strconv.Itoa(workers)
	s.env[WorkerVariables] = strings.TrimPrefix(s.env[WorkerVariables]+","+variable, ",")
	return nil
}

// makeOne makes a database, which a variable hands over.
func (s *Space) makeOne(ctx context.Context, section string, m maker, name, variable string) error {
	cfg, f := &s.i.cfg, m.fields()
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(f.timeout, DefaultTimeout))
	defer cancel()
	dsn, err := m.withDatabase(name)
	if err != nil {
		return err
	}
	cfg.Hide(secrets.Source{Values: []string{dsn, f.dsn}})
	state, err := m.create(ctx, name, mark(cfg.Now(), cfg.RunID))
	if state == maybeCreated {
		s.databases = append(s.databases, made{m, name})
	}
	if err != nil {
		return fmt.Errorf("isolation.%s: %w", section, err)
	}
	s.env[variable] = dsn
	return nil
}

// up runs the up command of the config. From here on, down must run.
func (s *Space) up(ctx context.Context) error {
	var err error
	if s.dir, err = os.MkdirTemp("", "e2e-gate-isolation-"); err != nil {
		return fmt.Errorf("isolation.up: make a folder for its environment: %w", err)
	}
	s.upped = true
	if err := os.WriteFile(s.file(), nil, 0o600); err != nil {
		return fmt.Errorf("isolation.up: make the file for its environment: %w", err)
	}
	exit := s.command(ctx, "up", s.i.cfg.Spec.Up)
	s.left = exit.Left
	vars, err := readEnv(s.file())
	s.hide(vars)
	if !exit.OK() {
		return fmt.Errorf("isolation.up: %s; read its log %s", exit, s.Log())
	}
	if err != nil {
		return fmt.Errorf("isolation.up: %w", err)
	}
	maps.Copy(s.env, vars)
	return nil
}

func (s *Space) file() string { return filepath.Join(s.dir, "env") }

// hide masks the secrets among what up wrote.
func (s *Space) hide(vars map[string]string) {
	src := secrets.Source{Named: s.i.cfg.Secrets}
	for name, value := range vars {
		src.Environ = append(src.Environ, name+"="+value)
	}
	s.i.cfg.Hide(src)
}

func (s *Space) down(ctx context.Context) error {
	defer func() {
		s.left.End() // what down did not end
		s.upped = false
		_ = os.RemoveAll(s.dir)
	}()
	if len(s.i.cfg.Spec.Down) == 0 {
		return nil
	}
	if exit := s.command(ctx, "down", s.i.cfg.Spec.Down); !exit.OK() {
		return fmt.Errorf("isolation.down of shard %d: %s; something may be left, read its log %s", s.place.Shard, exit, s.Log())
	}
	return nil
}

// command runs up or down to its end.
func (s *Space) command(ctx context.Context, what string, argv []string) proc.Exit {
	cfg := &s.i.cfg
	log, err := s.open()
	if err != nil {
		return proc.Exit{Code: -1, Ended: proc.NotStarted, Err: err}
	}
	safe := cfg.Redact(log)
	defer func() { _, _ = safe.Close(), log.Close() }()
	_, _ = fmt.Fprintf(safe, "--- %s: %q\n", what, argv)
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(cfg.Spec.Timeout, DefaultCommand))
	defer cancel()
	env := proc.CleanEnv(proc.Env{Base: cfg.BaseEnv, Secrets: cfg.Secrets, Pass: cfg.Spec.PassEnv,
		Set: []map[string]string{cfg.Spec.Env, s.env, s.place.Identity, {FileVariable: s.file()}}})
	return proc.Run(ctx, proc.Spec{Argv: argv, Dir: filepath.Join(cfg.Root, filepath.FromSlash(cfg.Spec.Dir)), Env: env, Log: safe, Redact: cfg.Redact,
		KeepBackground: what == "up"})
}

func (s *Space) open() (*proc.Log, error) {
	return proc.OpenLog(s.i.cfg.Out, filepath.FromSlash(s.Log()))
}
