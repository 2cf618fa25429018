// Package jvm runs JUnit 5, in builds of Maven and of Gradle.
package jvm

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// jvm adapts a build tool that runs tests on the JUnit Platform. The gate puts two
// classes onto the test class path, which the platform finds by itself: a filter
// that lists every test and lets none run, or lets exactly the selected ones run,
// and a listener that writes what becomes of them. The build tool, its plugins and
// their settings stay the project's own, so what is listed is what would run.
type jvm struct {
	spec adapter.Spec
	root string
	tool buildTool
	// cost is that of the last listing; see [jvm.Cost].
	cost string
}

// buildTool is what differs between build tools.
type buildTool struct {
	// program is how it is started where the project brings no wrapper along.
	program, wrapper string
	// top are the files of which one marks the directory of a build; builds within it
	// belong to it.
	top []string
	// before is what has to be done before it is started.
	before func(b jvmRun)
	// arguments follow the program.
	arguments func(b jvmRun) ([]string, error)
	// environment is what the process needs beside the gate's own variables.
	environment func(b jvmRun) []string
	// unexpected names, from the output, what ran tests outside the JUnit Platform beyond the
	// given number of them that our classes in the build tool know of.
	unexpected func(output string, known int) string
	// found explains, from the output, why the tool started no test. unusable reports
	// whether it is too old.
	found func(output string) (text string, unusable bool)
	// records: the JVMs of its tests record how they were started, so that the gate can start them again without it.
	records bool
}

// jvmRun is one start of a build tool.
type jvmRun struct {
	spec adapter.Spec
	// dir is the suite's directory, classes the folder with our compiled classes,
	// folder one of this start alone; all absolute.
	dir, classes, folder string
	listing              bool
	attempt              int
	part                 bool
	// buildFiles are those above the suite's directory and below it.
	buildFiles []buildFile
}

func (b jvmRun) events() string    { return filepath.Join(b.folder, "events.jsonl") }
func (b jvmRun) selection() string { return filepath.Join(b.folder, "selection.txt") }

// recordings is what the JVMs of a listing tell of how they were started.
func (b jvmRun) recordings() string { return filepath.Join(b.folder, "recordings.jsonl") }

// tool is what the build tool itself tells, as against the JVMs of the tests.
func (b jvmRun) tool() string { return filepath.Join(b.folder, "build.jsonl") }

func (j *jvm) dir() string { return filepath.Join(j.root, filepath.FromSlash(j.spec.Dir)) }

// prepare puts our classes and the selection in place.
func (j *jvm) prepare(ctx context.Context, folder string, env []string) (jvmRun, error) {
	b := jvmRun{spec: j.spec}
	var err error
	if b.dir, err = filepath.Abs(j.dir()); err != nil {
		return b, err
	}
	if b.folder, err = filepath.Abs(folder); err != nil {
		return b, err
	}
	if err := os.MkdirAll(b.folder, 0o755); err != nil {
		return b, fmt.Errorf("make a folder for the reporter: %w", err)
	}
	if b.buildFiles, err = buildFiles(j.upwards(), j.tool.top); err != nil {
		return b, err
	}
	if j.tool.before != nil {
		j.tool.before(b)
	}
	b.classes, err = compiledReporter(ctx, j.spec.Name, env)
	return b, err
}

func (j *jvm) command(b jvmRun) (adapter.Command, error) {
	argv := slices.Clone(j.spec.Run)
	if len(argv) == 0 {
		argv = []string{j.program()}
	}
	args, err := j.tool.arguments(b)
	if err != nil {
		return adapter.Command{}, err
	}
	cmd := adapter.Command{Argv: append(argv, args...), Dir: b.dir}
	cmd.Env = b.environment()
	if able, _ := j.records(); able && b.listing {
		cmd.Env = append(cmd.Env, "E2E_GATE_RECORDINGS="+b.recordings())
	}
	if j.tool.environment != nil {
		cmd.Env = append(cmd.Env, j.tool.environment(b)...)
	}
	return cmd, nil
}

// environment are the variables that our classes read.
func (b jvmRun) environment() []string {
	env := []string{"E2E_GATE_EVENTS=" + b.events(), "E2E_GATE_BUILD=" + b.tool(), "E2E_GATE_DIR=" + b.dir, "E2E_GATE_SELECTION="}
	if !b.listing {
		env[3] += b.selection()
	}
	return env
}

// program is the project's wrapper, in the suite's directory or above it, else the
// tool itself.
func (j *jvm) program() string {
	name := j.tool.wrapper
	if runtime.GOOS == "windows" {
		name += map[string]string{"mvnw": ".cmd", "gradlew": ".bat"}[j.tool.wrapper]
	}
	for _, dir := range j.upwards() {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			if path, err := filepath.Abs(filepath.Join(dir, name)); err == nil {
				return path
			}
		}
	}
	return j.tool.program
}

// upwards are the suite's directory and those above it, within the repository.
func (j *jvm) upwards() []string {
	dirs := []string{j.dir()}
	for rel := filepath.Clean(filepath.FromSlash(j.spec.Dir)); filepath.IsLocal(rel) && rel != "."; {
		rel = filepath.Dir(rel)
		dirs = append(dirs, filepath.Join(j.root, rel))
	}
	return dirs
}

// lock is the name under which no two builds run at once: those that share build
// folders.
func (j *jvm) lock() string {
	top := j.dir()
	for _, dir := range j.upwards() {
		if slices.ContainsFunc(j.tool.top, func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }) {
			top = dir
		}
	}
	rel, err := filepath.Rel(j.root, top)
	if err != nil {
		rel = top
	}
	return "build in " + filepath.ToSlash(rel)
}

// Cost says why each process of the suite starts the build again; empty: none does. It is known once the tests
// are listed.
func (j *jvm) Cost() string { return j.cost }

// maxReasons bounds how many of them a message names.
const maxReasons = 12

func (j *jvm) costOf(s starts) string {
	why := strings.Join(s.Apart[:min(len(s.Apart), maxReasons)], "; ")
	if able, _ := j.records(); why == "" || !able && len(j.spec.Run) == 0 { // on other systems, and with Gradle, it is never different
		return ""
	}
	return fmt.Sprintf("each batch of suite %s starts %s, which builds again: %s", j.spec.Name, j.tool.program, why)
}

// Start runs the unit's tests in the JVMs in which they were listed, or else in one start of the build tool.
func (j *jvm) Start(u adapter.Unit) (adapter.Invocation, error) {
	if len(u.Tests) == 0 {
		return nil, fmt.Errorf("batch %s has no tests", u.Name)
	}
	b, err := j.prepare(context.Background(), filepath.Join(filepath.Dir(u.Reports), "reporter"), u.Env)
	if err != nil {
		return nil, err
	}
	b.attempt, b.part = u.Attempt, adapter.Variable(u.Env, adapter.PartVariable) == "1"
	var names strings.Builder
	for _, t := range u.Tests {
		names.WriteString(t.Name + "\n")
	}
	if err := os.WriteFile(b.selection(), []byte(names.String()), 0o644); err != nil {
		return nil, fmt.Errorf("write the list of tests: %w", err)
	}
	i := &jvmInvocation{out: &buildOutput{log: u.Log}}
	results := &jvmResults{out: i.out}
	results.events = &adapter.EventFile{Path: b.events(), Test: func(ev adapter.Event) e2e.Test { return j.test(ev.ID, ev) }}
	i.Process = &adapter.Process{Spec: j.spec, Root: j.root, Unit: u, Results: results}
	i.release = j.hold(false)
	jvms, why := j.direct(u, b.classes)
	if len(jvms) > 0 {
		results.direct = true
		i.Start, i.made, err = withoutBuild(b, jvms)
	} else {
		i.release()
		i.release = j.hold(true)
		if _, known := j.records(); known == "" && u.Log != nil {
			_, _ = fmt.Fprintf(u.Log, "e2e-gate: this batch starts the build: %s\n", why) // a log that fails is given up
		}
		results.tool, results.unexpected = b.tool(), j.tool.unexpected
		i.Start, err = j.command(b)
	}
	if err != nil {
		i.end()
		return nil, err
	}
	return i, nil
}

// jvmInvocation is a process whose output explains why nothing was built.
type jvmInvocation struct {
	*adapter.Process
	out *buildOutput
	// release lets the next build start, and made are files to remove.
	release func()
	made    []string
}

func (i *jvmInvocation) Stdout() io.Writer { return i.out }

func (i *jvmInvocation) end() {
	remove(i.made)
	if i.release != nil {
		i.release()
	}
}

// Report puts the end of the standard output together with that of standard error.
func (i *jvmInvocation) Report(exit proc.Exit) adapter.Report {
	defer i.end()
	i.out.mu.Lock()
	i.out.read([]byte(exit.Tail + "\n"))
	i.out.mu.Unlock()
	exit.Tail = i.out.tail()
	return i.Process.Report(exit)
}

// jvmResults are the events of all JVMs of a build, and the build's output.
type jvmResults struct {
	events *adapter.EventFile
	out    *buildOutput
	// direct: the JVMs were started without the build tool. tool is the file of what it told, and unexpected that of its
	// [buildTool].
	direct     bool
	tool       string
	unexpected func(output string, known int) string
}

// Follow tells of the tests that started and ended since the last call.
func (r *jvmResults) Follow(p *adapter.Process) { r.events.Follow(p) }

// Dumps asks the JVMs of the tests what their threads do.
func (r *jvmResults) Dumps(d adapter.DumpRequest) []adapter.Dump { return r.events.Dumps(d) }

func (r *jvmResults) Collect(p *adapter.Process, c *adapter.Collected) (string, error) {
	none, err := r.events.Collect(p, c)
	if r.direct {
		return none, err
	}
	if broken := r.out.compileErrors(); err == nil && broken != "" {
		c.In.Build = attempts.Build{Failed: true, Text: broken}
	}
	if goals := r.out.failedGoals(); goals != "" { // more than the end of the output says
		c.In.Exit.Output = "the build failed: " + goals
	}
	if err != nil || r.tool == "" {
		return none, err
	}
	return r.modules(p, c, none)
}

// test makes a test of the given name from an event.
func (j *jvm) test(name string, ev adapter.Event) e2e.Test {
	return e2e.Test{
		ID: j.spec.Name + "/" + name, Suite: j.spec.Name, Framework: j.spec.Framework, Unit: j.spec.Name,
		Class: ev.Class, Name: name, Tags: nearest(ev.Tags), Locks: []string{e2e.MachineLock + j.lock()}, Group: adapter.GroupOf(j.spec, ev.Group),
		Keep: adapter.GroupOf(j.spec, ev.Keep),
	}
}

// nearest leaves out tags that are overridden nearer to the test: of two owners, the
// method's counts and not its class's.
func nearest(tags []string) []string {
	var kept []string
	seen := map[string]bool{}
	for _, tag := range tags {
		key, _, _ := strings.Cut(e2e.BareTag(tag), ":")
		if key == "owner" || key == "journey" || key == "criticality" {
			if seen[key] {
				continue
			}
			seen[key] = true
		}
		kept = append(kept, tag)
	}
	return kept
}
