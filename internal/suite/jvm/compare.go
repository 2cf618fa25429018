package jvm

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// maxListed is how long one JVM may take to list its tests without the build.
const maxListed = 2 * time.Minute

// compare starts each recorded JVM once without the build, to list its tests again. It must list the same
// tests, and tests must see the same settings there. It returns what differs: then batches start the build. retry: a JVM did not
// run at all, as on a machine without memory.
func compare(ctx context.Context, b jvmRun, listed []adapter.Event, jvms []recorded, given []string) (found []string, retry bool) {
	found = make([]string, len(jvms))
	var failed atomic.Bool
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for i, build := range jvms {
		group.Go(func() error {
			own := b
			own.folder = filepath.Join(b.folder, fmt.Sprintf("again-%d", i+1))
			text, ran := differs(ctx, own, build, testsOf(listed, build.ID), given)
			if found[i] = text; !ran {
				failed.Store(true)
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
	return slices.DeleteFunc(found, func(text string) bool { return text == "" }), failed.Load()
}

func differs(ctx context.Context, b jvmRun, build recorded, tests, given []string) (text string, ran bool) {
	if err := os.MkdirAll(b.folder, 0o755); err != nil {
		return err.Error(), false
	}
	cmd, made, err := withoutBuild(b, []startedJVM{build.startedJVM})
	defer remove(made)
	if err != nil {
		return err.Error(), false
	}
	ctx, cancel := context.WithTimeout(ctx, maxListed)
	defer cancel()
	env := slices.Concat(given, cmd.Env, []string{"E2E_GATE_RECORDINGS=" + b.recordings()})
	exit := proc.Run(ctx, proc.Spec{Argv: cmd.Argv, Dir: cmd.Dir, Env: env})
	if !exit.OK() {
		return fmt.Sprintf("without the build, the JVM of %s does not list its tests (%s): %s", build.Module, exit, adapter.FirstLines(exit.Tail, 1)), false
	}
	var events []adapter.Event
	damaged, err := adapter.ReadEvents(b.events(), func(ev adapter.Event) { events = append(events, ev) })
	again, failed := readRecordings(b.recordings())
	switch {
	case err != nil || damaged != "" || failed != nil || len(again) != 1 || again[0].Message != "":
		return fmt.Sprintf("without the build, the JVM of %s does not tell how it was started", build.Module), true
	case !slices.Equal(tests, testsOf(events, again[0].ID)):
		return fmt.Sprintf("without the build, the JVM of %s lists other tests", build.Module), true
	}
	return differences(build, again[0]), true
}

// testsOf are the tests that a JVM listed, as the platform calls them, sorted.
func testsOf(listed []adapter.Event, id string) []string {
	var names []string
	for _, ev := range listed {
		if ev.Recording == id {
			names = append(names, ev.Module+"\n"+ev.ID+"\n"+ev.UniqueID+"\n"+strings.Join(ev.Tags, " "))
		}
	}
	slices.Sort(names)
	return names
}

// differences names settings that differ. Their values may be secrets.
func differences(build, again recorded) string {
	all := maps.Clone(build.Settings)
	maps.Copy(all, again.Settings)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		before, had := build.Settings[name]
		after, has := again.Settings[name]
		if before != after || had != has {
			names = append(names, name)
		}
	}
	switch {
	case len(build.Settings) == 0:
		return "the JVM of " + build.Module + " does not tell its settings"
	case len(names) == 0:
		return ""
	case len(names) > 3:
		names = append(names[:3], fmt.Sprintf("and %d more", len(names)-3))
	}
	return fmt.Sprintf("without the build, the JVM of %s would differ: %s", build.Module, strings.Join(names, ", "))
}

func remove(files []string) {
	for _, file := range files {
		_ = os.Remove(file) // they lie in a folder of build output
	}
}
