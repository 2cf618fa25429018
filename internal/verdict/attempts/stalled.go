package attempts

import (
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// TypeStalled is the failure type of a test that ran while nothing happened any more.
const TypeStalled = "stalled"

// Hanging is a test that ran when the gate ended its process, because nothing had happened in it for
// too long.
type Hanging struct {
	// Name is that of the planned test; Ended is how many of its executions had ended by then.
	Name  string
	Ended int
	// Started is when it started, and Seconds how long it had run.
	Started time.Time
	Seconds float64
}

// Stall is what such a process leaves.
type Stall struct {
	Planned []Planned
	Running []Hanging
	// Tests are the attempts at planned tests, by id, as [Of] has them.
	Tests map[string][]e2e.Attempt
	// Message says what happened; Files are the thread dumps, absolute, and Evidence says where they are.
	Message  string
	Files    []string
	Evidence []e2e.Evidence
}

// Stalled says what became of the tests of a process that the gate ended because it stalled.
//
//   - a test that ran then has failed: the execution that hung is the last one, whatever it reported later
//   - if it is known which ran, the others that did not report are not run
//   - else any of them may be the one that hung, so they are lost
//   - if all had passed, nothing says what the process was still at, so all are lost
func Stalled(s Stall) (tests map[string][]e2e.Attempt, notRun, lost []string) {
	tests = map[string][]e2e.Attempt{}
	for id, list := range s.Tests {
		tests[id] = list
	}
	known := false
	for _, p := range s.Planned {
		i := slices.IndexFunc(s.Running, func(h Hanging) bool { return h.Name == p.Name })
		if i < 0 {
			continue
		}
		known = true
		tests[p.ID] = s.hung(s.Running[i], slices.Clone(tests[p.ID]))
	}
	for _, p := range s.Planned {
		switch {
		case len(tests[p.ID]) > 0:
		case known:
			notRun = append(notRun, p.ID)
		default:
			lost = append(lost, p.ID)
		}
	}
	if !known && len(lost) == 0 && !anyEndedFailed(tests) {
		for _, p := range s.Planned {
			lost = append(lost, p.ID)
		}
	}
	return tests, notRun, lost
}

// anyEndedFailed reports whether the last execution of a test failed. One that was skipped behind its failure had ended, so that it is not
// what the process was still at.
func anyEndedFailed(tests map[string][]e2e.Attempt) bool {
	for _, list := range tests {
		if slices.ContainsFunc(e2e.Twins(list), func(own []e2e.Attempt) bool { return own[len(own)-1].Outcome == e2e.Failed }) {
			return true
		}
	}
	return false
}

// hung makes the attempt that hung the last one of its test.
func (s Stall) hung(h Hanging, list []e2e.Attempt) []e2e.Attempt {
	a := e2e.Attempt{}
	if h.Ended > 0 {
		a.Source = e2e.SourceFramework
	}
	if n := len(list); n > h.Ended {
		a, list = list[n-1], list[:n-1]
		if a.Message != "" {
			a.Details = a.Message + "\n" + a.Details
		}
	}
	if a.Seconds < h.Seconds {
		a.Started, a.Seconds = h.Started, h.Seconds
	}
	a.Evidence = append(slices.Clip(a.Evidence), s.Evidence...)
	a.Outcome, a.Error, a.Kept, a.KeptBy, a.Type, a.Message = e2e.Failed, true, false, "", TypeStalled, s.Message
	a.Files = append(slices.Clip(a.Files), s.Files...)
	return append(list, a)
}
