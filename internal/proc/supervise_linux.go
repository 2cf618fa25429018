package proc

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// superviseCommand is the hidden subcommand of a supervisor.
const superviseCommand = "__unit"

// The files that a supervisor gets after its standard ones.
const (
	controlFile = 3
	reportsFile = 4
)

// Exit statuses of a supervisor that started nothing.
const (
	exitUsage      = 2
	exitNotStarted = 3
)

const (
	// killed is how long the system may take to end processes that were killed.
	killed = 2 * time.Second
	// pause is the time between two looks at what is left.
	pause = 10 * time.Millisecond
)

// init is the entry of a supervisor. It is here, and not in main, so that the program of every
// test can be one, too, and so that it starts before the packages of the gate are initialised.
func init() {
	if len(os.Args) == 2 && os.Args[1] == superviseCommand {
		// Not os.Exit: in a program built with the race detector it takes a second.
		syscall.Exit(supervise())
	}
}

// supervise starts one process and is the subreaper of all that it starts in turn: a process
// that loses its parent becomes a child of this one, whatever group, session or environment it
// gave itself. When the leader has ended, or the gate wants it or is gone, it ends them all.
func supervise() int {
	if !isPipe(controlFile) || !isPipe(reportsFile) {
		_, _ = fmt.Fprintln(os.Stderr, "e2e-gate "+superviseCommand+" is how the gate starts processes; it is not for people")
		return exitUsage
	}
	syscall.CloseOnExec(controlFile)
	syscall.CloseOnExec(reportsFile)
	control, reports := os.NewFile(controlFile, "control"), os.NewFile(reportsFile, "reports")
	var l launch
	if err := json.NewDecoder(control).Decode(&l); err != nil {
		return exitNotStarted // the gate is gone
	}
	// Not dumpable: else the processes could write to our pipe of reports, through /proc.
	err := errors.Join(unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
	stop := asked(control)
	pid := 0
	if err == nil {
		pid, err = l.start()
	}
	if err != nil {
		var errno syscall.Errno
		errors.As(err, &errno)
		_, _ = fmt.Fprintln(reports, "failed", int(errno))
		return exitNotStarted
	}
	_, _ = fmt.Fprintln(reports, "started", pid)
	for _, output := range []int{1, 2} { // the end of the output must not depend on us
		_ = unix.Dup3(0, output, 0)
	}
	s := &supervisor{leader: pid, launch: l, reports: reports, stop: stop, ended: make(chan syscall.WaitStatus, 1), none: make(chan struct{})}
	go s.reap()
	return s.run()
}

func isPipe(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
}

// start starts the leader, in a process group of its own.
func (l launch) start() (pid int, err error) {
	return syscall.ForkExec(string(l.Path), asStrings(l.Argv), &syscall.ProcAttr{
		Dir: string(l.Dir), Env: asStrings(l.Env), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
}

func asStrings(list [][]byte) []string {
	made := make([]string, len(list))
	for i, b := range list {
		made[i] = string(b)
	}
	return made
}

// asked is closed when the gate wants an end or is gone, or at a signal that asks for one.
func asked(control *os.File) <-chan struct{} {
	stop := make(chan struct{})
	signals := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if !signal.Ignored(sig) { // children inherit what is ignored, as under nohup
			signal.Notify(signals, sig)
		}
	}
	ends := make(chan struct{})
	go func() {
		defer close(ends)
		for buf := make([]byte, 1); ; {
			if _, err := control.Read(buf); err != nil {
				return
			}
		}
	}()
	go func() {
		defer close(stop)
		select {
		case <-ends:
		case <-signals:
		}
	}()
	return stop
}

// supervisor is the state of a supervisor after the start.
type supervisor struct {
	launch
	leader  int
	reports *os.File
	stop    <-chan struct{}
	// ended has the leader's status; none is closed when nothing is left.
	ended chan syscall.WaitStatus
	none  chan struct{}
}

// reap waits for all children. Whatever the leader started is a child or below one, so that
// nothing is left when there is none.
func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			close(s.none)
			return
		case pid != s.leader:
			continue
		}
		_, _ = fmt.Fprintln(s.reports, "ended", int(status))
		if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); errors.Is(err, syscall.ECHILD) {
			close(s.none) // before the end is known: then nothing is searched
			s.ended <- status
			return
		}
		s.ended <- status
	}
}

// run returns when nothing is left, with the exit status of the leader.
func (s *supervisor) run() int {
	select {
	case status := <-s.ended:
		if s.Keep {
			select {
			case <-s.stop:
			case <-s.none:
			}
		}
		s.ask(func(process) bool { return true })
		s.wait(s.Leftover, nil)
		s.killAll()
		return exitStatus(status)
	case <-s.stop:
	}
	s.end()
	select {
	case status := <-s.ended:
		return exitStatus(status)
	default:
		return exitNotStarted // it could not be ended, and has no status
	}
}

// end ends everything while the leader runs. The leader's group is asked first: npm or Playwright
// then end in good order what they started in other groups. No process is asked twice, since many
// stop at once on the second signal.
func (s *supervisor) end() {
	if syscall.Kill(-s.leader, syscall.SIGTERM) != nil {
		_ = syscall.Kill(s.leader, syscall.SIGTERM) // it gave itself another group
	}
	inGroup := func(p process) bool { return p.group == s.leader || p.pid == s.leader }
	s.wait(s.Grace, func() bool { return !slices.ContainsFunc(below(os.Getpid()), inGroup) })
	_ = syscall.Kill(-s.leader, syscall.SIGKILL)
	s.ask(func(p process) bool { return !inGroup(p) })
	s.wait(min(s.Leftover, s.Grace), nil)
	s.killAll()
}

// exitStatus is a status as shells have it. The gate reads it from the reports.
func exitStatus(status syscall.WaitStatus) int {
	if status.Signaled() {
		return shellSignal + int(status.Signal())
	}
	return status.ExitStatus()
}

// ask asks some of the processes to end.
func (s *supervisor) ask(which func(process) bool) {
	if s.isEmpty() {
		return
	}
	for _, p := range below(os.Getpid()) {
		if which(p) {
			_ = syscall.Kill(p.pid, syscall.SIGTERM)
		}
	}
}

func (s *supervisor) isEmpty() bool {
	select {
	case <-s.none:
		return true
	default:
		return false
	}
}

// wait waits until nothing is left, or enough has ended, for the limit at most.
func (s *supervisor) wait(limit time.Duration, enough func() bool) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline) && (enough == nil || !enough()); {
		select {
		case <-s.none:
			return
		case <-ticker.C:
		}
	}
}

// killAll kills until nothing is left, again and again for what was started meanwhile. It gives
// up where the system does not end a process, and where only those of other users are left, as
// sudo starts them.
func (s *supervisor) killAll() {
	for deadline := time.Now().Add(killed); time.Now().Before(deadline) && !s.isEmpty(); {
		list, ours := below(os.Getpid()), false
		for _, p := range list {
			ours = !errors.Is(syscall.Kill(p.pid, syscall.SIGKILL), syscall.EPERM) || ours
		}
		if len(list) > 0 && !ours {
			return
		}
		s.wait(pause, nil)
	}
}
