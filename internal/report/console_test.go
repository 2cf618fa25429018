package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
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
	tell(func() { c.Note("planning without history: it is empty") })
	tell(func() { c.Planned(3, 2, 3, 12) })
	tell(func() { c.Unit(e2e.Event{Shard: 0, Attempt: 1, Unit: "case-journeys", Tests: 2}) })
	tell(func() { c.Unit(e2e.Event{Shard: 1, Attempt: 1, Unit: "case-journeys", Tests: 1}) })
	tell(func() { c.Unit(e2e.Event{Shard: 0, Attempt: 1, Unit: "case-journeys", Test: "s/a_test.go::TestA"}) })
	step()
	tell(func() {
		c.Unit(e2e.Event{Shard: 0, Attempt: 1, Unit: "case-journeys", Test: "s/a_test.go::TestA", Outcome: e2e.Passed})
	})
	tell(func() {
		c.Unit(e2e.Event{Shard: 0, Attempt: 1, Unit: "case-journeys", Test: "::error::TestB ##[group]"})
	})
	tell(func() { c.Health("gate broker went from healthy to unhealthy: hunter2 refused") })
	step()
	tell(func() {
		c.Unit(e2e.Event{Shard: 0, Attempt: 1, Unit: "case-journeys", Test: "::error::TestB ##[group]", Outcome: e2e.Failed})
	})
	tell(func() {
		c.Unit(e2e.Event{Shard: 0, Attempt: 1, Unit: "case-journeys", Tests: 2, Ended: "exit status 1", Done: true})
	})
	tell(func() {
		c.Unit(e2e.Event{Shard: 1, Attempt: 1, Unit: "case-journeys", Tests: 1, Ended: "exit status 0", Done: true})
	})
	tell(func() { c.Rerun("one diagnostic rerun for ::error::TestB") })
	tell(func() { c.Unit(e2e.Event{Shard: 0, Attempt: 2, Unit: "case-journeys", Tests: 1}) })
	step()
	tell(func() {
		c.Unit(e2e.Event{Shard: 0, Attempt: 2, Unit: "case-journeys", Tests: 1, Ended: "exit status 0", Done: true})
	})
	tell(func() { c.Processes("taking down case-api") })
	c.Done()
	c.Note("too late")
	c.Done()
}

func TestConsole(t *testing.T) {
	redact := safetext.NewRedactor([]string{"hunter2"})
	for name, o := range map[string]ConsoleOptions{
		"plain": {}, "folded": {Folded: true}, "live": {Width: 72, Colour: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				o.Out, o.Redact = &out, redact
				play(NewConsole(o))
				synctest.Wait()
				text := strings.ReplaceAll(out.String(), "\x1b", "^[")
				compare(t, "console-"+name+".txt", text)
				own := regexp.MustCompile(`(?m)^::(group::[\w ]+|endgroup::)$`).ReplaceAllString(text, "")
				visible(t, cursor.ReplaceAllString(own, ""))
				if strings.Contains(text, "hunter2") {
					t.Error("a secret is shown")
				}
			})
		})
	}
}

// cursor finds what moves the cursor and colours.
var cursor = regexp.MustCompile("\\^\\[\\[[0-9;]*[A-Zm]\r?")

// A terminal must show the region no more often than ten times a second, whatever
// happens.
func TestConsoleIsNotDrawnTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &countingWriter{}
		c := NewConsole(ConsoleOptions{Out: out, Width: 80})
		for i := range 1000 {
			c.Unit(e2e.Event{Shard: i % 300, Attempt: 1, Unit: "u", Test: fmt.Sprint(i)})
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
				c.Unit(e2e.Event{Shard: i, Attempt: 1, Unit: "u", Test: fmt.Sprint(n), Outcome: e2e.Failed})
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
