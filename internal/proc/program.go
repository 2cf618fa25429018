package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Program is where a program lies that is started in dir with that environment; a nil error means that it can be started. As in a
// shell, a name without a separator is looked up in the PATH of env, whose relative folders are those of dir, such as
// ".venv/bin". The gate's own PATH counts as well: there its wrappers and tool managers are.
func Program(name, dir string, env []string) (string, error) {
	if strings.ContainsRune(filepath.ToSlash(name), '/') {
		return name, nil // relative to dir, as exec does
	}
	if path := pathOf(env); path != os.Getenv("PATH") {
		for _, folder := range filepath.SplitList(path) {
			if folder == "" {
				continue // the current folder, which a checkout fills
			}
			if !filepath.IsAbs(folder) {
				folder = filepath.Join(dir, folder)
			}
			if folder, err := filepath.Abs(folder); err == nil {
				if found, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
					return found, nil
				}
			}
		}
	}
	return exec.LookPath(name)
}

// pathOf is the PATH of an environment, the last one that it names.
func pathOf(env []string) string {
	for _, kv := range slices.Backward(env) {
		name, value, _ := strings.Cut(kv, "=")
		if name == "PATH" || runtime.GOOS == "windows" && strings.EqualFold(name, "PATH") {
			return value
		}
	}
	return os.Getenv("PATH")
}
