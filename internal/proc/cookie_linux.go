package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// killCookie ends every process that carries the cookie in its environment. It
// finds those that left the group (setsid, double fork), as browsers and daemons
// do.
func killCookie(cookie string) {
	needle := append([]byte(cookieName+"="+cookie), 0)
	entries, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return
	}
	for _, name := range entries {
		env, err := os.ReadFile(name) //nolint:gosec // a path of the kernel's
		if err != nil || !bytes.Contains(append([]byte{0}, env...), append([]byte{0}, needle...)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil && pid > 1 && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
