package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/adapter/github"
	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/trigger"
)

// common are the flags of every command that reads a config.
type common struct {
	Config string `help:"Config file. Default: .github/e2e-gate.yml, then e2e-gate.yml." placeholder:"FILE" type:"path"`
	Format string `help:"Output: text or json." enum:"text,json" default:"text"`
}

// staged are the flags of commands that work on a stage.
type staged struct {
	common
	Stage   string `help:"Stage of the config; overrides the event. Outside CI the default is the first." placeholder:"NAME"`
	Select  string `help:"Tag expression that narrows the stage's selection." placeholder:"EXPR"`
	Service string `help:"Only suites and journeys of this service." placeholder:"NAME"`
	Shards  string `help:"Number of shards, or auto." placeholder:"N|auto"`
	Out     string `help:"Folder for documents and evidence. Default: .e2e-gate/runs/<run id>." placeholder:"DIR" type:"path"`
	Key     string `help:"Tells two calls of the gate in one workflow apart." placeholder:"KEY"`
	Release string `help:"Tag of the release under test, whose commit is checked out. On release events and pushed tags the default is their own." placeholder:"TAG"`
}

// setup is what a command needs before a session can start.
type setup struct {
	app     *App
	root    string
	trigger trigger.Trigger
	config  *config.Config
	stage   config.Stage
	redact  *safetext.Redactor
	console *report.Console
	runID   string
	// store keeps the history, at address.
	store   history.Store
	address history.Address
	// changed are the files of the change under test.
	changed []string
	// earlier are folders with documents of earlier attempts.
	earlier []string
	// unread are documents that are there and could not be fetched.
	unread []pipeline.Unread
	// unpublished says what could not be published, and why.
	unpublished []string
	// owners are the teams that may be called: on a pull request the base's.
	owners map[string]string
	// policyDigest is of what judges.
	policyDigest string
	// client publishes; nil until it is needed.
	client *github.Client
	// deployment is found once; 0 until then.
	deployment int64
	// releaseAsked: a flag names the release.
	releaseAsked bool
	// key tells two calls of the gate in one workflow apart.
	key string
	// elsewhere is asked for what the history's store may have lost; nil: nobody is.
	elsewhere history.Elsewhere
	// out is the run's folder.
	out string
	// incomplete: something of it was meant to be published.
	incomplete bool
}

// begin prepares a command that starts a run of its own and plans nothing.
func (a *App) begin(ctx context.Context, f staged, uses config.Sections) (*setup, *pipeline.Session, error) {
	s, err := a.prepare(ctx, f, uses, "")
	if err != nil {
		return nil, nil, err
	}
	session, err := s.session(ctx, f, false)
	return s, session, err
}

// prepare reads everything that can be wrong before anything is started.
func (a *App) prepare(ctx context.Context, f staged, uses config.Sections, runID string) (*setup, error) {
	s := &setup{app: a, trigger: trigger.Detect(a.getenv), runID: runID, key: f.Key}
	var err error
	if s.root, err = root(); err != nil {
		return nil, err
	}
	if _, err := config.ParseSelect(f.Select); err != nil {
		return nil, usage("--select: %w", err)
	}
	if err := s.refuseTarget(ctx); err != nil {
		return nil, err
	}
	s.releaseAsked = f.Release != ""
	s.releaseOf(ctx, f.Release)
	if s.trigger.SHA == "" {
		s.trigger.SHA = s.git(ctx, "rev-parse", "HEAD")
	}
	s.changed = s.changedPaths(ctx)
	if s.runID == "" {
		s.runID = pipeline.NewRunID(a.Now())
	}
	if err := s.read(f, uses); err != nil {
		return nil, usageError{err}
	}
	store := ""
	if slices.Contains(uses, "history") {
		store = s.config.History.Store // elsewhere its variables are not resolved
	}
	if s.store, s.address, err = a.openStore(s.root, store); err != nil {
		return nil, err
	}
	s.redact = safetext.NewRedactor(s.config.Masked)
	s.mask()
	s.console = a.console(s.redact)
	if runID == "" { // a plan that was made elsewhere brings it along
		s.nameGroup(ctx)
	}
	for _, note := range s.trigger.Notes {
		s.console.Note(note)
	}
	return s, nil
}

// refuseTarget refuses to run what somebody put into a pull request with the rights of
// the base: pull_request_target comes with secrets and a token that may write.
func (s *setup) refuseTarget(ctx context.Context) error {
	if s.trigger.Event != "pull_request_target" {
		return nil
	}
	head := s.git(ctx, "rev-parse", "HEAD")
	if head != "" && (head == s.app.getenv("GITHUB_SHA") || head == s.trigger.BaseSHA) {
		return nil
	}
	return usage("this workflow runs on pull_request_target and has not checked out the base, so the pull request's code would run with the repository's secrets and a token that may write; use on: pull_request, and for comments on pull requests from forks a workflow_run job with the command publish (docs/forks.md)")
}

// read reads the config twice: once for its stages, since ${E2E_STAGE} and
// ${E2E_TARGET} depend on the one that is chosen, then as a whole.
func (s *setup) read(f staged, uses config.Sections) error {
	opts := config.Options{Root: s.root, File: f.Config}
	peeked, err := config.Peek(opts)
	if mistakes := (diag.Errors{}); err != nil && !errors.As(err, &mistakes) {
		return err // Load says the mistakes, with those that it alone finds
	}
	stage, stageErr := chooseStage(peeked, f.Stage, s.trigger)
	opts.Uses, opts.Lookup = uses, s.lookup(stage)
	if s.config, err = config.Load(opts); err != nil {
		return err
	}
	s.stage, _ = s.config.Stage(stage.Name)
	return stageErr
}

// lookup resolves variables: the gate's own, then the environment.
func (s *setup) lookup(stage config.Stage) func(string) (string, bool) {
	own := map[string]string{"E2E_SHA": s.trigger.SHA, "E2E_RUN_ID": s.runID, "E2E_STAGE": stage.Name, "E2E_TARGET": stage.Target}
	return func(name string) (string, bool) {
		if value := own[name]; value != "" {
			return value, true
		}
		return s.app.lookup(name)
	}
}

// chooseStage takes the stage that is named, else the first that runs on the
// event, else outside CI the first.
func chooseStage(c *config.Config, name string, t trigger.Trigger) (config.Stage, error) {
	if name != "" {
		if st, ok := c.Stage(name); ok {
			return st, nil
		}
		var names []string
		for _, st := range c.Stages {
			names = append(names, st.Name)
		}
		return config.Stage{}, fmt.Errorf("there is no stage %s; %s", name, diag.Expected(name, names))
	}
	for _, st := range c.Stages {
		if !t.CI || t.Event == "" || matches(st, t) {
			return st, nil
		}
	}
	return config.Stage{}, fmt.Errorf("no stage runs on the event %s of branch %q; add the event to a stage's on:, or choose a stage with --stage", t.Event, t.Branch)
}

func matches(st config.Stage, t trigger.Trigger) bool {
	if !slices.Contains(st.On, t.Event) || st.Cron != "" && t.Schedule != "" && st.Cron != t.Schedule {
		return false
	}
	return len(st.Branches) == 0 || slices.ContainsFunc(st.Branches, func(glob string) bool {
		ok, err := doublestar.Match(glob, t.Branch)
		return ok && err == nil
	})
}

// session wires a session.
func (s *setup) session(ctx context.Context, f staged, matrix bool) (*pipeline.Session, error) {
	count, err := shardCount(f.Shards)
	if err != nil {
		return nil, err
	}
	quarantine, err := s.quarantine()
	if err != nil {
		return nil, usageError{err}
	}
	cfg := *s.config
	quarantine, problems := s.judge(ctx, &cfg, quarantine)
	s.owners = cfg.Owners
	s.policyDigest = policyDigest(&cfg, quarantine)
	if f.Shards == "auto" {
		cfg.Shards.Count = 0
	}
	return pipeline.New(pipeline.Options{
		Root: s.root, Out: f.Out, Config: &cfg, Stage: s.stage, Trigger: s.trigger, RunID: s.runID, Key: f.Key, Select: f.Select, Service: f.Service,
		Shards: count, Matrix: matrix, Quarantine: quarantine, ChangedPaths: s.changed, Earlier: s.earlier, Unread: s.unread, Problems: problems,
		History: s.history(), BaseEnv: s.app.Environ, Redact: s.redact,
		Progress: s.console, Version: version(), Now: s.app.Now,
	}), nil
}

func shardCount(text string) (int, error) {
	if text == "" || text == "auto" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 256 {
		return 0, usage("--shards takes auto or a number from 1 to 256, not %q", text)
	}
	return n, nil
}

func (s *setup) quarantine() (policy.Quarantine, error) {
	if s.config.Quarantine == "" {
		return nil, nil
	}
	return config.ReadQuarantine(filepath.Join(s.root, filepath.FromSlash(s.config.Quarantine)))
}

// history is the log in the store.
func (s *setup) history() *history.Log {
	return &history.Log{Store: s.store, Copies: s.copies(), Elsewhere: s.elsewhere, Now: s.app.Now}
}

// cached reports whether the Action is to keep the history in the cache: that of the
// default branch, since nobody sees the caches of other branches.
func (s *setup) cached() bool {
	return s.trigger.DefaultBranch && s.address.Kind == history.KindActions
}

// root is the git top level, else the working directory.
func root() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return wd, nil
		}
	}
}

// maxChanged bounds how many files of a change are looked at.
const maxChanged = 5000

// changedPaths asks git for the files of the change. A shallow checkout does not
// have the base, and then nobody knows.
func (s *setup) changedPaths(ctx context.Context) []string {
	if s.trigger.BaseSHA == "" {
		return nil
	}
	paths := strings.FieldsFunc(s.git(ctx, "diff", "--name-only", "-z", s.trigger.BaseSHA+"...HEAD"), func(r rune) bool { return r == 0 })
	return paths[:min(len(paths), maxChanged)]
}

// git asks git; without git or a commit the answer is empty.
func (s *setup) git(ctx context.Context, args ...string) string {
	var out strings.Builder
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	exit := proc.Run(ctx, proc.Spec{Argv: append([]string{"git"}, args...), Dir: s.root, Env: proc.CleanEnv(proc.Env{Base: s.app.Environ}), Stdout: &out})
	if !exit.OK() {
		return ""
	}
	return strings.TrimSpace(out.String())
}
