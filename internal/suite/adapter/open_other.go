//go:build !unix

package adapter

import "os"

// openWithoutWaiting opens a file for reading.
func openWithoutWaiting(name string) (*os.File, error) { return os.Open(name) }
