package proc

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// overtime is how long a supervisor may take longer than the grace to end its processes. One
// that does not, because it was stopped, is killed.
const overtime = 3 * time.Second

// stuck is the same without a deadline to hold.
const stuck = 30 * time.Second

// launch is what a supervisor is told. Arguments are bytes, because they need not be UTF-8.
type launch struct {
	Path      []byte
	Argv, Env [][]byte
	Dir       []byte
	// Grace is the time from SIGTERM to SIGKILL, Leftover that of processes whose leader has ended.
	Grace, Leftover time.Duration
	// Keep leaves what the leader left running alone until the gate ends it.
	Keep bool
}

// tree is a started process, its leader, with all that it started in turn. It has a supervisor
// of its own, see [supervise].
type tree struct {
	supervisor *exec.Cmd
	// control tells the supervisor by its end that all must end. The kernel closes it when the
	// gate ends, in whatever way.
	control *os.File
	release sync.Once
	// reports is where the supervisor says how the leader ended.
	reports *os.File
	lines   *bufio.Reader
	pid     int
	// outputs are the pipes that the processes print to, as /proc names them.
	outputs []string
	// known: the supervisor said how the leader ended.
	known bool
	// gone is closed when the supervisor has ended.
	gone chan struct{}
}

// start starts the command below a supervisor, and waits until it runs.
func (t *tree) start(p *Process) error {
	if p.cmd.Err != nil {
		return p.cmd.Err
	}
	if err := t.startSupervisor(p.cmd); err != nil {
		return fmt.Errorf("start a supervisor from %s: %w", supervisorProgram, err)
	}
	sent := json.NewEncoder(t.control).Encode(launch{
		Path: []byte(p.cmd.Path), Argv: asBytes(p.cmd.Args), Env: asBytes(p.cmd.Environ()), Dir: []byte(p.cmd.Dir),
		Grace: p.grace(), Leftover: p.waits.leftover, Keep: p.spec.KeepBackground,
	})
	said, n := t.report()
	if said == "started" {
		t.pid = n
		return nil
	}
	t.terminate()
	<-t.gone
	t.close()
	if said == "" {
		t.killGroup() // it was killed by what it had just started
	}
	if said == "failed" {
		return &fs.PathError{Op: "fork/exec", Path: p.cmd.Path, Err: syscall.Errno(n)}
	}
	return errors.Join(errors.New("the supervisor ended at once"), sent)
}

func (t *tree) startSupervisor(cmd *exec.Cmd) error {
	theirs, control, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = theirs.Close() }()
	reports, ours, err := os.Pipe()
	if err != nil {
		_ = control.Close()
		return err
	}
	defer func() { _ = ours.Close() }()
	// What it starts is not in its arguments, where tests that look for their server's name would find it.
	t.supervisor = exec.Command(supervisorProgram, superviseCommand) //nolint:gosec,noctx // it ends with its control pipe
	t.supervisor.Args[0] = "e2e-gate"
	t.supervisor.Env = []string{"GOMAXPROCS=1"} // few threads: they count in cgroups
	t.supervisor.Stdout, t.supervisor.Stderr = cmd.Stdout, cmd.Stderr
	for _, w := range []io.Writer{cmd.Stdout, cmd.Stderr} {
		if f, ok := w.(*os.File); ok {
			if name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd())); err == nil && strings.HasPrefix(name, "pipe:") {
				t.outputs = append(t.outputs, name)
			}
		}
	}
	t.supervisor.ExtraFiles = []*os.File{theirs, ours}
	t.supervisor.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := t.supervisor.Start(); err != nil {
		_, _ = control.Close(), reports.Close()
		return err
	}
	t.control, t.reports, t.lines, t.gone = control, reports, bufio.NewReader(reports), make(chan struct{})
	go func() {
		_ = t.supervisor.Wait()
		close(t.gone)
		t.letGo()
	}()
	return nil
}

func asBytes(list []string) [][]byte {
	made := make([][]byte, len(list))
	for i, s := range list {
		made[i] = []byte(s)
	}
	return made
}

// report is the next word of the supervisor, with its number; "" when it has ended.
func (t *tree) report() (word string, n int) {
	if _, err := fmt.Fscanln(t.lines, &word, &n); err != nil {
		return "", 0
	}
	return word, n
}

// await waits for the end of the leader. If the supervisor was killed, it is not known how the
// leader ended, which never is a success.
func (t *tree) await() (code int, ended Ended, signal int) {
	said, n := t.report()
	status := syscall.WaitStatus(n)
	t.known = said == "ended"
	switch {
	case t.known && status.Exited():
		return status.ExitStatus(), Exited, 0
	case t.known && status.Signaled():
		return -1, Signalled, int(status.Signal())
	}
	return -1, Signalled, 0
}

// terminate has the supervisor end everything, with its grace.
func (t *tree) terminate() {
	t.letGo()
	_ = t.supervisor.Process.Signal(syscall.SIGCONT) // it may have been stopped
}

func (t *tree) letGo() { t.release.Do(func() { _ = t.control.Close() }) }

// kill ends what can still be found of a tree whose supervisor does not do it.
func (t *tree) kill() {
	_ = t.supervisor.Process.Kill()
	<-t.gone
	t.killGroup()
}

// killGroup kills what can be found without the supervisor: the leader's group, and whatever still holds the
// pipes that it printed to. What has left both lives on.
func (t *tree) killGroup() {
	if t.pid > 1 { // else it would be a group of ours, or everything
		_ = syscall.Kill(-t.pid, syscall.SIGKILL)
	}
	for deadline := time.Now().Add(killed); time.Now().Before(deadline); { // again for what was started meanwhile
		left := holders(t.outputs)
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(pause)
	}
}

// holders lists the other processes that have one of these files open.
func holders(files []string) []int {
	var list []int
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		name, err := os.Readlink(fd)
		if err != nil || !slices.Contains(files, name) {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(fd, "/")[2])
		if err == nil && pid != os.Getpid() && !slices.Contains(list, pid) {
			list = append(list, pid)
		}
	}
	return list
}

// clear waits until the supervisor has ended all that is left, unless it is to keep that. It
// reports whether the supervisor lived to do so: else what left the leader's group may run on.
func (t *tree) clear(stopped, keep bool) bool {
	if keep && !stopped && t.known {
		return true
	}
	return t.end(stuck)
}

func (t *tree) end(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-t.gone:
	case <-timer.C:
		t.kill()
	}
	if t.supervisor.ProcessState.Exited() {
		return true
	}
	t.killGroup()
	return false
}

func (t *tree) close() { _ = t.reports.Close() }

// Left is what a process left running, see [Spec.KeepBackground].
type Left struct{ tree *tree }

// End ends it.
func (l *Left) End() {
	if l != nil {
		l.tree.terminate()
		l.tree.end(DefaultGrace + overtime)
	}
}

func (t *tree) left() *Left { return &Left{t} }
