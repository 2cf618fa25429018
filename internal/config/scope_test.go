package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

const scoped = `version: 1
stages: {pr: {}, main: {}}
services:
  auth: {owner: identity}
  case-api: {needs: [auth]}
  payment-api: {}
suites:
  - {name: s, framework: gotest, services: [case-api], needs: [payment-api]}
journeys:
  pay: {services: [payment-api]}
processes:
  - {name: everywhere, run: [a]}
  - {name: payment, run: [a], services: [payment-api], stages: [pr]}
gates:
  checks:
    - {name: database, tcp: {address: "127.0.0.1:1"}}
    - {name: auth, tcp: {address: "127.0.0.1:2"}, services: [auth]}
    - {name: pay, tcp: {address: "127.0.0.1:3"}, journeys: [pay], needs: [ledger]}
    - {name: ledger, tcp: {address: "127.0.0.1:4"}, services: [payment-api], needs: [bank]}
    - {name: bank, tcp: {address: "127.0.0.1:5"}, services: [auth]}
    - {name: nightly, tcp: {address: "127.0.0.1:6"}, stages: [main]}
isolation: {up: [a], services: [auth], stages: [pr]}
`

func TestScopesOfAStage(t *testing.T) {
	c, err := load(t, scoped, AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	pr, main := c.For("pr"), c.For("main")
	got := map[string]string{}
	for _, g := range pr.Gates.Checks {
		got[g.Name] = g.Scope.String()
	}
	for _, p := range pr.Processes {
		got[p.Name] = p.Scope.String()
	}
	got["isolation"] = pr.Isolation.Scope.String()
	want := map[string]string{
		"database": "every test", "everywhere": "every test", "payment": "service payment-api", "auth": "services auth, case-api", "pay": "journey pay",
		// a check that others need has their scopes too
		"ledger": "service payment-api; journey pay", "bank": "services auth, case-api, payment-api; journey pay", "isolation": "services auth, case-api",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !pr.Scoped() || len(main.Processes) != 1 || len(main.Gates.Checks) != 6 || main.Isolation.Enabled() || c.Scoped() {
		t.Errorf("%+v", main)
	}
	if c.Gates.Checks[1].Scope != nil {
		t.Error("the config itself was changed")
	}
}

func TestACheckThatAnUnscopedOneNeedsIsForAll(t *testing.T) {
	c, err := load(t, strings.Replace(scoped, `journeys: [pay], needs`, `needs`, 1), AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range c.For("pr").Gates.Checks {
		if wide := g.Name != "auth"; wide != (g.Scope == nil) {
			t.Errorf("%s is for %s", g.Name, g.Scope)
		}
	}
}

func TestMistakesInScopes(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"a service of a suite", "services: [case-api], needs", "services: [case-ap], needs", `e2e-gate.yml:8:45: unknown service "case-ap"; did you mean "case-api"?`},
		{"a need", "needs: [payment-api]", "needs: payments", `e2e-gate.yml:8:63: unknown service "payments"; `},
		{"of a check", "services: [auth]}\n    - {name: pay", "services: [aut]}\n    - {name: pay", `e2e-gate.yml:17:62: unknown service "aut"; did you mean "auth"?`},
		{"a journey", "journeys: [pay]", "journeys: [pays]", `e2e-gate.yml:18:61: unknown journey "pays"; did you mean "pay"?`},
		{"a stage", "stages: [main]", "stages: [mian]", `unknown stage "mian"; did you mean "main"?`},
		{"of isolation", "up: [a], services: [auth]", "up: [a], services: [authn]", `e2e-gate.yml:22:33: unknown service "authn"; did you mean "auth"?`},
		{"a cycle", "auth: {owner: identity}", "auth: {needs: [case-api]}", "the services need each other: auth needs case-api needs auth; remove one"},
		{"itself", "payment-api: {}", "payment-api: {needs: [payment-api]}", "the services need each other: payment-api needs payment-api"},
		{"a check of fewer stages", `services: [payment-api], needs: [bank]}`, `services: [payment-api], needs: [nightly]}`,
			"check nightly does not belong to every stage of this one; give both the same stages"},
		{"a name with a space", "payment-api: {}", "payment-api: {}\n  a b: {}", `the name "a b" holds a space`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(scoped, tc.old, tc.new, 1)
			if text == scoped {
				t.Fatal("nothing was replaced")
			}
			_, err := load(t, text, AllSections, nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// Without a section services, the names that suites and journeys use are the known ones.
func TestServicesNeedNotBeDeclared(t *testing.T) {
	const text = `version: 1
stages: {pr: {}}
suites:
  - {name: s, framework: gotest, services: [case-api]}
gates:
  checks:
    - {name: a, tcp: {address: "127.0.0.1:1"}, services: [case-api]}
    - {name: b, tcp: {address: "127.0.0.1:1"}, services: [case-apis]}
`
	_, err := load(t, text, AllSections, nil)
	if err == nil || !strings.HasSuffix(err.Error(), `e2e-gate.yml:8:59: unknown service "case-apis"; did you mean "case-api"?`) {
		t.Errorf("%v", err)
	}
}

// A change cannot take itself out of what a gate is for.
func TestAChangeDoesNotNarrowWhatTestsNeed(t *testing.T) {
	base, err := load(t, scoped, AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := scoped
	for old, now := range map[string]string{
		`{name: database, tcp`: `{name: database, services: [payment-api], tcp`, `services: [case-api], needs: [payment-api]`: `services: [case-api]`,
		`pay: {services: [payment-api]}`: `pay: {services: [auth]}`, `case-api: {needs: [auth]}`: `case-api: {}`, `stages: [main]`: `stages: [main, pr]`,
		`isolation: {up: [a], services: [auth]`: `isolation: {up: [a], services: [payment-api]`,
	} {
		changed := strings.Replace(text, old, now, 1)
		if changed == text {
			t.Fatal(old)
		}
		text = changed
	}
	change, err := load(t, text, AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	judged, found := Judged(base, change)
	if diff := cmp.Diff(base.For("pr").Gates.Checks[0].Scope, judged.For("pr").Gates.Checks[0].Scope) +
		cmp.Diff(base.Suites[0].Needs, judged.Suites[0].Needs) + cmp.Diff(base.Journeys[0].Services, judged.Journeys[0].Services) +
		cmp.Diff(&e2e.Scope{Services: []string{"auth", "case-api"}}, judged.For("pr").Isolation.Scope) + cmp.Diff(6, len(judged.For("main").Gates.Checks)); diff != "" {
		t.Error(diff)
	}
	var told []string
	for _, d := range found {
		told = append(told, d.String())
	}
	if diff := cmp.Diff([]string{"gates.checks.database services is changed", "gates.checks.nightly stages is changed", "isolation services is changed",
		"suites.s needs is changed", "journeys.pay services is changed", "services is changed"}, told); diff != "" {
		t.Error(diff)
	}
}

const depending = `version: 1
stages: {pr: {}, main: {}}
dependencies:
  sandbox: {owner: acme, agreement: "https://a.example/sla", check: {http: {url: "https://a.example/health"}, stages: [pr]}}
services:
  pay: {needs: [sandbox]}
suites:
  - {name: s, framework: gotest, services: [pay], needs: [sandbox]}
gates: {checks: [{name: db, tcp: {address: "127.0.0.1:1"}}]}
`

func TestDependenciesAreChecks(t *testing.T) {
	c, err := load(t, depending, AllSections, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []*Config{c.For("pr"), c.For("pr").For("pr")} {
		if len(of.Gates.Checks) != 2 {
			t.Fatalf("%+v", of.Gates.Checks)
		}
		g := of.Gates.Checks[1]
		if g.Name != "sandbox" || !g.External || !g.Dependency || !g.IsRequired() || g.Scope.String() != "services pay, sandbox" || g.HTTP.URL == "" {
			t.Errorf("%+v", g)
		}
	}
	if len(c.For("main").Gates.Checks) != 1 || len(c.Gates.Checks) != 1 || !c.For("pr").HasService("sandbox") {
		t.Error("the dependency is not in the stage that it names")
	}
	for _, tc := range []struct{ old, new, want string }{
		{"check: {http:", "check: {name: x, http:", "the check of a dependency has no name"},
		{"check: {http:", "check: {required: false, http:", "the check of a dependency has no required"},
		{"name: db", "name: sandbox", `a check has the name "sandbox" too`},
		{"pay: {needs", "sandbox: {needs", `duplicate name "sandbox"`},
		{"https://a.example/sla", "sla", "the agreement is not an http or https address"},
		{"https://a.example/health", "a.example", "e2e-gate.yml:4:82: the url has no scheme"},
		{"stages: [pr]", "stages: [rp]", `unknown stage "rp"`},
		{"pay: {needs: [sandbox]}", "pay: {needs: [sandbx]}", `unknown service "sandbx"; did you mean "sandbox"?`},
	} {
		_, err := load(t, strings.Replace(depending, tc.old, tc.new, 1), AllSections, nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.new, err)
		}
	}
}
