package report

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// Every test of every result can be explained, and its text is safe on a terminal.
func TestExplainEveryTest(t *testing.T) {
	for name, r := range results() {
		for _, test := range r.Tests {
			e, ok := Explain(r, test.ID)
			if !ok || len(e.Steps) != 12 || e.Effect != test.Effect {
				t.Fatalf("%s: %+v", name, e)
			}
			for _, s := range e.Steps {
				if s.Answer == "" {
					t.Errorf("%s: %s has no answer for %s", name, s.Step, test.ID)
				}
			}
			safeForTerminal(t, name, e.Text(80, false))
		}
	}
	if _, ok := Explain(e2e.Result{}, ""); ok {
		t.Error("a test that is not there is explained")
	}
}

func safeForTerminal(t *testing.T, name, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") {
			t.Errorf("%s: a workflow command: %q", name, line)
		}
	}
	if i := strings.IndexFunc(text, func(r rune) bool {
		return r < ' ' && r != '\n' || r == 0x202e || r == 0x2028 || r == 0x7f
	}); i >= 0 {
		t.Errorf("%s: %q is not text", name, text[max(i-20, 0):i+3])
	}
}

func TestExplainPast(t *testing.T) {
	day := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	test := e2e.TestResult{History: &e2e.TestHistory{
		Text: "flaky in 3 of the last 20 runs", Runs: 20, Flaky: 3, FlakeLow: 0.056, FlakeHigh: 0.314,
		First: &e2e.HistoryRun{Run: "b", SHA: "feed", Started: day}, Before: &e2e.HistoryRun{Run: "a", Started: day},
		Slower: &e2e.HistoryPace{Since: e2e.HistoryRun{Run: "c", Started: day}, From: 3.1, To: 6.5},
	}}
	want := Step{Step: "history", Answer: "flaky in 3 of the last 20 runs", Because: []string{
		"flaky in 3 of 20 runs: the rate is likely between 6 % and 31 %", "it began with run b on 2026-11-02, commit feed",
		"the run before that was run a on 2026-11-02", "it became slower with run c on 2026-11-02 (x2.1, from 3.1 s to 6.5 s)",
	}}
	if diff := cmp.Diff(want, explainPast(&test)); diff != "" {
		t.Error(diff)
	}
	r := blockedWithClusters()
	at := slices.IndexFunc(r.Tests, func(t e2e.TestResult) bool { return t.Outcome == e2e.Failed })
	r.Tests[at].History = test.History
	if page := string(HTML(r, PageOptions{})); !strings.Contains(page, "the rate is likely between 6 % and 31 %</dd>") {
		t.Error("the page does not have the rate")
	}
	if got := explainPast(&e2e.TestResult{}); len(got.Because) > 0 || got.Answer == "" {
		t.Errorf("%+v", got)
	}
}

func TestExplainReasons(t *testing.T) {
	r := blockedWithClusters()
	answer := func(id, step string) string {
		e, _ := Explain(r, "case-journeys/submission_test.go::"+id)
		at := slices.IndexFunc(e.Steps, func(s Step) bool { return s.Step == step })
		return e.Steps[at].Answer
	}
	r.Tests[0].Unplanned = true
	r.Shards[1].Units[0].Tests = []string{r.Tests[1].ID}
	r.Tests[8].Policy = &e2e.PolicyCell{Row: "failed", Column: e2e.ReleaseBlocking, Source: "config"}
	for _, c := range [][3]string{
		{"TestPasses00", "selected", "not selected: suite case-journeys reported it, but it is not in the plan"},
		{"TestPasses01", "planned", "on shard 1 (case-platform-1), in batch case-journeys with 1 test"},
		{"TestPasses01", "rerun", "none: only failed tests are run again"},
		{"TestPasses01", "verdict", "the stage blocked; this test is not among its reasons"},
		{"TestHealthPage", "rerun", "none: 12 failures are more than the 10 that may be rerun"},
		{"TestAudit", "history", "fails on main too since 2026-03-11 (4 runs)"},
		{"TestSubmit", "policy", "failed x release-blocking: blocks (policy in the config)"},
		{"TestSubmit", "verdict", "the stage blocked; this test is among its reasons"},
		{"TestLegacyImport", "quarantine", "until 2026-03-23, 9 days left"},
	} {
		if got := answer(c[0], c[1]); got != c[2] {
			t.Errorf("%s, %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
	if _, err := json.Marshal(Explanation{}); err != nil {
		t.Error(err)
	}
}
