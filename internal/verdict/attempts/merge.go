package attempts

import (
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// executions groups the results of one reported test: a result and the retries of it
// that the runner states, as parts of the given list. Any other result is of another test of that name. Where the
// config says that cases are repeated, one behind a failure is a retry of it; nothing
// repeats a test that passed.
func executions(results []Result, repeatedCases bool) [][]Result {
	var runs [][]Result
	begin := 0 // of the last run
	for i, r := range results {
		n := len(runs) - 1
		if n >= 0 && (r.Retry || repeatedCases && failedLast(runs[n])) {
			runs[n] = results[begin : i+1 : i+1]
			continue
		}
		begin = i
		runs = append(runs, results[i:i+1:i+1])
	}
	return runs
}

// failedLast reports whether the last execution of a test failed.
func failedLast(run []Result) bool { return run[len(run)-1].Attempt.Outcome == e2e.Failed }

// failedOnce reports whether any execution of a test failed.
func failedOnce(run []Result) bool {
	return slices.ContainsFunc(run, func(r Result) bool { return r.Attempt.Outcome == e2e.Failed })
}

// sequence makes attempts of one execution and its retries. Nothing else sets the source.
func sequence(run []Result) []e2e.Attempt {
	list := make([]e2e.Attempt, len(run))
	for i, r := range run {
		list[i] = r.Attempt
		list[i].Source, list[i].Twin, list[i].Uncounted = sourceOf(i), 0, ""
	}
	return list
}

// sourceOf is the source of the i-th execution in one process.
func sourceOf(i int) e2e.AttemptSource {
	if i == 0 {
		return e2e.SourceFirst
	}
	return e2e.SourceFramework
}

// withFiles gives the files of a test to its last attempt: a report does not say which
// attempt left them.
func withFiles(list []e2e.Attempt, files []string) []e2e.Attempt {
	if n := len(list); n > 0 {
		list[n-1].Files = append(slices.Clip(list[n-1].Files), files...)
	}
	return list
}

// number numbers the attempts at a test from 1, in order of time. Nothing else in this
// package sets the number.
func number(list []e2e.Attempt) {
	for i := range list {
		list[i].N = i + 1
	}
}

// part is a reported part of a planned test.
type part struct {
	name     string
	attempts []e2e.Attempt
}

// fold makes the attempts of a planned test out of those of its parts: the first
// attempt of all, then, where the framework repeated some, the state after each
// repetition.
func fold(parts []part) []e2e.Attempt {
	rounds := 0
	for _, p := range parts {
		rounds = max(rounds, len(p.attempts))
	}
	list := make([]e2e.Attempt, rounds)
	for i := range list {
		list[i] = foldRound(parts, i)
	}
	return list
}

// foldRound is one attempt of a test in parts: it is as good as its worst part, takes
// the time of all, starts with the earliest, and names the part that failed. A part that
// was repeated less often stays as it ended.
func foldRound(parts []part, round int) e2e.Attempt {
	var whole, sum e2e.Attempt
	for _, p := range parts {
		if len(p.attempts) == 0 {
			continue
		}
		a := p.attempts[min(round, len(p.attempts)-1)]
		sum.Children = append(sum.Children, e2e.Child{Name: p.name, Outcome: a.Outcome, Seconds: a.Seconds, Message: a.Message})
		sum.Seconds += a.Seconds
		sum.Files = append(sum.Files, a.Files...)
		if sum.Started.IsZero() || !a.Started.IsZero() && a.Started.Before(sum.Started) {
			sum.Started = a.Started
		}
		if isWorse(whole, a) {
			if whole = a; a.Outcome == e2e.Failed {
				whole.Message = p.name + ": " + a.Message
			}
		}
	}
	whole.Seconds, whole.Children, whole.Started, whole.Files = sum.Seconds, sum.Children, sum.Started, sum.Files
	whole.Source = sourceOf(round)
	return whole
}

// isWorse reports whether a part is worse than the worst so far. A known outcome replaces an
// unknown one.
func isWorse(worst, a e2e.Attempt) bool {
	return worst.Outcome == e2e.OutcomeUnknown || e2e.Worst(worst.Outcome, a.Outcome) != worst.Outcome
}
