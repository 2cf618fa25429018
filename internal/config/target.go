package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/gate"
)

// Target is an environment that stages test.
type Target struct {
	Name       string `yaml:",key"`
	Production bool   `yaml:"production" doc:"true: real users are there. Only tests whose journey names the target in targets, or that have the tag target:<name>, run there; tests with the tag destructive never do. Its stages need a required check fixtures or oidc."`
}

// Target returns the target of that name.
func (c *Config) Target(name string) (Target, bool) {
	for _, t := range c.Targets {
		if t.Name == name {
			return t, true
		}
	}
	return Target{}, false
}

// targets checks the section, and every name of a target.
func (k *checker) targets() {
	var names []string
	seen := map[string]string{}
	for _, t := range k.c.Targets {
		k.named("targets."+t.Name, t.Name, "target", seen)
		names = append(names, t.Name)
	}
	if len(names) == 0 {
		return // the names are free
	}
	const hint = "declare it in targets, which all targets have to be in"
	for _, j := range k.c.Journeys {
		k.known("journeys."+j.Name+".targets", j.Targets, "target", names, hint)
	}
	for _, s := range k.c.Stages {
		path := "stages." + s.Name + ".target"
		if s.Target != "" {
			k.known(path, []string{s.Target}, "target", names, hint)
		}
		if t, _ := k.c.Target(s.Target); t.Production && !slices.ContainsFunc(k.c.For(s.Name).Gates.Checks, identifies) {
			k.fail(path, fmt.Sprintf("stage %s tests production, and no check of it says whose data its tests use", s.Name),
				"add a required check fixtures (the API for test data) or oidc (a test identity) that every test needs")
		}
	}
}

// identifies reports whether a check makes sure that tests use data or an identity of their own.
func identifies(c gate.Check) bool {
	return c.IsRequired() && c.Scope == nil && (c.Fixtures != nil || c.OIDC != nil)
}

// paths checks every list of globs that says what a change affects.
func (k *checker) paths() {
	of := func(path string, globs []string) {
		for i, glob := range globs {
			if !doublestar.ValidatePattern(glob) || strings.HasPrefix(glob, "/") || strings.HasPrefix(glob, "./") || strings.Contains("/"+glob+"/", "/../") {
				k.fail(indexed(k.doc, path, i), fmt.Sprintf("%q is not a glob of files of the repository", glob), "write it from the root, such as services/payment/**")
			}
		}
	}
	for _, s := range k.c.Services {
		of("services."+s.Name+".paths", s.Paths)
	}
	for _, j := range k.c.Journeys {
		of("journeys."+j.Name+".paths", j.Paths)
	}
	for i, s := range k.c.Suites {
		of(fmt.Sprintf("suites[%d].paths", i), s.Paths)
	}
	k.words("affected", k.c.Affected)
	if command := k.c.Affected.Command; len(command) > 0 && strings.TrimSpace(command[0]) == "" {
		k.fail("affected.command", "the command names no program", "write it as a list, such as [./ci/affected.sh]")
	}
	of("affected.everything", k.c.Affected.Everything)
	of("affected.ignore", k.c.Affected.Ignore)
}
