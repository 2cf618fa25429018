// Package workspace owns the gate's own folder in a checkout, and the folder of a run. The checkout
// comes from whoever wrote the change, and the processes of a run write where they like, so no link
// leads the gate out of either, and nothing odd is left in what is uploaded.
package workspace

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Name is the gate's own folder in a checkout.
const Name = ".e2e-gate"

// own are its folders, from the top of the checkout.
var own = []string{Name, Name + "/runs", Name + "/history", Name + "/fetched", Name + "/kept"}

// Check refuses a checkout in which the gate's own folders are links.
func Check(root string) error {
	for _, name := range own {
		if err := checkFolder(filepath.Join(root, filepath.FromSlash(name)), name); err != nil {
			return err
		}
	}
	return nil
}

func checkFolder(path, name string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot look at the gate's folder: %w", err)
	case !info.IsDir() && !info.Mode().IsRegular(): // Windows has more kinds of links
		return fmt.Errorf("%s is a link, which could lead the gate's files anywhere (%s); remove it, also from git (git rm %s); "+
			"to keep the history elsewhere, set history.store", name, path, name)
	}
	return nil // a file in its place breaks only what needs the folder
}

// Open makes a folder and opens it. No link leads out of it. In a checkout no link leads out of
// that on the way to it either, and the gate's own folders are no links.
func Open(checkout, dir string) (*os.Root, error) {
	rel, err := filepath.Rel(checkout, dir)
	if checkout == "" || err != nil || !filepath.IsLocal(rel) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		return os.OpenRoot(dir)
	}
	if err := Check(checkout); err != nil {
		return nil, err
	}
	top, err := os.OpenRoot(checkout)
	if err != nil {
		return nil, err
	}
	defer func() { _ = top.Close() }()
	err = top.MkdirAll(rel, 0o755)
	var opened *os.Root
	if err == nil {
		opened, err = top.OpenRoot(rel)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s in the checkout, which no link may lead out of: %w", rel, err)
	}
	return opened, nil
}

// Replace replaces a file of a folder as a whole: a reader, or a machine that dies, never sees
// half of it, and a link of that name is replaced instead of followed.
func Replace(dir *os.Root, name string, data []byte) error {
	return ReplaceBy(dir, name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// ReplaceBy is [Replace] with what is written by a function. If that fails, the file stays as it was.
func ReplaceBy(dir *os.Root, name string, write func(io.Writer) error) (err error) {
	tmp := temporary(name)
	defer func() {
		if err != nil {
			_ = dir.Remove(tmp)
			err = fmt.Errorf("write %s: %w", name, err)
		}
	}()
	f, err := dir.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	err = errors.Join(write(&synced{f: f}), f.Chmod(0o644)) // whatever the umask: the next job may run as another user
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return persist(busy, func() error { return dir.Rename(tmp, name) })
}

// syncEach is after how many bytes a file is synced while it is written.
const syncEach = 32 << 20

// synced hands what is written to the disk bit by bit: nothing can stop a sync, and that of a gigabyte at the
// end would take longer than there is after a signal.
type synced struct {
	f      *os.File
	behind int
}

func (s *synced) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	if s.behind += n; err == nil && s.behind >= syncEach {
		s.behind = 0
		err = s.f.Sync()
	}
	return n, err
}

// ReplaceFile is [Replace] for a file that the user named.
func ReplaceFile(name string, data []byte) error {
	dir, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return Replace(dir, filepath.Base(name), data)
}

// temporary is a name next to a file that is not there yet.
func temporary(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"-"+rand.Text())
}
