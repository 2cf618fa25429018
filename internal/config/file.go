package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/config/strictyaml"
)

// readFile reads a file, but for what no config needs: of a device without end, or of a large file,
// only enough to see that it is too large. name is a path below root, and no link leads out of root,
// because messages show parts of the text: whoever wrote the checkout could show any file of the
// machine. With an empty root, the user named the file, and links are followed.
func readFile(root, name string) ([]byte, error) {
	f, err := open(root, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, strictyaml.MaxBytes+1))
}

func open(root, name string) (fs.File, error) {
	if root == "" {
		return os.Open(name) //nolint:gosec // named by the user
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	info, err := dir.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, unreadable(name, err)
	case !info.Mode().IsRegular(): // opening a pipe could block
		return nil, fmt.Errorf("%s is not a regular file", filepath.ToSlash(name))
	}
	return dir.Open(name)
}

// unreadable says in plain words why a file of the checkout cannot be read.
func unreadable(name string, err error) error {
	var at *fs.PathError
	if !errors.As(err, &at) {
		return fmt.Errorf("%s cannot be read: %w", filepath.ToSlash(name), err)
	}
	if at.Path != "" {
		name = at.Path // a folder on the way, or one of several files
	}
	if at.Err.Error() == "path escapes from parent" { // of os.Root, which does not export it
		return fmt.Errorf("%s: a link must not lead out of the checkout", filepath.ToSlash(name))
	}
	return fmt.Errorf("%s cannot be read: %w", filepath.ToSlash(name), at.Err)
}
