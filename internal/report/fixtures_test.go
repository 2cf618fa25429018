package report

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/golden"
)

// compare compares text with testdata/<name>.
func compare(t *testing.T, name, got string) {
	t.Helper()
	golden.File(t, filepath.Join("testdata", name), got)
}

var began = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func at(s float64) time.Time { return began.Add(time.Duration(s * float64(time.Second))) }

// fixture builds results as a run leaves them.
type fixture struct{ e2e.Result }

func newFixture() *fixture {
	return &fixture{e2e.Result{
		Schema: e2e.ResultSchema,
		Run: e2e.Run{ID: "e2e-1773480413000-6f1c2d3e-0000-4000-8000-000000000001", Stage: "pr", Target: "preview", Blocks: true, Select: "smoke or api",
			Event:       "pull_request",
			Subject:     e2e.Subject{Repository: "acme/cases", SHA: "0123456789abcdef0123456789abcdef01234567", Ref: "refs/pull/42/merge"},
			PullRequest: 42, WorkflowRun: "7001",
			WorkflowAttempt: 1,
			URL:             "https://github.com/acme/cases/actions/runs/7001", Version: "1.0.0", Started: began, Finished: at(41.5)},
		Gates: []e2e.Gate{
			healthyGate("case-api", "http", "http://127.0.0.1:8080/health"), healthyGate("build", "http", "http://127.0.0.1:8080/info"),
			healthyGate("broker", "tcp", "127.0.0.1:9092"),
		},
		Plan:    e2e.PlanSummary{Digest: "d", Shards: 2, Makespan: 34, Guessed: 1},
		Budgets: []e2e.Budget{{Scope: "stage", Name: "pr", Limit: 180, Used: 41.5}, {Scope: "journey", Name: "case-submission", Limit: 60, Used: 12.4}},
		Verdict: e2e.Verdict{State: e2e.VerdictPassed, Reasons: []e2e.Reason{}},
	}}
}

func healthyGate(name, kind, target string) e2e.Gate {
	return e2e.Gate{Name: name, Kind: kind, Required: true, State: e2e.Healthy, Target: target, Attempts: 2, Seconds: 2.1, Expected: "status 200",
		Observed: "status 200",
		Timeline: []e2e.Span{
			{From: at(0), To: at(2), State: e2e.Unhealthy, Observed: "connection refused", Probes: 1},
			{From: at(2), To: at(2), State: e2e.Healthy, Observed: "status 200", Probes: 1},
			{From: at(4), To: at(41), State: e2e.Healthy, Observed: "status 200", Probes: 18, Watch: true},
		}}
}

// test adds a test of a suite with one attempt.
func (f *fixture) test(name, owner string, criticality e2e.Criticality, outcome e2e.Outcome, s float64) *e2e.TestResult {
	t := e2e.TestResult{
		Test: e2e.Test{ID: "case-journeys/submission_test.go::" + name, Suite: "case-journeys", Framework: "gotest", File: "submission_test.go",
			Line: 10 + len(f.Tests), Name: name,
			Class: "github.com/acme/cases/e2e", Owner: owner, Journey: "case-submission", Criticality: criticality,
			Tags: []string{"api", "journey:case-submission"}, Unit: "case-journeys"},
		Outcome: outcome, Effect: e2e.EffectNothing, Attempts: []e2e.Attempt{},
	}
	if outcome == e2e.Passed || outcome == e2e.Failed || outcome == e2e.Skipped || outcome == e2e.Flaky {
		first := outcome
		if outcome == e2e.Flaky {
			first = e2e.Failed
		}
		t.Attempts = append(t.Attempts, e2e.Attempt{N: 1, Outcome: first, Source: e2e.SourceFirst, WorkflowAttempt: 1, Shard: len(f.Tests) % 2,
			Started: at(5), Seconds: s})
	}
	f.Tests = append(f.Tests, t)
	return &f.Tests[len(f.Tests)-1]
}

func (f *fixture) passing(n int) {
	for i := range n {
		f.test(fmt.Sprintf("TestPasses%02d", i), "case-platform", e2e.ReleaseBlocking, e2e.Passed, 0.2*float64(i+1))
	}
}

// past says what earlier runs know of the nth test.
func (f *fixture) past(n int, state, text string) {
	f.Tests[n].History = &e2e.TestHistory{State: state, Text: text, Runs: 20}
}

// shards fills in what the shards did.
func (f *fixture) shards() {
	f.Plan.Tests = len(f.Tests)
	for i := range 2 {
		unit := e2e.UnitRun{Unit: "case-journeys", Suite: "case-journeys", Shard: i, Attempt: 1, Command: []string{"go", "test"}, Ended: "exited",
			Offset: 4 + float64(i), Seconds: 28 - 9*float64(i), MoreFiles: 12_345 * i,
			Log: fmt.Sprintf("units/%d-001-case-journeys-1/output.log", i)}
		f.Shards = append(f.Shards, e2e.ShardResult{Index: i, Name: fmt.Sprintf("case-platform-%d", i), Attempt: 1, Owners: []string{"case-platform"},
			Tests: len(f.Tests) / 2, Expected: 25,
			Seconds: unit.Seconds, State: "complete", Units: []e2e.UnitRun{unit,
				{Unit: "case-journeys", Suite: "case-journeys", Shard: i, Attempt: 2, Ended: "exited", Offset: 34, Seconds: 5, Exit: i}}})
	}
}

// fail turns a test into a failure with its rerun and evidence.
func fail(t *e2e.TestResult, category e2e.Category, message string) {
	t.Effect, t.Category, t.Confidence, t.Cause = e2e.Blocks, category, e2e.ConfidenceHigh, "the product's answer is wrong"
	t.Why, t.NextStep = "a failing release-blocking test", "look at the change of the worker that accepts cases; the case is submitted and never accepted"
	t.Attempts[0].Message, t.Attempts[0].Type = message, "assertion"
	t.Attempts[0].Details = "submission_test.go:41: " + message + "\n    goroutine 12 [running]:\n    e2e.TestSubmit()\n"
	t.Attempts[0].At, t.Attempts[0].Tracked = e2e.Place("e2e/"+t.File, t.Line), true
	t.Attempts[0].Files = []string{"units/0-001-case-journeys-1/evidence/case.json", "units/0-001-case-journeys-1/output.log"}
	t.Attempts[0].Correlation = "e2e-1769851200000-x-s0-a1"
	t.Attempts[0].Links = []e2e.Link{{Name: "logs", URL: "https://logs.example/?q=e2e-1769851200000-x-s0-a1"},
		{Name: "trace", URL: "https://trace.example/4bf92f3577b34da6a3ce929d0e0e4736"}}
	again := t.Attempts[0]
	again.N, again.Source, again.Seconds, again.Files = 2, e2e.SourceDiagnostic, again.Seconds+0.1, []string{"units/0-002-case-journeys-2/output.log"}
	t.Attempts = append(t.Attempts, again)
	t.Rerun = &e2e.RerunRecord{ID: t.ID, Done: true, Reason: "one diagnostic rerun"}
	t.Evidence = []e2e.Evidence{
		{Kind: e2e.EvidenceTriage, Text: "an assertion on the product's state failed twice", Source: "rule assertion-on-outcome"},
		{Kind: e2e.EvidenceExpected, Text: "state ACCEPTED within 5s", Source: "property e2e.expected"},
		{Kind: e2e.EvidenceActual, Text: "state SUBMITTED after 5.0s", Source: "property e2e.actual"},
		{Kind: e2e.EvidenceState, Text: "case 4711: SUBMITTED, audit trail of 2 entries", Source: "property e2e.state"},
		{Kind: e2e.EvidenceTrace, Text: "00-5f2c-01", Source: "property e2e.trace"},
	}
}

func flake(t *e2e.TestResult) {
	t.Effect, t.Why, t.Category, t.Confidence, t.Cause = e2e.Warns, "a flaky release-blocking test: it failed first and passed on the rerun",
		e2e.FlakyTiming, e2e.ConfidenceMedium, "timing"
	t.NextStep = "wait for the condition instead of a fixed time"
	t.Attempts[0].Message = "escalation not visible after 200ms: got [], want [escalation-1]"
	t.Attempts[0].Details, t.Attempts[0].Files = "escalation_test.go:33: escalation not visible after 200ms", []string{"units/1-001-case-journeys-1/output.log"}
	t.Attempts = append(t.Attempts, e2e.Attempt{N: 2, Outcome: e2e.Passed, Source: e2e.SourceDiagnostic, WorkflowAttempt: 1, Shard: t.Attempts[0].Shard,
		Started: at(34), Seconds: 0.9})
	t.Rerun = &e2e.RerunRecord{ID: t.ID, Done: true, Reason: "one diagnostic rerun"}
}

func (f *fixture) reason(code e2e.Code, effect e2e.Effect, text string, tests ...string) {
	f.Verdict.Reasons = append(f.Verdict.Reasons, e2e.Reason{Code: code, Effect: effect, Text: text, Tests: tests})
}

func passedWithFlake() e2e.Result {
	f := newFixture()
	f.passing(10)
	t := f.test("TestEscalation", "case-risk", e2e.ReleaseBlocking, e2e.Flaky, 0.7)
	flake(t)
	f.reason(e2e.CodeFlaky, e2e.Warns, "1 test flaky: failed first, passed on the diagnostic rerun: "+t.ID, t.ID)
	f.test("TestOnlyOnMondays", "", e2e.NonBlocking, e2e.Skipped, 0).Effect = e2e.Informs
	f.shards()
	return f.Result
}

func blockedWithClusters() e2e.Result {
	f := newFixture()
	f.passing(8)
	var ids []string
	for _, name := range []string{"TestSubmit", "TestSubmitTwice", "TestAudit"} {
		t := f.test(name, "case-platform", e2e.ReleaseBlocking, e2e.Failed, 5)
		fail(t, e2e.ProductRegression, "case 4711 is still SUBMITTED after 5s, want ACCEPTED")
		ids = append(ids, t.ID)
	}
	f.Tests[len(f.Tests)-1].Owner = "case-audit"
	f.past(8, "stable", "new, passed in the last 20 runs")
	f.past(9, "stable", "new, passed in the last 20 runs")
	f.past(10, "failing-on-main", "fails on main too since 2026-03-11 (4 runs)")
	smoke := f.test("TestHealthPage", "case-platform", e2e.ReleaseBlockingSmoke, e2e.Failed, 0.4)
	fail(smoke, e2e.Unknown, "page title is empty")
	smoke.Evidence, smoke.NextStep, smoke.Attempts = nil, "", smoke.Attempts[:1]
	smoke.Rerun = &e2e.RerunRecord{ID: smoke.ID, Reason: "12 failures are more than the 10 that may be rerun"}
	info := f.test("TestReportLayout", "", e2e.NonBlocking, e2e.Failed, 1.5)
	fail(info, e2e.TestBug, "selector #total > b not found")
	info.Effect, info.Why = e2e.Informs, "a failing non-blocking test"
	flake(f.test("TestEscalation", "case-risk", e2e.ReleaseBlocking, e2e.Flaky, 0.7))
	f.past(len(f.Tests)-1, "flaky", "flaky in 3 of the last 20 runs")
	soon := f.test("TestExport", "case-import", e2e.ReleaseBlocking, e2e.Passed, 1)
	soon.Quarantine = &e2e.Quarantine{Test: "case-journeys/**::TestExport*", Owner: "case-import", Reason: "exports before the index is there",
		Since: at(-86400 * 20), Deadline: at(86400 * 2), Issue: "https://github.com/acme/cases/issues/71"}
	q := f.test("TestLegacyImport", "case-import", e2e.ReleaseBlocking, e2e.Failed, 9)
	fail(q, e2e.DataCollision, "reference R-1 exists already")
	q.Effect = e2e.Warns
	q.Quarantine = &e2e.Quarantine{Test: q.ID, Owner: "case-import", Reason: "shares one reference over all runs", Since: at(-86400 * 5),
		Deadline: at(86400 * 9), Issue: "https://github.com/acme/cases/issues/77"}
	f.Clusters = []e2e.Cluster{{ID: "c1", Category: e2e.ProductRegression, Cause: "the product's answer is wrong", Confidence: e2e.ConfidenceHigh,
		Title: "case is still SUBMITTED after 5s, want ACCEPTED",
		Tests: ids, Owners: []string{"case-audit", "case-platform"},
		Evidence: []string{"all three wait for ACCEPTED and see SUBMITTED", "the rerun failed in the same way"},
		NextStep: "look at the worker that accepts cases: internal/worker changed in this pull request"}}
	f.Gates[2].Timeline = append(f.Gates[2].Timeline[:2:2], e2e.Span{From: at(4), To: at(12), State: e2e.Healthy, Observed: "connected", Probes: 5, Watch: true},
		e2e.Span{From: at(14), To: at(18), State: e2e.Unhealthy, Observed: "connection refused", Probes: 3, Watch: true},
		e2e.Span{From: at(20), To: at(41), State: e2e.Healthy, Observed: "connected", Probes: 10, Watch: true})
	f.Budgets[1] = e2e.Budget{Scope: "journey", Name: "case-submission", Limit: 10, Used: 15.4, Over: true,
		Text: "journey case-submission took 15.4 s of 10 s: TestSubmit waits 5 s for a state that never comes; look at waits before adding shards"}
	f.Problems = []e2e.Problem{{Code: e2e.CodeRunnerExit, Text: "the runner of batch case-journeys exited 1, as it does when tests fail",
		Unit: "case-journeys", File: "units/0-001-case-journeys-1/output.log"}}
	f.Verdict = e2e.Verdict{State: e2e.VerdictFailed, Blocks: true}
	f.reason(e2e.CodeTestFailed, e2e.Blocks, "4 tests failed: "+strings.Join(ids, ", "), append(ids, smoke.ID)...)
	f.reason(e2e.CodeBudget, e2e.Warns, f.Budgets[1].Text)
	f.reason(e2e.CodeGateLost, e2e.Warns, "gate broker was unhealthy while the suites ran, from 09:27:07: connection refused")
	f.shards()
	f.Shards[1].State = "partial"
	return f.Result
}

func gateShut() e2e.Result {
	f := newFixture()
	f.Gates[0] = e2e.Gate{Name: "case-api", Kind: "http", Required: true, State: e2e.Unhealthy, Finality: e2e.Never,
		Target: "http://127.0.0.1:8080/health", Attempts: 4, Seconds: 6.2,
		Expected: "status 200 and $.status = UP", Observed: "status 404", Reason: "the address answers 404; look at the path in gates.checks[0].http.url",
		Timeline: []e2e.Span{{From: at(0), To: at(6.2), State: e2e.Unhealthy, Observed: "status 404", Probes: 4}}}
	for i := range 6 {
		t := f.test(fmt.Sprintf("TestPasses%02d", i), "case-platform", e2e.ReleaseBlocking, e2e.NotRun, 0)
		t.Effect, t.Why, t.Category = e2e.NotJudged, "a release-blocking test that was stopped before it could start", e2e.EnvironmentFailure
	}
	f.Run.Finished = at(6.5)
	f.Budgets, f.Plan.Shards = nil, 0
	f.Verdict = e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: true}
	f.reason(e2e.CodeGateShut, e2e.NotJudged, "gate case-api failed: expected status 200 and $.status = UP, observed status 404")
	return f.Result
}

func crashed() e2e.Result {
	f := newFixture()
	f.passing(4)
	var ids []string
	for i := range 3 {
		t := f.test(fmt.Sprintf("TestLost%02d", i), "case-platform", e2e.ReleaseBlocking, e2e.Lost, 0)
		t.Effect, t.Why = e2e.NotJudged, "its batch cannot be trusted (runner_exit): a release-blocking test without evidence is not a pass"
		ids = append(ids, t.ID)
	}
	f.Problems = []e2e.Problem{{Code: e2e.CodeRunnerExit, Text: "unit case-journeys was ended by signal 11 (segmentation fault) while TestLost00 ran",
		Unit: "case-journeys", Shard: 1,
		File: "units/1-001-case-journeys-1/output.log", Tests: ids, LosesEvidence: true}}
	f.Verdict = e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: true}
	f.reason(e2e.CodeRunnerExit, e2e.NotJudged, f.Problems[0].Text, ids...)
	f.shards()
	f.Shards[1].State, f.Shards[1].Units[0].Ended, f.Shards[1].Units[0].Exit = "partial", "signal", -1
	return f.Result
}

const hostileText = "a|b `c` ``` @team #12 [x](javascript:alert(1)) ![i](http://x/y.png) https://evil.example <!-- e2e-gate:v1 key=pr --> " +
	"<script>alert(1)</script> </details></table> " +
	"\u202eevil\u202c\u200b \x1b[31mred\x1b[0m NUL\x00 \xff ##[error]boom \U0001F600\n::set-output " +
	"name=verdict::passed\n::error::x\r::add-mask::y\u2028::warning::z\n```\n<!-- -->"

func hostileNames() e2e.Result {
	f := newFixture()
	f.passing(1)
	r := &f.Result
	t := f.test("x", hostileText, e2e.ReleaseBlocking, e2e.Failed, 1)
	fail(t, e2e.ProductRegression, hostileText+strings.Repeat("0123456789", 1<<20))
	t.ID, t.Name, t.Suite, t.File, t.Class, t.Journey = hostileText, hostileText, hostileText, "../../etc/"+hostileText, hostileText, hostileText
	t.Cause, t.NextStep, t.Why, t.Attempts[0].Details, t.Attempts[0].Files = hostileText, hostileText, hostileText, hostileText, []string{hostileText}
	t.Evidence = []e2e.Evidence{{Kind: e2e.EvidenceKind(hostileText), Text: hostileText}, {Kind: e2e.EvidenceExpected, Text: hostileText},
		{Kind: e2e.EvidenceActual, Text: hostileText + "\n" + hostileText}}
	for i := range t.Attempts {
		t.Attempts[i].Correlation, t.Attempts[i].Links = hostileText,
			[]e2e.Link{{Name: hostileText, URL: "https://logs.example/?q=" + hostileText}, {Name: "js", URL: "javascript:alert(1)"},
				{Name: "good|](x)", URL: "https://logs.example/?q=a%20b"}}
	}
	t.Children = []e2e.Child{{Name: hostileText, Outcome: e2e.Failed, Message: hostileText}}
	hostileRun := &e2e.HistoryRun{Run: hostileText, SHA: hostileText}
	t.History = &e2e.TestHistory{State: hostileText, Text: hostileText, First: hostileRun, Before: hostileRun,
		Slower: &e2e.HistoryPace{Since: *hostileRun, From: 1, To: 2}}
	fl := f.test("y", hostileText, e2e.ReleaseBlocking, e2e.Flaky, 1)
	flake(fl)
	fl.ID, fl.Attempts[0].Message, fl.NextStep = hostileText+"y", hostileText, hostileText
	q := f.test("z", hostileText, e2e.ReleaseBlocking, e2e.Failed, 1)
	fail(q, e2e.Category(hostileText), hostileText)
	q.ID, q.Quarantine = hostileText+"z", &e2e.Quarantine{Test: hostileText, Owner: hostileText, Reason: hostileText, Issue: "javascript:alert(1)"}
	r.Run.Stage, r.Run.Key, r.Run.URL, r.Run.ID, r.Run.SHA, r.Run.Target, r.Run.Ref = hostileText, hostileText, "javascript:alert(1)", hostileText,
		hostileText, hostileText, hostileText
	r.Gates = append(r.Gates, e2e.Gate{Name: hostileText, Kind: hostileText, Required: false, State: e2e.GateState(hostileText), Observed: hostileText,
		Expected: hostileText, Reason: hostileText, Target: hostileText,
		Timeline: []e2e.Span{{From: at(4), To: at(6), State: e2e.GateState(hostileText), Observed: hostileText, Probes: 2, Watch: true}}})
	r.Clusters = []e2e.Cluster{{ID: "c", Title: hostileText, Category: e2e.TestBug, Tests: []string{hostileText}, Owners: []string{hostileText},
		Evidence: []string{hostileText}, NextStep: hostileText}}
	r.Problems = []e2e.Problem{{Code: e2e.Code(hostileText), Text: hostileText, File: hostileText, Unit: hostileText},
		{Code: e2e.CodeToolError, Text: hostileText, LosesEvidence: true}}
	r.Budgets = []e2e.Budget{{Scope: "stage", Name: hostileText, Limit: 1, Used: 2, Over: true, Text: hostileText}}
	r.Verdict = e2e.Verdict{State: e2e.VerdictFailed, Blocks: true}
	f.reason(e2e.CodeTestFailed, e2e.Blocks, hostileText, hostileText)
	f.shards()
	r.Shards[0].Name, r.Shards[0].State, r.Shards[0].Units[0].Unit, r.Shards[0].Units[0].Ended = hostileText, hostileText, hostileText, hostileText
	return f.Result
}

// comparedFailures are failures of which the text says what was compared, or begins with a line that every failure has.
func comparedFailures() e2e.Result {
	f := newFixture()
	f.passing(1)
	for _, c := range []struct{ name, message, details, expected, actual string }{
		{"document", "expect(received).toEqual(expected) // deep equality\n\n- Expected  - 1\n+ Received  + 1\n\n  Object {\n-   \"state\": \"B\",\n+   \"state\": \"A\",\n  }",
			"", "Object {\n  \"id\": 1,\n  \"state\": \"APPROVED\",\n  \"lines\": 2,\n}", "Object {\n  \"id\": 1,\n  \"state\": \"APPLIED\",\n  \"lines\": 2,\n}"},
		{"status", "status of the order ==> expected: <200> but was: <503>", "", "200", "503"},
		{"long", "expected: <" + strings.Repeat("x", 200) + "a> but was: <" + strings.Repeat("x", 200) + "b>", "",
			strings.Repeat("x", 200) + "a", strings.Repeat("x", 200) + "b"},
		{"timeout", "Test timeout of 30000ms exceeded.", "Test timeout of 30000ms exceeded.\n\nError: locator.click: Test timeout of 30000ms exceeded.\n" +
			"Call log:\n  - waiting for getByRole('button', { name: 'Pay' })\n", "", ""},
		{"place", "cart.spec.ts:48:61", "Error: the cart is empty\n    at cart.spec.ts:48:61", "", ""},
	} {
		t := f.test(c.name, "shop", e2e.ReleaseBlocking, e2e.Failed, 1)
		fail(t, e2e.ProductRegression, c.message)
		t.Attempts[0].Details, t.Evidence = c.details, nil
		t.Attempts = t.Attempts[:1]
		if c.expected != "" {
			t.Evidence = e2e.WithCompared(nil, c.expected, c.actual)
		}
	}
	f.Verdict = e2e.Verdict{State: e2e.VerdictFailed, Blocks: true}
	f.reason(e2e.CodeTestFailed, e2e.Blocks, "5 tests failed")
	f.shards()
	return f.Result
}

// oneOfEachCategory has a failure of each category, with what the gate typically knows of it.
func oneOfEachCategory() e2e.Result {
	f := newFixture()
	f.passing(2)
	add := func(name string, category e2e.Category, confidence e2e.Confidence, cause, next, message string, facts ...e2e.Evidence) *e2e.TestResult {
		t := f.test(name, "shop", e2e.ReleaseBlocking, e2e.Failed, 1)
		fail(t, category, message)
		t.Confidence, t.Cause, t.NextStep, t.Evidence = confidence, cause, next, facts
		t.Attempts[0].Details, t.Attempts[1].Details = "shop.spec.ts:48: "+message, "shop.spec.ts:48: "+message
		return t
	}
	fact := func(kind e2e.EvidenceKind, text, source string) e2e.Evidence {
		return e2e.Evidence{Kind: kind, Text: text, Source: source}
	}
	add("TestTotals", e2e.ProductRegression, e2e.ConfidenceHigh, "product: wrong outcome", "compare expected and actual with the change under test",
		"expect(received).toEqual(expected) // deep equality", append(e2e.WithCompared(nil, "Object {\n  \"total\": 125,\n  \"currency\": \"EUR\",\n}",
			"Object {\n  \"total\": 120,\n  \"currency\": \"EUR\",\n}"), fact(e2e.EvidenceNetwork, "POST https://shop.example/api/pay?…: 500 Internal Server Error", "trace.zip"),
			fact(e2e.EvidenceTriage, "rerun: failed again", ""))...)
	add("TestLocator", e2e.TestBug, e2e.ConfidenceMedium, "test: locator", "use a locator that names one element",
		"locator.click: Error: strict mode violation: getByText('Pay') resolved to 2 elements", fact(e2e.EvidenceAction, "Click getByText('Pay')", "trace.zip"))
	add("TestHealth", e2e.EnvironmentFailure, e2e.ConfidenceHigh, "gate case-api was unhealthy", "repair case-api, then run again",
		"connect ECONNREFUSED 127.0.0.1:8080", fact(e2e.EvidenceHealth, "gate case-api: unhealthy from +12 s to +31 s, status 503", "gate case-api"))
	add("TestConflict", e2e.DataCollision, e2e.ConfidenceMedium, "data: conflict", "make the data unique with E2E_DATA_PREFIX",
		"expected 201, got 409", append(e2e.WithCompared([]e2e.Evidence{fact(e2e.EvidenceEntity, "CASE-123", "property e2e.entity")}, "201", "409"),
			fact(e2e.EvidenceLogs, "id=e2e-1 refused: CASE-123 exists", "log of shop"))...)
	add("TestCarrier", e2e.ExternalDependency, e2e.ConfidenceMedium, "external: rate limit", "simulate the carrier at the boundary",
		"carrier.example answered 429 Too Many Requests", fact(e2e.EvidenceNetwork, "GET https://carrier.example/rates: 429 Too Many Requests", "net.har"))
	add("TestWords", e2e.Unknown, e2e.ConfidenceLow, "", "", "Test timeout of 30000ms exceeded.",
		fact(e2e.EvidenceTriage, "no words of the failure are known; a trace or a screenshot would decide", ""))
	fl := f.test("TestEscalates", "shop", e2e.ReleaseBlocking, e2e.Flaky, 1)
	flake(fl)
	fl.Evidence = []e2e.Evidence{fact(e2e.EvidenceEvents, "CASE_CREATED, CASE_SUBMITTED", "property e2e.events"), fact(e2e.EvidenceTriage, "rerun: passed", "")}
	f.Verdict = e2e.Verdict{State: e2e.VerdictFailed, Blocks: true}
	f.reason(e2e.CodeTestFailed, e2e.Blocks, "6 tests failed")
	f.shards()
	return f.Result
}

func manyFailures() e2e.Result {
	f := newFixture()
	f.passing(3)
	var ids []string
	for i := range 500 {
		t := f.test(fmt.Sprintf("TestFails%03d", i), fmt.Sprintf("team-%d", i%7), e2e.ReleaseBlocking, e2e.Failed, 1)
		fail(t, e2e.ProductRegression, fmt.Sprintf("field %d of the case is empty", i))
		ids = append(ids, t.ID)
	}
	f.Verdict = e2e.Verdict{State: e2e.VerdictFailed, Blocks: true}
	f.reason(e2e.CodeTestFailed, e2e.Blocks, "500 tests failed: "+ids[0]+" and 499 more", ids...)
	f.shards()
	return f.Result
}

// results are all fixtures by the name of their golden files.
func results() map[string]e2e.Result {
	return map[string]e2e.Result{
		"passed-with-flake": passedWithFlake(), "blocked": blockedWithClusters(), "gate-shut": gateShut(), "crashed": crashed(),
		"compared": comparedFailures(), "hostile": hostileNames(), "many": manyFailures(), "zero": {},
	}
}
