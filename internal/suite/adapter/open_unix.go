//go:build unix

package adapter

import (
	"os"
	"syscall"
)

// openWithoutWaiting opens a file for reading. It does not wait for a writer, if the file has become a
// pipe.
func openWithoutWaiting(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}
