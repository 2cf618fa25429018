package adapter

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
)

// NodePackage returns the version of the first of the packages that is installed for a
// directory, or an empty text.
func NodePackage(dir string, names ...string) string {
	for {
		for _, name := range names {
			data, err := os.ReadFile(filepath.Join(dir, "node_modules", filepath.FromSlash(name), "package.json"))
			var p struct{ Version string }
			if err == nil && json.Unmarshal(data, &p) == nil && p.Version != "" {
				return p.Version
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// Installed wants a package of npm that npx --no-install starts: in a folder of packages for dir, else a program
// of the whole machine.
func Installed(s Spec, dir, name, program string) error {
	if NodePackage(dir, name) != "" {
		return nil
	}
	if _, err := exec.LookPath(program); err == nil {
		return nil
	}
	return NotInstalled(s, name)
}
