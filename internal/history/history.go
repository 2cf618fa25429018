// Package history keeps records of earlier runs. A record is immutable and keyed by run
// id, workflow attempt and shard; a reader folds what it finds. A lost or corrupt
// record can make the plan worse, but never the verdict wrong: what excuses a failure is read by [Vouched], from
// what a trusted source hands over.
//
// A [Store] lists, gets and puts objects. [Log] keeps records in one, and also
// snapshots: many records folded into one object, so that a reader needs only a handful
// of objects however long the history is.
package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Schema of a record.
const Schema = "e2e-gate/history/v1"

// Record is what one shard recorded in one attempt of the workflow.
type Record struct {
	Schema string `json:"schema" mask:"-"`
	RunID  string `json:"run_id" mask:"-"`
	// WorkflowRun is GITHUB_RUN_ID; empty outside CI.
	WorkflowRun string `json:"workflow_run,omitempty" mask:"-"`
	Attempt     int    `json:"workflow_attempt"`
	Shard       int    `json:"shard"`
	Stage       string `json:"stage,omitempty" mask:"-"`
	// Subject is what was judged; empty values are not known.
	e2e.Subject
	// TestsSHA is the commit of the tests, where the subject is another one, and Home the repository whose workflow ran them, where
	// the subject is of another one. A history is of one home, and of all the subjects that its tests judge.
	TestsSHA string    `json:"tests_sha,omitempty" mask:"-"`
	Home     string    `json:"home,omitempty" mask:"-"`
	Started  time.Time `json:"started"`
	// Main: the run was on the default branch.
	Main bool `json:"main,omitempty"`
	// Target, Event and Version are those of the run: where it tested, what started it, and
	// which gate wrote the record.
	Target string `json:"target,omitempty" mask:"-"`
	// Service and Key are those of the run: what it was narrowed to, and what tells two calls in one workflow apart.
	Service string `json:"service,omitempty" mask:"-"`
	Key     string `json:"key,omitempty" mask:"-"`
	Event   string `json:"event,omitempty" mask:"-"`
	Version string `json:"gate_version,omitempty" mask:"-"`
	// Verdict is that of the whole run, with the codes of its reasons.
	Verdict e2e.VerdictState `json:"verdict,omitempty"`
	Reasons []e2e.Code       `json:"reasons,omitempty"`
	// Nothing is why the whole record says nothing of its tests; empty: it does.
	Nothing Silence `json:"nothing,omitempty"`
	// Base is the commit that the change was compared with; empty where it is not known.
	Base string `json:"base,omitempty" mask:"-"`
	// Policy is the digest of the policy and quarantine that judged.
	Policy string `json:"policy,omitempty" mask:"-"`
	// Variant is the operating system and architecture that the shard ran on, such as
	// linux/amd64. The id of a test holds its project or browser.
	Variant string `json:"variant,omitempty" mask:"-"`
	// Shards is how many shards the run had, this one included.
	Shards int `json:"shards,omitempty"`
	// OneMachine: several shards ran beside one another on one machine.
	OneMachine bool `json:"one_machine,omitempty"`
	// Gates is what was seen of the gates, in short.
	Gates []GateHealth `json:"gates,omitempty"`
	// Overhead is the time of the shard's processes without their tests, in seconds:
	// start-up and fixtures.
	Overhead float64 `json:"overhead,omitempty"`
	// Processes are the shard's processes whose tests have files.
	Processes []Process `json:"processes,omitempty"`
	// Owners say for each of Tests who owns it and how critical it is.
	Owners []Owned `json:"owners,omitempty"`
	Tests  []Entry `json:"tests,omitempty"`
	// Misses is what affected would have overlooked, by a run that shows it; only the first shard of one has it.
	Misses *Misses `json:"misses,omitempty"`
	// Beyond are services that failures of a suite named although its tests do not need them.
	Beyond []Beyond `json:"beyond,omitempty"`
	// Deselected are the tests that were listed and did not run; only the first shard of a
	// run has them.
	Deselected []e2e.Deselected `json:"deselected,omitempty"`
}

// kept is what a fold and a snapshot keep of a record: what does not speak of its tests
// by their position, and of its gates those that were bad. Times that cannot be are left
// out.
func (r Record) kept() Record {
	r.Tests, r.Owners, r.Deselected = nil, nil, nil
	r.Misses = r.Misses.bounded()
	r.Beyond = slices.DeleteFunc(slices.Clone(r.Beyond[:min(len(r.Beyond), maxBeyond)]), Beyond.isLong)
	r.Gates = slices.DeleteFunc(slices.Clone(r.Gates), func(g GateHealth) bool { return g.Healthy == nil })
	r.Processes = slices.DeleteFunc(slices.Clone(r.Processes), func(p Process) bool {
		return !p.plausible()
	})
	return r
}

// onMain reports whether the record is of the default branch. Where that is not known,
// its usual names count.
func (r Record) onMain() bool {
	name := strings.TrimPrefix(r.Ref, "refs/heads/")
	return r.Main || name == "main" || name == "master"
}

// key orders records by age, then by identity.
func (r Record) key(o Record) int {
	return cmp.Or(r.Started.Compare(o.Started), strings.Compare(r.RunID, o.RunID), cmp.Compare(r.Attempt, o.Attempt), cmp.Compare(r.Shard, o.Shard))
}

// Entry is one test in a record.
type Entry struct {
	ID      string      `json:"id" mask:"-"`
	Suite   string      `json:"suite,omitempty" mask:"-"`
	File    string      `json:"file,omitempty" mask:"-"`
	Outcome e2e.Outcome `json:"outcome"`
	// Seconds of the last attempt that passed.
	Seconds float64 `json:"seconds"`

	// Alone: it was the only test of its process.
	Alone bool `json:"alone,omitempty"`

	// What follows is written where the test did not simply pass.

	// Nothing is why the outcome says nothing of the test; empty: it does.
	Nothing Silence `json:"nothing,omitempty"`
	// Gate or background process that was bad while it failed.
	Environment string         `json:"environment,omitempty"`
	Effect      e2e.Effect     `json:"effect,omitempty"`
	Category    e2e.Category   `json:"category,omitempty"`
	Confidence  e2e.Confidence `json:"confidence,omitempty"`
	// Attempts at the test, in order of time, at most maxAttempts.
	Attempts []Attempt `json:"attempts,omitempty"`
	// Fingerprint is that of its first failure, see package fingerprint.
	Fingerprint string `json:"fingerprint,omitempty" mask:"-"`
	// Exact is [fingerprint.Exact] of all its failed executions, if they are alike.
	Exact string `json:"exact,omitempty" mask:"-"`
	// Reason is why it was skipped, or the code of why it was not run.
	Reason string `json:"reason,omitempty"`
	// Quarantine is the state of the entry that covers it.
	Quarantine QuarantineState `json:"quarantine,omitempty"`
}

// Silence is why an outcome says nothing of a test. What says nothing changes no
// statistic: not since when a test fails, not how often it is flaky, not what it takes.
type Silence string

// The reasons for silence.
const (
	// NotJudged: the gate itself did not judge the run.
	NotJudged Silence = "not_judged"
	// BadEnvironment: a gate, or a background process, was bad while the test failed.
	BadEnvironment Silence = "environment"
	// Untrusted: the evidence of the test was damaged.
	Untrusted Silence = "untrusted"
	// Ambiguous: an attempt ended in a way that is not known.
	Ambiguous Silence = "ambiguous"
	// Lost: the test was planned and never reported.
	Lost Silence = "lost"
	// NotRun: the test was kept from running.
	NotRun Silence = "not_run"
)

// Recorder makes the records of the shards of one run.
type Recorder struct {
	result e2e.Result
	// judged are the tests of the result by the ids that shards know them by. Of tests that share an
	// id, the one that weighs most speaks for all.
	judged  map[string]*e2e.TestResult
	planned func(id string) (e2e.Test, bool)
}

// NewRecorder makes the recorder of a run with this result. planned knows the tests of the plan, and those
// that stand for its batches; it is asked for those that the result does not have.
func NewRecorder(result e2e.Result, planned func(id string) (e2e.Test, bool)) *Recorder {
	c := &Recorder{result: result, judged: make(map[string]*e2e.TestResult, len(result.Tests)), planned: planned}
	for i := range result.Tests {
		t := &result.Tests[i]
		id := t.ID
		if t.Set != "" {
			id = t.Set
		}
		if known := c.judged[id]; known == nil || t.Effect.Rank() < known.Effect.Rank() {
			c.judged[id] = t
		}
	}
	return c
}

// test is what is known of a test; the zero value, if nothing is.
func (c *Recorder) test(id string) e2e.Test {
	if t := c.judged[id]; t != nil {
		return t.Test
	}
	t, _ := c.planned(id)
	return t
}

// Of makes the record of a shard's document. What only the run knows, such as the number of its shards,
// is left to the caller.
func (c *Recorder) Of(doc e2e.ShardRun) Record {
	run, result := doc.Run, c.result
	r := Record{
		Schema: Schema, RunID: run.ID, WorkflowRun: run.WorkflowRun, Attempt: run.WorkflowAttempt, Shard: doc.Index, Stage: run.Stage,
		Subject: run.Subject, TestsSHA: run.TestsSHA, Started: run.Started, Main: run.DefaultBranch, Overhead: overhead(doc),
		Processes: c.processes(doc), Tests: make([]Entry, 0, len(doc.Tests)), Target: run.Target, Service: run.Service, Key: run.Key,
		Event: run.Event, Version: run.Version,
		Verdict: result.Verdict.State, Nothing: silenceOfRun(result), Variant: doc.Platform, Gates: healthOf(doc, run.Started),
	}
	for _, reason := range result.Verdict.Reasons {
		if !slices.Contains(r.Reasons, reason.Code) {
			r.Reasons = append(r.Reasons, reason.Code)
		}
	}
	alone, fingerprints := aloneIn(doc), 0
	for i := range doc.Tests {
		t := &doc.Tests[i]
		e := Entry{ID: t.ID, Outcome: e2e.OutcomeOf(t.Attempts), Alone: alone[t.ID]}
		// With the owner that its suite gives it.
		var test *e2e.Test
		judged := c.judged[t.ID]
		if judged != nil {
			test = &judged.Test
		} else if planned, ok := c.planned(t.ID); ok || t.Unplanned == nil {
			test = &planned
		} else {
			test = t.Unplanned
		}
		e.Suite, e.File = test.Suite, test.File
		for _, own := range e2e.Twins(t.Attempts) {
			passed := 0.0
			for n := range own {
				if own[n].Outcome == e2e.Passed {
					passed = own[n].Seconds
				}
			}
			e.Seconds += passed // tests that share an id run together
		}
		e.tried(t.Attempts, run.ID, fingerprints < maxFingerprints, run.DefaultBranch && fingerprints < maxExact)
		if e.Fingerprint != "" {
			fingerprints++
		}
		if judged != nil {
			e.judgedAs(judged)
		}
		r.add(e, test)
	}
	for _, e := range c.unreported(doc) {
		test := c.test(e.ID)
		if e2e.BatchOf(test).ID == e.ID {
			continue // it stands for tests that are not known
		}
		e.Suite, e.File = test.Suite, test.File
		r.add(e, &test)
	}
	return r
}

// silenceOfRun is why no test of a run says anything: it was not judged, or what the
// tests ran against went away under them.
func silenceOfRun(r e2e.Result) Silence {
	for _, p := range r.Problems {
		if p.LosesEvidence && len(p.Tests) == 0 && (p.Code == e2e.CodeEnvironment || p.Code == e2e.CodeGateLost) {
			return BadEnvironment
		}
	}
	if r.Verdict.State != e2e.VerdictNotJudged || onlyWithoutGate(r.Verdict) {
		return ""
	}
	if slices.ContainsFunc(r.Verdict.Reasons, func(reason e2e.Reason) bool { return reason.Code == e2e.CodeGateShut && reason.Effect == e2e.NotJudged }) {
		return BadEnvironment
	}
	return NotJudged
}

// onlyWithoutGate reports whether a run was not judged for nothing but tests that were not run because a gate failed
// which only they need: the others ran as ever.
func onlyWithoutGate(v e2e.Verdict) bool {
	some := false
	for _, reason := range v.Reasons {
		if reason.Effect != e2e.NotJudged {
			continue
		}
		if len(reason.Tests) == 0 || reason.Code != e2e.CodeGateShut && reason.Code != e2e.CodeNotRun {
			return false
		}
		some = some || reason.Code == e2e.CodeGateShut
	}
	return some
}

// environmentOf names what was at fault.
func environmentOf(env e2e.Environment) string {
	if env.Port > 0 {
		return fmt.Sprintf("port %d", env.Port)
	}
	return cmp.Or(env.Gate, env.Process)
}

// judgedAs adds what the verdict made of a test that did not simply pass.
func (e *Entry) judgedAs(t *e2e.TestResult) {
	// Evidence that cannot be trusted is judged in the row of lost tests.
	untrusted := t.Policy != nil && t.Policy.Row == string(e2e.Lost) && t.Outcome != e2e.Lost
	switch {
	case t.Environment != nil:
		e.Nothing, e.Environment = BadEnvironment, environmentOf(*t.Environment)
	case untrusted:
		e.Nothing = Untrusted
	case e.Outcome == e2e.Passed && e.Nothing == "":
		return
	}
	e.Effect, e.Category, e.Confidence = t.Effect, t.Category, t.Confidence
	if q := t.Quarantine; q != nil {
		e.Quarantine = Quarantined
		if q.Expired {
			e.Quarantine = Expired
		}
	}
}

// overhead is what the first processes of a shard took beyond their tests.
func overhead(doc e2e.ShardRun) float64 {
	total := 0.0
	for _, u := range doc.Units {
		if u.Attempt == 1 {
			total += u.Seconds
		}
	}
	for i := range doc.Tests {
		for n := range doc.Tests[i].Attempts {
			if a := &doc.Tests[i].Attempts[n]; a.Planned() {
				total -= a.Seconds
			}
		}
	}
	return max(0, total) // tests of one process may run at once
}
