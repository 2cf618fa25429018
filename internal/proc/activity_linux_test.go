package proc

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A signal goes to processes of the tree that handle it, and to no others: it would end them.
func TestSignalOnlyToWhatHandlesIt(t *testing.T) {
	p, err := Start(Spec{Argv: []string{"sh", "-c", "trap 'exit 7' USR2; while :; do :; done"}, Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop(Cancelled)
	for _, pid := range []int{os.Getpid(), os.Getppid(), 1, 0, -1, p.tree.supervisor.Process.Pid} {
		if err := p.Signal(pid, syscall.SIGUSR2); !errors.Is(err, ErrNoSignal) {
			t.Errorf("process %d got a signal: %v", pid, err)
		}
	}
	for _, sig := range []os.Signal{syscall.SIGUSR1, syscall.SIGQUIT, syscall.Signal(0), syscall.Signal(200)} {
		if err := p.Signal(p.PID(), sig); !errors.Is(err, ErrNoSignal) {
			t.Errorf("%v was sent to a process that does not handle it: %v", sig, err)
		}
	}
	for p.Signal(p.PID(), syscall.SIGUSR2) != nil { // until it has set its trap
		select {
		case <-p.Done():
			t.Fatal("it ended by itself")
		default:
		}
	}
	if exit := p.Wait(); exit.Code != 7 {
		t.Errorf("%+v", exit)
	}
}

// The CPU time is that of all processes of the tree, also of those that have ended.
func TestCPU(t *testing.T) {
	p, err := Start(Spec{Argv: []string{"sh", "-c", "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); sh -c 'while :; do :; done'"}, Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop(Cancelled)
	for spent, known := p.CPU(); spent <= 0; spent, known = p.CPU() {
		if !known {
			t.Fatal("it is not known")
		}
	}
	named := func(program string) bool { return program != "" && !strings.Contains(program, "/") }
	if list := p.Below(named); !slices.Contains(list, p.PID()) || slices.Contains(list, os.Getpid()) {
		t.Errorf("%v", list)
	}
	if list := p.Below(func(string) bool { return false }); len(list) != 0 {
		t.Errorf("%v", list)
	}
}
