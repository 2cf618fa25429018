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
	// maxFailures are the failures that are shown as they happen; more are counted. maxBatchLines bounds what
	// is kept of a batch for its group in a folded log.
	maxFailures   = 500
	maxBatchLines = 1000
	// progressEvery is how often lines say how far the tests are, and quietFor how long nothing may
	// happen until a line says what is waited for.
	progressEvery = 10 * time.Second
	quietFor      = 30 * time.Second
	// minWidth and minHeight are what a live region needs of a terminal.
	minWidth, minHeight = 40, 6
	// maxGateLines bounds what one gate that keeps changing its answer may print.
	maxGateLines = 20
)

// ConsoleOptions say where progress is shown. Out, usually stderr, is required.
type ConsoleOptions struct {
	Out io.Writer
	// Size returns width and height of the terminal, as they are now; a height of 0 is not known. Nil, or a
	// terminal that is too small when the console starts: no live region, but lines.
	Size func() (width, height int)
	// Colour uses ANSI colours beside words.
	Colour bool
	// Folded makes groups that the log viewer of GitHub Actions folds, one for each batch with a line for each test.
	// Failures stand outside of them, and each line has the time of day in UTC.
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
	// live: there is a region that is redrawn.
	live bool
	// failures counts those that were shown; spoke is when the last line was queued, and counted how many
	// tests had ended at the last line that said so.
	failures int
	spoke    time.Time
	counted  int
}

// NewConsole starts a console.
func NewConsole(o ConsoleOptions) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Console{o: o, wake: make(chan struct{}, 1), stop: make(chan struct{}), end: make(chan struct{})}
	c.board = newBoard(o.Now())
	c.spoke = c.board.started
	if o.Size != nil {
		width, height := o.Size()
		c.live = width >= minWidth && (height == 0 || height >= minHeight)
	}
	if c.live {
		c.o.Folded = false
		go c.redraw()
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
	c.queued(c.line(st, c.stamp(), fmt.Sprintf(format, args...)))
}

// more queues a line that belongs to the one before. The lock must be held.
func (c *Console) more(text string) {
	c.queued(c.line(plainText, strings.Repeat(" ", len(c.stamp())), text))
}

func (c *Console) queued(line string) {
	c.spoke = c.o.Now()
	if len(c.queue) >= maxQueued {
		c.dropped++
		return
	}
	c.queue = append(c.queue, line)
}

// line makes one line of any text, behind a stamp.
func (c *Console) line(st style, stamp, text string) string {
	text = ascii(safetext.LogLine(c.o.Redact.String(text), longText))
	if c.o.Colour && st != plainText {
		text = "\x1b[" + string(st) + "m" + text + "\x1b[0m"
	}
	return stamp + text
}

// stamp is what lines begin with: the time since the start, or in a folded log the time of day.
func (c *Console) stamp() string {
	now := c.o.Now()
	if c.o.Folded {
		return now.UTC().Format("15:04:05Z ")
	}
	return pad("["+minutes(now.Sub(c.board.started))+"]", 7) + " "
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

// groupTitle is any text as the title of a group.
func (c *Console) groupTitle(text string) string {
	text = safetext.Annotation(ascii(safetext.Line(c.o.Redact.String(text), shortText)), shortText)
	return strings.ReplaceAll(text, "%", "%25")
}

// groupEnvironment is the group of a folded log for what happens before the tests.
const groupEnvironment = "Background processes and gates"

// Started says what runs, before anything else happens.
func (c *Console) Started(stage, run string) {
	c.note(func() { c.say(plainText, "stage %s, run %s", stage, run) })
}

// Listing says that the tests of a suite are listed, until [Console.Listed]. A line says so if it takes longer than
// a second.
func (c *Console) Listing(suite string) {
	c.note(func() {
		c.fold("")
		c.board.listing, c.board.listingSince, c.board.listingSaid = suite, c.o.Now(), false
	})
}

// Listed says how many tests the suite has that was listed last; below 0: they cannot be listed.
func (c *Console) Listed(suite string, tests int) {
	c.note(func() {
		took := c.o.Now().Sub(c.board.listingSince)
		c.board.listing = ""
		if tests < 0 {
			c.say(yellow, "suite %s cannot be listed", suite)
			return
		}
		c.say(plainText, "listed suite %s: %s in %s", suite, plural(tests, "test", "tests"), seconds(took.Seconds()))
	})
}

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
		if line != "" && !c.live {
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
		c.say(plainText, "plan: %s on %s, %s", plural(tests, "test", "tests"), plural(shards, "shard", "shards"), expectation(tests, guessed, expectedSeconds))
	})
}

// expectation is the time that a plan is to take. Where no test was ever timed it would be made up.
func expectation(tests, guessed int, expectedSeconds float64) string {
	switch {
	case guessed <= 0:
		return "about " + seconds(expectedSeconds)
	case guessed >= tests:
		return "no timings yet"
	}
	return fmt.Sprintf("about %s (%s never timed)", seconds(expectedSeconds), plural(guessed, "test", "tests"))
}

// Sharded reports that one shard of a plan runs here.
func (c *Console) Sharded(index, shards, tests int, expectedSeconds float64) {
	c.note(func() {
		c.fold("")
		c.board.planned(tests, 0, expectedSeconds, c.o.Now())
		c.say(plainText, "shard %d of %d: %s, about %s", index, shards, plural(tests, "test", "tests"), seconds(expectedSeconds))
	})
}

// Unit reports the progress of a batch, or of a test in it.
func (c *Console) Unit(ev e2e.Event) {
	c.note(func() {
		now := c.o.Now()
		s := c.board.unit(ev, now)
		switch ev.Kind {
		case e2e.BatchStarted:
			c.fold("")
			c.say(plainText, "shard %d: %s started, %s", ev.Shard, ev.Unit, sizeText(ev))
		case e2e.TestEnded:
			c.testEnded(s, ev)
		case e2e.BatchEnded:
			c.batchEnded(s, ev)
		case e2e.ShardWaits:
			c.fold("")
			c.say(plainText, "shard %d %s", ev.Shard, ev.Text)
		case e2e.BatchStalls:
			c.fold("")
			c.say(yellow, "%s", ev.Text)
		case e2e.TestStarted, e2e.TestPaused, e2e.BatchPrinted:
		}
	})
}

// testEnded shows a failure outside of all groups, and keeps every test for the group of its batch.
func (c *Console) testEnded(s *shardLine, ev e2e.Event) {
	if c.o.Folded {
		if len(s.log) < maxBatchLines {
			s.log = append(s.log, c.line(plainText, c.stamp(), fmt.Sprintf("%s %s%s", endWord(ev.Outcome), ev.Test, tookText(ev))))
		} else {
			s.left++
		}
	}
	if ev.Outcome != e2e.Failed {
		return
	}
	c.failures++
	if c.failures > maxFailures {
		if c.failures == maxFailures+1 {
			c.fold("")
			c.say(red, "more failures are counted and not listed here; result.json has all")
		}
		return
	}
	c.fold("")
	c.say(red, "%s FAILED %s%s, shard %d%s", c.board.counter(), ev.Test, tookText(ev), ev.Shard, again(ev.Attempt))
	message := firstLine(safetext.Shown(c.o.Redact, ev).Message)
	if at := e2e.Place(ev.File, ev.Line); at != "" {
		message = strings.TrimSuffix(at+": "+message, ": ")
	}
	if message != "" {
		c.more(message)
	}
}

// batchEnded says how a batch ended, and shows its tests in a group.
func (c *Console) batchEnded(s *shardLine, ev e2e.Event) {
	c.fold("")
	text := fmt.Sprintf("shard %d: %s ended%s, %s by the clock: %s", ev.Shard, ev.Unit, again(ev.Attempt), seconds(ev.Seconds), s.batchText(ev))
	if !c.o.Folded || len(s.log) == 0 {
		c.say(plainText, "%s %s", c.board.counter(), text)
		return
	}
	c.fold(c.groupTitle(c.stamp() + c.board.counter() + " " + text))
	c.queue = append(c.queue, s.log...)
	if s.left > 0 {
		c.queue = append(c.queue, c.line(plainText, c.stamp(), "and "+plural(s.left, "more test", "more tests")+"; the log of the batch has what it printed"))
	}
	s.log, s.left = nil, 0
	c.spoke = c.o.Now()
	c.fold("")
}

// sizeText says what a batch is to run.
func sizeText(ev e2e.Event) string {
	tests := plural(ev.Tests, "test", "tests")
	switch {
	case ev.Whole && ev.Attempt > 1 && ev.Tests > 0:
		return fmt.Sprintf("diagnostic rerun of the whole suite (%s) for %s", tests, plural(ev.Failed, "failed test", "failed tests"))
	case ev.Whole && ev.Attempt > 1:
		return fmt.Sprintf("diagnostic rerun of the whole suite for %s", plural(ev.Failed, "failed test", "failed tests"))
	case ev.Whole:
		return "the whole suite, whose tests are known when it has run"
	case ev.Attempt > 1 && ev.Failed > 0 && ev.Failed < ev.Tests:
		return fmt.Sprintf("diagnostic rerun of %s for %s", tests, plural(ev.Failed, "failed test", "failed tests"))
	case ev.Attempt > 1:
		return "diagnostic rerun of " + tests
	}
	return tests
}

func endWord(o e2e.Outcome) string {
	if o == e2e.Failed {
		return "FAILED"
	}
	return pad(string(o), 6)
}

// tookText is the own time of an execution: " (own time 1.2 s)".
func tookText(ev e2e.Event) string {
	if ev.Seconds < 0.005 { // it would say 0.00 s
		return ""
	}
	return " (own time " + seconds(ev.Seconds) + ")"
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

// plain writes lines as they come, and now and then how far the tests are.
func (c *Console) plain() {
	defer close(c.end)
	refresh := time.NewTicker(refreshEvery)
	defer refresh.Stop()
	for running := true; running; {
		select {
		case <-c.wake:
		case <-refresh.C:
		case <-c.stop:
		}
		running = !c.stopped()
		c.mu.Lock()
		if running {
			c.beat()
		}
		text := c.drain()
		c.mu.Unlock()
		if text != "" {
			_, _ = io.WriteString(c.o.Out, text)
		}
	}
}

// beat says how far the tests are, or what is waited for while nothing happens. The lock must be held.
func (c *Console) beat() {
	now := c.o.Now()
	if b := &c.board; b.listing != "" && !b.listingSaid && now.Sub(b.listingSince) >= refreshEvery {
		b.listingSaid = true
		c.say(plainText, "listing suite %s ...", b.listing)
	}
	quiet := now.Sub(c.spoke)
	news := c.board.done+c.board.others != c.counted
	if !c.board.isBusy() || quiet < progressEvery || !news && quiet < quietFor {
		return
	}
	c.counted = c.board.done + c.board.others
	text := c.board.waiting(now)
	if !news {
		text += fmt.Sprintf("; nothing new for %s", minutes(quiet))
	}
	c.fold("")
	c.say(plainText, "%s", text)
}

// redraw keeps lines that stay above a region that is drawn anew.
func (c *Console) redraw() {
	defer close(c.end)
	refresh := time.NewTicker(refreshEvery)
	defer refresh.Stop()
	var r region
	for running := true; running; {
		select {
		case <-c.wake:
		case <-refresh.C:
		case <-c.stop:
		}
		running = !c.stopped()
		c.draw(&r, running)
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

// region is what is drawn on the terminal now.
type region struct {
	lines, width int
	// settling: the terminal became narrower, and may do so again.
	settling bool
}

// draw replaces the region. It writes once, so that nothing flickers. A terminal that became narrower has
// broken the lines of the region, and how many there are now depends on the terminal: they stay, and
// the new region starts below them, once the width has settled.
func (c *Console) draw(r *region, running bool) {
	width, height := c.o.Size()
	if height <= 0 {
		height = 24
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	shrunk := width < r.width
	if shrunk && running && !r.settling {
		r.settling = true
		return // what is queued comes with the next one
	}
	r.settling = false
	var b strings.Builder
	if r.lines > 0 && !shrunk {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", r.lines)
	}
	b.WriteString(c.drain())
	r.lines, r.width = 0, width
	if running && width >= minWidth && height >= minHeight {
		for _, l := range c.board.region(c.o.Now(), min(width, 160)-1, height-2, c.o.Redact) {
			b.WriteString(l + "\n")
			r.lines++
		}
	}
	if b.Len() > 0 {
		_, _ = io.WriteString(c.o.Out, b.String())
	}
}
