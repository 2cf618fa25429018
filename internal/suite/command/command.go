// Package command runs anything that writes JUnit XML.
package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// Framework is a command of the user's own. It cannot be detected.
var Framework = adapter.Framework{
	New:      func(s adapter.Spec, root string) adapter.Adapter { return &command{spec: s, root: root} },
	Fields:   []string{"run", "list", "reports", "retries", "split"},
	Validate: validate,

	TellsErrors: true,
}

// command runs anything that writes JUnit XML.
type command struct {
	spec adapter.Spec
	root string
}

// Bounds on the output of a list command.
const (
	maxListed    = 200_000
	maxListLine  = 16 << 10
	maxListBytes = 64 << 20
)

// Batch is the suite as a whole, where it has no list command.
func (c *command) Batch() (e2e.Batch, bool) {
	return e2e.BatchOf(c.test("")), len(c.spec.List) == 0
}

// Discover runs the list command; each line it prints is a test. Without one, the tests
// are known when they have run: see [command.Batch].
func (c *command) Discover(ctx context.Context, env []string) ([]e2e.Test, []e2e.Problem, error) {
	if len(c.spec.List) == 0 {
		return nil, nil, nil
	}
	var out bytes.Buffer
	bounded := &limited{w: &out, left: maxListBytes}
	exit := proc.Run(ctx, proc.Spec{Argv: c.spec.List, Dir: c.dir(), Env: env, Stdout: bounded})
	if exit.Ended == proc.NotStarted {
		return nil, nil, adapter.ToolError(c.spec.Name, c.spec.List[0], exit.Err)
	}
	if !exit.OK() {
		return nil, nil, fmt.Errorf("suite %s: its list command failed (%s); %s", c.spec.Name, exit, adapter.OutputTail(exit))
	}
	if bounded.left < 0 {
		return nil, nil, fmt.Errorf(
			"suite %s: its list command printed more than %d MiB, so its tests are not all known; let it print one name per line and nothing else", c.spec.Name,
			maxListBytes>>20,
		)
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
		t := c.test(strings.ToValidUTF8(line, "\uFFFD"))
		if t.File = c.fileOf(line); t.File != "" {
			t.ID = filepath.ToSlash(t.ID) // the same on each system; the command gets its own spelling back
		}
		tests = append(tests, t)
	}
	if err := scan.Err(); err != nil {
		return nil, nil, fmt.Errorf("suite %s: its list command printed a line of more than %d bytes: %w", c.spec.Name, maxListLine, err)
	}
	return tests, nil, nil
}

func (c *command) test(name string) e2e.Test {
	t := e2e.Test{ID: c.spec.Name + "::" + name, Suite: c.spec.Name, Framework: "command", Name: name, Unit: c.spec.Name}
	if !c.usesReportDir() {
		t.Locks = []string{e2e.MachineLock + "reports of " + c.spec.Name}
	}
	return t
}

// fileOf is the file that a line of the list names, from the suite's directory; empty for the name of a test.
func (c *command) fileOf(line string) string {
	switch c.spec.Split {
	case adapter.SplitFile:
	case adapter.SplitTest:
		return ""
	default:
		file := filepath.FromSlash(line)
		if !filepath.IsAbs(file) {
			file = filepath.Join(c.dir(), file)
		}
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			return ""
		}
	}
	return c.inSuite(line)
}

// inSuite is the path of a file from the suite's directory, however a list or a report spells it.
func (c *command) inSuite(name string) string {
	name = strings.TrimSpace(name)
	if filepath.IsAbs(name) {
		dir, err := filepath.Abs(c.dir())
		if err != nil {
			return path.Clean(filepath.ToSlash(name))
		}
		if rel, err := filepath.Rel(dir, name); err == nil {
			name = rel
		}
	}
	return path.Clean(filepath.ToSlash(name))
}

// usesReportDir reports whether each unit writes its reports into a directory of its
// own. If not, units of the suite must not run at the same time, because their reports
// would mix.
func (c *command) usesReportDir() bool {
	return slices.ContainsFunc(c.spec.Reports, func(glob string) bool { return strings.Contains(glob, "{report_dir}") })
}

func (c *command) dir() string { return filepath.Join(c.root, filepath.FromSlash(c.spec.Dir)) }

// Start notes which reports exist already: a report that the unit does not write does
// not count.
func (c *command) Start(u adapter.Unit) (adapter.Invocation, error) {
	argv, err := c.argv(u)
	if err != nil {
		return nil, err
	}
	files, err := adapter.NewJUnitFiles(c.globs(u), c.reader(u))
	if err != nil {
		return nil, err
	}
	files.Named, files.FileOf = strings.Join(c.spec.Reports, ", "), c.fileOfReport(u)
	return &adapter.Process{Spec: c.spec, Root: c.root, Unit: u, Start: adapter.Command{Argv: argv, Dir: c.dir()},
		Results: results{files, u.Batch}}, nil
}

// results are the reports of a unit, with what is said where their names do not meet the list's.
type results struct {
	*adapter.JUnitFiles
	whole bool
}

// Collect reads the reports.
func (r results) Collect(p *adapter.Process, c *adapter.Collected) (string, error) {
	if !r.whole {
		c.In.JoinedBy = "a result belongs to the line of list that equals its name, classname.name, classname::name, file::name or file::classname::name, " +
			"or to the line that is its file (split: file)"
	}
	return r.JUnitFiles.Collect(p, c)
}

// fileOfReport says which line of a unit a report is of: the one that is a file, and whose name the report's folder has below
// that of all reports. It is empty if there is none. Scripts that start a process for each file put reports there if nothing in these
// names the file.
func (c *command) fileOfReport(u adapter.Unit) func(report string) string {
	return func(report string) string {
		dir, err := filepath.Rel(u.Reports, filepath.Dir(report))
		if err != nil || !filepath.IsLocal(dir) || u.Batch {
			return ""
		}
		for dir = filepath.ToSlash(dir); dir != "."; dir = path.Dir(dir) {
			if slices.ContainsFunc(u.Tests, func(t e2e.Test) bool { return t.File == dir }) {
				return dir
			}
		}
		return ""
	}
}

// reader reads a case of a unit: it belongs to the line that is one of its [command.spellings]. Else it is a part of the line that
// is its file. Some frameworks name a file as the class, or as the suite around it; that counts only where the line is known to be a
// file.
func (c *command) reader(u adapter.Unit) func(junit.Test) attempts.Reported {
	lines, files := map[string]string{}, map[string]string{}
	for _, t := range u.Tests {
		if c.spec.Split != adapter.SplitTest && !u.Batch {
			lines[c.inSuite(t.Name)] = t.Name
		}
		if t.File != "" {
			files[t.File] = t.Name
		}
	}
	return func(t junit.Test) attempts.Reported {
		id := t.Identity
		r := adapter.ReportedOf(c.spec, t)
		for _, name := range c.spellings(id) {
			r.Spellings = append(r.Spellings, attempts.Spelling{Name: name})
		}
		part := func(known map[string]string, file string) {
			if file == "" || len(known) == 0 {
				return
			}
			file = c.inSuite(file)
			for _, spelling := range []string{file, strings.TrimPrefix(file, path.Clean(filepath.ToSlash(c.spec.Dir))+"/")} {
				if name, ok := known[spelling]; ok {
					r.Spellings = append(r.Spellings, attempts.Spelling{Name: name, Part: id.Name})
				}
			}
		}
		part(lines, id.File)
		part(files, id.Classname)
		part(files, id.Suites[strings.LastIndexByte(id.Suites, '\n')+1:])
		return r
	}
}

// spellings are the lines of a list that a case may go by, the surest first. A line has no line breaks, so the last ones
// are for names with white space of another kind.
func (c *command) spellings(id junit.Identity) []string {
	in := func(class, name string) []string {
		list := []string{name, class + "." + name, class + "::" + name}
		if id.File != "" {
			for _, file := range []string{id.File, c.inSuite(id.File)} {
				list = append(list, file+"::"+name, file+"::"+class+"::"+name)
			}
		}
		return list
	}
	list := in(id.Classname, id.Name)
	class, name := folded(id.Classname), folded(id.Name)
	if class == id.Classname && name == id.Name {
		return list
	}
	return append(list, in(class, name)...)
}

// folded has one space for each stretch of white space, as scripts have it that replace \s+.
func folded(name string) string { return whiteSpace.ReplaceAllString(name, " ") }

var whiteSpace = regexp.MustCompile(`[\pZ\s\v\x{85}\x{FEFF}]+`)

func (c *command) globs(u adapter.Unit) []string {
	globs := make([]string, len(c.spec.Reports))
	for i, g := range c.spec.Reports {
		g = strings.ReplaceAll(g, "{report_dir}", adapter.EscapeGlob(filepath.ToSlash(u.Reports)))
		if !filepath.IsAbs(filepath.FromSlash(g)) {
			g = adapter.EscapeGlob(filepath.ToSlash(c.dir())) + "/" + g
		}
		globs[i] = g
	}
	return globs
}

// argv puts the unit's tests into the command: in place of {tests}, in a file in
// place of {tests_file}, else at the end.
func (c *command) argv(u adapter.Unit) ([]string, error) {
	var names []string
	for _, t := range u.Tests {
		if !u.Batch {
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
