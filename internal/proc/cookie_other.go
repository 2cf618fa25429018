//go:build !linux

package proc

// killCookie has nothing to do where the environment of other processes cannot
// be read: there the group or the job object is all we can end.
func killCookie(string) {}
