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
}

// RecordOf makes the record of a shard's document.
func RecordOf(doc e2e.ShardRun, planned map[string]e2e.Test) Record {
	r := Record{Schema: Schema, RunID: doc.Run.ID, WorkflowRun: doc.Run.WorkflowRun, Attempt: doc.Run.WorkflowAttempt, Shard: doc.Index, Stage: doc.Run.Stage,
		Ref: doc.Run.Ref, SHA: doc.Run.SHA, Started: doc.Run.Started, Main: doc.Run.DefaultBranch, Overhead: overhead(doc),
		Processes: processes(doc, planned), Tests: []Entry{}}
	for _, t := range doc.Tests {
		e := Entry{ID: t.ID, Outcome: e2e.OutcomeOf(t.Attempts)}
		if test, ok := planned[t.ID]; ok {
			e.Suite, e.File = test.Suite, test.File
		} else if t.Unplanned != nil {
			e.Suite, e.File = t.Unplanned.Suite, t.Unplanned.File
		}
		for _, a := range t.Attempts {
			if a.Outcome == e2e.Passed {
				e.Seconds = a.Seconds
			}
		}
		r.Tests = append(r.Tests, e)
	}
	return r
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
			if a.Source != e2e.SourceDiagnostic {
				total -= a.Seconds
			}
		}
	}
	return max(0, total) // tests of one process may run at once
}
