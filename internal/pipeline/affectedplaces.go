package pipeline

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/suite"
)

// places finds what has a file in its paths or its directory, in a time that does not depend on how many services there are. Each is
// kept at the folder below which its files lie.
type places struct {
	globs map[string][]placed
	// below are the globs whose files lie below a folder, or in it.
	below  map[string][]placed
	suites map[string][]*suite.Spec
}

// placed is a glob of a service, suite or journey.
type placed struct {
	glob, name string
	to         func(*found) *[]string
}

// found is what has a file: by its paths, or in its directory.
type found struct {
	services, suites, journeys []string
	within                     []*suite.Spec
}

func newPlaces(c *config.Config) places {
	p := places{map[string][]placed{}, map[string][]placed{}, map[string][]*suite.Spec{}}
	add := func(name string, globs []string, to func(*found) *[]string) {
		for _, glob := range globs {
			dir := folderOf(glob)
			one := placed{glob, name, to}
			p.globs[dir] = append(p.globs[dir], one)
			for ; dir != "." && dir != "/"; dir = path.Dir(dir) {
				p.below[dir] = append(p.below[dir], one)
			}
		}
	}
	for _, s := range c.Services {
		add(s.Name, s.Paths, func(f *found) *[]string { return &f.services })
	}
	for _, j := range c.Journeys {
		add(j.Name, j.Paths, func(f *found) *[]string { return &f.journeys })
	}
	for i := range c.Suites {
		spec := &c.Suites[i]
		add(spec.Name, spec.Paths, func(f *found) *[]string { return &f.suites })
		if dir := dirOf(*spec); dir != "." {
			p.suites[dir] = append(p.suites[dir], spec)
		}
	}
	return p
}

// folderOf is the deepest folder that has all files that a glob matches.
func folderOf(glob string) string {
	if meta := strings.IndexAny(glob, `*?[{\`); meta >= 0 {
		glob = glob[:meta] + "x" // what matches continues the last name
	}
	return path.Dir(glob)
}

// inside is what has files in a changed file, which is a submodule or a link then.
func (p places) inside(file string) (f found) {
	for _, one := range p.below[file] {
		list := one.to(&f)
		*list = append(*list, one.name)
	}
	return f
}

// of is what has a file.
func (p places) of(file string) (f found) {
	for dir := file; ; dir = path.Dir(dir) {
		f.within = append(f.within, p.suites[dir]...)
		for _, one := range p.globs[dir] {
			if ok, err := doublestar.Match(one.glob, file); ok && err == nil {
				list := one.to(&f)
				*list = append(*list, one.name)
			}
		}
		if dir == "." || dir == "/" {
			return f
		}
	}
}
