// Package config reads the gate's YAML config: strict, with every mistake at once
// and its position, and with ${NAME} resolved only in the sections that a command
// uses.
package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/cluster"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/isolation"
	"github.com/org/e2e-gate/internal/links"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/triage"
	"github.com/org/e2e-gate/shards"
)

// Config is the whole config file. Paths in it are relative to the repository
// root, wherever the file lies.
type Config struct {
	Version    int                  `yaml:"version" judge:"head" doc:"Version of the config language: 1." required:"true"`
	Extends    string               `yaml:"extends" judge:"base" doc:"Config of the organisation, in a file of another repository: OWNER/REPOSITORY//PATH@REF, where REF is a tag, a branch or a full commit SHA."`
	Include    []string             `yaml:"include" judge:"watch" doc:"Files of this repository (globs, from its root) with suites, journeys, services, gates and processes of teams. Only this file has stages, policy and quarantine."`
	Stages     []Stage              `yaml:"stages" judge:"base" doc:"Stages by name; the first in file order that matches the event is run." required:"true"`
	Processes  []runner.ProcessSpec `yaml:"processes" judge:"watch" doc:"Background processes: started before the gates, always torn down at the end."`
	Gates      gate.Spec            `yaml:"gates" judge:"watch" doc:"Health gates: no test starts before those that it needs have passed."`
	Isolation  isolation.Spec       `yaml:"isolation" judge:"watch" doc:"What each shard and attempt gets for itself, such as a database."`
	Links      links.Templates      `yaml:"links" judge:"head" doc:"Links for failed and flaky tests by name: http or https URLs with {run_id}, {correlation_id}, {test_correlation_id}, {data_prefix}, {trace_id}, {test}, {sha} and {stage}."`
	Probes     links.Templates      `yaml:"probes" judge:"head" doc:"What is asked about a failed test while its system still runs: events, audit, logs, state or request, each an http or https URL with the placeholders of links. It is read with GET, and the answer is evidence."`
	Suites     []suite.Spec         `yaml:"suites" judge:"watch" doc:"Test suites." required:"true"`
	Journeys   []Journey            `yaml:"journeys" judge:"watch" doc:"Business journeys by name; a test belongs to one by its tag journey:<name>."`
	Services   []Service            `yaml:"services" judge:"base" doc:"Services of the product by name: what tests, checks, processes and isolation refer to."`
	Depends    []Dependency         `yaml:"dependencies" judge:"base" doc:"External systems that tests need and that no team here runs, by name; tests refer to them as to services."`
	Targets    []Target             `yaml:"targets" judge:"base" doc:"Environments that stages test, by the name in target. Without the section, any name is one."`
	Affected   Affected             `yaml:"affected" judge:"base" doc:"Which files affect every test, or none, where a stage runs only what a change affects."`
	Shards     Shards               `yaml:"shards" judge:"head" doc:"How tests are spread over shards."`
	Executor   Executor             `yaml:"executor" judge:"watch" doc:"Where run --executor runs shards, instead of on this machine."`
	Rerun      Rerun                `yaml:"rerun" judge:"base" doc:"Limits for the one diagnostic rerun, counted per shard."`
	Exonerate  Exonerate            `yaml:"exonerate" judge:"base" doc:"When a failure that the base has too does not block a pull request."`
	Triage     Triage               `yaml:"triage" judge:"base" doc:"Your own rules for failure categories, tried before the built-in ones."`
	Cells      policy.Override      `yaml:"policy" judge:"base" doc:"Changes cells of the policy table: outcome -> criticality -> block, warn, inform or not_judged."`
	Judge      Judge                `yaml:"judge" judge:"base" doc:"Whose config judges a change."`
	Owners     map[string]string    `yaml:"owners" judge:"base" doc:"GitHub account to mention for an owner of tests: @user or @organisation/team. Only new failures that block mention anyone."`
	Quarantine string               `yaml:"quarantine" judge:"base" doc:"Quarantine file."`
	History    History              `yaml:"history" judge:"watch" doc:"Where records of earlier runs are kept."`
	Secrets    []string             `yaml:"secrets" judge:"watch" doc:"Environment variables that are withheld from child processes and masked everywhere."`

	// Policy is the built-in table changed by Cells, compiled when the config is read.
	Policy policy.Policy `yaml:"-"`
	// File is the path that was read.
	File string `yaml:"-"`
	// Hidden are values of variables that stand in fields for secrets.
	Hidden []string `yaml:"-"`
	// Text is the file as it is written.
	Text string `yaml:"-"`
	// Fragments are the files that it includes, whose entries are in the lists of the config too.
	Fragments []Fragment `yaml:"-"`

	// serviceNames are [Config.ServiceNames] of the config of a stage; nil: they are not collected.
	serviceNames map[string]bool
}

// Stage is one stage of the pipeline.
type Stage struct {
	Name     string        `yaml:",key"`
	On       []string      `yaml:"on" doc:"Events that the stage runs on." enum:"pull_request,pull_request_target,merge_group,push,schedule,release,deployment,deployment_status,workflow_dispatch,workflow_run,repository_dispatch,workflow_call"`
	Branches []string      `yaml:"branches" doc:"Branches (globs) of a push, or target branches of a pull request or merge group; none means all."`
	Cron     string        `yaml:"cron" doc:"The schedule that this stage belongs to, if a workflow has several."`
	Select   string        `yaml:"select" doc:"Tag expression (and, or, not, parentheses) that chooses the tests; empty: all."`
	Budget   time.Duration `yaml:"budget" doc:"Runtime budget. Exceeding it is reported as a finding and stops nothing."`
	Timeout  time.Duration `yaml:"timeout" doc:"The stage ends by itself within this time and reports what it knows by then."`
	Target   string        `yaml:"target" doc:"Environment under test; child processes see it as E2E_TARGET."`
	Blocks   *bool         `yaml:"blocks" doc:"false: the stage reports everything and exits 0. Default true."`

	Affected bool `yaml:"affected" doc:"true: only smoke tests and tests that the change affects run, by paths of services, suites and journeys. The default branch and the merge queue run everything."`

	Require []string `yaml:"require" enum:"owner,journey,max_runtime" doc:"What each test of the stage must have: an owner, a journey, a journey with max_runtime. lint reports a test without it as an error."`

	EnforceRequire bool `yaml:"enforce_require" doc:"true: the pass of a test without what require names proves nothing; its failure blocks as always. A stage in which only such tests pass is not judged."`

	Env   map[string]string `yaml:"env" doc:"Environment variables of suites, background processes and isolation in this stage. They come before those of the suite or process itself."`
	Rerun Rerun             `yaml:"rerun" doc:"Limits of the diagnostic rerun in this stage; what is not set is as in rerun."`
	Cells policy.Override   `yaml:"policy" doc:"Cells of the policy table in this stage; the others are as in policy. judge_changed is the same in every stage."`
}

// Blocking reports whether the stage blocks.
func (s Stage) Blocking() bool { return s.Blocks == nil || *s.Blocks }

// Journey is a business journey.
type Journey struct {
	Name           string        `yaml:",key"`
	Owner          string        `yaml:"owner" doc:"Engineering owner."`
	BusinessOwner  string        `yaml:"business_owner" doc:"Business owner."`
	Services       []string      `yaml:"services" judge:"base" doc:"Services that the journey goes through, for --service. Its tests need them."`
	Needs          []string      `yaml:"needs" judge:"base" doc:"Further services that its tests need."`
	Paths          []string      `yaml:"paths" judge:"base" doc:"Files (globs with **, from the root) that its tests depend on, for affected."`
	Components     []string      `yaml:"components" doc:"Components that it goes through."`
	Risk           string        `yaml:"risk" doc:"Risk that it covers."`
	Criticality    string        `yaml:"criticality" judge:"base" doc:"Criticality of its tests without a criticality tag." enum:"release-blocking-smoke,release-blocking,non-blocking,nightly,synthetic"`
	MaxRuntime     time.Duration `yaml:"max_runtime" doc:"Runtime budget of the journey's tests together."`
	Targets        []string      `yaml:"targets" doc:"Targets that it runs on; none means all."`
	FlakeThreshold Percent       `yaml:"flake_threshold" doc:"Share of flaky runs above which lint warns that its tests should not block."`
	Channel        string        `yaml:"channel" doc:"Channel in which failures are discussed."`
	Retire         string        `yaml:"retire" doc:"When the journey's tests can be removed."`
	Frequency      string        `yaml:"frequency" doc:"How often it is meant to run."`
}

// DefaultMaxMisses is [Affected.MaxMisses] where it is not set.
const DefaultMaxMisses Percent = 0.02

// Affected says what files do that paths of services, suites and journeys do not tell.
type Affected struct {
	Graph      []string `yaml:"graph" enum:"go,npm,maven" doc:"Which graphs of the repository are read: what uses a package or module that the change touches is affected too. go: imports. npm: package.json of npm, pnpm and yarn. maven: POMs."`
	Command    []string `yaml:"command" doc:"Command that prints the names of affected services, suites and journeys, one on each line, or * for everything: what Gradle, Nx, Turborepo or Bazel know. It is run from the root with E2E_CHANGED_FILES, the path of a file that lists the changed files, and E2E_BASE_SHA. A file that no paths have affects what it names."`
	MaxMisses  Percent  `yaml:"max_misses" doc:"Nothing is left out while it is likely that in more than this share of the runs of the default branch and the merge queue a test fails that the rules leave out. Default 2%."`
	Everything []string `yaml:"everything" doc:"Files (globs) that affect every test, in addition to workflows, this config, manifests and lock files of packages, and files without an owner among paths."`
	Ignore     []string `yaml:"ignore" doc:"Files (globs) that affect no test, such as docs/**."`
}

// Judge configures whose config judges a change.
type Judge struct {
	Branches []string `yaml:"branches" doc:"Branches (globs) beside the default branch whose commits are judged by their own config, such as release/*; only protected branches count. It is read from the default branch. Every other commit is judged by the config of its base."`
	Approve  Approve  `yaml:"approve" doc:"Who may let a change alter what judges it, where the policy makes that block: somebody who may write to the repository and wrote nothing of the change. Then the change's own config judges. Read from the base; where both a label and a review are named, both are needed."`
}

// Approve says how people let a change alter its own judge.
type Approve struct {
	Label  string `yaml:"label" doc:"Label of the pull request. It counts if it was put on after the newest commit was pushed."`
	Review string `yaml:"review" doc:"An approving review of the newest commit. code-owners: by an account that CODEOWNERS of the base names for the config's file; teams cannot be asked about. any: by anybody who may write." enum:"code-owners,any"`
}

// None reports that such a change cannot be approved.
func (a Approve) None() bool { return a == Approve{} }

// Shards configures how tests are spread over shards.
type Shards struct {
	Count    Count         `yaml:"count" doc:"Number of shards, or auto. At most 256 for a matrix and on one machine, 5000 in pods of a cluster."`
	Max      int           `yaml:"max" doc:"Most shards that auto chooses. Default 8."`
	Overhead time.Duration `yaml:"overhead" doc:"Fixed cost of one more shard. Default 20s."`
	Queue    runner.Pull   `yaml:"queue" enum:"units,batches,off" doc:"How the shards of one machine get their work. units: a shard that has finished its own work steals processes that no shard has started, the longest first. batches: also runs the planned tests in several smaller processes, so that parts of a suite that would run as one process can be stolen. off: exactly as planned. Machines of a matrix run what was planned. Default units."`
}

// Executor says how other machines run the shards of run --executor.
type Executor struct {
	Kubernetes cluster.Spec `yaml:"kubernetes" doc:"An Indexed Job: an index for each shard."`
}

// Rerun holds the limits of the diagnostic rerun.
type Rerun struct {
	MaxFailures *int    `yaml:"max_failures" doc:"No rerun on a shard with more failures than this. Default 10; 0 means no reruns at all."`
	MaxShare    Percent `yaml:"max_share" doc:"No rerun on a shard where more than this share of the tests failed, counted above 5 failures. Default 20%."`
}

// Exonerate says when a failure that the base has too does not block a pull request. What it does to the
// verdict is the row base_fails of the policy table.
type Exonerate struct {
	MaxAge *time.Duration `yaml:"max_age" doc:"How long the base may be red: then its failures block every pull request again. Default 72h, at most 720h; 0s: nothing is excused."`
	Probe  bool           `yaml:"probe" doc:"Run tests that failed on a pull request at its base too, against what the gate starts from the base, or against target. What they do there counts instead of earlier runs. Default false."`
	Max    int            `yaml:"max" doc:"Most failed tests that are run at the base: where there are more, none is. Default 50."`
	Target string         `yaml:"target" doc:"Environment that runs the base, against which tests are run for probe. A version gate with sha must prove it. Processes see it as E2E_TARGET. Default: only what processes start from the base counts."`
}

// DefaultMaxAge is how long a red base excuses the same failures of pull requests.
const DefaultMaxAge = 72 * time.Hour

// DefaultMaxProbed is how many failed tests are run at the base at most.
const DefaultMaxProbed = 50

// Triage holds the user's own rules.
type Triage struct {
	Rules []triage.Rule `yaml:"rules" doc:"Rules in order; the first that matches decides."`
}

// History configures where records of earlier runs are kept.
type History struct {
	Store    string `yaml:"store" doc:"dir:<path>; actions: a folder that the Action keeps in the cache of the default branch; s3://BUCKET/PREFIX, with ?endpoint= and region= for other stores than AWS. Default: actions on GitHub, else dir:.e2e-gate/history."`
	Workflow string `yaml:"workflow" judge:"base" doc:"File of the workflow whose runs on the default branch vouch for records: they restore a lost history, and show that the base fails too. Default: the file of the running workflow. To set where that one never runs on the default branch."`
}

// Count is a number of shards; 0 is automatic.
type Count int

// UnmarshalText reads a number or the word auto.
func (c *Count) UnmarshalText(text []byte) error {
	if string(text) == "auto" {
		*c = 0
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > shards.MaxCount {
		return fmt.Errorf("expected auto or a number from 1 to %d, found %q", shards.MaxCount, text)
	}
	*c = Count(n)
	return nil
}

// Percent is a share, written as 20%; 1 is all.
type Percent float64

// UnmarshalText reads "20%".
func (p *Percent) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(strings.TrimSpace(string(text)), "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(f >= 0 && f <= 100) {
		return fmt.Errorf("expected a percentage from 0%% to 100%%, found %q", text)
	}
	*p = Percent(f / 100)
	return nil
}

// Stage returns the stage of that name.
func (c *Config) Stage(name string) (Stage, bool) {
	for _, s := range c.Stages {
		if s.Name == name {
			return s, true
		}
	}
	return Stage{}, false
}

// Suite returns the suite of that name.
func (c *Config) Suite(name string) (suite.Spec, bool) {
	for _, s := range c.Suites {
		if s.Name == name {
			return s, true
		}
	}
	return suite.Spec{}, false
}

// Journey returns the journey of that name.
func (c *Config) Journey(name string) (Journey, bool) {
	for _, j := range c.Journeys {
		if j.Name == name {
			return j, true
		}
	}
	return Journey{}, false
}
