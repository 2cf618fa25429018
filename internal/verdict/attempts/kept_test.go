package attempts

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// TestKept has a row for each rule about tests that did not run because another one failed.
func TestKept(t *testing.T) {
	type row struct {
		id, group, file string
		outcomes        string // of each execution: p, f, s; k: the framework says that it was kept
		skippedLast     bool
	}
	for _, tc := range []struct {
		rule string
		rows []row
		want string
	}{
		{"a skip behind a failure of its group", []row{{id: "a", group: "g", outcomes: "f"}, {id: "b", group: "g", outcomes: "s"}}, "b by a"},
		{"the last failure before it did it",
			[]row{{id: "a", group: "g", outcomes: "f"}, {id: "b", group: "g", outcomes: "f"}, {id: "c", group: "g", outcomes: "s"}}, "c by b"},
		{"a skip before the failure is one", []row{{id: "a", group: "g", outcomes: "s"}, {id: "b", group: "g", outcomes: "f"}}, ""},
		{"a skip in another group is one", []row{{id: "a", group: "g", outcomes: "f"}, {id: "b", group: "h", outcomes: "s"}}, ""},
		{"a skip without a group is one", []row{{id: "a", file: "x", outcomes: "f"}, {id: "b", file: "x", outcomes: "s"}}, ""},
		{"a test that was skipped before is skipped",
			[]row{{id: "a", group: "g", outcomes: "f"}, {id: "b", group: "g", outcomes: "s", skippedLast: true}}, ""},
		{"a failure that a retry made good keeps nothing", []row{{id: "a", group: "g", outcomes: "fp"}, {id: "b", group: "g", outcomes: "s"}}, ""},
		{"the framework's word counts without a group", []row{{id: "a", file: "x", outcomes: "f"}, {id: "b", file: "x", outcomes: "k"}}, "b by a"},
		{"the framework's word counts without a failure", []row{{id: "a", file: "y", outcomes: "f"}, {id: "b", file: "x", outcomes: "k"}}, "b by "},
		{"the framework's word counts whatever was before",
			[]row{{id: "a", group: "g", outcomes: "f"}, {id: "b", group: "g", outcomes: "k", skippedLast: true}}, "b by a"},
		{"a test that passed ran", []row{{id: "a", group: "g", outcomes: "f"}, {id: "b", group: "g", outcomes: "p"}}, ""},
	} {
		in := In{Unit: "s", Channel: Channel{Kind: Events, Ended: 1}, Exit: Exit{Ended: e2e.EndedExited, Code: 1, Text: "exit status 1"}}
		for _, r := range tc.rows {
			in.Planned = append(in.Planned, Planned{ID: r.id, Name: r.id, Group: r.group, File: r.file, SkippedLast: r.skippedLast})
			reported := Reported{Spellings: []Spelling{{Name: r.id}}}
			for i, c := range r.outcomes {
				o := map[rune]e2e.Outcome{'p': e2e.Passed, 'f': e2e.Failed, 's': e2e.Skipped, 'k': e2e.Skipped}[c]
				reported.Results = append(reported.Results, Result{Attempt: e2e.Attempt{Outcome: o, Kept: c == 'k'}, Retry: i > 0})
			}
			in.Reported = append(in.Reported, reported)
		}
		before := fmt.Sprintf("%+v", in.Reported)
		out := Of(in)
		var got []string
		for id, list := range out.Tests {
			if last := list[len(list)-1]; last.Kept {
				got = append(got, id+" by "+last.KeptBy)
				if o := e2e.OutcomeOf(list); o != e2e.NotRun {
					t.Errorf("%s: %s is %s", tc.rule, id, o)
				}
			}
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("%s: got %q, want %q", tc.rule, got, tc.want)
		}
		if after := fmt.Sprintf("%+v", in.Reported); !reflect.DeepEqual(before, after) {
			t.Errorf("%s: the input was changed", tc.rule)
		}
	}
}

// Tests that share an id may stand in one reported test. Each may keep others, and be kept.
func TestKeptAmongTestsThatShareAnID(t *testing.T) {
	in := In{Unit: "s", Channel: Channel{Kind: Reports}, Exit: Exit{Ended: e2e.EndedExited, Code: 1}}
	for _, id := range []string{"a", "b"} {
		in.Planned = append(in.Planned, Planned{ID: id, Name: id, Group: "g", File: "x"})
	}
	result := func(o e2e.Outcome) Result { return Result{Attempt: e2e.Attempt{Outcome: o}} }
	for _, tc := range []struct {
		rule  string
		first []Result
		want  e2e.Outcome // of the last of first
	}{
		{"a failure keeps others, whatever the next one with its id does", []Result{result(e2e.Failed), result(e2e.Passed)}, e2e.Passed},
		{"a failure keeps the next one with its id", []Result{result(e2e.Failed), result(e2e.Skipped)}, e2e.NotRun},
	} {
		in.Reported = []Reported{
			{Spellings: []Spelling{{Name: "a"}}, Results: tc.first},
			{Spellings: []Spelling{{Name: "b"}}, Results: []Result{result(e2e.Skipped)}},
		}
		tests := Of(in).Tests
		if b := tests["b"]; len(b) != 1 || e2e.OutcomeOf(b) != e2e.NotRun || b[0].KeptBy != "a" {
			t.Errorf("%s: %+v", tc.rule, b)
		}
		if got := e2e.OutcomeOf(tests["a"][1:]); got != tc.want {
			t.Errorf("%s: the second is %s, want %s", tc.rule, got, tc.want)
		}
		if tc.first[1].Attempt.Kept {
			t.Errorf("%s: the input was changed", tc.rule)
		}
	}
}

// What the rerun says of a test that was kept from running decides.
func TestKeptThenRun(t *testing.T) {
	kept := e2e.Attempt{Outcome: e2e.Skipped, Kept: true, KeptBy: "a", Source: e2e.SourceFirst}
	for _, tc := range []struct {
		again e2e.Attempt
		lost  bool
		want  e2e.Outcome
	}{
		{e2e.Attempt{Outcome: e2e.Passed}, false, e2e.Passed},
		{e2e.Attempt{Outcome: e2e.Passed}, true, e2e.NotRun},
		{e2e.Attempt{Outcome: e2e.Failed}, false, e2e.Failed},
		{e2e.Attempt{Outcome: e2e.Failed}, true, e2e.Failed},
		{e2e.Attempt{Outcome: e2e.Skipped}, false, e2e.Skipped},
		{e2e.Attempt{Outcome: e2e.Skipped}, true, e2e.NotRun},
		{kept, false, e2e.NotRun},
	} {
		first := []e2e.Attempt{kept}
		if got := e2e.OutcomeOf(append(first, Again(first, []e2e.Attempt{tc.again}, tc.lost)...)); got != tc.want {
			t.Errorf("%+v, lost %t: %s, want %s", tc.again, tc.lost, got, tc.want)
		}
	}
}
