package attempts

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// unit states problems of one unit.
type unit struct{ in In }

// runner is how messages call the process.
func (u unit) runner() string { return cmp.Or(u.in.Runner, "the runner of batch "+u.in.Unit) }

// all are the ids of all planned tests.
func (u unit) all() []string {
	var ids []string
	for _, p := range u.in.Planned {
		ids = append(ids, p.ID)
	}
	return ids
}

// missing are the ids of planned tests without an attempt.
func (u unit) missing(tests map[string][]e2e.Attempt) []string {
	var ids []string
	for _, p := range u.in.Planned {
		if len(tests[p.ID]) == 0 {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// lost is a problem that loses the evidence of tests.
func (u unit) lost(code e2e.Code, tests []string, format string, args ...any) []e2e.Problem {
	return []e2e.Problem{{Code: code, Unit: u.in.Unit, Tests: tests, LosesEvidence: true, Text: fmt.Sprintf(format, args...)}}
}

// notStarted: a process that did not start proves nothing.
func (u unit) notStarted() []e2e.Problem {
	return u.lost(e2e.CodeToolError, u.all(), "batch %s could not start: %s", u.in.Unit, u.in.Exit.Err)
}

// unread reports whether nothing can be judged, and why: the results cannot be read, or
// there are none. A process that the gate stopped needs no second reason here, and a build
// that failed explains that there are none.
func (u unit) unread() (why []e2e.Problem, unread bool) {
	c, exit := u.in.Channel, u.in.Exit
	switch {
	case c.Unreadable != "":
		return u.lost(e2e.CodeReportDamaged, u.all(), "the reports of batch %s cannot be read: %s", u.in.Unit, c.Unreadable), true
	case c.Nothing == "" || u.in.Build.Failed:
		return nil, false
	case exit.Ended == e2e.EndedCancelled || exit.Ended == e2e.EndedTimeout || exit.Ended == e2e.EndedStalled:
		return nil, true
	}
	return u.lost(e2e.CodeReportDamaged, u.all(), "batch %s left no report (%s): %s; %s", u.in.Unit, exit.Text, c.Nothing, exit.Output), true
}

// maxNamed bounds how many running tests a problem names.
const maxNamed = 5

// cutOff: events that do not announce their end, or not as often as they began, were cut
// off. The planned tests that had not ended are lost. If all had ended and the runner ended badly, all are:
// a runner that did not come to its end has not said why, so no failed test explains its status.
func (u unit) cutOff(reported map[string]bool) []e2e.Problem {
	c, exit := u.in.Channel, u.in.Exit
	if exit.Ended == e2e.EndedStalled {
		return nil // Stalled says what became of them
	}
	if c.Kind != Events || c.Nothing != "" || c.Ended > 0 && c.Ended >= c.Begun {
		return nil
	}
	var lost, running []string
	for _, p := range u.in.Planned {
		if !reported[p.Name] {
			lost = append(lost, p.ID)
		}
		if slices.Contains(c.Running, p.Name) && len(running) < maxNamed {
			running = append(running, p.Name)
		}
	}
	while := ""
	if len(running) > 0 {
		while = " while these ran: " + strings.Join(running, ", ")
	}
	if len(lost) == 0 && u.failed() {
		lost = u.all()
	}
	found := u.lost(e2e.CodeRunnerExit, lost, "%s ended before it had reported everything%s (%s); %s", u.runner(), while, exit.Text, exit.Output)
	found[0].LosesEvidence = len(lost) > 0
	return found
}

// buildFailed: where the tests do not build, those that did not run are lost.
func (u unit) buildFailed(tests map[string][]e2e.Attempt) []e2e.Problem {
	if !u.in.Build.Failed {
		return nil
	}
	return u.lost(e2e.CodeBuildFailed, u.missing(tests), "batch %s does not build: %s", u.in.Unit, u.in.Build.Text)
}

// exit compares how the process ended with what was reported. The first rule that
// applies is told, so that one fault is one problem.
func (u unit) exit(out Out) []e2e.Problem {
	if u.in.Exit.Ended == e2e.EndedStalled {
		return nil // Stalled says what became of the tests
	}
	rules := []func(Out) []e2e.Problem{u.signalled, u.stopped, u.failedWithoutFailure, u.reportedNothing}
	if u.in.Channel.Kind == Stream {
		if u.in.Build.Failed {
			return nil // it explains everything else
		}
		rules = []func(Out) []e2e.Problem{u.died, u.endedEarly, u.ranTooLittle, u.failedWithoutFailure, u.signalled, u.stopped}
	}
	for _, rule := range rules {
		if found := rule(out); len(found) > 0 {
			return found
		}
	}
	return nil
}

// signalled: a runner that was killed loses the evidence of all its tests.
func (u unit) signalled(Out) []e2e.Problem {
	if u.in.Exit.Ended != e2e.EndedSignal {
		return nil
	}
	return u.lost(e2e.CodeRunnerExit, u.all(), "%s was %s", u.runner(), u.in.Exit.Text)
}

// stopped: a runner that was stopped at its timeout has no exit status. If every test had passed by then, nothing says what it was
// still at: a tear-down that fails, or a test that no report shows.
func (u unit) stopped(out Out) []e2e.Problem {
	if u.in.Exit.Ended != e2e.EndedTimeout || len(u.missing(out.Tests)) > 0 || anyEndedFailed(out.Tests) || explained(out.Problems) {
		return nil
	}
	return u.lost(e2e.CodeTimeout, u.all(), "%s was %s although its tests had passed, so it is not known how it would have ended", u.runner(), u.in.Exit.Text)
}

// incomplete: a test in parts, such as a file, is not known in full where its process was stopped: the parts that are
// missing are in no report.
func (u unit) incomplete(m *matching) []e2e.Problem {
	if u.in.Exit.Ended != e2e.EndedTimeout && u.in.Exit.Ended != e2e.EndedStalled || len(m.parts) == 0 {
		return nil
	}
	var ids []string
	for _, p := range u.in.Planned {
		if len(m.parts[p.ID]) > 0 {
			ids = append(ids, p.ID)
		}
	}
	return u.lost(e2e.CodeLost, ids, "%s was stopped before its end, so parts of these tests may be missing from its reports: %s", u.runner(), firstOf(ids))
}

// failedWithoutFailure: a runner that fails while no reported test failed, or with a status that is not the one of failed
// tests, for no reason that is known already, loses the evidence of all its tests.
func (u unit) failedWithoutFailure(out Out) []e2e.Problem {
	exit, anyFailed := u.in.Exit, u.anyFailed()
	unusual := len(exit.Statuses) > 0 && !slices.Contains(exit.Statuses, exit.Code)
	if !u.failed() || anyFailed && !unusual || explained(out.Problems) {
		return nil
	}
	words, why := exit.Output, " although no test failed"
	if u.in.Channel.Kind == Stream {
		words = "see its log"
	}
	if anyFailed {
		why = fmt.Sprintf(", which its failed tests do not explain: its status for those is %d", exit.Statuses[0])
	}
	return u.lost(e2e.CodeRunnerExit, u.all(), "%s ended with %s%s; %s", u.runner(), exit.Text, why, words)
}

// failed reports whether the process ended by itself, and not well.
func (u unit) failed() bool { return u.in.Exit.Ended == e2e.EndedExited && u.in.Exit.Code != 0 }

// anyFailed reports whether a reported test explains a failing exit status: its last
// execution in this process failed. A test that the framework brought to a pass explains
// nothing, unless the runner says that it fails on flakes. Neither does an inferred
// failure: the runner never told it.
func (u unit) anyFailed() bool {
	return slices.ContainsFunc(u.in.Reported, func(r Reported) bool {
		return slices.ContainsFunc(executions(r.Results, u.in.RepeatedCases), func(run []Result) bool {
			last := run[len(run)-1]
			return failedLast(run) && !last.Inferred || u.in.Exit.FailsOnFlaky && failedOnce(run) && last.Attempt.Outcome == e2e.Passed
		})
	})
}

// reportedNothing: reports without any test prove nothing.
func (u unit) reportedNothing(out Out) []e2e.Problem {
	if len(u.in.Reported) > 0 || explained(out.Problems) {
		return nil
	}
	return u.lost(e2e.CodeReportDamaged, u.all(), "the reports of batch %s hold no test", u.in.Unit)
}

// explained reports whether a problem says already why the runner did not do all that
// it was to do: it died, or the build failed, and evidence is lost.
func explained(problems []e2e.Problem) bool {
	return slices.ContainsFunc(problems, func(p e2e.Problem) bool {
		return p.LosesEvidence && (p.Code == e2e.CodeRunnerExit || p.Code == e2e.CodeBuildFailed)
	})
}

// died: a test process that crashed loses the planned tests that it had not come to.
func (u unit) died(out Out) []e2e.Problem {
	missing := u.missing(out.Tests)
	if u.in.Channel.Crash == "" || len(missing) == 0 {
		return nil
	}
	return u.lost(
		e2e.CodeRunnerExit, missing, "the test process of %s died (%s); %d planned tests after it never reported", u.in.Unit, u.in.Channel.Crash, len(missing),
	)
}

// endedEarly: a process that fails before every planned test ended loses the others.
func (u unit) endedEarly(out Out) []e2e.Problem {
	missing := u.missing(out.Tests)
	if !u.failed() || len(missing) == 0 {
		return nil
	}
	words := cmp.Or(u.in.Exit.Output, "see its log")
	return u.lost(e2e.CodeRunnerExit, missing, "%s ended with %s before %d planned tests reported: %s", u.runner(), u.in.Exit.Text, len(missing), words)
}

// ranTooLittle: a process that ends well without running every planned test loses the
// others.
func (u unit) ranTooLittle(out Out) []e2e.Problem {
	missing := u.missing(out.Tests)
	if !u.in.Exit.OK() || len(missing) == 0 {
		return nil
	}
	return u.lost(e2e.CodeRunnerExit, missing, "%s ended with %s, and %d planned tests did not run; look at TestMain and at args",
		u.runner(), u.in.Exit.Text, len(missing))
}

// namesDiffer: planned names that were not reported beside reported names that were not planned are perhaps the same
// tests under other names, so some of both are shown.
func (u unit) namesDiffer(out Out) []e2e.Problem {
	missing := u.missing(out.Tests)
	if u.in.JoinedBy == "" || len(missing) == 0 || len(out.Unplanned) == 0 || explained(out.Problems) {
		return nil
	}
	lost := map[string]bool{}
	for _, id := range missing {
		lost[id] = true
	}
	var planned, reported []string
	for _, p := range u.in.Planned {
		if lost[p.ID] {
			planned = append(planned, strconv.Quote(p.Name))
		}
	}
	for _, run := range out.Unplanned {
		name := strconv.Quote(run.Unplanned.Name)
		for _, in := range []string{run.Unplanned.Class, run.Unplanned.File} {
			if in != "" {
				name += " in " + strconv.Quote(in)
			}
		}
		reported = append(reported, name)
	}
	const text = "%d planned names of batch %s were not reported, such as %s; %d names that were not planned were reported, such as %s; %s"
	return u.lost(e2e.CodeLost, missing, text, len(planned), u.in.Unit, firstOf(planned), len(reported), firstOf(reported), u.in.JoinedBy)
}

// firstOf are at most three of a list.
func firstOf(list []string) string { return strings.Join(list[:min(len(list), 3)], ", ") }

// twins: fewer tests of one id than were listed lose the evidence of all of them, since
// nothing says which are missing. That there are several is only a note.
func (u unit) twins(m *matching, unplanned []e2e.TestRun) []e2e.Problem {
	var several []string
	var list []e2e.Problem
	for _, p := range u.in.Planned {
		n := len(m.runs[p.ID])
		if n > 0 && n < p.Twins {
			list = append(list, u.lost(e2e.CodeLost, []string{p.ID}, "batch %s reported %d tests with the id %s, but %d were listed; give each its own name",
				u.in.Unit, n, p.ID, p.Twins)...)
		}
		if n > 1 && !slices.Contains(several, p.ID) {
			several = append(several, p.ID)
		}
	}
	for _, run := range unplanned {
		if len(e2e.Twins(run.Attempts)) > 1 {
			several = append(several, run.ID)
		}
	}
	if len(several) == 0 {
		return list
	}
	slices.Sort(several)
	text := strings.Join(several[:min(len(several), maxNamed)], ", ")
	if more := len(several) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return append(list, e2e.Problem{Code: e2e.CodeReportDamaged, Unit: u.in.Unit, Tests: several, Note: true,
		Text: fmt.Sprintf("in batch %s several tests share one id, and each counts by itself: %s. Give each its own name", u.in.Unit, text)})
}

// perhapsRetries: in reports of a runner that ended well, a pass behind a failure of one
// name may be a retry that nothing states. It is judged as another test, and the config
// can say better.
func (u unit) perhapsRetries() []e2e.Problem {
	if u.in.Channel.Kind != Reports || u.in.RepeatedCases || !u.in.Exit.OK() {
		return nil
	}
	for _, r := range u.in.Reported {
		if len(r.Spellings) > 0 && r.Spellings[0].Part != "" {
			continue // the framework of the adapter has no such reports
		}
		runs := executions(r.Results, false)
		for i := 1; i < len(runs); i++ {
			if failedLast(runs[i-1]) && runs[i][0].Attempt.Outcome == e2e.Passed {
				return []e2e.Problem{{Code: e2e.CodeReportDamaged, Unit: u.in.Unit, Text: fmt.Sprintf(
					"the reports of batch %s hold %s twice, failed and then passed, and the runner ended well; if this is a retry, set `retries: repeated-cases`",
					u.in.Unit, r.name())}}
			}
		}
	}
	return nil
}

// name is how messages call a reported test.
func (r Reported) name() string {
	if r.Unplanned.Name != "" {
		return idOf(r.Unplanned)
	}
	return r.Spellings[0].Name
}
