package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// play tells a console of a run, in synthetic time.
func play(c *Console) {
	step := func() { time.Sleep(700 * time.Millisecond); synctest.Wait() }
	// What happens at one instant must not depend on which goroutine is first.
	tell := func(event func()) {
		event()
		synctest.Wait()
	}
	batch := func(kind e2e.EventKind, shard, attempt int) e2e.Event {
		return e2e.Event{Kind: kind, Shard: shard, Attempt: attempt, Unit: "case-journeys/%0A::x", Suite: "case-journeys", Tests: 2 - shard}
	}
	test := func(name string, outcome e2e.Outcome, attempt int) e2e.Event {
		ev := batch(e2e.TestEnded, 0, attempt)
		ev.Test, ev.Outcome, ev.First, ev.Seconds = name, outcome, attempt == 1, 0.7
		if outcome == e2e.OutcomeUnknown {
			ev.Kind = e2e.TestStarted
		}
		return ev
	}
	tell(func() { c.Started("pr", "e2e-1-x") })
	tell(func() { c.Processes("starting case-api") })
	tell(func() {
		c.Gate(e2e.Gate{Name: "case-api", Required: true, State: e2e.Unhealthy, Finality: e2e.NotYet, Observed: "connection refused", Attempts: 1})
	})
	tell(func() { c.Gate(e2e.Gate{Name: "broker", Required: true, State: e2e.Healthy, Attempts: 1}) })
	step()
	tell(func() { c.Gate(e2e.Gate{Name: "case-api", Required: true, State: e2e.Healthy, Attempts: 2}) })
	tell(func() {
		c.Gate(e2e.Gate{Name: "case-api", Required: true, State: e2e.Healthy, Attempts: 2, Seconds: 1.4})
	})
	tell(func() { c.Listing("case-journeys") })
	step()
	step()
	tell(func() { c.Listed("case-journeys", 3) })
	tell(func() { c.Note("planning without history: it is empty") })
	tell(func() { c.Planned(3, 2, 3, 12) })
	tell(func() { c.Unit(batch(e2e.BatchStarted, 0, 1)) })
	wait := batch(e2e.ShardWaits, 1, 1)
	wait.Text = "waits for lock ports, held by shard 0 (suite case-journeys)"
	tell(func() { c.Unit(wait) })
	tell(func() { c.Unit(test("s/a_test.go::TestA", e2e.OutcomeUnknown, 1)) })
	step()
	tell(func() { c.Unit(test("s/a_test.go::TestA", e2e.Passed, 1)) })
	tell(func() { c.Unit(test("::error::TestB ##[group]", e2e.OutcomeUnknown, 1)) })
	tell(func() { c.Health("gate broker went from healthy to unhealthy: hunter2 refused") })
	for range 18 {
		step()
	}
	tell(func() {
		stall := batch(e2e.BatchStalls, 0, 1)
		stall.Text = "nothing from shard 0 for 60 s; ::error::TestB ##[group] is running"
		c.Unit(stall)
	})
	for range 62 {
		step()
	}
	failed := test("::error::TestB ##[group]", e2e.Failed, 1)
	failed.File, failed.Line, failed.Message = "s/a_test.go", 24, "::error::got hunter2\nand more"
	tell(func() { c.Unit(failed) })
	end := batch(e2e.BatchEnded, 0, 1)
	end.Ended, end.Seconds = "exit status 1", 57
	tell(func() { c.Unit(end) })
	tell(func() { c.Unit(batch(e2e.BatchStarted, 1, 1)) })
	step()
	lost := batch(e2e.BatchEnded, 1, 1)
	lost.Ended, lost.Seconds, lost.Failed = "exit status 0", 0.7, 1
	tell(func() { c.Unit(lost) })
	tell(func() { c.Rerun("one diagnostic rerun for ::error::TestB") })
	rerun := batch(e2e.BatchStarted, 0, 2)
	rerun.Whole, rerun.Tests, rerun.Failed = true, 1256, 1
	tell(func() { c.Unit(rerun) })
	tell(func() { c.Unit(test("::error::TestB ##[group]", e2e.Passed, 2)) })
	step()
	end = batch(e2e.BatchEnded, 0, 2)
	end.Ended, end.Seconds = "exit status 0", 0.7
	tell(func() { c.Unit(end) })
	tell(func() { c.Processes("taking down case-api") })
	c.Done()
	c.Note("too late")
	c.Done()
}

// size is a terminal of a size.
func size(width, height int) func() (int, int) { return func() (int, int) { return width, height } }

func TestConsole(t *testing.T) {
	redact := safetext.NewRedactor([]string{"hunter2"})
	for name, o := range map[string]ConsoleOptions{
		"plain": {}, "folded": {Folded: true}, "live": {Size: size(72, 0), Colour: true},
		"narrow": {Size: size(39, 24)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				o.Out, o.Redact = &out, redact
				play(NewConsole(o))
				synctest.Wait()
				text := strings.ReplaceAll(out.String(), "\x1b", "^[")
				compare(t, "console-"+name+".txt", text)
				own := regexp.MustCompile(`(?m)^::(group::.*|endgroup::)$`).ReplaceAllString(text, "")
				visible(t, cursor.ReplaceAllString(own, ""))
				if strings.Contains(text, "hunter2") {
					t.Error("a secret is shown")
				}
			})
		})
	}
}

// A message that is the first line of its details may end within a secret that goes on in the next line.
func TestConsoleMasksASecretSplitByALineEnd(t *testing.T) {
	var out bytes.Buffer
	c := NewConsole(ConsoleOptions{Out: &out, Redact: safetext.NewRedactor([]string{"hunter2-tower"})})
	c.Unit(e2e.Event{
		Kind: e2e.TestEnded, Attempt: 1, Unit: "u", Test: "t", Outcome: e2e.Failed,
		Message: "login as hunter2-", Details: "login as hunter2-\n    tower refused",
	})
	c.Done()
	if text := out.String(); strings.Contains(text, "hunter2") || !strings.Contains(text, "login as ***") {
		t.Errorf("got\n%s", text)
	}
	out.Reset()
	c = NewConsole(ConsoleOptions{Out: &out})
	c.Unit(e2e.Event{Kind: e2e.TestEnded, Attempt: 1, Unit: "u", Test: "t", Outcome: e2e.Failed, Message: "refused", Details: "refused\nat once"})
	c.Done()
	if text := out.String(); !strings.Contains(text, "refused") {
		t.Errorf("without secrets: got\n%s", text)
	}
}

// cursor finds what moves the cursor and colours.
var cursor = regexp.MustCompile("\\^\\[\\[[0-9;]*[A-Zm]\r?")

// A terminal must show the region no more often than ten times a second, whatever
// happens.
func TestConsoleIsNotDrawnTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &countingWriter{}
		c := NewConsole(ConsoleOptions{Out: out, Size: size(80, 0)})
		for i := range 1000 {
			c.Unit(e2e.Event{Kind: e2e.TestStarted, Shard: i % 300, Attempt: 1, Unit: "u", Test: fmt.Sprint(i)})
			time.Sleep(time.Millisecond)
		}
		c.Done()
		if out.writes > 13 {
			t.Errorf("%d writes in a second", out.writes)
		}
		if out.most > 24 {
			t.Errorf("the region has %d lines", out.most)
		}
	})
}

type countingWriter struct{ writes, most int }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes++
	w.most = max(w.most, bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// stuck takes nothing until it is released.
type stuck struct {
	release chan struct{}
	got     bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.release
	return s.got.Write(p)
}

// A terminal that takes nothing must not hold anybody up, and what piles up
// meanwhile is bounded.
func TestConsoleNeverWaitsForItsTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{release: make(chan struct{})}
		c := NewConsole(ConsoleOptions{Out: out})
		start := time.Now()
		for i := range 3 * maxQueued {
			c.Note(fmt.Sprint("note ", i))
		}
		if waited := time.Since(start); waited > 0 {
			t.Errorf("waited %s", waited)
		}
		c.Done()
		if waited := time.Since(start); waited > doneWithin {
			t.Errorf("Done waited %s", waited)
		}
		close(out.release)
		synctest.Wait()
		if n := strings.Count(out.got.String(), "\n"); n > 2*maxQueued+2 || !strings.Contains(out.got.String(), "of progress left out") {
			t.Errorf("%d lines were kept", n)
		}
	})
}

func TestConsoleFromManyGoroutines(t *testing.T) {
	var out bytes.Buffer
	c := NewConsole(ConsoleOptions{Out: &out})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 50 {
				c.Unit(e2e.Event{Kind: e2e.TestEnded, Shard: i, Attempt: 1, Unit: "u", Test: fmt.Sprint(n), Outcome: e2e.Failed})
				c.Gate(e2e.Gate{Name: fmt.Sprint(i), State: e2e.Unhealthy, Observed: fmt.Sprint(n)})
				c.Health("h")
			}
		})
	}
	group.Wait()
	c.Done()
	if n := strings.Count(out.String(), "FAILED"); n != 400 {
		t.Errorf("%d failures were shown, want 400", n)
	}
	if n := strings.Count(out.String(), "gate 3:"); n > maxGateLines {
		t.Errorf("one gate has %d lines", n)
	}
}

// A suite of a million tests must not print a million lines, whether they pass or fail.
func TestConsoleIsThrottled(t *testing.T) {
	for _, o := range []e2e.Outcome{e2e.Passed, e2e.Failed} {
		for _, folded := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				c := NewConsole(ConsoleOptions{Out: &out, Folded: folded})
				const tests = 100_000
				c.Planned(tests, 1, 0, 60)
				c.Unit(e2e.Event{Kind: e2e.BatchStarted, Attempt: 1, Unit: "u", Tests: tests})
				for i := range tests {
					c.Unit(e2e.Event{Kind: e2e.TestEnded, Attempt: 1, Unit: "u", Test: fmt.Sprint(i), Outcome: o, First: true, Message: "m"})
					time.Sleep(time.Millisecond)
				}
				c.Unit(e2e.Event{Kind: e2e.BatchEnded, Attempt: 1, Unit: "u", Tests: tests, Ended: "exit status 0"})
				c.Done()
				synctest.Wait()
				if n := strings.Count(out.String(), "\n"); n > 2*maxFailures+maxBatchLines+30 {
					t.Errorf("%s: %d lines", o, n)
				}
				if !strings.Contains(out.String(), "100,000/100,000") {
					t.Errorf("%s: the end is missing: %s", o, out.String()[max(0, out.Len()-500):])
				}
			})
		}
	}
}

// A terminal that becomes narrower has broken the lines of the region. Nothing above may be erased.
func TestConsoleSurvivesAResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var width atomic.Int64
		width.Store(100)
		c := NewConsole(ConsoleOptions{Out: &out, Size: func() (int, int) { return int(width.Load()), 24 }})
		c.Planned(3, 1, 0, 60)
		c.Unit(e2e.Event{Kind: e2e.BatchStarted, Attempt: 1, Unit: strings.Repeat("unit", 40), Tests: 3})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		out.Reset()
		width.Store(50)
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		first, _, _ := strings.Cut(out.String(), "\n")
		if strings.Contains(first, "\x1b") {
			t.Errorf("the old region is erased: %q", first)
		}
		for line := range strings.Lines(out.String()) {
			line = regexp.MustCompile("\x1b\\[[0-9;]*[A-Zm]\r?").ReplaceAllString(line, "")
			if len(line) > 50 {
				t.Errorf("%d columns: %q", len(line), line)
			}
		}
		out.Reset()
		width.Store(20) // too narrow for a region
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if strings.Contains(out.String(), "shard") {
			t.Errorf("%q", out.String())
		}
		c.Done()
	})
}
