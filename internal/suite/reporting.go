package suite

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

// reporters are what the gate brings along for the frameworks that take a reporter.
//
//go:embed reporters
var reporters embed.FS

// reporting adapts a framework that takes a reporter of ours, which writes events
// both when tests are listed and when they run: the same code names a test in both.
type reporting struct {
	spec Spec
	root string
	how  howto
}

// howto is what differs between frameworks that take a reporter.
type howto struct {
	// start is how the framework is usually started; run: of a suite replaces it.
	start []string
	// files are those of the folder reporters that it needs.
	files []string
	// arguments follow the start. They hold those of the suite.
	arguments func(b brought) ([]string, error)
	// environment is what else the process needs, where env is what it gets anyway.
	environment func(b brought, env []string) []string
	// noTests is the exit status that says that there is none.
	noTests int
}

// brought is what one process of a framework is started with.
type brought struct {
	spec Spec
	// dir is the suite's directory, reporter the folder with our files, evidence the
	// unit's; all absolute.
	dir, reporter, evidence string
	// tests are those to run; nil: list them all.
	tests   []e2e.Test
	attempt int
}

// file is the path of one of our files.
func (b brought) file(name string) string { return filepath.Join(b.reporter, name) }

func (b brought) listing() bool { return b.tests == nil }

func (b brought) events() string { return b.file("events.jsonl") }

// sources are the files that the tests lie in, sorted, or none where they do not
// fit on a command line: then the framework loads all and the reporter selects.
func (b brought) sources() []string {
	var files []string
	size := 0
	for _, t := range b.tests {
		if !slices.Contains(files, t.File) {
			files, size = append(files, t.File), size+len(t.File)+1
		}
	}
	if size > maxArguments {
		return nil
	}
	slices.Sort(files)
	return files
}

// maxArguments bounds what is put on a command line: Windows allows 32 KiB.
const maxArguments = 24 << 10

// bring puts our files into a folder.
func (r *reporting) bring(folder string, tests []e2e.Test) (brought, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return brought{}, err
	}
	dir, err := filepath.Abs(filepath.Join(r.root, filepath.FromSlash(r.spec.Dir)))
	if err != nil {
		return brought{}, err
	}
	b := brought{spec: r.spec, dir: dir, reporter: folder, tests: tests}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return b, fmt.Errorf("make a folder for the reporter: %w", err)
	}
	for _, name := range r.how.files {
		data, err := reporters.ReadFile("reporters/" + name)
		if err != nil {
			return b, err
		}
		if err := os.WriteFile(b.file(name), data, 0o644); err != nil {
			return b, fmt.Errorf("write the reporter: %w", err)
		}
	}
	if b.listing() {
		return b, nil
	}
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.Name
	}
	return b, writeJSON(b.file("selection.json"), names)
}

func writeJSON(file string, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}

func (r *reporting) command(b brought, env []string) (Command, error) {
	start := r.how.start
	if len(r.spec.Run) > 0 {
		start = r.spec.Run
	}
	args, err := r.how.arguments(b)
	if err != nil {
		return Command{}, err
	}
	cmd := Command{Argv: append(slices.Clone(start), args...), Dir: b.dir}
	cmd.Env = []string{"E2E_GATE_EVENTS=" + b.events(), "E2E_GATE_DIR=" + b.dir, "E2E_GATE_SELECTION="}
	if !b.listing() {
		cmd.Env[2] += b.file("selection.json")
	}
	if r.how.environment != nil {
		cmd.Env = append(cmd.Env, r.how.environment(b, env)...)
	}
	return cmd, nil
}

// Start runs the unit's tests in one process of the framework.
func (r *reporting) Start(u Unit) (Invocation, error) {
	if len(u.Tests) == 0 {
		return nil, fmt.Errorf("unit %s has no tests", u.Name)
	}
	b, err := r.bring(filepath.Join(filepath.Dir(u.Reports), "reporter"), u.Tests)
	if err != nil {
		return nil, err
	}
	b.evidence, b.attempt = u.Evidence, u.Attempt
	cmd, err := r.command(b, u.Env)
	if err != nil {
		return nil, err
	}
	return &process{spec: r.spec, root: r.root, unit: u, command: cmd, results: &eventFile{path: b.events(), test: r.test}}, nil
}

// test is what an event says of a test.
func (r *reporting) test(ev event) e2e.Test {
	return e2e.Test{
		ID: r.spec.Name + "/" + ev.ID, Suite: r.spec.Name, Framework: r.spec.Framework, Unit: r.spec.Name,
		File: ev.File, Line: ev.Line, Class: ev.Class, Name: ev.ID, Tags: ev.Tags,
	}
}

// Discover has the framework list its tests to our reporter.
func (r *reporting) Discover(ctx context.Context, env []string) ([]e2e.Test, []e2e.Problem, error) {
	tmp, err := os.MkdirTemp("", "e2e-gate-list-")
	if err != nil {
		return nil, nil, fmt.Errorf("suite %s: make a folder for its reporter: %w", r.spec.Name, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	b, err := r.bring(tmp, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("suite %s: %w", r.spec.Name, err)
	}
	cmd, err := r.command(b, env)
	if err != nil {
		return nil, nil, err
	}
	exit := proc.Run(ctx, proc.Spec{Argv: cmd.Argv, Dir: cmd.Dir, Env: append(slices.Clip(env), cmd.Env...)})
	if exit.Ended == proc.NotStarted {
		return nil, nil, toolError(r.spec.Name, cmd.Argv[0], exit.Err)
	}
	return r.listed(b, exit)
}

// listed reads what the reporter wrote. Only a listing that came to its end and
// named no error is known to be whole.
func (r *reporting) listed(b brought, exit proc.Exit) ([]e2e.Test, []e2e.Problem, error) {
	var tests []e2e.Test
	var problems []e2e.Problem
	var unusable string
	ended := false
	damaged, err := readEvents(b.events(), func(ev event) {
		switch ev.Event {
		case "listed":
			tests = append(tests, r.test(ev))
		case "error":
			problems = append(problems, r.problem(firstLines(ev.Message, 4)))
		case "unusable":
			unusable = ev.Message
		case "end":
			ended = true
		}
	})
	switch {
	case unusable != "":
		return nil, nil, fmt.Errorf("suite %s: %w: %s", r.spec.Name, ErrTool, unusable)
	case errors.Is(err, os.ErrNotExist):
		return nil, nil, fmt.Errorf("suite %s: %w: %s did not load the gate's reporter (%s); %s", r.spec.Name, ErrTool, r.spec.Framework, exit, lastWords(exit))
	case err != nil:
		return nil, nil, fmt.Errorf("suite %s: read the listing: %w", r.spec.Name, err)
	case damaged != "" || !ended:
		problems = append(problems, r.problem(fmt.Sprintf("the listing is not whole (%s) %s; %s", exit, damaged, lastWords(exit))))
	case len(problems) == 0 && !exit.OK() && exit.Code != r.how.noTests:
		problems = append(problems, r.problem(fmt.Sprintf("%s; %s", exit, lastWords(exit))))
	}
	return tests, problems, nil
}

func (r *reporting) problem(text string) e2e.Problem {
	return e2e.Problem{Code: e2e.CodeBuildFailed, LosesEvidence: true, Unit: r.spec.Name,
		Text: fmt.Sprintf("the tests of suite %s cannot all be listed: %s", r.spec.Name, text)}
}

// hasFlag reports whether one of the arguments is the flag, with or without value.
func hasFlag(args []string, flags ...string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return slices.Contains(flags, name)
	})
}

// variable is the value that the last setting of a variable gives it.
func variable(env []string, name string) string {
	for _, setting := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(setting, name+"="); ok {
			return value
		}
	}
	return ""
}
