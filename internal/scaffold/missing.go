package scaffold

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite"
)

// Missing says what a suite lacks on this machine to be listed, and what to do, in a line; empty:
// it can be tried. root is that of the repository, look finds a program in PATH.
func (p Plan) Missing(root string, d suite.Detected, look func(program string) bool) string {
	dir := path.Clean(d.Spec.Dir)
	exists := func(file string) bool {
		_, err := os.Stat(filepath.Join(root, filepath.FromSlash(file)))
		return err == nil
	}
	node := slices.Contains(ecosystems[1].kinds, d.Kind()) && !ofNodeAlone(p.tree, dir, []string{d.Kind()})
	if node {
		if !look("npx") {
			return "Node.js is not installed: install it, then run " + p.Commands(d)
		}
		for at := dir; ; at = path.Dir(at) {
			if exists(path.Join(at, "node_modules")) || exists(path.Join(at, ".pnp.cjs")) {
				return ""
			}
			if at == "." {
				return "node_modules is missing: run " + p.Commands(d)
			}
		}
	}
	program := p.program(dir, d)
	switch {
	case program == "":
		return ""
	case strings.HasPrefix(program, "./"):
		if exists(path.Join(dir, program)) {
			return ""
		}
		return fmt.Sprintf("%s is missing: run %s", path.Clean(program), p.Commands(d))
	case look(program):
		return ""
	}
	for _, name := range []string{".venv", "venv"} {
		for at := dir; ; at = path.Dir(at) {
			if exists(path.Join(at, name, "bin", program)) {
				return fmt.Sprintf("%s is in %s, which is not active: run . %s/bin/activate", program, name, path.Join(at, name))
			}
			if at == "." {
				break
			}
		}
	}
	if commands := p.Commands(d); commands != "" && program != "uv" && program != "poetry" && program != "pipenv" && program != "bundle" {
		return fmt.Sprintf("%s is not installed, or not in PATH: run %s", program, commands)
	}
	return program + " is not installed, or not in PATH: install it"
}

// program is what starts a suite.
func (p Plan) program(dir string, d suite.Detected) string {
	if d.Program != "" {
		return d.Program
	}
	if len(d.Spec.Run) > 0 {
		return d.Spec.Run[0]
	}
	wrapper := func(name, onWindows, program string) string {
		if runtime.GOOS == "windows" {
			name = onWindows
		}
		if p.tree.Above(dir, name) != "" {
			return "" // it brings the program
		}
		return program
	}
	switch d.Spec.Framework {
	case "gotest":
		return "go"
	case "nodetest":
		return "node"
	case "robot", "behave":
		return d.Spec.Framework
	case "phpunit":
		manifest := p.tree.Above(dir, "composer.json")
		if manifest == "" {
			return "phpunit"
		}
		rel, err := filepath.Rel(filepath.FromSlash(dir), filepath.Join(filepath.FromSlash(path.Dir(manifest)), "vendor", "bin", "phpunit"))
		if err != nil {
			return ""
		}
		return "./" + filepath.ToSlash(rel)
	case "rspec":
		if p.tree.Above(dir, "Gemfile") != "" {
			return "bundle"
		}
		return "rspec"
	case "pytest":
		return "pytest"
	case "junit5-maven":
		return wrapper("mvnw", "mvnw.cmd", "mvn")
	case "junit5-gradle":
		return wrapper("gradlew", "gradlew.bat", "gradle")
	}
	return ""
}

// Commands are those that install what a suite needs.
func (p Plan) Commands(d suite.Detected) string {
	all := make([]string, len(p.installs[d.Spec.Name]))
	for i, install := range p.installs[d.Spec.Name] {
		all[i] = install.String()
	}
	return strings.Join(all, ", then ")
}
