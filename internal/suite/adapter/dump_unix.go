//go:build unix

package adapter

import "syscall"

// DumpNumber is the signal for [DumpSignal].
const DumpNumber = syscall.SIGUSR2
