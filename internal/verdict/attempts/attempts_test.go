package attempts

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

// Short hands for hand-made input.

func passed() Result { return Result{Attempt: e2e.Attempt{Outcome: e2e.Passed}} }

func failed(message string) Result {
	return Result{Attempt: e2e.Attempt{Outcome: e2e.Failed, Message: message}}
}

// again is a result that the runner calls a retry.
func again(r Result) Result {
	r.Retry = true
	return r
}

func skipped() Result { return Result{Attempt: e2e.Attempt{Outcome: e2e.Skipped}} }

// planned are tests whose ids are s/NAME.
func planned(names ...string) []Planned {
	var list []Planned
	for _, name := range names {
		list = append(list, Planned{ID: "s/" + name, Name: name})
	}
	return list
}

// test is a reported test that goes by one name.
func test(name string, results ...Result) Reported {
	return Reported{Spellings: []Spelling{{Name: name}}, Unplanned: e2e.Test{ID: "s/" + name, Suite: "s", Name: name}, Results: results}
}

// partOf is a part of the test a.
func partOf(name string, results ...Result) Reported {
	return Reported{Spellings: []Spelling{{Name: "a", Part: name}}, Results: results}
}

// unplanned is a test that no planned name finds.
func unplanned(t e2e.Test, results ...Result) Reported {
	return Reported{Unplanned: t, Results: results}
}

var (
	well      = Exit{Ended: e2e.EndedExited, Text: "exit status 0", Output: "it printed nothing"}
	badly     = Exit{Ended: e2e.EndedExited, Code: 1, Text: "exit status 1", Output: "end of its output: boom"}
	killed    = Exit{Ended: e2e.EndedSignal, Code: -1, Text: "killed by a signal", Output: "it printed nothing"}
	cancelled = Exit{Ended: e2e.EndedCancelled, Code: -1, Text: "cancelled"}
	timedOut  = Exit{Ended: e2e.EndedTimeout, Code: -1, Text: "stopped at its timeout after 1s"}
	events    = Channel{Kind: Events, Ended: 1}
	// failsOnFlaky is a runner that ended badly, and says that flakes make it do so.
	failsOnFlaky = Exit{Ended: e2e.EndedExited, Code: 1, Text: "exit status 1", Output: "end of its output: boom", FailsOnFlaky: true}
	stream       = Channel{Kind: Stream}
)

// saying is a runner that ended badly, and says by which statuses it tells that tests failed.
func saying(statuses ...int) Exit {
	exit := badly
	exit.Statuses = statuses
	return exit
}

// wants is what a row expects: attempts as "outcome source message" for each id, in the order
// of their numbers, unplanned tests after a plus; problems as "code ids: text", a
// problem that loses no evidence with a question mark, a note with an exclamation mark. A
// number in front of an attempt says at which of several tests with the id it was made.
type wants struct {
	tests    map[string]string
	problems []string
}

func none() map[string]string { return map[string]string{} }

func describe(t *testing.T, out Out) wants {
	t.Helper()
	got := wants{tests: none()}
	for id, list := range out.Tests {
		got.tests[id] = attemptsOf(t, list)
	}
	for _, run := range out.Unplanned {
		if run.Unplanned == nil || run.Unplanned.ID != run.ID || run.Unplanned.Unit != "u" {
			t.Errorf("the unplanned test %s is described by %+v", run.ID, run.Unplanned)
		}
		got.tests["+"+run.ID] = attemptsOf(t, run.Attempts)
	}
	for _, p := range out.Problems {
		if p.Unit != "u" {
			t.Errorf("%+v is not of the unit", p)
		}
		code := string(p.Code)
		switch {
		case p.Note:
			code += "!"
		case !p.LosesEvidence:
			code += "?"
		}
		got.problems = append(got.problems, strings.TrimSpace(code+" "+strings.Join(p.Tests, ","))+": "+p.Text)
	}
	return got
}

func attemptsOf(t *testing.T, list []e2e.Attempt) string {
	t.Helper()
	var words []string
	for i, a := range list {
		if a.N != i+1 {
			t.Errorf("attempt %d has the number %d", i+1, a.N)
		}
		word := strings.TrimSpace(string(a.Outcome) + " " + string(a.Source) + " " + a.Message)
		if a.Twin > 0 {
			word = fmt.Sprintf("#%d %s", a.Twin, word)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

type row struct {
	rule string
	in   In
	want wants
}

var matchingRows = []row{
	{"a reported test counts for the planned test of its name",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed())}},
		wants{map[string]string{"s/a": "passed first"}, nil}},
	{"the first spelling that a planned test has decides",
		In{Planned: planned("b", "c"), Reported: []Reported{{Spellings: []Spelling{{Name: "a"}, {Name: "b"}, {Name: "c"}}, Results: []Result{passed()}}}},
		wants{map[string]string{"s/b": "passed first"}, nil}},
	{"a reported test counts for every planned test of its name, with attempts of their own",
		In{Planned: []Planned{{ID: "x/a", Name: "a"}, {ID: "y/a", Name: "a"}, {ID: "x/a", Name: "a"}}, Reported: []Reported{test("a", passed())}},
		wants{map[string]string{"x/a": "passed first", "y/a": "passed first"}, nil}},
	{"a test that no spelling finds was not planned",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed()), test("b", failed("boom"))}},
		wants{map[string]string{"s/a": "passed first", "+s/b": "failed first boom"}, nil}},
	{"an unplanned test without an id gets one of suite, class and name",
		In{Reported: []Reported{unplanned(e2e.Test{Suite: "s", Class: "C", File: "f", Name: "n"}, passed())}},
		wants{map[string]string{"+s/C::n": "passed first"}, nil}},
	{"without a class, the file takes its place",
		In{Reported: []Reported{unplanned(e2e.Test{Suite: "s", File: "f", Name: "n"}, passed())}},
		wants{map[string]string{"+s/f::n": "passed first"}, nil}},
	{"an unplanned test keeps the id that it has",
		In{Reported: []Reported{unplanned(e2e.Test{ID: "i", Suite: "s", Class: "C", Name: "n"}, passed())}},
		wants{map[string]string{"+i": "passed first"}, nil}},
	{"two tests of one planned id are not retries of each other: each counts by itself, and a note says so",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("boom")), test("a", passed())}},
		wants{map[string]string{"s/a": "#1 failed first boom, #2 passed first"}, []string{oneID("s/a")}}},
	{"two unplanned tests of one id are not retries of each other either",
		In{Reported: []Reported{test("b", failed("boom")), test("b", passed()), test("a", passed())}},
		wants{map[string]string{"+s/b": "#1 failed first boom, #2 passed first", "+s/a": "passed first"}, []string{oneID("s/b")}}},
	{"a result that no runner calls a retry is of another test of that name",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed(), failed("boom"), passed())}},
		wants{map[string]string{"s/a": "#1 passed first, #2 failed first boom, #3 passed first"}, []string{oneID("s/a")}}},
	{"retries belong to the test in front of them",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("1"), again(passed()), failed("2"), again(failed("3")))}},
		wants{map[string]string{"s/a": "#1 failed first 1, #1 passed framework, #2 failed first 2, #2 failed framework 3"}, []string{oneID("s/a")}}},
	{"one note names all ids that several tests share, sorted",
		In{Planned: planned("b", "a"), Reported: []Reported{test("b", passed()), test("a", passed()), test("b", passed()), test("a", passed())}},
		wants{map[string]string{"s/a": "#1 passed first, #2 passed first", "s/b": "#1 passed first, #2 passed first"}, []string{oneID("s/a", "s/b")}}},
	{"fewer tests of one id than were listed lose the evidence of all of them",
		In{Planned: []Planned{{ID: "s/a", Name: "a", Twins: 3}}, Reported: []Reported{test("a", passed()), test("a", passed())}},
		wants{map[string]string{"s/a": "#1 passed first, #2 passed first"}, []string{
			"lost s/a: batch u reported 2 tests with the id s/a, but 3 were listed; give each its own name", oneID("s/a")}}},
	{"a test of several that was not reported at all is missing, and needs no other problem",
		In{Planned: []Planned{{ID: "s/a", Name: "a", Twins: 2}}, Reported: []Reported{test("b", passed())}},
		wants{map[string]string{"+s/b": "passed first"}, nil}},
	{"a test that is planned twice is named once",
		In{Planned: append(planned("a"), planned("a")...), Reported: []Reported{test("a", passed(), passed())}},
		wants{map[string]string{"s/a": "#1 passed first, #2 passed first"}, []string{oneID("s/a")}}},
	{"five ids that several tests share are named",
		In{Reported: twice("a", "b", "c", "d", "e")},
		wants{twiceGreen("a", "b", "c", "d", "e"), []string{oneID("s/a", "s/b", "s/c", "s/d", "s/e")}}},
	{"of more than five the others are counted",
		In{Reported: twice("a", "b", "c", "d", "e", "f", "g")},
		wants{twiceGreen("a", "b", "c", "d", "e", "f", "g"), []string{"report_damaged! s/a,s/b,s/c,s/d,s/e,s/f,s/g: in batch u several tests share one id, " +
			"and each counts by itself: s/a, s/b, s/c, s/d, s/e and 2 more. Give each its own name"}}},
	{"what one of them lacks altogether does not tell them apart",
		In{Reported: []Reported{
			{Unplanned: e2e.Test{Suite: "s", Class: "C", Name: "n"}, Apart: []string{"one", "x"}, Results: []Result{passed()}},
			{Unplanned: e2e.Test{Suite: "s", Class: "C", Name: "n"}, Apart: []string{"one"}, Results: []Result{passed()}}}},
		wants{map[string]string{"+s/C::n": "#1 passed first, #2 passed first"}, []string{oneID("s/C::n")}}},
	{"as many tests of one id as were listed lose nothing",
		In{Planned: []Planned{{ID: "s/a", Name: "a", Twins: 2}}, Reported: []Reported{test("a", passed()), test("a", passed())}},
		wants{map[string]string{"s/a": "#1 passed first, #2 passed first"}, []string{oneID("s/a")}}},
	{"unplanned tests of one id are told apart by the first thing that they do not share",
		In{Reported: []Reported{
			{Unplanned: e2e.Test{Suite: "s", Class: "C", Name: "n"}, Apart: []string{"f", "one"}, Results: []Result{passed()}},
			{Unplanned: e2e.Test{Suite: "s", Class: "C", Name: "n"}, Apart: []string{"f", "two"}, Results: []Result{failed("boom")}}}},
		wants{map[string]string{"+s/[one] C::n": "passed first", "+s/[two] C::n": "failed first boom"}, nil}},
	{"what only some of them have does not tell them apart",
		In{Reported: []Reported{
			{Unplanned: e2e.Test{Suite: "s", Class: "C", Name: "n"}, Apart: []string{""}, Results: []Result{passed()}},
			{Unplanned: e2e.Test{Suite: "s", Class: "C", Name: "n"}, Apart: []string{"two"}, Results: []Result{passed()}}}},
		wants{map[string]string{"+s/C::n": "#1 passed first, #2 passed first"}, []string{oneID("s/C::n")}}},
	{"an id that another test has already tells nothing apart",
		In{Reported: []Reported{
			{Unplanned: e2e.Test{Suite: "s", Class: "C", Name: "n"}, Apart: []string{"one"}, Results: []Result{passed()}},
			{Unplanned: e2e.Test{Suite: "s", Class: "C", Name: "n"}, Apart: []string{"two"}, Results: []Result{passed()}},
			{Unplanned: e2e.Test{Suite: "s", Class: "[two] C", Name: "n"}, Results: []Result{passed()}}}},
		wants{map[string]string{"+s/C::n": "#1 passed first, #2 passed first", "+s/[two] C::n": "passed first"}, []string{oneID("s/C::n")}}},
}

// twice are tests of which each name is reported twice.
func twice(names ...string) []Reported {
	var list []Reported
	for _, name := range names {
		list = append(list, test(name, passed(), passed()))
	}
	return list
}

func twiceGreen(names ...string) map[string]string {
	want := none()
	for _, name := range names {
		want["+s/"+name] = "#1 passed first, #2 passed first"
	}
	return want
}

// oneID is the note on ids that several tests share.
func oneID(ids ...string) string {
	return "report_damaged! " + strings.Join(ids, ",") + ": in batch u several tests share one id, and each counts by itself: " +
		strings.Join(ids, ", ") + ". Give each its own name"
}

var orderRows = []row{
	{"a result that the runner calls a retry is a later attempt at the test",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("1"), again(failed("2")), again(passed()))}},
		wants{map[string]string{"s/a": "failed first 1, failed framework 2, passed framework"}, nil}},
	{"a retry of nothing is a first execution",
		In{Planned: planned("a"), Reported: []Reported{test("a", again(passed()))}},
		wants{map[string]string{"s/a": "passed first"}, nil}},
	{"where cases are repeated, one behind a failure is a retry",
		In{Planned: planned("a"), RepeatedCases: true, Reported: []Reported{test("a", failed("1"), failed("2"), passed())}},
		wants{map[string]string{"s/a": "failed first 1, failed framework 2, passed framework"}, nil}},
	{"nothing repeats a test that passed, also where cases are repeated",
		In{Planned: planned("a"), RepeatedCases: true, Reported: []Reported{test("a", passed(), failed("1"), passed())}},
		wants{map[string]string{"s/a": "#1 passed first, #2 failed first 1, #2 passed framework"}, []string{oneID("s/a")}}},
	{"cases that the report itself tells apart are not repeated ones",
		In{Planned: planned("a"), RepeatedCases: true, Reported: []Reported{test("a", failed("1")), test("a", passed())}},
		wants{map[string]string{"s/a": "#1 failed first 1, #2 passed first"}, []string{oneID("s/a")}}},
	{"number and source that a runner gives are not read",
		In{Planned: planned("a"), Reported: []Reported{test("a", Result{
			Attempt: e2e.Attempt{N: 7, Twin: 3, Uncounted: "x", Source: e2e.SourceDiagnostic, Outcome: e2e.Passed}})}},
		wants{map[string]string{"s/a": "passed first"}, nil}},
	{"a test without results has no attempt",
		In{Planned: planned("a"), Reported: []Reported{{Spellings: []Spelling{{Name: "a"}}, Files: []string{"f"}}}},
		wants{map[string]string{"s/a": ""}, nil}},
	{"parts of a planned test count together, and the failed one is named",
		In{Planned: planned("a"), Reported: []Reported{partOf("one", passed()), partOf("two", failed("boom"))}},
		wants{map[string]string{"s/a": "failed first two: boom"}, nil}},
	{"the order of the parts does not matter for what counts",
		In{Planned: planned("a"), Reported: []Reported{partOf("two", failed("boom")), partOf("one", passed())}},
		wants{map[string]string{"s/a": "failed first two: boom"}, nil}},
	{"of two failed parts the first is named",
		In{Planned: planned("a"), Reported: []Reported{partOf("one", failed("1")), partOf("two", failed("2"))}},
		wants{map[string]string{"s/a": "failed first one: 1"}, nil}},
	{"a part that passed is not named",
		In{Planned: planned("a"), Reported: []Reported{partOf("one", Result{Attempt: e2e.Attempt{Outcome: e2e.Passed, Message: "fine"}})}},
		wants{map[string]string{"s/a": "passed first fine"}, nil}},
	{"a skipped part does not hide one that passed",
		In{Planned: planned("a"), Reported: []Reported{partOf("one", skipped()), partOf("two", passed())}},
		wants{map[string]string{"s/a": "passed first"}, nil}},
	{"a part of unknown outcome does not stand before one that is known",
		In{Planned: planned("a"), Reported: []Reported{partOf("one", Result{}), partOf("two", passed())}},
		wants{map[string]string{"s/a": "passed first"}, nil}},
	{"a part that was repeated makes attempts of the whole; parts that were not stay as they ended",
		In{Planned: planned("a"), Reported: []Reported{partOf("one", failed("1"), again(passed())), partOf("two", passed())}},
		wants{map[string]string{"s/a": "failed first one: 1, passed framework"}, nil}},
	{"a part that was not repeated still makes the repetition of the whole one of the framework",
		In{Planned: planned("a"), Reported: []Reported{partOf("one", failed("1")), partOf("two", failed("2"), again(passed()))}},
		wants{map[string]string{"s/a": "failed first one: 1, failed framework one: 1"}, nil}},
	{"two parts of one name are two parts",
		In{Planned: planned("a"), Reported: []Reported{partOf("one", failed("1"), passed())}},
		wants{map[string]string{"s/a": "failed first one: 1"}, nil}},
	{"a part without results does not count",
		In{Planned: planned("a"), Reported: []Reported{partOf("none"), partOf("one", passed())}},
		wants{map[string]string{"s/a": "passed first"}, nil}},
	{"parts and a test of their name are not retries of each other",
		In{Planned: planned("a"), Reported: []Reported{partOf("one", failed("boom")), test("a", passed())}},
		wants{map[string]string{"s/a": "#1 passed first, #2 failed first one: boom"}, nil}},
}

var channelRows = []row{
	{"a process that did not start proves nothing",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed())}, Exit: Exit{Ended: e2e.EndedNotStarted, Err: "no such file"}, Channel: events,
			Problems: []e2e.Problem{{Code: e2e.CodeReportDamaged, Unit: "u"}}},
		wants{none(), []string{"tool_error s/a,s/b: batch u could not start: no such file"}}},
	{"results that cannot be read prove nothing",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed())}, Channel: Channel{Unreadable: "no permission", Nothing: "nothing"},
			Problems: []e2e.Problem{{Code: e2e.CodeReportDamaged, Unit: "u", Text: "line 1"}}},
		wants{none(), []string{"report_damaged?: line 1", "report_damaged s/a,s/b: the reports of batch u cannot be read: no permission"}}},
	{"a runner that leaves nothing proves nothing",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed())}, Channel: Channel{Nothing: "no file"}, Exit: badly},
		wants{none(), []string{"report_damaged s/a,s/b: batch u left no report (exit status 1): no file; end of its output: boom"}}},
	{"a runner that was cancelled before it left anything needs no further problem",
		In{Planned: planned("a"), Channel: Channel{Nothing: "no file"}, Exit: cancelled}, wants{none(), nil}},
	{"a runner that was stopped at its timeout before it left anything needs no further problem",
		In{Planned: planned("a"), Channel: Channel{Nothing: "no file"}, Exit: timedOut}, wants{none(), nil}},
	{"a build that failed explains that nothing was left",
		In{Planned: planned("a"), Channel: Channel{Kind: Events, Nothing: "no file"}, Exit: badly, Build: Build{Failed: true, Text: "A.java:1"}},
		wants{none(), []string{"build_failed s/a: batch u does not build: A.java:1"}}},
	{"problems that were found while reading come first, those with attachments after duplicates",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed()), test("a", passed())}, Exit: killed,
			Problems: []e2e.Problem{{Unit: "u", Text: "first"}}, Attachments: []e2e.Problem{{Unit: "u", Text: "third"}}},
		wants{map[string]string{"s/a": "#1 passed first, #2 passed first"}, []string{"?: first", oneID("s/a"),
			"?: third", "runner_exit s/a: the runner of batch u was killed by a signal"}}},
	{"events without an end were cut off: planned tests that had not ended are lost, and running ones are named",
		In{
			Planned: planned("a", "b", "c"), Reported: []Reported{test("a", passed())}, Channel: Channel{Kind: Events, Running: []string{"c", "x", "b"}}, Exit: badly,
		},
		wants{map[string]string{"s/a": "passed first"}, []string{"runner_exit s/b,s/c: " +
			"the runner of batch u ended before it had reported everything while these ran: b, c (exit status 1); end of its output: boom"}}},
	{"at most five running tests are named",
		In{Planned: planned("a", "b", "c", "d", "e", "f"), Channel: Channel{Kind: Events, Running: []string{"a", "b", "c", "d", "e", "f"}}, Exit: badly},
		wants{none(), []string{"runner_exit s/a,s/b,s/c,s/d,s/e,s/f: " +
			"the runner of batch u ended before it had reported everything while these ran: a, b, c, d, e (exit status 1); end of its output: boom"}}},
	{"events that end less often than they began were cut off",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed())}, Channel: Channel{Kind: Events, Begun: 2, Ended: 1}, Exit: badly},
		wants{map[string]string{"s/a": "passed first"}, []string{"runner_exit s/b: " +
			"the runner of batch u ended before it had reported everything (exit status 1); end of its output: boom"}}},
	{"events that end as often as they began are whole",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed())}, Channel: Channel{Kind: Events, Begun: 2, Ended: 2}, Exit: well},
		wants{map[string]string{"s/a": "passed first"}, nil}},
	{"events that were cut off behind the last planned test lose none if the runner ended well",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("boom"))}, Channel: Channel{Kind: Events}, Exit: well},
		wants{map[string]string{"s/a": "failed first boom"}, []string{"runner_exit?: " +
			"the runner of batch u ended before it had reported everything (exit status 0); it printed nothing"}}},
	{"events that were cut off behind the last planned test lose all if the runner ended badly, also where a test failed",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", failed("boom")), test("b", passed())}, Channel: Channel{Kind: Events}, Exit: badly},
		wants{map[string]string{"s/a": "failed first boom", "s/b": "passed first"}, []string{"runner_exit s/a,s/b: " +
			"the runner of batch u ended before it had reported everything (exit status 1); end of its output: boom"}}},
	{"report files never announce an end",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed())}, Channel: Channel{Kind: Reports, Begun: 1, Running: []string{"b"}}, Exit: well},
		wants{map[string]string{"s/a": "passed first"}, nil}},
	{"a build that fails loses the tests that did not run",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed())}, Channel: events, Exit: badly, Build: Build{Failed: true, Text: "B.java:1"}},
		wants{map[string]string{"s/a": "passed first"}, []string{"build_failed s/b: batch u does not build: B.java:1"}}},
}

var exitRows = []row{
	{"a runner that was killed loses all its tests, whatever they reported",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", failed("boom"))}, Exit: killed, Channel: events},
		wants{map[string]string{"s/a": "failed first boom"}, []string{"runner_exit s/a,s/b: the runner of batch u was killed by a signal"}}},
	{"a runner that fails although no test failed loses all its tests",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed()), test("b", skipped())}, Exit: badly},
		wants{map[string]string{"s/a": "passed first", "s/b": "skipped first"}, []string{
			"runner_exit s/a,s/b: the runner of batch u ended with exit status 1 although no test failed; end of its output: boom"}}},
	{"a failed test explains the exit status",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed()), test("b", failed("boom"))}, Exit: badly},
		wants{map[string]string{"s/a": "passed first", "s/b": "failed first boom"}, nil}},
	{"a failed test explains the exit status by which its runner says so",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("boom"))}, Exit: saying(1, 2), Channel: events},
		wants{map[string]string{"s/a": "failed first boom"}, nil}},
	{"a failed test explains no other exit status of a runner that says which it has for that",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", failed("boom")), test("b", passed())}, Exit: saying(2), Channel: events},
		wants{map[string]string{"s/a": "failed first boom", "s/b": "passed first"}, []string{
			"runner_exit s/a,s/b: the runner of batch u ended with exit status 1, " +
				"which its failed tests do not explain: its status for those is 2; end of its output: boom"}}},
	{"a test that the framework brought to a pass explains no exit status",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("boom"), again(passed()))}, Exit: badly},
		wants{map[string]string{"s/a": "failed first boom, passed framework"}, []string{
			"runner_exit s/a: the runner of batch u ended with exit status 1 although no test failed; end of its output: boom"}}},
	{"a test that the framework brought to a pass explains the exit status of one that says it fails on flakes",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("boom"), again(passed()))}, Exit: failsOnFlaky},
		wants{map[string]string{"s/a": "failed first boom, passed framework"}, nil}},
	{"a test that was skipped in the end explains nothing, also where flakes fail the run",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("boom"), again(skipped()))}, Exit: failsOnFlaky},
		wants{map[string]string{"s/a": "failed first boom, skipped framework"}, []string{
			"runner_exit s/a: the runner of batch u ended with exit status 1 although no test failed; end of its output: boom"}}},
	{"without a flake, failing on flakes explains nothing",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed())}, Exit: failsOnFlaky},
		wants{map[string]string{"s/a": "passed first"}, []string{
			"runner_exit s/a: the runner of batch u ended with exit status 1 although no test failed; end of its output: boom"}}},
	{"a repeated case that passed in the end explains no exit status",
		In{Planned: planned("a"), RepeatedCases: true, Reported: []Reported{test("a", failed("boom"), passed())}, Exit: badly},
		wants{map[string]string{"s/a": "failed first boom, passed framework"}, []string{
			"runner_exit s/a: the runner of batch u ended with exit status 1 although no test failed; end of its output: boom"}}},
	{"one of several tests of a name that failed explains the exit status",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("boom"), passed())}, Exit: badly},
		wants{map[string]string{"s/a": "#1 failed first boom, #2 passed first"}, []string{oneID("s/a")}}},
	{"a test that failed on its last retry explains the exit status",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("1"), again(failed("2")))}, Exit: badly},
		wants{map[string]string{"s/a": "failed first 1, failed framework 2"}, nil}},
	{"a failure behind a pass is no hint of a retry",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed(), failed("boom"))}, Exit: well, Channel: Channel{Kind: Reports}},
		wants{map[string]string{"s/a": "#1 passed first, #2 failed first boom"}, []string{oneID("s/a")}}},
	{"two failures are no hint of a retry",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("1"), failed("2"))}, Exit: well, Channel: Channel{Kind: Reports}},
		wants{map[string]string{"s/a": "#1 failed first 1, #2 failed first 2"}, []string{oneID("s/a")}}},
	{"parts are no hint of a retry",
		In{Planned: planned("a"), Reported: []Reported{partOf("one", failed("1"), passed())}, Exit: well, Channel: Channel{Kind: Reports}},
		wants{map[string]string{"s/a": "failed first one: 1"}, nil}},
	{"a pass behind a failure in reports of a runner that ended well may be a retry, and a problem says how to state it",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("boom"), passed())}, Exit: well, Channel: Channel{Kind: Reports}},
		wants{map[string]string{"s/a": "#1 failed first boom, #2 passed first"}, []string{oneID("s/a"), "report_damaged?: " +
			"the reports of batch u hold s/a twice, failed and then passed, and the runner ended well; if this is a retry, set `retries: repeated-cases`"}}},
	{"a failure that was not planned explains the exit status",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed()), test("b", failed("boom"))}, Exit: badly},
		wants{map[string]string{"s/a": "passed first", "+s/b": "failed first boom"}, nil}},
	{"an error that the runner reported explains the exit status",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed())}, Exit: badly,
			Problems: []e2e.Problem{{Unit: "u", Code: e2e.CodeRunnerExit, LosesEvidence: true, Text: "set-up"}}},
		wants{map[string]string{"s/a": "passed first"}, []string{"runner_exit: set-up"}}},
	{"an error that loses no evidence explains nothing",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed())}, Exit: badly, Problems: []e2e.Problem{{Unit: "u", Code: e2e.CodeRunnerExit, Text: "x"}}},
		wants{map[string]string{"s/a": "passed first"}, []string{"runner_exit?: x",
			"runner_exit s/a: the runner of batch u ended with exit status 1 although no test failed; end of its output: boom"}}},
	{"a damaged report explains nothing",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed())}, Exit: badly,
			Problems: []e2e.Problem{{Unit: "u", Code: e2e.CodeReportDamaged, LosesEvidence: true, Text: "x"}}},
		wants{map[string]string{"s/a": "passed first"}, []string{"report_damaged: x",
			"runner_exit s/a: the runner of batch u ended with exit status 1 although no test failed; end of its output: boom"}}},
	{"a runner that was stopped has no exit status, and passes need one",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed())}, Exit: timedOut},
		wants{map[string]string{"s/a": "passed first"}, []string{"timeout s/a: the runner of batch u was stopped at its timeout after 1s although its tests had " +
			"passed, so it is not known how it would have ended"}}},
	{"a failure says why it was stopped",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("boom"))}, Exit: timedOut},
		wants{map[string]string{"s/a": "failed first boom"}, nil}},
	{"a failure with a skip behind it had ended, and does not",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", failed("boom"), skipped()), test("b", passed())}, RepeatedCases: true, Exit: timedOut},
		wants{map[string]string{"s/a": "failed first boom, skipped framework", "s/b": "passed first"}, []string{
			"timeout s/a,s/b: the runner of batch u was stopped at its timeout after 1s although its tests had passed, so it is not known how it would have ended"}}},
	{"a test in parts is not known in full where its runner was stopped",
		In{Planned: planned("a", "b"), Reported: []Reported{{Spellings: []Spelling{{Name: "a", Part: "one"}}, Results: []Result{passed()}}}, Exit: timedOut},
		wants{map[string]string{"s/a": "passed first"}, []string{
			"lost s/a: the runner of batch u was stopped before its end, so parts of these tests may be missing from its reports: s/a"}}},
	{"reports without any test prove nothing",
		In{Planned: planned("a", "b"), Exit: well, Channel: events},
		wants{none(), []string{"report_damaged s/a,s/b: the reports of batch u hold no test"}}},
	{"reports without any test need no second reason",
		In{Planned: planned("a"), Exit: badly, Problems: []e2e.Problem{{Unit: "u", Code: e2e.CodeRunnerExit, LosesEvidence: true, Text: "set-up"}}},
		wants{none(), []string{"runner_exit: set-up"}}},
	{"a planned test that report files do not hold is left to the merge, which finds it lost",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed())}, Exit: well},
		wants{map[string]string{"s/a": "passed first"}, nil}},
}

var streamRows = []row{
	{"a stream in which every planned test ended is whole",
		In{Planned: planned("a"), Reported: []Reported{test("a", passed())}, Exit: well, Channel: stream},
		wants{map[string]string{"s/a": "passed first"}, nil}},
	{"a build that fails explains everything else",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed())}, Exit: killed, Channel: stream, Build: Build{Failed: true, Text: "a.go:1"}},
		wants{map[string]string{"s/a": "passed first"}, []string{"build_failed s/b: batch u does not build: a.go:1"}}},
	{"a process that crashed loses the tests that it had not come to",
		In{Planned: planned("a", "b", "c"), Reported: []Reported{test("a", failed("boom"))}, Exit: badly, Channel: Channel{Kind: Stream, Crash: "panic: boom"}},
		wants{map[string]string{"s/a": "failed first boom"}, []string{
			"runner_exit s/b,s/c: the test process of u died (panic: boom); 2 planned tests after it never reported"}}},
	{"a crash in the last test loses none",
		In{Planned: planned("a"), Reported: []Reported{test("a", failed("boom"))}, Exit: badly, Channel: Channel{Kind: Stream, Crash: "panic: boom"}},
		wants{map[string]string{"s/a": "failed first boom"}, nil}},
	{"a process that fails early loses the tests that had not ended",
		In{Planned: planned("a", "b"), Runner: "go test of u", Reported: []Reported{test("a", failed("boom"))}, Exit: badly, Channel: stream},
		wants{map[string]string{"s/a": "failed first boom"}, []string{
			"runner_exit s/b: go test of u ended with exit status 1 before 1 planned tests reported: end of its output: boom"}}},
	{"a process that fails early and prints nothing points to its log",
		In{Planned: planned("a"), Runner: "go test of u", Exit: Exit{Ended: e2e.EndedExited, Code: 2, Text: "exit status 2"}, Channel: stream},
		wants{none(), []string{"runner_exit s/a: go test of u ended with exit status 2 before 1 planned tests reported: see its log"}}},
	{"a process that ends well without its tests loses them",
		In{Planned: planned("a", "b"), Runner: "go test of u", Reported: []Reported{test("a", passed())}, Exit: well, Channel: stream},
		wants{map[string]string{"s/a": "passed first"}, []string{
			"runner_exit s/b: go test of u ended with exit status 0, and 1 planned tests did not run; look at TestMain and at args"}}},
	{"a process that fails although no test failed points to its log",
		In{Planned: planned("a"), Runner: "go test of u", Reported: []Reported{test("a", passed())}, Exit: badly, Channel: stream},
		wants{map[string]string{"s/a": "passed first"}, []string{"runner_exit s/a: go test of u ended with exit status 1 although no test failed; see its log"}}},
	{"an inferred failure does not explain an exit status",
		In{Planned: planned("a"), Runner: "go test of u", Exit: badly, Channel: stream,
			Reported: []Reported{test("a", Result{Attempt: e2e.Attempt{Outcome: e2e.Failed, Message: "timeout"}, Inferred: true})}},
		wants{map[string]string{"s/a": "failed first timeout"}, []string{
			"runner_exit s/a: go test of u ended with exit status 1 although no test failed; see its log"}}},
	{"a process that was killed loses all its tests",
		In{Planned: planned("a", "b"), Runner: "go test of u", Reported: []Reported{test("a", passed())}, Exit: killed, Channel: stream},
		wants{map[string]string{"s/a": "passed first"}, []string{"runner_exit s/a,s/b: go test of u was killed by a signal"}}},
	{"a process that was stopped is not judged by what is missing",
		In{Planned: planned("a", "b"), Reported: []Reported{test("a", passed())}, Exit: timedOut, Channel: stream},
		wants{map[string]string{"s/a": "passed first"}, nil}},
	{"a process that did not end by itself did not end well, whatever its status",
		In{Planned: planned("a"), Exit: Exit{Ended: e2e.EndedTimeout, Text: "stopped"}, Channel: stream}, wants{none(), nil}},
	{"a stream without planned tests needs none to report",
		In{Exit: well, Channel: stream}, wants{none(), nil}},
}

func TestRules(t *testing.T) {
	for group, rows := range map[string][]row{"matching": matchingRows, "order": orderRows, "channel": channelRows, "exit": exitRows, "stream": streamRows} {
		for _, tc := range rows {
			t.Run(group+"/"+tc.rule, func(t *testing.T) {
				tc.in.Unit = "u"
				got := describe(t, Of(tc.in))
				if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(wants{})); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

// What an attempt carries beside its outcome stays with it.
func TestAttemptsKeepWhatTheRunnerTold(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC) }
	one := Result{Attempt: e2e.Attempt{Outcome: e2e.Failed, Message: "m1", Seconds: 1, Started: at(2), Files: []string{"f1"}, Type: "T", Details: "d"}}
	two := Result{Retry: true, Attempt: e2e.Attempt{Outcome: e2e.Passed, Message: "m2", Seconds: 2, Started: at(1), Files: []string{"f2"}}}
	untimed := Result{Attempt: e2e.Attempt{Outcome: e2e.Skipped, Seconds: 4, Children: []e2e.Child{{Name: "own"}}}}

	whole := Of(In{
		Unit: "u", Planned: planned("a"), Exit: well, Reported: []Reported{{Spellings: []Spelling{{Name: "a"}}, Results: []Result{one, two}, Files: []string{"f3"}}},
	})
	first, last := one.Attempt, two.Attempt
	first.N, first.Source = 1, e2e.SourceFirst
	last.N, last.Source, last.Files = 2, e2e.SourceFramework, []string{"f2", "f3"}
	if diff := cmp.Diff([]e2e.Attempt{first, last}, whole.Tests["s/a"]); diff != "" {
		t.Errorf("files of a test belong to its last attempt (-want +got)\n%s", diff)
	}

	parts := Of(In{Unit: "u", Planned: planned("a"), Exit: well, Reported: []Reported{partOf("x", one), partOf("y", untimed), partOf("z", two)}})
	folded := e2e.Attempt{
		N: 1, Source: e2e.SourceFirst, Outcome: e2e.Failed, Type: "T", Details: "d", Message: "x: m1", Seconds: 7, Started: at(1), Files: []string{"f1", "f2"},
		Children: []e2e.Child{
			{Name: "x", Outcome: e2e.Failed, Seconds: 1, Message: "m1"},
			{Name: "y", Outcome: e2e.Skipped, Seconds: 4},
			{Name: "z", Outcome: e2e.Passed, Seconds: 2, Message: "m2"},
		},
	}
	if diff := cmp.Diff([]e2e.Attempt{folded}, parts.Tests["s/a"]); diff != "" {
		t.Errorf("a test in parts takes the time of all (-want +got)\n%s", diff)
	}
	for _, order := range [][]Reported{{partOf("z", two), partOf("x", one)}, {partOf("x", one), partOf("z", two)}, {partOf("z", two), partOf("y", untimed)}} {
		got := Of(In{Unit: "u", Planned: planned("a"), Exit: well, Reported: order}).Tests["s/a"][0].Started
		if !got.Equal(at(1)) {
			t.Errorf("a test in parts starts with the earliest, not at %s", got)
		}
	}
}

// The invocations of a parametrised test count together; each attempt is as good as
// its worst part.
func TestFold(t *testing.T) {
	failed := e2e.Attempt{Outcome: e2e.Failed, Message: "boom", Seconds: 1}
	passed := e2e.Attempt{Outcome: e2e.Passed, Seconds: 2}
	skipped := e2e.Attempt{Outcome: e2e.Skipped}
	for _, tc := range []struct {
		name  string
		parts []part
		want  e2e.Outcome
		n     int
	}{
		{"all pass", []part{{"1", []e2e.Attempt{passed}}, {"2", []e2e.Attempt{passed}}}, e2e.Passed, 1},
		{"one fails", []part{{"1", []e2e.Attempt{passed}}, {"2", []e2e.Attempt{failed}}}, e2e.Failed, 1},
		{"one is skipped", []part{{"1", []e2e.Attempt{skipped}}, {"2", []e2e.Attempt{passed}}}, e2e.Passed, 1},
		{"one repeated", []part{{"1", []e2e.Attempt{passed}}, {"2", []e2e.Attempt{failed, passed}}}, e2e.Flaky, 2},
		{"one repeated, another failed", []part{{"1", []e2e.Attempt{failed}}, {"2", []e2e.Attempt{failed, passed}}}, e2e.Failed, 2},
		{"nothing", nil, e2e.Lost, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := fold(tc.parts)
			if e2e.OutcomeOf(got) != tc.want || len(got) != tc.n {
				t.Fatalf("%+v", got)
			}
			if tc.n > 0 && len(got[0].Children) != 2 {
				t.Errorf("%+v", got[0])
			}
			if tc.want == e2e.Failed && !strings.HasSuffix(got[0].Message, ": boom") {
				t.Errorf("%q", got[0].Message)
			}
		})
	}
}

// A generated input: few names, so that they meet.
func generated(rt *rapid.T) In {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	text := rapid.SampledFrom([]string{"", "x", "y"})
	outcome := rapid.SampledFrom([]e2e.Outcome{"", e2e.Passed, e2e.Failed, e2e.Skipped})
	files := rapid.Custom(func(rt *rapid.T) []string { // with room behind the end, which nothing may write into
		return append(make([]string, 0, 8), rapid.SliceOfN(text, 0, 2).Draw(rt, "files")...)
	})
	result := rapid.Custom(func(rt *rapid.T) Result {
		return Result{
			Attempt: e2e.Attempt{
				N: rapid.IntRange(0, 3).Draw(rt, "n"), Outcome: outcome.Draw(rt, "outcome"), Message: text.Draw(rt, "message"),
				Files: files.Draw(rt, "files"), Children: append(make([]e2e.Child, 0, 4), e2e.Child{Name: "own"}),
			},
			Retry: rapid.Bool().Draw(rt, "retry"), Inferred: rapid.Bool().Draw(rt, "inferred"),
		}
	})
	reported := rapid.Custom(func(rt *rapid.T) Reported {
		return Reported{
			Spellings: []Spelling{{Name: name.Draw(rt, "name"), Part: text.Draw(rt, "part")}}, Unplanned: e2e.Test{Suite: "s", Name: name.Draw(rt, "unplanned")},
			Results: rapid.SliceOfN(result, 0, 3).Draw(rt, "results"), Files: files.Draw(rt, "files"),
		}
	})
	kind := rapid.SampledFrom([]ChannelKind{"", Reports, Events, Stream})
	ended := rapid.SampledFrom([]e2e.Ended{"", e2e.EndedExited, e2e.EndedSignal, e2e.EndedTimeout, e2e.EndedCancelled, e2e.EndedNotStarted})
	problem := e2e.Problem{Code: e2e.CodeReportDamaged, Unit: "u", Text: "found", Tests: []string{"s/a"}}
	return In{
		Unit: "u", Planned: planned(rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.ID[string]).Draw(rt, "planned")...),
		Reported: rapid.SliceOfN(reported, 0, 5).Draw(rt, "reported"),
		Problems: append(make([]e2e.Problem, 0, 8), problem), Attachments: []e2e.Problem{problem},
		Build: Build{Failed: rapid.Bool().Draw(rt, "build")},
		Channel: Channel{
			Kind: kind.Draw(rt, "kind"), Begun: rapid.IntRange(0, 2).Draw(rt, "begun"), Ended: rapid.IntRange(0, 2).Draw(rt, "ended"),
			Running: rapid.SliceOfN(name, 0, 3).Draw(rt, "running"), Nothing: text.Draw(rt, "nothing"), Crash: text.Draw(rt, "crash"),
		},
		Exit: Exit{Ended: ended.Draw(rt, "exit"), Code: rapid.IntRange(0, 1).Draw(rt, "code")},
	}
}

// Of is pure: the same input gives the same output, and stays as it was, with the room
// behind the ends of its slices.
func TestOfIsPure(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := generated(rt)
		before := deepCopy(reflect.ValueOf(in)).Interface().(In)
		first := Of(in)
		if diff := cmp.Diff(before, in); diff != "" {
			rt.Fatalf("the input changed (-before +after)\n%s", diff)
		}
		if found := written(reflect.ValueOf(in)); found != "" {
			rt.Fatalf("%q was written behind the end of a slice of the input", found)
		}
		if diff := cmp.Diff(first, Of(in)); diff != "" {
			rt.Fatalf("two answers (-first +second)\n%s", diff)
		}
	})
}

// Nothing that was reported is dropped, and nothing passes that was not reported as passed.
func TestNothingIsLostOrInvented(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := generated(rt)
		out := Of(in)
		if len(out.Problems) == 0 && in.Exit.Ended == e2e.EndedNotStarted {
			rt.Fatal("a process that did not start, and no problem")
		}
		failed, reportedPass := false, false
		for _, r := range in.Reported {
			for _, res := range r.Results {
				failed = failed || res.Attempt.Outcome == e2e.Failed
				reportedPass = reportedPass || res.Attempt.Outcome == e2e.Passed
			}
		}
		read := in.Exit.Ended != e2e.EndedNotStarted && (in.Channel.Nothing == "" || in.Build.Failed)
		var red, green bool
		check := func(list []e2e.Attempt) {
			for i, a := range list {
				red, green = red || a.Outcome == e2e.Failed, green || a.Outcome == e2e.Passed
				if a.N != i+1 {
					rt.Fatalf("attempt %d has the number %d", i+1, a.N)
				}
			}
		}
		for _, list := range out.Tests {
			check(list)
		}
		for _, run := range out.Unplanned {
			check(run.Attempts)
		}
		if read && failed != red {
			rt.Fatalf("a failure was reported: %v; there is one: %v", failed, red)
		}
		if green && !reportedPass {
			rt.Fatal("there is a pass that was not reported")
		}
	})
}

// In holds plain values only: no function, interface, channel or pointer, through which
// it could ask for more or change what others see.
func TestInputIsPlain(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var look func(path string, typ reflect.Type)
	look = func(path string, typ reflect.Type) {
		if seen[typ] || typ == reflect.TypeFor[time.Time]() {
			return
		}
		seen[typ] = true
		switch typ.Kind() {
		case reflect.Func, reflect.Interface, reflect.Chan, reflect.Pointer, reflect.UnsafePointer:
			t.Errorf("%s is a %s", path, typ)
		case reflect.Slice, reflect.Array:
			look(path+"[]", typ.Elem())
		case reflect.Map:
			look(path+"[key]", typ.Key())
			look(path+"[]", typ.Elem())
		case reflect.Struct:
			for field := range typ.Fields() {
				look(path+"."+field.Name, field.Type)
			}
		default: // a number, a word or a truth
		}
	}
	look("In", reflect.TypeFor[In]())
}

// deepCopy copies a value with all slices in it.
func deepCopy(v reflect.Value) reflect.Value {
	to := reflect.New(v.Type()).Elem()
	switch {
	case v.Kind() == reflect.Slice && !v.IsNil():
		to.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			to.Index(i).Set(deepCopy(v.Index(i)))
		}
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			to.Field(i).Set(deepCopy(v.Field(i)))
		}
	default:
		to.Set(v)
	}
	return to
}

// written is something that stands behind the end of a slice, where there was nothing.
func written(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.Slice:
		for i := range v.Cap() {
			e := v.Slice(0, v.Cap()).Index(i)
			if i >= v.Len() && !e.IsZero() {
				return e.String()
			}
			if found := written(e); found != "" {
				return found
			}
		}
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			if found := written(v.Field(i)); found != "" {
				return found
			}
		}
	}
	return ""
}

// A line tells tests of one id apart; a test with an id of its own has it elsewhere.
func TestLinesTellTwinsApart(t *testing.T) {
	at := func(line int) Reported {
		r := test("a", passed())
		r.Results[0].Attempt.Line = line
		return r
	}
	for _, tc := range []struct {
		reported []Reported
		want     []int
	}{{[]Reported{at(3)}, []int{0}}, {[]Reported{at(3), at(9)}, []int{3, 9}}} {
		var lines []int
		for _, a := range Of(In{Planned: []Planned{{ID: "s/a", Name: "a"}}, Reported: tc.reported}).Tests["s/a"] {
			lines = append(lines, a.Line)
		}
		if !slices.Equal(lines, tc.want) {
			t.Errorf("%v, want %v", lines, tc.want)
		}
	}
}
