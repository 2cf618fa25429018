package attempts

import (
	"fmt"
	"maps"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// Why an attempt of a diagnostic rerun is shown and decides nothing.
const (
	retryInRerun = "the first execution in the diagnostic rerun decides"
	badRerun     = "the process of the diagnostic rerun did not end well, and no failed test explains that"
	twinFailed   = "another test with this id failed in the diagnostic rerun, and nothing tells them apart"
)

// Again decides what counts of the attempts that a diagnostic rerun made at a test, and
// why each was made. first are the attempts before it, lost says that the rerun's own
// process did not end well and that no failed test explains it.
//
//   - the first execution in the rerun decides, whatever retries the framework made of it
//   - a pass counts only if the process ended well or something else explains its end
//   - of tests that share an id, a pass counts only if none of them failed in the rerun and
//     there are as many results as before: nothing says which is which
//   - of those, the ones that had passed ran beside the rerun of the others
//   - for a test that was kept from running, the rerun is its first execution
//   - a pass counts only if each part that failed before, such as a subtest, is there and passed
func Again(first, again []e2e.Attempt, lost bool) []e2e.Attempt {
	before, now := e2e.Twins(first), e2e.Twins(again)
	refusal := ""
	switch {
	case lost:
		refusal = badRerun
	case len(before) != len(now):
		refusal = fmt.Sprintf("in the diagnostic rerun the number of results for this id is %d, not %d", len(now), len(before))
	case len(now) > 1 && anyFailedFirst(now):
		refusal = twinFailed
	}
	var list []e2e.Attempt
	for i, run := range now {
		twin, had := besideOf(before, i, len(now))
		for j, a := range run {
			a.Twin, a.Source = twin, e2e.SourceDiagnostic
			switch {
			case j > 0:
				a.Source, a.Uncounted = e2e.SourceFramework, retryInRerun
			case len(before) > 1 && had != e2e.Failed && had != e2e.NotRun:
				a.Source = e2e.SourceBeside
			case a.Outcome != e2e.Failed:
				if a.Uncounted = refusal; refusal == "" && len(before) == len(now) {
					a.Uncounted = partsUnproven(before[i], a)
				}
			}
			list = append(list, a)
		}
	}
	return list
}

// partsUnproven says which part of a test failed before and did not pass in an execution of its rerun; empty: none. Some frameworks
// name only the parts that failed: there, no parts at all say nothing.
func partsUnproven(first []e2e.Attempt, again e2e.Attempt) string {
	failed, all := map[string]bool{}, false
	for _, a := range first {
		for _, c := range a.Children {
			failed[c.Name] = failed[c.Name] || a.Outcome == e2e.Failed && c.Outcome == e2e.Failed
			all = all || c.Outcome == e2e.Passed
		}
	}
	now := map[string]e2e.Outcome{}
	for _, c := range again.Children {
		if known, twice := now[c.Name]; !twice || known == e2e.Passed {
			now[c.Name] = c.Outcome
		}
	}
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		switch outcome, there := now[name]; {
		case !failed[name] || there && outcome == e2e.Passed, len(now) == 0 && !all:
		case there:
			return fmt.Sprintf("in the diagnostic rerun %s, which had failed, did not pass: it was %s", name, outcome)
		default:
			return fmt.Sprintf("the diagnostic rerun did not run %s, which had failed", name)
		}
	}
	return ""
}

// Decides reports whether a diagnostic rerun decides something of a test: it failed, or it was
// kept from running. Any other test runs there only because its group is repeated.
func Decides(list []e2e.Attempt) bool {
	o := e2e.OutcomeOf(list)
	return o == e2e.Failed || o == e2e.NotRun
}

// Beside are the attempts that a diagnostic rerun made at a test which it does not decide, if
// a first execution among them failed: that is a second outcome of the test. Else nothing of
// them is kept. Where there are not as many results as before, all stand beside the first.
func Beside(first, again []e2e.Attempt) []e2e.Attempt {
	before, now := e2e.Twins(first), e2e.Twins(again)
	if !anyFailedFirst(now) {
		return nil
	}
	var list []e2e.Attempt
	for i, run := range now {
		twin := before[0][0].Twin
		if len(now) == len(before) {
			twin = before[i][0].Twin
		}
		for j, a := range run {
			a.Twin, a.Source = twin, e2e.SourceBeside
			if j > 0 {
				a.Source, a.Uncounted = e2e.SourceFramework, retryInRerun
			}
			list = append(list, a)
		}
	}
	return list
}

// anyFailedFirst reports whether the first execution of any of the tests failed.
func anyFailedFirst(tests [][]e2e.Attempt) bool {
	for _, run := range tests {
		if run[0].Outcome == e2e.Failed {
			return true
		}
	}
	return false
}

// besideOf is the number of the test before the rerun beside which the i-th of n tests in the
// rerun stands, and the outcome that it had. If there were not as many, all stand beside the
// first that failed, else beside the first that was kept from running.
func besideOf(before [][]e2e.Attempt, i, n int) (int, e2e.Outcome) {
	if n == len(before) {
		return before[i][0].Twin, e2e.OutcomeOf(before[i])
	}
	for _, o := range []e2e.Outcome{e2e.Failed, e2e.NotRun} {
		for _, run := range before {
			if e2e.OutcomeOf(run) == o {
				return run[0].Twin, o
			}
		}
	}
	return 0, e2e.OutcomeUnknown
}

// RetriesUsed is how often the framework repeated a failed test by itself, in vain. Of several
// tests that share an id, one that it did not repeat is worth a rerun.
func RetriesUsed(list []e2e.Attempt) int {
	least := 0
	for _, own := range e2e.Twins(list) {
		if e2e.OutcomeOf(own) != e2e.Failed {
			continue
		}
		retries := 0
		for _, a := range own {
			if a.CountedRetry() {
				retries++
			}
		}
		if retries == 0 {
			return 0
		}
		least = max(least, retries)
	}
	return least
}

// Died reports whether a failed attempt of a test ended with its process: in a panic, or by a
// signal that the gate did not send.
func Died(units []e2e.UnitRun, list []e2e.Attempt) bool {
	return slices.ContainsFunc(list, func(a e2e.Attempt) bool {
		return a.Outcome == e2e.Failed && (a.Type == "panic" || slices.ContainsFunc(units, func(u e2e.UnitRun) bool {
			return u.Ended == e2e.EndedSignal && slices.Contains(a.Files, u.Log)
		}))
	})
}

// BadRerun reports whether the process of a diagnostic rerun loses the evidence of a test: it
// was stopped before its end, or one of its problems does. problems may hold others.
func BadRerun(ended e2e.Ended, problems []e2e.Problem, id string) bool {
	return ended != e2e.EndedExited || slices.ContainsFunc(problems, func(p e2e.Problem) bool {
		return p.LosesEvidence && (len(p.Tests) == 0 || slices.Contains(p.Tests, id))
	})
}
