package adapter

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/Masterminds/semver/v3"
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

// Preload is the variable by which each process of Node loads a module first, before what env has it load.
func Preload(module string, env []string) string {
	quoted := `--require "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(module) + `"`
	return "NODE_OPTIONS=" + strings.TrimSpace(quoted+" "+Variable(env, "NODE_OPTIONS"))
}

// AtLeast compares versions; an unknown one may be old. A prerelease counts as the
// version that it precedes.
func AtLeast(version, needed string) bool {
	v, err := semver.NewVersion(version)
	if err != nil {
		return false
	}
	release, err := v.SetPrerelease("")
	return err == nil && !release.LessThan(semver.MustParse(needed))
}

// Needs refuses a package of npm that is older than the first version whose results are right. A version that is not
// known is taken.
func Needs(s Spec, dir, title, name, needed string) error {
	version := NodePackage(dir, name)
	if _, err := semver.NewVersion(version); err != nil || AtLeast(version, needed) {
		return nil
	}
	return fmt.Errorf("suite %s: %w: %s %s is too old; %s or later is needed: npm install --save-dev %s@latest", s.Name, ErrTool, title, version, needed, name)
}
