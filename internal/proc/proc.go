// Package proc is the one place that starts processes: argument vectors, never a
// shell; a process group (a job object on Windows) that is ended as a whole; a
// clean environment; bounded output.
//
// Nothing that this package starts outlives it. When the started process ends, what it
// left running is ended too; so it is when the gate itself is killed. On Linux that holds
// for every descendant, because each start has a supervisor, a process of this program that
// is their subreaper. Elsewhere it holds for the process group (macOS, where it does not hold
// for a killed gate) and for the job object (Windows).
package proc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultGrace is the time between asking a process to end and killing it.
const DefaultGrace = 2 * time.Second

// ErrNotStarted is wrapped by the errors of processes that never started.
var ErrNotStarted = errors.New("process not started")

// Spec describes a process.
type Spec struct {
	// Argv is the argument vector; Argv[0] is looked up in the PATH of Env unless it
	// holds a separator, when it is relative to Dir; see [Program].
	Argv []string
	// Dir is the working directory; empty: the current one.
	Dir string
	// Env is the whole environment, as from [CleanEnv].
	Env []string
	// Stdout receives the standard output as it comes. Where it is nil, standard
	// output is captured together with standard error.
	Stdout io.Writer
	// Log receives what is captured, as it comes; it may be nil.
	Log io.Writer
	// Redact removes secrets from what is kept for [Exit.Tail], before its start is cut off; nil: there are
	// none. The log is given as it is to be.
	Redact func(io.Writer) io.WriteCloser
	// Started, if set, is called by [Run] once the process runs; what it returns is called when the process has ended.
	Started func(*Process) (ended func())
	// Grace is the time from SIGTERM to SIGKILL; zero is [DefaultGrace].
	Grace time.Duration
	// KeepBackground leaves processes alone that the process started and left running
	// when it ended by itself, as "up" commands do. On Linux they end with the gate, or
	// when [Exit.Left] is ended.
	KeepBackground bool
}

// Ended says how a process ended.
type Ended string

// The ways a process can end. The zero value is unknown, which is not a success.
const (
	Exited     Ended = "exited"
	Signalled  Ended = "signal"
	TimedOut   Ended = "timeout"
	Cancelled  Ended = "cancelled"
	NotStarted Ended = "not_started"
	// Stalled: it was ended because nothing happened in it.
	Stalled Ended = "stalled"
)

// Exit is how a process ended, with its output.
type Exit struct {
	// Code is the exit status, or -1 where there is none.
	Code  int
	Ended Ended
	// Err says why the process did not start.
	Err     error
	Started time.Time
	Wall    time.Duration
	// Tail is the end of the captured output: at most [TailBytes], after a line that
	// says so where there was more.
	Tail string
	// Left is what [Spec.KeepBackground] kept; it may be nil.
	Left *Left
	// signal that ended it, 0 where there was none or it is not known.
	signal int
}

// Crashed reports whether the process ended by an error of its own: a bad status, or a signal
// that a program's own fault raises. One that somebody else sends, as the kernel does when
// memory runs out, is none; a shell reports it as 128 and its number.
func (e Exit) Crashed() bool {
	switch {
	case e.Ended == Signalled:
		return ownSignal(e.signal)
	case e.Ended != Exited || e.Code == 0:
		return false
	}
	return e.Code <= shellSignal || e.Code > shellSignal+maxSignal || ownSignal(e.Code-shellSignal)
}

const (
	// shellSignal is what shells add to the number of a signal.
	shellSignal = 128
	maxSignal   = 64
)

// OK reports whether the process ran to its end with status 0.
func (e Exit) OK() bool { return e.Ended == Exited && e.Code == 0 }

// String says how the process ended, for messages.
func (e Exit) String() string {
	switch e.Ended {
	case Exited:
		if reason := reasonOf(e.Code - shellSignal); reason != "" {
			return fmt.Sprintf("exit status %d, as a shell says %s", e.Code, reason)
		}
		return "exit status " + strconv.Itoa(e.Code)
	case NotStarted:
		return fmt.Sprintf("not started: %v", e.Err)
	case Signalled:
		return "killed by " + cmp.Or(reasonOf(e.signal), "a signal")
	case TimedOut:
		return fmt.Sprintf("stopped at its timeout after %s", e.Wall.Round(time.Millisecond))
	case Cancelled:
		return "cancelled"
	case Stalled:
		return "stopped because nothing happened in it"
	default:
		return "ended in an unknown way"
	}
}

// Process is a started process.
type Process struct {
	cmd   *exec.Cmd
	spec  Spec
	waits patience
	tree  tree
	done  chan struct{}
	exit  Exit
	stop  sync.Once
	why   atomic.Value // Ended, set by the first Stop
}

type redactKey struct{}

// WithRedact makes [Run] remove secrets from the log and the tail of a process whose [Spec] has no Redact: messages are cut
// from both, and a secret without its start is not found any more.
func WithRedact(ctx context.Context, redact func(io.Writer) io.WriteCloser) context.Context {
	return context.WithValue(ctx, redactKey{}, redact)
}

// Run starts a process and waits for it. When ctx ends, the process is ended; the
// exit is [TimedOut] where ctx had a deadline that passed, else [Cancelled].
func Run(ctx context.Context, spec Spec) Exit {
	if ctx.Err() != nil {
		return Exit{Code: -1, Ended: NotStarted, Err: context.Cause(ctx)}
	}
	if redact, ok := ctx.Value(redactKey{}).(func(io.Writer) io.WriteCloser); ok && spec.Redact == nil {
		spec.Redact = redact
		if spec.Log != nil {
			log := redact(spec.Log)
			defer func() { _ = log.Close() }() // a log that fails is given up
			spec.Log = log
		}
	}
	p, err := Start(spec)
	if err != nil {
		return Exit{Code: -1, Ended: NotStarted, Err: err}
	}
	if spec.Started != nil {
		defer spec.Started(p)()
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.Stop(endedBy(ctx))
	}
	return p.Wait()
}

func endedBy(ctx context.Context) Ended {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return TimedOut
	}
	return Cancelled
}

// Start starts a process in a group of its own.
func Start(spec Spec) (*Process, error) { return start(spec, patient()) }

func start(spec Spec, waits patience) (*Process, error) {
	if len(spec.Argv) == 0 || spec.Argv[0] == "" {
		return nil, fmt.Errorf("%w: the command is empty", ErrNotStarted)
	}
	p := &Process{spec: spec, waits: waits, done: make(chan struct{})}
	// The context is handled by Run and Stop: exec.CommandContext would kill the
	// leader only.
	p.cmd = exec.Command(spec.Argv[0], spec.Argv[1:]...) //nolint:gosec,noctx // running the user's configured command is the purpose
	if found, err := Program(spec.Argv[0], spec.Dir, spec.Env); err == nil {
		p.cmd.Path, p.cmd.Err = found, nil
	}
	p.cmd.Dir = spec.Dir
	p.cmd.Env = append([]string{}, spec.Env...) // not nil, which would be our own
	out, err := p.connect()
	if err != nil {
		return nil, err
	}
	if err := p.tree.start(p); err != nil {
		out.abandon()
		return nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	p.exit.Started = time.Now()
	out.started()
	go p.wait(out)
	return p, nil
}

// PID is the process id of the group's leader.
func (p *Process) PID() int { return p.tree.pid }

// Done is closed when the process has ended and its output was read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the end and returns it.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// Stop asks the whole group to end, kills it after the grace, and waits. why is
// what the exit will say; the first call wins.
func (p *Process) Stop(why Ended) Exit {
	p.stop.Do(func() {
		select {
		case <-p.done:
			return
		default:
		}
		p.why.Store(why)
		p.tree.terminate()
		timer := time.NewTimer(p.grace() + overtime)
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
			p.tree.kill()
		}
	})
	return p.Wait()
}

func (p *Process) wait(out *output) {
	p.exit.Code, p.exit.Ended, p.exit.signal = p.tree.await()
	p.exit.Wall = time.Since(p.exit.Started)
	why, stopped := p.why.Load().(Ended)
	livesOn := !stopped && p.spec.KeepBackground
	if !p.tree.clear(stopped, livesOn) {
		// Something that it started killed the supervisor, so nothing is known for sure.
		p.exit.Code, p.exit.Ended, p.exit.signal = -1, Signalled, 0
	}
	if stopped {
		p.exit.Ended = why
	}
	grace := p.waits.drain
	if livesOn {
		grace, p.exit.Left = p.waits.background, p.tree.left()
	}
	out.finish(grace, livesOn)
	p.exit.Tail = out.tail.String()
	p.tree.close()
	close(p.done)
}

func (p *Process) grace() time.Duration {
	if p.spec.Grace == 0 {
		return DefaultGrace
	}
	return p.spec.Grace
}
