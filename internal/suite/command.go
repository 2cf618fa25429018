package suite

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

// command runs anything that writes JUnit XML.
type command struct {
	spec Spec
	root string
}

// Bounds on what a list command may print.
const (
	maxListed    = 200_000
	maxListLine  = 16 << 10
	maxListBytes = 64 << 20
)

// WholeName is the name of the entry that stands for all tests of a suite that
// cannot list them.
const WholeName = "(whole suite)"

// Discover runs the list command; each line it prints is a test. Without one, the
// suite is a single entry that stands for whatever its reports will hold.
func (c *command) Discover(ctx context.Context, env []string) ([]e2e.Test, []e2e.Problem, error) {
	if len(c.spec.List) == 0 {
		t := c.test(WholeName)
		t.Whole = true
		return []e2e.Test{t}, nil, nil
	}
	var out bytes.Buffer
	bounded := &limited{w: &out, left: maxListBytes}
	exit := proc.Run(ctx, proc.Spec{Argv: c.spec.List, Dir: c.dir(), Env: env, Stdout: bounded})
	if exit.Ended == proc.NotStarted {
		return nil, nil, toolError(c.spec.Name, c.spec.List[0], exit.Err)
	}
	if !exit.OK() {
		return nil, nil, fmt.Errorf("suite %s: its list command failed (%s); %s", c.spec.Name, exit, lastWords(exit))
	}
	if bounded.left < 0 {
		return nil, nil, fmt.Errorf("suite %s: its list command printed more than %d MiB, so its tests are not all known; let it print one name per line and nothing else", c.spec.Name, maxListBytes>>20)
	}
	return c.lines(&out)
}

func (c *command) lines(r io.Reader) ([]e2e.Test, []e2e.Problem, error) {
	var tests []e2e.Test
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, maxListLine)
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimRight(scan.Text(), "\r")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if len(tests) == maxListed {
			return nil, nil, fmt.Errorf("suite %s: its list command printed more than %d tests", c.spec.Name, maxListed)
		}
		tests = append(tests, c.test(strings.ToValidUTF8(line, "\uFFFD")))
	}
	if err := scan.Err(); err != nil {
		return nil, nil, fmt.Errorf("suite %s: its list command printed a line of more than %d bytes: %w", c.spec.Name, maxListLine, err)
	}
	return tests, nil, nil
}

func (c *command) test(name string) e2e.Test {
	t := e2e.Test{ID: c.spec.Name + "::" + name, Suite: c.spec.Name, Framework: "command", Name: name, Unit: c.spec.Name}
	if !c.usesReportDir() {
		t.Locks = []string{"reports of " + c.spec.Name}
	}
	return t
}

// usesReportDir reports whether each unit writes its reports into a directory of
// its own. Where not, units of the suite must not run at the same time: their
// reports would mix.
func (c *command) usesReportDir() bool {
	return slices.ContainsFunc(c.spec.Reports, func(glob string) bool { return strings.Contains(glob, "{report_dir}") })
}

func (c *command) dir() string { return filepath.Join(c.root, filepath.FromSlash(c.spec.Dir)) }

// commandRun is one run of the command.
type commandRun struct {
	suite  *command
	unit   Unit
	argv   []string
	before map[string]stamp
}

// Start notes which reports lie around already: what the unit does not touch does
// not count.
func (c *command) Start(u Unit) (Invocation, error) {
	run := &commandRun{suite: c, unit: u}
	var err error
	if run.argv, err = c.argv(u); err != nil {
		return nil, err
	}
	run.before, err = stamps(c.globs(u))
	return run, err
}

func (c *command) globs(u Unit) []string {
	globs := make([]string, len(c.spec.Reports))
	for i, g := range c.spec.Reports {
		g = strings.ReplaceAll(g, "{report_dir}", escapeGlob(filepath.ToSlash(u.Reports)))
		if !filepath.IsAbs(filepath.FromSlash(g)) {
			g = escapeGlob(filepath.ToSlash(c.dir())) + "/" + g
		}
		globs[i] = g
	}
	return globs
}

// argv puts the unit's tests into the command: in place of {tests}, in a file in
// place of {tests_file}, else at the end.
func (c *command) argv(u Unit) ([]string, error) {
	var names []string
	for _, t := range u.Tests {
		if !t.Whole {
			names = append(names, t.Name)
		}
	}
	var argv []string
	placed := len(names) == 0
	for _, arg := range c.spec.Run {
		arg = strings.ReplaceAll(arg, "{report_dir}", u.Reports)
		if arg == "{tests}" {
			argv, placed = append(argv, names...), true
			continue
		}
		if strings.Contains(arg, "{tests_file}") {
			file := filepath.Join(u.Reports, "..", "tests.txt")
			if err := os.WriteFile(file, []byte(strings.Join(names, "\n")+"\n"), 0o644); err != nil { //nolint:gosec // read by the suite, which may be another user
				return nil, fmt.Errorf("write the list of tests: %w", err)
			}
			arg, placed = strings.ReplaceAll(arg, "{tests_file}", file), true
		}
		if strings.Contains(arg, "{tests}") {
			arg, placed = strings.ReplaceAll(arg, "{tests}", strings.Join(names, " ")), true
		}
		argv = append(argv, arg)
	}
	if !placed {
		argv = append(argv, names...)
	}
	return argv, nil
}

func (r *commandRun) Command() ([]string, string) { return r.argv, r.suite.dir() }

func (r *commandRun) Stdout() io.Writer { return nil }

// Report reads the reports that the unit wrote and matches them.
func (r *commandRun) Report(exit proc.Exit) Report {
	rep := Report{Tests: map[string][]e2e.Attempt{}}
	if exit.Ended == proc.NotStarted {
		rep.problem(r, e2e.CodeToolError, true, "unit %s could not start: %v", r.unit.Name, exit.Err)
		return rep
	}
	files, stale, err := r.fresh()
	if err != nil {
		rep.problem(r, e2e.CodeReportDamaged, true, "the reports of unit %s cannot be read: %v", r.unit.Name, err)
		return rep
	}
	if len(files) == 0 && (exit.Ended == proc.Cancelled || exit.Ended == proc.TimedOut) {
		return rep // whoever stopped it says so
	}
	if len(files) == 0 {
		rep.problem(r, e2e.CodeReportDamaged, true, "unit %s left no report (%s): nothing new matches %s%s; %s",
			r.unit.Name, exit, strings.Join(r.suite.spec.Reports, ", "), staleText(stale), lastWords(exit))
		return rep
	}
	m := newMatcher(r.suite.spec, r.unit)
	for _, file := range files {
		r.read(file, m, &rep)
	}
	m.into(&rep)
	r.exitProblem(exit, m, &rep)
	return rep
}

func staleText(stale []string) string {
	if len(stale) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s is from an earlier run and does not count)", strings.Join(stale[:min(len(stale), 3)], ", "))
}

// problem adds a problem about all tests of the unit.
func (rep *Report) problem(r *commandRun, code e2e.Code, loses bool, format string, args ...any) {
	p := e2e.Problem{Code: code, Unit: r.unit.Name, LosesEvidence: loses, Text: fmt.Sprintf(format, args...)}
	for _, t := range r.unit.Tests {
		p.Tests = append(p.Tests, t.ID)
	}
	rep.Problems = append(rep.Problems, p)
}

// exitProblem compares the exit status with what was reported.
func (r *commandRun) exitProblem(exit proc.Exit, m *matcher, rep *Report) {
	switch {
	case exit.Ended == proc.Signalled:
		rep.problem(r, e2e.CodeRunnerExit, true, "the runner of unit %s was %s", r.unit.Name, exit)
	case exit.Ended == proc.Exited && exit.Code != 0 && !m.anyFailed:
		rep.problem(r, e2e.CodeRunnerExit, true, "the runner of unit %s ended with %s although no test failed; %s", r.unit.Name, exit, lastWords(exit))
	case m.cases == 0:
		rep.problem(r, e2e.CodeReportDamaged, true, "the reports of unit %s hold no test", r.unit.Name)
	}
}

// lastWords is the end of what a runner printed, for a message.
func lastWords(exit proc.Exit) string {
	if words := firstLines(lastLines(exit.Tail, 3), 3); words != "" {
		return "end of its output: " + words
	}
	return "it printed nothing"
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// limited fails after so many bytes.
type limited struct {
	w    io.Writer
	left int
}

var errTooMuch = errors.New("too much output")

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errTooMuch
	}
	return l.w.Write(p)
}
