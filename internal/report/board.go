package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// board is the state of a run as a console shows it. The console's lock guards it.
type board struct {
	started  time.Time
	tests    int
	guessed  int
	expected time.Duration
	// running is when the first batch started.
	running time.Time
	order   []string
	gates   map[string]gateLine
	shards  map[int]*shardLine
	// done and failed count planned tests that ended, each once; others counts every further end.
	done, failed, others int
	// listing is the suite whose tests are listed, since when.
	listing      string
	listingSince time.Time
	listingSaid  bool
}

type gateLine struct {
	gate  e2e.Gate
	lines int
}

// shardLine is what runs on a shard now and what it has done.
type shardLine struct {
	unit    string
	attempt int
	// whole: the batch is a suite whose tests are not known.
	whole bool
	// size is the number of tests of the running batch; ended, and failed of them, count the executions that ended.
	size, ended, failed int
	tests               map[string]time.Time
	since               time.Time
	busy                bool
	// printed is when the batch printed something last; zero: not yet.
	printed time.Time
	// waits says what the shard waits for.
	waits string
	// log are the lines of the batch's group in a folded log; left counts those that are not kept.
	log  []string
	left int
}

func newBoard(now time.Time) board {
	return board{started: now, gates: map[string]gateLine{}, shards: map[int]*shardLine{}}
}

// gate records an answer, and returns a line if it is news.
func (b *board) gate(g e2e.Gate) (style, string) {
	before, known := b.gates[g.Name]
	if !known {
		b.order = append(b.order, g.Name)
	}
	news := !known || before.gate.State != g.State || before.gate.Finality != g.Finality || g.State != e2e.Healthy && before.gate.Observed != g.Observed
	now := gateLine{gate: g, lines: before.lines}
	if news {
		now.lines++
	}
	b.gates[g.Name] = now
	if !news || now.lines > maxGateLines && g.Finality != e2e.Never {
		return plainText, ""
	}
	return gateNews(g)
}

func gateNews(g e2e.Gate) (style, string) {
	switch {
	case g.State == e2e.GateUnknown:
		return plainText, ""
	case g.State == e2e.Healthy:
		return green, fmt.Sprintf("gate %s: healthy (%s)", g.Name, plural(g.Attempts, "probe", "probes"))
	case g.Open() && g.State == e2e.Degraded:
		return yellow, fmt.Sprintf("gate %s: degraded, but passed: %s", g.Name, g.Observed)
	case g.Finality == e2e.Never:
		return red, fmt.Sprintf("gate %s: %s, and waiting longer cannot help: %s", g.Name, g.State, cmp.Or(g.Reason, g.Observed))
	}
	return yellow, fmt.Sprintf("gate %s: %s so far: %s", g.Name, g.State, g.Observed)
}

func (b *board) planned(tests, guessed int, expectedSeconds float64, now time.Time) {
	b.tests, b.guessed, b.running = tests, guessed, now
	b.expected = time.Duration(min(max(expectedSeconds, 0), 1e6) * float64(time.Second))
}

// unit records an event.
func (b *board) unit(ev e2e.Event, now time.Time) *shardLine {
	s := b.shards[ev.Shard]
	if s == nil {
		s = &shardLine{tests: map[string]time.Time{}, since: now}
		b.shards[ev.Shard] = s
	}
	switch ev.Kind {
	case e2e.BatchStarted:
		*s = shardLine{unit: ev.Unit, attempt: ev.Attempt, whole: ev.Whole, size: ev.Tests, since: now, busy: true, tests: map[string]time.Time{}}
	case e2e.TestStarted:
		if len(s.tests) < maxQueued {
			s.tests[ev.Test] = now
		}
	case e2e.TestPaused:
		delete(s.tests, ev.Test)
	case e2e.TestEnded:
		delete(s.tests, ev.Test)
		b.ended(s, ev)
	case e2e.BatchPrinted:
		s.printed = ev.At
	case e2e.BatchEnded:
		s.busy, s.tests = false, map[string]time.Time{}
		b.done += ev.Failed // they never reported
	case e2e.ShardWaits:
		s.waits = ev.Text
	case e2e.BatchStalls:
	}
	return s
}

func (b *board) ended(s *shardLine, ev e2e.Event) {
	if s.ended++; ev.Outcome == e2e.Failed {
		s.failed++
	}
	if !ev.First {
		b.others++
	} else if b.done++; ev.Outcome == e2e.Failed {
		b.failed++
	}
}

// counter is how many of the planned tests have ended: "12/49".
func (b *board) counter() string { return thousands(min(b.done, b.tests)) + "/" + thousands(b.tests) }

// isBusy reports whether something runs that may take long.
func (b *board) isBusy() bool {
	for _, s := range b.shards {
		if s.busy {
			return true
		}
	}
	return b.listing != ""
}

// waiting says how far the tests are, and what runs.
func (b *board) waiting(now time.Time) string {
	if b.listing != "" {
		return fmt.Sprintf("still listing suite %s, for %s", b.listing, minutes(now.Sub(b.listingSince)))
	}
	list := []string{b.progress()}
	for _, i := range slices.Sorted(maps.Keys(b.shards)) {
		if s := b.shards[i]; (s.busy || s.waits != "") && len(list) < 6 {
			list = append(list, fmt.Sprintf("shard %d: %s", i, s.now(now)))
		}
	}
	return strings.Join(list, "; ")
}

// progress is "12/49, 2 FAILED".
func (b *board) progress() string {
	text := b.counter()
	if b.failed > 0 {
		text += fmt.Sprintf(", %s FAILED", thousands(b.failed))
	}
	return text
}

func again(attempt int) string {
	if attempt > 1 {
		return ", diagnostic rerun"
	}
	return ""
}

// batchText says how a batch ended: "12 tests, 1 FAILED, exit status 1".
func (s *shardLine) batchText(ev e2e.Event) string {
	text := ev.Ended
	if s.failed > 0 {
		text = fmt.Sprintf("%d FAILED, %s", s.failed, text)
	}
	if s.ended > 0 {
		text = plural(s.ended, "test ended", "tests ended") + ", " + text
	}
	return text
}

// region renders the live region: at most height lines of at most width columns.
func (b *board) region(now time.Time, width, height int, redact *safetext.Redactor) []string {
	lines := []string{b.clock(now)}
	lines = append(lines, b.gateLines()...)
	shards := b.shardLines(now)
	if room := max(height-len(lines), 1); len(shards) > room {
		left := len(shards) - room + 1
		shards = append(shards[:room-1], fmt.Sprintf("and %s", plural(left, "more shard", "more shards")))
	}
	lines = append(lines, shards...)
	lines = lines[:min(len(lines), max(height, 1))]
	for i, l := range lines {
		l = ascii(aligned(redact.String(l)))
		if strings.HasPrefix(l, "shard ") && !strings.Contains(l, "  waits for ") {
			l = fitEnd(l, width, shardHead)
		}
		lines[i] = fit(l, width)
	}
	return lines
}

// shardHead is how many columns of a shard's line stand before what runs.
const shardHead = 25

// fitEnd cuts clean text to width columns behind its first ones: the end of an id says which test it is.
func fitEnd(s string, width, first int) string {
	if columns(s) <= width || width < first+10 {
		return s
	}
	start := prefix(s, first)
	end := []rune(s[len(start):])
	for room := width - columns(start) - len("..."); columns(string(end)) > room; {
		end = end[1:]
	}
	return start + "..." + string(end)
}

// aligned is safetext.LogLine for a line with columns: it keeps spaces.
func aligned(s string) string {
	return safetext.Neutral(strings.ReplaceAll(safetext.Text(s, longText, 0), "\n", " "))
}

// clock shows the time used and, once there is a plan, the time left.
func (b *board) clock(now time.Time) string {
	text := "e2e-gate " + minutes(now.Sub(b.started))
	switch {
	case b.listing != "":
		return text + fmt.Sprintf(", listing suite %s (%s)", b.listing, minutes(now.Sub(b.listingSince)))
	case b.running.IsZero() && len(b.order) == 0:
		return text
	case b.running.IsZero():
		return text + ", waiting for the gates"
	}
	text += ", " + b.progress()
	left := b.expected - now.Sub(b.running)
	if b.guessed >= b.tests { // of a first run only its own pace says something
		if b.done == 0 || b.done >= b.tests {
			return text
		}
		left = now.Sub(b.running) / time.Duration(b.done) * time.Duration(b.tests-b.done)
		return text + fmt.Sprintf(", about %s left at this pace", minutes(left))
	}
	switch {
	case b.expected <= 0:
		return text
	case left < 0:
		text += fmt.Sprintf(", %s longer than expected", minutes(-left))
	default:
		text += fmt.Sprintf(", about %s left", minutes(left))
	}
	return text
}

func minutes(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// gateLines shows healthy gates in one line and every other in one of its own.
func (b *board) gateLines() []string {
	healthy := 0
	var bad []string
	for _, name := range b.order {
		g := b.gates[name].gate
		if g.State == e2e.Healthy {
			healthy++
			continue
		}
		bad = append(bad, fmt.Sprintf("  %s %s: %s", pad(string(cmp.Or(g.State, "waiting")), 11), name, g.Observed))
	}
	if len(b.order) == 0 {
		return nil
	}
	if len(bad) > 6 {
		bad = append(bad[:5], fmt.Sprintf("  and %d more that are not healthy", len(bad)-5))
	}
	return append([]string{fmt.Sprintf("gates  %d of %d healthy", healthy, len(b.order))}, bad...)
}

func (b *board) shardLines(now time.Time) []string {
	var lines []string
	for _, i := range slices.Sorted(maps.Keys(b.shards)) {
		s := b.shards[i]
		lines = append(lines, fmt.Sprintf("shard %d  %s  %s", i, pad(s.counts(), 14), s.now(now)))
	}
	return lines
}

// counts is how far the batch is: "3/12, 1 FAILED".
func (s *shardLine) counts() string {
	if s.unit == "" {
		return ""
	}
	text := fmt.Sprintf("%d/%d", min(s.ended, s.size), s.size)
	if s.whole {
		text = fmt.Sprintf("%d ended", s.ended)
	}
	if s.failed > 0 {
		text += fmt.Sprintf(", %d FAILED", s.failed)
	}
	return text
}

// now says what runs on the shard: the batch and the test that has run longest.
func (s *shardLine) now(now time.Time) string {
	switch {
	case !s.busy && s.waits != "":
		return s.waits
	case !s.busy:
		return "idle"
	}
	name, since := "", time.Time{}
	for test, began := range s.tests {
		if name == "" || began.Before(since) || began.Equal(since) && strings.Compare(test, name) < 0 {
			name, since = test, began
		}
	}
	if name == "" {
		text := fmt.Sprintf("%s (%s)%s", s.unit, minutes(now.Sub(s.since)), again(s.attempt))
		if quiet := now.Sub(s.printed); !s.printed.IsZero() && quiet >= progressEvery {
			text += fmt.Sprintf(", last output %s ago", minutes(quiet))
		}
		return text
	}
	text := fmt.Sprintf("%s (%s)%s", name, minutes(now.Sub(since)), again(s.attempt))
	if n := len(s.tests) - 1; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
