// Package attempts turns what a test runner handed over about one unit into
// attempts at tests, and into problems where the evidence does not add up.
//
// It is pure: [Of] takes plain values and returns plain values. It reads no file, asks
// no clock, and gives the same answer for the same input. Each rule is a function of
// its own whose first comment line states it; the table in the test has a row for each.
//
//   - match.go: which planned test a reported one stands for
//   - merge.go: how results become attempts, their order, number and source
//   - kept.go: which tests did not run because another one failed
//   - rerun.go: what of a diagnostic rerun counts
//   - problems.go: what the channel, the build and the exit status say beyond that
package attempts

import (
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// In is what one process of a runner handed over. It holds plain values only.
type In struct {
	// Unit is the name of the unit, for messages and problems.
	Unit string
	// Runner is how messages call the process, such as "go test of suite/dir". Empty: the
	// runner of the unit.
	Runner string
	// RepeatedCases: the config says that the reports of the suite repeat the case of a test
	// that the runner repeated (retries: repeated-cases).
	RepeatedCases bool
	// JoinedBy says in words which reported test belongs to which planned one, where names of the user's own have to meet;
	// empty: the adapter makes both.
	JoinedBy string
	// Planned are the tests that the process was to run.
	Planned []Planned
	// Reported are the tests that it reported, in the order of the report.
	Reported []Reported
	// Problems were found while the reports were read. They are passed on as they are.
	Problems []e2e.Problem
	// Attachments are problems with files that tests attached. They are passed on too.
	Attachments []e2e.Problem
	Build       Build
	Channel     Channel
	Exit        Exit
}

// Planned is a planned test.
type Planned struct {
	ID string
	// Name is how the runner spells it. Several tests of a unit may share one.
	Name string
	// Group and File are those of the test, and SkippedLast says that the test of a group was
	// skipped in the last judged run; see [e2e.Test].
	Group, File string
	SkippedLast bool
	// Twins is how many listed tests share the id; 0 or 1: it is unique.
	Twins int
}

// Reported is one test as the runner reported it. Two of one id are two tests, never
// retries of each other.
type Reported struct {
	// Spellings are the names of planned tests that it may stand for, the surest first.
	Spellings []Spelling
	// Unplanned is what is known of the test if it was not planned. Without an ID, one is
	// made of suite, class (else file) and name.
	Unplanned e2e.Test
	// Apart is what tells unplanned tests of one id apart, the surest first: file, project,
	// suite, report. Each has the same place in all tests of a unit; empty: not known.
	Apart []string
	// Results are in order of time. One that is not a retry is of another test of that name.
	Results []Result
	// Files are copies of the files that the report names for the test.
	Files []string
}

// Spelling is a name that a planned test may go by.
type Spelling struct {
	Name string
	// Part, if set, says that the reported test is only a part of the planned one with
	// this name: a subtest, a title within a file.
	Part string
}

// Result is one execution of a test.
type Result struct {
	// Attempt is what the runner told. Its N and Source are not read: this package
	// derives both.
	Attempt e2e.Attempt
	// Retry: the runner itself says that this result repeats the one before. Otherwise
	// nothing but the name says that both are of one test, and that is not believed.
	Retry bool
	// Inferred: the runner did not report the result. The adapter infers it from how the
	// process died.
	Inferred bool
}

// Build is what is known of building the tests.
type Build struct {
	Failed bool
	// Text is the compiler's message, bounded.
	Text string
}

// ChannelKind says how results come from the runner, and so what their absence means.
type ChannelKind string

// The kinds of channels. An unknown kind promises nothing, as [Reports].
const (
	// Reports are files that the runner writes when it likes. Nothing says which tests
	// they should hold.
	Reports ChannelKind = "reports"
	// Events are written while the runner runs, and announce their end.
	Events ChannelKind = "events"
	// Stream is the process' own output, in which every planned test that ran ends.
	Stream ChannelKind = "stream"
)

// Channel is what is known of the way on which results came.
type Channel struct {
	Kind ChannelKind
	// Begun and Ended count announcements in [Events]: several processes may write into
	// one channel. Begun is 0 where they only announce their end.
	Begun, Ended int
	// Running are the names of tests that had started and not ended.
	Running []string
	// Unreadable is why the results cannot be read at all; empty: they can.
	Unreadable string
	// Nothing is what was looked for in vain; empty: something was found.
	Nothing string
	// Crash is how the test process died, as a [Stream] tells it; empty: it did not.
	Crash string
}

// Exit is how the process ended.
type Exit struct {
	Ended e2e.Ended
	Code  int
	// Text says it in words, such as "exit status 1".
	Text string
	// Err is why the process did not start.
	Err string
	// Output is the end of what it printed, worded for a message.
	Output string
	// FailsOnFlaky: the runner says that it ends badly where a test passed only on a retry.
	FailsOnFlaky bool
	// Statuses are those by which the runner says that tests failed. A failed test explains no other one; none: it explains any.
	Statuses []int
}

// OK reports whether the process ran to its end with status 0.
func (e Exit) OK() bool { return e.Ended == e2e.EndedExited && e.Code == 0 }

// Out is what became of the tests.
type Out struct {
	// Tests are the attempts at planned tests, by id.
	Tests map[string][]e2e.Attempt
	// Unplanned are tests that were reported and not planned, sorted by id.
	Unplanned []e2e.TestRun
	// Problems around the tests. Those that lose evidence name the tests.
	Problems []e2e.Problem
}

// Of judges what a runner handed over about one unit. It does not change in.
func Of(in In) Out {
	out := Out{}
	u := unit{in}
	if in.Exit.Ended == e2e.EndedNotStarted {
		out.Problems = u.notStarted()
		return out
	}
	out.Problems = slices.Clone(in.Problems)
	if why, unread := u.unread(); unread {
		out.Problems = append(out.Problems, why...)
		return out
	}
	m := newMatching(in)
	for _, r := range u.kept(m) {
		m.file(r)
	}
	out.Tests, out.Unplanned = m.planned(), m.unplanned()
	out.Problems = append(out.Problems, u.cutOff(m.names)...)
	out.Problems = append(out.Problems, u.buildFailed(out.Tests)...)
	out.Problems = append(out.Problems, u.twins(m, out.Unplanned)...)
	out.Problems = append(out.Problems, u.perhapsRetries()...)
	out.Problems = append(out.Problems, in.Attachments...)
	out.Problems = append(out.Problems, u.incomplete(m)...)
	out.Problems = append(out.Problems, u.exit(out)...)
	out.Problems = append(out.Problems, u.namesDiffer(out)...)
	return out
}
