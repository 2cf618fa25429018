package history

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestRecordOfAResult(t *testing.T) {
	doc := e2e.ShardRun{Run: e2e.Run{ID: "e2e-1", Target: "staging", Event: "push", Version: "v1.2.3"}}
	for _, id := range []string{"passed", "failed", "environment", "process", "untrusted"} {
		outcome := e2e.Failed
		if id == "passed" || id == "untrusted" {
			outcome = e2e.Passed
		}
		doc.Tests = append(doc.Tests, e2e.TestRun{ID: id, Attempts: []e2e.Attempt{{Outcome: outcome, Seconds: 1}}})
	}
	judged := func(state e2e.VerdictState, problems ...e2e.Problem) e2e.Result {
		test := func(id string, o e2e.Outcome) e2e.TestResult {
			return e2e.TestResult{Test: e2e.Test{ID: id}, Outcome: o, Effect: e2e.Blocks, Category: e2e.Unknown, Confidence: e2e.ConfidenceLow}
		}
		env, process, untrusted := test("environment", e2e.Failed), test("process", e2e.Failed), test("untrusted", e2e.Passed)
		env.Environment, process.Environment = &e2e.Environment{Gate: "api"}, &e2e.Environment{Process: "db"}
		untrusted.Policy = &e2e.PolicyCell{Row: "lost"}
		return e2e.Result{
			Verdict: e2e.Verdict{State: state, Reasons: []e2e.Reason{{Code: e2e.CodeTestFailed}, {Code: e2e.CodeTestFailed}, {Code: e2e.CodeFlaky}}},
			Tests:   []e2e.TestResult{test("passed", e2e.Passed), test("failed", e2e.Failed), env, process, untrusted}, Problems: problems,
		}
	}
	r := recordOf(doc, nil, judged(e2e.VerdictFailed))
	if r.Verdict != e2e.VerdictFailed || r.Nothing != "" || r.Target != "staging" || r.Event != "push" || r.Version != "v1.2.3" {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]e2e.Code{e2e.CodeTestFailed, e2e.CodeFlaky}, r.Reasons); diff != "" {
		t.Error(diff)
	}
	why := Entry{Effect: e2e.Blocks, Category: e2e.Unknown, Confidence: e2e.ConfidenceLow}
	once := []Attempt{{Outcome: e2e.Failed, Seconds: 1}}
	want := []Entry{
		{ID: "passed", Outcome: e2e.Passed, Seconds: 1},
		{
			ID: "failed", Outcome: e2e.Failed, Effect: why.Effect, Category: why.Category, Confidence: why.Confidence,
			Attempts: once,
		},
		{
			ID: "environment", Outcome: e2e.Failed, Nothing: BadEnvironment, Environment: "api", Effect: why.Effect, Category: why.Category, Confidence: why.Confidence,
			Attempts: once,
		},
		{
			ID: "process", Outcome: e2e.Failed, Nothing: BadEnvironment, Environment: "db", Effect: why.Effect, Category: why.Category, Confidence: why.Confidence,
			Attempts: once,
		},
		{ID: "untrusted", Outcome: e2e.Passed, Seconds: 1, Nothing: Untrusted, Effect: why.Effect, Category: why.Category, Confidence: why.Confidence},
	}
	if diff := cmp.Diff(want, r.Tests); diff != "" {
		t.Error(diff)
	}
	shut := judged(e2e.VerdictNotJudged)
	shut.Verdict.Reasons = []e2e.Reason{{Code: e2e.CodeGateShut, Effect: e2e.NotJudged}}
	advisory := judged(e2e.VerdictNotJudged)
	advisory.Verdict.Reasons = []e2e.Reason{{Code: e2e.CodeGateShut, Effect: e2e.Warns}}
	for name, tc := range map[string]struct {
		result e2e.Result
		want   Silence
	}{
		"a gate failed":           {shut, BadEnvironment},
		"an advisory gate failed": {advisory, NotJudged},
		"passed":                  {judged(e2e.VerdictPassed), ""},
		"not judged":              {judged(e2e.VerdictNotJudged), NotJudged},
		"a background process ended": {
			judged(e2e.VerdictFailed, e2e.Problem{Code: e2e.CodeGateLost, LosesEvidence: true, Text: "x"}), BadEnvironment,
		},
		"the environment was bad for some tests": {
			judged(e2e.VerdictFailed, e2e.Problem{Code: e2e.CodeEnvironment, LosesEvidence: true, Tests: []string{"a"}}), "",
		},
		"a gate was down for a moment": {judged(e2e.VerdictFailed, e2e.Problem{Code: e2e.CodeGateLost, Text: "x"}), ""},
		"cancelled, and judged":        {judged(e2e.VerdictFailed, e2e.Problem{Code: e2e.CodeCancelled, LosesEvidence: true}), ""},
	} {
		if got := recordOf(doc, nil, tc.result).Nothing; got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// What says nothing changes no statistic, wherever in time it lies, and also after it went
// through a snapshot.
func TestWhatSaysNothingChangesNothing(t *testing.T) {
	ids := []string{"a", "b"}
	outcome := rapid.SampledFrom([]e2e.Outcome{e2e.Passed, e2e.Passed, e2e.Failed, e2e.Flaky, e2e.Skipped})
	record := func(t *rapid.T, n int) Record {
		at := rapid.IntRange(0, 500).Draw(t, "hour")
		r := Record{
			Schema: Schema, RunID: fmt.Sprintf("run-%d", n/rapid.IntRange(1, 2).Draw(t, "attempts")), Attempt: n, Started: day0.Add(time.Duration(at) * time.Hour),
			Overhead: rapid.Float64Range(0, 50).Draw(t, "overhead"),
		}
		if rapid.Bool().Draw(t, "main") {
			r.Main = true
		}
		for _, id := range ids {
			r.Tests = append(r.Tests, Entry{
				ID: id, Suite: "s", File: "f", Outcome: outcome.Draw(t, "outcome"), Seconds: rapid.Float64Range(0, 100).Draw(t, "seconds"),
			})
		}
		return r
	}
	facts := func(s Stats) any {
		overhead, shards := s.Overhead()
		guess, from := s.Guess(e2e.Test{Suite: "s", File: "f"})
		list := []any{s.All(), overhead, shards, s.Whole("s"), guess, from}
		for _, id := range ids {
			seconds, runs := s.Estimate(id)
			list = append(list, s.Past(id, Own{}), s.Past(id, Own{Run: "run-3"}), s.Recent(id), s.Ask(id, "").Estimate, seconds, runs, s.Pace(id), s.High(id),
				s.Covered(func(other string) bool { return other == id }))
		}
		return list
	}
	rapid.Check(t, func(t *rapid.T) {
		var said, all []Record
		for n := range rapid.IntRange(1, 30).Draw(t, "records") {
			r := record(t, n)
			said, all = append(said, r), append(all, r)
		}
		for n := range rapid.IntRange(1, 30).Draw(t, "silent records") {
			r := record(t, 100+n)
			if rapid.Bool().Draw(t, "as a whole") {
				r.Nothing = rapid.SampledFrom([]Silence{NotJudged, BadEnvironment}).Draw(t, "why")
			} else {
				for i := range r.Tests {
					r.Tests[i].Nothing = BadEnvironment
				}
			}
			all = append(all, r)
		}
		all = rapid.Permutation(all).Draw(t, "order")
		want, rounding := facts(Fold(said)), cmpopts.EquateApprox(1e-9, 0) // sums depend on their order
		if diff := cmp.Diff(want, facts(Fold(all)), rounding); diff != "" {
			t.Fatal(diff)
		}
		direct := newFold()
		for _, r := range all {
			data, err := encode(r)
			if err != nil {
				t.Fatal(err)
			}
			u, err := decodeEntries(data)
			if err != nil {
				t.Fatal(err)
			}
			direct.addEntries("x", u)
			u.free()
		}
		direct.trim()
		snapshot, err := encodeSnapshot(direct, nil, samples, fine)
		if err != nil {
			t.Fatal(err)
		}
		read, err := decodeSnapshot(snapshot, anyRecord)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, facts(read.stats()), rounding); diff != "" {
			t.Fatalf("through a snapshot: %s", diff)
		}
	})
}

// A gate of before reads what this one writes, and takes no harm; this one reads what that
// one wrote.
func TestRecordsOfTwoVersions(t *testing.T) {
	old := []byte(`{"id":"t","suite":"s","outcome":"failed","seconds":0}`)
	if e, err := entryOf(old); err != nil || e.silent || e.outcome != e2e.Failed {
		t.Errorf("%+v %v", e, err)
	}
	silent := []byte(`{"id":"t","suite":"s","outcome":"failed","seconds":0,"nothing":"environment","environment":"api"}`)
	if e, err := entryOf(silent); err != nil || !e.silent || e.outcome != e2e.Failed || string(e.id) != "t" {
		t.Errorf("%+v %v", e, err)
	}
	var p packed
	if err := p.UnmarshalJSON([]byte(`[3,"failed",1.5]`)); err != nil || p.silent || p.record != 3 {
		t.Errorf("%+v %v", p, err)
	}
	if err := p.UnmarshalJSON([]byte(`[3,"failed",1.5,true]`)); err != nil || !p.silent {
		t.Errorf("%+v %v", p, err)
	}
}

// The count of environment incidents is the one number that such runs change, also through a
// snapshot.
func TestIncidentsAreCounted(t *testing.T) {
	log := &Log{Store: Dir{Path: t.TempDir()}, Now: func() time.Time { return day0.AddDate(0, 0, 50) }}
	for i := range 30 {
		r := Record{Schema: Schema, RunID: fmt.Sprintf("e2e-%013d-x", i), Attempt: 1, Started: day0.AddDate(0, 0, i), Main: true,
			Tests: []Entry{{ID: "a", Outcome: e2e.Passed, Seconds: 1}}}
		switch i % 10 {
		case 3:
			r.Nothing = BadEnvironment
		case 5:
			r.Tests[0] = Entry{ID: "a", Outcome: e2e.Failed, Nothing: BadEnvironment, Environment: "db"}
		case 7:
			r.Nothing = NotJudged
		}
		if err := log.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time from the snapshot
		stats, _, err := log.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := stats.Incidents()
		if len(got) != 6 || !got[0].Equal(day0.AddDate(0, 0, 3)) || !got[5].Equal(day0.AddDate(0, 0, 25)) {
			t.Errorf("%v", got)
		}
	}
}
