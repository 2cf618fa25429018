package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/workspace"
)

// root is the git top level, else the working directory. A checkout in which the gate's own
// folder leads elsewhere is refused.
func root() (string, error) {
	dir, err := topLevel()
	if err != nil {
		return "", err
	}
	if err := workspace.Check(dir); err != nil {
		return "", usageError{err}
	}
	return dir, nil
}

// root is the folder that stands for the checkout, else that of [root].
func (a *App) root() (string, error) {
	if a.dir != "" {
		return a.dir, nil
	}
	return root()
}

func topLevel() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return wd, nil
		}
	}
}
