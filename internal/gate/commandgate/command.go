// Package commandgate is the command check: a program that exits 0 when what it checks
// is healthy.
package commandgate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/safetext"
)

// Kind is the name of this kind of check in the config.
const Kind = "command"

// grace is how long a command gets to end by itself after its timeout. It is short,
// because the wait for the gates has a deadline.
const grace = 500 * time.Millisecond

// Spec is the command check of the config.
type Spec struct {
	Run     []string          `yaml:"run" doc:"Argument vector; no shell is involved."`
	Dir     string            `yaml:"dir" doc:"Working directory, relative to the repository root, which is the default."`
	Env     map[string]string `yaml:"env" doc:"Environment variables to set."`
	PassEnv []string          `yaml:"pass_env" doc:"Names of withheld environment variables (tokens, passwords) to pass on."`
	Timeout time.Duration     `yaml:"timeout" doc:"Longest time of a single run. Default 5s."`
}

// ProbeTimeout bounds a single run.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// wordNotFound is what retry_on calls a command that cannot be run.
const wordNotFound = "not_found"

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string { return []string{wordNotFound} }

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	var problems []diag.Mistake
	if len(s.Run) == 0 || strings.TrimSpace(s.Run[0]) == "" {
		problems = append(problems, diag.Mistake{Path: "run", Text: "the check has no command", Hint: `write it as run: ["./scripts/ready.sh"]`})
	}
	return append(problems, probe.CheckDuration("timeout", s.Timeout)...)
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	if problems := s.Validate(); len(problems) > 0 {
		return probe.BrokenProbe(Kind, "", problems)
	}
	p := prober{spec: s, dir: s.Dir}
	if !filepath.IsAbs(p.dir) {
		p.dir = filepath.Join(env.Root, p.dir)
	}
	p.vars = proc.CleanEnv(proc.Env{Base: env.Base, Secrets: env.Secrets, Pass: s.PassEnv, Set: []map[string]string{env.Identity, s.Env}})
	p.mask = env.Hide(s.secrets(env.Base))
	return p
}

// secrets are the values that the command is given on purpose and that it may
// print.
func (s *Spec) secrets(vars []string) []string {
	var secrets []string
	for name, value := range s.Env {
		if probe.SecretName(name) {
			secrets = append(secrets, value)
		}
	}
	for _, kv := range vars {
		if name, value, _ := strings.Cut(kv, "="); slices.Contains(s.PassEnv, name) {
			secrets = append(secrets, value)
		}
	}
	return secrets
}

type prober struct {
	spec *Spec
	dir  string
	vars []string
	mask func(string) string
}

func (p prober) Kind() string { return Kind }
func (p prober) Target() string {
	return p.mask(safetext.Plain(commandLine(p.spec.Run), probe.MaxQuote))
}
func (p prober) Expected() string { return "exit status 0" }

// Probe runs the command once.
func (p prober) Probe(ctx context.Context) probe.Observation {
	exit := proc.Run(ctx, proc.Spec{Argv: p.spec.Run, Dir: p.dir, Env: p.vars, Grace: grace})
	o := p.judge(exit)
	o.Observed, o.Reason = p.mask(o.Observed), p.mask(o.Reason)
	return o
}

func (p prober) judge(exit proc.Exit) probe.Observation {
	switch {
	case exit.OK():
		return probe.Healthy("exit status 0")
	case exit.Ended == proc.NotStarted:
		return p.notStarted(exit.Err)
	case exit.Ended == proc.TimedOut, exit.Ended == proc.Cancelled:
		return probe.NotYet("no result within "+p.spec.ProbeTimeout().String(),
			"the command does not end in time; find out what it waits for, or raise command.timeout")
	case exit.Ended == proc.Exited && (exit.Code == 126 || exit.Code == 127):
		o := probe.Broken(exit.String()+p.lastLine(exit.Tail),
			fmt.Sprintf("the command cannot run a program that it calls (exit status %d); install that program, or make it executable", exit.Code))
		o.Word = wordNotFound
		return o
	default:
		o := probe.NotYet(exit.String()+p.lastLine(exit.Tail), "the command reports that what it checks is not healthy; see its output")
		o.Key = exit.String()
		return o
	}
}

// The numbers of the same faults on Windows, which package syscall does not map.
const (
	errBadExeFormat = syscall.Errno(193)
	errDirectory    = syscall.Errno(267) // the working directory does not exist
)

// notStarted distinguishes a missing command from a machine that lacks resources for a
// moment.
func (p prober) notStarted(err error) probe.Observation {
	name := safetext.Plain(p.spec.Run[0], probe.MaxQuote)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return probe.NotYet("not started in time", "there was no time left to run the command; raise the check's timeout")
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, errDirectory):
		o := probe.Broken("command not found: "+name, "the command or its directory does not exist; check run and dir, relative to the repository root")
		o.Word = wordNotFound
		return o
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC), errors.Is(err, errBadExeFormat), errors.Is(err, exec.ErrDot):
		o := probe.Broken("command not executable: "+name, "the command cannot be executed; make it executable, with a first line such as #!/bin/sh")
		o.Word = wordNotFound
		return o
	}
	o := probe.NotYet("command could not be started", "the machine could not start the command; check its memory and process limits")
	o.State = e2e.ProbeError
	return o
}

func (p prober) lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(p.mask(output)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return ", printed " + probe.Quote(last)
	}
	return ""
}

// commandLine renders an argument vector and leaves out what looks like a secret.
func commandLine(argv []string) string {
	shown := make([]string, len(argv))
	hide := false
	for i, arg := range argv {
		name, _, assigned := strings.Cut(arg, "=")
		switch {
		case hide:
			shown[i] = probe.Mask
		case strings.Contains(name, "://"):
			shown[i] = probe.SafeURLText(arg)
		case assigned && (probe.SecretName(name) || strings.Contains(arg, "://")):
			shown[i] = name + "=" + probe.Mask
		default:
			shown[i] = arg
		}
		hide = !assigned && strings.HasPrefix(arg, "-") && probe.SecretName(arg)
	}
	return strings.Join(shown, " ")
}
