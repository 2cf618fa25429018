package report

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// A failure in a process that ended badly is no reason of its own for a run that is not judged.
func TestABadEndIsNamedBeforeTheFailuresInIt(t *testing.T) {
	got := missing(e2e.Result{Verdict: e2e.Verdict{Reasons: []e2e.Reason{
		{Code: e2e.CodeTestFailed, Effect: e2e.NotJudged, Tests: []string{"a"}, Text: "a test failed"},
		{Code: e2e.CodeRunnerExit, Effect: e2e.NotJudged, Tests: []string{"a", "b"}, Text: "the runner ended with status 7"},
	}}})
	if !strings.Contains(got, "status 7") {
		t.Error(got)
	}
}

// What to do follows what the headline says: the batch that ended badly comes before the flaky test in it.
func TestWhatToDoIsAboutTheCause(t *testing.T) {
	f := newFixture()
	flaky := f.test("TestFlaky", "case-platform", e2e.ReleaseBlocking, e2e.Flaky, 1)
	flaky.Effect, flaky.NextStep = e2e.NotJudged, "poll for the condition"
	end := e2e.Problem{Code: e2e.CodeRunnerExit, LosesEvidence: true, Text: "the runner ended with status 7", Tests: []string{flaky.ID}, File: "output.log"}
	f.Problems = []e2e.Problem{end}
	f.Clusters = []e2e.Cluster{{ID: "c", Tests: []string{flaky.ID}}}
	f.Verdict = e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: true, Reasons: []e2e.Reason{
		{Code: e2e.CodeFlaky, Effect: e2e.NotJudged, Tests: []string{flaky.ID}, Text: "1 test is flaky"},
		{Code: end.Code, Effect: e2e.NotJudged, Tests: end.Tests, Text: end.Text},
	}}
	if why := HeadlineOf(f.Result).Why; !strings.Contains(why, "status 7") {
		t.Errorf("headline: %s", why)
	}
	if do := todoOf(f.Result); do.Text != nextOf(end) {
		t.Errorf("to do: %+v", do)
	}
	f.Problems, f.Verdict.Reasons = nil, f.Verdict.Reasons[:1]
	if do := todoOf(f.Result); do.Text != flaky.NextStep {
		t.Errorf("to do without the bad end: %+v", do)
	}
}

// A dependency that is down is called one, and its row says why that excuses nothing.
func TestDependencyThatExcusesNothing(t *testing.T) {
	f := newFixture()
	f.passing(2)
	down := healthyGate("payments-sandbox", "http", "https://sandbox.example.com")
	down.Dependency, down.State, down.Scope = true, e2e.Unhealthy, &e2e.Scope{Services: []string{"payments-sandbox"}}
	f.Gates = append(f.Gates, down)
	pay := f.test("TestPay", "payments", e2e.ReleaseBlocking, e2e.NotRun, 0)
	pay.Needs, pay.Effect, pay.Unexcused, pay.NextStep = []string{"payments-sandbox"}, e2e.NotJudged, "the test ran in an earlier attempt", "ask Acme"
	for i := range f.Tests {
		if f.Tests[i].Needs == nil {
			f.Tests[i].Needs = []string{"case-api"}
		}
	}
	f.Verdict = e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: true,
		Reasons: []e2e.Reason{{Code: e2e.CodeGateShut, Effect: e2e.NotJudged, Tests: []string{pay.ID}}}}
	const want = "2 tests judged and passed; 1 not run: payments-sandbox is down (EXTERNAL_DEPENDENCY)"
	if why := HeadlineOf(f.Result).Why; why != want {
		t.Errorf("headline: %s", why)
	}
	found := Findings(f.Result)[0]
	evidence := strings.Join(found.Evidence, "\n")
	if found.Title != "dependency payments-sandbox is down" || found.Category != string(e2e.ExternalDependency) || found.Next != "ask Acme" ||
		!strings.Contains(evidence, "excuses nothing: the test ran in an earlier attempt") {
		t.Errorf("%+v", found)
	}
	pay.Dependency, pay.Unexcused, pay.Why = "payments-sandbox", "", "a test that needs payments-sandbox, which is down"
	if evidence := strings.Join(Findings(f.Result)[0].Evidence, "\n"); !strings.Contains(evidence, "excuses nothing: by the policy (dependency_down)") {
		t.Error(evidence)
	}
	both := down
	both.Name, both.Dependency = "payment-api", false
	f.Gates = append(f.Gates, both)
	if why := HeadlineOf(f.Result).Why; !strings.HasSuffix(why, "gate payment-api failed, payments-sandbox is down (ENVIRONMENT_FAILURE)") {
		t.Errorf("headline of both: %s", why)
	}
}
