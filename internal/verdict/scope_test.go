package verdict

import (
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// scopedWorld is a world in which shard 0 saw the gate of service payment fail.
func scopedWorld(needs ...string) In {
	in := world(1)
	shut := e2e.Gate{Name: "payment", Required: true, State: e2e.Unhealthy, Scope: &e2e.Scope{Services: []string{"payment"}}}
	in.Plan.Gates = []e2e.Gate{shut}
	for i := range in.Plan.Tests {
		in.Plan.Tests[i].Needs = needs
	}
	in.Documents[0].Shard.Gates = []e2e.Gate{shut}
	return in
}

func TestATestThatRanWithoutAGateThatItNeeds(t *testing.T) {
	for _, tc := range []struct {
		needs []string
		lost  bool
	}{{[]string{"case"}, false}, {[]string{"case", "payment"}, true}, {nil, true}} {
		r := Of(scopedWorld(tc.needs...)).Result
		at := slices.IndexFunc(r.Problems, func(p e2e.Problem) bool { return p.Code == e2e.CodeGateShut })
		if (at >= 0) != tc.lost || tc.lost && (!r.Problems[at].LosesEvidence || len(r.Problems[at].Tests) == 0) {
			t.Errorf("needs %v: %+v", tc.needs, r.Problems)
		}
		if tc.lost && r.Verdict.State != e2e.VerdictNotJudged {
			t.Errorf("needs %v: %+v", tc.needs, r.Verdict)
		}
	}
}

// What the plan saw of such a gate is replaced by what shards saw; one that saw it fail decides.
func TestGatesOfSomeTestsAreWaitedForByEachShard(t *testing.T) {
	gate := func(state e2e.GateState) e2e.Gate {
		return e2e.Gate{Name: "payment", Required: true, State: state, Scope: &e2e.Scope{Services: []string{"payment"}}}
	}
	for _, tc := range []struct {
		shards []e2e.GateState
		want   e2e.GateState
	}{
		{nil, e2e.Unhealthy}, {[]e2e.GateState{e2e.Healthy}, e2e.Healthy}, {[]e2e.GateState{e2e.Healthy, e2e.Unhealthy}, e2e.Unhealthy},
		{[]e2e.GateState{e2e.Unhealthy, e2e.Healthy}, e2e.Unhealthy}, {[]e2e.GateState{e2e.Healthy, e2e.Healthy}, e2e.Healthy},
	} {
		var docs []Document
		for _, state := range tc.shards {
			docs = append(docs, Document{Shard: e2e.ShardRun{Gates: []e2e.Gate{gate(state)}}})
		}
		if got := mergeGates([]e2e.Gate{gate(e2e.Unhealthy)}, docs); got[0].State != tc.want {
			t.Errorf("%v: %s", tc.shards, got[0].State)
		}
	}
}

func TestAlibisAreOfWhatATestNeeds(t *testing.T) {
	of := &e2e.Scope{Services: []string{"payment"}, Journeys: []string{"payout"}}
	a := alibis{gates: []e2e.Gate{{Name: "payment", Scope: of}, {Name: "database"}}, ends: []end{{ProcessEnd: e2e.ProcessEnd{Name: "payment", Scope: of}}}}
	for _, tc := range []struct {
		test e2e.Test
		all  bool
	}{
		{e2e.Test{Needs: []string{"case"}}, false}, {e2e.Test{Needs: []string{"payment"}}, true}, {e2e.Test{}, true},
		{e2e.Test{Needs: []string{"case"}, Journey: "payout"}, true}, {e2e.Test{Needs: []string{"case"}, Journey: "review"}, false},
	} {
		n := a.needed(&tc.test)
		if all := len(n.gates) == 2 && len(n.ends) == 1; all != tc.all || !all && (len(n.gates) != 1 || n.gates[0].Name != "database" || len(n.ends) != 0) {
			t.Errorf("%+v: %+v", tc.test, n)
		}
	}
	if len(a.gates) != 2 || a.gates[0].Name != "payment" {
		t.Errorf("the gates themselves were changed: %+v", a.gates)
	}
}

// A dependency that is down excuses a test that never ran, and only if nothing else kept it from running.
func TestATestThatWaitsForADependency(t *testing.T) {
	of := func(name string, dependency bool) e2e.Gate {
		return e2e.Gate{Name: name, Required: true, State: e2e.Unhealthy, Dependency: dependency, Scope: &e2e.Scope{Services: []string{name}}}
	}
	type gates = []e2e.Gate
	const waits = e2e.CodeDependency
	down, ours := of("sandbox", true), of("case", false)
	for _, tc := range []struct {
		name     string
		gates    []e2e.Gate
		code     e2e.Code
		needs    []string
		excusing map[string][]string
		before   bool
		want     string
		why      string // it excuses nothing
		witness  bool   // one says that it failed in an earlier attempt
	}{
		{"it is down", gates{down}, waits, []string{"sandbox"}, nil, false, "sandbox", "", false},
		{"the suite needs it by the base", gates{down}, waits, []string{"sandbox"}, map[string][]string{"s": {"sandbox"}}, false, "sandbox", "", false},
		{"only the change needs it", gates{down}, waits, []string{"sandbox"}, map[string][]string{"s": {"case"}}, false, "", "on a change", false},
		{"a suite of the change", gates{down}, waits, []string{"sandbox"}, map[string][]string{}, false, "", "on a change", false},
		{"stopped for another reason", gates{down}, e2e.CodeTimeout, []string{"sandbox"}, nil, false, "", "", false},
		{"our own gate failed too", gates{down, ours}, waits, []string{"case", "sandbox"}, nil, false, "", "gate case failed too", false},
		{"our own gate that it does not need", gates{down, ours}, waits, []string{"sandbox"}, nil, false, "sandbox", "", false},
		{"a gate of ours", gates{ours}, waits, []string{"case"}, nil, false, "", "gate case failed too", false},
		{"it ran in an earlier attempt", gates{down}, waits, []string{"sandbox"}, nil, true, "", "earlier attempt", false},
		{"a witness says that it failed in an earlier attempt", gates{down}, waits, []string{"sandbox"}, nil, false, "", "earlier attempt", true},
	} {
		in := In{Run: e2e.Run{WorkflowRun: "7", WorkflowAttempt: 2}, Local: true, Excusing: tc.excusing, Gates: tc.gates, Plan: &e2e.Plan{
			Tests:  []e2e.PlannedTest{{Test: e2e.Test{ID: "s::a", Suite: "s", Needs: tc.needs}}},
			Shards: []e2e.PlanShard{{Tests: []string{"s::a"}}},
		}}
		in.Documents = []Document{{Shard: e2e.ShardRun{Complete: true, Gates: tc.gates, NotRun: []e2e.NotRunTest{{ID: "s::a", Code: tc.code}}}}}
		if tc.before {
			in.Earlier.Attempts = map[string][]e2e.Attempt{"s::a": {{Outcome: e2e.Failed, Source: e2e.SourceFirst, WorkflowAttempt: 1}}}
		}
		if tc.witness {
			in.Earlier.Failed = []string{e2e.DigestOfID("s::a")}
		}
		r := Of(in).Result
		got := r.Tests[0]
		if !strings.Contains(got.Unexcused, tc.why) || (got.Unexcused == "") != (tc.why == "") {
			t.Errorf("%s: excuses nothing, because %q", tc.name, got.Unexcused)
		}
		if got.Dependency != tc.want || got.Outcome != e2e.NotRun || r.Verdict.State != e2e.VerdictNotJudged {
			t.Errorf("%s: %q, %s, %s", tc.name, got.Dependency, got.Outcome, r.Verdict.State)
		}
	}
}
