// Package history keeps records of earlier runs. A record is immutable and keyed
// by run id, workflow attempt and shard; a reader folds what it finds. A lost or
// corrupt record makes the plan worse, never the verdict wrong.
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

// Record is what one shard learned in one attempt of the workflow.
type Record struct {
	Schema  string    `json:"schema"`
	RunID   string    `json:"run_id"`
	Attempt int       `json:"workflow_attempt"`
	Shard   int       `json:"shard"`
	Stage   string    `json:"stage,omitempty"`
	Ref     string    `json:"ref,omitempty"`
	SHA     string    `json:"sha,omitempty"`
	Started time.Time `json:"started"`
	Tests   []Entry   `json:"tests"`
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
	r := Record{Schema: Schema, RunID: doc.Run.ID, Attempt: doc.Run.WorkflowAttempt, Shard: doc.Index, Stage: doc.Run.Stage,
		Ref: doc.Run.Ref, SHA: doc.Run.SHA, Started: doc.Run.Started, Tests: []Entry{}}
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

// minSeconds is what a passed test took at least: a report that says 0 is known to
// be fast, which is not the same as unknown.
const minSeconds = 0.001

// maxSeconds is what a test can have taken at most; more is a corrupt record.
const maxSeconds = 30 * 24 * 3600

// samples is how many of the newest runs of a test count.
const samples = 20

// Stats folds records. The zero value knows nothing.
type Stats struct {
	tests  map[string]known
	files  map[[2]string]float64
	suites map[string]float64
}

// known is what is known of a test.
type known struct {
	suite, file string
	recent      []sample  // newest first, those that say something
	passed      []float64 // seconds of the newest passed runs
}

// sample is one test in one record.
type sample struct {
	record *Record
	entry  Entry
}

// newer orders samples totally, the newest first.
func (a sample) newer(b sample) int {
	return cmp.Or(b.record.key(*a.record), strings.Compare(a.record.Ref, b.record.Ref), strings.Compare(string(a.entry.Outcome), string(b.entry.Outcome)),
		cmp.Compare(a.entry.Seconds, b.entry.Seconds), strings.Compare(a.entry.Suite, b.entry.Suite), strings.Compare(a.entry.File, b.entry.File))
}

// Fold reads records into statistics; their order does not matter.
func Fold(records []Record) Stats {
	all := map[string][]sample{}
	for i := range records {
		for _, e := range records[i].Tests {
			if e.ID != "" {
				all[e.ID] = append(all[e.ID], sample{&records[i], e})
			}
		}
	}
	s := Stats{tests: make(map[string]known, len(all))}
	for id, list := range all {
		slices.SortFunc(list, sample.newer)
		s.tests[id] = know(list)
	}
	s.fold()
	return s
}

// know sums a test's samples up, newest first.
func know(list []sample) known {
	k := known{suite: list[0].entry.Suite, file: list[0].entry.File}
	for _, x := range list {
		passed := x.entry.Outcome == e2e.Passed || x.entry.Outcome == e2e.Flaky
		if passed && x.entry.Seconds <= maxSeconds && len(k.passed) < samples {
			k.passed = append(k.passed, max(x.entry.Seconds, minSeconds))
		}
		// A run in which the test was lost, stopped or skipped says nothing of it.
		if (passed || x.entry.Outcome == e2e.Failed) && len(k.recent) < samples {
			k.recent = append(k.recent, x)
		}
	}
	return k
}

// Estimate is the median duration in seconds of the test's newest passed runs,
// and how many those are; 0, 0 for a test that nobody has timed.
func (s Stats) Estimate(id string) (seconds float64, runs int) {
	passed := s.tests[id].passed
	return median(passed), len(passed)
}

// Guess is the median over the known tests of the same file, else of the same
// suite; 0 where neither has a known test.
func (s Stats) Guess(t e2e.Test) (seconds float64, from string) {
	if est, ok := s.files[[2]string{t.Suite, t.File}]; ok && t.File != "" {
		return est, "file"
	}
	if est, ok := s.suites[t.Suite]; ok {
		return est, "suite"
	}
	return 0, ""
}

// fold computes the medians of files and suites.
func (s *Stats) fold() {
	files, suites := map[[2]string][]float64{}, map[string][]float64{}
	for id, k := range s.tests {
		if est, n := s.Estimate(id); n > 0 {
			files[[2]string{k.suite, k.file}] = append(files[[2]string{k.suite, k.file}], est)
			suites[k.suite] = append(suites[k.suite], est)
		}
	}
	s.files, s.suites = map[[2]string]float64{}, map[string]float64{}
	for key, list := range files {
		s.files[key] = median(list)
	}
	for key, list := range suites {
		s.suites[key] = median(list)
	}
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

// The words for what a test did lately.
const (
	Stable        = "stable"
	Flaky         = "flaky"
	New           = "new"
	FailingOnMain = "failing-on-main"
)

// Recent says what the test did lately.
func (s Stats) Recent(id string) string {
	list := s.tests[id].recent
	if len(list) == 0 {
		return New
	}
	main := slices.IndexFunc(list, func(x sample) bool { return onMain(x.record.Ref) })
	switch {
	case main >= 0 && list[main].entry.Outcome == e2e.Failed:
		return FailingOnMain
	case slices.ContainsFunc(list, func(x sample) bool { return x.entry.Outcome == e2e.Flaky }):
		return Flaky
	}
	return Stable
}

func onMain(ref string) bool {
	name := strings.TrimPrefix(ref, "refs/heads/")
	return name == "main" || name == "master"
}

// FlakeRate is the share of the test's newest runs in which it was flaky, and how
// many of those runs are known.
func (s Stats) FlakeRate(id string) (share float64, runs int) {
	flaky := 0
	for _, x := range s.tests[id].recent {
		if x.entry.Outcome == e2e.Flaky {
			flaky++
		}
	}
	if runs = len(s.tests[id].recent); runs == 0 {
		return 0, 0
	}
	return float64(flaky) / float64(runs), runs
}

// Known lists the tests of a suite that earlier runs reported, sorted.
func (s Stats) Known(suite string) []string {
	var ids []string
	for id, k := range s.tests {
		if k.suite == suite {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// key orders records by age, then by identity.
func (r Record) key(o Record) int {
	return cmp.Or(r.Started.Compare(o.Started), strings.Compare(r.RunID, o.RunID), cmp.Compare(r.Attempt, o.Attempt), cmp.Compare(r.Shard, o.Shard))
}
