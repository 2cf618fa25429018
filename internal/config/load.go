package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/config/strictyaml"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/proc"
)

// DefaultFiles are looked for, in this order, when no config is named.
var DefaultFiles = []string{".github/e2e-gate.yml", "e2e-gate.yml"}

// Sections that a command uses; ${NAME} is resolved only in these.
type Sections []string

// Common sets of sections.
var (
	// EnvironmentSections are what the gates command needs.
	EnvironmentSections = Sections{"stages", "processes", "gates", "services", "dependencies"}
	// AllSections are what run, plan and shard need.
	AllSections = Sections{"stages", "processes", "gates", "isolation", "links", "probes", "suites", "journeys", "services", "dependencies", "targets",
		"affected", "shards", "rerun", "exonerate", "triage", "policy", "quarantine", "history"}
	// JudgeSections are what verdict needs: no process, no gate, no suite.
	JudgeSections = Sections{"stages", "links", "journeys", "services", "targets", "exonerate", "triage", "policy", "quarantine", "history"}
)

// Options of loading.
type Options struct {
	// Root is the repository root.
	Root string
	// File is the config's path; empty: the first of [DefaultFiles] below Root.
	File string
	// Uses are the sections in which variables are resolved.
	Uses Sections
	// Fragments are the files that include names, where they are not those below Root.
	Fragments []FragmentText
	// Lookup resolves variables: the gate's own (E2E_SHA, ...), then the
	// environment.
	Lookup func(string) (string, bool)
}

// Load reads and checks a config. On a mistake it returns a [diag.Errors] with
// every one of them, in the order of the file.
func Load(opts Options) (*Config, error) {
	file, data, err := read(opts)
	if err != nil {
		return nil, err
	}
	c, doc := parse(shown(file), data, opts)
	doc.Diags().Add(c.validate(doc, opts)...)
	if err := doc.Diags().Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Peek reads a config without the checks of values that [Load] makes. Variables are not
// resolved. Together with a [diag.Errors] it returns what could be read, which may be
// used for messages only. Other errors, such as [ErrNone], come without a config.
func Peek(opts Options) (*Config, error) {
	file, data, err := read(opts)
	if err != nil {
		return nil, err
	}
	c, doc := parse(shown(file), data, Options{Root: opts.Root})
	return c, doc.Diags().Err()
}

// PeekBytes is [Peek] for the content of a file, with the fragments that it includes.
func PeekBytes(file string, data []byte, fragments ...FragmentText) (*Config, error) {
	c, doc := parse(file, data, Options{Fragments: fragments})
	return c, doc.Diags().Err()
}

// ParseBytes is [PeekBytes] with the variables of the sections that opts uses. It returns what
// can be read: mistakes were found when the file was peeked at.
func ParseBytes(file string, data []byte, opts Options) *Config {
	c, _ := parse(file, data, opts)
	return c
}

// ErrNone says that no config was named and that none of [DefaultFiles] exists.
var ErrNone = fmt.Errorf("no config found: neither %s exists; run e2e-gate init to write one, or give its path with --config",
	strings.Join(DefaultFiles, " nor "))

func read(opts Options) (string, []byte, error) {
	if opts.File != "" {
		data, err := readFile("", opts.File)
		if err != nil {
			return "", nil, fmt.Errorf("cannot read the config: %w; give its path with --config", err)
		}
		return opts.File, data, nil
	}
	for _, name := range DefaultFiles {
		file := filepath.Join(opts.Root, name)
		data, err := readFile(filepath.Join(opts.Root, "."), filepath.FromSlash(name))
		if err == nil {
			return file, data, nil
		}
		if !os.IsNotExist(err) {
			return "", nil, fmt.Errorf("cannot read the config: %w", err)
		}
	}
	return "", nil, ErrNone
}

// shown is the file's name for messages: relative to the working directory if that is
// shorter.
func shown(file string) string {
	if wd, err := os.Getwd(); err == nil {
		if abs, err := filepath.Abs(file); err == nil {
			if rel, err := filepath.Rel(wd, abs); err == nil && !strings.HasPrefix(rel, "..") {
				return filepath.ToSlash(rel)
			}
		}
	}
	return file
}

func parse(file string, data []byte, opts Options) (*Config, *document) {
	c := &Config{File: file, Text: string(data)}
	doc := &document{Document: strictyaml.Decode(data, c, decoding(c, file, opts))}
	c.include(doc, opts)
	var wrong []diag.Mistake
	c.Policy, wrong = policy.Compile(c.Cells)
	for _, m := range wrong {
		doc.fail("policy."+m.Path, m.Text, m.Hint)
	}
	return c, doc
}

// decoding is how a file of a config is decoded.
func decoding(c *Config, file string, opts Options) strictyaml.Options {
	return strictyaml.Options{
		File:    file,
		Lookup:  opts.Lookup,
		Resolve: func(path string) bool { return slices.Contains(opts.Uses, section(path)) },
		Refuse:  refused,
		Resolved: func(path, _, value string) {
			if secretField(path) {
				c.Hidden = append(c.Hidden, value)
			}
		},
	}
}

// The gate's own variables go nowhere through the config: a change could write where to.
const (
	ownText = "%s is the gate's own, and is not passed on"
	ownHint = "give the step a variable of another name, and hand that on: env: {NODE_AUTH_TOKEN: \"${NODE_AUTH_TOKEN}\"}"
)

// refused says why a variable has no value in the config.
func refused(name string) (text, hint string) {
	if !proc.Own(name) {
		return "", ""
	}
	return fmt.Sprintf(ownText, "variable "+name), ownHint
}

func section(path string) string {
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return path
}

// secretFields are secret by type, wherever their value comes from.
var secretFields = []string{"dsn", "client_secret", "token", "password", "secret_key", "session_token", "authorization", "x-api-key", "cookie"}

func secretField(path string) bool {
	return slices.Contains(secretFields, strings.ToLower(path[strings.LastIndexAny(path, ".")+1:]))
}

// handed is a list of the config with variables that are handed to children although they are withheld.
type handed struct {
	path  string
	names []string
}

func (c *Config) handed() []handed {
	all := []handed{{"isolation.pass_env", c.Isolation.PassEnv}}
	for i, s := range c.Suites {
		all = append(all, handed{fmt.Sprintf("suites[%d].pass_env", i), s.PassEnv})
	}
	for i, p := range c.Processes {
		all = append(all, handed{fmt.Sprintf("processes[%d].pass_env", i), p.PassEnv})
	}
	for i, check := range c.Gates.Checks {
		if check.Command != nil {
			all = append(all, handed{fmt.Sprintf("gates.checks[%d].command.pass_env", i), check.Command.PassEnv})
		}
	}
	for _, d := range c.Depends {
		if d.Check.Command != nil {
			all = append(all, handed{"dependencies." + d.Name + ".check.command.pass_env", d.Check.Command.PassEnv})
		}
	}
	return all
}

// Passed lists the variables of every pass_env, sorted.
func (c *Config) Passed() []string {
	var names []string
	for _, h := range c.handed() {
		names = append(names, h.names...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// soleMaintainer names the ways out where a change cannot be approved.
const soleMaintainer = "set judge.approve.review or judge.approve.label; with a single maintainer, make such a change by a commit on the judging branch, " +
	"which judges itself"

// Lint returns settings that a run can be started with, and that are worth a message; errors
// are those that block people later.
func (c *Config) Lint() []diag.Message {
	var found []diag.Message
	warn := func(text, hint string) {
		found = append(found, diag.Message{File: c.File, Severity: diag.Warning, Text: text, Hint: hint})
	}
	if len(c.Gates.Checks) == 0 {
		warn("there are no health gates", "add gates.checks, so that an unhealthy environment is not taken for a regression")
	}
	if policy.Blocks(c.Policy.Table().JudgeChanged()) && c.Judge.Approve.None() {
		const text = "policy.judge_changed blocks, and a change that alters what judges it cannot be approved"
		found = append(found, diag.Message{File: c.File, Text: text, Hint: soleMaintainer})
	}
	for _, s := range c.Stages {
		if s.Blocking() && s.Budget == 0 {
			warn(fmt.Sprintf("stage %s blocks but has no budget", s.Name), "set stages."+s.Name+".budget")
		}
		if s.Blocking() && s.Timeout == 0 {
			warn(fmt.Sprintf("stage %s has no timeout", s.Name), "set one below the job's timeout-minutes, so that it can still report")
		}
		if _, declared := c.Target(s.Target); !declared && strings.Contains(strings.ToLower(s.Target), "prod") {
			warn(fmt.Sprintf("stage %s runs on %s, and tests of journeys without targets run there too", s.Name, s.Target),
				fmt.Sprintf("if it is production, say so: targets: {%s: {production: true}}", s.Target))
		}
	}
	c.lintScopes(warn)
	return found
}

// lintScopes warns of checks that every test waits for, and that have the name of one of several services.
func (c *Config) lintScopes(warn func(text, hint string)) {
	services := c.ServiceNames()
	for _, check := range c.Gates.Checks {
		scoped := len(check.Services)+len(check.Journeys) > 0
		if !scoped && !check.Dependency && len(services) > 1 && slices.Contains(services, check.Name) {
			warn(fmt.Sprintf("every test waits for gate %s, also those that do not need the service %s", check.Name, check.Name),
				fmt.Sprintf("if only its tests need it, add services: [%s] to the check", check.Name))
		}
	}
}
