package attempts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

func TestStalled(t *testing.T) {
	run := func(o e2e.Outcome) e2e.Attempt { return e2e.Attempt{Outcome: o, Message: "m"} }
	for name, tc := range map[string]struct {
		running []attempts.Hanging
		tests   map[string][]e2e.Attempt
		want    string
	}{
		"one ran, one had passed":           {[]attempts.Hanging{{Name: "a", Ended: 0}}, map[string][]e2e.Attempt{"s::b": {run(e2e.Passed)}}, "a failed stalled; b passed; c not run"},
		"several ran":                       {[]attempts.Hanging{{Name: "a", Ended: 0}, {Name: "b", Ended: 0}}, nil, "a failed stalled; b failed stalled; c not run"},
		"it is not known what ran":          {nil, map[string][]e2e.Attempt{"s::b": {run(e2e.Failed)}}, "a lost; b failed; c lost"},
		"a test that was not planned ran":   {[]attempts.Hanging{{Name: "x", Ended: 0}}, nil, "a lost; b lost; c lost"},
		"it passed when it was to end":      {[]attempts.Hanging{{Name: "a", Ended: 0}}, map[string][]e2e.Attempt{"s::a": {run(e2e.Passed)}}, "a failed stalled; b not run; c not run"},
		"it was skipped when it was to end": {[]attempts.Hanging{{Name: "a", Ended: 0}}, map[string][]e2e.Attempt{"s::a": {{Outcome: e2e.Skipped, Kept: true, KeptBy: "s::b"}}}, "a failed stalled; b not run; c not run"},
		"a retry ran":                       {[]attempts.Hanging{{Name: "a", Ended: 1}}, map[string][]e2e.Attempt{"s::a": {run(e2e.Failed)}}, "a failed, failed stalled framework; b not run; c not run"},
		"a retry ran and passed":            {[]attempts.Hanging{{Name: "a", Ended: 1}}, map[string][]e2e.Attempt{"s::a": {run(e2e.Failed), run(e2e.Passed)}}, "a failed, failed stalled; b not run; c not run"},
	} {
		t.Run(name, func(t *testing.T) {
			s := attempts.Stall{Running: tc.running, Tests: tc.tests, Message: "stalled", Files: []string{"/dump"}}
			for _, n := range []string{"a", "b", "c"} {
				s.Planned = append(s.Planned, attempts.Planned{ID: "s::" + n, Name: n})
			}
			before := fmt.Sprint(tc.tests)
			tests, notRun, lost := attempts.Stalled(s)
			var got []string
			for _, p := range s.Planned {
				var words []string
				for _, a := range tests[p.ID] {
					word := string(a.Outcome)
					if a.Type == attempts.TypeStalled {
						word += " stalled"
						if len(a.Files) != 1 || a.Message != "stalled" || a.Kept || a.KeptBy != "" {
							t.Errorf("%+v", a)
						}
					}
					words = append(words, strings.TrimSpace(word+" "+string(a.Source)))
				}
				text := p.Name + " " + strings.Join(words, ", ")
				if slices.Contains(notRun, p.ID) {
					text += "not run"
				}
				if slices.Contains(lost, p.ID) {
					text += "lost"
				}
				got = append(got, text)
			}
			if have := strings.Join(got, "; "); have != tc.want {
				t.Errorf("%s, want %s", have, tc.want)
			}
			if fmt.Sprint(tc.tests) != before {
				t.Error("the input is changed")
			}
		})
	}
}

// Nothing that a process reports when the gate has ended it is a second reason, and nothing is a pass.
func TestOfAStalledProcess(t *testing.T) {
	for _, kind := range []attempts.ChannelKind{attempts.Events, attempts.Stream, attempts.Reports} {
		out := attempts.Of(attempts.In{Unit: "u", Planned: []attempts.Planned{{ID: "s::a", Name: "a"}},
			Channel: attempts.Channel{Kind: kind, Running: []string{"a"}, Crash: "SIGQUIT"}, Exit: attempts.Exit{Ended: e2e.EndedStalled, Code: 2}})
		if len(out.Problems) > 0 || len(out.Tests) > 0 {
			t.Errorf("%s: %+v", kind, out)
		}
	}
}
