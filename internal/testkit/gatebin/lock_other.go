//go:build !unix

package gatebin

// Lock does nothing here: these tests run on Unix.
func Lock(string) (release func(), err error) { return func() {}, nil }
