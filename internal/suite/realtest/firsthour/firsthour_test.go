// Package firsthour does what a newcomer does: init in a repository with tests, then run. Nothing
// is changed in between, and the framework is the real one.
package firsthour

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// shape is a repository as a newcomer has it.
type shape struct {
	name  string
	files map[string]string
	// install makes it runnable; nil: nothing is needed.
	install func(t *testing.T, dir string) []string
	// flags are those of init.
	flags []string
	// says are parts of what init prints, workflow of the workflow that it writes.
	says, workflow []string
	// tests is how many pass.
	tests int
}

const (
	goMod  = "module example.com/shop\n\ngo 1.24\n"
	goTest = "package shop\n\nimport \"testing\"\n\nfunc TestPay(t *testing.T) {}\n\nfunc TestShip(t *testing.T) {}\n"
	jsTest = "test('pays', () => {});\ntest('ships', () => {});\n"
	bddJS  = "describe('case', () => {\n  it('pays', () => {});\n  it('ships', () => {});\n});\n"
	pyTest = "def test_pays():\n    pass\n\n\ndef test_ships():\n    pass\n"
	gem    = "RSpec.describe 'case' do\n  it('pays') { expect(1).to eq 1 }\n  it('ships') { expect(1).to eq 1 }\nend\n"
	phpXML = `<phpunit><testsuites><testsuite name="all"><directory>tests</directory></testsuite></testsuites></phpunit>` + "\n"
	php    = "<?php\nuse PHPUnit\\Framework\\TestCase;\nfinal class CaseTest extends TestCase\n{\n" +
		"    public function testPays(): void { $this->assertTrue(true); }\n    public function testShips(): void { $this->assertTrue(true); }\n}\n"
	robot = "*** Test Cases ***\nPays\n    Should Be Equal    1    1\n\nShips\n    Log    it ships\n"
	bats  = "@test \"pays\" {\n  true\n}\n\n@test \"ships\" {\n  true\n}\n"
	cuke  = "Feature: case\n  Scenario: pays\n    Given a case\n  Scenario: ships\n    Given a case\n"
	steps = "const { Given } = require('@cucumber/cucumber');\nGiven('a case', () => {});\n"
	junit = "package com.acme;\n\nimport org.junit.jupiter.api.Test;\n\nclass CaseTest {\n  @Test\n  void pays() {}\n\n  @Test\n  void ships() {}\n}\n"
)

// uses is a package.json that depends on a package. Its lock file only shows the package manager.
func uses(more map[string]string, name string) map[string]string {
	files := map[string]string{"package.json": `{"private": true, "devDependencies": {"` + name + `": "*"}}`, "package-lock.json": "{}"}
	for file, text := range more {
		files[file] = text
	}
	return files
}

func pom(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(gatebin.Root(t), "examples", "junit5", "pom.xml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func program(name, install string) func(t *testing.T, dir string) []string {
	return func(t *testing.T, _ string) []string {
		t.Helper()
		need.Tool(t, name, install)
		return nil
	}
}

func shapes(t *testing.T) []shape {
	npm := []string{"actions/setup-node@", "cache: npm", "run: npm ci"}
	return []shape{
		{name: "go without tags", files: map[string]string{"go.mod": goMod, "shop_test.go": goTest}, tests: 2,
			says: []string{"gotest/shop_test.go::TestPay"}, workflow: []string{"actions/setup-go@", "go-version-file: go.mod"}},
		{name: "go with a tag", files: map[string]string{"go.mod": goMod, "go.sum": "", "unit_test.go": goTest, "e2e/e2e_test.go": "//go:build e2e\n\n" + goTest}, tests: 4,
			says: []string{"gotest/e2e/e2e_test.go::TestPay"}},
		{name: "go with folders", files: map[string]string{"go.mod": goMod, "apis/a_test.go": goTest, "core/a_test.go": goTest},
			flags: []string{"--dir", "apis", "--framework", "gotest"}, tests: 2, says: []string{"gotest/a_test.go::TestShip"}},
		{name: "plain pytest", files: map[string]string{"tests/test_case.py": pyTest, "requirements.txt": "pytest\n"}, install: realsuite.VenvOf("pytest"), tests: 2,
			says: []string{"pytest/tests/test_case.py::test_pays"}, workflow: []string{"actions/setup-python@", "cache: pip", "run: pip install -r requirements.txt"}},
		{name: "pytest with pyproject", install: realsuite.VenvOf("pytest"), tests: 2,
			files: map[string]string{"checks/test_case.py": pyTest, "pyproject.toml": "[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n" +
				"[project.optional-dependencies]\ntest = [\"pytest\"]\n[tool.pytest.ini_options]\ntestpaths = [\"checks\"]\n"},
			workflow: []string{"python-version-file: pyproject.toml", `pip install -e ".[test]"`}},
		{name: "playwright", install: realsuite.ModulesOf("playwright"), tests: 2,
			files: uses(map[string]string{"playwright.config.js": "module.exports = { testDir: 'e2e' };\n",
				"e2e/case.spec.js": "const { test } = require('@playwright/test');\n" + jsTest}, "@playwright/test"),
			workflow: append([]string{"npx --no-install playwright install --with-deps"}, npm...)},
		{name: "vitest", files: uses(map[string]string{"case.test.mjs": "import { test } from 'vitest';\n" + jsTest}, "vitest"),
			install: realsuite.ModulesOf("vitest"), tests: 2, workflow: npm},
		{name: "jest", files: uses(map[string]string{"case.test.js": jsTest}, "jest"), install: realsuite.ModulesOf("jest"), tests: 2, workflow: npm},
		{name: "cucumber", files: uses(map[string]string{"features/case.feature": cuke, "features/steps.js": steps}, "@cucumber/cucumber"),
			install: realsuite.ModulesOf("cucumber"), tests: 2, workflow: npm},
		{name: "mocha", files: uses(map[string]string{"test/case.js": bddJS}, "mocha"), install: realsuite.ModulesOf("mocha"), tests: 2,
			says: []string{"mocha/test/case.js::case › pays"}, workflow: npm},
		{name: "mocha with a script and a reporter", install: realsuite.ModulesOf("mocha"), tests: 2, files: map[string]string{"checks/case.js": bddJS, "package.json": `{"scripts":
			{"test": "mocha --reporter spec --check-leaks checks/"}, "devDependencies": {"mocha": "*", "mocha-junit-reporter": "*"}}`},
			workflow: []string{"run: npm install", "package-manager-cache: false"}},
		{name: "node:test", files: map[string]string{"package.json": `{"scripts": {"test": "node --test"}}`, "test/case.js": "const { describe, it } = require('node:test');\n" + bddJS},
			install: program("node", "apt-get install nodejs"), tests: 2, says: []string{"nodetest/test/case.js::case › pays"}, workflow: []string{"actions/setup-node@"}},
		{name: "node:test with patterns", install: program("node", "apt-get install nodejs"), tests: 2, says: []string{"nodetest/e2e/case.js::case › pays"},
			files: map[string]string{"package.json": `{"scripts": {"test": "node --test --test-concurrency=1 'e2e/*.js'"}}`,
				"e2e/case.js": "const { describe, it } = require('node:test');\n" + bddJS}, workflow: []string{"actions/setup-node@"}},
		{name: "maven", files: map[string]string{"pom.xml": pom(t), "src/test/java/com/acme/CaseTest.java": junit}, install: realsuite.Maven, tests: 2,
			flags: nil, workflow: []string{"actions/setup-java@", `java-version: "11"`, "cache: maven"}},
		{name: "rspec", files: map[string]string{"spec/case_spec.rb": gem, "spec/more/a_spec.rb": gem, ".rspec": "--color\n"}, tests: 4,
			says:    []string{"rspec/spec/case_spec.rb::case pays", "rspec/spec/more/a_spec.rb::case pays"},
			install: program("rspec", "apt-get install ruby-rspec"), workflow: []string{"ruby/setup-ruby@"}},
		{name: "phpunit", files: map[string]string{"phpunit.xml": phpXML, "tests/CaseTest.php": php, "tests/more/CaseTest.php": strings.Replace(php, "use", "namespace More;\nuse", 1)}, tests: 4,
			says:    []string{"phpunit/CaseTest::testPays", `phpunit/More\CaseTest::testShips`},
			install: program("phpunit", "apt-get install phpunit"), workflow: []string{"shivammathur/setup-php@", "tools: phpunit"}},
		{name: "robot", files: map[string]string{"tests/case.robot": robot}, tests: 2, install: realsuite.VenvOf("robot"), says: []string{"robot/tests/case.robot::Pays"}, workflow: []string{"pip install robotframework"}},
		{name: "behave", files: map[string]string{"features/case.feature": cuke, "features/steps/s.py": "from behave import given\n\n\n@given('a case')\ndef a_case(context):\n    pass\n"},
			tests: 2, install: realsuite.VenvOf("behave"), says: []string{"behave/features/case.feature::pays"}, workflow: []string{"pip install behave"}},
		{name: "bats", files: map[string]string{"tests/case.bats": bats, "tests/more/case.bats": bats, "tests/lib.bats": "# none\n", "tests/.hidden/old.bats": bats}, tests: 2,
			says:    []string{"bats::./case.bats", "bats::./more/case.bats", "2 tests listed"},
			install: program("bats", "apt-get install bats"), workflow: []string{"--yes bats"}},
	}
}

// In each of the shapes, init and then run pass as they are.
func TestFirstHour(t *testing.T) {
	realsuite.Slow(t)
	gate := gatebin.Build(t)
	for _, s := range shapes(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.play(t, gate)
		})
	}
}

func (s shape) play(t *testing.T, gate string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range s.files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	env := environ()
	if s.install != nil {
		env = append(env, s.install(t, dir)...)
	}
	out := call(t, dir, env, gate, append([]string{"init"}, s.flags...)...)
	for _, part := range append([]string{"wrote .github/e2e-gate.yml", "wrote .github/workflows/e2e.yml", "Next: e2e-gate run"}, s.says...) {
		if !strings.Contains(out, part) {
			t.Errorf("init does not say %q:\n%s", part, out)
		}
	}
	if strings.Contains(out, "not listed yet") {
		t.Errorf("init could not list the tests:\n%s", out)
	}
	workflow, err := os.ReadFile(filepath.Join(dir, ".github", "workflows", "e2e.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range s.workflow {
		if !strings.Contains(string(workflow), part) {
			t.Errorf("the workflow has no %q:\n%s", part, workflow)
		}
	}
	var r e2e.Result
	out = call(t, dir, env, gate, "run", "--format", "json")
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	passed := 0
	for _, test := range r.Tests {
		if test.Outcome == e2e.Passed {
			passed++
		}
	}
	if passed != s.tests || len(r.Tests) != s.tests || len(r.Problems) > 0 {
		t.Errorf("%d of %d tests passed, want %d; %+v", passed, len(r.Tests), s.tests, r.Problems)
	}
}

// environ is that of the test, without what a workflow sets.
func environ() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !slices.ContainsFunc([]string{"GITHUB_", "E2E_", "CI="}, func(prefix string) bool { return strings.HasPrefix(kv, prefix) }) {
			env = append(env, kv)
		}
	}
	return append(env, "NO_COLOR=1")
}

// call runs the gate, wants it to succeed, and returns what it prints.
func call(t *testing.T, dir string, env []string, gate string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var errs strings.Builder
	cmd := exec.CommandContext(ctx, gate, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, env, &errs
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		logs, _ := filepath.Glob(filepath.Join(dir, ".e2e-gate", "runs", "*", "units", "*", "output.log"))
		for _, log := range logs {
			data, _ := os.ReadFile(log)
			t.Logf("%s\n%s", log, data[max(0, len(data)-2000):])
		}
		t.Fatalf("%q: exit status %d\n%s\n%s", args, code, out, errs.String())
	}
	return string(out)
}
