package suite

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// event is one line of JSON that a reporter of ours writes into a file while the
// framework runs, or while it collects: what happened before a crash is known.
type event struct {
	// Event is listed, started, finished, error (outside any test), end, begin
	// where several processes write and each has its own end, or unusable:
	// the tool cannot be used, and the message says why.
	Event string `json:"event"`
	// ID is the test's name as it was listed: what [e2e.Test.Name] holds.
	ID    string `json:"id"`
	Name  string `json:"name"`
	File  string `json:"file"`
	Class string `json:"class"`
	// UniqueID is the JUnit Platform's, Module the build's directory from the suite's,
	// and Declaring the class that declares the method Name, where a listing of the
	// platform says so.
	UniqueID  string   `json:"unique_id,omitempty"`
	Module    string   `json:"module,omitempty"`
	Declaring string   `json:"declaring,omitempty"`
	Line      int      `json:"line"`
	Tags      []string `json:"tags"`

	Outcome string `json:"outcome"` // passed, failed, skipped
	Error   bool   `json:"error"`
	// Start is in milliseconds since 1970; Seconds is the duration.
	Start       float64    `json:"start"`
	Seconds     float64    `json:"seconds"`
	Type        string     `json:"type"`
	Message     string     `json:"message"`
	Details     string     `json:"details"`
	Attachments []string   `json:"attachments"`
	Properties  []property `json:"properties"`
	// Children are parts of the test that were not listed.
	Children []e2e.Child `json:"children"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

const (
	// maxEventLine bounds one line; our reporters bound their texts far below it.
	maxEventLine = 4 << 20
	// maxEventLines bounds what a reporter may write.
	maxEventLines = 5_000_000
	// maxChildren bounds how many parts of a test are kept.
	maxChildren = 200
	// messageBytes and detailsBytes bound the texts kept of an attempt; the log has
	// all of them.
	messageBytes = 16 << 10
	detailsBytes = 64 << 10
)

// readEvents reads a file of events. damaged says what could not be read: the
// first such line, and how many there are.
func readEvents(file string, each func(event)) (damaged string, err error) {
	f, err := os.Open(file) //nolint:gosec // our own folder
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	in, bad := bufio.NewReaderSize(f, 64<<10), 0
	for n := 1; ; n++ {
		line, err := boundedLine(in, maxEventLine)
		if err == nil && n <= maxEventLines {
			var ev event
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
		if n > maxEventLines {
			return damaged, nil
		}
	}
}

var errLongLine = errors.New("the line is too long")

// boundedLine reads a line; the rest of one that is too long is skipped. A last
// line without its end was cut.
func boundedLine(in *bufio.Reader, most int) ([]byte, error) {
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

// eventFile is a file of events as the results of a process.
type eventFile struct {
	path string
	// test says what an unplanned test is, from its event.
	test func(event) e2e.Test
}

// collect takes every finished test. Several ends of one test are results of it, in
// order of time.
func (f *eventFile) collect(p *process, c *collected) (string, error) {
	var order []string
	last, results, running := map[string]event{}, map[string][]attempts.Result{}, map[string]bool{}
	channel := attempts.Channel{Kind: attempts.Events}
	damaged, err := readEvents(f.path, func(ev event) {
		switch ev.Event {
		case "started":
			running[ev.ID] = true
		case "finished":
			delete(running, ev.ID)
			if _, known := last[ev.ID]; !known {
				order = append(order, ev.ID)
			}
			last[ev.ID] = ev
			a := ev.attempt()
			a.Files = c.keeper.keep(ev.Attachments)
			results[ev.ID] = append(results[ev.ID], attempts.Result{Attempt: a})
		case "error", "unusable":
			c.problem(e2e.CodeRunnerExit, "unit %s: an error outside any test: %s", p.unit.Name, firstLines(ev.Message, 4))
		case "begin":
			channel.Begun++
		case "end":
			channel.Ended++
		}
	})
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "its reporter did not start", nil
	case err != nil:
		return "", err
	case damaged != "":
		c.problem(e2e.CodeReportDamaged, "the events of unit %s: %s", p.unit.Name, damaged)
	}
	for _, id := range order {
		c.add(attempts.Reported{Spellings: []attempts.Spelling{{Name: id}}, Unplanned: f.test(last[id]), Results: results[id]})
	}
	channel.Running = slices.Sorted(maps.Keys(running))
	c.in.Channel = channel
	return "", nil
}

func (ev event) attempt() e2e.Attempt {
	a := e2e.Attempt{Seconds: max(0, ev.Seconds), Error: ev.Error, Type: clip(ev.Type, 200), Children: ev.Children[:min(len(ev.Children), maxChildren)]}
	if ev.Start > 0 {
		a.Started = time.UnixMilli(int64(ev.Start)).UTC()
	}
	switch ev.Outcome {
	case "passed":
		a.Outcome = e2e.Passed
	case "skipped":
		a.Outcome, a.Message = e2e.Skipped, clip(ev.Message, messageBytes)
	default: // what nobody knows is no pass
		a.Outcome, a.Message, a.Details = e2e.Failed, clip(ev.Message, messageBytes), clip(ev.Details, detailsBytes)
	}
	for _, p := range ev.Properties[:min(len(ev.Properties), 50)] {
		if kind, ok := evidenceKeys[p.Name]; ok && p.Value != "" {
			a.Evidence = append(a.Evidence, e2e.Evidence{Kind: kind, Text: clip(p.Value, messageBytes), Source: p.Name})
		}
	}
	return a
}
