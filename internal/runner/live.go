package runner

import (
	"cmp"
	"context"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// followEvery is how often new results are looked for while a process runs.
const followEvery = 200 * time.Millisecond

// live tells what happens in a batch while it runs, and keeps what is known of its activity. Nothing
// of it is judged.
type live struct {
	u *running
	// printed is when the process printed something last, in nanoseconds since 1970; 0: not yet.
	printed atomic.Int64
	// happened counts what the process printed, in bytes, and the events of its tests.
	happened atomic.Int64

	mu sync.Mutex
	// byName are the places of the planned tests in the batch. A batch may have a million tests: what is
	// kept of each is small.
	byName map[string]int32
	// open: the planned test has not ended; ends counts its ends.
	open []bool
	ends []uint16
	// running started and did not end, in the order of their starts.
	running []execution
	// told are the ids of other tests that were told of.
	told map[string]bool
	said time.Time

	// process is there once it runs, and cancel ends it. What follows is of the goroutine that follows the batch.
	process atomic.Pointer[proc.Process]
	cancel  context.CancelCauseFunc
	still   stillness
	stalled *stall
	dumped  int
}

// execution is what runs: a planned test, or a part of one.
type execution struct {
	test, part string
	since      time.Time
}

func newLive(u *running) *live {
	l := &live{u: u, told: map[string]bool{}, still: stillness{patience: u.s.r.cfg.Patience, end: u.suite.Spec.StallTimeout}}
	if u.batch {
		return l // the test that stands for its tests is none of them
	}
	l.byName, l.open, l.ends = make(map[string]int32, len(u.tests)), make([]bool, len(u.tests)), make([]uint16, len(u.tests))
	for i, t := range u.tests {
		l.byName[t.Name], l.open[i] = int32(i), true
	}
	return l
}

// planned is the planned test of a name, and its place; -1: there is none.
func (l *live) planned(name string) (e2e.Test, int) {
	if i, ok := l.byName[name]; ok {
		return l.u.tests[i], int(i)
	}
	return e2e.Test{}, -1
}

// event is an event of the batch.
func (u *running) event(kind e2e.EventKind) e2e.Event {
	return e2e.Event{Kind: kind, Shard: u.s.plan.Index, Attempt: u.attempt, Unit: u.tests[0].Unit, Suite: u.suite.Spec.Name, Tests: len(u.tests), Whole: u.batch}
}

// started tells that the process starts.
func (u *running) started() {
	ev := u.event(e2e.BatchStarted)
	if u.batch {
		ev.Tests = 0
		for id := range u.s.runs {
			if u.s.batchOf(id) == u.tests[0].ID {
				ev.Tests++
			}
		}
	}
	for id := range u.s.asked {
		if u.attempt > 1 && (u.batch && u.s.batchOf(id) == u.tests[0].ID || !u.batch && u.s.tests[id].Unit == u.tests[0].Unit) {
			ev.Failed++
		}
	}
	u.s.r.cfg.Progress(ev)
}

// Progress takes what the framework says of a test.
func (l *live) progress(p adapter.Progress) {
	l.happened.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	one := execution{p.Test, p.Part, l.u.s.r.cfg.Now()}
	ev := l.u.event(e2e.TestStarted)
	ev.Test = l.id(p.Test, p.Part)
	if p.Paused {
		l.running, ev.Kind = without(l.running, one), e2e.TestPaused
		l.u.s.r.cfg.Progress(ev)
		return
	}
	if p.Outcome == e2e.OutcomeUnknown {
		l.running = append(without(l.running, one), one)
		l.u.s.r.cfg.Progress(ev)
		return
	}
	l.running = without(l.running, one)
	ev.Kind, ev.Outcome, ev.Message, ev.Details, ev.Seconds = e2e.TestEnded, p.Outcome, p.Message, p.Details, p.Seconds
	if p.Outcome == e2e.Failed {
		ev.File, ev.Line = l.place(p)
	}
	l.ended(p.Test, p.Part, &ev)
	l.u.s.r.cfg.Progress(ev)
}

// ended notes the end of a test, and counts a planned one once.
func (l *live) ended(name, part string, ev *e2e.Event) {
	_, i := l.planned(name)
	if i < 0 || part != "" {
		l.told[ev.Test] = true
		return
	}
	ev.First = l.open[i] && l.u.attempt == 1
	l.open[i] = false
	l.ends[i] += min(1, math.MaxUint16-l.ends[i])
}

// id is the id of a test, or what is known of it.
func (l *live) id(name, part string) string {
	id := l.u.suite.Spec.Name + "/" + name
	if t, i := l.planned(name); i >= 0 {
		id = t.ID
	}
	if part != "" {
		id += " › " + part
	}
	return id
}

// place is where a test failed, else where it is, from the repository root if the file is there.
func (l *live) place(p adapter.Progress) (file string, line int) {
	file, line = p.File, p.Line
	if t, _ := l.planned(p.Test); file == "" {
		file, line = t.File, t.Line
	}
	return l.u.fromRoot(file), line
}

// fromRoot is the path of a file of the suite as it is from the repository root, if it is there.
func (u *running) fromRoot(file string) string {
	if file == "" || path.IsAbs(file) || u.suite.Spec.Dir == "" {
		return file
	}
	below := path.Join(filepath.ToSlash(u.suite.Spec.Dir), file)
	if _, err := os.Lstat(filepath.Join(u.s.r.cfg.Root, filepath.FromSlash(below))); err != nil {
		return file
	}
	return below
}

func without(list []execution, gone execution) []execution {
	for i, one := range list {
		if one.test == gone.test && one.part == gone.part {
			return append(list[:i:i], list[i+1:]...)
		}
	}
	return list
}

// counted counts what goes to a writer; nil stays nil.
func (l *live) counted(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return counter{l, w}
}

type counter struct {
	l *live
	w io.Writer
}

func (c counter) Write(p []byte) (int, error) {
	if len(p) > 0 {
		c.l.printed.Store(c.l.u.s.r.cfg.Now().UnixNano())
		c.l.happened.Add(int64(len(p)))
	}
	return c.w.Write(p)
}

// output tells when the process printed something last, if it did since this was told.
func (l *live) output() {
	nanos := l.printed.Load()
	if at := time.Unix(0, nanos); nanos != 0 && at.After(l.said) {
		l.said = at
		ev := l.u.event(e2e.BatchPrinted)
		ev.At = at
		l.u.s.r.cfg.Progress(ev)
	}
}

// follow tells what happens until stop is called, which tells the rest.
func (l *live) follow() (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	f, _ := l.u.invocation.(adapter.Follower)
	look := func() {
		if f != nil {
			f.Follow()
		}
		l.output()
		l.look()
	}
	go func() {
		defer close(ended)
		ticker := time.NewTicker(l.every())
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				look()
			case <-end:
				l.process.Store(nil) // it has ended
				look()
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

// every is how often the batch is looked at.
func (l *live) every() time.Duration {
	every := min(followEvery, l.still.patience.Say/4)
	if l.still.end > 0 {
		every = min(every, l.still.end/4)
	}
	return max(every, time.Millisecond)
}

// rest tells of the results that the framework did not tell while it ran, and that the batch ended.
func (l *live) rest(report suite.Report, ev e2e.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.u.tests {
		if list := report.Tests[t.ID]; len(list) > 0 {
			l.result(t.ID, t, list)
		}
	}
	for _, run := range report.Unplanned {
		t := e2e.Test{}
		if run.Unplanned != nil {
			t = *run.Unplanned
		}
		l.result(run.ID, t, run.Attempts)
	}
	// What did not report is no longer waited for either.
	ev.Failed = 0
	for i := range l.u.tests {
		if l.u.attempt == 1 && (l.u.batch || l.open[i]) {
			ev.Failed++
		}
	}
	l.u.s.r.cfg.Progress(ev)
}

// result tells how a test ended, as the report has it.
func (l *live) result(id string, t e2e.Test, list []e2e.Attempt) {
	if _, i := l.planned(t.Name); l.told[id] || i >= 0 && l.u.tests[i].ID == id && !l.open[i] {
		return
	}
	for i, a := range list {
		ev := l.u.event(e2e.TestEnded)
		ev.Test, ev.Outcome, ev.Message, ev.Details, ev.Seconds = id, a.Outcome, cmp.Or(a.Message, a.Type), a.Details, a.Seconds
		if a.Outcome == e2e.Failed {
			at := adapter.Progress{Test: t.Name, File: t.File, Line: t.Line}
			if a.At != "" {
				at.File, at.Line = e2e.SplitPlace(a.At)
			}
			ev.File, ev.Line = l.place(at)
		}
		if i == 0 {
			l.ended(t.Name, "", &ev)
		}
		l.u.s.r.cfg.Progress(ev)
	}
}
