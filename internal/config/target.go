package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/gate"
)

// Target is an environment that stages test.
type Target struct {
	Name       string `yaml:",key"`
	Production bool   `yaml:"production" doc:"true: real users are there. Only tests whose journey names the target in targets, or that have the tag target:<name>, run there; tests with the tag destructive never do. Its stages need a required check fixtures or oidc."`
	Rate       string `yaml:"rate" doc:"How often a stage may run there, as far as the history knows: 1/m, 4/h, 1/15m. A run that is more than that is refused before anything starts, and not judged."`
	Alert      Alert  `yaml:"alert" doc:"When runs that did not pass are an alert. It changes no verdict: the result, the Slack message, the metrics and the Action's output alert say so, and when it is over."`
}

// Alert is when runs that did not pass are an alert.
type Alert struct {
	After int `yaml:"after" doc:"How many of the newest runs did not pass."`
	Of    int `yaml:"of" doc:"How many of the newest runs count. Default: as many as after."`
}

// Runs is how many runs count; 0: there is no alert.
func (a Alert) Runs() int {
	if a.After == 0 {
		return 0
	}
	return max(a.Of, a.After)
}

// maxAlert bounds of, and what a rate allows.
const maxAlert = 100

var rate = regexp.MustCompile(`^([1-9][0-9]{0,2})/([1-9][0-9]{0,3})?(s|m|h|d)$`)

// Limit reads the rate: so many runs within a time. No rate is 0 runs.
func (t Target) Limit() (runs int, within time.Duration, err error) {
	if t.Rate == "" {
		return 0, 0, nil
	}
	m := rate.FindStringSubmatch(t.Rate)
	if m == nil {
		return 0, 0, fmt.Errorf("%q is not a rate", t.Rate)
	}
	runs, _ = strconv.Atoi(m[1])
	units, _ := strconv.Atoi(cmp.Or(m[2], "1"))
	within = time.Duration(units) * map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[3]]
	if runs > maxAlert {
		return 0, 0, fmt.Errorf("%q allows more than %d runs", t.Rate, maxAlert)
	}
	return runs, within, nil
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
		path := "targets." + t.Name
		if _, _, err := t.Limit(); err != nil && !strings.Contains(t.Rate, "${") {
			k.fail(path+".rate", err.Error(), "write it as 1/m, 4/h or 1/15m")
		}
		switch a := t.Alert; {
		case a.After < 0 || a.Of < 0 || a.Of > maxAlert || a.After > maxAlert:
			k.fail(path+".alert", fmt.Sprintf("the numbers are not between 1 and %d", maxAlert), "write it as {after: 2, of: 3}")
		case a.After == 0 && a.Of > 0:
			k.fail(path+".alert", "after is missing", "say how many of them must not have passed")
		case a.Of > 0 && a.Of < a.After:
			k.fail(path+".alert", "of is less than after, so there is never an alert", "write it as {after: 2, of: 3}")
		}
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
