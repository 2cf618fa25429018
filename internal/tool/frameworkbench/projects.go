package main

import (
	"fmt"
	"strings"
)

// Each project has so many files with so many tests each. They do nothing: what is measured is the way to them.
const (
	manyFiles = 20
	perFile   = 5
	// failVariable has the first test of the first file fail.
	failVariable = "BENCH_FAIL"
)

// framework is how a project is made, and the framework's own commands.
type framework struct {
	project func() map[string]string
	install [][]string
	// list lists the tests, run runs all, one runs the first test of the first file, whose failure has the exit status failed.
	list, run, one []string
	failed         int
}

var order = []string{"gotest", "pytest", "jest", "vitest", "mocha", "nodetest", "robot", "rspec", "phpunit", "behave", "playwright", "junit5-maven"}

var npm = [][]string{{"npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"}}

var frameworks = map[string]framework{
	"gotest": {
		project: files("a%02d/a_test.go", map[string]string{"go.mod": "module bench\n\ngo 1.24\n"},
			"package a\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nvar _ = os.Getenv\n",
			"\nfunc TestA%d(t *testing.T) {%s}\n", `if os.Getenv("BENCH_FAIL") != "" { t.Error("asked to fail") }`),
		list: []string{"go", "test", "-list", ".", "./..."}, run: []string{"go", "test", "-count=1", "./..."},
		one: []string{"go", "test", "-count=1", "-run", "^TestA0$", "./a00"}, failed: 1,
	},
	"pytest": {
		project: files("tests/test_a%02d.py", map[string]string{"pytest.ini": "[pytest]\n"}, "import os\n", "\ndef test_a%d():\n    pass\n%s",
			"    assert not os.environ.get('BENCH_FAIL'), 'asked to fail'\n"),
		install: [][]string{{"python3", "-m", "venv", "venv"}, {"venv/bin/pip", "install", "--quiet", "pytest==9.2.0"}},
		list:    []string{"pytest", "--collect-only", "-q", "tests"}, run: []string{"pytest", "tests"}, one: []string{"pytest", "tests/test_a00.py::test_a0"},
		failed: 1,
	},
	"jest": {
		project: files("tests/a%02d.test.js", map[string]string{"package.json": `{"private": true, "devDependencies": {"jest": "30.5.2"}}`}, "",
			"test('a%d', () => {%s});\n", "expect(process.env.BENCH_FAIL).toBeUndefined()"),
		install: npm,
		list:    []string{"jest", "--listTests"}, run: []string{"jest"}, one: []string{"jest", "tests/a00.test.js", "-t", "^a0$"}, failed: 1,
	},
	"vitest": {
		project: files("tests/a%02d.test.js", map[string]string{"package.json": `{"private": true, "type": "module", "devDependencies": {"vitest": "4.1.12"}}`},
			"import { test, expect } from 'vitest';\n", "test('a%d', () => {%s});\n", "expect(process.env.BENCH_FAIL).toBeUndefined()"),
		install: npm,
		list:    []string{"vitest", "list"}, run: []string{"vitest", "run"}, one: []string{"vitest", "run", "tests/a00.test.js", "-t", "^a0$"}, failed: 1,
	},
	"mocha": {
		project: files("test/a%02d.js", map[string]string{"package.json": `{"private": true, "devDependencies": {"mocha": "11.7.4"}}`}, "",
			"it('a%d', () => {%s});\n", "require('assert')(!process.env.BENCH_FAIL)"),
		install: npm,
		list:    []string{"mocha", "--dry-run"}, run: []string{"mocha"}, one: []string{"mocha", "--grep", "^a0$", "test/a00.js"}, failed: 1,
	},
	"nodetest": {
		project: files("a%02d.test.js", map[string]string{"package.json": `{"private": true, "scripts": {"test": "node --test"}}`},
			"const test = require('node:test');\n", "test('a%d', () => {%s});\n", "require('assert')(!process.env.BENCH_FAIL)"),
		run: []string{"node", "--test"}, one: []string{"node", "--test", "--test-name-pattern=^a0$", "a00.test.js"}, failed: 1,
	},
	"robot": {
		project: files("tests/a%02d.robot", nil, "*** Test Cases ***\n", "A%d\n    Log    1\n%s", "    Should Be Equal    %{BENCH_FAIL=no}    no\n"),
		install: [][]string{{"python3", "-m", "venv", "venv"}, {"venv/bin/pip", "install", "--quiet", "robotframework==7.5"}},
		list:    []string{"robot", "--dryrun", "."}, run: []string{"robot", "."}, one: []string{"robot", "--suite", "A00", "--test", "A0", "."}, failed: 1,
	},
	"rspec": {
		project: files("spec/a%02d_spec.rb", nil, "", "RSpec.describe('x') { it('a%d') { %s } }\n", "expect(ENV['BENCH_FAIL']).to be_nil"),
		list:    []string{"rspec", "--dry-run"}, run: []string{"rspec"}, one: []string{"rspec", "spec/a00_spec.rb", "-e", "x a0"}, failed: 1,
	},
	"phpunit": {
		project: files("tests/A%02dTest.php", map[string]string{
			"phpunit.xml": `<phpunit><testsuites><testsuite name="all"><directory>tests</directory></testsuite></testsuites></phpunit>`,
		}, "<?php\nfinal class FILE extends \\PHPUnit\\Framework\\TestCase {\n", "    public function testA%d(): void { %s $this->assertTrue(true); }\n",
			"$this->assertFalse(getenv('BENCH_FAIL'));"),
		list: []string{"phpunit", "--list-tests"}, run: []string{"phpunit"}, one: []string{"phpunit", "--filter", "A00Test::testA0$"}, failed: 1,
	},
	"behave": {
		project: files("features/a%02d.feature", map[string]string{"features/steps/steps.py": behaveSteps}, "Feature: x\n", "  Scenario: a%d\n    Given it works%s\n",
			" unless asked to fail"),
		install: [][]string{{"python3", "-m", "venv", "venv"}, {"venv/bin/pip", "install", "--quiet", "behave==1.3.3"}},
		list:    []string{"behave", "--dry-run"}, run: []string{"behave"}, one: []string{"behave", "features/a00.feature:2"}, failed: 1,
	},
	// No test opens a browser, which would take longer than everything else.
	"playwright": {
		project: files("tests/a%02d.spec.js", map[string]string{
			"package.json":         `{"private": true, "devDependencies": {"@playwright/test": "1.65.1"}}`,
			"playwright.config.js": "module.exports = { testDir: './tests' };\n",
		}, "const { test, expect } = require('@playwright/test');\n", "test('a%d', () => {%s});\n", "expect(process.env.BENCH_FAIL).toBeUndefined()"),
		install: npm,
		list:    []string{"playwright", "test", "--list"}, run: []string{"playwright", "test"}, one: []string{"playwright", "test", "tests/a00.spec.js:2"}, failed: 1,
	},
	"junit5-maven": {
		project: files("src/test/java/A%02dTest.java", map[string]string{"pom.xml": pom}, "import org.junit.jupiter.api.*;\n\nclass FILE {\n",
			"    @Test void a%d() {%s}\n", `Assertions.assertNull(System.getenv("BENCH_FAIL"));`),
		run: []string{"mvn", "--batch-mode", "--quiet", "verify"}, one: []string{"mvn", "--batch-mode", "--quiet", "verify", "-Dtest=A00Test#a0"}, failed: 1,
	},
}

// files makes a project: further files, and test files with a head and tests.
func files(name string, other map[string]string, head, test, fail string) func() map[string]string {
	return func() map[string]string {
		all := map[string]string{}
		for file, text := range other {
			all[file] = text
		}
		for i := range manyFiles {
			file, body := fmt.Sprintf(name, i), strings.ReplaceAll(head, "FILE", fmt.Sprintf("A%02dTest", i))
			for j := range perFile {
				asked := ""
				if i == 0 && j == 0 {
					asked = fail
				}
				body += fmt.Sprintf(test, j, asked)
			}
			if strings.HasSuffix(name, ".java") || strings.HasSuffix(name, ".php") {
				body += "}\n"
			}
			all[file] = body
		}
		return all
	}
}

const behaveSteps = `import os

from behave import given


@given('it works')
def it_works(context):
    pass


@given('it works unless asked to fail')
def it_works_unless(context):
    assert not os.environ.get('BENCH_FAIL'), 'asked to fail'
`

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>bench</groupId><artifactId>bench</artifactId><version>1</version>
  <properties><maven.compiler.release>11</maven.compiler.release><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
  <dependencies>
    <dependency><groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId><version>5.13.4</version><scope>test</scope></dependency>
  </dependencies>
  <build><plugins>
    <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
    <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.14.0</version></plugin>
    <plugin><artifactId>maven-jar-plugin</artifactId><version>3.4.2</version></plugin>
    <plugin><artifactId>maven-surefire-plugin</artifactId><version>3.5.3</version></plugin>
  </plugins></build>
</project>
`
