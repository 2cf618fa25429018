package jvm

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// Where a build runs tests outside the JUnit Platform (JUnit 4 without the Vintage engine,
// TestNG), no filter of ours can list or choose them. So all that one execution of a plugin, or
// one task of Gradle, runs is one test: listed without running it, planned, run and repeated as
// a whole. The cases of its reports are its parts.

// notLoaded says that the build tool ran without our classes in it, which keep such tests from
// running where they were not selected.
const notLoaded = "the build did not load the gate's extension; Maven 3.1 or later is needed, and a -Dmaven.ext.class.path of your own, " +
	"as in .mvn/maven.config, cannot be used with it"

// toolEvents are what our classes in the build tool told.
type toolEvents struct {
	loaded bool
	// listed are the tests that stand for executions, started those that began.
	listed, started []adapter.Event
	// finished are those that ended, with their reports as attachments.
	finished []adapter.Event
	// unchecked are alarms of the whole suite that were switched off.
	unchecked []adapter.Event
	// apart are reasons to start the build for each batch, reads the variables that the build itself
	// reads, drops those that it keeps from the JVMs of the tests, inputs the files and folders that it makes the
	// class path of, and outputs the folders of what it makes.
	apart, reads, drops, inputs, outputs []string
	// moves: another start of the build may resolve other libraries.
	moves   bool
	damaged string
}

// readTool reads what the build tool told; no file: nothing.
func readTool(file string) (toolEvents, error) {
	var told toolEvents
	damaged, err := adapter.ReadEvents(file, func(ev adapter.Event) {
		switch ev.Event {
		case "loaded":
			told.loaded = true
		case "listed":
			told.listed = append(told.listed, ev)
		case "started":
			told.started = append(told.started, ev)
		case "finished":
			told.finished = append(told.finished, ev)
		case "unchecked":
			told.unchecked = append(told.unchecked, ev)
		case "apart":
			told.apart = append(told.apart, adapter.FirstLines(ev.Message, 1))
		case "reads":
			told.reads = append(told.reads, ev.Name)
		case "drops":
			told.drops = append(told.drops, ev.Name)
		case "moves":
			told.moves = true
		case "output":
			told.outputs = append(told.outputs, ev.File)
		case "input":
			told.inputs = append(told.inputs, ev.File)
		}
	})
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	told.damaged = damaged
	return told, err
}

// messages are those of events.
func messages(events []adapter.Event) []string {
	list := make([]string, len(events))
	for i, ev := range events {
		list[i] = adapter.FirstLines(ev.Message, 1)
	}
	return list
}

// modules adds the executions outside the JUnit Platform to the results.
func (r *jvmResults) modules(p *adapter.Process, c *adapter.Collected, none string) (string, error) {
	told, err := readTool(r.tool)
	if err != nil {
		return none, err
	}
	if told.damaged != "" {
		c.Problem(e2e.CodeReportDamaged, "the events of the build tool of batch %s: %s", p.Unit.Name, told.damaged)
	}
	if c.In.Exit.OK() && !told.loaded {
		c.Problem(e2e.CodeRunnerExit, "batch %s: %s", p.Unit.Name, notLoaded)
	}
	if r.unexpected != nil {
		if name := r.unexpected(r.out.all(), len(told.started)); name != "" {
			c.Problem(e2e.CodeRunnerExit, "batch %s ran tests outside the JUnit Platform (%s) that were not selected, and whose results are not known; "+
				"add junit-vintage-engine, or the engine of the framework", p.Unit.Name, name)
		}
	}
	if p.Unit.Attempt <= 1 { // a rerun is a part of the suite also where the first process ran all of it
		c.In.Problems = append(c.In.Problems, adapter.NotChecked(p.Spec.Name, messages(told.unchecked))...)
	}
	if len(told.started) == 0 {
		return none, nil
	}
	// With ignored failures a timeout of the plugin's own fails no build, and the reports are silent
	// on what it ended.
	if strings.Contains(r.out.all(), forkTimeout) {
		c.Problem(e2e.CodeRunnerExit, "batch %s: the build ended tests after a timeout of its own (forkedProcessTimeoutInSeconds)", p.Unit.Name)
	}
	channel := c.In.Channel
	channel.Kind = attempts.Events
	channel.Begun += len(told.started)
	channel.Ended += len(told.finished)
	for _, ev := range told.started {
		if !slices.ContainsFunc(told.finished, func(end adapter.Event) bool { return end.ID == ev.ID }) {
			channel.Running = append(channel.Running, ev.ID)
		}
	}
	read := 0
	for _, ev := range told.finished {
		if err := addModule(p, c, ev, read); err != nil {
			return "", err
		}
		read += len(ev.Attachments)
	}
	c.In.Channel = channel
	return "", nil
}

// addModule adds the cases of an execution's reports as its parts. One without a case found no
// test.
func addModule(p *adapter.Process, c *adapter.Collected, ev adapter.Event, read int) error {
	before := len(c.In.Reported)
	files := adapter.TheseJUnitFiles(ev.Attachments, read, func(t junit.Test) attempts.Reported {
		found := adapter.ReportedOf(p.Spec, t)
		found.Spellings = []attempts.Spelling{{Name: ev.ID, Part: strings.TrimPrefix(found.Unplanned.Class+"::"+found.Unplanned.Name, "::")}}
		return found
	})
	if _, err := files.Collect(p, c); err != nil {
		return err
	}
	if len(c.In.Reported) == before {
		nothing := e2e.Attempt{Outcome: e2e.Skipped, Message: "the build found no test here"}
		c.Add(attempts.Reported{Spellings: []attempts.Spelling{{Name: ev.ID}}, Results: []attempts.Result{{Attempt: nothing}}})
	}
	return nil
}

// forkTimeout is how Surefire and Failsafe begin that line.
const forkTimeout = "There was a timeout in the fork"

// provider is the line in which Surefire and Failsafe name what runs the tests of a module.
var provider = regexp.MustCompile(`Using (?:auto detected|configured) provider (\S+)`)

// unexpectedProvider names a provider of Maven besides that of the JUnit Platform, where more of
// them ran than our extension let run: it did not foresee what Surefire chose.
func unexpectedProvider(output string, known int) string {
	for _, m := range provider.FindAllStringSubmatch(output, -1) {
		if strings.Contains(m[1], ".junitplatform.") {
			continue
		}
		if known--; known < 0 {
			return m[1][strings.LastIndex(m[1], ".")+1:]
		}
	}
	return ""
}
