package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite/recipe"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

// described are the suites of a repository as lines: kind, folder, about how many tests, packages,
// arguments or command line, folders to choose, what is lacking.
func described(all []Detected) []string {
	var lines []string
	for _, d := range all {
		var folders []string
		for _, f := range d.Folders {
			folders = append(folders, fmt.Sprintf("%s=%d", f.Dir, f.Tests))
		}
		s := d.Spec
		words := []string{d.Kind(), s.Dir, fmt.Sprint(d.Tests), strings.Join(slices.Concat(s.Packages, s.Args, s.Run, s.Specs, s.List), " "),
			strings.Join(folders, " "), strings.Join(d.Needs, "")}
		lines = append(lines, strings.TrimRight(strings.Join(words, ";"), ";"))
	}
	return lines
}

const twoGo = "package x\n\nimport \"testing\"\n\nfunc TestMain(m *testing.M) {}\n\nfunc TestA(t *testing.T) {}\n\nfunc Test_b(tt *testing.T) {\n}\n\nfunc Testify(t *testing.T) {}\n"

func TestDetectWithoutAnAdapter(t *testing.T) {
	const batsWhole = `sh -c bats --recursive --formatter junit . > "$1/bats.xml" sh {report_dir}`
	const batsFiles = `sh -c reports=$1; shift; status=0; for file; do mkdir -p "$reports/$file"; bats --formatter junit "$file" >"$reports/$file/bats.xml" || status=1; done; ` +
		`exit $status sh {report_dir} {tests} sh -c find . \( -name ".?*" -o -name node_modules \) -prune -o -type f -name "*.bats" -print | while IFS= read -r file; do [ "$(bats --count "$file")" = 0 ] || echo "$file"; done`
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"go without tags", map[string]string{"go.mod": "module x", "a_test.go": twoGo, "a.go": "package x"}, []string{"gotest;;2;;.=2"}},
		{"go in folders", map[string]string{"go.mod": "module x", "apis/a_test.go": twoGo, "core/a_test.go": twoGo, "_x/a_test.go": twoGo, "c/empty_test.go": "package c",
			"d/i_test.go": "//go:build ignore\n\n" + twoGo}, []string{"gotest;;4;;apis=2 core=2"}},
		{"go in a folder that tells", map[string]string{"go.mod": "module x", "a_test.go": twoGo, "test/e2e/x/a_test.go": twoGo, "test/integration-tests/a_test.go": twoGo},
			[]string{"gotest;test/e2e;2", "gotest;test/integration-tests;2"}},
		{"go in a module that tells", map[string]string{"go.mod": "module x", "e2e/go.mod": "module y", "e2e/a/a_test.go": twoGo, "e2e/b/a_test.go": twoGo},
			[]string{"gotest;e2e;4"}},
		{"nested modules", map[string]string{"go.mod": "module x", "a_test.go": twoGo, "sub/go.mod": "module y", "sub/b_test.go": twoGo},
			[]string{"gotest;;2;;.=2", "gotest;sub;2;;sub=2"}},
		{"a tag with CRLF, and the folder of its name", map[string]string{"go.mod": "module x", "e2e/a_test.go": "//go:build e2e\r\n\r\n" + twoGo, "e2e/b_test.go": twoGo},
			[]string{"gotest;;2;-tags=e2e", "gotest;e2e;2"}},
		{"plain pytest", map[string]string{"tests/test_a.py": "def test_a():\n  pass\nclass X:\n  async def test_b(self): pass\n", "src/a.py": "def test_x(): pass"},
			[]string{"pytest;;2;tests"}},
		{"plain pytest at the root", map[string]string{"test_a.py": "def test_a(): pass", "sub/b_test.py": "def test_b(): pass"}, []string{"pytest;;2"}},
		{"plain pytest with odd folders", map[string]string{"-k/test_a.py": "def test_a(): pass"}, []string{"pytest;;1"}},
		{"plain pytest in projects", map[string]string{"a/requirements.txt": "", "a/t/test_a.py": "def test_a(): pass", "b/setup.py": "", "b/x/y/test_a.py": "def test_a(): pass"},
			[]string{"pytest;a;1;t", "pytest;b;1;x"}},
		{"plain pytest beside a conftest", map[string]string{"e2e/conftest.py": "", "e2e/test_a.py": "def test_a(): pass", "unit/test_b.py": "def test_b(): pass"},
			[]string{"pytest;e2e;1", "pytest;;2;unit"}},
		{"Selenium in pytest", map[string]string{"tests/test_ui.py": "from selenium import webdriver\n\ndef test_ui(): pass\n", "uv.lock": ""}, []string{"pytest;;1;tests uv run pytest"}},
		{"a helper has no tests", map[string]string{"test_helpers.py": "X = 1"}, nil},
		{"mocha", map[string]string{"package.json": `{"devDependencies": {"mocha": "1"}}`, "test/a.js": "it('a', () => {});\n  it.only('b', f)\n", "lib/it.js": "it('x')"},
			[]string{"mocha;;2"}},
		{"mocha with a script", map[string]string{"package.json": `{"scripts": {"a": "mocha x", "test": "mocha --require 'a b' -R spec --reporter=dot -w \"test/**/*.js\""}, "devDependencies": {"mocha": "1"}}`},
			[]string{"mocha;;0;--require a b -R spec --reporter=dot test/**/*.js"}},
		{"mocha with a script of a shell", map[string]string{"package.json": `{"scripts": {"test": "mocha && rm -rf $HOME"}, "dependencies": {"mocha": "1", "mocha-junit-reporter": "2"}}`},
			[]string{"mocha;;0"}},
		{"mocha by its file", map[string]string{"api/.mocharc.yml": "", "api/test/a.js": ""}, []string{"mocha;api;0"}},
		{"node:test by its script", map[string]string{"package.json": `{"scripts": {"test": "node --import tsx --test-timeout=9 --test tests/*.test.ts"}}`, "tests/a.test.ts": "import test from 'node:test';\ntest('a', f)\n"},
			[]string{"nodetest;;1;--import tsx --test-timeout=9 tests/*.test.ts"}},
		{"node:test by a script with tsx", map[string]string{"package.json": `{"scripts": {"test": "tsx --test --test-timeout=9 \"tests/**/*.test.ts\""}}`},
			[]string{"nodetest;;0;--test-timeout=9 npx tsx --test tests/**/*.test.ts"}},
		{"node:test by its files", map[string]string{"package.json": "{}", "test/a.js": "const { it } = require('node:test');\nit('a', f);\nit.skip('b', f);\n", "lib/x.js": "require('node:test')"},
			[]string{"nodetest;;2"}},
		{"node:test in a folder", map[string]string{"package.json": `{"scripts": {"test": "node --test --watch e2e/"}}`}, []string{"nodetest;;0;e2e/"}},
		{"another use of node", map[string]string{"package.json": `{"scripts": {"test": "node test.js"}}`, "test.js": "console.log('node:test')"}, nil},
		{"mocha in a word", map[string]string{"package.json": `{"description": "like mocha", "keywords": ["mocha"]}`}, nil},
		{"rspec", map[string]string{"Gemfile": "gem 'rspec'", "spec/models/a_spec.rb": "it 'a' do\n  specify { }\n"}, []string{"rspec;;2"}},
		{"rspec that leaves out examples", map[string]string{".rspec": "--color\n--tag ~slow\n", "spec/a_spec.rb": "it 'a'"},
			[]string{"rspec;;1"}},
		{"rspec in a folder", map[string]string{"api/Gemfile": "", "api/.rspec": "", "api/spec/a_spec.rb": ""},
			[]string{"rspec;api;0"}},
		{"minitest", map[string]string{"Gemfile": "gem 'minitest-junit'", "test/a_test.rb": "def test_a\n  test \"b\" do\n", "test/test_helper.rb": ""},
			[]string{"minitest;;2;bundle exec rake test TESTOPTS=--junit --junit-filename={report_dir}/minitest.xml"}},
		{"rails", map[string]string{"Gemfile": "gem 'rails'\ngem 'minitest-junit'", "bin/rails": "", "test/models/a_test.rb": ""},
			[]string{"minitest;;0;./bin/rails test --junit --junit-filename={report_dir}/minitest.xml"}},
		{"phpunit", map[string]string{"composer.json": `{"require-dev": {"phpunit/phpunit": "^11"}}`, "tests/ATest.php": "  public function testA\n    #[Test]\n"}, []string{"phpunit;;2"}},
		{"phpunit by its config", map[string]string{"e2e/phpunit.xml.dist": "", "e2e/ATest.php": "public function testA"}, []string{"phpunit;e2e;1"}},
		{"phpunit that is not in composer.json", map[string]string{"composer.json": "{}", "phpunit.xml": ""},
			[]string{"phpunit;;0;;;PHPUnit is not in composer.json: composer require --dev phpunit/phpunit"}},
		{"dotnet", map[string]string{"x/A.sln": "", "x/a/A.csproj": "Microsoft.NET.Test.Sdk JunitXml.TestLogger", "x/a/A.cs": "  [Fact]\n  [Theory]\n", "x/b/B.fsproj": "Microsoft.NET.Test.Sdk JunitXml.TestLogger",
			"x/c/C.csproj": ""}, []string{"dotnet;x;2;dotnet test --logger junit;LogFilePath={report_dir}/{assembly}.xml"}},
		{"dotnet without the logger", map[string]string{"A.Tests/A.csproj": "Microsoft.NET.Test.Sdk"},
			[]string{"dotnet;A.Tests;0;dotnet test --logger junit;LogFilePath={report_dir}/{assembly}.xml;;each test project writes JUnit XML with a package: dotnet add package JunitXml.TestLogger"}},
		{"robot", map[string]string{"tests/a.robot": "*** Settings ***\nLibrary  X\n*** test cases ***\nA\n    Log    1\n# no\nB\n    Log    2\n*** Keywords ***\nC\n", "tests/k.resource": ""},
			[]string{"robot;;2;tests"}},
		{"behave", map[string]string{"features/steps/s.py": "from behave import given\n", "features/a.feature": "Feature: a\n  Scenario: x\n  Scenario Outline: y\n"}, []string{"behave;;2"}},
		{"behave in a folder of another name", map[string]string{"e2e/steps/s.py": "import behave\n", "e2e/api/a.feature": "  Scenario: x\n"}, []string{"behave;e2e;1;."}},
		{"steps of something else", map[string]string{"features/steps/s.py": "from pytest_bdd import given\n", "features/a.feature": "  Scenario: x\n"}, nil},
		{"keywords are no robot", map[string]string{"tests/a.robot": "*** Keywords ***\nC\n"}, nil},
		{"newman", map[string]string{"package.json": `{"devDependencies": {"newman": "6"}}`, "-shop.postman_collection.json": "{}"},
			[]string{"newman;;0;npx --no-install newman run ./-shop.postman_collection.json --reporters cli,junit --reporter-junit-export {report_dir}/newman.xml"}},
		{"bats", map[string]string{"test/a.bats": "@test \"a\" {\n"}, []string{"bats;test;1;" + batsFiles}},
		{"bats with a set-up of all files", map[string]string{"test/a.bats": "@test \"a\" {\n", "test/setup_suite.bash": ""}, []string{"bats;test;1;" + batsWhole}},
		{"bats without tests", map[string]string{"test/a.bats": ""}, []string{"bats;test;0;" + batsWhole}},
		{"playwright by its package", map[string]string{"package.json": `{"devDependencies": {"@playwright/test": "1"}}`, "web/playwright.config.ts": "", "tests/a.spec.ts": "import '@playwright/test'\ntest('a', f)\n"},
			[]string{"playwright;web;0"}},
		{"one folder, two runners", map[string]string{"package.json": `{"devDependencies": {"@playwright/test": "1", "jest": "1"}}`, "e2e/a.spec.ts": "import '@playwright/test'\ntest('a', f)\n", "a.test.ts": "it('b', f)"},
			[]string{"jest;;1", "playwright;;1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := described(Detect(ReadTree(suitetest.Files(t, tc.files))))
			if !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// What a recipe writes is a config that the gate accepts.
func TestRecipesAreValid(t *testing.T) {
	tree := ReadTree(suitetest.Files(t, map[string]string{
		"api/package.json": `{"devDependencies": {"newman": "1"}}`, "api/a.postman_collection.json": "",
		"ruby/Gemfile": "minitest", "ruby/test/a_test.rb": "", "net/A.csproj": "Microsoft.NET.Test.Sdk", "bats/a.bats": "",
	}))
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "frameworks.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen, pointed := map[string]bool{}, 0
	for _, d := range Detect(tree) {
		seen[d.Runner] = true
		if _, anchor, ok := strings.Cut(d.Recipe, "#"); ok {
			anchor, _, _ = strings.Cut(anchor, " ")
			if pointed++; len(d.Spec.List) > 0 || !strings.Contains(strings.ToLower(string(page)), "\n### "+strings.ReplaceAll(anchor, "-", " ")+"\n") {
				t.Errorf("%+v", d)
			}
		}
		if problems := Validate(d.Spec, func(key string) bool { return key == "run" || key == "reports" }); len(problems) > 0 || len(d.Files) == 0 {
			t.Errorf("%+v: %+v", d, problems)
		}
	}
	if len(seen) != len(recipe.All) || pointed != len(recipe.All)-2 {
		t.Errorf("only %v, and %d recipes of the docs", seen, pointed)
	}
}

func TestNarrow(t *testing.T) {
	tree := ReadTree(suitetest.Files(t, map[string]string{
		"go.mod": "module x", "a_test.go": twoGo, "apis/a_test.go": twoGo, "apis/v1/a_test.go": twoGo, "core/a_test.go": twoGo,
		"package.json": `{"devDependencies": {"jest": "1"}}`, "py/pytest.ini": "", "py/unit/test_a.py": "def test_a(): pass",
	}))
	for folder, want := range map[string][]string{
		"apis": {"gotest;apis;4"}, "apis/v1": {"gotest;apis/v1;2"}, ".": {"gotest;;8", "jest;;0", "pytest;py;1"}, "py": {"pytest;py;1"}, "nothing": nil, "ap": nil,
	} {
		var kept []Detected
		for _, d := range Detect(tree) {
			if in, ok := Narrow(d, folder); ok {
				kept = append(kept, in)
			}
		}
		if got := described(kept); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", folder, got, want)
		}
	}
	loose := Detect(tree)[0]
	var each []string
	for _, f := range loose.Folders {
		each = append(each, described([]Detected{Only(loose, f)})...)
	}
	if want := []string{"gotest;;2;.", "gotest;apis;4", "gotest;apis/v1;2", "gotest;core;2"}; !slices.Equal(each, want) {
		t.Errorf("got %q, want %q", each, want)
	}
}

// What is read is bounded, and what is left out is said.
func TestReadTree(t *testing.T) {
	root := suitetest.Files(t, map[string]string{
		"go.mod": "module x", "a/b/a_test.go": twoGo, "a/go.mod": "module y", "c/c_test.go": twoGo,
		"node_modules/x/package.json": "{}", "x/" + strings.Repeat("d/", 12) + "pytest.ini": "",
	})
	if got := strings.Join(ReadTree(root).Files, " "); got != "a/b/a_test.go a/go.mod c/c_test.go go.mod" {
		t.Error(got)
	}
	if got := strings.Join(ReadTree(root, "a/b").Files, " "); got != "a/b/a_test.go a/go.mod go.mod" {
		t.Error(got)
	}
	for text, want := range map[string]string{
		"{\n \"scripts\": {,}}": "package.json:2:14 is broken", "{": "package.json:1:2 is broken", "[]": "package.json:1:1 is broken", "": "package.json:1:1 is broken",
		"\uFEFF{}": "", `{"scripts": 1, "dependencies": [], "packageManager": {}}`: "", `{"scripts": {"test": 1, "x": "mocha"}}`: "",
	} {
		tree := ReadTree(suitetest.Files(t, map[string]string{"package.json": text}))
		Detect(tree)
		notes := strings.Join(tree.Notes, "\n")
		if (want == "") != (notes == "") || !strings.Contains(notes, want) {
			t.Errorf("%q: %q, want %q", text, notes, want)
		}
	}
}

// The script of a suite says in what environment it runs, and one for debugging does not.
func TestDetectVariables(t *testing.T) {
	for _, tc := range []struct{ name, manifest, want string }{
		{"jest with ES modules", `{"devDependencies": {"jest": "1"}, "scripts": {"test": "cross-env NODE_OPTIONS=--experimental-vm-modules jest --ci"}}`,
			"map[NODE_OPTIONS:--experimental-vm-modules]"},
		{"by the shell", `{"devDependencies": {"mocha": "1"}, "scripts": {"e2e": "A=1 B=2 mocha e2e"}}`, "map[A:1 B:2]"},
		{"two that differ", `{"devDependencies": {"mocha": "1"}, "scripts": {"debug": "DEBUG=1 mocha", "e2e": "mocha"}}`, "map[]"},
		{"test goes first", `{"devDependencies": {"mocha": "1"}, "scripts": {"debug": "DEBUG=1 mocha", "test": "A=1 mocha"}}`, "map[A:1]"},
		{"another program", `{"devDependencies": {"jest": "1"}, "scripts": {"start": "NODE_ENV=production node server.js"}}`, "map[]"},
	} {
		all := Detect(ReadTree(suitetest.Files(t, map[string]string{"package.json": tc.manifest, "e2e/a.test.js": "it('a', () => {})"})))
		if len(all) != 1 || fmt.Sprint(all[0].Spec.Env) != tc.want {
			t.Errorf("%s: %+v, want %s", tc.name, all, tc.want)
		}
	}
}
