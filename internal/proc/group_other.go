//go:build unix && !linux

package proc

import (
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// group is a process group, led by the started process.
type group struct{}

func (group) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd.Start()
}

func (group) terminate(cmd *exec.Cmd) { signalGroup(cmd, syscall.SIGTERM) }

func (group) kill(cmd *exec.Cmd) { signalGroup(cmd, syscall.SIGKILL) }

// await waits until the group is empty, for the grace at most. It is called after
// the leader has been waited for.
func (group) await(cmd *exec.Cmd, grace time.Duration) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(grace); signalGroup(cmd, 0) && time.Now().Before(deadline); <-ticker.C {
	}
}

// release leaves the group alone.
func (group) release() {}

func (group) close() {}

// signalGroup reports whether the group still had a process to signal.
func signalGroup(cmd *exec.Cmd, sig syscall.Signal) bool {
	if cmd.Process == nil || cmd.Process.Pid <= 1 {
		return false
	}
	return !errors.Is(syscall.Kill(-cmd.Process.Pid, sig), syscall.ESRCH)
}

// signalOf is the signal that ended a process.
func signalOf(cmd *exec.Cmd) int {
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return int(status.Signal())
	}
	return 0
}
