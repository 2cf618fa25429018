package adapter

import (
	"bytes"
	"context"
	_ "embed" // for what reporters share
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

// reporting adapts a framework that runs a reporter of ours, which writes events both
// when tests are listed and when they run. The same code names a test in both cases.
type reporting struct {
	spec Spec
	root string
	how  LaunchSpec
}

// sharedPython is the module that our reporters in Python share.
//
//go:embed e2e_gate_shared.py
var sharedPython []byte

// LaunchSpec holds the differences between frameworks that run a reporter of ours.
type LaunchSpec struct {
	// Start is how the framework is usually started; run: of a suite replaces it.
	Start []string
	// Program is what the framework's program is called; empty: as the framework.
	Program string
	// Files are the reporter and what it needs, beside each other.
	Files fs.ReadDirFS
	// Python: the reporter is a module that Python has to find; it shares one with the others that are.
	Python bool
	// Arguments follow the start. They hold those of the suite.
	Arguments func(l Launch) ([]string, error)
	// Environment returns further variables for the process; env is its environment
	// without them. It may be nil.
	Environment func(l Launch, env []string) []string
	// NoTests is the framework's exit status for "no tests found".
	NoTests int
	// Package is the package of npm that has the framework; empty: it is none.
	Package string
	// Interpreter is the program that runs the framework, such as node; empty: the reporter says what it is.
	Interpreter string
}

// NewReporting makes the adapter of a suite whose framework runs a reporter of ours.
func NewReporting(s Spec, root string, how LaunchSpec) Adapter {
	return &reporting{spec: s, root: root, how: how}
}

// Launch holds the inputs for starting one process of a framework.
type Launch struct {
	Spec Spec
	// Dir is the suite's directory, Reporter the folder with our files, Evidence the
	// unit's; all absolute.
	Dir, Reporter, Evidence string
	// Tests are those to run; nil: list them all.
	Tests []e2e.Test
	// Attempt is 1, or 2 in the diagnostic rerun.
	Attempt int
	// Part: the process runs a part of its suite only.
	Part bool
}

// PartVariable is set to 1 for a process that runs a part of its suite: a shard's, a batch, a
// rerun, or what was selected. What speaks of the whole suite (a coverage threshold, a minimum
// number of tests) is switched off there.
const PartVariable = "E2E_PART"

// File is the path of one of our files.
func (l Launch) File(name string) string { return filepath.Join(l.Reporter, name) }

// Listing reports whether tests are listed and none is run.
func (l Launch) Listing() bool { return l.Tests == nil }

// pythonPath is the variable by which Python finds our reporter, before what the suite's own has.
func (l Launch) pythonPath(env []string) string {
	path := l.Reporter
	if have := Variable(env, "PYTHONPATH"); have != "" {
		path += string(os.PathListSeparator) + have
	}
	return "PYTHONPATH=" + path
}

func (l Launch) events() string { return l.File(eventsFile) }

const eventsFile = "events.jsonl"

// Sources are the files that the tests lie in, sorted, or none where they do not
// fit on a command line: then the framework loads all and the reporter selects.
func (l Launch) Sources() []string {
	var files []string
	size := 0
	for _, t := range l.Tests {
		if !slices.Contains(files, t.File) {
			files, size = append(files, t.File), size+len(t.File)+1
		}
	}
	if size > MaxArguments {
		return nil
	}
	slices.Sort(files)
	return files
}

// MaxArguments bounds what is put on a command line: Windows allows 32 KiB.
const MaxArguments = 24 << 10

// install puts our files into a folder.
func (r *reporting) install(folder string, tests []e2e.Test) (Launch, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return Launch{}, err
	}
	dir, err := filepath.Abs(filepath.Join(r.root, filepath.FromSlash(r.spec.Dir)))
	if err != nil {
		return Launch{}, err
	}
	l := Launch{Spec: r.spec, Dir: dir, Reporter: folder, Tests: tests}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return l, fmt.Errorf("make a folder for the reporter: %w", err)
	}
	entries, err := r.how.Files.ReadDir(".")
	if err != nil {
		return l, err
	}
	for _, e := range entries {
		data, err := fs.ReadFile(r.how.Files, e.Name())
		if err != nil {
			return l, err
		}
		if err := os.WriteFile(l.File(e.Name()), data, 0o644); err != nil {
			return l, fmt.Errorf("write the reporter: %w", err)
		}
	}
	if r.how.Python {
		if err := os.WriteFile(l.File("e2e_gate_shared.py"), sharedPython, 0o644); err != nil {
			return l, fmt.Errorf("write the reporter: %w", err)
		}
	}
	if l.Listing() {
		return l, nil
	}
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.Name
	}
	return l, writeJSON(l.File("selection.json"), names)
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

// start is how the framework is started, without what the gate adds.
func (r *reporting) start() []string {
	if len(r.spec.Run) > 0 {
		return r.spec.Run
	}
	return r.how.Start
}

func (r *reporting) command(l Launch, env []string) (Command, error) {
	args, err := r.how.Arguments(l)
	if err != nil {
		return Command{}, err
	}
	cmd := Command{Argv: append(slices.Clone(r.start()), args...), Dir: l.Dir}
	cmd.Env = []string{"E2E_GATE_EVENTS=" + l.events(), "E2E_GATE_DIR=" + l.Dir, "E2E_GATE_SELECTION="}
	if !l.Listing() {
		cmd.Env[2] += l.File("selection.json")
	}
	if r.how.Python {
		cmd.Env = append(cmd.Env, l.pythonPath(env))
	}
	if r.how.Environment != nil {
		cmd.Env = append(cmd.Env, r.how.Environment(l, env)...)
	}
	return cmd, nil
}

// Start runs the unit's tests in one process of the framework.
func (r *reporting) Start(u Unit) (Invocation, error) {
	if len(u.Tests) == 0 {
		return nil, fmt.Errorf("batch %s has no tests", u.Name)
	}
	l, err := r.install(filepath.Join(filepath.Dir(u.Reports), "reporter"), u.Tests)
	if err != nil {
		return nil, err
	}
	l.Evidence, l.Attempt, l.Part = u.Evidence, u.Attempt, Variable(u.Env, PartVariable) == "1"
	cmd, err := r.command(l, u.Env)
	if err != nil {
		return nil, err
	}
	return &Process{Spec: r.spec, Root: r.root, Unit: u, Start: cmd, Results: &EventFile{Path: l.events(), Test: r.test, Program: r.how.Program}}, nil
}

// test makes a test from an event.
func (r *reporting) test(ev Event) e2e.Test {
	var locks []string
	if ev.Lock != "" {
		locks = []string{e2e.MachineLock + ev.Lock + " in " + path.Join(".", filepath.ToSlash(r.spec.Dir))}
	}
	return e2e.Test{
		Locks: locks, ID: r.spec.Name + "/" + ev.ID, Suite: r.spec.Name, Framework: r.spec.Framework, Unit: r.spec.Name,
		File: ev.File, Line: ev.Line, Class: ev.Class, Name: ev.ID, Tags: ev.Tags, Group: GroupOf(r.spec, ev.Group), Keep: GroupOf(r.spec, ev.Keep),
	}
}

// GroupOf names tests of a suite that belong together; name is unique in the suite, and empty
// where there are none.
func GroupOf(s Spec, name string) string {
	if name == "" {
		return ""
	}
	return s.Name + "/" + name
}

// Discover has the framework list its tests to our reporter.
func (r *reporting) Discover(ctx context.Context, env []string) ([]e2e.Test, []e2e.Problem, error) {
	tmp, err := os.MkdirTemp("", "e2e-gate-list-")
	if err != nil {
		return nil, nil, fmt.Errorf("suite %s: make a folder for its reporter: %w", r.spec.Name, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	l, err := r.install(tmp, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("suite %s: %w", r.spec.Name, err)
	}
	kept := r.kept(ctx, l, env)
	if lines, ok := kept.Lines(); ok {
		if err := os.WriteFile(l.events(), lines, 0o600); err != nil {
			return nil, nil, fmt.Errorf("suite %s: write its listing: %w", r.spec.Name, err)
		}
		return r.listed(l, proc.Exit{Ended: proc.Exited})
	}
	cmd, err := r.command(l, env)
	if err != nil {
		return nil, nil, err
	}
	if kept != nil {
		watch, err := r.watch(l, env)
		if err != nil {
			return nil, nil, fmt.Errorf("suite %s: %w", r.spec.Name, err)
		}
		cmd.Env = append(cmd.Env, watch...)
	}
	exit := proc.Run(ctx, proc.Spec{Argv: cmd.Argv, Dir: cmd.Dir, Env: append(slices.Clip(env), cmd.Env...)})
	if exit.Ended == proc.NotStarted {
		return nil, nil, ToolError(r.spec.Name, cmd.Argv[0], exit.Err)
	}
	tests, problems, err := r.listed(l, exit)
	if err == nil && len(tests) > 0 && !slices.ContainsFunc(problems, func(p e2e.Problem) bool { return p.Code != e2e.CodeNotChecked }) {
		r.keep(kept, l, tests)
	}
	return tests, problems, err
}

// listed reads the reporter's events. Only a listing with an end and without an error
// is complete.
func (r *reporting) listed(l Launch, exit proc.Exit) ([]e2e.Test, []e2e.Problem, error) {
	var listed []Event
	var problems []e2e.Problem
	var unusable string
	var alarms []string
	ended := false
	damaged, err := ReadEvents(l.events(), func(ev Event) {
		switch ev.Event {
		case "listed":
			listed = append(listed, ev)
		case "error":
			problems = append(problems, r.problem(FirstLines(ev.Message, 4)))
		case "unusable":
			unusable = ev.Message
		case "unchecked":
			alarms = append(alarms, FirstLines(ev.Message, 1))
		case "end":
			ended = true
		}
	})
	switch {
	case unusable != "":
		return nil, nil, fmt.Errorf("suite %s: %w: %s", r.spec.Name, ErrTool, unusable)
	case errors.Is(err, os.ErrNotExist) && r.how.Package != "" && Uninstalled(exit):
		return nil, nil, NotInstalled(r.spec, r.how.Package)
	case errors.Is(err, os.ErrNotExist):
		return nil, nil, fmt.Errorf("suite %s: %w: %s did not load the gate's reporter (%s); %s", r.spec.Name, ErrTool, r.spec.Framework, exit, OutputTail(exit))
	case err != nil:
		return nil, nil, fmt.Errorf("suite %s: read the listing: %w", r.spec.Name, err)
	case damaged != "" || !ended:
		text := fmt.Sprintf("the listing is incomplete (%s)", exit)
		if damaged != "" {
			text += " " + damaged
		}
		problems = append(problems, r.problem(text+"; "+OutputTail(exit)))
	case len(problems) == 0 && !exit.OK() && exit.Code != r.how.NoTests:
		problems = append(problems, r.problem(fmt.Sprintf("%s; %s", exit, OutputTail(exit))))
	}
	var tests []e2e.Test
	for _, ev := range oneWorkerEach(listed) {
		tests = append(tests, r.test(ev))
	}
	return tests, append(problems, NotChecked(r.spec.Name, alarms)...), nil
}

// oneWorkerEach are listed tests without those of a file that another worker lists too: one that lists it with a group, else the first
// by its name. A config may name a file by itself and among those that share a session; it runs with those.
func oneWorkerEach(listed []Event) []Event {
	grouped, first := map[string]bool{}, map[string]string{}
	for _, ev := range listed {
		if ev.Group != "" {
			grouped[ev.Keep] = true
		}
		if worker, known := first[ev.Keep]; !known || ev.Worker < worker {
			first[ev.Keep] = ev.Worker
		}
	}
	return slices.DeleteFunc(listed, func(ev Event) bool {
		return ev.Worker != "" && ev.Group == "" && (grouped[ev.Keep] || first[ev.Keep] != ev.Worker)
	})
}

func (r *reporting) problem(text string) e2e.Problem {
	return e2e.Problem{Code: e2e.CodeBuildFailed, LosesEvidence: true, Unit: r.spec.Name,
		Text: fmt.Sprintf("not all tests of suite %s can be listed: %s", r.spec.Name, text)}
}
