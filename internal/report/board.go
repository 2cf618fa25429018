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
}

type gateLine struct {
	gate  e2e.Gate
	lines int
}

// shardLine is what runs on a shard now and what it has done.
type shardLine struct {
	unit    string
	attempt int
	// size is the number of tests of the running batch, ended how many of them ended.
	size, ended           int
	passed, failed, other int
	tests                 map[string]time.Time
	since                 time.Time
	busy                  bool
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

// unit records an event, and returns a line if it is worth one. With all, every test
// gets a line.
func (b *board) unit(ev e2e.Event, now time.Time, all bool) (style, string) {
	s := b.shards[ev.Shard]
	if s == nil {
		s = &shardLine{tests: map[string]time.Time{}, since: now}
		b.shards[ev.Shard] = s
	}
	switch {
	case ev.Test != "" && ev.Outcome == e2e.OutcomeUnknown:
		if len(s.tests) < maxQueued {
			s.tests[ev.Test] = now
		}
		return plainText, ""
	case ev.Test != "":
		return s.testEnded(ev, now, all)
	case !ev.Done:
		*s = shardLine{unit: ev.Unit, attempt: ev.Attempt, size: ev.Tests, since: now, busy: true, tests: map[string]time.Time{}, passed: s.passed,
			failed: s.failed, other: s.other}
		return plainText, fmt.Sprintf("shard %d: %s started, %s%s", ev.Shard, ev.Unit, plural(ev.Tests, "test", "tests"), again(ev.Attempt))
	}
	s.busy, s.tests = false, map[string]time.Time{}
	return plainText, fmt.Sprintf("shard %d: %s %s after %s%s", ev.Shard, ev.Unit, ev.Ended, seconds(now.Sub(s.since).Seconds()), again(ev.Attempt))
}

func again(attempt int) string {
	if attempt > 1 {
		return ", diagnostic rerun"
	}
	return ""
}

func (s *shardLine) testEnded(ev e2e.Event, now time.Time, all bool) (style, string) {
	began, known := s.tests[ev.Test]
	delete(s.tests, ev.Test)
	s.ended++
	took := ""
	if known {
		took = " after " + seconds(now.Sub(began).Seconds())
	}
	st, word := plainText, string(ev.Outcome)
	switch ev.Outcome {
	case e2e.Passed:
		s.passed++
	case e2e.Failed:
		s.failed++
		st, word = red, "FAILED"
	case e2e.Skipped, e2e.Flaky, e2e.Lost, e2e.NotRun, e2e.OutcomeUnknown:
		s.other++
	default:
		s.other++
	}
	if !all && ev.Outcome != e2e.Failed {
		return plainText, ""
	}
	return st, fmt.Sprintf("shard %d: %s %s%s%s", ev.Shard, word, ev.Test, took, again(ev.Attempt))
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
		lines[i] = fit(ascii(aligned(redact.String(l))), width)
	}
	return lines
}

// aligned is safetext.LogLine for a line with columns: it keeps spaces.
func aligned(s string) string {
	return safetext.Neutral(strings.ReplaceAll(safetext.Text(s, longText, 0), "\n", " "))
}

// clock shows the time used and, once there is a plan, the time left.
func (b *board) clock(now time.Time) string {
	text := "e2e-gate " + minutes(now.Sub(b.started))
	if b.running.IsZero() {
		return text + ", waiting for the gates"
	}
	done := 0
	for _, s := range b.shards {
		done += s.passed + s.failed + s.other
	}
	text += fmt.Sprintf(", %d of %s", min(done, b.tests), plural(b.tests, "test", "tests"))
	left := b.expected - now.Sub(b.running)
	switch {
	case b.expected <= 0:
		return text
	case left < 0:
		text += fmt.Sprintf(", %s longer than expected", minutes(-left))
	default:
		text += fmt.Sprintf(", about %s left", minutes(left))
	}
	if b.guessed >= b.tests {
		text += " (a guess)"
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
		counts := fmt.Sprintf("%d passed", s.passed)
		if s.failed > 0 {
			counts += fmt.Sprintf(", %d FAILED", s.failed)
		}
		if s.other > 0 {
			counts += fmt.Sprintf(", %d other", s.other)
		}
		lines = append(lines, fmt.Sprintf("shard %d  %s  %s", i, pad(counts, 20), s.now(now)))
	}
	return lines
}

// now says what runs on the shard: the batch and the test that has run longest.
func (s *shardLine) now(now time.Time) string {
	if !s.busy {
		return "idle"
	}
	name, since := "", time.Time{}
	for test, began := range s.tests {
		if name == "" || began.Before(since) || began.Equal(since) && strings.Compare(test, name) < 0 {
			name, since = test, began
		}
	}
	if name == "" {
		return fmt.Sprintf("%s (%s)%s", s.unit, minutes(now.Sub(s.since)), again(s.attempt))
	}
	text := fmt.Sprintf("%s (%s)%s", name, minutes(now.Sub(since)), again(s.attempt))
	if n := len(s.tests) - 1; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
