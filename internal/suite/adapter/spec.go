package adapter

import "time"

// Spec is one suite of the config.
type Spec struct {
	Name         string            `yaml:"name" doc:"Name; the first part of its tests' ids." required:"true"`
	Framework    string            `yaml:"framework" doc:"Test framework." enum:"gotest,junit5-gradle,junit5-maven,playwright,pytest,robot,rspec,phpunit,vitest,jest,mocha,webdriverio,nodetest,behave,cucumber,cypress,command" required:"true"`
	Dir          string            `yaml:"dir" doc:"Directory of the suite, from the repository root."`
	Packages     []string          `yaml:"packages" doc:"gotest: packages, from dir. Default ./..."`
	Args         []string          `yaml:"args" doc:"Further arguments of the framework, such as -tags=e2e; not for command."`
	Run          []string          `yaml:"run" doc:"command: argument vector; {report_dir}, {tests} and {tests_file} are replaced. Other frameworks except gotest: how to start the framework if its usual command does not work, such as [pnpm, playwright, test]."`
	List         []string          `yaml:"list" doc:"command: argument vector that prints one test per line, without running any."`
	Split        string            `yaml:"split" doc:"command: what a line of list is. file: a file, which has all results that the report gives that file. test: a test. Default: a file if there is one of that name, else a test. whole: the suite runs as a whole, without list." enum:"file,test,whole"`
	Reports      []string          `yaml:"reports" doc:"command: JUnit XML files that it writes (globs with **), from dir; {report_dir} is replaced."`
	Retries      string            `yaml:"retries" doc:"command: what a second case of one name in a report is. none: another test. repeated-cases: a retry of a test that failed, for runners that repeat failed tests and write each execution as a case (gotestsum --rerun-fails). Default none." enum:"none,repeated-cases"`
	Specs        []string          `yaml:"specs" doc:"cucumber: feature files, default **/*.feature; cypress: spec files, default cypress/e2e/**/*.cy.{js,jsx,ts,tsx}; nodetest: test files, default those that Node looks for. Globs, from dir."`
	Env          map[string]string `yaml:"env" doc:"Environment variables, in addition to those that all child processes get."`
	PassEnv      []string          `yaml:"pass_env" doc:"Withheld variables to pass on, by name."`
	Owner        string            `yaml:"owner" doc:"Owner of tests without an owner tag."`
	Criticality  string            `yaml:"criticality" judge:"base" doc:"Criticality of tests without a criticality tag." enum:"release-blocking-smoke,release-blocking,non-blocking,nightly,synthetic"`
	Tags         []string          `yaml:"tags" doc:"Tags that every test of the suite carries."`
	Services     []string          `yaml:"services" judge:"base" doc:"Services that the suite tests, for --service. Its tests need them."`
	Needs        []string          `yaml:"needs" judge:"base" doc:"Further services that its tests need."`
	Paths        []string          `yaml:"paths" judge:"base" doc:"Files (globs with **, from the root of the repository) that its tests depend on, for affected."`
	Keep         string            `yaml:"keep" doc:"Which tests build on one another, and so are planned, run and repeated together: those of a file, or of a class. none: a file may be cut although its framework never does that (Playwright without fullyParallel, Vitest, Jest, pytest)." enum:"file,class,none"`
	Locks        []string          `yaml:"locks" doc:"Named resources: batches (processes) that share one never run at the same time on one machine, and are on one shard of a matrix."`
	Timeout      time.Duration     `yaml:"timeout" doc:"Limit for all batches (processes) of the suite on one shard together."`
	StallTimeout time.Duration     `yaml:"stall_timeout" doc:"End a process of the suite in which nothing happens for so long: no output, no test that starts or ends, and on Linux next to no CPU time. The test that ran has failed as stalled, the others of the process are not run. Default: nothing is ended before unit_timeout; the gate only says what it waits for."`
	UnitTimeout  time.Duration     `yaml:"unit_timeout" doc:"Limit for one process of the suite. Default 10m."`
}

// The values of [Spec.Keep].
const (
	KeepFile  = "file"
	KeepClass = "class"
	KeepNone  = "none"
)

// The values of [Spec.Split].
const (
	SplitFile  = "file"
	SplitTest  = "test"
	SplitWhole = "whole"
)

// RepeatedCases is the value of [Spec.Retries] for reports that repeat the case of a test
// that the runner repeated.
const RepeatedCases = "repeated-cases"

// DefaultUnitTimeout limits one process of a suite.
const DefaultUnitTimeout = 10 * time.Minute
