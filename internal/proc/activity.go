package proc

import (
	"errors"
	"os"
	"time"
)

// ErrNoSignal is wrapped by the errors of [Process.Signal].
var ErrNoSignal = errors.New("no signal was sent")

// CPU is the time that processors spent on the process and all that it started, as far as that can be seen.
// It is false where the system does not tell: elsewhere than on Linux.
func (p *Process) CPU() (time.Duration, bool) { return p.tree.cpu() }

// Signal sends a signal to a process of the tree, if it handles that signal: any other would end by it. Where the
// system does not tell both, which is elsewhere than on Linux, nothing is sent.
func (p *Process) Signal(pid int, sig os.Signal) error { return p.tree.signal(pid, sig) }

// Below are the processes of the tree whose program has a name that a function takes, by their ids. There are
// none elsewhere than on Linux.
func (p *Process) Below(named func(program string) bool) []int { return p.tree.below(named) }
