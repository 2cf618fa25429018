// Package history keeps records of earlier runs. A record is immutable and keyed by run
// id, workflow attempt and shard; a reader folds what it finds. A lost or corrupt
// record can make the plan worse, but never the verdict wrong.
//
// A [Store] lists, gets and puts objects. [Log] keeps records in one, and also
// snapshots: many records folded into one object, so that a reader needs only a handful
// of objects however long the history is.
package history

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Schema of a record.
const Schema = "e2e-gate/history/v1"

// Record is what one shard recorded in one attempt of the workflow.
type Record struct {
	Schema string `json:"schema"`
	RunID  string `json:"run_id"`
	// WorkflowRun is GITHUB_RUN_ID; empty outside CI.
	WorkflowRun string    `json:"workflow_run,omitempty"`
	Attempt     int       `json:"workflow_attempt"`
	Shard       int       `json:"shard"`
	Stage       string    `json:"stage,omitempty"`
	Ref         string    `json:"ref,omitempty"`
	SHA         string    `json:"sha,omitempty"`
	Started     time.Time `json:"started"`
	// Main: the run was on the default branch.
	Main bool `json:"main,omitempty"`
	// Target, Event and Version are those of the run: where it tested, what started it, and
	// which gate wrote the record.
	Target  string `json:"target,omitempty"`
	Event   string `json:"event,omitempty"`
	Version string `json:"gate_version,omitempty"`
	// Verdict is that of the whole run, with the codes of its reasons.
	Verdict e2e.VerdictState `json:"verdict,omitempty"`
	Reasons []e2e.Code       `json:"reasons,omitempty"`
	// Nothing is why the whole record says nothing of its tests; empty: it does.
	Nothing Silence `json:"nothing,omitempty"`
	// Overhead is the time of the shard's processes without their tests, in seconds:
	// start-up and fixtures.
	Overhead float64 `json:"overhead,omitempty"`
	// Processes are the shard's processes whose tests have files.
	Processes []Process `json:"processes,omitempty"`
	Tests     []Entry   `json:"tests,omitempty"`
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
	ID      string      `json:"id"`
	Suite   string      `json:"suite,omitempty"`
	File    string      `json:"file,omitempty"`
	Outcome e2e.Outcome `json:"outcome"`
	// Seconds of the last attempt that passed.
	Seconds float64 `json:"seconds"`

	// What follows is written where the test did not simply pass.

	// Nothing is why the outcome says nothing of the test; empty: it does.
	Nothing Silence `json:"nothing,omitempty"`
	// Gate or background process that was bad while it failed.
	Environment string         `json:"environment,omitempty"`
	Effect      e2e.Effect     `json:"effect,omitempty"`
	Category    e2e.Category   `json:"category,omitempty"`
	Confidence  e2e.Confidence `json:"confidence,omitempty"`
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
)

// RecordOf makes the record of a shard's document, in a run with this result.
func RecordOf(doc e2e.ShardRun, planned map[string]e2e.Test, result e2e.Result) Record {
	r := Record{Schema: Schema, RunID: doc.Run.ID, WorkflowRun: doc.Run.WorkflowRun, Attempt: doc.Run.WorkflowAttempt, Shard: doc.Index, Stage: doc.Run.Stage,
		Ref: doc.Run.Ref, SHA: doc.Run.SHA, Started: doc.Run.Started, Main: doc.Run.DefaultBranch, Overhead: overhead(doc),
		Processes: processes(doc, planned), Tests: []Entry{}, Target: doc.Run.Target, Event: doc.Run.Event, Version: doc.Run.Version,
		Verdict: result.Verdict.State, Nothing: silenceOfRun(result)}
	for _, reason := range result.Verdict.Reasons {
		if !slices.Contains(r.Reasons, reason.Code) {
			r.Reasons = append(r.Reasons, reason.Code)
		}
	}
	judged := map[string]*e2e.TestResult{}
	for i := range result.Tests {
		// Of tests that share an id, the one that weighs most speaks for all.
		t := &result.Tests[i]
		if known := judged[t.Stable()]; known == nil || t.Effect.Rank() < known.Effect.Rank() {
			judged[t.Stable()] = t
		}
	}
	for _, t := range doc.Tests {
		e := Entry{ID: t.ID, Outcome: e2e.OutcomeOf(t.Attempts)}
		if test, ok := planned[t.ID]; ok {
			e.Suite, e.File = test.Suite, test.File
		} else if t.Unplanned != nil {
			e.Suite, e.File = t.Unplanned.Suite, t.Unplanned.File
		}
		for _, own := range e2e.Twins(t.Attempts) {
			passed := 0.0
			for _, a := range own {
				if a.Outcome == e2e.Passed {
					passed = a.Seconds
				}
			}
			e.Seconds += passed // tests that share an id run together
		}
		if t := judged[t.ID]; t != nil {
			e.judgedAs(t)
		}
		r.Tests = append(r.Tests, e)
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
	if r.Verdict.State == e2e.VerdictNotJudged {
		return NotJudged
	}
	return ""
}

// judgedAs adds what the verdict made of a test that did not simply pass.
func (e *Entry) judgedAs(t *e2e.TestResult) {
	// Evidence that cannot be trusted is judged in the row of lost tests.
	untrusted := t.Policy != nil && t.Policy.Row == string(e2e.Lost) && t.Outcome != e2e.Lost
	switch {
	case t.Environment != nil:
		e.Nothing, e.Environment = BadEnvironment, cmp.Or(t.Environment.Gate, t.Environment.Process)
	case untrusted:
		e.Nothing = Untrusted
	case e.Outcome == e2e.Passed:
		return
	}
	e.Effect, e.Category, e.Confidence = t.Effect, t.Category, t.Confidence
}

// overhead is what the first processes of a shard took beyond their tests.
func overhead(doc e2e.ShardRun) float64 {
	total := 0.0
	for _, u := range doc.Units {
		if u.Attempt == 1 {
			total += u.Seconds
		}
	}
	for _, t := range doc.Tests {
		for _, a := range t.Attempts {
			if a.Planned() {
				total -= a.Seconds
			}
		}
	}
	return max(0, total) // tests of one process may run at once
}
