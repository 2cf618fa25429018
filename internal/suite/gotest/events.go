package gotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// goState is the state of a top-level test, from its events.
type goState struct {
	started  time.Time
	paused   time.Time     // since when the test waits for its turn, if it does
	waited   time.Duration // how long it waited before
	outcome  e2e.Outcome
	seconds  float64
	output   lineTail
	stated   []e2e.Property
	children map[string]*e2e.Child
	childOut map[string]*lineTail
}

// goEvent is an event of go test -json.
type goEvent struct {
	Time                                      time.Time
	Action, Package, Test, Output, Key, Value string
	ImportPath, FailedBuild                   string
	Elapsed                                   float64
}

// maxEvent bounds an event's line. test2json itself cuts lines at a few KiB.
const maxEvent = 1 << 20

// Write takes a piece of the event stream.
func (r *goRun) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			r.keep(p)
			break
		}
		r.keep(p[:i])
		r.line()
		p = p[i+1:]
	}
	return n, nil
}

func (r *goRun) keep(p []byte) {
	if len(r.partial) <= maxEvent {
		r.partial = append(r.partial, p...)
	}
}

func (r *goRun) line() {
	line := r.partial
	r.partial = r.partial[:0]
	if len(line) > maxEvent {
		r.skipped++
		return
	}
	var e goEvent
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &e) != nil {
		r.log(string(line) + "\n")
		return
	}
	r.event(e)
}

func (r *goRun) log(text string) {
	if r.unit.Log != nil {
		_, _ = io.WriteString(r.unit.Log, text)
	}
}

func (r *goRun) event(e goEvent) {
	switch e.Action {
	case "build-output":
		r.log(e.Output)
		if r.build.Len() < 64<<10 {
			r.build.WriteString(e.Output)
		}
		return
	case "build-fail":
		r.failed = true
		return
	case "output":
		r.log(e.Output)
	case "fail":
		if e.Test == "" && e.FailedBuild != "" {
			r.failed = true
		}
	}
	if e.Test != "" {
		r.testEvent(e)
	}
}

func (r *goRun) testEvent(e goEvent) {
	top, child, isChild := strings.Cut(e.Test, "/")
	s := r.byName[top]
	if s == nil {
		s = &goState{children: map[string]*e2e.Child{}, childOut: map[string]*lineTail{}}
		r.byName[top] = s
	}
	switch e.Action {
	case "run":
		if !isChild {
			s.started = e.Time
			r.unit.Tell(adapter.Progress{Test: top})
		} else {
			s.child(child)
		}
	case "pause", "cont":
		if !isChild {
			s.pause(e)
			r.unit.Tell(adapter.Progress{Test: top, Paused: e.Action == "pause"})
		}
	case "output":
		s.print(child, e.Output)
	case "attr":
		s.attribute(e.Key, e.Value)
	case "pass", "fail", "skip":
		outcome := map[string]e2e.Outcome{"pass": e2e.Passed, "fail": e2e.Failed, "skip": e2e.Skipped}[e.Action]
		if !isChild {
			s.outcome, s.seconds = worse(s.outcome, outcome), s.elapsed(e)
			r.unit.Tell(r.ended(top, outcome, s))
			return
		}
		c := s.child(child)
		c.Outcome, c.Seconds = worse(c.Outcome, outcome), e.Elapsed
	}
}

// worse is the outcome of a test that ran before in the same process (-cpu=1,2). A pass
// there is not a retry and does not undo a failure.
func worse(before, now e2e.Outcome) e2e.Outcome {
	if before == e2e.Failed {
		return before
	}
	return now
}

// pause keeps the time that a parallel test spends waiting for its turn.
func (s *goState) pause(e goEvent) {
	if e.Action == "pause" {
		s.paused = e.Time
	} else if !s.paused.IsZero() {
		s.waited += e.Time.Sub(s.paused)
		s.paused = time.Time{}
	}
}

// elapsed is the test's duration in seconds. The event's own has a grain of 10 ms,
// in which fast tests take no time.
func (s *goState) elapsed(e goEvent) float64 {
	if e.Elapsed > 0 || s.started.IsZero() {
		return e.Elapsed
	}
	return max(e.Time.Sub(s.started)-s.waited, 0).Seconds()
}

// ended is the end of a test, with the place and the message of a failure.
func (r *goRun) ended(name string, outcome e2e.Outcome, s *goState) adapter.Progress {
	p := adapter.Progress{Test: name, Outcome: outcome, Seconds: s.seconds}
	if outcome != e2e.Failed {
		return p
	}
	a := e2e.Attempt{Children: s.childList()}
	s.explain(&a)
	p.Message, p.Details = a.Message, s.details()
	p.File, p.Line = e2e.SplitPlace(r.place(s, a.Message))
	return p
}

func (s *goState) child(name string) *e2e.Child {
	c := s.children[name]
	if c == nil {
		c = &e2e.Child{Name: name, Outcome: e2e.Lost}
		s.children[name] = c
		s.childOut[name] = &lineTail{}
	}
	return c
}

// print keeps a test's output, without the framework's own lines.
func (s *goState) print(child, output string) {
	for _, prefix := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "=== ATTR", "=== ARTIFACTS"} {
		if strings.HasPrefix(output, prefix) {
			return
		}
	}
	s.output.add(output)
	if child != "" {
		s.child(child)
		s.childOut[child].add(output)
	}
}

// attribute keeps an attribute that can become evidence, within twice the bound: what is known goes first.
func (s *goState) attribute(key, value string) {
	if strings.HasPrefix(key, "e2e.") && len(s.stated) < 2*e2e.StatedMost {
		s.stated = append(s.stated, e2e.Property{Name: key, Value: adapter.Clip(value, e2e.StatedBytes)})
	}
}

// lineTail keeps the beginning and the end of a test's output.
type lineTail struct {
	head, tail []byte
	dropped    int
}

const keepOutput = 24 << 10

func (t *lineTail) add(s string) {
	if room := keepOutput - len(t.head); room > 0 && len(t.tail) == 0 {
		n := min(room, len(s))
		t.head = append(t.head, s[:n]...)
		s = s[n:]
	}
	t.tail = append(t.tail, s...)
	if over := len(t.tail) - keepOutput; over > keepOutput {
		t.dropped += over
		t.tail = append(t.tail[:0], t.tail[over:]...)
	}
}

func (t *lineTail) String() string {
	if t.dropped > 0 {
		return fmt.Sprintf("%s\n[%d bytes left out; the log has them]\n%s", t.head, t.dropped, t.tail)
	}
	return string(t.head) + string(t.tail)
}
