package jvm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// Discover runs the build tool as for a test run, but our filter lists the tests and
// stops each of them from running.
func (j *jvm) Discover(ctx context.Context, env []string) ([]e2e.Test, []e2e.Problem, error) {
	src, err := scanSources(j.root)
	if err != nil {
		return nil, nil, fmt.Errorf("suite %s: read the sources: %w", j.spec.Name, err)
	}
	cache := j.cache(src, env)
	l, ok := cache.read()
	var problems []e2e.Problem
	if !ok {
		if l, problems, err = j.listAnew(ctx, env); err != nil {
			return nil, nil, err
		}
		if len(problems) == 0 && ctx.Err() == nil && !cache.write(l) && len(l.Starts.Apart) == 0 {
			l.Starts = starts{Apart: []string{"the listing cannot be kept in " + filepath.Dir(cache.file)}}
		}
	}
	j.cost = j.costOf(l.Starts)
	return j.tests(l, src), append(problems, j.alarms(l.Events)...), nil
}

// listAnew starts the build tool, in a folder of this listing alone.
func (j *jvm) listAnew(ctx context.Context, env []string) (listing, []e2e.Problem, error) {
	tmp, err := os.MkdirTemp("", "e2e-gate-list-")
	if err != nil {
		return listing{}, nil, fmt.Errorf("suite %s: make a folder for its listing: %w", j.spec.Name, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	return j.list(ctx, tmp, env)
}

// Prepare lists the tests again where that is needed to start their JVMs without the build: on a machine where nothing was listed,
// or where what was built is gone. It is one start of the build instead of one for each batch. A build that
// fails here fails in the batches too, which say so.
func (j *jvm) Prepare(ctx context.Context, tests []e2e.Test, env []string, began func()) {
	lock := e2e.MachineLock + j.lock()
	alone := func(t e2e.Test) bool { return slices.Contains(t.Locks, lock) } // the plan knows that batches start the build
	if able, _ := j.records(); !able || slices.ContainsFunc(tests, alone) {
		return
	}
	src, err := scanSources(j.root)
	if err != nil {
		return
	}
	cache := j.cache(src, env)
	l, ok := cache.read()
	if ok && len(l.Starts.Apart) > 0 && !l.Starts.Retry {
		return
	}
	if ok && !l.Starts.Retry {
		classes, err := compiledReporter(ctx, j.spec.Name, env)
		if err != nil {
			return
		}
		if j.stale(l.Starts, classes, env) == "" {
			return
		}
	}
	began()
	if l, problems, err := j.listAnew(ctx, env); err == nil && len(problems) == 0 && ctx.Err() == nil {
		cache.write(l)
	}
}

// alarms are notes of what is not checked if the suite is split.
func (j *jvm) alarms(listed []adapter.Event) []e2e.Problem {
	return adapter.NotChecked(j.spec.Name, messages(slices.DeleteFunc(slices.Clone(listed), isTest)))
}

// isTest tells tests from alarms.
func isTest(ev adapter.Event) bool { return ev.Event != "unchecked" }

// list starts the build tool once.
func (j *jvm) list(ctx context.Context, folder string, env []string) (listing, []e2e.Problem, error) {
	defer j.hold(true)()
	began := time.Now()
	b, err := j.prepare(ctx, folder, env)
	if err != nil {
		return listing{}, nil, err
	}
	b.listing = true
	cmd, err := j.command(b)
	if err != nil {
		return listing{}, nil, fmt.Errorf("suite %s: %w", j.spec.Name, err)
	}
	out := &buildOutput{}
	given := append(slices.Clip(env), cmd.Env...)
	exit := proc.Run(ctx, proc.Spec{Argv: cmd.Argv, Dir: cmd.Dir, Env: given, Log: out})
	if exit.Ended == proc.NotStarted {
		return listing{}, nil, adapter.ToolError(j.spec.Name, cmd.Argv[0], exit.Err)
	}
	builtHere.Store(j.root+"\x00"+j.spec.Name, true)
	events, problems, err := j.listed(b, exit, out)
	l := listing{Events: events}
	if err == nil && len(problems) == 0 {
		l.Starts = j.record(ctx, b, events, given, began)
	}
	return l, problems, err
}

// listed reads the list that our filter wrote. It is complete only if the build tool
// came to its end.
func (j *jvm) listed(b jvmRun, exit proc.Exit, out *buildOutput) ([]adapter.Event, []e2e.Problem, error) {
	var listed []adapter.Event
	var problems []e2e.Problem
	var unusable string
	damaged, err := adapter.ReadEvents(b.events(), func(ev adapter.Event) {
		switch ev.Event {
		case "listed":
			listed = append(listed, ev)
		case "unusable":
			unusable = ev.Message
		}
	})
	told, toolErr := readTool(b.tool())
	listed = append(listed, told.listed...)
	broken := out.compileErrors()
	add := func(format string, args ...any) {
		problems = append(problems, e2e.Problem{Code: e2e.CodeBuildFailed, LosesEvidence: true, Unit: j.spec.Name,
			Text: fmt.Sprintf("not all tests of suite %s can be listed: ", j.spec.Name) + fmt.Sprintf(format, args...)})
	}
	switch {
	case unusable != "":
		return nil, nil, fmt.Errorf("suite %s: %w: %s", j.spec.Name, adapter.ErrTool, unusable)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, nil, fmt.Errorf("suite %s: read the listing: %w", j.spec.Name, err)
	case toolErr != nil:
		return nil, nil, fmt.Errorf("suite %s: read the listing: %w", j.spec.Name, toolErr)
	case broken != "":
		add("they do not build: %s", broken)
	case j.tool.unexpected != nil && j.tool.unexpected(out.all(), 0) != "":
		add("some ran meanwhile, outside the JUnit Platform (%s); add junit-vintage-engine, or the engine of the framework", j.tool.unexpected(out.all(), 0))
	case !exit.OK():
		add("%s; %s", exit, out.outputTail(exit))
	case damaged != "":
		add("%s", damaged)
	case told.damaged != "":
		add("%s", told.damaged)
	case len(listed) > 0 && !told.loaded:
		return nil, nil, fmt.Errorf("suite %s: %w: %s", j.spec.Name, adapter.ErrTool, notLoaded)
	case len(listed) == 0:
		return nil, nil, j.nothing(out)
	}
	return append(listed, told.unchecked...), problems, nil
}

func (j *jvm) nothing(out *buildOutput) error {
	text, unusable := j.tool.found(out.all())
	if unusable {
		return fmt.Errorf("suite %s: %w: %s", j.spec.Name, adapter.ErrTool, text)
	}
	return fmt.Errorf("suite %s has no test: %s", j.spec.Name, text)
}

// tests are what was listed, each once: two plugins, or two JVMs, may list the same.
// Different tests of one name stay two, so that the collision is reported. Classes of
// one name in several modules carry their module's.
func (j *jvm) tests(l listing, src sources) []e2e.Test {
	listed := slices.DeleteFunc(slices.Clone(l.Events), func(ev adapter.Event) bool { return !isTest(ev) })
	modules := map[string][]string{}
	for _, ev := range listed {
		if !slices.Contains(modules[ev.ID], ev.Module) {
			modules[ev.ID] = append(modules[ev.ID], ev.Module)
		}
	}
	var tests []e2e.Test
	seen := map[string]bool{}
	for _, ev := range listed {
		name := ev.ID
		if len(modules[ev.ID]) > 1 {
			name = "[" + ev.Module + "] " + name
		}
		if same := name + "\n" + ev.UniqueID; seen[same] {
			continue
		} else {
			seen[same] = true
		}
		for _, together := range []*string{&ev.Group, &ev.Keep} {
			if *together != "" && name != ev.ID {
				*together = "[" + ev.Module + "] " + *together
			}
		}
		t := j.test(name, ev)
		if len(l.Starts.JVMs) > 0 { // builds exclude each other; JVMs without one do not
			t.Locks = nil
		}
		if t.File = ev.File; t.File == "" {
			t.File, t.Line = src.find(j.dir(), ev)
		}
		tests = append(tests, t)
	}
	return tests
}
