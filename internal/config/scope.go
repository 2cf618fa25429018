package config

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/isolation"
	"github.com/org/e2e-gate/internal/runner"
)

// Service is a part of the product that tests can need.
type Service struct {
	Name  string   `yaml:",key"`
	Owner string   `yaml:"owner" doc:"Team that answers for it."`
	Needs []string `yaml:"needs" doc:"Other services that it needs: a test that needs this one needs them too."`
	// Repository is where a subject of this service comes from.
	Repository string   `yaml:"repository" doc:"Repository (owner/name) that it is deployed from, where the tests are in another one: a subject of that repository runs the tests of this service, and no other subject does."`
	Paths      []string `yaml:"paths" doc:"Its files (globs with **, from the root of the repository), for affected."`
}

// Dependency is an external system that tests can need.
type Dependency struct {
	Name      string     `yaml:",key"`
	Owner     string     `yaml:"owner" doc:"Who answers for it."`
	Agreement string     `yaml:"agreement" doc:"http or https address of what was agreed on, such as its availability."`
	Check     gate.Check `yaml:"check" doc:"How it is seen whether it is up: a check as in gates.checks, without name, required, services and journeys." required:"true"`
}

// gate is the check of the dependency.
func (d Dependency) gate() gate.Check {
	check := d.Check
	check.Name, check.External, check.Dependency, check.Services = d.Name, true, true, []string{d.Name}
	return check
}

// For is the config as a stage has it: without checks, processes and isolation of other stages, and with the
// scope of each worked out. The config is not changed.
func (c *Config) For(stage string) *Config {
	out := *c
	out.serviceNames = map[string]bool{}
	for _, name := range c.ServiceNames() {
		out.serviceNames[name] = true
	}
	in := func(stages []string) bool { return len(stages) == 0 || slices.Contains(stages, stage) }
	reach := newReach(c.Services)
	out.Gates.Checks = nil
	for _, check := range c.Gates.Checks {
		if in(check.Stages) {
			check.Scope = reach.scope(check.Services, check.Journeys)
			out.Gates.Checks = append(out.Gates.Checks, check)
		}
	}
	for _, d := range c.Depends { // behind the others: what else is not healthy comes first
		there := slices.ContainsFunc(c.Gates.Checks, func(g gate.Check) bool { return g.Name == d.Name }) // the config is that of a stage
		if check := d.gate(); in(check.Stages) && !there {
			check.Scope = reach.scope(check.Services, nil)
			out.Gates.Checks = append(out.Gates.Checks, check)
		}
	}
	widen(out.Gates.Checks)
	own, _ := c.Stage(stage)
	out.Suites = slices.Clone(c.Suites)
	for i := range out.Suites {
		out.Suites[i].Env = withEnv(out.Suites[i].Env, own.Env)
	}
	out.Isolation.Env = withEnv(c.Isolation.Env, own.Env)
	out.Processes = nil
	for _, p := range c.Processes {
		if in(p.Stages) {
			p.Env = withEnv(p.Env, own.Env)
			p.Scope = reach.scope(p.Services, p.Journeys)
			out.Processes = append(out.Processes, p.Copies()...)
		}
	}
	if out.Isolation.Scope = reach.scope(c.Isolation.Services, c.Isolation.Journeys); !in(c.Isolation.Stages) {
		out.Isolation = isolation.Spec{}
	}
	return &out
}

// Scoped reports whether anything of a stage's config is needed by some tests only.
func (c *Config) Scoped() bool {
	return c.Isolation.Scope != nil || slices.ContainsFunc(c.Gates.Checks, func(g gate.Check) bool { return g.Scope != nil }) ||
		slices.ContainsFunc(c.Processes, func(p runner.ProcessSpec) bool { return p.Scope != nil })
}

// widen gives a check that others need their scopes too: they pass only with it.
func widen(checks []gate.Check) {
	at := map[string]int{}
	for i := range checks {
		at[checks[i].Name] = i
	}
	for range checks { // the longest chain of needs
		changed := false
		for i := range checks {
			for _, need := range checks[i].Needs {
				j, ok := at[need]
				if !ok || checks[j].Scope == nil {
					continue
				}
				if wide := checks[j].Scope.Union(checks[i].Scope); !reflect.DeepEqual(wide, checks[j].Scope) {
					checks[j].Scope, changed = wide, true
				}
			}
		}
		if !changed {
			return
		}
	}
}

// reach knows which services need a service, at any distance.
type reach struct {
	users map[string][]string
	known map[string][]string
}

func newReach(services []Service) *reach {
	r := &reach{users: map[string][]string{}, known: map[string][]string{}}
	for _, s := range services {
		for _, need := range s.Needs {
			r.users[need] = append(r.users[need], s.Name)
		}
	}
	return r
}

// of is a service with all that need it.
func (r *reach) of(name string) []string {
	if list, ok := r.known[name]; ok {
		return list
	}
	seen := map[string]bool{name: true}
	for todo := []string{name}; len(todo) > 0; todo = todo[1:] {
		for _, user := range r.users[todo[0]] {
			if !seen[user] {
				seen[user] = true
				todo = append(todo, user)
			}
		}
	}
	r.known[name] = slices.Sorted(maps.Keys(seen))
	return r.known[name]
}

// scope is that of something that names services and journeys; nil: it names none.
func (r *reach) scope(services, journeys []string) *e2e.Scope {
	if len(services) == 0 && len(journeys) == 0 {
		return nil
	}
	s := &e2e.Scope{}
	s.Journeys = slices.Compact(slices.Sorted(slices.Values(journeys)))
	for _, name := range services {
		s.Services = append(s.Services, r.of(name)...)
	}
	slices.Sort(s.Services)
	s.Services = slices.Compact(s.Services)
	return s
}

// ServiceNames are the services that the config names anywhere, sorted.
func (c *Config) ServiceNames() []string {
	var names []string
	for _, s := range c.Services {
		names = append(append(names, s.Name), s.Needs...)
	}
	for _, d := range c.Depends {
		names = append(names, d.Name)
	}
	for _, s := range c.Suites {
		names = append(append(names, s.Services...), s.Needs...)
	}
	for _, j := range c.Journeys {
		names = append(append(names, j.Services...), j.Needs...)
	}
	for _, g := range c.Gates.Checks {
		names = append(names, g.Services...)
	}
	for _, p := range c.Processes {
		names = append(names, p.Services...)
	}
	names = append(names, c.Isolation.Services...)
	slices.Sort(names)
	return slices.Compact(names)
}

// UsersOf are the services that need a service, at any distance, and itself.
func (c *Config) UsersOf(service string) []string { return newReach(c.Services).of(service) }

// HasService reports whether the config names a service anywhere but in tags of tests.
func (c *Config) HasService(name string) bool {
	if c.serviceNames != nil {
		return c.serviceNames[name]
	}
	_, found := slices.BinarySearch(c.ServiceNames(), name)
	return found
}

var repositoryName = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$`)

// services checks the section, and every name of a service, a stage and a journey that something needs or
// belongs to.
func (k *checker) services() {
	c := k.c
	var declared, used, journeys, stages []string
	seen := map[string]string{}
	for _, s := range c.Services {
		k.named("services."+s.Name, s.Name, "service", seen)
		declared = append(declared, s.Name)
		if s.Repository != "" && !strings.Contains(s.Repository, "${") && !repositoryName.MatchString(s.Repository) {
			k.fail("services."+s.Name+".repository", "the repository is not owner/name", "write it as acme/pay")
		}
	}
	for _, d := range c.Depends {
		k.named("dependencies."+d.Name, d.Name, "dependency", seen)
		k.dependency(d)
	}
	for _, s := range c.Stages {
		stages = append(stages, s.Name)
	}
	for _, j := range c.Journeys {
		journeys = append(journeys, j.Name)
		used = append(append(used, j.Services...), j.Needs...)
	}
	for _, s := range c.Suites {
		used = append(append(used, s.Services...), s.Needs...)
	}
	external := make([]string, len(c.Depends))
	for i, d := range c.Depends {
		external[i] = d.Name
	}
	known, hint := append(slices.Clip(declared), external...), "declare it in services"
	if len(declared) == 0 {
		used = append(used, external...)
		slices.Sort(used)
		known, hint = slices.Compact(used), "name it in services or needs of the suite or journey whose tests need it"
	}
	of := func(path string, list []string) { k.known(path, list, "service", known, hint) }
	if len(declared) > 0 { // else the names are free
		for _, s := range c.Services {
			of("services."+s.Name+".needs", s.Needs)
		}
		for i, s := range c.Suites {
			of(fmt.Sprintf("suites[%d].services", i), s.Services)
			of(fmt.Sprintf("suites[%d].needs", i), s.Needs)
		}
		for _, j := range c.Journeys {
			of("journeys."+j.Name+".services", j.Services)
			of("journeys."+j.Name+".needs", j.Needs)
		}
	}
	scoped := func(path string, inStages, services, inJourneys []string) {
		k.known(path+".stages", inStages, "stage", stages, "name a stage of this config")
		of(path+".services", services)
		k.known(path+".journeys", inJourneys, "journey", journeys, "declare it in journeys")
	}
	for i, g := range c.Gates.Checks {
		scoped(fmt.Sprintf("gates.checks[%d]", i), g.Stages, g.Services, g.Journeys)
	}
	for i, p := range c.Processes {
		scoped(fmt.Sprintf("processes[%d]", i), p.Stages, p.Services, p.Journeys)
	}
	for _, d := range c.Depends {
		k.known("dependencies."+d.Name+".check.stages", d.Check.Stages, "stage", stages, "name a stage of this config")
	}
	scoped("isolation", c.Isolation.Stages, c.Isolation.Services, c.Isolation.Journeys)
	k.checksOfStages()
	k.cycleOfServices()
}

// dependency checks one, and its check where variables are resolved.
func (k *checker) dependency(d Dependency) {
	path := "dependencies." + d.Name
	for _, key := range []string{"name", "required", "external", "services", "journeys", "needs"} {
		if k.doc.Has(path + ".check." + key) {
			k.fail(path+".check."+key, "the check of a dependency has no "+key, "remove it: the dependency says that")
		}
	}
	if slices.ContainsFunc(k.c.Gates.Checks, func(c gate.Check) bool { return c.Name == d.Name }) {
		k.fail(path, fmt.Sprintf("a check has the name %q too", d.Name), "rename one of them")
	}
	u, err := url.Parse(d.Agreement)
	web := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
	if d.Agreement != "" && !strings.Contains(d.Agreement, "${") && !web {
		k.fail(path+".agreement", "the agreement is not an http or https address", "write its whole address")
	}
	if !slices.Contains(k.opts.Uses, "dependencies") {
		return
	}
	spec := k.c.Gates
	spec.Checks = []gate.Check{d.gate()}
	for _, p := range spec.Validate() {
		if rest, ok := strings.CutPrefix(p.Path, "checks[0]"); ok {
			k.fail(path+".check"+rest, p.Text, p.Hint)
		}
	}
}

// known reports names that nothing has.
func (k *checker) known(path string, list []string, what string, known []string, hint string) {
	for i, name := range list {
		if slices.Contains(known, name) || strings.Contains(name, "${") {
			continue
		}
		if near := diag.Nearest(name, known); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		} else if len(known) > 0 && len(known) <= 10 {
			hint += "; known: " + strings.Join(known, ", ")
		}
		k.fail(indexed(k.doc, path, i), fmt.Sprintf("unknown %s %q", what, name), hint)
	}
}

// checksOfStages finds checks that need one which does not belong to all of their stages.
func (k *checker) checksOfStages() {
	stages := map[string][]string{}
	for _, g := range k.c.Gates.Checks {
		stages[g.Name] = g.Stages
	}
	for i, g := range k.c.Gates.Checks {
		for j, need := range g.Needs {
			of := stages[need]
			if len(of) == 0 {
				continue
			}
			if missing := slices.IndexFunc(g.Stages, func(s string) bool { return !slices.Contains(of, s) }); len(g.Stages) == 0 || missing >= 0 {
				k.fail(indexed(k.doc, fmt.Sprintf("gates.checks[%d].needs", i), j), fmt.Sprintf("check %s does not belong to every stage of this one", need),
					"give both the same stages")
			}
		}
	}
}

// cycleOfServices reports the first cycle of needs, with its services.
func (k *checker) cycleOfServices() {
	needs, state := map[string][]string{}, map[string]int{}
	for _, s := range k.c.Services {
		needs[s.Name] = s.Needs
	}
	var visit func(name string, path []string) bool
	visit = func(name string, path []string) bool {
		switch state[name] {
		case 1:
			circle := append(slices.Clone(path[slices.Index(path, name):]), name)
			k.fail("services."+name+".needs", "the services need each other: "+strings.Join(circle, " needs "), "remove one of these needs")
			return true
		case 2:
			return false
		}
		state[name] = 1
		for _, need := range needs[name] {
			if visit(need, append(path, name)) {
				return true
			}
		}
		state[name] = 2
		return false
	}
	for _, s := range k.c.Services {
		if visit(s.Name, nil) {
			return
		}
	}
}
