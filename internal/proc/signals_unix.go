//go:build unix

package proc

import "syscall"

var systemFaults = []syscall.Signal{syscall.SIGSYS}

var systemReasons = map[syscall.Signal]string{
	syscall.SIGXCPU: "SIGXCPU (its limit of CPU time)",
	syscall.SIGXFSZ: "SIGXFSZ (its limit of file size)",
	syscall.SIGSYS:  "SIGSYS (a system call that is forbidden here)",
}
