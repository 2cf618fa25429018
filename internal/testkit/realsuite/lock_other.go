//go:build !unix

package realsuite

// lock does nothing here: these tests run on Unix.
func lock(string) (release func(), err error) { return func() {}, nil }
