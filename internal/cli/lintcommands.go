package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/proc"
)

// missingCommands are the commands of a config that this machine does not have: a run would not start.
func missingCommands(root string, c *config.Config) []diag.Message {
	var found []diag.Message
	// A machine without a shell, such as the image of the gate, runs no suite: what it lacks says nothing.
	bare := !installed("sh") && runtime.GOOS != "windows"
	check := func(what, dir string, argv []string, env map[string]string) {
		if len(argv) == 0 || bare && !strings.ContainsAny(argv[0], `/\`) || exists(filepath.Join(root, filepath.FromSlash(dir)), argv[0], env) {
			return
		}
		m := diag.Message{File: c.File, Text: fmt.Sprintf("%s: there is no program %s in PATH", what, argv[0]),
			Hint: "install it before the gate runs, or give its path"}
		if strings.ContainsAny(argv[0], `/\`) {
			m.Text = fmt.Sprintf("%s: %s is not an executable file", what, argv[0])
			m.Hint = fmt.Sprintf("the path is relative to %s", filepath.ToSlash(filepath.Join(".", dir)))
		}
		found = append(found, m)
	}
	for _, s := range c.Suites {
		check("run of suite "+s.Name, s.Dir, s.Run, s.Env)
		check("list of suite "+s.Name, s.Dir, s.List, s.Env)
	}
	for _, p := range c.Processes {
		check("run of process "+p.Name, p.Dir, p.Run, p.Env)
		check("up of process "+p.Name, p.Dir, p.Up, p.Env)
		check("down of process "+p.Name, p.Dir, p.Down, p.Env)
		check("logs of process "+p.Name, p.Dir, p.Logs, p.Env)
	}
	for _, g := range c.Gates.Checks {
		if g.Command != nil {
			check("command of gate "+g.Name, "", g.Command.Run, g.Command.Env)
		}
	}
	check("up of isolation", "", c.Isolation.Up, c.Isolation.Env)
	check("down of isolation", "", c.Isolation.Down, c.Isolation.Env)
	return found
}

// installed reports whether PATH has a program.
func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// exists reports whether a program can be started from a folder, with env beside the environment. A name without a separator is
// looked up in PATH.
func exists(dir, program string, env map[string]string) bool {
	if !strings.ContainsAny(program, `/\`) {
		_, err := proc.Program(program, dir, proc.CleanEnv(proc.Env{Base: os.Environ(), Set: []map[string]string{env}}))
		return err == nil
	}
	if !filepath.IsAbs(program) {
		program = filepath.Join(dir, program)
	}
	if installed(program) {
		return true
	}
	_, err := os.Stat(program)
	return os.IsPermission(err) // it cannot be said
}
