package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tree writes files below a new root.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const platform = `version: 1
include: [teams/*/e2e-gate.yml]
stages: {pr: {}}
services: {auth: {owner: identity}}
suites: [{name: smoke, framework: gotest}]
gates: {checks: [{name: db, tcp: {address: "127.0.0.1:1"}}]}
`

const payments = `version: 1
owner: payments
services: {payment-api: {needs: [auth]}}
dependencies: {sandbox: {check: {tcp: {address: "127.0.0.1:2"}}}}
processes: [{name: payment, run: [a], services: [payment-api]}]
gates:
  checks:
    - {name: payment-api, tcp: {address: "127.0.0.1:3"}, services: [payment-api], needs: [db]}
suites:
  - {name: payments, framework: gotest, services: [payment-api], env: {A: "${A}"}}
  - {name: refunds, framework: gotest, owner: refunds, needs: [sandbox]}
journeys: {pay: {services: [payment-api]}}
`

func loadTree(t testing.TB, files map[string]string) (*Config, error) {
	t.Helper()
	root := tree(t, files)
	c, err := Load(Options{Root: root, Uses: AllSections, Lookup: func(name string) (string, bool) { return "value of " + name, true }})
	if err != nil {
		err = fmt.Errorf("%s", strings.ReplaceAll(err.Error(), root+"/", ""))
	}
	return c, err
}

func TestFragments(t *testing.T) {
	c, err := loadTree(t, map[string]string{"e2e-gate.yml": platform, "teams/pay/e2e-gate.yml": payments,
		"teams/cases/e2e-gate.yml": "version: 1\nowner: cases\nsuites: [{name: cases, framework: gotest, services: [payment-api]}]\n"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range c.Suites {
		got[s.Name] = s.Owner
	}
	for _, s := range c.Services {
		got["service "+s.Name] = s.Owner
	}
	for _, j := range c.Journeys {
		got["journey "+j.Name] = j.Owner
	}
	want := map[string]string{"smoke": "", "cases": "cases", "payments": "payments", "refunds": "refunds", "service auth": "identity",
		"service payment-api": "payments", "journey pay": "payments"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	pr := c.For("pr")
	var gates []string
	for _, g := range pr.Gates.Checks {
		gates = append(gates, g.Name+" for "+g.Scope.String())
	}
	if diff := cmp.Diff([]string{"db for every test", "payment-api for service payment-api", "sandbox for service sandbox"}, gates); diff != "" {
		t.Error(diff)
	}
	if len(pr.Processes) != 1 || len(c.Fragments) != 2 || c.Fragments[1].File != "teams/pay/e2e-gate.yml" {
		t.Errorf("%+v", c.Fragments)
	}
	if s, _ := c.Suite("payments"); s.Env["A"] != "value of A" {
		t.Errorf("%+v", s.Env)
	}
}

func TestMistakesInFragments(t *testing.T) {
	for _, tc := range []struct {
		name, old, now, want string
		platform             bool
	}{
		{"stages", "owner: payments\n", "owner: payments\nstages: {pr: {blocks: false}}\n", `teams/pay/e2e-gate.yml:3:1: unknown key "stages"`, false},
		{"policy", "owner: payments\n", "owner: payments\npolicy: {failed: {release-blocking: inform}}\n", `teams/pay/e2e-gate.yml:3:1: unknown key "policy"`, false},
		{"quarantine", "owner: payments\n", "owner: payments\nquarantine: q.yml\n", `unknown key "quarantine"`, false},
		{"gates of all", "gates:\n", "gates:\n  timeout: 1h\n", `unknown key "timeout" in gates`, false},
		{"no owner", "owner: payments\n", "", "the fragment has no owner", false},
		{"no version", "version: 1\n", "", `the key "version" is missing`, false},
		{"a suite of that name", "name: payments,", "name: smoke,",
			`teams/pay/e2e-gate.yml:10:12: duplicate name "smoke"; names must be unique; the other one is at e2e-gate.yml:5:17`, false},
		{"a check of that name", "name: payment-api, tcp", "name: db, tcp", "names must", false},
		{"a service of that name", "services: {payment-api: {needs: [auth]}}", "services: {auth: {}, payment-api: {}}",
			`teams/pay/e2e-gate.yml:3:12: duplicate name "auth" in services; names must be unique among all files; the other one is at e2e-gate.yml:4:12`, false},
		{"a framework", "name: refunds, framework: gotest", "name: refunds, framework: gotets", `teams/pay/e2e-gate.yml:11:32: "gotets" is not allowed here`, false},
		{"a service that no file has", "needs: [auth]", "needs: [auht]", `teams/pay/e2e-gate.yml:3:34: unknown service "auht"; did you mean "auth"?`, false},
		{"a check's url", `{address: "127.0.0.1:3"}`, `{address: "x"}`, "teams/pay/e2e-gate.yml:8:", false},
		{"outside", "teams/*/e2e-gate.yml", "../teams/*.yml", `e2e-gate.yml:2:11: "../teams/*.yml" is not a path or a glob below the root`, true},
		{"absolute", "teams/*/e2e-gate.yml", "/etc/x.yml", "is not a path or a glob below the root", true},
		{"nothing there", "teams/*/e2e-gate.yml", "team/*.yml", `e2e-gate.yml:2:11: "team/*.yml" cannot be included: no file of the repository matches`, true},
		{"a bad glob", "teams/*/e2e-gate.yml", "'teams/['", "is not a path or a glob", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"e2e-gate.yml": platform, "teams/pay/e2e-gate.yml": payments}
			file := "teams/pay/e2e-gate.yml"
			if tc.platform {
				file = "e2e-gate.yml"
			}
			changed := strings.Replace(files[file], tc.old, tc.now, 1)
			if changed == files[file] {
				t.Fatal("nothing was replaced")
			}
			files[file] = changed
			_, err := loadTree(t, files)
			if tc.name == "a check of that name" { // also the position of the other one
				tc.want = "the other one is at e2e-gate.yml:6:25"
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestAFragmentOutsideOfTheRepository(t *testing.T) {
	root := tree(t, map[string]string{"e2e-gate.yml": platform, "teams/a/x": ""})
	outside := filepath.Join(t.TempDir(), "e2e-gate.yml")
	if err := os.WriteFile(outside, []byte(payments), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(root, "teams", "a", "e2e-gate.yml")); err != nil {
		t.Skip(err)
	}
	_, err := Load(Options{Root: root, Uses: AllSections})
	if err == nil || !strings.Contains(err.Error(), "cannot be included") || strings.Contains(err.Error(), "payments") {
		t.Errorf("%v", err)
	}
}

// On a change, what fragments say of scopes is that of the base, as of the config.
func TestAChangeOfAFragmentIsJudgedByTheBase(t *testing.T) {
	base, err := PeekBytes("e2e-gate.yml", []byte(platform), FragmentText{"teams/pay/e2e-gate.yml", []byte(payments)})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(payments, "services: [payment-api], needs: [db]}", "services: [auth], needs: [db]}", 1)
	change, err := PeekBytes("e2e-gate.yml", []byte(platform), FragmentText{"teams/pay/e2e-gate.yml", []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	judged, found := Judged(base, change)
	if len(found) != 1 || found[0].String() != "gates.checks.payment-api services is changed" || judged.Gates.Checks[1].Services[0] != "payment-api" {
		t.Errorf("%v %+v", found, judged.Gates.Checks[1].Services)
	}
	if got := base.Included([]string{"a/e2e-gate.yml", "teams/a/e2e-gate.yml", "teams/a/b/e2e-gate.yml"}); !cmp.Equal(got, []string{"teams/a/e2e-gate.yml"}) {
		t.Errorf("%v", got)
	}
}

// BenchmarkFragments loads a config with 40 fragments, of 10 suites each.
func BenchmarkFragments(b *testing.B) {
	files := map[string]string{"e2e-gate.yml": "version: 1\ninclude: [\"teams/*/e2e-gate.yml\"]\nstages: {pr: {}}\n"}
	for i := range 40 {
		var text strings.Builder
		fmt.Fprintf(&text, "version: 1\nowner: team-%d\nservices: {svc-%d: {}}\ngates:\n  checks:\n    - {name: svc-%d, tcp: {address: \"127.0.0.1:1\"}, services: [svc-%d]}\nsuites:\n", i, i, i, i)
		for n := range 10 {
			fmt.Fprintf(&text, "  - {name: s-%d-%d, framework: gotest, services: [svc-%d], tags: [smoke, api]}\n", i, n, i)
		}
		files[fmt.Sprintf("teams/t%d/e2e-gate.yml", i)] = text.String()
	}
	root := tree(b, files)
	for b.Loop() {
		began := time.Now()
		c, err := Load(Options{Root: root, Uses: AllSections})
		if err != nil || len(c.Suites) != 400 {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms")
	}
}
