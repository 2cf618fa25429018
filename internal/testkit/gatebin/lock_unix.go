//go:build unix

package gatebin

import (
	"os"
	"syscall"
)

// Lock waits until no other process holds the file, and holds it until it is released. Packages of tests run at once,
// and build or install the same things.
func Lock(file string) (release func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
