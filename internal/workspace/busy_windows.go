package workspace

import (
	"errors"

	"golang.org/x/sys/windows"
)

// busy reports whether another process may be the reason. A file that is in use cannot be replaced, which Windows calls
// "access denied".
func busy(err error) bool {
	return errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}
