//go:build unix

package proc

import (
	"slices"
	"syscall"
)

// ownSignal reports whether a program's own fault raises a signal.
func ownSignal(n int) bool {
	return slices.Contains([]syscall.Signal{
		syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGSYS,
	}, syscall.Signal(n))
}
