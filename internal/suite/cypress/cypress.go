// Package cypress runs Cypress.
package cypress

import (
	"context"
	_ "embed" // for the reporter
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

//go:embed e2e-gate-cypress.cjs
var source []byte

// cypress runs Cypress. Its tests are its spec files: the titles in them are known
// only when they run, and count as parts.
type cypress struct {
	spec adapter.Spec
	root string
}

// Framework is Cypress.
var Framework = adapter.Framework{
	New:    func(s adapter.Spec, root string) adapter.Adapter { return &cypress{spec: s, root: root} },
	Detect: detect, Signs: "cypress.config.*",
	Fields: []string{"run", "args", "specs"},
	Flags:  []string{"spec", "s", "reporter", "r", "reporter-options", "o", "parallel", "group", "auto-cancel-after-failures"},

	TellsErrors: true,
}

// needed is the first version with retries, whose attempts the reporter reads.
const needed = "5.0"

// patterns are what --spec splits at (a comma) or reads as a pattern. How Cypress takes an escaped one is not documented.
const patterns = `,*?[]{}()\`

// maxSource bounds what is read of a spec file for its tags.
const maxSource = 1 << 20

func (c *cypress) dir() string { return filepath.Join(c.root, filepath.FromSlash(c.spec.Dir)) }

// Discover lists the spec files, with the tags that stand in their source.
func (c *cypress) Discover(_ context.Context, _ []string) ([]e2e.Test, []e2e.Problem, error) {
	if err := adapter.Needs(c.spec, c.dir(), "Cypress", "cypress", needed); err != nil {
		return nil, nil, err
	}
	files, err := adapter.SourceFiles(c.dir(), c.spec.Specs, "cypress/e2e/**/*.cy.{js,jsx,ts,tsx}")
	if err != nil {
		return nil, nil, fmt.Errorf("suite %s: %w", c.spec.Name, err)
	}
	var tests []e2e.Test
	var problems []e2e.Problem
	for _, file := range files {
		if strings.ContainsAny(file, patterns) {
			problems = append(problems, e2e.Problem{Code: e2e.CodeBuildFailed, LosesEvidence: true, Unit: c.spec.Name,
				Text: fmt.Sprintf("suite %s: Cypress cannot run %s alone: --spec takes its name as a pattern or a list; rename the file, without any of %s",
					c.spec.Name, file, strings.Join(strings.Split(patterns, ""), " "))})
			continue
		}
		tests = append(tests, e2e.Test{ID: c.spec.Name + "/" + file + "::spec", Suite: c.spec.Name, Framework: c.spec.Framework, Unit: c.spec.Name,
			File: file, Line: 1, Name: file, Tags: c.tags(file)})
	}
	return tests, problems, nil
}

var (
	lineComment = regexp.MustCompile(`(?m)^\s*//.*$|/\*[\s\S]*?\*/`)
	tagSetting  = regexp.MustCompile("\\btags\\s*:\\s*(\\[[^\\]]*\\]|'[^'\n]*'|\"[^\"\n]*\"|`[^`]*`)")
	quotedText  = regexp.MustCompile("'([^'\n]*)'|\"([^\"\n]*)\"|`([^`]*)`")
)

// tags are those that @cypress/grep would see: { tags: ['@smoke'] } behind a title.
// They are read as text, so one that is computed is not seen.
func (c *cypress) tags(file string) []string {
	f, err := os.Open(filepath.Join(c.dir(), filepath.FromSlash(file)))
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	source, _ := io.ReadAll(io.LimitReader(f, maxSource))
	var tags []string
	for _, setting := range tagSetting.FindAllSubmatch(lineComment.ReplaceAll(source, nil), -1) {
		for _, m := range quotedText.FindAllSubmatch(setting[1], -1) {
			for tag := range strings.FieldsSeq(string(m[1]) + string(m[2]) + string(m[3])) {
				if tag = strings.TrimPrefix(tag, "@"); !slices.Contains(tags, tag) {
					tags = append(tags, tag)
				}
			}
		}
	}
	return tags
}

// Start runs the unit's spec files with a reporter of ours: that for JUnit, which is part of Cypress,
// tells the last attempt at a title only. In the diagnostic rerun the retries of the config are off;
// those of a single test stay, and its first execution decides.
func (c *cypress) Start(u adapter.Unit) (adapter.Invocation, error) {
	if len(u.Tests) == 0 {
		return nil, fmt.Errorf("batch %s has no tests", u.Name)
	}
	if len(c.spec.Run) == 0 {
		if err := adapter.Installed(c.spec, c.dir(), "cypress", "cypress"); err != nil {
			return nil, err
		}
	}
	folder, err := filepath.Abs(u.Reports)
	if err != nil {
		return nil, err
	}
	reporter := filepath.Join(folder, "e2e-gate-cypress.cjs")
	if err := os.WriteFile(reporter, source, 0o644); err != nil {
		return nil, fmt.Errorf("write the reporter: %w", err)
	}
	argv := c.spec.Run
	if len(argv) == 0 {
		argv = []string{"npx", "--no-install", "cypress", "run"}
	}
	var specs []string
	for _, t := range u.Tests {
		specs = append(specs, t.File)
	}
	argv = append(slices.Clone(argv), "--spec", strings.Join(specs, ","), "--reporter", reporter)
	env := []string{
		"E2E_GATE_EVENTS=" + filepath.Join(folder, "events.jsonl"),
		"CYPRESS_SCREENSHOTS_FOLDER=" + filepath.Join(u.Evidence, "screenshots"),
		"CYPRESS_VIDEOS_FOLDER=" + filepath.Join(u.Evidence, "videos"),
	}
	if u.Attempt > 1 {
		env = append(env, "CYPRESS_RETRIES=0")
	}
	read := &results{unit: u, events: &adapter.EventFile{Path: filepath.Join(folder, "events.jsonl"), Test: c.unplanned}}
	return &adapter.Process{
		Spec: c.spec, Root: c.root, Unit: u, Start: adapter.Command{Argv: append(argv, c.spec.Args...), Dir: c.dir(), Env: env}, Results: read,
	}, nil
}

// unplanned is a title of a spec file that was not asked for.
func (c *cypress) unplanned(ev adapter.Event) e2e.Test {
	return e2e.Test{Suite: c.spec.Name, Framework: c.spec.Framework, Name: ev.Part, Class: ev.File, File: ev.File}
}

// results are the events of the reporter, and what Cypress left beside them.
type results struct {
	unit   adapter.Unit
	events *adapter.EventFile
}

// Follow tells of the titles that started and ended since the last call.
func (r *results) Follow(p *adapter.Process) { r.events.Follow(p) }

// Collect gives failed attempts the screenshots and the video of their spec file: Cypress does not
// say of which attempt they are.
func (r *results) Collect(p *adapter.Process, c *adapter.Collected) (string, error) {
	none, err := r.events.Collect(p, c)
	for _, t := range c.In.Reported {
		for i := range t.Results {
			if a := &t.Results[i].Attempt; a.Outcome == e2e.Failed {
				a.Files = append(a.Files, r.evidence(t.Spellings[0].Name)...)
			}
		}
	}
	return none, err
}

// evidence are the screenshots and the video of the spec file: Cypress puts them
// into folders and files of its name.
func (r *results) evidence(spec string) []string {
	var files []string
	base := adapter.EscapeGlob(path.Base(spec))
	for _, pattern := range []string{"screenshots/**/" + base + "/**", "videos/**/" + base + ".mp4"} {
		found, err := adapter.Matching([]string{adapter.EscapeGlob(filepath.ToSlash(r.unit.Evidence)) + "/" + pattern})
		if err == nil {
			files = append(files, found...)
		}
	}
	return files
}

func detect(t *adapter.Tree) []adapter.Detected {
	found := adapter.ByDir(t.Matching(adapter.Scripts("cypress.config")...))
	for i, d := range found { // a test is a file
		found[i].Tests = len(t.Below(d.Spec.Dir, "*.cy.js", "*.cy.jsx", "*.cy.ts", "*.cy.tsx"))
	}
	return found
}
