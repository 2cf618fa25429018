package adapter

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// Event is one line of JSON that a reporter of ours writes into a file while the
// framework runs, or while it collects. So everything before a crash is known.
type Event struct {
	// Event is listed, started, finished, error (outside any test), end, begin
	// where several processes write and each has its own end, or unusable:
	// the tool cannot be used, and the message says why; unchecked: an alarm of the whole
	// suite that is switched off in a process for a part of it. A listing names those that the
	// suite has. running and progress: that a part of a test started, and what finished will tell
	// later; both are shown and never judged. worker: see [Event.Worker]. process: how the process tells what its threads do.
	// watched, read, asked, of a listing, decide whether it can be kept: that the process says what the
	// suite's code does meanwhile; a file outside of the repository that it read; that it used
	// something else than files.
	Event string `json:"event"`
	// ID is the test's name as it was listed: what [e2e.Test.Name] holds.
	ID    string `json:"id"`
	Name  string `json:"name"`
	File  string `json:"file"`
	Class string `json:"class"`
	// Part names a part of the test ID that was not listed, such as a title in a file.
	Part string `json:"part,omitempty"`
	// UniqueID is the JUnit Platform's, Module the build's directory from the suite's,
	// and Declaring the class that declares the method Name, where a listing of the
	// platform says so.
	UniqueID  string `json:"unique_id,omitempty"`
	Module    string `json:"module,omitempty"`
	Declaring string `json:"declaring,omitempty"`
	// Recording names the JVM that listed it, if that records how it was started.
	Recording string `json:"recording,omitempty"`
	Line      int    `json:"line"`
	// Group names the tests that this one builds on, as the framework declares it, and Keep
	// the file that the framework never cuts. Both are of a listing; empty: none.
	Group string   `json:"group,omitempty"`
	Keep  string   `json:"keep,omitempty"`
	Tags  []string `json:"tags"`
	// Lock, of a listing, names what no two processes of a machine may use at once.
	Lock string `json:"lock,omitempty"`

	// Key tells tests of one ID apart: what the framework itself calls the test, in this
	// process. Retry counts the executions of that test before this one, as the framework
	// states them: 0 is its first.
	Key   string `json:"key,omitempty"`
	Retry int    `json:"retry,omitempty"`
	// Repeats: the Key is the framework's identity of the test, so that every further end of it
	// is a retry. Amends: the test had ended, and what came after changes how.
	Repeats bool `json:"repeats,omitempty"`
	Amends  bool `json:"amends,omitempty"`
	// AtFile and AtLine are where a test failed, as far as the framework says; File and Line are where it is.
	AtFile string `json:"at_file,omitempty"`
	AtLine int    `json:"at_line,omitempty"`
	// PID and Dump, of a process, say how it tells what its threads do; see [DumpKind].
	PID  int    `json:"pid,omitempty"`
	Dump string `json:"dump,omitempty"`
	// Worker names the framework's parallel worker that ran the test, or that listed it. An event "worker" names that of a
	// whole file, whose name and project are its ID.
	Worker string `json:"worker,omitempty"`
	// Told, of an end: an event "progress" has told of it before.
	Told bool `json:"told,omitempty"`
	// FailsOnFlaky, of an end: the framework ends badly where a test passed only on a retry.
	FailsOnFlaky bool `json:"fails_on_flaky,omitempty"`
	// Statuses, of an end: the exit statuses by which the framework says that tests failed; see [attempts.Exit].
	Statuses []int `json:"statuses,omitempty"`

	Outcome string `json:"outcome"` // passed, failed, skipped
	// Kept: the framework says that it kept a skipped test from running.
	Kept  bool `json:"kept,omitempty"`
	Error bool `json:"error"`
	// Start is in milliseconds since 1970; Seconds is the duration.
	Start       float64    `json:"start"`
	Seconds     float64    `json:"seconds"`
	Type        string     `json:"type"`
	Message     string     `json:"message"`
	Details     string     `json:"details"`
	Attachments []string   `json:"attachments"`
	Properties  []Property `json:"properties"`
	// Children are parts of the test that were not listed.
	Children []e2e.Child `json:"children"`
}

// Property is a name and a value that a test gave itself.
type Property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

const (
	// maxEventLine bounds one line; our reporters bound their texts far below it.
	maxEventLine = 4 << 20
	// MaxEventLines bounds what a reporter may write.
	MaxEventLines = 5_000_000
	// maxChildren bounds how many parts of a test are kept.
	maxChildren = 200
	// MessageBytes and DetailsBytes bound the texts kept of an attempt; the log has
	// all of them.
	MessageBytes = 16 << 10
	DetailsBytes = 64 << 10
)

// ReadEvents reads a file of events. damaged describes the lines that could not be
// read: the first one, and their number.
func ReadEvents(file string, each func(Event)) (damaged string, err error) {
	f, err := os.Open(file) //nolint:gosec // our own folder
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	in, bad := bufio.NewReaderSize(f, 64<<10), 0
	for n := 1; ; n++ {
		line, err := BoundedLine(in, maxEventLine)
		if err == nil && n <= MaxEventLines {
			var ev Event
			if err = json.Unmarshal(line, &ev); err == nil {
				each(ev)
				continue
			}
		}
		if errors.Is(err, io.EOF) {
			return damaged, nil
		}
		if bad++; bad == 1 {
			damaged = fmt.Sprintf("line %d is damaged", n)
		} else {
			damaged = fmt.Sprintf("%s, and %d more", strings.Split(damaged, ", and")[0], bad-1)
		}
		if n > MaxEventLines {
			return damaged, nil
		}
	}
}

var errLongLine = errors.New("the line is too long")

// BoundedLine reads a line and skips the rest of one that is too long. A last line
// without a line break was cut.
func BoundedLine(in *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for size := 0; ; {
		part, err := in.ReadSlice('\n')
		size += len(part)
		if size <= most {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && size > 0 && size <= most:
			return line, nil // JSON says whether it is whole
		case size > most && (err == nil || errors.Is(err, io.EOF)):
			return nil, errLongLine
		case err != nil:
			return nil, err
		}
		return bytes.TrimSpace(line), nil
	}
}

// EventFile is a file of events as the results of a process.
type EventFile struct {
	Path string
	// Test makes an unplanned test from its event.
	Test func(Event) e2e.Test
	// Program is what the framework's program is called; empty: as the framework.
	Program string

	tail Tail
	// processes are those that can tell what their threads do.
	processes []named
}

// Follow reports the tests that started and ended since the last call.
func (f *EventFile) Follow(p *Process) {
	f.tail.Lines(f.Path, maxEventLine, func(line []byte) {
		var ev Event
		if json.Unmarshal(line, &ev) != nil {
			return // whoever reads the results says so
		}
		told := Progress{Test: ev.ID, Part: ev.Part}
		switch ev.Event {
		case "process":
			f.name(ev)
		case "started", "running":
			p.Unit.Tell(told)
		case "finished", "progress":
			if ev.Amends || ev.Event == "finished" && ev.Told {
				return
			}
			a := ev.attempt()
			told.Outcome, told.Message, told.Details, told.Seconds = a.Outcome, a.Message, a.Details, a.Seconds
			told.File, told.Line = e2e.SplitPlace(a.At)
			p.Unit.Tell(told)
		}
	})
}

// reportedTest is one test while events are read.
type reportedTest struct {
	last    Event
	results []attempts.Result
}

// continues reports whether an end is of the same test: its retry, or a change of how it
// ended.
func (t *reportedTest) continues(ev Event) bool {
	return ev.Retry > 0 || ev.Amends || ev.Repeats
}

func (t *reportedTest) add(ev Event, files []string) {
	a, n := ev.attempt(), len(t.results)
	a.Files = files
	if ev.Amends && n > 0 {
		before := t.results[n-1].Attempt
		a.Started, a.Seconds, a.Children = before.Started, before.Seconds+a.Seconds, before.Children
		a.Files, a.Evidence = append(before.Files, files...), append(before.Evidence, a.Evidence...)
		t.results[n-1].Attempt = a
	} else {
		t.results = append(t.results, attempts.Result{Attempt: a, Retry: n > 0})
	}
	t.last = ev
}

// Collect takes every finished test. An end with a retry count continues the test of the
// same id and key; any other end is of a test of its own.
func (f *EventFile) Collect(p *Process, c *Collected) (string, error) {
	type instance struct{ id, part, key string }
	var order []*reportedTest
	at, running := map[instance]*reportedTest{}, map[string]bool{}
	channel := attempts.Channel{Kind: attempts.Events}
	var unchecked []string
	workers := map[string]string{}
	damaged, err := ReadEvents(f.Path, func(ev Event) {
		switch ev.Event {
		case "worker":
			workers[ev.ID] = ev.Worker
		case "started":
			running[ev.ID] = true
		case "finished":
			delete(running, ev.ID)
			if file, _, _ := strings.Cut(ev.ID, "::"); ev.Worker == "" {
				ev.Worker = workers[file]
			}
			which := instance{ev.ID, ev.Part, ev.Key}
			t := at[which]
			if t == nil || !t.continues(ev) {
				t = &reportedTest{}
				at[which] = t
				order = append(order, t)
			}
			t.add(ev, c.Keep(ev.Attachments))
		case "error", "unusable":
			c.Problem(e2e.CodeRunnerExit, "batch %s: an error outside any test: %s", p.Unit.Name, FirstLines(ev.Message, 4))
		case "unchecked":
			unchecked = append(unchecked, FirstLines(ev.Message, 1))
		case "begin":
			channel.Begun++
		case "end":
			channel.Ended++
			c.In.Exit.FailsOnFlaky = c.In.Exit.FailsOnFlaky || ev.FailsOnFlaky
			if ownStatus(p.Spec, cmp.Or(f.Program, p.Spec.Framework)) {
				c.In.Exit.Statuses = append(c.In.Exit.Statuses, ev.Statuses...)
			}
		}
	})
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "its reporter did not start", nil
	case err != nil:
		return "", err
	case damaged != "":
		c.Problem(e2e.CodeReportDamaged, "the events of batch %s: %s", p.Unit.Name, damaged)
	}
	// The process of a rerun always runs a part, also where the first one had run the whole suite.
	if p.Unit.Attempt <= 1 {
		c.In.Problems = append(c.In.Problems, NotChecked(p.Spec.Name, unchecked)...)
	}
	for _, t := range order {
		c.Add(attempts.Reported{Spellings: []attempts.Spelling{{Name: t.last.ID, Part: t.last.Part}}, Unplanned: f.Test(t.last), Results: t.results})
	}
	channel.Running = slices.Sorted(maps.Keys(running))
	c.In.Channel = channel
	return "", nil
}

// ownStatus reports whether the process has the framework's own exit status. A script of the user's may have
// others, and make always has 2.
func ownStatus(s Spec, program string) bool {
	isFramework := func(word string) bool {
		return strings.TrimSuffix(path.Base(filepath.ToSlash(word)), ".exe") == program
	}
	return len(s.Run) == 0 || path.Base(s.Run[0]) != "make" && slices.ContainsFunc(s.Run, isFramework)
}

// NotChecked are notes of alarms of a whole suite that no process checks, since each runs a part.
// A listing and the processes word them alike, so that a result has each once.
func NotChecked(suite string, alarms []string) []e2e.Problem {
	var notes []e2e.Problem
	for _, alarm := range slices.Compact(slices.Sorted(slices.Values(alarms))) {
		text := fmt.Sprintf("not checked, since suite %s was split: %s", suite, alarm)
		notes = append(notes, e2e.Problem{Code: e2e.CodeNotChecked, Unit: suite, Note: true, Text: text})
	}
	return notes
}

func (ev Event) attempt() e2e.Attempt {
	at := e2e.Place(Clip(ev.AtFile, 1000), ev.AtLine)
	a := e2e.Attempt{Line: max(0, ev.Line), At: at, Worker: Clip(ev.Worker, 100), Seconds: max(0, ev.Seconds), Error: ev.Error, Type: Clip(ev.Type, 200)}
	a.Children = ev.Children[:min(len(ev.Children), maxChildren)]
	if ev.Start > 0 {
		a.Started = time.UnixMilli(int64(ev.Start)).UTC()
	}
	switch ev.Outcome {
	case "passed":
		a.Outcome = e2e.Passed
	case "skipped":
		a.Outcome, a.Message, a.Kept = e2e.Skipped, Clip(ev.Message, MessageBytes), ev.Kept
	default: // an unknown outcome is not a pass
		a.Outcome, a.Message, a.Details = e2e.Failed, Clip(ev.Message, MessageBytes), Clip(ev.Details, DetailsBytes)
	}
	var stated []e2e.Property
	for _, p := range ev.Properties {
		stated = append(stated, e2e.Property{Name: p.Name, Value: Clip(p.Value, e2e.StatedBytes)})
	}
	a.Evidence = e2e.StatedEvidence(stated)
	return a
}
