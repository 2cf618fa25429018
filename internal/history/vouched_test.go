package history

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// TestVouched asks about two tests in records as they come out of artifacts.
func TestVouched(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC)
	record := func(run string, hours int, change func(*Record)) Found {
		r := Record{Schema: Schema, RunID: "e2e-" + run, WorkflowRun: run, Attempt: 1, Stage: "pr", Subject: e2e.Subject{SHA: "new", Repository: "acme/cases"},
			Main:    true,
			Started: at.Add(time.Duration(hours) * time.Hour),
			Variant: "linux/amd64", Verdict: e2e.VerdictFailed, Tests: []Entry{{ID: "s::a", Outcome: e2e.Failed, Exact: "x1:a"},
				{ID: "s::other", Outcome: e2e.Failed, Exact: "x1:x"}, {ID: "s::b", Outcome: e2e.Passed, Seconds: 1}}}
		if change != nil {
			change(&r)
		}
		data, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		return Found{WorkflowRun: run, SHA: r.SHA, Data: data}
	}
	q := Question{Repository: "acme/cases", Stage: "pr", Variant: "linux/amd64", Commits: []string{"new", "old"},
		Tests: map[string]bool{"s::a": true, "s::b": true}, Now: at.Add(100 * time.Hour)}
	runs, refused := Vouched([]Found{
		record("1", 1, func(r *Record) { r.SHA = "old" }),
		record("2", 2, nil),
		record("3", 3, nil),
		// The second attempt of the third run, whose first shard alone ran again: the test passed.
		record("3", 3, func(r *Record) { r.Attempt, r.Tests = 2, []Entry{{ID: "s::a", Outcome: e2e.Passed, Seconds: 1}} }),
		record("4", 4, func(r *Record) { r.Tests[0].Nothing = BadEnvironment }),

		record("5", 5, func(r *Record) { r.SHA = "another" }),
		record("6", 6, func(r *Record) { r.Stage = "nightly" }),
		record("7", 7, func(r *Record) { r.Variant = "windows/amd64" }),
		record("8", 8, func(r *Record) { r.Verdict = e2e.VerdictNotJudged }),
		record("9", 9, func(r *Record) { r.Nothing = NotJudged }),

		record("10", 10, func(r *Record) { r.Main = false }),
		record("11", 11, func(r *Record) { r.WorkflowRun = "2" }),
		record("12", 12, func(r *Record) { r.Repository = "someone/else" }),
		record("13", 200, nil),
		record("14", 14, func(r *Record) { r.RunID = "e2e-2" }),
		record("18", 18, func(r *Record) { r.TestsSHA, r.Main = "new", false }), // of a subject: not of the base
		{WorkflowRun: "15", Data: []byte("<html>")},
		{WorkflowRun: "16", SHA: "new", Data: record("16", 16, func(r *Record) { r.SHA = "old" }).Data},
		{WorkflowRun: "17", Data: record("17", 17, nil).Data},
	}, q)
	for i := range runs {
		for id, test := range runs[i].Tests {
			test.attempt = 0
			runs[i].Tests[id] = test
		}
	}
	a, b := VouchedTest{Outcome: e2e.Failed, Exact: "x1:a"}, VouchedTest{Outcome: e2e.Passed}
	want := []VouchedRun{
		{"e2e-5", "5", "another", at.Add(5 * time.Hour), true, map[string]VouchedTest{"s::a": a, "s::b": b}},
		{"e2e-4", "4", "new", at.Add(4 * time.Hour), false, map[string]VouchedTest{"s::b": b}},
		{"e2e-3", "3", "new", at.Add(3 * time.Hour), false, map[string]VouchedTest{"s::a": b, "s::b": b}},
		{"e2e-2", "2", "new", at.Add(2 * time.Hour), false, map[string]VouchedTest{"s::a": a, "s::b": b}},
		{"e2e-1", "1", "old", at.Add(1 * time.Hour), false, map[string]VouchedTest{"s::a": a, "s::b": b}},
	}
	if diff := cmp.Diff(want, runs, cmp.AllowUnexported(VouchedTest{})); diff != "" {
		t.Error(diff)
	}
	text := strings.Join(refused, "\n")
	for _, why := range []string{"run 10: it is not from the default branch", "run 11: it names another workflow run",
		"run 12: it is of the repository someone/else", "run 13: it says that its run starts on", "run 14: its run id e2e-2 is that of another run",
		"run 15: it is not a history object",
		"run 16: it names another commit than its workflow run has", "run 17: the commit of its workflow run is not known",
		"run 18: it is not from the default branch"} {
		if !strings.Contains(text, why) {
			t.Errorf("not refused: %s\n%s", why, text)
		}
	}
	if len(refused) != 9 {
		t.Errorf("%q", refused)
	}
}
