package pipeline

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/config"
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

// affectedBy says what some changed files affect, by the paths of services, suites and journeys. A file that none of
// them has affects everything. file is the config's, from the root, if it is not at a default place.
func affectedBy(c *config.Config, file string, changed []string) affected {
	a := affected{services: map[string]bool{}, suites: map[string]bool{}, journeys: map[string]bool{}}
	if !allKnown(changed) {
		a.everything = "the files of the change are not all known"
		return a
	}
	own := []string{file}
	for _, f := range c.Fragments {
		own = append(own, f.File)
	}
	for _, name := range changed {
		if why := a.touch(c, own, name); why != "" {
			a.everything = why
			return a
		}
	}
	for name := range a.services {
		for _, user := range c.UsersOf(name) {
			a.services[user] = true
		}
	}
	return a
}

// touch notes what a changed file affects. It says why that is everything; empty: it is not.
func (a *affected) touch(c *config.Config, own []string, file string) (everything string) {
	switch {
	case strings.HasPrefix(file, ".github/"), strings.HasPrefix(file, ".gitlab"), slices.Contains(own, file), matches(c.Include, file),
		path.Base(file) == "e2e-gate.yml",
		manifest(path.Base(file)), matches(c.Affected.Everything, file):
		return fmt.Sprintf("the change touches %s, which everything may depend on", file)
	case matches(c.Affected.Ignore, file):
		return ""
	}
	mapped := false
	for _, s := range c.Services {
		if matches(s.Paths, file) {
			mapped, a.product, a.services[s.Name] = true, true, true
		}
	}
	for _, j := range c.Journeys {
		if matches(j.Paths, file) {
			mapped, a.product, a.journeys[j.Name] = true, true, true
		}
	}
	for _, s := range c.Suites {
		switch {
		case matches(s.Paths, file):
			mapped, a.product, a.suites[s.Name] = true, true, true
		case within(file, dirOf(s)): // it may be one of its tests, whatever else has the file
			mapped, a.suites[s.Name] = mapped || ofTestsOnly(c, s), true
		}
	}
	if !mapped {
		return fmt.Sprintf("no service, suite or journey has paths for %s", file)
	}
	return ""
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

// narrowToAffected leaves out what the change does not affect, if the stage or a flag asks for it. The default branch and
// the merge queue always run everything.
func (s *Session) narrowToAffected(lists []listed, seen *sights) {
	if !s.opts.Stage.Affected && !s.opts.Affected || s.opts.Narrow.Any() {
		return
	}
	switch {
	case s.run.DefaultBranch || s.run.Event == "merge_group":
		s.run.Affected = "every selected test runs: so it is on the default branch and in the merge queue"
	case s.run.TestsSHA != "":
		s.run.Affected = "every selected test runs: the files that the checkout changes are not those of the subject"
	default:
		s.run.Affected = affectedBy(s.opts.Config, s.opts.ConfigFile, s.opts.ChangedPaths).apply(lists)
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
