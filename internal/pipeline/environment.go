package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/runner"
)

// environment is what a command has started on this machine: background processes, watched
// gates, the isolation of shards. It is the only stateful part of a run, and it must be
// torn down.
type environment struct {
	*Session
	processes *runner.Processes
	set       *gate.Set
	monitor   *gate.Monitor
	// selected are the tests that are to run, with those that stand for batches; needed is what they need.
	selected []e2e.Test
	needed   e2e.Needed
	// early: suites start once what some tests need is healthy, while others wait for the rest.
	early   bool
	waiting *gate.Waiting
	// strangers are addresses of gates that answered before any background process started.
	strangers []string

	// releases are tearing down the isolation of shards; left holds their failures.
	releases sync.WaitGroup
	mu       sync.Mutex
	left     []error
	// unfit is what did not become healthy or did not start, and that only some tests need.
	unfit []unfit
	// decided are the gates that are not waited for any more, as they were then, by name. undecided are the others that keep tests
	// from starting; it is set once suites may start. wake tells the runner that there are fewer.
	decided   map[string]e2e.Gate
	undecided []e2e.Gate
	wake      func()
}

// unfit keeps the tests that need it from starting.
type unfit struct {
	scope *e2e.Scope
	held  runner.Held
}

// enter starts the environment and waits for the gates. If those that all tests need fail, the run ends
// before any suite starts.
//
// Where something is needed by some tests only, what is selected has to be known first: selected is called
// after the processes that all tests need were started, and what none of its tests needs is neither
// started nor waited for. A nil selected stands for every test.
//
// early: suites may start while gates are waited for that only other tests need; see [environment.await].
func (s *Session) enter(f *flow, selected func() []e2e.Test, early bool) (*environment, []e2e.Gate) {
	s.opts.Progress.Started(s.run.Stage, s.run.ID)
	env := &environment{Session: s, needed: e2e.NeededFor(nil, true), early: early}
	then(f, "prepare", env.prepare, none{})
	then(f, "start the background processes", env.up, nil)
	if s.opts.Config.Scoped() {
		if selected != nil {
			env.selected = selected()
			env.needed = e2e.NeededFor(env.selected, false)
		}
		then(f, "start the background processes", env.up, &env.needed)
	}
	return env, then(f, "check the gates", env.openGates, none{})
}

// needing names the selected tests that need what has a scope; none where that is all.
func (env *environment) needing(scope *e2e.Scope) []string {
	var ids []string
	for i := range env.selected {
		if scope != nil && scope.NeededBy(&env.selected[i]) {
			ids = append(ids, env.selected[i].ID)
		}
	}
	return ids
}

// prepare makes the run's folder and keeps the tree clean.
func (s *Session) prepare(context.Context, none) (none, []e2e.Problem, error) {
	dir, err := s.folder()
	if err == nil {
		err = dir.Close()
	}
	if err == nil && s.opts.Hold {
		err = errStop
	}
	return none{}, nil, err
}

// make prepares the background processes, and looks for what is in their place.
func (env *environment) make(ctx context.Context) {
	env.processes = runner.NewProcesses(runner.ProcessesConfig{
		Specs: env.opts.Config.Processes, Root: env.opts.Root, Out: env.out, BaseEnv: env.opts.BaseEnv, Secrets: env.opts.Config.Secrets,
		Identity: runner.Identity(env.run), Redact: env.redactLog, Progress: env.opts.Progress.Processes,
		Ports: env.opts.Ports,
	})
	env.lookForStrangers(ctx)
}

// up starts the background processes that every test needs, and then those that what is needed has. From here
// on, teardown must run. One that only some tests need keeps these from starting if it cannot be started.
func (env *environment) up(ctx context.Context, needed *e2e.Needed) (_ none, problems []e2e.Problem, _ error) {
	if env.processes == nil {
		env.make(ctx)
	}
	for _, spec := range env.opts.Config.Processes {
		if (spec.Scope == nil) != (needed == nil) || needed != nil && !needed.Has(spec.Scope) {
			continue
		}
		err := env.processes.StartOne(ctx, spec)
		if err == nil {
			continue
		}
		p := e2e.Problem{Code: e2e.CodeEnvironment, LosesEvidence: true, Text: err.Error(), Tests: env.needing(spec.Scope)}
		problems = append(problems, p)
		if len(p.Tests) == 0 {
			return none{}, problems, errStop
		}
		env.keep(unfit{spec.Scope, runner.Held{Code: e2e.CodeEnvironment, Why: err.Error(), Said: true}})
	}
	return none{}, problems, nil
}

// knock is how long a port of this machine may take to accept a connection.
const knock = 300 * time.Millisecond

// lookForStrangers finds gates on this machine that answer before anything was started: another
// server has the port, and the gates would take it for ours.
func (env *environment) lookForStrangers(ctx context.Context) {
	if len(env.opts.Config.Processes) == 0 {
		return
	}
	for _, g := range gate.New(env.opts.Config.Gates, gate.Options{Env: env.gateEnv(), Redact: env.opts.Redact.String}).Gates() {
		host, port := g.Address()
		address := net.JoinHostPort(host, port)
		if !g.Local() || slices.Contains(env.strangers, address) || env.opts.Ports.Holds(port) {
			continue
		}
		dialer := net.Dialer{Timeout: knock}
		c, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			continue
		}
		_ = c.Close()
		env.strangers = append(env.strangers, address)
		env.opts.Progress.Note(fmt.Sprintf("%s answers before any background process was started, so gate %s may see another server; "+
			"end that one, or use another port", address, g.Name))
	}
}

// served notes that the background processes answered the gates, if that is known: a gate on
// this machine passed, and no other server had its port.
func (env *environment) served(gates []e2e.Gate) {
	if len(env.strangers) == 0 && slices.ContainsFunc(gates, func(g e2e.Gate) bool { return g.Local() && g.Required && g.State == e2e.Healthy }) {
		env.processes.Served()
	}
}

func (env *environment) gateEnv() gate.Env {
	return gate.Env{Root: env.opts.Root, Base: env.opts.BaseEnv, Secrets: env.opts.Config.Secrets, Identity: runner.Identity(env.run)}
}

func (s *Session) redactLog(w io.Writer) io.WriteCloser { return s.opts.Redact.Writer(w) }

// openGates waits for the gates. Those that do not pass end the run.
func (env *environment) openGates(ctx context.Context, _ none) ([]e2e.Gate, []e2e.Problem, error) {
	died := make(chan gate.Death)
	watch, cancel := context.WithCancel(ctx)
	go func() {
		for {
			select {
			case d := <-env.processes.Died():
				select {
				case died <- gate.Death{Name: d.Name, Text: d.Text, Scope: d.Scope}:
				case <-watch.Done():
					return
				}
			case <-watch.Done():
				return
			}
		}
	}()
	spec := env.opts.Config.Gates
	spec.Checks = slices.DeleteFunc(slices.Clone(spec.Checks), func(c gate.Check) bool { return !env.needed.Has(c.Scope) })
	env.set = gate.New(spec, gate.Options{
		Env:    env.gateEnv(),
		Redact: env.opts.Redact.String, Died: died, OnUpdate: env.opts.Progress.Gate, OnEnd: env.decide,
	})
	env.waiting = env.set.Begin(ctx)
	go func() {
		<-env.waiting.Ended()
		cancel()
	}()
	gates := env.await(ctx)
	if ctx.Err() != nil {
		<-env.waiting.Ended()
		return env.set.Gates(), nil, fmt.Errorf("while waiting for the gates: %w", context.Cause(ctx))
	}
	if !e2e.GatesOpenForAll(gates) {
		return gates, nil, errStop
	}
	var problems []e2e.Problem
	for _, d := range env.processes.Deaths() {
		// The gates may have probed another server on the same port.
		p := e2e.Problem{Code: e2e.CodeEnvironment, LosesEvidence: true, Tests: env.needing(d.Scope), Text: fmt.Sprintf(
			"background process %s exited before the suites started (%s), so something else answers the gates; is its port in use?", d.Name, d.Text)}
		if len(p.Tests) == 0 {
			return gates, []e2e.Problem{p}, errStop
		}
		problems = append(problems, p)
		env.keep(unfit{d.Scope, runner.Held{Code: e2e.CodeEnvironment, Why: p.Text, Said: true}})
	}
	env.served(gates)
	return gates, problems, nil
}

// watch goes on probing while suites run.
func (env *environment) watch(ctx context.Context) {
	w := env.opts.Config.Gates.Watch
	env.monitor = env.set.Watch(ctx, gate.WatchOptions{Interval: w.Interval, Grace: w.Grace, OnChange: func(c gate.Change) {
		text := fmt.Sprintf("gate %s went from %s to %s: %s", c.Gate.Name, c.Before, c.Gate.State, c.Gate.Observed)
		if !c.Gate.Open() {
			what := "nothing"
			if c.Gate.Scope != nil {
				what = "nothing that needs it"
			}
			text += fmt.Sprintf("; %s starts until it is back, for %s at most", what, cmp.Or(w.Grace, gate.DefaultGrace))
		}
		env.opts.Progress.Health(text)
	}})
}

// hold keeps tests from starting while a required gate is down that they need. It returns those that must
// not start any more, with the reason: those of one gate or process at a time.
func (env *environment) hold(ctx context.Context, tests []e2e.Test) runner.Held {
	of := func(scope *e2e.Scope, held runner.Held) runner.Held {
		groups := map[string]bool{} // which run as a whole, or not at all
		for i := range tests {
			groups[tests[i].Group] = groups[tests[i].Group] || scope.NeededBy(&tests[i])
		}
		for i := range tests {
			if t := &tests[i]; scope.NeededBy(t) || t.Group != "" && groups[t.Group] {
				held.Tests = append(held.Tests, *t)
			}
		}
		return held
	}
	env.mu.Lock()
	bad := slices.Clone(env.unfit)
	env.mu.Unlock()
	for _, u := range bad {
		if held := of(u.scope, u.held); len(held.Tests) > 0 {
			return held
		}
	}
	g := env.monitor.Await(ctx, e2e.NeededFor(tests, false).Has)
	if g == nil {
		return runner.Held{}
	}
	since := ""
	if lost := g.LostSpans(); len(lost) > 0 {
		since = " from " + lost[len(lost)-1].From.Format("15:04:05 UTC") + " on"
	}
	return of(g.Scope, runner.Held{Code: e2e.CodeGateLost, Why: fmt.Sprintf("gate %s was %s%s, and not back within its grace period of %s: %s; "+
		"make the environment healthy and run again",
		g.Name, g.State, since, cmp.Or(env.opts.Config.Gates.Watch.Grace, gate.DefaultGrace), g.Observed)})
}

// watched ends the watch. The gates keep the state in which suites started that need them; later answers
// are in their timelines.
func (env *environment) watched(gates []e2e.Gate) []e2e.Gate {
	if env.waiting != nil {
		env.waiting.Stop() // no test waits any more, or the run was stopped
	}
	list := env.asDecided(gates)
	for i, g := range env.monitor.Stop() { // the same, in their order
		list[i].Timeline = g.Timeline
	}
	return list
}

// stop collects the logs of the background processes and ends them. Only afterwards it is
// known which of them had exited before.
func (env *environment) stop(ctx context.Context) []e2e.Problem {
	if env == nil || env.processes == nil {
		return nil
	}
	if env.waiting != nil {
		env.waiting.Stop()
	}
	env.processes.Logs(ctx)
	env.processes.Stop()
	return env.processes.Problems(env.needing)
}

// ends are the background processes that ended by themselves.
func (env *environment) ends() []e2e.ProcessEnd {
	if env == nil || env.processes == nil {
		return nil
	}
	return env.processes.Deaths()
}

// down tears down the environment, whatever happened. It comes last, after the documents
// are written.
func (env *environment) down() {
	if env == nil {
		return
	}
	env.releases.Wait()
	env.opts.Ports.Close()
	for _, err := range env.leftovers() {
		env.opts.Progress.Note(err.Error())
	}
	if env.processes == nil {
		return
	}
	if err := env.processes.Down(context.Background()); err != nil {
		env.opts.Progress.Note(err.Error())
	}
}

// childEnv is the environment of discovery commands.
func (s *Session) childEnv(env map[string]string, pass []string) []string {
	return proc.CleanEnv(proc.Env{
		Base: s.opts.BaseEnv, Secrets: s.opts.Config.Secrets, Pass: pass, Set: []map[string]string{maps.Clone(env), runner.Identity(s.run)},
	})
}
