package pipeline

import (
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/depgraph"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/suite"
)

// affected is what a change affects. The zero value is nothing.
type affected struct {
	// everything says why every test is affected; empty: not every one is.
	everything string
	// services are affected themselves, or need one that is; suites and journeys have files that the change touches.
	services, suites, journeys map[string]bool
	// product: a file is not only of tests, so that a test may depend on it that does not say what it needs.
	product bool
}

// beyond is what is known of files beyond paths. The zero value is nothing.
type beyond struct {
	// graph says which parts of the repository use which others; nil: none is read.
	graph *depgraph.Graph
	// links are those of the checkout, by the file or folder that they lead to. Neither paths nor the graph follow them.
	links map[string]string
	// command: one names what else is affected, which are the names. It knows all that files affect that no paths name.
	command bool
	names   []string
}

// affectedBy says what some changed files affect, by the paths of services, suites and journeys and by what is known beyond them, which
// more finds out, or says why it cannot. A file of which nothing tells affects everything. file is the config's, from the root, if it is
// not at a default place.
func affectedBy(c *config.Config, file string, changed []string, more func() (beyond, error)) affected {
	if !allKnown(changed) {
		return affected{everything: "the files of the change are not all known"}
	}
	own := []string{file}
	for _, f := range c.Fragments {
		own = append(own, f.File)
	}
	for _, name := range changed {
		if why := affectsEverything(c, own, name); why != "" {
			return affected{everything: why}
		}
	}
	known, err := more()
	if err != nil {
		return affected{everything: err.Error()}
	}
	m := mapping{
		c: c, places: newPlaces(c), beyond: known,
		affected: affected{services: map[string]bool{}, suites: map[string]bool{}, journeys: map[string]bool{}},
	}
	for _, name := range changed {
		if !matches(c.Affected.Ignore, name) {
			m.file(name)
		}
	}
	if m.graph != nil {
		m.users(changed)
	}
	for _, name := range known.names {
		m.name(name)
	}
	for name := range m.services {
		for _, user := range c.UsersOf(name) {
			m.services[user] = true
		}
	}
	return m.affected
}

// affectsEverything says why a changed file affects everything whatever paths say; empty: it does not.
func affectsEverything(c *config.Config, own []string, file string) string {
	switch {
	case strings.HasPrefix(file, ".github/"), strings.HasPrefix(file, ".gitlab"), slices.Contains(own, file), matches(c.Include, file),
		path.Base(file) == "e2e-gate.yml", manifest(path.Base(file)), matches(c.Affected.Everything, file):
		return fmt.Sprintf("the change touches %s, which everything may depend on", file)
	case isArgument(file, "", c.Affected.Command), inArgument(file, c.Affected.Command):
		return fmt.Sprintf("the change touches %s, which affected.command runs", file)
	}
	return ""
}

// inArgument reports whether a file is in a folder that is an argument of a command, as in go run ./tools/affected. A word without a slash
// is the name of something else.
func inArgument(file string, argv []string) bool {
	return slices.ContainsFunc(argv, func(arg string) bool {
		dir := path.Clean(filepath.ToSlash(arg))
		return strings.Contains(filepath.ToSlash(arg), "/") && dir != "." && strings.HasPrefix(file, dir+"/")
	})
}

// mapping maps changed files to what they affect.
type mapping struct {
	affected
	c      *config.Config
	places places
	beyond
	// touched are the parts of the graph that the change touches.
	touched []*depgraph.Part
}

func (m *mapping) unknown(format string, args ...any) {
	if m.everything == "" {
		m.everything = fmt.Sprintf(format, args...)
	}
}

// file maps a changed file.
func (m *mapping) file(name string) {
	mapped := m.touch(name)
	inside := m.places.inside(name) // what else is in it, paths do not say
	for _, list := range []struct {
		names []string
		to    map[string]bool
	}{{inside.services, m.services}, {inside.suites, m.suites}, {inside.journeys, m.journeys}} {
		for _, one := range list.names {
			list.to[one], m.product = true, true
		}
	}
	for _, spec := range m.c.Suites {
		if strings.HasPrefix(dirOf(spec), name+"/") { // a submodule or a link with the suite's folder in it
			m.suites[spec.Name], mapped = true, mapped || ofTestsOnly(m.c, spec)
		}
	}
	first := ""
	for to, link := range m.links {
		if within(name, to) && (first == "" || link < first) {
			first = link
		}
	}
	if first != "" {
		m.unknown("the change touches %s, to which the link %s leads", name, first)
	}
	if m.graph != nil {
		own, known := m.graph.Of(name)
		if known && !mapped {
			mapped, m.product = true, true
		}
		m.touched = append(m.touched, own...)
	}
	if !mapped && !m.command {
		m.unknown("no service, suite or journey has paths for %s", name)
	}
}

// users maps the parts that the change touches and those that use them. Each has to lead to something that is known.
func (m *mapping) users(changed []string) {
	parts, mapped := m.graph.Users(m.touched), map[*depgraph.Part]bool{}
	for _, p := range parts {
		mapped[p] = m.part(p)
	}
	p := m.graph.Astray(parts, func(p *depgraph.Part) bool { return mapped[p] })
	if p == nil {
		return
	}
	for _, name := range changed {
		if own, _ := m.graph.Of(name); slices.Contains(own, p) {
			m.unknown("no service, suite or journey has paths for %s", name)
		}
	}
	m.unknown("%s uses what the change touches, and no service, suite or journey has paths for it", p.Dir)
}

// touch notes what a file is of. It reports whether that is all that it affects.
func (m *mapping) touch(file string) (mapped bool) {
	found := m.places.of(file)
	for _, name := range found.services {
		mapped, m.product, m.services[name] = true, true, true
	}
	for _, name := range found.journeys {
		mapped, m.product, m.journeys[name] = true, true, true
	}
	for _, name := range found.suites {
		mapped, m.product, m.suites[name] = true, true, true
	}
	for _, spec := range found.within { // it may be one of its tests, whatever else has the file
		mapped, m.suites[spec.Name] = mapped || ofTestsOnly(m.c, *spec), true
	}
	return mapped
}

// part notes what a part of the repository is of that the change touches or that uses what it touches.
func (m *mapping) part(p *depgraph.Part) (mapped bool) {
	ignored := 0
	for _, file := range p.Files {
		switch {
		case matches(m.c.Affected.Ignore, file):
			ignored++
		case matches(m.c.Affected.Everything, file):
			m.unknown("%s uses what the change touches, and everything may depend on it", file)
		case m.touch(file):
			mapped = true
		}
	}
	if p.Inert && !mapped {
		for _, spec := range m.c.Suites { // its tests may be those of a suite of the whole repository
			if hasAnyGoTest(spec) {
				m.suites[spec.Name] = true
			}
		}
	}
	return mapped || ignored > 0 && ignored == len(p.Files)
}

// hasAnyGoTest reports whether tests of Go outside of a suite's directory may be its own: it says so, or names no directory.
func hasAnyGoTest(spec suite.Spec) bool {
	if spec.Framework != "gotest" && spec.Framework != "command" && len(spec.Run) == 0 {
		return false
	}
	outside := func(name string) bool { return !strings.HasPrefix(name, "./") || strings.Contains(name, "../") }
	pattern := func(arg string) bool { return strings.Contains(arg, "...") && outside(arg) }
	return dirOf(spec) == "." || slices.ContainsFunc(spec.Packages, outside) || slices.ContainsFunc(slices.Concat(spec.Run, spec.List, spec.Args), pattern)
}

// name notes what a command names.
func (m *mapping) name(name string) {
	_, suite := m.c.Suite(name)
	_, journey := m.c.Journey(name)
	service := m.c.HasService(name)
	m.product = true
	switch {
	case name == everythingName:
		m.unknown("affected.command names *, which is everything")
	case !suite && !journey && !service:
		m.unknown("affected.command names %q, which is not a service, suite or journey", name)
	}
	if suite {
		m.suites[name] = true
	}
	if journey {
		m.journeys[name] = true
	}
	if service {
		m.services[name] = true
	}
}

// ofTestsOnly reports whether a file in the directory of a suite affects no other suite: it is known which files are those
// of the services that the suite tests, and they count for these.
func ofTestsOnly(c *config.Config, spec suite.Spec) bool {
	if dirOf(spec) == "." || len(spec.Services) == 0 {
		return false
	}
	for _, name := range spec.Services {
		at := slices.IndexFunc(c.Services, func(s config.Service) bool { return s.Name == name })
		if at < 0 || len(c.Services[at].Paths) == 0 {
			return false
		}
	}
	return true
}

func dirOf(spec suite.Spec) string { return path.Clean(filepath.ToSlash(spec.Dir)) }

// within reports whether a changed file is one of a folder below the root. A submodule or a link is changed as one file.
func within(file, dir string) bool {
	return strings.HasPrefix(file, dir+"/") || file == dir || strings.HasPrefix(dir, file+"/")
}

// allKnown reports whether the list of changed files is whole.
func allKnown(changed []string) bool { return len(changed) > 0 && len(changed) < gitrepo.MaxChanged }

func matches(globs []string, file string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := doublestar.Match(glob, file)
		return ok && err == nil
	})
}

// has reports whether a test is affected: what it needs, its suite or its journey is, or it is a smoke test.
func (a affected) has(t *e2e.Test, suite string) bool {
	return a.everything != "" || t.Smoke() || a.suites[suite] || a.journeys[t.Journey] || len(t.Needs) == 0 && a.product ||
		slices.ContainsFunc(t.Needs, func(name string) bool { return a.services[name] })
}

// apply deselects what is not affected, groups as a whole. It says what was left out, or why nothing was.
func (a affected) apply(lists []listed) string {
	if a.everything != "" {
		return "every selected test runs: " + a.everything
	}
	var out []*choice
	kept := 0
	for _, list := range lists {
		groups := map[string]bool{}
		for i := range list.choices {
			c := &list.choices[i]
			groups[c.test.Group] = groups[c.test.Group] || c.why == "" && a.has(&c.test, list.spec.Name)
		}
		for i := range list.choices {
			switch c := &list.choices[i]; {
			case c.why != "":
			case a.has(&c.test, list.spec.Name) || c.test.Group != "" && groups[c.test.Group]:
				kept++
			default:
				out = append(out, c)
			}
		}
	}
	if kept == 0 {
		return "every selected test runs: the change affects none of them"
	}
	for _, c := range out {
		c.why, c.alone = e2e.WhyAffected, e2e.WhyAffected
	}
	var what []string
	for _, part := range []struct {
		name  string
		names map[string]bool
	}{{"services", a.services}, {"suites", a.suites}, {"journeys", a.journeys}} {
		if len(part.names) > 0 {
			what = append(what, part.name+" "+e2e.SomeOf(slices.Sorted(maps.Keys(part.names))))
		}
	}
	return fmt.Sprintf("%d of %d selected tests run, since the change affects only %s", kept, kept+len(out), orNothing(strings.Join(what, "; ")))
}

func orNothing(text string) string {
	if text == "" {
		return "what no test needs"
	}
	return text
}

func (s *Session) affectedBy(ctx context.Context, of change) affected {
	return affectedBy(s.opts.Config, s.opts.ConfigFile, of.files, func() (beyond, error) { return s.beyondPaths(ctx, of) })
}

// narrowToAffected leaves out what the change does not affect, if the stage or a flag asks for it. The default branch and
// the merge queue always run everything.
func (s *Session) narrowToAffected(ctx context.Context, lists []listed, seen *sights) {
	if !s.opts.Stage.Affected && !s.opts.Affected || s.opts.Narrow.Any() {
		return
	}
	switch {
	case s.run.DefaultBranch || s.run.Event == "merge_group":
		s.run.Affected = "every selected test runs: so it is on the default branch and in the merge queue"
	case s.run.TestsSHA != "":
		s.run.Affected = "every selected test runs: the files that the checkout changes are not those of the subject"
	case s.opts.Changes.Unknown != "":
		s.run.Affected = affected{everything: s.opts.Changes.Unknown}.apply(lists)
	default:
		found := s.affectedBy(ctx, change{s.opts.ChangedPaths, s.opts.Changes.Base})
		if found.everything == "" {
			found.everything = s.tooManyMisses(ctx)
		}
		s.run.Affected = found.apply(lists)
		if s.opts.Changes.Since != "" {
			s.run.Affected += "; files changed " + s.opts.Changes.Since
		}
	}
	for _, list := range lists {
		for i := range list.choices {
			if c := &list.choices[i]; c.why == e2e.WhyAffected {
				seen.leftOut(c.raw.ID, list.spec.Name, list.batch)
			}
		}
	}
	s.opts.Progress.Note(s.run.Affected)
}
