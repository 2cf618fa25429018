package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/runner"
)

// folder makes the run's folder and keeps the tree clean.
func (s *Session) folder(context.Context) error {
	return makeOut(s.opts.Root, s.out)
}

// up starts what stands beside the tests. Teardown is owed from here on.
func (s *Session) up(ctx context.Context) error {
	s.processes = runner.NewProcesses(runner.ProcessesConfig{
		Specs: s.opts.Config.Processes, Root: s.opts.Root, Out: s.out, BaseEnv: s.opts.BaseEnv, Secrets: s.opts.Config.Secrets,
		Identity: runner.Identity(s.run), Redact: s.redactLog, Progress: s.opts.Progress.Processes,
	})
	if err := s.processes.Start(ctx); err != nil {
		s.problem(e2e.Problem{Code: e2e.CodeEnvironment, LosesEvidence: true, Text: err.Error()})
		return errStop
	}
	return nil
}

func (s *Session) redactLog(w io.Writer) io.WriteCloser { return s.opts.Redact.Writer(w) }

// openGates waits until the environment is worth testing. Gates that stay shut end
// the run before any suite starts.
func (s *Session) openGates(ctx context.Context) error {
	died := make(chan gate.Death)
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case d := <-s.processes.Died():
			select {
			case died <- gate.Death{Name: d.Name, Text: d.Text}:
			case <-watch.Done():
			}
		case <-watch.Done():
		}
	}()
	s.set = gate.New(s.opts.Config.Gates, gate.Options{
		Env:    gate.Env{Root: s.opts.Root, Base: s.opts.BaseEnv, Secrets: s.opts.Config.Secrets, Identity: runner.Identity(s.run)},
		Redact: s.opts.Redact.String, Died: died, OnUpdate: s.opts.Progress.Gate,
	})
	s.gates = s.set.Wait(ctx)
	if ctx.Err() != nil {
		return fmt.Errorf("while waiting for the gates: %w", context.Cause(ctx))
	}
	if !e2e.GatesOpen(s.gates) {
		return errStop
	}
	if deaths := s.processes.Deaths(); len(deaths) > 0 {
		// The gates may have seen somebody else's server on the same port.
		s.problem(e2e.Problem{Code: e2e.CodeEnvironment, LosesEvidence: true,
			Text: fmt.Sprintf("process %s beside the tests ended before the suites started (%s), so what answers the gates is not it; is its port in use?", deaths[0].Name, deaths[0].Text)})
		return errStop
	}
	return nil
}

// watch goes on probing while suites run.
func (s *Session) watch(ctx context.Context) {
	w := s.opts.Config.Gates.Watch
	s.monitor = s.set.Watch(ctx, gate.WatchOptions{Interval: w.Interval, Grace: w.Grace, OnChange: func(c gate.Change) {
		text := fmt.Sprintf("gate %s went from %s to %s: %s", c.Gate.Name, c.Before, c.Gate.State, c.Gate.Observed)
		if !c.Gate.Open() {
			text += fmt.Sprintf("; nothing starts until it is back, for %s at most", cmp.Or(w.Grace, gate.DefaultGrace))
		}
		s.opts.Progress.Health(text)
	}})
}

// hold keeps units from starting while a required gate is down, and says why they
// do not start any more.
func (s *Session) hold(ctx context.Context) string {
	g := s.monitor.Await(ctx)
	if g == nil {
		return ""
	}
	since := ""
	if lost := g.LostSpans(); len(lost) > 0 {
		since = " from " + lost[len(lost)-1].From.Format("15:04:05 UTC") + " on"
	}
	return fmt.Sprintf("gate %s was %s%s, and not back within its grace period of %s: %s; make the environment healthy and run again",
		g.Name, g.State, since, cmp.Or(s.opts.Config.Gates.Watch.Grace, gate.DefaultGrace), g.Observed)
}

// watched ends the watch. The gates keep the state in which suites started; what
// was seen since is in their timelines.
func (s *Session) watched() {
	if s.monitor == nil {
		return
	}
	for i, g := range s.monitor.Stop() {
		s.gates[i].Timeline = g.Timeline
	}
}

// stopProcesses collects logs and ends the run processes.
func (s *Session) stopProcesses(ctx context.Context) {
	if s.processes == nil {
		return
	}
	s.processes.Logs(ctx)
	s.processes.Stop()
	// Only now is it known of each whether it ended before it was asked to.
	for _, p := range s.processes.Problems() {
		s.problem(p)
	}
}

// down takes down what was brought up, whatever happened; it is the last thing
// that happens, after the documents are written.
func (s *Session) down() {
	s.releases.Wait()
	for _, err := range s.leftovers() {
		s.opts.Progress.Note(err.Error())
	}
	if s.processes == nil {
		return
	}
	if err := s.processes.Down(context.Background()); err != nil {
		s.opts.Progress.Note(err.Error())
	}
}

// environment are the stages of every command that meets the environment.
func (s *Session) environment(then ...stage) []stage {
	return append([]stage{{"prepare", s.folder}, {"start the processes beside the tests", s.up}, {"check the gates", s.openGates}}, then...)
}

// childEnv is the environment of discovery commands.
func (s *Session) childEnv(env map[string]string, pass []string) []string {
	return proc.CleanEnv(proc.Env{Base: s.opts.BaseEnv, Secrets: s.opts.Config.Secrets, Pass: pass, Set: []map[string]string{maps.Clone(env), runner.Identity(s.run)}})
}
