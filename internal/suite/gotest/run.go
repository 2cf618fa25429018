package gotest

import (
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// goRun is one go test process: it reads the event stream as it comes.
type goRun struct {
	suite   *goTest
	unit    adapter.Unit
	pattern string // of the unit's tests
	byName  map[string]*goState
	partial []byte
	skipped int // events that were too long to read
	build   strings.Builder
	failed  bool // the package failed to build
}

// Start runs the unit's tests in one go test process.
func (g *goTest) Start(u adapter.Unit) (adapter.Invocation, error) {
	if len(u.Tests) == 0 {
		return nil, fmt.Errorf("batch %s has no tests", u.Name)
	}
	names := make([]string, len(u.Tests))
	for i, t := range u.Tests {
		names[i] = t.Name
	}
	pattern := patternOf(names)
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("suite %s: the names of its %d tests do not fit on a command line; use more shards", g.spec.Name, len(names))
	}
	return &goRun{suite: g, unit: u, pattern: pattern, byName: map[string]*goState{}}, nil
}

// Command is go test with the tests of the unit.
func (r *goRun) Command() adapter.Command {
	argv := []string{"go", "test", "-json", "-count=1", "-run", r.pattern}
	if r.unit.Attempt > 1 {
		argv = append(argv, "-parallel=1") // the diagnostic rerun runs one test at a time
	}
	if r.unit.Soft > 0 {
		argv = append(argv, "-timeout="+r.unit.Soft.Round(time.Millisecond).String())
	}
	argv = append(argv, r.suite.spec.Args...)
	dir := path.Dir(r.unit.Tests[0].File)
	if dir != "." {
		dir = "./" + dir
	}
	return adapter.Command{Argv: append(argv, dir), Dir: r.suite.dir()}
}

// Stdout parses the events.
func (r *goRun) Stdout() io.Writer { return r }

// Dumps has the runtime of the test binary print what all goroutines do. Go ends a process by that, so it is only
// done where the process is ended anyway.
func (r *goRun) Dumps(d adapter.DumpRequest) []adapter.Dump {
	if !d.Final {
		return nil
	}
	sent := false
	for _, pid := range d.Process.Below(func(program string) bool { return strings.HasSuffix(program, ".test") }) {
		sent = d.Process.Signal(pid, syscall.SIGQUIT) == nil || sent
	}
	if sent {
		select { // the binary ends by the dump, and go test by that
		case <-d.Context.Done():
		case <-d.Process.Done():
		}
	}
	return nil
}

// Prints is true: the dump is part of the output of the tests.
func (r *goRun) Prints() bool { return true }

// Report judges the events.
func (r *goRun) Report(exit proc.Exit) adapter.Report {
	if len(r.partial) > 0 {
		r.line()
	}
	crash := r.crash()
	in := attempts.In{
		Unit: r.unit.Name, Runner: "go test of " + r.unit.Name, Planned: adapter.PlannedOf(r.unit.Tests), Problems: r.unread(),
		Build:   attempts.Build{Failed: r.failed, Text: adapter.FirstLines(r.build.String()+exit.Tail, 4)},
		Channel: attempts.Channel{Kind: attempts.Stream, Crash: crash.text}, Exit: adapter.ExitOf(exit),
	}
	in.Exit.Output = adapter.FirstLines(exit.Tail, 3)
	for _, name := range slices.Sorted(maps.Keys(r.byName)) {
		if result, ok := r.result(name, crash); ok {
			t := e2e.Test{ID: r.unit.Name + "::" + name, Suite: r.suite.spec.Name, Framework: "gotest", Name: name, Unit: r.unit.Name}
			in.Reported = append(in.Reported, attempts.Reported{Spellings: []attempts.Spelling{{Name: name}}, Unplanned: t, Results: []attempts.Result{result}})
		}
	}
	return adapter.Judge(in)
}

// unread reports that events were left out. Tests whose end was among them are missing.
func (r *goRun) unread() []e2e.Problem {
	if r.skipped == 0 {
		return nil
	}
	return []e2e.Problem{{Code: e2e.CodeReportDamaged, Unit: r.unit.Name,
		Text: fmt.Sprintf("%d events of go test were longer than %d bytes and were not read", r.skipped, maxEvent)}}
}

// crash is the end of a test process that did not end by itself.
type crash struct {
	text    string
	timeout string
	running []string
}

var (
	panicLine   = regexp.MustCompile(`(?m)^(?:panic: |fatal error: |SIG[A-Z]+: )(.*)$`)
	timeoutLine = regexp.MustCompile(`(?m)^panic: (test timed out after \S+)`)
	runningLine = regexp.MustCompile(`(?m)^\t\t(\S+) \([^()]+\)$`)
)

// crash looks for the Go runtime's crash message in the output of the tests.
func (r *goRun) crash() crash {
	for _, name := range slices.Sorted(maps.Keys(r.byName)) {
		s := r.byName[name]
		out := s.output.String()
		if m := timeoutLine.FindStringSubmatch(out); m != nil {
			c := crash{text: m[1], timeout: m[1]}
			for _, t := range runningLine.FindAllStringSubmatch(out, -1) {
				top, _, _ := strings.Cut(t[1], "/")
				c.running = append(c.running, top)
			}
			return c
		}
		if m := panicLine.FindStringSubmatch(out); m != nil && strings.Contains(out, "\ngoroutine ") {
			return crash{text: fmt.Sprintf("%s: panic: %s", name, strings.TrimSuffix(m[1], " [recovered, repanicked]"))}
		}
	}
	return crash{}
}

// result is false for a test that never reported an end. A test that was running when
// the framework's own timeout expired has failed, with a message that says so.
func (r *goRun) result(name string, c crash) (attempts.Result, bool) {
	s := r.byName[name]
	timedOut := s.outcome == e2e.OutcomeUnknown && slices.Contains(c.running, name)
	if s.outcome == e2e.OutcomeUnknown && !timedOut {
		return attempts.Result{}, false
	}
	a := e2e.Attempt{Outcome: s.outcome, Started: s.started.UTC(), Seconds: s.seconds, Evidence: e2e.StatedEvidence(s.stated)}
	a.Children = s.childList()
	switch {
	case timedOut:
		a.Outcome, a.Error, a.Type, a.Message = e2e.Failed, true, "timeout", c.timeout
		a.Seconds = r.unit.Soft.Seconds()
	case s.outcome == e2e.Failed:
		s.explain(&a)
		a.At = r.place(s, a.Message)
	case s.outcome == e2e.Skipped:
		a.Message = adapter.Clip(failureText(s.output.String()), 1<<10)
	}
	if a.Outcome == e2e.Failed {
		a.Details = s.details()
	}
	return attempts.Result{Attempt: a, Inferred: timedOut}, true
}

// details are marked as output: go test does not tell what a test logs from why it failed.
func (s *goState) details() string { return "--- output ---\n" + s.output.String() }

func (s *goState) childList() []e2e.Child {
	var list []e2e.Child
	for _, name := range slices.Sorted(maps.Keys(s.children)) {
		c := *s.children[name]
		if c.Outcome == e2e.Failed {
			c.Message = adapter.Clip(failureText(s.childOut[name].String()), 1<<10)
		}
		list = append(list, c)
	}
	return list
}

// explain sets the failure's message: that of the first failed subtest without
// subtests of its own, else the test's.
func (s *goState) explain(a *e2e.Attempt) {
	out := s.output.String()
	if m := panicLine.FindStringSubmatch(out); m != nil && strings.Contains(out, "\ngoroutine ") {
		a.Error, a.Type, a.Message = true, "panic", "panic: "+adapter.Clip(m[1], 4<<10)
		return
	}
	a.Message = adapter.Clip(failureText(out), 4<<10)
	for _, c := range a.Children {
		leaf := !slices.ContainsFunc(a.Children, func(o e2e.Child) bool { return strings.HasPrefix(o.Name, c.Name+"/") && o.Outcome == e2e.Failed })
		if c.Outcome == e2e.Failed && leaf && c.Message != "" {
			a.Message = adapter.Clip(c.Name+": "+c.Message, 4<<10)
			return
		}
	}
}

var (
	blockStart = regexp.MustCompile(`^\s{4,}\S+\.go:\d+: `)
	failWords  = regexp.MustCompile(
		`(?i)\b(fail\w*|error|expect\w*|unexpected|want|got|not|never|timed? ?out|timeout|panic|mismatch|invalid|refused|cannot|missing)\b`,
	)
)

// failureText finds the failure in a test's output. The output does not tell t.Log from
// t.Error: the last entry that reads like a failure is taken, else the last one.
func failureText(output string) string {
	var blocks []string
	for line := range strings.Lines(output) {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "--- "):
		case blockStart.MatchString(line):
			blocks = append(blocks, blockStart.ReplaceAllString(strings.TrimRight(line, "\n"), ""))
		case len(blocks) > 0 && strings.HasPrefix(line, "        "):
			blocks[len(blocks)-1] += "\n" + strings.TrimRight(strings.TrimPrefix(line, "        "), " \n")
		}
	}
	for _, b := range slices.Backward(blocks) {
		if failWords.MatchString(b) {
			return strings.TrimSpace(b)
		}
	}
	if len(blocks) > 0 {
		return strings.TrimSpace(blocks[len(blocks)-1])
	}
	return ""
}

var failureAt = regexp.MustCompile(`^\s*([^\s:/\\]+\.go:\d+): (.*)`)

// place is where a test failed: file and line of the entry in its output that became its message. It is
// empty where there is none.
func (r *goRun) place(s *goState, message string) string {
	first, _, _ := strings.Cut(message, "\n")
	found := ""
	for line := range strings.Lines(s.output.String()) {
		m := failureAt.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m != nil && strings.TrimSpace(m[2]) != "" && strings.HasSuffix(first, strings.TrimSpace(m[2])) {
			found = path.Join(path.Dir(r.unit.Tests[0].File), m[1]) // the last one is what failureText took
		}
	}
	return found
}
