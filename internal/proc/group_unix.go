//go:build unix

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

// killLeftovers ends what is still in the group after its leader has ended: first
// by request, after the grace by force.
func (group) killLeftovers(cmd *exec.Cmd, grace time.Duration) {
	if !signalGroup(cmd, syscall.SIGTERM) {
		return
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(grace); time.Now().Before(deadline); <-ticker.C {
		if !signalGroup(cmd, 0) {
			return
		}
	}
	signalGroup(cmd, syscall.SIGKILL)
}

func (group) close() {}

// signalGroup reports whether the group still had somebody to signal.
func signalGroup(cmd *exec.Cmd, sig syscall.Signal) bool {
	if cmd.Process == nil || cmd.Process.Pid <= 1 {
		return false
	}
	return !errors.Is(syscall.Kill(-cmd.Process.Pid, sig), syscall.ESRCH)
}
