package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/triage"
)

// asked keeps what triage was asked.
type asked struct {
	*triage.Triager
	inputs []triage.Input
}

func (a *asked) Within(ctx context.Context, inputs []triage.Input) ([]triage.Result, []e2e.Cluster, error) {
	a.inputs = inputs
	return a.Triager.Within(ctx, inputs) //nolint:wrapcheck // as it is
}

// The command `triage` reasons from what the pipeline reasons from: each failure of a run, written as a line and read
// again, is the same input and gets the same answer.
func TestPipelineAndCommandReasonFromTheSameInput(t *testing.T) {
	at := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	attempt := func(n int, outcome e2e.Outcome, message string) e2e.Attempt {
		return e2e.Attempt{N: n, Outcome: outcome, Message: message, Started: at.Add(time.Duration(n) * time.Minute), Seconds: 3, Correlation: "c-4711",
			Details: "\tat com.acme.CaseIT.reads(CaseIT.java:3)", Type: "java.lang.AssertionError", DataPrefix: "p17"}
	}
	row := func(id string, outcome e2e.Outcome, attempts ...e2e.Attempt) e2e.TestResult {
		return e2e.TestResult{Test: e2e.Test{ID: id, Suite: "api", Framework: "junit5", Name: id, Owner: "cases"}, Outcome: outcome, Attempts: attempts}
	}
	evidence := attempt(1, e2e.Failed, "zork")
	evidence.Evidence = []e2e.Evidence{{Kind: e2e.EvidenceExpected, Text: "DONE"}, {Kind: e2e.EvidenceActual, Text: "OPEN"}}
	crash := row("api::crash", e2e.Failed, attempt(1, e2e.Failed, "Connection refused"), attempt(2, e2e.Failed, "Connection refused"))
	crash.Evidence = []e2e.Evidence{{Kind: e2e.EvidenceCrash, Source: "background process case-api", Text: "it crashed"}}
	port := row("api::port", e2e.Flaky, attempt(1, e2e.Failed, "address already in use"), attempt(2, e2e.Passed, ""))
	port.Environment = &e2e.Environment{Port: 8080, Observed: "two shards used it"}
	untimed := attempt(1, e2e.Failed, "expected: <A> but was: <B>")
	untimed.Started = time.Time{}
	r := e2e.Result{
		Gates: []e2e.Gate{{Name: "db", Kind: "tcp", Target: "db.acme.internal:5432", Required: true, Timeline: []e2e.Span{
			{State: e2e.Unhealthy, Watch: true, From: at, To: at.Add(90 * time.Second), Observed: "refused"}}}},
		Tests: []e2e.TestResult{
			row("api::value", e2e.Failed, attempt(1, e2e.Failed, "expected: <A> but was: <B>"), attempt(2, e2e.Failed, "expected: <A> but was: <C>")),
			row("api::evidence", e2e.Flaky, evidence, attempt(2, e2e.Passed, "")), crash, port,
			row("api::db", e2e.Failed, attempt(1, e2e.Failed, "dial tcp db.acme.internal:5432: connection refused")),
			row("api::untimed", e2e.Failed, untimed),
			row("api::passes", e2e.Passed, attempt(1, e2e.Passed, "")),
		},
	}
	engine := &asked{Triager: &triage.Triager{}}
	s := &Session{opts: Options{Config: &config.Config{}, ChangedPaths: []string{"src/main/java/com/acme/Case.java"}}}
	got, err := s.explained(t.Context(), engine, r, history.Stats{}, nil)
	if err != nil || len(engine.inputs) != 6 {
		t.Fatal(err, len(engine.inputs))
	}
	categories := map[e2e.Category]bool{}
	for _, in := range engine.inputs {
		line, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var read triage.Input
		if err := json.Unmarshal(line, &read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, read); diff != "" {
			t.Errorf("%s is not the same when it is read again: %s", in.ID, diff)
		}
		var out bytes.Buffer
		if err := (&triage.Triager{}).Serve(bytes.NewReader(line), &out); err != nil {
			t.Fatal(err)
		}
		var said struct {
			Category   e2e.Category
			Cause      string
			Confidence e2e.Confidence
			NextStep   string `json:"next_step"`
			Evidence   []string
		}
		if err := json.Unmarshal(out.Bytes(), &said); err != nil {
			t.Fatal(err)
		}
		for i := range got.Tests {
			row := &got.Tests[i]
			if row.ID != in.ID {
				continue
			}
			categories[said.Category] = true
			var evidence []string
			for _, ev := range row.Evidence {
				if ev.Kind == e2e.EvidenceTriage {
					evidence = append(evidence, ev.Text)
				}
			}
			if row.Category != said.Category || row.Cause != said.Cause || row.Confidence != said.Confidence || row.NextStep != said.NextStep {
				t.Errorf("%s: the pipeline says %s, %s, %s; the command %+v", in.ID, row.Category, row.Confidence, row.Cause, said)
			}
			if diff := cmp.Diff(evidence, said.Evidence); diff != "" {
				t.Errorf("%s: %s", in.ID, diff)
			}
		}
	}
	if len(categories) < 3 {
		t.Errorf("only %v", categories)
	}
}

// A test is told what its own machine was short of while it ran, and nothing else.
func TestWhatTheMachineWasShortOf(t *testing.T) {
	at := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	short := func(from, to int, text string) e2e.ShortTime {
		return e2e.ShortTime{From: at.Add(time.Duration(from) * time.Second), To: at.Add(time.Duration(to) * time.Second), What: "cpu", Text: text}
	}
	docs := []e2e.ShardRun{
		{Index: 0, Pressure: []e2e.ShortTime{short(0, 9, "another machine")}},
		{Index: 1, Pressure: []e2e.ShortTime{short(0, 1, "too early"), short(4, 6, "cpu"), short(7, 20, "memory"), short(8, 8, "cpu"), short(14, 20, "too late")}},
	}
	failed := e2e.Attempt{Outcome: e2e.Failed, Shard: 1, Started: at.Add(3 * time.Second), Seconds: 10}
	if got := shortOf(&e2e.TestResult{Attempts: []e2e.Attempt{{Outcome: e2e.Passed, Shard: 0, Started: at}, failed}}, docs); got != "cpu; memory" {
		t.Errorf("got %q", got)
	}
	failed.Started = time.Time{}
	if got := shortOf(&e2e.TestResult{Attempts: []e2e.Attempt{failed}}, docs); got != "" {
		t.Errorf("a test of an unknown time: %q", got)
	}
	if got := shortOf(&e2e.TestResult{}, docs); got != "" {
		t.Errorf("a test that never ran: %q", got)
	}
}

// The rules of e2e.expect that the events broke are evidence of the failure; rules that cannot be read or checked say so.
func TestBrokenExpectationsAreEvidence(t *testing.T) {
	property := func(name, text string) e2e.Property { return e2e.Property{Name: "e2e." + name, Value: text} }
	for _, tt := range []struct {
		name       string
		properties []e2e.Property
		want       []string
	}{
		{"none", []e2e.Property{property("events", "A")}, nil},
		{"kept", []e2e.Property{property("expect", "A < B"), property("events", "A, B")}, nil},
		{"broken", []e2e.Property{property("expect", "A < B; once A"), property("events", "A, A")},
			[]string{"missing: broken rule A < B: B is missing", "missing: broken rule once A: A came 2 times"}},
		{"unreadable", []e2e.Property{property("expect", "sometimes A")},
			[]string{`triage: e2e.expect cannot be read: rule 1 is "sometimes A"; write A < B, once A, never A or eventually A`}},
		{"no events", []e2e.Property{property("expect", "once A")}, []string{"triage: e2e.expect is not checked: the test left no e2e.events"}},
	} {
		test := e2e.TestResult{Attempts: []e2e.Attempt{{Outcome: e2e.Failed, Evidence: e2e.StatedEvidence(tt.properties)}}}
		explain(&test, triage.Input{}, triage.Result{})
		var got []string
		for _, ev := range test.Evidence {
			if ev.Source == "e2e.expect" && (ev.Kind != e2e.EvidenceProperty) {
				got = append(got, string(ev.Kind)+": "+ev.Text)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}
