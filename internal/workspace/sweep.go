package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Swept is what was found in a folder that uploads could not take.
type Swept struct {
	// Removed are links, pipes, sockets and devices.
	Removed []string
	// Copied are files with a second name, which may lie elsewhere: they were replaced by a copy, so
	// that what is written there does not reach the upload.
	Copied []string
	// Left could not be read or removed.
	Left []string
}

// String names one of each kind; empty: there were none.
func (s Swept) String() string {
	var said []string
	for _, kind := range []struct {
		what  string
		files []string
	}{
		{"removed links, pipes, sockets or devices", s.Removed},
		{"copied files that have a second name", s.Copied},
		{"could not clear", s.Left},
	} {
		if n := len(kind.files); n > 0 {
			said = append(said, fmt.Sprintf("%s: %d, such as %s", kind.what, n, kind.files[0]))
		}
	}
	return strings.Join(said, "; ")
}

// Sweep leaves only folders and files of their own in a folder that is to be uploaded: an upload
// follows links wherever they lead, and waits for a pipe without a writer. It is called when
// no process writes there any more.
func Sweep(dir *os.Root) Swept {
	var s Swept
	_ = fs.WalkDir(dir.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		name := filepath.FromSlash(path)
		switch {
		case err != nil && d != nil && d.IsDir():
			s.open(dir, path)
		case err != nil:
			s.Left = append(s.Left, path)
		case d.IsDir():
		case !d.Type().IsRegular():
			s.remove(dir, path)
		default:
			info, err := dir.Lstat(name)
			if err == nil && links(info) < 2 {
				return nil
			}
			if err == nil {
				err = copyInPlace(dir, name, info)
			}
			if err != nil {
				s.remove(dir, path)
				return nil
			}
			s.Copied = append(s.Copied, path)
		}
		return nil
	})
	return s
}

// open sweeps a folder that its owner made unreadable.
func (s *Swept) open(dir *os.Root, path string) {
	name := filepath.FromSlash(path)
	if err := dir.Chmod(name, 0o755); err != nil {
		s.Left = append(s.Left, path)
		return
	}
	sub, err := dir.OpenRoot(name)
	if err == nil {
		defer func() { _ = sub.Close() }()
		_, err = fs.ReadDir(sub.FS(), ".")
	}
	if err != nil {
		s.Left = append(s.Left, path)
		return
	}
	below := Sweep(sub)
	for _, file := range below.Removed {
		s.Removed = append(s.Removed, path+"/"+file)
	}
	for _, file := range below.Copied {
		s.Copied = append(s.Copied, path+"/"+file)
	}
	for _, file := range below.Left {
		s.Left = append(s.Left, path+"/"+file)
	}
}

func (s *Swept) remove(dir *os.Root, path string) {
	if err := dir.Remove(filepath.FromSlash(path)); err != nil {
		s.Left = append(s.Left, path)
		return
	}
	s.Removed = append(s.Removed, path)
}

// copyInPlace replaces a file by a copy.
func copyInPlace(dir *os.Root, name string, info fs.FileInfo) error {
	from, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	if now, err := from.Stat(); err != nil || !os.SameFile(now, info) {
		return errors.New("it changed")
	}
	tmp := temporary(name)
	to, err := dir.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err == nil {
		err = dir.Rename(tmp, name)
	}
	if err != nil {
		_ = dir.Remove(tmp)
	}
	return err
}
