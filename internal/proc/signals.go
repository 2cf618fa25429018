package proc

import (
	"maps"
	"slices"
	"syscall"
)

// Signals by their numbers: those that end a process, and those that a shell reports as 128 and a number, as bash does on
// Windows too. What only some systems know is in systemFaults and systemReasons.

// ownSignal reports whether a program's own fault raises a signal.
func ownSignal(n int) bool {
	return slices.Contains(append([]syscall.Signal{
		syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV,
	}, systemFaults...), syscall.Signal(n))
}

// reasons are what usually sends a signal.
var reasons = func() map[syscall.Signal]string {
	all := map[syscall.Signal]string{
		syscall.SIGHUP:  "SIGHUP (its terminal or session ended)",
		syscall.SIGINT:  "SIGINT (interrupted, as by Ctrl-C)",
		syscall.SIGQUIT: "SIGQUIT (asked for a dump)",
		syscall.SIGILL:  "SIGILL (a crash: an instruction that the processor does not have)",
		syscall.SIGTRAP: "SIGTRAP (a crash: a failed assertion or a breakpoint)",
		syscall.SIGABRT: "SIGABRT (it aborted itself: a failed assertion or a fatal error)",
		syscall.SIGBUS:  "SIGBUS (a crash: a bad memory access, or a full disk below a mapped file)",
		syscall.SIGFPE:  "SIGFPE (a crash: a division by zero)",
		syscall.SIGKILL: "SIGKILL (usually the system was out of memory, or somebody killed it)",
		syscall.SIGSEGV: "SIGSEGV (a crash: a bad memory access)",
		syscall.SIGPIPE: "SIGPIPE (the reader of its output ended)",
		syscall.SIGTERM: "SIGTERM (asked to end by another process)",
	}
	maps.Copy(all, systemReasons)
	return all
}()

// reasonOf is a signal's name with its usual reason; empty for any other number.
func reasonOf(n int) string { return reasons[syscall.Signal(n)] }
