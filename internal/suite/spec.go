// Package suite has one adapter per test framework: it discovers tests with their
// tags without running them, says how to run exactly a given few, and matches
// what was reported to what was planned.
package suite

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// Spec is one suite of the config.
type Spec struct {
	Name        string            `yaml:"name" doc:"Name; the first part of its tests' ids." required:"true"`
	Framework   string            `yaml:"framework" doc:"Test framework." enum:"gotest,junit5-gradle,junit5-maven,playwright,pytest,vitest,jest,cucumber,cypress,command" required:"true"`
	Dir         string            `yaml:"dir" doc:"Directory of the suite, from the repository root."`
	Packages    []string          `yaml:"packages" doc:"gotest: packages, from dir. Default ./..."`
	Args        []string          `yaml:"args" doc:"Further arguments of the framework, such as -tags=e2e; not for command."`
	Run         []string          `yaml:"run" doc:"command: argument vector; {report_dir}, {tests} and {tests_file} are replaced. Others, but for gotest: how the framework is started, where its usual command does not do, such as [pnpm, playwright, test]."`
	List        []string          `yaml:"list" doc:"command: argument vector that prints one test per line, without running any."`
	Reports     []string          `yaml:"reports" doc:"command: JUnit XML files that it writes (globs with **), from dir; {report_dir} is replaced."`
	Specs       []string          `yaml:"specs" doc:"cucumber: feature files, default **/*.feature; cypress: spec files, default cypress/e2e/**/*.cy.{js,jsx,ts,tsx}. Globs, from dir."`
	Env         map[string]string `yaml:"env" doc:"Environment, on top of what children get."`
	PassEnv     []string          `yaml:"pass_env" doc:"Withheld variables to pass on, by name."`
	Owner       string            `yaml:"owner" doc:"Owner of tests without an owner tag."`
	Criticality string            `yaml:"criticality" doc:"Criticality of tests without a criticality tag." enum:"release-blocking-smoke,release-blocking,non-blocking,nightly,synthetic"`
	Tags        []string          `yaml:"tags" doc:"Tags that every test of the suite carries."`
	Services    []string          `yaml:"services" doc:"Services that the suite tests, for --service."`
	Locks       []string          `yaml:"locks" doc:"Named resources: units that share one never run at the same time on one machine, and are on one shard of a matrix."`
	Timeout     time.Duration     `yaml:"timeout" doc:"Limit for all units of the suite on one shard together."`
	UnitTimeout time.Duration     `yaml:"unit_timeout" doc:"Limit for one process of the suite. Default 10m."`
}

// DefaultUnitTimeout limits one process of a suite.
const DefaultUnitTimeout = 10 * time.Minute

// Invalid is a mistake in a suite's settings. Path is relative to the suite.
type Invalid struct{ Path, Text, Hint string }

// Validate returns what is wrong with the settings; written says whether a
// setting stands in the file.
func (s Spec) Validate(written func(key string) bool) []Invalid {
	var found []Invalid
	fail := func(path, text, hint string) { found = append(found, Invalid{path, text, hint}) }
	if s.Framework == "" {
		fail("", fmt.Sprintf("suite %s needs a framework", s.Name), "framework: gotest, or command for anything that writes JUnit XML")
	}
	f, known := frameworks[s.Framework]
	if !known {
		return found // the enumeration's own check says so
	}
	for _, key := range ownFields() {
		if written(key) && !slices.Contains(f.fields, key) {
			fail(key, fmt.Sprintf("%s belongs to framework %s, not to %s", key, owners(key), s.Framework), "")
		}
	}
	if s.Framework == "command" {
		s.validateCommand(fail)
	}
	for i, arg := range s.Args {
		if flag := f.managed(arg); flag != "" {
			fail(fmt.Sprintf("args[%d]", i), fmt.Sprintf("the gate sets %s itself", flag), "choose tests with select, limits with timeout and unit_timeout")
		}
	}
	return found
}

func (s Spec) validateCommand(fail func(path, text, hint string)) {
	if len(s.Run) == 0 {
		fail("", fmt.Sprintf("suite %s needs run", s.Name), `run: ["./run-tests.sh", "--report", "{report_dir}"]`)
	}
	if len(s.Reports) == 0 {
		fail("", fmt.Sprintf("suite %s needs reports", s.Name), `reports: "{report_dir}/*.xml"; without a report nothing is proven`)
	}
	for i, glob := range s.Reports {
		if !doublestar.ValidatePattern(filepath.ToSlash(glob)) {
			fail(fmt.Sprintf("reports[%d]", i), fmt.Sprintf("%q is no valid glob", glob), "")
		}
	}
	if len(s.List) == 0 && slices.ContainsFunc(s.Run, holdsTests) {
		fail("run", "{tests} needs list: without it the suite runs as a whole", "add list:, a command that prints one test per line")
	}
}

func holdsTests(arg string) bool {
	return strings.Contains(arg, "{tests}") || strings.Contains(arg, "{tests_file}")
}
