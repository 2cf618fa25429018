package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir keeps objects as files in a directory.
type Dir struct {
	Path string
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
	entries, err := os.ReadDir(d.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
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

// Get reads a file. A pipe or a device, which may have no end, is an error.
func (d Dir) Get(_ context.Context, name string) ([]byte, error) {
	file := filepath.Join(d.Path, name)
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(file) //nolint:gosec // below the history folder
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
	if err := os.MkdirAll(d.Path, 0o755); err != nil { //nolint:gosec // shared with other jobs of the runner
		return err
	}
	tmp, err := os.CreateTemp(d.Path, ".record-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err = tmp.Write(data); err == nil {
		err = tmp.Chmod(0o644) // the next job may run as another user
	}
	if err == nil {
		err = tmp.Sync()
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = publish(tmp.Name(), filepath.Join(d.Path, name))
	}
	return err
}

// publish makes a complete file appear under its name. A hard link fails if the name
// exists, which makes objects immutable; on a file system without links it is a rename.
func publish(tmp, name string) error {
	err := os.Link(tmp, name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if _, there := os.Stat(name); there == nil {
		return nil
	}
	return os.Rename(tmp, name)
}

// Delete removes a file.
func (d Dir) Delete(_ context.Context, name string) error {
	if err := os.Remove(filepath.Join(d.Path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
