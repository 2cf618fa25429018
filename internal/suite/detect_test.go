package suite

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

// found are the suites of a repository as lines: name, directory, arguments, proofs.
func found(root string) []string {
	var lines []string
	for _, d := range Detect(ReadTree(root)) {
		lines = append(lines, strings.TrimSpace(strings.Join([]string{
			d.Spec.Framework + "=" + d.Spec.Name, d.Spec.Dir, strings.Join(d.Spec.Args, " "), strings.Join(d.Files, " "),
		}, ";")))
	}
	return lines
}

func TestDetect(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"nothing", map[string]string{"README.md": "", "src/a.js": ""}, nil},
		{"pytest by its ini", map[string]string{"pytest.ini": "", "tests/conftest.py": ""}, []string{"pytest=pytest;;;pytest.ini"}},
		{
			"pytest by pyproject", map[string]string{"e2e/pyproject.toml": "[tool.pytest.ini_options]\n", "pyproject.toml": "[build-system]"},
			[]string{"pytest=pytest;e2e;;e2e/pyproject.toml"},
		},
		{
			"pytest by conftest alone", map[string]string{"e2e/conftest.py": "", "e2e/sub/conftest.py": ""},
			[]string{"pytest=pytest;e2e;;e2e/conftest.py e2e/sub/conftest.py"},
		},
		{"two of one kind", map[string]string{"web/playwright.config.ts": "", "apps/shop/playwright.config.mjs": "", "web/node_modules/x/playwright.config.ts": ""},
			[]string{"playwright=playwright-apps-shop;apps/shop;;apps/shop/playwright.config.mjs", "playwright=playwright-web;web;;web/playwright.config.ts"}},
		{"several", map[string]string{
			"package.json": `{"devDependencies": {"jest": "30.0.0", "vitest": "4.0.0", "@cucumber/cucumber": "12"}}`, "features/a.feature": "", "cypress.config.js": "",
			"vitest.config.ts": "",
		},
			[]string{"cucumber=cucumber;;;package.json", "cypress=cypress;;;cypress.config.js", "jest=jest;;;package.json",
				"vitest=vitest;;;package.json vitest.config.ts"}},
		{"cucumber in webdriverio", map[string]string{
			"package.json":       `{"devDependencies": {"@cucumber/cucumber": "10", "@wdio/cucumber-framework": "9"}}`,
			"features/a.feature": "  Scenario: a\n", "wdio.conf.ts": "",
		}, []string{"webdriverio=webdriverio;;;wdio.conf.ts"}},
		{"webdriverio with a config in a folder of its own", map[string]string{
			"package.json":           `{"devDependencies": {"@wdio/cli": "9"}, "scripts": {"wdio": "wdio run ./config/wdio.ci.conf.ts --suite smoke"}}`,
			"config/wdio.conf.ts":    "",
			"config/wdio.ci.conf.ts": "",
		}, []string{"webdriverio=webdriverio;;config/wdio.ci.conf.ts;config/wdio.ci.conf.ts"}},
		{"webdriverio with two configs", map[string]string{
			"package.json": `{"devDependencies": {"@wdio/cli": "9"}, "scripts": {"wdio": "wdio config/wdio.ci.conf.ts"}}`, "wdio.conf.ts": "", "config/wdio.ci.conf.ts": "",
		}, []string{"webdriverio=webdriverio;;;wdio.conf.ts"}},
		{"cucumber without features", map[string]string{"package.json": `{"devDependencies": {"@cucumber/cucumber": "12"}}`}, nil},
		{"go", map[string]string{
			"svc/go.mod": "module x", "svc/e2e/a_test.go": "//go:build e2e\n\npackage e2e", "svc/b_test.go": "package b", "c_test.go": "//go:build e2e\n",
		},
			[]string{"gotest=gotest;svc;-tags=e2e;svc/e2e/a_test.go svc/go.mod"}},
		{"go with two tags", map[string]string{"go.mod": "module x", "a_test.go": "//go:build e2e\n", "b_test.go": "//go:build integration\n"},
			[]string{"gotest=gotest;;-tags=e2e;a_test.go go.mod", "gotest=gotest-2;;-tags=integration;b_test.go go.mod"}},
		{
			"packages and builds", map[string]string{"vendor/pytest.ini": "", "target/jest.config.js": "", ".hidden/jest.config.js": "", "testdata/jest.config.js": ""},
			nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := found(suitetest.Files(t, tc.files)); !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// Each example is detected with its framework, alone and among the others.
func TestDetectExamples(t *testing.T) {
	all := Detect(ReadTree("../.."))
	for _, name := range []string{"pytest", "playwright", "vitest", "jest", "mocha", "webdriverio", "nodetest", "robot", "rspec", "phpunit", "behave", "cucumber", "cypress"} {
		list := Detect(ReadTree(filepath.Join("../../examples", name)))
		if len(list) != 1 || list[0].Spec.Framework != name || list[0].Spec.Dir != "" {
			t.Errorf("%s: %+v", name, list)
		}
		if !slices.ContainsFunc(all, func(d Detected) bool { return d.Spec.Framework == name && d.Spec.Dir == "examples/"+name }) {
			t.Errorf("%s is not detected in this repository: %q", name, found("../.."))
		}
	}
	for _, d := range all {
		if problems := Validate(d.Spec, func(string) bool { return false }); len(problems) > 0 || d.Spec.Name == "" || len(d.Files) == 0 {
			t.Errorf("%+v: %+v", d, problems)
		}
	}
}
