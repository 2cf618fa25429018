// Package cucumber runs Cucumber.
package cucumber

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	gherkin "github.com/cucumber/gherkin/go/v33"
	messages "github.com/cucumber/messages/go/v28"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// cucumber runs Cucumber: cucumber-js, or any other whose command names {features}
// and {messages}. Its tests are read from the feature files by Cucumber's own parser,
// so nothing is started to list them.
type cucumber struct {
	spec adapter.Spec
	root string
}

// Framework is Cucumber.
var Framework = adapter.Framework{
	New:    func(s adapter.Spec, root string) adapter.Adapter { return &cucumber{spec: s, root: root} },
	Detect: detect, Signs: "*.feature, with @cucumber/cucumber in a package.json or a cucumber.json",
	Fields: []string{"run", "args", "specs"},
	Flags:  []string{"tags", "t", "name", "n", "dry-run", "d", "fail-fast", "shard"},

	TellsErrors: true,
}

// needed is the first cucumber-js that takes the path of a format in quotes.
const needed = "8.0"

// maxFeature bounds one feature file.
const maxFeature = 4 << 20

func (c *cucumber) dir() string { return filepath.Join(c.root, filepath.FromSlash(c.spec.Dir)) }

// Discover reads the feature files.
func (c *cucumber) Discover(ctx context.Context, _ []string) ([]e2e.Test, []e2e.Problem, error) {
	if err := c.ownPaths(); err != nil {
		return nil, nil, err
	}
	if !c.places() {
		if err := adapter.Needs(c.spec, c.dir(), "cucumber-js", "@cucumber/cucumber", needed); err != nil {
			return nil, nil, err
		}
	}
	files, err := adapter.SourceFiles(c.dir(), c.spec.Specs, "**/*.feature")
	if err != nil {
		return nil, nil, fmt.Errorf("suite %s: %w", c.spec.Name, err)
	}
	var tests []e2e.Test
	var problems []e2e.Problem
	for _, file := range files {
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if globbed.MatchString(file) && !c.places() {
			problems = append(problems, e2e.Problem{Code: e2e.CodeBuildFailed, LosesEvidence: true, Unit: c.spec.Name,
				Text: fmt.Sprintf("suite %s: cucumber-js cannot run %s alone: it reads the name as a pattern; rename the file, without * ? [ {", c.spec.Name, file)})
			continue
		}
		found, err := c.feature(file)
		if err != nil {
			problems = append(problems, e2e.Problem{Code: e2e.CodeBuildFailed, LosesEvidence: true, Unit: c.spec.Name,
				Text: fmt.Sprintf("suite %s: %s cannot be read: %s", c.spec.Name, file, adapter.FirstLines(err.Error(), 3))})
		}
		tests = append(tests, found...)
	}
	return tests, problems, nil
}

// globbed are names that cucumber-js expands. Escaped ones it would not match with the lines of scenarios.
var globbed = regexp.MustCompile(`[*?[{]|[+@!]\(`)

// places reports whether the suite's own command says where the feature files go.
func (c *cucumber) places() bool {
	return slices.ContainsFunc(c.spec.Run, func(arg string) bool { return strings.Contains(arg, "{features}") })
}

var setsPaths = regexp.MustCompile(`(?m)^\s*(?:export default \{|module\.exports = \{)?.*\bpaths['"]?\s*:`)

// ownPaths refuses a configuration of cucumber-js that names feature files: cucumber-js
// adds them to those of its command line, so each shard would run all of them.
func (c *cucumber) ownPaths() error {
	for _, name := range []string{"cucumber.js", "cucumber.cjs", "cucumber.mjs", "cucumber.json", "cucumber.yaml", "cucumber.yml"} {
		data, err := os.ReadFile(filepath.Join(c.dir(), name))
		if err == nil && setsPaths.Match(data) {
			return fmt.Errorf(
				"suite %s: %s sets paths, which cucumber-js adds to the tests of every shard; remove them there and name the feature files in specs of the suite",
				c.spec.Name, name,
			)
		}
	}
	return nil
}

// feature reads the tests of a feature file.
func (c *cucumber) feature(file string) ([]e2e.Test, error) {
	path := filepath.Join(c.dir(), filepath.FromSlash(file))
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: file, Err: errors.New("not a regular file")}
	case info.Size() > maxFeature:
		return nil, fmt.Errorf("it has more than %d MiB", maxFeature>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	next := 0
	newID := func() string { next++; return strconv.Itoa(next) }
	doc, err := gherkin.ParseGherkinDocument(bytes.NewReader(data), newID)
	if err != nil {
		return nil, err
	}
	names := newNames(doc)
	var tests []e2e.Test
	for _, p := range gherkin.Pickles(*doc, file, newID) {
		tests = append(tests, c.test(file, names, p))
	}
	return tests, nil
}

func (c *cucumber) test(file string, names names, p *messages.Pickle) e2e.Test {
	t := e2e.Test{Suite: c.spec.Name, Framework: c.spec.Framework, Unit: c.spec.Name, File: file, Line: names.line(p), Name: file + "::" + names.of(p)}
	t.ID = c.spec.Name + "/" + t.Name
	for _, tag := range p.Tags {
		t.Tags = append(t.Tags, strings.TrimPrefix(tag.Name, "@"))
	}
	return t
}

// names says what the scenarios of a feature are called, in the same way when they
// are listed and when they ran.
type names struct {
	rules map[string]string // scenario -> its rule
	rows  map[string]string // row of examples -> its values
	lines map[string]int
}

func newNames(doc *messages.GherkinDocument) names {
	n := names{map[string]string{}, map[string]string{}, map[string]int{}}
	if doc.Feature == nil {
		return n
	}
	for _, child := range doc.Feature.Children {
		n.scenario(child.Scenario, "")
		if child.Rule == nil {
			continue
		}
		for _, inner := range child.Rule.Children {
			n.scenario(inner.Scenario, child.Rule.Name)
		}
	}
	return n
}

func (n names) scenario(s *messages.Scenario, rule string) {
	if s == nil {
		return
	}
	n.rules[s.Id] = rule
	if s.Location != nil {
		n.lines[s.Id] = int(s.Location.Line)
	}
	for _, examples := range s.Examples {
		for _, r := range examples.TableBody {
			var cells []string
			for _, cell := range r.Cells {
				cells = append(cells, cell.Value)
			}
			n.rows[r.Id] = " [" + strings.Join(cells, " | ") + "]"
			if r.Location != nil {
				n.lines[r.Id] = int(r.Location.Line)
			}
		}
	}
}

// of is the name of a test: rule, scenario, and the example's row, by its values: an
// index would change with each row above.
func (n names) of(p *messages.Pickle) string {
	name := p.Name
	for _, id := range p.AstNodeIds {
		if rule := n.rules[id]; rule != "" {
			name = rule + " › " + name
		}
		name += n.rows[id]
	}
	return name
}

func (n names) line(p *messages.Pickle) int {
	line := 0
	for _, id := range p.AstNodeIds {
		if at, ok := n.lines[id]; ok {
			line = at // the last one: the row of an outline
		}
	}
	return line
}

// Start runs the unit's tests by file and line.
func (c *cucumber) Start(u adapter.Unit) (adapter.Invocation, error) {
	if len(u.Tests) == 0 {
		return nil, fmt.Errorf("batch %s has no tests", u.Name)
	}
	if len(c.spec.Run) == 0 { // npx would name a package that does not exist
		if err := adapter.Installed(c.spec, c.dir(), "@cucumber/cucumber", "cucumber-js"); err != nil {
			return nil, err
		}
	}
	folder, err := filepath.Abs(u.Reports)
	if err != nil {
		return nil, err
	}
	list, out := filepath.Join(folder, "@selection.txt"), filepath.Join(folder, "messages.ndjson")
	var lines []string
	for _, t := range u.Tests {
		for _, line := range c.linesOf(t) {
			lines = append(lines, fmt.Sprintf("%s:%d", t.File, line))
		}
	}
	if err := os.WriteFile(list, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		return nil, fmt.Errorf("write the list of tests: %w", err)
	}
	if features := strings.Join(lines, ","); c.places() {
		if list = features; len(list) > adapter.MaxArguments {
			return nil, fmt.Errorf("suite %s: its %d tests do not fit on a command line; use more shards", c.spec.Name, len(lines))
		}
	}
	cmd := adapter.Command{Argv: c.argv(u, list, out), Dir: c.dir()}
	if !c.places() {
		module := filepath.Join(folder, "@exits.cjs")
		if err := os.WriteFile(module, exits, 0o600); err != nil {
			return nil, fmt.Errorf("write a module for the workers: %w", err)
		}
		cmd.Env = []string{"E2E_GATE_EXITS=" + filepath.Join(folder, exitsFile), adapter.Preload(module, u.Env)}
	}
	return &adapter.Process{Spec: c.spec, Root: c.root, Unit: u, Start: cmd, Results: &messageFile{path: out, suite: c}}, nil
}

// exits is loaded into each process of Node, and writes the status of a parallel worker that ended badly: with it cucumber-js ends as
// with a failed scenario, and tells nothing of an AfterAll hook that failed in the worker. What steps start is no worker.
var exits = []byte(`'use strict';
const { CUCUMBER_WORKER_ID: worker, E2E_GATE_EXITS: file } = process.env;
const isWorker = worker !== undefined && /[\\/]run_worker(?:\.[cm]?js)?$/.test(process.argv[1] ?? '');
if (isWorker) process.on('exit', (code) => { if (code) require('fs').appendFileSync(file, worker + ' ' + code + '\n'); });
`)

// exitsFile is what exits writes.
const exitsFile = "@exits.txt"

// linesOf are the lines of a test: of several with its name, the plan has only the first.
func (c *cucumber) linesOf(t e2e.Test) []int {
	if t.Twins < 2 {
		return []int{t.Line}
	}
	found, err := c.feature(t.File)
	if err != nil {
		return []int{t.Line} // those that are missing then are a problem of the results
	}
	var lines []int
	for _, twin := range found {
		if twin.ID == t.ID {
			lines = append(lines, twin.Line)
		}
	}
	return lines
}

// argv is the suite's command with its placeholders filled, else cucumber-js.
func (c *cucumber) argv(u adapter.Unit, list, out string) []string {
	var argv []string
	placed := false
	for _, arg := range c.spec.Run {
		filled := strings.NewReplacer("{features}", list, "{messages}", out).Replace(arg)
		placed = placed || filled != arg
		argv = append(argv, filled)
	}
	if placed {
		return append(argv, c.spec.Args...)
	}
	if len(argv) == 0 {
		argv = []string{"npx", "--no-install", "cucumber-js"}
	}
	// cucumber-js knows such a list by the first letter of its name, and looks for it
	// below its directory. A path that holds a colon, as on Windows, has to be quoted.
	if rel, err := filepath.Rel(c.dir(), list); err == nil {
		list = rel
	}
	argv = append(argv, list, "--format", `"message":"`+out+`"`)
	if u.Attempt > 1 { // the diagnostic rerun is one attempt
		return append(argv, adapter.WithoutFlags(c.spec.Args, nil, "--retry", "--retry-tag-filter")...)
	}
	return append(argv, c.spec.Args...)
}

// detect takes the place of the manifest of cucumber-js; other Cucumbers are
// started by a build tool, which run: of the suite has to name.
func detect(t *adapter.Tree) []adapter.Detected {
	if len(t.Matching("*.feature")) == 0 {
		return nil
	}
	// WebdriverIO, which has Cucumber in it, is a suite of its own.
	manifests := slices.DeleteFunc(t.Manifests("@cucumber/cucumber"), func(file string) bool { return t.Package(file).Uses["@wdio/cucumber-framework"] })
	found := adapter.ByDir(append(t.Matching(append(adapter.Scripts("cucumber"), "cucumber.json", "cucumber.yaml", "cucumber.yml")...), manifests...))
	for i, d := range found {
		found[i].Tests = t.Count(t.Below(d.Spec.Dir, "*.feature"), adapter.Scenario)
	}
	return found
}
