//go:build !linux

package proc

// killCookie does nothing on systems where the environment of other processes cannot be
// read: there only the group or the job object can be ended.
func killCookie(string) {}
