package history

import (
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// Judged is a run that was judged, and the tests that it is known to have reported.
type Judged struct {
	Run, SHA string
	Tests    map[string]JudgedTest
}

// JudgedTest is a test of such a run. Passed: it did, and the run's evidence of it counts.
// Criticality is one that blocks as much as its own then; empty: it is not known.
type JudgedTest struct {
	Suite       string
	Passed      bool
	Criticality e2e.Criticality
}

// RanBeside reports whether the suites of a stage were seen to bear several shards on one machine: the
// last judged run of them that tried on the variant passed, without a flake.
func (s Stats) RanBeside(stage, variant string) bool {
	var last *Record
	for _, k := range s.tests {
		for _, x := range k.samples {
			r := x.record
			judged := r.Nothing == "" && (r.Verdict == e2e.VerdictPassed || r.Verdict == e2e.VerdictFailed)
			if judged && r.OneMachine && r.Stage == stage && r.Variant == variant && (last == nil || r.key(*last) > 0) {
				last = r
			}
		}
	}
	if last == nil || last.Verdict != e2e.VerdictPassed {
		return false
	}
	for _, k := range s.tests {
		for _, x := range k.samples {
			if x.record.RunID == last.RunID && x.outcome == e2e.Flaky {
				return false
			}
		}
	}
	return true
}

// LastJudged is the last judged run of a stage at the first of the commits that has one. Runs
// on the variant (operating system and architecture) count alone if there are any: others may
// have other tests. Only what is kept of the history is known.
func (s Stats) LastJudged(stage, variant string, commits []string) (run Judged, found bool) {
	at := make(map[string]int, len(commits))
	for i, sha := range slices.Backward(commits) {
		at[sha] = i
	}
	var best *Record
	better := func(r *Record) bool {
		switch {
		case best == nil:
			return true
		case (r.Variant == variant) != (best.Variant == variant):
			return r.Variant == variant
		case at[r.SHA] != at[best.SHA]:
			return at[r.SHA] < at[best.SHA]
		}
		return r.key(*best) > 0
	}
	for _, k := range s.tests {
		for _, x := range k.samples {
			r := x.record
			judged := r.Nothing == "" && (r.Verdict == e2e.VerdictPassed || r.Verdict == e2e.VerdictFailed)
			if _, ok := at[r.SHA]; ok && judged && r.Stage == stage && better(r) {
				best = r
			}
		}
	}
	if best == nil {
		return Judged{}, false
	}
	run = Judged{Run: best.RunID, SHA: best.SHA, Tests: map[string]JudgedTest{}}
	for id, k := range s.tests {
		for _, x := range k.samples { // the newest first
			if x.record.RunID == best.RunID {
				run.Tests[id] = JudgedTest{Suite: k.suite, Passed: x.passed() && x.says(), Criticality: x.column.criticality()}
				break
			}
		}
	}
	return run, true
}
