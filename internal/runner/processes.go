package runner

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

// ProcessSpec is a background process, or a pair of commands that bring an environment
// up and take it down.
type ProcessSpec struct {
	Name    string            `yaml:"name" doc:"Name in messages and log files." required:"true"`
	Run     []string          `yaml:"run" doc:"Argument vector of a process that runs until it is ended."`
	Up      []string          `yaml:"up" doc:"Argument vector of a command that brings something up and returns, such as docker compose up -d --wait."`
	Down    []string          `yaml:"down" doc:"Argument vector of a command that takes it down again; it always runs."`
	Logs    []string          `yaml:"logs" doc:"Argument vector of a command that prints logs, which are collected as evidence before down."`
	Dir     string            `yaml:"dir" doc:"Working directory, from the repository root."`
	Env     map[string]string `yaml:"env" doc:"Environment variables, in addition to those that all child processes get."`
	PassEnv []string          `yaml:"pass_env" doc:"Withheld variables to pass on, by name."`
	Timeout time.Duration     `yaml:"timeout" doc:"Limit for up, down and logs each. Default 5m."`

	Port  string `yaml:"port" enum:"auto" doc:"auto: a free port of this machine. Its number is in a variable, PAYMENT_API_PORT for a process payment-api: in the config and in every child process. In the commands and the environment of the process itself, {port} stands for it."`
	Count int    `yaml:"count" doc:"Number of copies, each with a name that ends in its number, worker-1 and so on, and {index} in its commands and environment for that. Default: one, without a number."`

	Stages   []string `yaml:"stages" judge:"base" doc:"Stages that the process belongs to; none means all."`
	Services []string `yaml:"services" judge:"base" doc:"Services that the process is for: it is started only if a selected test needs one of them. With no services and no journeys, every test needs the process."`
	Journeys []string `yaml:"journeys" judge:"base" doc:"Journeys whose tests need the process."`

	// Scope is what services and journeys come to; nil: every test needs the process.
	Scope *e2e.Scope `yaml:"-"`
	// Index is the number of a copy, from 1; 0: it is no copy.
	Index int `yaml:"-"`
}

// defaultCommandTimeout limits up, down and logs.
const defaultCommandTimeout = 5 * time.Minute

// ProcessesConfig holds the inputs of the background processes.
type ProcessesConfig struct {
	Specs []ProcessSpec
	// Root is the repository root, Out the run's folder.
	Root, Out string
	BaseEnv   []string
	Secrets   []string
	Identity  map[string]string
	// Ports are those of the processes that asked for one.
	Ports  *Reserved
	Redact func(io.Writer) io.WriteCloser
	// Progress is called with a sentence about each step; it may be nil.
	Progress func(text string)
}

// Processes are the background processes.
type Processes struct {
	cfg     ProcessesConfig
	mu      sync.Mutex
	running []*beside
	started []ProcessSpec
	ups     []ProcessSpec // whose up was started, so that down must run
	left    []*proc.Left  // what their up commands left running
	died    chan e2e.ProcessEnd
	deaths  []e2e.ProcessEnd
	// served: the gates have passed, and what answered them is known to be ours.
	served bool
	// watchers end with the processes.
	watchers sync.WaitGroup
}

type beside struct {
	spec ProcessSpec
	p    *proc.Process
	log  *proc.Log
	safe io.WriteCloser
}

// NewProcesses prepares them; nothing runs before [Processes.Start].
func NewProcesses(cfg ProcessesConfig) *Processes {
	if cfg.Redact == nil {
		cfg.Redact = func(w io.Writer) io.WriteCloser { return nopCloser{w} }
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	return &Processes{cfg: cfg, died: make(chan e2e.ProcessEnd, len(cfg.Specs)+1)}
}

// Start starts them in order: an up command is waited for, a run process is not;
// the gates say when it is ready. On an error, what was started stays up until
// [Processes.Stop] and [Processes.Down].
func (ps *Processes) Start(ctx context.Context) error {
	for _, spec := range ps.cfg.Specs {
		if err := ps.StartOne(ctx, spec); err != nil {
			return err
		}
	}
	return nil
}

// StartOne is [Processes.Start] for one of them.
func (ps *Processes) StartOne(ctx context.Context, spec ProcessSpec) error {
	spec = ps.filled(spec)
	ps.mu.Lock()
	ps.started = append(ps.started, spec)
	ps.mu.Unlock()
	ps.cfg.Ports.release(spec.Name)
	if len(spec.Up) > 0 {
		return ps.up(ctx, spec)
	}
	return ps.run(spec)
}

func (ps *Processes) up(ctx context.Context, spec ProcessSpec) error {
	ps.cfg.Progress(fmt.Sprintf("bringing up %s", spec.Name))
	ps.mu.Lock()
	ps.ups = append(ps.ups, spec)
	ps.mu.Unlock()
	exit := ps.command(ctx, spec, "up", spec.Up)
	ps.mu.Lock()
	ps.left = append(ps.left, exit.Left)
	ps.mu.Unlock()
	if !exit.OK() {
		return fmt.Errorf("bring up %s: %s: %s; its output is in %s", spec.Name, exit, lastLine(exit.Tail), ps.logName(spec))
	}
	return nil
}

// command runs up, logs or down to its end.
func (ps *Processes) command(ctx context.Context, spec ProcessSpec, what string, argv []string) proc.Exit {
	log, safe, err := ps.open(spec)
	if err != nil {
		return proc.Exit{Code: -1, Ended: proc.NotStarted, Err: err}
	}
	defer func() { _, _ = safe.Close(), log.Close() }()
	_, _ = fmt.Fprintf(safe, "--- %s: %s\n", what, strings.Join(argv, " "))
	limit := spec.Timeout
	if limit == 0 {
		limit = defaultCommandTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return proc.Run(ctx, proc.Spec{Argv: argv, Dir: ps.dir(spec), Env: ps.env(spec), Log: safe, Redact: ps.cfg.Redact, KeepBackground: what == "up"})
}

func (ps *Processes) run(spec ProcessSpec) error {
	log, safe, err := ps.open(spec)
	if err != nil {
		return err
	}
	p, err := proc.Start(proc.Spec{Argv: spec.Run, Dir: ps.dir(spec), Env: ps.env(spec), Log: safe, Redact: ps.cfg.Redact})
	if err != nil {
		_, _ = safe.Close(), log.Close()
		return fmt.Errorf("start process %s: %w", spec.Name, err)
	}
	b := &beside{spec: spec, p: p, log: log, safe: safe}
	ps.mu.Lock()
	ps.running = append(ps.running, b)
	ps.mu.Unlock()
	ps.watchers.Go(func() { ps.watch(b) })
	return nil
}

// watch reports a process that ends before it is asked to.
func (ps *Processes) watch(b *beside) {
	exit := b.p.Wait()
	_, _ = b.safe.Close(), b.log.Close()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if exit.Ended == proc.Cancelled {
		return // we asked it to
	}
	d := e2e.ProcessEnd{Name: b.spec.Name, Scope: b.spec.Scope, At: time.Now().UTC(), Crashed: ps.served && exit.Crashed() && !portTaken(exit.Tail),
		Text: strings.TrimSuffix(fmt.Sprintf("%s: %s", exit, lastLine(exit.Tail)), ": ")}
	ps.deaths = append(ps.deaths, d)
	ps.died <- d
}

// Served notes that the gates have passed and that the processes answered them: one that
// ends with an error of its own from now on has crashed.
func (ps *Processes) Served() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.served = true
}

// portTaken reports whether the last words of a process are that its port is in use: then it
// never served anything.
func portTaken(output string) bool {
	lower := strings.ToLower(output)
	return slices.ContainsFunc([]string{"address already in use", "eaddrinuse", "port is already", "only one usage of each socket address"},
		func(words string) bool { return strings.Contains(lower, words) })
}

// Died reports each process that ends before it is asked to.
func (ps *Processes) Died() <-chan e2e.ProcessEnd { return ps.died }

// Deaths lists the processes that ended before they were asked to.
func (ps *Processes) Deaths() []e2e.ProcessEnd {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return slices.Clone(ps.deaths)
}

// Logs runs the logs commands, for evidence.
func (ps *Processes) Logs(ctx context.Context) {
	for _, spec := range ps.owed() {
		if len(spec.Logs) > 0 && ctx.Err() == nil {
			ps.command(ctx, spec, "logs", spec.Logs)
		}
	}
}

func (ps *Processes) owed() []ProcessSpec {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return slices.Clone(ps.ups)
}

// Stop ends the run processes, all at once, in the reverse order of their start.
func (ps *Processes) Stop() {
	ps.mu.Lock()
	running := slices.Clone(ps.running)
	ps.running = nil
	ps.mu.Unlock()
	var wg sync.WaitGroup
	for _, b := range slices.Backward(running) {
		wg.Go(func() { b.p.Stop(proc.Cancelled) })
	}
	wg.Wait()
	ps.watchers.Wait()
}

// Down runs the down commands of what was brought up, in reverse order, whatever
// happened before. Each is in a process group of its own, so that a signal to the
// gate does not end it. What up commands started and down did not end is ended after
// them. The error names the down commands that failed.
func (ps *Processes) Down(ctx context.Context) error {
	var failed []string
	for _, spec := range slices.Backward(ps.owed()) {
		if len(spec.Down) == 0 {
			continue
		}
		ps.cfg.Progress(fmt.Sprintf("taking down %s", spec.Name))
		if exit := ps.command(ctx, spec, "down", spec.Down); !exit.OK() {
			failed = append(failed, fmt.Sprintf("%s (%s: %s)", spec.Name, exit, lastLine(exit.Tail)))
		}
	}
	ps.mu.Lock()
	left := ps.left
	ps.ups, ps.left = nil, nil
	ps.mu.Unlock()
	for _, l := range slices.Backward(left) {
		l.End()
	}
	if len(failed) > 0 {
		return fmt.Errorf("down failed for %s; something may still be running", strings.Join(failed, ", "))
	}
	return nil
}

func (ps *Processes) logName(spec ProcessSpec) string {
	return filepath.ToSlash(filepath.Join("processes", slug(spec.Name)+".log"))
}

// LogFiles lists the logs of those that were started, relative to the run's folder.
func (ps *Processes) LogFiles() []string {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var files []string
	for _, spec := range ps.started {
		files = append(files, ps.logName(spec))
	}
	return files
}

func (ps *Processes) open(spec ProcessSpec) (*proc.Log, io.WriteCloser, error) {
	log, err := proc.OpenLog(ps.cfg.Out, filepath.FromSlash(ps.logName(spec)))
	if err != nil {
		return nil, nil, err
	}
	return log, ps.cfg.Redact(log), nil
}

func (ps *Processes) dir(spec ProcessSpec) string {
	return filepath.Join(ps.cfg.Root, filepath.FromSlash(spec.Dir))
}

func (ps *Processes) env(spec ProcessSpec) []string {
	return proc.CleanEnv(proc.Env{Base: ps.cfg.BaseEnv, Secrets: ps.cfg.Secrets, Pass: spec.PassEnv,
		Set: []map[string]string{maps.Clone(ps.cfg.Identity), spec.Env}})
}

// lastLine is the last line with information: "exit status 2" is only go run repeating
// the status of its program.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if n := len(lines); n > 1 && strings.HasPrefix(lines[n-1], "exit status ") {
		lines = lines[:n-1]
	}
	s = strings.TrimSpace(lines[len(lines)-1])
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// Problems are the processes that ended while they were needed. If one could not start
// because its port was taken, the gates and the tests talked to another process.
//
// needing names the tests that needed a process, by its scope.
func (ps *Processes) Problems(needing func(*e2e.Scope) []string) []e2e.Problem {
	var list []e2e.Problem
	for _, d := range ps.Deaths() {
		whose := "the results"
		if d.Scope != nil {
			whose = fmt.Sprintf("the results of tests that need it (%s)", d.Scope)
		}
		text := fmt.Sprintf("background process %s exited during the run (%s); %s are not trusted; look at its log, and at what else "+
			"uses its port", d.Name, d.Text, whose)
		if d.Crashed {
			text = fmt.Sprintf("background process %s crashed during the run (%s); passes after that are not trusted; look at its log", d.Name, d.Text)
		}
		list = append(list, e2e.Problem{Code: e2e.CodeGateLost, LosesEvidence: true, Tests: needing(d.Scope), File: ps.logName(ProcessSpec{Name: d.Name}),
			Text: text})
	}
	return list
}
