package history

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/fingerprint"
)

func TestDetailsOfARecord(t *testing.T) {
	at := func(seconds float64) time.Time { return day0.Add(time.Duration(seconds * float64(time.Second))) }
	attempt := func(o e2e.Outcome, source e2e.AttemptSource) e2e.Attempt {
		return e2e.Attempt{Outcome: o, Seconds: 2, Source: source}
	}
	unit := func(name string, attempt int, tests ...string) e2e.UnitRun {
		return e2e.UnitRun{Unit: name, Attempt: attempt, Tests: tests, Ended: e2e.EndedExited}
	}
	broken := attempt(e2e.Failed, e2e.SourceFirst)
	broken.Message, broken.Correlation = "a_test.go:7: case anna-0001 was not accepted", "anna-0001"
	skipped := attempt(e2e.Skipped, e2e.SourceFirst)
	skipped.Message = strings.Repeat("ä", 150)
	doc := e2e.ShardRun{
		Run: e2e.Run{Started: day0, Subject: e2e.Subject{Repository: "acme/cases"}}, Platform: "linux/amd64",
		Gates: []e2e.Gate{
			{Name: "api", Timeline: []e2e.Span{
				{From: at(-9), To: at(-3), State: e2e.Unhealthy, Probes: 2}, {From: at(0), To: at(9), State: e2e.Healthy, Probes: 5, Watch: true},
				{From: at(10.04), To: at(12), State: e2e.ProbeError, Probes: 1, Watch: true}, {From: at(13), To: at(14), State: e2e.Degraded, Probes: 2, Watch: true},
			}},
			{Name: "db", Timeline: []e2e.Span{{From: at(0), To: at(9), State: e2e.Healthy, Probes: 5}}}, {Name: "never asked"},
		},
		Units: []e2e.UnitRun{
			unit("a", 1, "alone"), unit("b", 1, "p1", "p2", "gone"), unit("c", 1, "with others"), unit("b", 2, "p2"), unit("w", 1, "w::(whole suite)"),
		},
		Tests: []e2e.TestRun{
			{ID: "alone", Attempts: []e2e.Attempt{attempt(e2e.Passed, e2e.SourceFirst)}},
			{ID: "p1", Attempts: []e2e.Attempt{attempt(e2e.Passed, e2e.SourceFirst)}},
			{ID: "p2", Attempts: []e2e.Attempt{broken, attempt(e2e.Failed, e2e.SourceFramework), attempt(e2e.Passed, e2e.SourceDiagnostic)}},
			{ID: "skipped", Attempts: []e2e.Attempt{skipped}},
			{ID: "unclear", Attempts: []e2e.Attempt{attempt(e2e.Failed, e2e.SourceFirst), attempt("", e2e.SourceFirst)}},
			{ID: "unplanned", Unplanned: &e2e.Test{Unit: "c"}, Attempts: []e2e.Attempt{attempt(e2e.Passed, e2e.SourceFirst)}},
			{ID: "with others", Attempts: []e2e.Attempt{attempt(e2e.Passed, e2e.SourceFirst)}},
		},
		NotRun: []e2e.NotRunTest{{ID: "stopped", Code: e2e.CodeTimeout}, {ID: "p1", Code: e2e.CodeTimeout}},
	}
	planned, result := map[string]e2e.Test{}, e2e.Result{}
	for i, id := range []string{"alone", "p1", "p2", "skipped", "unclear", "with others", "stopped", "gone"} {
		team := []string{"a", "b"}[i/3%2]
		planned[id] = e2e.Test{ID: id, Suite: "s", Owner: team, Criticality: e2e.ReleaseBlocking}
	}
	planned["w::(whole suite)"] = e2e.Batch{ID: "w::(whole suite)", Suite: "w"}.Stand()
	for id, o := range map[string]e2e.Outcome{"p1": e2e.Passed, "p2": e2e.Flaky, "stopped": e2e.NotRun, "gone": e2e.Lost, "w::(whole suite)": e2e.Lost} {
		result.Tests = append(result.Tests, e2e.TestResult{Test: planned[id], Outcome: o, Quarantine: &e2e.Quarantine{Expired: id == "gone"}})
		result.Tests[len(result.Tests)-1].ID = id
	}
	r := recordOf(doc, planned, result)
	first := Attempt{Outcome: e2e.Failed, Seconds: 2}
	diagnostic, framework := Attempt{e2e.Passed, 2, e2e.SourceDiagnostic}, Attempt{e2e.Failed, 2, e2e.SourceFramework}
	want := []Entry{
		{ID: "alone", Suite: "s", Outcome: e2e.Passed, Seconds: 2, Alone: true},
		{ID: "p1", Suite: "s", Outcome: e2e.Passed, Seconds: 2},
		{
			ID: "p2", Suite: "s", Outcome: e2e.Flaky, Seconds: 2, Attempts: []Attempt{first, framework, diagnostic}, Quarantine: Quarantined,
			Fingerprint: fingerprint.Of(fingerprint.Failure{Message: "a_test.go:9: case # was not accepted"}),
		},
		{
			ID: "skipped", Suite: "s", Outcome: e2e.Skipped, Reason: strings.Repeat("ä", maxReason/2),
			Attempts: []Attempt{{Outcome: e2e.Skipped, Seconds: 2}},
		},
		{ID: "unclear", Suite: "s", Outcome: e2e.Failed, Nothing: Ambiguous, Attempts: []Attempt{first, {Seconds: 2}}},
		{ID: "unplanned", Outcome: e2e.Passed, Seconds: 2},
		{ID: "with others", Suite: "s", Outcome: e2e.Passed, Seconds: 2},
		{ID: "stopped", Suite: "s", Outcome: e2e.NotRun, Nothing: NotRun, Reason: "timeout", Quarantine: Quarantined},
		{ID: "gone", Suite: "s", Outcome: e2e.Lost, Nothing: Lost, Quarantine: Expired},
	}
	if diff := cmp.Diff(want, r.Tests); diff != "" {
		t.Error(diff)
	}
	owners := []Owned{{"a", e2e.ReleaseBlocking, []int{0, 2, 7, 8}}, {"b", e2e.ReleaseBlocking, []int{3, 4, 6, 6}}}
	if diff := cmp.Diff(owners, r.Owners); diff != "" {
		t.Error(diff)
	}
	share, none := 0.7, 0.0
	gates := []GateHealth{
		{"api", &share, []BadSpan{{-9, -3, e2e.Unhealthy, true}, {10, 12, e2e.ProbeError, false}}}, {Name: "db"}, {Name: "never asked", Healthy: &none},
	}
	if diff := cmp.Diff(gates, r.Gates); diff != "" {
		t.Error(diff)
	}
	if r.Variant != "linux/amd64" || r.Repository != "acme/cases" {
		t.Errorf("%+v", r)
	}
}

// The tests that were not selected come after the others, where neither the fold nor an
// older gate counts them.
func TestDeselectedTestsAreNoTests(t *testing.T) {
	r := run(0, "", e2e.Passed, 1)
	r.Deselected = []e2e.Deselected{{Suite: "s", Why: "select", Count: 2, Tests: []string{"x", "y"}}}
	r.Owners = []Owned{{Owner: "a", Tests: []int{0, 0}}}
	data, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	var last []byte
	if err := unpack(data, func([]byte) error { return nil }, func(line []byte) error { last = append([]byte{}, line...); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := `{"deselected":{"suite":"s","why":"select","count":2,"tests":["x","y"]}}`; string(last) != want {
		t.Errorf("got %s, want %s", last, want)
	}
	u, err := decodeEntries(data)
	if err != nil || len(u.entries) != 1 || u.record.Owners != nil {
		t.Errorf("%v %+v", err, u)
	}
	var before Entry // what a gate of before reads it as
	if err := json.Unmarshal(last, &before); err != nil || before.ID != "" {
		t.Errorf("%v %+v", err, before)
	}
}

// A record of tests that passed may not grow by more than half through what it holds beside
// outcomes and seconds.
func TestSizeOfAPassingRecord(t *testing.T) {
	type entryBefore struct {
		ID      string      `json:"id"`
		Suite   string      `json:"suite,omitempty"`
		File    string      `json:"file,omitempty"`
		Outcome e2e.Outcome `json:"outcome"`
		Seconds float64     `json:"seconds"`
	}
	doc := e2e.ShardRun{
		Run: e2e.Run{
			ID: "e2e-1764000000000-1b4e28ba-2fa1-11d2-883f-0016d3cca427", WorkflowRun: "17640000000", WorkflowAttempt: 1, Stage: "main", Event: "push",
			Subject:       e2e.Subject{Ref: "refs/heads/main", SHA: strings.Repeat("0123456789", 4), Repository: "acme/case-platform"},
			DefaultBranch: true, Version: "v1.2.3", Started: day0,
		},
		Platform: "linux/amd64", Gates: make([]e2e.Gate, 12),
	}
	for i := range doc.Gates {
		doc.Gates[i].Name = fmt.Sprintf("gate-%d", i)
		doc.Gates[i].Timeline = []e2e.Span{
			{From: day0, To: day0.Add(4 * time.Minute), State: e2e.Healthy, Probes: 30, Watch: true},
			{From: day0.Add(5 * time.Minute), To: day0.Add(6 * time.Minute), State: e2e.Unhealthy, Probes: i % 2, Watch: true},
		}
	}
	planned := map[string]e2e.Test{}
	var before []entryBefore
	for i := range 2000 {
		file := fmt.Sprintf("%s/%s_%d.spec.ts", []string{"cases", "audit", "search", "export"}[i/500], []string{"list", "detail", "approve"}[i%3], i/20)
		where, what := []string{"work list", "escalation"}[i/7%2], []string{"it", "nothing"}[i%2]
		id := fmt.Sprintf("ui/[chromium] %s::%s › a user with the role %d sees %s %d", file, where, i%11, what, i)
		seconds := float64((i*7919)%9973) / 1000
		doc.Tests = append(doc.Tests, e2e.TestRun{ID: id, Attempts: []e2e.Attempt{{N: 1, Outcome: e2e.Passed, Source: e2e.SourceFirst, Seconds: seconds}}})
		planned[id] = e2e.Test{
			ID: id, Suite: "ui", File: file, Owner: []string{"intake", "audit", "search", "platform"}[i/20%4],
			Criticality: []e2e.Criticality{e2e.ReleaseBlocking, e2e.NonBlocking}[i/100%2],
		}
		before = append(before, entryBefore{ID: id, Suite: "ui", File: file, Outcome: e2e.Passed, Seconds: seconds})
	}
	r := recordOf(doc, planned, e2e.Result{Verdict: e2e.Verdict{State: e2e.VerdictPassed}})
	r.Shards, r.Policy, r.Base = 4, strings.Repeat("0123456789abcdef", 4), strings.Repeat("9876543210", 4)
	few := e2e.Deselected{Suite: "ui", Why: "select", Count: 1000}
	for _, e := range r.Tests[:few.Count] {
		few.Tests = append(few.Tests, strings.Replace(e.ID, "chromium", "firefox", 1))
	}
	r.Deselected = []e2e.Deselected{few}
	now, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	many := e2e.Deselected{Suite: "api", Why: "service", Count: 5000, Tests: slices.Repeat(few.Tests, 5)}
	r.Deselected = append(r.Deselected, many)
	counted, err := encode(r)
	if err != nil || len(counted) > len(now) {
		t.Errorf("%v, %d bytes with many tests that were not selected, %d with few", err, len(counted), len(now))
	}
	old, err := pack(gzip.DefaultCompression, func(write func(any) error) error {
		head := Record{
			Schema: r.Schema, RunID: r.RunID, WorkflowRun: r.WorkflowRun, Attempt: r.Attempt, Stage: r.Stage, Subject: e2e.Subject{Ref: r.Ref, SHA: r.SHA},
			Started: r.Started, Main: r.Main,
			Event: r.Event, Version: r.Version, Verdict: r.Verdict,
		}
		err := write(head)
		for _, e := range before {
			if err == nil {
				err = write(e)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a record of 2,000 passing tests, with 1,000 that were not selected: %d bytes before, %d now (x%.3f)",
		len(old), len(now), float64(len(now))/float64(len(old)))
	if 2*len(now) > 3*len(old) {
		t.Errorf("%d bytes now, %d before", len(now), len(old))
	}
	if len(r.Owners) != 8 || r.Gates[1].Healthy == nil {
		t.Errorf("the record does not hold what is measured: %+v", r.Owners)
	}
}
