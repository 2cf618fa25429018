package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// Bounds of the console.
const (
	// redrawEvery and refreshEvery are how often the live region is drawn at most
	// and, without news, at least.
	redrawEvery  = 100 * time.Millisecond
	refreshEvery = time.Second
	// maxQueued lines wait for a slow terminal; more are counted and left out.
	maxQueued = 2000
	// doneWithin bounds how long Done waits for a blocked terminal.
	doneWithin = 2 * time.Second
	// maxGateLines bounds what one gate that keeps changing its answer may print.
	maxGateLines = 20
)

// ConsoleOptions say where progress is shown. Out, usually stderr, is required.
type ConsoleOptions struct {
	Out io.Writer
	// Width and Height of the terminal. Width 0: no terminal, one line per event;
	// Height 0: not known, 24.
	Width, Height int
	// Colour uses ANSI colours beside words.
	Colour bool
	// Folded makes groups that the log viewer of GitHub Actions folds, and lists
	// every test in them.
	Folded bool
	// Redact masks secrets; it may be nil.
	Redact *safetext.Redactor
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Console shows progress: on a terminal as a region that is redrawn, else as lines. Its methods may be called by several goroutines; they
// only note what happened, so they never wait for the terminal. End it with Done.
type Console struct {
	o    ConsoleOptions
	wake chan struct{}
	stop chan struct{}
	end  chan struct{}
	once sync.Once

	mu      sync.Mutex
	ended   bool
	queue   []string
	dropped int
	group   string
	board   board
}

// NewConsole starts a console.
func NewConsole(o ConsoleOptions) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Width > 0 {
		o.Folded = false
		o.Width = min(max(o.Width, 40), 160)
	}
	if o.Height <= 0 {
		o.Height = 24
	}
	c := &Console{o: o, wake: make(chan struct{}, 1), stop: make(chan struct{}), end: make(chan struct{})}
	c.board = newBoard(o.Now())
	if o.Width > 0 {
		go c.live()
	} else {
		go c.plain()
	}
	return c
}

// note changes the console's state under its lock, and has it shown soon.
func (c *Console) note(change func()) {
	c.mu.Lock()
	if !c.ended {
		change()
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// say queues a line that stays. The lock must be held.
func (c *Console) say(st style, format string, args ...any) {
	if len(c.queue) >= maxQueued {
		c.dropped++
		return
	}
	text := fmt.Sprintf(format, args...)
	text = ascii(safetext.LogLine(c.o.Redact.String(text), longText))
	if c.o.Colour && st != plainText {
		text = "\x1b[" + string(st) + "m" + text + "\x1b[0m"
	}
	c.queue = append(c.queue, text)
}

// fold opens a group, or with "" closes the open one. The lock must be held. The title
// must not be untrusted text.
func (c *Console) fold(title string) {
	if !c.o.Folded || c.group == title {
		return
	}
	if c.group != "" {
		c.queue = append(c.queue, "::endgroup::")
	}
	if c.group = title; title != "" {
		c.queue = append(c.queue, "::group::"+title)
	}
}

// The groups of a folded log.
const (
	groupEnvironment = "Background processes and gates"
	groupTests       = "Tests"
	groupRerun       = "Diagnostic rerun"
)

// Processes reports on a background process.
func (c *Console) Processes(text string) {
	c.note(func() {
		c.fold(groupEnvironment)
		c.say(plainText, "processes: %s", text)
	})
}

// Gate reports the answer of a check while the gate waits for it.
func (c *Console) Gate(g e2e.Gate) {
	c.note(func() {
		st, line := c.board.gate(g)
		if line != "" && c.o.Width == 0 {
			c.fold(groupEnvironment)
			c.say(st, "%s", line)
		}
	})
}

// Planned reports the finished plan. guessed is the number of tests without
// a measured duration; expectedSeconds is the expected time of the slowest path.
func (c *Console) Planned(tests, shards, guessed int, expectedSeconds float64) {
	c.note(func() {
		c.fold("")
		c.board.planned(tests, guessed, expectedSeconds, c.o.Now())
		c.say(plainText, "plan: %s on %s, about %s%s", plural(tests, "test", "tests"), plural(shards, "shard", "shards"), seconds(expectedSeconds),
			guesses(tests, guessed))
	})
}

func guesses(tests, guessed int) string {
	switch {
	case guessed <= 0:
		return ""
	case guessed >= tests:
		return " (a guess: these tests have no timings yet)"
	}
	return fmt.Sprintf(" (%s never timed)", plural(guessed, "test", "tests"))
}

// Unit reports the progress of a batch, or of a test in it.
func (c *Console) Unit(ev e2e.Event) {
	c.note(func() {
		group := groupTests
		if ev.Attempt > 1 {
			group = groupRerun
		}
		st, line := c.board.unit(ev, c.o.Now(), c.o.Folded)
		if line != "" {
			c.fold(group)
			c.say(st, "%s", line)
		}
	})
}

// Health reports that a gate changed its answer while suites run.
func (c *Console) Health(text string) { c.note(func() { c.say(yellow, "health: %s", text) }) }

// Rerun reports the diagnostic rerun.
func (c *Console) Rerun(text string) {
	c.note(func() {
		c.fold("")
		c.say(yellow, "rerun: %s", text)
	})
}

// Note reports anything else worth knowing.
func (c *Console) Note(text string) { c.note(func() { c.say(plainText, "note: %s", text) }) }

// Done shows what is still queued, removes the live region and ends the console.
// It waits at most two seconds for the terminal. Later reports are dropped.
func (c *Console) Done() {
	c.once.Do(func() {
		c.mu.Lock()
		c.fold("")
		c.ended = true
		c.mu.Unlock()
		close(c.stop)
	})
	timer := time.NewTimer(doneWithin)
	defer timer.Stop()
	select {
	case <-c.end:
	case <-timer.C:
	}
}

// drain empties the queue.
func (c *Console) drain() string {
	lines := c.queue
	if c.dropped > 0 {
		lines = append(lines, fmt.Sprintf("(%s of progress left out: the terminal was too slow)", plural(c.dropped, "line", "lines")))
	}
	c.queue, c.dropped = nil, 0
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// plain writes lines as they come.
func (c *Console) plain() {
	defer close(c.end)
	for running := true; running; {
		select {
		case <-c.wake:
		case <-c.stop:
		}
		running = !c.stopped()
		c.mu.Lock()
		text := c.drain()
		c.mu.Unlock()
		if text != "" {
			_, _ = io.WriteString(c.o.Out, text)
		}
	}
}

// live keeps lines that stay above a region that is drawn anew.
func (c *Console) live() {
	defer close(c.end)
	refresh := time.NewTicker(refreshEvery)
	defer refresh.Stop()
	drawn := 0
	for running := true; running; {
		select {
		case <-c.wake:
		case <-refresh.C:
		case <-c.stop:
		}
		running = !c.stopped()
		drawn = c.draw(drawn, running)
		if running {
			c.rest()
		}
	}
}

func (c *Console) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// rest waits until the region may be drawn again.
func (c *Console) rest() {
	timer := time.NewTimer(redrawEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.stop:
	}
}

// draw replaces the region of the given number of lines, and returns how many the
// new one has. It writes once, so that nothing flickers.
func (c *Console) draw(before int, region bool) int {
	c.mu.Lock()
	text := c.drain()
	var lines []string
	if region {
		lines = c.board.region(c.o.Now(), c.o.Width-1, c.o.Height-2, c.o.Redact)
	}
	c.mu.Unlock()
	var b strings.Builder
	if before > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", before)
	}
	b.WriteString(text)
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	if b.Len() > 0 {
		_, _ = io.WriteString(c.o.Out, b.String())
	}
	return len(lines)
}
