package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/config/strictyaml"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/suite"
)

// Fragment is the part of the config that a team keeps in a file of its own, which include names. Stages, policy,
// quarantine and all else that decides for everybody are in the config alone.
type Fragment struct {
	Version   int                  `yaml:"version" doc:"Version of the config language: 1." required:"true"`
	Owner     string               `yaml:"owner" doc:"Team: owner of each suite, journey and service of the file that does not name one." required:"true"`
	Services  []Service            `yaml:"services" doc:"Services, as in the config."`
	Depends   []Dependency         `yaml:"dependencies" doc:"External dependencies, as in the config."`
	Processes []runner.ProcessSpec `yaml:"processes" doc:"Background processes, as in the config; they are started behind those of the config and of files before it."`
	Gates     FragmentGates        `yaml:"gates" doc:"Health gates."`
	Suites    []suite.Spec         `yaml:"suites" doc:"Test suites, as in the config."`
	Journeys  []Journey            `yaml:"journeys" doc:"Business journeys, as in the config."`

	// File is its path from the root of the repository.
	File string `yaml:"-"`
}

// FragmentGates are the gates of a fragment.
type FragmentGates struct {
	Checks []gate.Check `yaml:"checks" doc:"Checks, as in the config. Names are unique among all files."`
}

// FragmentText is a fragment as it is written.
type FragmentText struct {
	// File is its path from the root of the repository.
	File string
	Text []byte
}

// maxFragments bounds how many files a config may include.
const maxFragments = 1000

// Included are those of some files, by their paths from the root of the repository and sorted, that include names, in
// the order in which they are read.
func (c *Config) Included(files []string) (list []string) {
	seen := map[string]bool{}
	for _, glob := range c.Include {
		for _, file := range files {
			if ok, err := doublestar.Match(glob, file); ok && err == nil && !seen[file] {
				seen[file] = true
				list = append(list, file)
			}
		}
	}
	return list
}

// readFragments reads the files of a checkout that include names. No link leads out of it. The error is about the
// include of that index.
func readFragments(root string, include []string) (list []FragmentText, at int, err error) {
	dir, err := os.OpenRoot(filepath.Join(root, "."))
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = dir.Close() }()
	seen := map[string]bool{}
	for at, glob := range include {
		names, err := doublestar.Glob(dir.FS(), glob, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, at, unreadable(glob, err)
		case len(names) == 0:
			return nil, at, errors.New("no file of the repository matches")
		}
		slices.Sort(names)
		for _, name := range names {
			if seen[name] {
				continue
			}
			if seen[name] = true; len(seen) > maxFragments {
				return nil, at, fmt.Errorf("more than %d files match", maxFragments)
			}
			text, err := readFile(filepath.Join(root, "."), filepath.FromSlash(name))
			if err != nil {
				return nil, at, err
			}
			list = append(list, FragmentText{File: name, Text: text})
		}
	}
	return list, 0, nil
}

// include adds the fragments to a config that was read from the document.
func (c *Config) include(doc *document, opts Options) {
	wrong := false
	for i, glob := range c.Include {
		local := filepath.IsLocal(filepath.FromSlash(glob)) && path.Clean(glob) == glob
		if !local || !doublestar.ValidatePattern(glob) || strings.Contains(glob, "${") {
			wrong = true
			doc.fail(indexed(doc, "include", i), fmt.Sprintf("%q is not a path or a glob below the root of the repository", glob),
				"write it from the root, such as teams/*/e2e-gate.yml, without .. and variables")
		}
	}
	if wrong || len(c.Include) == 0 {
		return
	}
	texts, known := opts.Fragments, opts.Fragments != nil
	if !known && opts.Root != "" {
		var at int
		var err error
		if texts, at, err = readFragments(opts.Root, c.Include); err != nil {
			doc.fail(indexed(doc, "include", at), fmt.Sprintf("%q cannot be included: %v", c.Include[at], err), "give the path of files of this repository")
			return
		}
	}
	for _, text := range texts {
		f := Fragment{File: text.File}
		own := strictyaml.Decode(text.Text, &f, decoding(c, text.File, opts))
		doc.add(own, c)
		c.take(doc, own, f)
	}
}

// take adds one fragment. Of two entries of one name the first stays.
func (c *Config) take(doc *document, own *strictyaml.Document, f Fragment) {
	fail := func(at, text, hint string) { doc.Diags().Add(own.At(at, text, hint)) }
	switch {
	case !own.Has(""):
		return
	case !own.Has("version"):
		fail("", `the key "version" is missing`, "start the file with version: 1")
	case f.Version != 1:
		fail("version", fmt.Sprintf("version %d of the config language is unknown", f.Version), "this e2e-gate reads version 1")
	}
	if f.Owner == "" {
		fail("owner", "the fragment has no owner", "name the team that answers for it: owner: my-team")
	}
	double := func(section, name string) {
		other := doc.whereFirst(section + "." + name)
		fail(section+"."+name, fmt.Sprintf("duplicate name %q in %s", name, section), "names must be unique among all files; the other one is at "+other)
	}
	for _, s := range f.Services {
		if slices.ContainsFunc(c.Services, func(o Service) bool { return o.Name == s.Name }) {
			double("services", s.Name)
			continue
		}
		if s.Owner == "" {
			s.Owner = f.Owner
		}
		c.Services = append(c.Services, s)
	}
	for _, d := range f.Depends {
		if slices.ContainsFunc(c.Depends, func(o Dependency) bool { return o.Name == d.Name }) {
			double("dependencies", d.Name)
			continue
		}
		c.Depends = append(c.Depends, d)
	}
	for _, j := range f.Journeys {
		if _, known := c.Journey(j.Name); known {
			double("journeys", j.Name)
			continue
		}
		if j.Owner == "" {
			j.Owner = f.Owner
		}
		c.Journeys = append(c.Journeys, j)
	}
	for _, s := range f.Suites {
		if s.Owner == "" {
			s.Owner = f.Owner
		}
		c.Suites = append(c.Suites, s)
	}
	c.Processes = append(c.Processes, f.Processes...)
	c.Gates.Checks = append(c.Gates.Checks, f.Gates.Checks...)
	c.Fragments = append(c.Fragments, f)
}

// document is the text of a config with its fragments, in which paths are those of the merged config.
type document struct {
	*strictyaml.Document
	parts []part
}

// part is a fragment with the index at which its lists begin in the merged ones.
type part struct {
	*strictyaml.Document
	from map[string]int
}

// add notes a fragment that is going to be merged into what a config has by then.
func (d *document) add(own *strictyaml.Document, c *Config) {
	d.parts = append(d.parts, part{own, map[string]int{"suites": len(c.Suites), "processes": len(c.Processes), "gates.checks": len(c.Gates.Checks)}})
	d.Diags().Add(own.Diags().Messages()...)
}

var (
	element = regexp.MustCompile(`^(suites|processes|gates\.checks)\[(\d+)\]`)
	named   = regexp.MustCompile(`^(?:services|dependencies|journeys)\.[^.\[]+`)
)

// find is the document that a path is of, with the path there.
func (d *document) find(path string) (*strictyaml.Document, string) {
	if m := element.FindStringSubmatch(path); m != nil {
		n, _ := strconv.Atoi(m[2])
		for _, p := range slices.Backward(d.parts) {
			if from := p.from[m[1]]; n >= from && p.Has(fmt.Sprintf("%s[%d]", m[1], n-from)) {
				return p.Document, fmt.Sprintf("%s[%d]%s", m[1], n-from, path[len(m[0]):])
			}
		}
	}
	if name := named.FindString(path); name != "" && !d.Document.Has(name) {
		for _, p := range d.parts {
			if p.Has(name) {
				return p.Document, path
			}
		}
	}
	return d.Document, path
}

// At is [strictyaml.Document.At] of the file that the path is of.
func (d *document) At(path, text, hint string) diag.Message {
	of, at := d.find(path)
	return of.At(at, text, hint)
}

// Has is [strictyaml.Document.Has] of the file that the path is of.
func (d *document) Has(path string) bool {
	of, at := d.find(path)
	return of.Has(at)
}

func (d *document) fail(path, text, hint string) { d.Diags().Add(d.At(path, text, hint)) }

// whereFirst is the position of what the first file says of a path.
func (d *document) whereFirst(path string) string {
	m := d.At(path, "", "")
	return fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Col)
}
