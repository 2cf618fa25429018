package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// The triage sequence as it was asked: each question has an answer with its source, or is unknown.
func TestQuestions(t *testing.T) {
	at := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	gate := func(name, kind string, state e2e.GateState) e2e.Gate {
		return e2e.Gate{Name: name, Kind: kind, Required: true, State: e2e.Healthy, Timeline: []e2e.Span{
			{State: state, Watch: true, From: at, To: at.Add(time.Minute)}}}
	}
	attempt := func(n int, outcome e2e.Outcome) e2e.Attempt {
		return e2e.Attempt{N: n, Outcome: outcome, Started: at.Add(time.Second), Seconds: 2}
	}
	row := func(c e2e.Category, cause string, attempts ...e2e.Attempt) e2e.TestResult {
		return e2e.TestResult{Category: c, Cause: cause, Confidence: e2e.ConfidenceHigh, Attempts: attempts}
	}
	evidence := row(e2e.ProductRegression, "product: wrong outcome", attempt(1, e2e.Failed), attempt(2, e2e.Failed))
	evidence.Evidence = []e2e.Evidence{{Kind: e2e.EvidenceRequest, Text: "POST /cases 202", Source: "e2e.request"},
		{Kind: e2e.EvidenceEvents, Text: "Submitted", Source: "e2e.events"},
		{Kind: e2e.EvidenceMissing, Text: "Accepted", Source: "e2e.missing"}, {Kind: e2e.EvidenceActual, Text: "OPEN", Source: "e2e.actual"}}
	down := row(e2e.EnvironmentFailure, "environment: connection refused", attempt(1, e2e.Failed))
	down.Environment = &e2e.Environment{Gate: "db"}
	for _, tt := range []struct {
		name  string
		gates []e2e.Gate
		test  e2e.TestResult
		want  string
	}{
		{"all that a test can leave", []e2e.Gate{gate("api", "http", e2e.Healthy), gate("login", "oidc", e2e.Healthy)}, evidence, `environment healthy: yes (gates api, login)
authentication and set-up: yes (gate login)
request sent and answered: yes (e2e.request)
asynchronous work started: yes (e2e.events)
expected event or audit entry: no (e2e.missing)
projection or UI updated: no (e2e.actual, which is not what was expected)
reproducible: yes (attempt 2 failed too)
data collision: no (triage, high confidence)
known external dependency: no (triage, high confidence)
product, environment or test: product (triage, high confidence)`},
		{"an alibi", []e2e.Gate{gate("api", "http", e2e.Healthy)}, down, `environment healthy: no (gate db)
authentication and set-up: unknown
request sent and answered: no (cause environment: connection refused)
asynchronous work started: unknown
expected event or audit entry: unknown
projection or UI updated: unknown
reproducible: unknown (it did not run again)
data collision: no (triage, high confidence)
known external dependency: no (triage, high confidence)
product, environment or test: environment (triage, high confidence)`},
		{"nothing is known", nil, row(e2e.Unknown, "not clear: element not found", attempt(1, e2e.Failed), attempt(2, e2e.Passed)), `environment healthy: unknown (no gate watched it)
authentication and set-up: unknown
request sent and answered: unknown
asynchronous work started: unknown
expected event or audit entry: unknown
projection or UI updated: no (cause not clear: element not found)
reproducible: no (attempt 2 passed)
data collision: unknown
known external dependency: unknown
product, environment or test: unknown`},
		{"a gate was bad, and the service denied", []e2e.Gate{gate("api", "http", e2e.Degraded)}, row(e2e.DataCollision, "data: access denied", attempt(1, e2e.Failed)),
			`environment healthy: no (gate api)
authentication and set-up: no (cause data: access denied)
request sent and answered: yes (cause data: access denied)
asynchronous work started: unknown
expected event or audit entry: unknown
projection or UI updated: unknown
reproducible: unknown (it did not run again)
data collision: yes (triage, high confidence)
known external dependency: no (triage, high confidence)
product, environment or test: test data (triage, high confidence)`},
	} {
		var lines []string
		for _, q := range questionsOf(e2e.Result{Gates: tt.gates}, &tt.test) {
			lines = append(lines, q.String())
		}
		if diff := cmp.Diff(tt.want, strings.Join(lines, "\n")); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	if s := explainQuestions(e2e.Result{}, &e2e.TestResult{}); len(s.Because) > 0 || s.Answer == "" {
		t.Errorf("%+v", s)
	}
}
