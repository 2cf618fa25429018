package history

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/org/e2e-gate/internal/workspace"
)

// Dir keeps objects as files in a directory.
type Dir struct {
	Path string
	// Checkout is the checkout in which the folder may lie: no link leads out of that; empty: it
	// lies where the user wants it.
	Checkout string
	// Tracked names the files that version control tracks; nil: it tracks none. They came with
	// the checkout, so the change under test may have written them: they do not count. An
	// error means that none of the files counts.
	Tracked func(context.Context) (func(name string) bool, error)
}

// tracked is why a file that version control tracks does not count.
const tracked = "git tracks this file, so a change could have written it; run git rm -r --cached on its folder, and add the folder to .gitignore"

// List names the files. An entry that is not a regular file has size 0 and cannot be
// read.
func (d Dir) List(ctx context.Context) ([]Object, error) {
	if _, err := os.Stat(d.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	dir, err := workspace.Open(d.Checkout, d.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return nil, err
	}
	var list []Object
	var comes func(string) bool
	if d.Tracked != nil && len(entries) > 0 {
		comes, err = d.Tracked(ctx)
	}
	for _, e := range entries {
		o := Object{Name: e.Name()}
		switch {
		case err != nil:
			o.Refused = err.Error()
		case comes != nil && comes(o.Name):
			o.Refused = tracked
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			o.Size = info.Size()
		}
		list = append(list, o)
	}
	return list, nil
}

// Get reads a file. A link, a pipe or a device, which may have no end, is an error.
func (d Dir) Get(_ context.Context, name string) ([]byte, error) {
	dir, err := workspace.Open(d.Checkout, d.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	info, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxObject+1))
	if err == nil && len(data) > maxObject {
		err = fmt.Errorf("it is larger than %d MiB", maxObject>>20)
	}
	return data, err
}

// Put writes a file, which appears as a whole.
func (d Dir) Put(_ context.Context, name string, data []byte) error {
	dir, err := workspace.Open(d.Checkout, d.Path)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	tmp := ".record-" + rand.Text()
	f, err := dir.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Remove(tmp) }()
	if _, err = f.Write(data); err == nil {
		err = f.Chmod(0o644) // the next job may run as another user
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = publish(dir, tmp, name)
	}
	return err
}

// publish makes a complete file appear under its name. A hard link fails if the name
// exists, which makes objects immutable; on a file system without links it is a rename.
func publish(dir *os.Root, tmp, name string) error {
	err := dir.Link(tmp, name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if _, there := dir.Lstat(name); there == nil {
		return nil
	}
	return dir.Rename(tmp, name)
}

// Delete removes a file.
func (d Dir) Delete(_ context.Context, name string) error {
	dir, err := workspace.Open(d.Checkout, d.Path)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
