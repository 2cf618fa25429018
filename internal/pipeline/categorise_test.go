package pipeline

import (
	"context"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/triage"
)

// saysAlways is a triage that calls every failure the same.
type saysAlways struct {
	category   e2e.Category
	confidence e2e.Confidence
}

func (s saysAlways) Within(_ context.Context, inputs []triage.Input) ([]triage.Result, []e2e.Cluster, error) {
	list := make([]triage.Result, len(inputs))
	for i, in := range inputs {
		list[i] = triage.Result{ID: in.ID, Category: s.category, Confidence: s.confidence, Cause: "stub", NextStep: "none", Evidence: []string{"stub"}}
	}
	return list, []e2e.Cluster{{ID: "one", Category: s.category}}, nil
}

// judgement is all of a result that decides something, without what explains it.
func judgement(t *rapid.T, r e2e.Result) string {
	for i := range r.Tests {
		x := &r.Tests[i]
		x.Category, x.Cause, x.Confidence, x.NextStep, x.Evidence, x.History = "", "", "", "", nil, nil
	}
	r.Clusters = nil
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Triage comes after the verdict: whatever it says, the verdict stays byte by byte, and
// so does everything else that decides.
func TestTriageCannotChangeAVerdict(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawnSession(t, rt)
		docs := greenDocs(s, 1)
		for i := range docs {
			if i == 0 || rapid.Bool().Draw(rt, "another fault") {
				spoil(rt, &docs[i])
			}
		}
		ev := evidence{plan: s.plan, local: true, documents: localDocuments(docs)}
		first, _ := s.judge(t.Context(), ev, nil)
		want := judgement(rt, first.result)
		for _, c := range append(e2e.Categories(), "", "odd") {
			for _, confidence := range []e2e.Confidence{e2e.ConfidenceHigh, e2e.ConfidenceLow, ""} {
				plain, _ := s.judge(t.Context(), ev, nil)
				r, _ := s.explained(t.Context(), saysAlways{c, confidence}, plain.result, history.Stats{}, plain.docs)
				if got := judgement(rt, r); got != want {
					rt.Fatalf("%s (%s) changed the result:\n%s\n%s", c, confidence, want, got)
				}
			}
		}
	})
}

// A lost test may have another name each time its file is loaded. That is said only where nothing else explains it.
func TestLostTestsThatMayBeRenamed(t *testing.T) {
	ran := e2e.TestResult{Test: e2e.Test{ID: "s/a::1", Suite: "s", File: "a"}, Outcome: e2e.Passed, Attempts: []e2e.Attempt{{Outcome: e2e.Passed}}}
	elsewhere := ran
	elsewhere.File = "b"
	for name, tc := range map[string]struct {
		others   []e2e.TestResult
		problems []*e2e.Problem
		want     bool
	}{
		"others of its file ran":  {[]e2e.TestResult{ran}, []*e2e.Problem{{Code: e2e.CodeReportDamaged, Note: true}}, true},
		"its process ended":       {[]e2e.TestResult{ran}, []*e2e.Problem{{Code: e2e.CodeRunnerExit, LosesEvidence: true}}, false},
		"nothing of its file ran": {[]e2e.TestResult{elsewhere}, nil, false},
	} {
		lost := e2e.TestResult{Test: e2e.Test{ID: "s/a::2", Suite: "s", File: "a"}, Outcome: e2e.Lost}
		if got := renamed(&lost, tc.problems, reportedFiles(append(tc.others, lost))); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
