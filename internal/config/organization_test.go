package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/policy"
)

func TestParseSource(t *testing.T) {
	sha := strings.Repeat("0a", 20)
	for text, want := range map[string]Source{
		"acme/.github//e2e-gate.base.yml@main":   {"acme/.github", "e2e-gate.base.yml", "main"},
		"a-1/b.c_d//x/y/z.yaml@release/1.0+b":    {"a-1/b.c_d", "x/y/z.yaml", "release/1.0+b"},
		"acme/.github//e2e-gate.base.yml@" + sha: {"acme/.github", "e2e-gate.base.yml", sha},
	} {
		got, err := ParseSource(text)
		if err != nil || got != want || got.String() != text || got.Pinned() != (want.Ref == sha) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, says := range map[string]string{
		"":                             "names no file of a repository",
		"acme/.github":                 "names no file of a repository",
		"//x.yml@main":                 "names no file of a repository",
		"acme/.github//x.yml":          "names no tag, branch or commit",
		"acme/.github//x.yml@":         "is not OWNER",
		"acme//x.yml@main":             "is not OWNER",
		"acme/a/b//x.yml@main":         "is not OWNER",
		"https://h.test/a//x.yml@main": "is not OWNER",
		"acme/a//x.yml@main?x=1":       "is not OWNER",
		"acme/a//x.yml@${REF}":         "is not OWNER",
		"acme/a//x.yml@a b":            "is not OWNER",
		"acme/a//x.yml@main\n":         "is not OWNER",
		"acme/a//x%2e.yml@main":        "is not OWNER",
		"acme/..//x.yml@main":          "names no repository",
		"acme/a//../x.yml@main":        "not a plain one",
		"acme/a///x.yml@main":          "not a plain one",
		"acme/a//x/./y.yml@main":       "not a plain one",
		"acme/a//x.json@main":          ".yml",
		"acme/a//x.yml@a..b":           "neither a tag",
		"acme/a//x.yml@/a":             "neither a tag",
		"acme/a//x.yml@a//b":           "neither a tag",
		"acme/a//x.yml@-a":             "neither a tag",
		"acme/a//x.yml@0a0a0a0":        "abbreviated",
		"acme/a//x.yml@" + sha[:39]:    "abbreviated",
		"acme/a//" + strings.Repeat("x", 300) + ".yml@main": "is not OWNER",
	} {
		if s, err := ParseSource(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %+v, %v; want %q", text, s, err, says)
		}
	}
}

const orgFile = "acme/.github//base.yml@main"

func organization(t *testing.T, text string) *Organization {
	t.Helper()
	o, err := ParseOrganization(orgFile, []byte("version: 1\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func own(t *testing.T, text string) *Config {
	t.Helper()
	c, err := PeekBytes("e2e-gate.yml", []byte("version: 1\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Mistakes come all at once, with their positions in that file; nothing that is executed is taken.
func TestMistakesOfAnOrganization(t *testing.T) {
	for text, wants := range map[string][]string{
		"version: 1\nextends: acme/.github//other.yml@main\n": {orgFile + ":2:1: unknown key \"extends\""},
		"version: 1\nsuites: [{name: s}]\nstages: {}\nprocesses: []\n": {":2:1: unknown key \"suites\"", ":3:1: unknown key \"stages\"",
			":4:1: unknown key"},
		"version: 1\nexonerate: {probe: true}\n":                                {":2:13: unknown key \"probe\""},
		"version: 1\njudge: {branches: [x]}\n":                                  {":2:9: unknown key \"branches\""},
		"policy: {flaky: {nightly: stop}}\n":                                    {"version", "stop"},
		"version: 2\n":                                                          {":1:10: version 2"},
		"version: 1\nrerun: {max_failures: -1}\nowners: {a: \"@all people\"}\n": {"max_failures cannot be negative", ":3:13:"},
		"version: 1\njudge: {approve: {review: all}}\n":                         {"\"all\" is not allowed here"},
		"version: 1\ntriage: {rules: [{category: X}]}\n":                        {orgFile + ":2:"},
		"a: &a [*a]\n": {orgFile},
		"<html>":       {orgFile},
		"\x00":         {"control character"},
		"\xff":         {"UTF-8"},
		"":             {"the file is empty"},
		"version: 1\n" + strings.Repeat("#", 1<<20):   {"larger than 1 MiB"},
		"version: 1\nsecrets: [\"${GITHUB_TOKEN}\"\n": {orgFile},
	} {
		o, err := ParseOrganization(orgFile, []byte(text))
		if err == nil || o != nil {
			t.Errorf("%.40q: %+v", text, o)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%.40q: %v; want %q", text, err, want)
			}
		}
	}
}

func TestExtend(t *testing.T) {
	o := organization(t, `policy: {flaky: {release-blocking: block, nightly: inform}, skipped: {release-blocking: warn}}
rerun: {max_failures: 5, max_share: 10%}
exonerate: {max_age: 24h}
triage: {rules: [{category: EXTERNAL_DEPENDENCY, when: {message: org}, why: org}]}
judge: {approve: {review: code-owners, label: ok}}
owners: {a: "@acme/a", b: "@acme/b"}
secrets: [B, A]
`)
	for name, tc := range map[string]struct {
		own    string
		want   func(c *Config)
		weaker []string
	}{
		"nothing of its own": {"", func(*Config) {}, nil},
		"stricter": {"policy: {flaky: {nightly: block}, failed: {nightly: block}}\nrerun: {max_failures: 0, max_share: 5%}\nexonerate: {max_age: 1h}\n" +
			"judge: {branches: [r], approve: {review: code-owners}}\n",
			func(c *Config) {
				c.Cells["flaky"]["nightly"], c.Cells["failed"] = "block", map[string]string{"nightly": "block"}
				none, hour := 0, time.Hour
				c.Rerun, c.Exonerate.MaxAge, c.Judge.Branches = Rerun{&none, 0.05}, &hour, []string{"r"}
			}, nil},
		"weaker": {"policy: {flaky: {release-blocking: warn}}\nrerun: {max_failures: 6, max_share: 11%}\nexonerate: {max_age: 25h}\n" +
			"judge: {approve: {review: any, label: mine}}\n", func(*Config) {}, []string{
			"policy.flaky.release-blocking: warn is weaker than block of " + orgFile + ":2:36, which counts",
			"rerun.max_failures: 6 is weaker than 5 of " + orgFile + ":3:23, which counts",
			"rerun.max_share: 11% is weaker than 10% of " + orgFile + ":3:37, which counts",
			"exonerate.max_age: 25h0m0s is weaker than 24h0m0s of " + orgFile + ":4:22, which counts",
			"judge.approve.label: mine is weaker than ok of " + orgFile + ":6:47, which counts",
			"judge.approve.review: any is weaker than code-owners of " + orgFile + ":6:27, which counts",
		}},
		"lists and names": {"owners: {b: \"@acme/mine\", c: \"@acme/c\"}\nsecrets: [C, A]\n", func(c *Config) {
			c.Owners["b"], c.Owners["c"], c.Secrets = "@acme/mine", "@acme/c", []string{"A", "B", "C"}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := own(t, tc.own)
			got, weaker := o.Extend(c)
			five, day := 5, 24*time.Hour
			want := &Config{
				Cells:     policy.Override{"flaky": {"release-blocking": "block", "nightly": "inform"}, "skipped": {"release-blocking": "warn"}},
				Rerun:     Rerun{&five, 0.1},
				Exonerate: Exonerate{MaxAge: &day},
				Judge:     Judge{Approve: Approve{Review: "code-owners", Label: "ok"}},
				Owners:    map[string]string{"a": "@acme/a", "b": "@acme/b"},
				Secrets:   []string{"A", "B"},
				Triage:    o.Triage,
			}
			tc.want(want)
			for _, pair := range [][2]any{{want.Cells, got.Cells}, {want.Cells, got.Policy.Cells()}, {want.Rerun, got.Rerun}, {want.Exonerate, got.Exonerate},
				{want.Judge, got.Judge}, {want.Owners, got.Owners}, {want.Secrets, got.Secrets}, {len(want.Triage.Rules), len(got.Triage.Rules)}} {
				if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
					t.Error(diff)
				}
			}
			var texts []string
			for _, w := range weaker {
				texts = append(texts, w.String())
			}
			if diff := cmp.Diff(tc.weaker, texts); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(own(t, tc.own).Owners, c.Owners); diff != "" {
				t.Errorf("the config was changed: %s", diff)
			}
		})
	}
}

// The repository's own rules come first.
func TestRulesOfTheRepositoryComeFirst(t *testing.T) {
	rule := "triage: {rules: [{category: TEST_BUG, when: {message: %s}, why: %[1]s}]}\n"
	c, _ := organization(t, fmt.Sprintf(rule, "org")).Extend(own(t, fmt.Sprintf(rule, "mine")))
	if len(c.Triage.Rules) != 2 || c.Triage.Rules[0].Why != "mine" {
		t.Errorf("%+v", c.Triage.Rules)
	}
}

// The file that the docs show is one, and both join.
func TestShownOrganization(t *testing.T) {
	text, err := os.ReadFile("../../docs/organization.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "    # e2e-gate.base.yml in acme/.github\n")
	block, _, _ := strings.Cut(rest, "\n\n")
	if !ok {
		t.Fatal("the docs show none")
	}
	o, err := ParseOrganization(orgFile, []byte(strings.ReplaceAll("\n"+block, "\n    ", "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if c, weaker := o.Extend(own(t, "policy: {flaky: {release-blocking: warn}}\n")); len(weaker) != 1 || len(c.Secrets) != 1 || len(c.Triage.Rules) != 1 {
		t.Errorf("%+v, %v", c, weaker)
	}
}

// Lint shows where both say what they say.
func TestLintExtends(t *testing.T) {
	o := organization(t, "policy: {flaky: {release-blocking: block}}\n")
	c := own(t, "extends: acme/.github//base.yml@main\npolicy:\n  flaky: {release-blocking: warn}\n")
	list := c.LintExtends(o)
	if len(list) != 2 || !strings.Contains(list[0].String(), "e2e-gate.yml:2:10: warning: extends names main, which can be moved") ||
		!strings.Contains(list[1].String(), "e2e-gate.yml:4:29: policy.flaky.release-blocking: warn is weaker than block of "+orgFile+":2:36, which counts") {
		t.Errorf("%v", list)
	}
	pinned := own(t, "extends: acme/.github//base.yml@"+strings.Repeat("0a", 20)+"\n")
	if list := append(pinned.LintExtends(o), own(t, "").LintExtends(nil)...); len(list) > 0 {
		t.Errorf("%v", list)
	}
}

func TestMistakesOfExtends(t *testing.T) {
	for text, says := range map[string]string{
		"extends: acme/.github//x.yml": "e2e-gate.yml:2:10: \"acme/.github//x.yml\" names no tag, branch or commit",
		"extends: \"\"":                "extends is empty",
		"extends: \"${WHERE}\"":        "names no file",
		"extends: [a]":                 "2:10",
	} {
		file := t.TempDir() + "/e2e-gate.yml"
		if err := os.WriteFile(file, []byte("version: 1\n"+text+"\nstages: {pr: {on: [push]}}\nsuites: [{name: s, framework: command, run: [x], reports: \"*.xml\"}]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(Options{File: file, Root: t.TempDir(), Uses: AllSections}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want %q", text, err, says)
		}
	}
}
