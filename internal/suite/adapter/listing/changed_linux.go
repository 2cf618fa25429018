package listing

import (
	"fmt"
	"io/fs"
	"syscall"
)

// changed says when a file changed last and which one it is, so that no program can hide a change;
// empty: the system does not tell.
func changed(info fs.FileInfo) string {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d.%d %d", s.Ctim.Sec, s.Ctim.Nsec, s.Ino)
}
