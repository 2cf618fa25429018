//go:build !linux

package proc

import (
	"errors"
	"os/exec"
	"time"
)

const (
	// overtime is for the supervisors of Linux.
	overtime = 0
	// killed is how long the system may take to end a process that was killed.
	killed = time.Second
)

// tree is a started process, its leader, and what it started in turn, as far as the group knows.
type tree struct {
	p     *Process
	group group
	pid   int
}

func (t *tree) start(p *Process) error {
	t.p = p
	if err := t.group.start(p.cmd); err != nil {
		return err
	}
	t.pid = p.cmd.Process.Pid
	return nil
}

// await waits for the end of the leader.
func (t *tree) await() (code int, ended Ended, signal int) {
	err := t.p.cmd.Wait()
	if t.p.cmd.ProcessState == nil {
		return -1, Signalled, 0
	}
	code = t.p.cmd.ProcessState.ExitCode()
	var exit *exec.ExitError
	if code < 0 || err != nil && !errors.As(err, &exit) {
		return -1, Signalled, signalOf(t.p.cmd)
	}
	return code, Exited, 0
}

func (t *tree) terminate() { t.group.terminate(t.p.cmd) }

func (t *tree) kill() { t.group.kill(t.p.cmd) }

// clear ends what is left of the group after its leader. A group that was asked to end
// gets its grace, and is not asked twice: many programs stop at once on the second
// signal.
func (t *tree) clear(stopped, keep bool) bool {
	switch {
	case stopped:
		t.group.await(t.p.cmd, t.p.grace())
	case keep:
		t.group.release()
		return true
	default:
		t.group.terminate(t.p.cmd)
		t.group.await(t.p.cmd, t.p.waits.leftover)
	}
	t.group.kill(t.p.cmd)
	t.group.await(t.p.cmd, killed)
	return true
}

func (t *tree) close() { t.group.close() }

// Left is what a process left running, see [Spec.KeepBackground].
type Left struct{}

// End does nothing: what left the leader's group cannot be found.
func (*Left) End() {}

func (*tree) left() *Left { return nil }
