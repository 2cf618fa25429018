package report

import (
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// TestARedBaseComesFirst: what is not from the change stands above everything else, and is counted once.
func TestARedBaseComesFirst(t *testing.T) {
	since := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	failed := func(id string, excuses bool, why string, effect e2e.Effect) e2e.TestResult {
		return e2e.TestResult{Test: e2e.Test{ID: id, Owner: "payments", Criticality: e2e.ReleaseBlocking}, Outcome: e2e.Failed, Effect: effect,
			Attempts: []e2e.Attempt{{N: 1, Outcome: e2e.Failed, Message: "boom"}}, BaseFails: &e2e.BaseFails{Branch: "ma|in", Since: since, Excuses: excuses, Why: why,
				Runs: []e2e.BaseRun{{ID: "r", SHA: strings.Repeat("a", 40), Started: since, URL: "https://github.example/runs/9"}}}}
	}
	r := e2e.Result{Run: e2e.Run{Stage: "pr"}, Verdict: e2e.Verdict{State: e2e.VerdictPassed},
		Tests: []e2e.TestResult{failed("s::pays", true, "", e2e.Warns), failed("s::refunds", true, "", e2e.Warns),
			{Test: e2e.Test{ID: "s::ok"}, Outcome: e2e.Passed}}}
	const red = "is red since 2026-11-27 (2 tests, owner payments): not from this change"
	if got := HeadlineOf(r).Text("-"); got != "e2e-gate pr: passed (2 failures that ma|in has too)" {
		t.Error(got)
	}
	comment := Comment(r, CommentOptions{})
	if at := strings.Index(comment, red); at < 0 || at > strings.Index(comment, "Needs attention") {
		t.Errorf("the comment does not begin with it:\n%s", comment)
	}
	if !strings.Contains(comment, "in 1 judged run, the newest at commit aaaaaaaaaa [2026-11-27](https://github.example/runs/9)") {
		t.Error(comment)
	}
	for name, text := range map[string]string{"terminal": Final(r, FinalOptions{}), "page": string(HTML(r, PageOptions{}))} {
		if at := strings.Index(text, red); at < 0 || at > strings.Index(text, "s::pays") && name == "terminal" {
			t.Errorf("%s:\n%s", name, text)
		}
	}
	r.Tests[1] = failed("s::refunds", false, "the change touches e2e/a.ts", e2e.Blocks)
	r.Verdict = e2e.Verdict{State: e2e.VerdictFailed, Blocks: true}
	got := Final(r, FinalOptions{})
	for _, want := range []string{"it blocks all the same: the change touches e2e/a.ts", "(1 test, owner payments)"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestAProbeIsShownEverywhere: what a failed test did at the base stands in each output, also where it excuses nothing.
func TestAProbeIsShownEverywhere(t *testing.T) {
	sha := strings.Repeat("b", 40)
	for want, probe := range map[string]e2e.BaseProbe{
		"it passes at the base bbbbbbbbbb (2 of 2, against staging): this change broke it": {SHA: sha, Product: "against staging", Executions: 2, Passed: 2},
		"it fails in the same way at the base bbbbbbbbbb (2 of 2, against staging)":        {SHA: sha, Product: "against staging", Executions: 2, Same: 2},
		"it fails in another way at the base bbbbbbbbbb (1 of 2): expected 3, got 4":       {SHA: sha, Executions: 2, Same: 1, Other: "expected 3, got 4"},
		"it passes at the base bbbbbbbbbb at times (1 of 2)":                               {SHA: sha, Executions: 2, Passed: 1, Same: 1},
		"not compared with a run at the base bbbbbbbbbb: the config starts no processes":   {SHA: sha, Refused: "the config starts no processes"},
	} {
		r := e2e.Result{Run: e2e.Run{Stage: "pr"}, Verdict: e2e.Verdict{State: e2e.VerdictFailed, Blocks: true}, Tests: []e2e.TestResult{{
			Test: e2e.Test{ID: "s::pays", Suite: "s", Criticality: e2e.ReleaseBlocking}, Outcome: e2e.Failed, Effect: e2e.Blocks, Probe: &probe,
			Attempts: []e2e.Attempt{{N: 1, Outcome: e2e.Failed, Message: "boom"}}}}}
		explained, _ := Explain(r, "s::pays")
		for name, text := range map[string]string{"comment": Comment(r, CommentOptions{}), "summary": Markdown(r, Options{}), "terminal": Final(r, FinalOptions{}), "page": string(HTML(r, PageOptions{})),
			"JUnit": string(JUnit(r)), "explain": explained.Text(200, false)} {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
	}
	// With what earlier runs say.
	since := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	one := e2e.TestResult{Probe: &e2e.BaseProbe{SHA: sha, Executions: 2, Same: 2}, BaseFails: &e2e.BaseFails{Branch: "main", Since: since, Excuses: true}}
	if got, want := baseText(one), "it fails in the same way on main since 2026-11-27; it fails in the same way at the base bbbbbbbbbb (2 of 2)"; got != want {
		t.Error(got)
	}
	touched := e2e.TestResult{Probe: &e2e.BaseProbe{SHA: sha, Refused: "it is touched"},
		BaseFails: &e2e.BaseFails{Branch: "main", Since: since, Runs: make([]e2e.BaseRun, 3), Why: "it is touched"}}
	if got := baseText(touched); strings.Count(got, "it is touched") != 1 {
		t.Error(got)
	}
	one.BaseFails = &e2e.BaseFails{Branch: "main", Why: "no run is known"}
	const want = "it fails in the same way at the base bbbbbbbbbb (2 of 2); it blocks all the same: no run is known"
	if got := baseText(one); got != want {
		t.Error(got)
	}
}
