package e2e

import (
	"strings"
	"time"
)

// Schema names of the documents. A reader refuses any other name, and in a plan or a
// shard document any field that its schema does not have.
const (
	PlanSchema   = "e2e-gate/plan/v1"
	ShardSchema  = "e2e-gate/shard/v1"
	ResultSchema = "e2e-gate/result/v1"
)

// Plan is plan.json: what will run, frozen. The verdict compares what was
// reported with it by test id.
type Plan struct {
	Schema   string         `json:"schema" mask:"-" doc:"e2e-gate/plan/v1."`
	Run      Run            `json:"run" doc:"The run that the plan belongs to."`
	Gates    []Gate         `json:"gates" doc:"Health gates as they were when the plan was made."`
	Tests    []PlannedTest  `json:"tests" doc:"Every selected test that could be listed, sorted by id."`
	Batches  []PlannedBatch `json:"batches,omitempty" doc:"Suites that cannot list their tests, sorted by id: their tests are known when they have run."`
	Shards   []PlanShard    `json:"shards" doc:"The shards, by index."`
	Bound    float64        `json:"bound_seconds" doc:"No plan can be faster than this: max of the average load and the longest test."`
	Makespan float64        `json:"expected_makespan_seconds" doc:"Expected time of the slowest path through the shards."`
	Splits   int            `json:"owner_splits" doc:"Pairs of owner and shard."`
	Guessed  int            `json:"guessed" doc:"Tests without timing history."`
	Advice   string         `json:"advice,omitempty" doc:"What keeps more shards from helping, such as a group that is never cut, in one sentence."`
	Weighed  []Alternative  `json:"alternatives,omitempty" doc:"Numbers of shards that were weighed, where the number was to be chosen."`
	Digest   string         `json:"digest" mask:"-" doc:"SHA-256 over run id, tests, batches and shards; shard documents repeat it."`
	Problems []Problem      `json:"problems,omitempty" doc:"What went wrong before anything ran."`

	Extends *Extension `json:"extends,omitempty" doc:"Config of the organisation that the judging config extends."`

	Deselected []Deselected `json:"deselected,omitempty" doc:"Tests that were listed and not selected, by suite and reason."`
	// Measured is nil where no base judges.
	Measured *Measured `json:"measured,omitempty" doc:"What the change does to the tests that judge it, against the base that it was tested with."`
	// Base is empty unless failed tests are to be run there.
	Base string `json:"base,omitempty" mask:"-" doc:"Commit of the base that is part of what is tested, at which failed tests are run too (exonerate.probe)."`
	// Sum is the SHA-256 of File, from which the plan was read; empty: it was made here.
	Sum  string `json:"-" mask:"-"`
	File string `json:"-" mask:"-"`
}

// Measured is what a change does to the tests that judge it. A list holds at most 20,000 ids.
type Measured struct {
	Run        string   `json:"run,omitempty" mask:"-" doc:"The last judged run of the stage at the base, or at its nearest ancestor that has one; absent: the history has none."`
	SHA        string   `json:"sha,omitempty" mask:"-" doc:"Its commit."`
	Deselected []string `json:"deselected,omitempty" mask:"-" doc:"Tests that the base selects, or that this run ran, and that the change does not select."`
	Weaker     []string `json:"weaker,omitempty" mask:"-" doc:"Tests whose criticality the change makes weaker."`
	Gone       []string `json:"gone,omitempty" mask:"-" doc:"Tests of that run that cannot be listed any more; one that is reported after all is not gone."`
	Passed     []string `json:"passed,omitempty" mask:"-" doc:"Tests that passed in that run, and that are still to be run."`
}

// Deselected are tests of one suite that were not selected for one reason.
type Deselected struct {
	Suite string   `json:"suite" mask:"-" doc:"Name of the suite in the config."`
	Why   string   `json:"why" mask:"-" doc:"select: the tag expression; service: the run is narrowed to another one; target: their journey does not run there; name: the run is narrowed to other tests; affected: the change does not affect it." enum:"select,service,target,name,affected"`
	Count int      `json:"count" doc:"How many there are."`
	Tests []string `json:"tests,omitempty" mask:"-" doc:"Their ids, sorted; at most 20000 in a plan."`
}

// PlannedTest is a test with what the plan knows about it.
type PlannedTest struct {
	Test
	Estimate float64 `json:"estimate_seconds" doc:"Expected duration."`
	High     float64 `json:"high_seconds,omitempty" doc:"Duration in one of ten runs; absent if unknown."`
	Source   string  `json:"estimate_source" mask:"-" doc:"Where the estimate comes from: history with the number of runs, or guessed."`
}

// PlannedBatch is a batch with what the plan knows about it.
type PlannedBatch struct {
	Batch
	Estimate float64 `json:"estimate_seconds" doc:"Expected duration."`
	Source   string  `json:"estimate_source" mask:"-" doc:"Where the estimate comes from: history with the number of tests, or guessed."`
}

// Why tests were not selected in a run that was narrowed: to others by name, or to what the change affects.
const (
	WhyName     = "name"
	WhyAffected = "affected"
)

// NoTests says why there is nothing to run. leftOut: tests were listed that were not selected.
func NoTests(leftOut bool) string {
	if leftOut {
		return "no test was selected; look at the stage's select expression and at the tags of the tests"
	}
	return "no suite has a test; look at what its own command finds, at its args, and at its config for what leaves tests out"
}

// Whole is how many tests and batches the stage has, those included that a narrowed run left out.
func (p Plan) Whole() int {
	n := p.Planned()
	for _, d := range p.Deselected {
		if d.Why == WhyName || d.Why == WhyAffected {
			n += d.Count
		}
	}
	return n
}

// Planned is how many tests and batches were planned.
func (p Plan) Planned() int { return len(p.Tests) + len(p.Batches) }

// Work are the planned tests, and the tests that stand for batches, by id: what a shard
// can be told to run.
func (p Plan) Work() map[string]Test {
	work := make(map[string]Test, p.Planned())
	for _, t := range p.Tests {
		work[t.ID] = t.Test
	}
	for _, b := range p.Batches {
		work[b.ID] = b.Stand()
	}
	return work
}

// guessedFrom starts the source of an estimate that no run of the test itself gave.
const guessedFrom = "guessed: the median of "

// GuessedFrom is the source of an estimate that was made from other tests.
func GuessedFrom(others string) string { return guessedFrom + others }

// Guessed reports whether an estimate, by its source, was made from other tests.
func Guessed(source string) bool { return strings.HasPrefix(source, guessedFrom) }

// PlanShard is one shard of a plan. Smoke tests come first in Tests.
type PlanShard struct {
	Index   int      `json:"index" doc:"From 0."`
	Name    string   `json:"name" mask:"-" doc:"Stable, human, safe in file and artifact names."`
	Owners  []string `json:"owners,omitempty" mask:"-" doc:"Owners of its tests."`
	Tests   []string `json:"tests" mask:"-" doc:"Ids in run order: smoke first, then longest first."`
	Smoke   int      `json:"smoke,omitempty" doc:"How many of its tests, the first ones, run before all others: smoke tests, and what is planned together with one."`
	Seconds float64  `json:"seconds" doc:"Expected duration of its tests, one after the other: the median, with what their files take to start."`
	High    float64  `json:"high_seconds,omitempty" doc:"What they take in one of ten runs; absent if unknown."`
	Start   float64  `json:"start_seconds,omitempty" doc:"What the processes of its suites take to start, in addition to seconds; absent if unknown."`
}

// Expected is how long the shard is expected to take, in seconds: its tests, and what starts them.
func (s PlanShard) Expected() float64 { return s.Seconds + s.Start }

// Alternative is a number of shards that was weighed.
type Alternative struct {
	Count         int     `json:"count" doc:"Number of shards."`
	Makespan      float64 `json:"makespan_seconds" doc:"Seconds that no plan of so many shards can beat, without the fixed cost of a shard."`
	BilledMinutes int     `json:"billed_minutes" doc:"Minutes of all shards, each begun minute counted, fixed cost included."`
}

// ShardRun is shard-<n>.<attempt>.json: what one shard did in one attempt of the
// workflow.
type ShardRun struct {
	Schema   string        `json:"schema" mask:"-" doc:"e2e-gate/shard/v1."`
	Checksum string        `json:"checksum,omitempty" mask:"-" doc:"SHA-256 of the file with 64 zeros in this place: a document that was changed is not read."`
	Run      Run           `json:"run" doc:"The run, with the workflow attempt in which this shard ran."`
	Digest   string        `json:"plan_digest" mask:"-" doc:"Digest of the plan that was run."`
	Index    int           `json:"index" doc:"Index of the shard, from 0."`
	Gates    []Gate        `json:"gates" doc:"Health gates before and while the shard ran."`
	Units    []UnitRun     `json:"units" doc:"Processes that were run, in order of start."`
	Tests    []TestRun     `json:"tests" doc:"Attempts by test id, sorted by id."`
	NotRun   []NotRunTest  `json:"not_run,omitempty" doc:"Tests that were stopped before they could start."`
	Reruns   []RerunRecord `json:"reruns,omitempty" doc:"For each failed test: rerun or the reason for none."`
	Probe    *Probe        `json:"probe,omitempty" doc:"What failed tests did at the base, if the base asks for that (exonerate.probe)."`
	Problems []Problem     `json:"problems,omitempty" doc:"What went wrong around the tests."`
	Logs     []string      `json:"logs,omitempty" mask:"-" doc:"Logs of the background processes, relative to the run's folder."`
	Ends     []ProcessEnd  `json:"process_ends,omitempty" doc:"Background processes that exited while the shard ran."`
	Pressure []ShortTime   `json:"pressure,omitempty" doc:"When its machine was short of something while batches ran. No verdict reads it."`
	Running  []string      `json:"running,omitempty" mask:"-" doc:"Tests whose unit was running when the document was written, at most 20; only if it is not complete."`
	Complete bool          `json:"complete" doc:"False while the shard runs and when it was stopped."`
	Platform string        `json:"platform,omitempty" mask:"-" doc:"Operating system and architecture of its machine, such as linux/amd64."`
}

// ShortTime is a time in which a machine was short of something.
type ShortTime struct {
	From time.Time `json:"from" doc:"Since when, UTC."`
	To   time.Time `json:"to" doc:"Until when, UTC."`
	What string    `json:"what" mask:"-" doc:"Of what." enum:"cpu,memory,disk,steal"`
	Text string    `json:"text" doc:"How much, at its worst."`
}

// ProcessEnd is the exit of a background process that was still needed.
type ProcessEnd struct {
	Name  string    `json:"name" mask:"-" doc:"Name of the process in the config."`
	At    time.Time `json:"at" doc:"When it ended, UTC."`
	Text  string    `json:"text" doc:"How it ended, with its last line of output."`
	Scope *Scope    `json:"scope,omitempty" doc:"Which tests need it; absent: every test."`
	// Crashed: it is part of what is under test, so its end excuses nothing.
	Crashed bool `json:"crashed,omitempty" doc:"It had served a gate, and ended with an error of its own: what was under test crashed."`
}

// TestRun holds the attempts at one test.
type TestRun struct {
	ID string `json:"id" mask:"-" doc:"Id of the test."`
	// Unplanned describes a test that was reported but not planned.
	Unplanned *Test     `json:"unplanned,omitempty" doc:"Set for a test that was reported but not planned."`
	Attempts  []Attempt `json:"attempts" doc:"In order of time."`
}

// NotRunTest says why a planned test was not started.
type NotRunTest struct {
	ID     string `json:"id" mask:"-" doc:"Id of the test."`
	Code   Code   `json:"code" doc:"Why: cancelled, timeout, build_failed, gate_shut, dependency, gate_lost, environment, tool_error."`
	Reason string `json:"reason" doc:"Why, in a sentence."`
}

// RerunRecord is the outcome of a failed test's one diagnostic rerun.
type RerunRecord struct {
	ID     string `json:"id" mask:"-" doc:"Id of the failed test."`
	Done   bool   `json:"done" doc:"The rerun ran the test and the test reported."`
	Reason string `json:"reason" doc:"Why there was a rerun, or why there was none."`
	Beside string `json:"beside,omitempty" doc:"What else the process of the rerun reported."`
}

// Ended says how a process ended. The zero value is unknown, and not a success.
type Ended string

// The ways in which a process of a suite can end.
const (
	EndedExited     Ended = "exited"
	EndedTimeout    Ended = "timeout"
	EndedCancelled  Ended = "cancelled"
	EndedSignal     Ended = "signal"
	EndedNotStarted Ended = "not_started"
	EndedStalled    Ended = "stalled"
)

// PortSpan is a port that processes of a batch were seen to listen on.
type PortSpan struct {
	Port int     `json:"port" doc:"TCP port."`
	From float64 `json:"from_seconds" doc:"When it was seen first, in seconds after the start of the run."`
	To   float64 `json:"to_seconds" doc:"When it was seen last."`
}

// UnitRun is one process of a suite.
type UnitRun struct {
	Unit      string   `json:"unit" mask:"-" doc:"Name of the unit."`
	Suite     string   `json:"suite" mask:"-" doc:"Its suite."`
	Shard     int      `json:"shard" doc:"Index of the shard."`
	Attempt   int      `json:"attempt" doc:"1, or 2 in the diagnostic rerun."`
	Tests     []string `json:"tests" mask:"-" doc:"Planned tests that it was to run."`
	TakenOver bool     `json:"taken_over,omitempty" doc:"Its tests were planned for another shard of the machine, which had not started them: the work was stolen."`
	Command   []string `json:"command" doc:"Argument vector."`
	Exit      int      `json:"exit" doc:"Exit status; -1 when killed by a signal or never started."`
	Ended     Ended    `json:"ended" doc:"How it ended: exited, timeout, stalled (nothing happened in it for the stall_timeout of its suite), cancelled, signal, not_started."`
	Offset    float64  `json:"offset_seconds" doc:"Start, in seconds after the start of the run."`
	Seconds   float64  `json:"seconds" doc:"Wall time."`
	Log       string   `json:"log,omitempty" mask:"-" doc:"Its output, relative to the run's folder."`
	// Ports are told apart from those of other processes only where several shards share a machine.
	Ports []PortSpan `json:"ports,omitempty" doc:"Loopback ports that its processes listened on, where another shard ran on the machine (Linux); at most 64."`
	Files []string   `json:"files,omitempty" mask:"-" doc:"Evidence that the suite left, relative to the run's folder."`
	// MoreFiles are in the batch's folder and not in Files.
	MoreFiles int `json:"more_files,omitempty" doc:"How many more files of evidence the suite left than are listed."`
	// Shared are those of Files that no test names and that several tests may have left.
	Shared []string `json:"shared_files,omitempty" mask:"-" doc:"Of files: those that are of no test in particular. If only one test ran, all are that test's."`
}
