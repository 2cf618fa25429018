//go:build !unix

package adapter

import "syscall"

// DumpNumber stands for a signal that this system does not have: it is never sent.
const DumpNumber = syscall.SIGTERM
