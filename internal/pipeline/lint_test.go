package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/gate/versiongate"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/triage"
)

// remembered is a history in memory.
type remembered []history.Record

func (r remembered) Load(context.Context) (history.Stats, []string, error) {
	return history.Fold(r), nil, nil
}
func (remembered) Save(context.Context, history.Record) error { return nil }

func TestLint(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var records remembered
	for i := range 10 {
		outcome := e2e.Passed
		if i%2 == 0 {
			outcome = e2e.Flaky
		}
		records = append(records, history.Record{Schema: history.Schema, RunID: string(rune('a' + i)), Started: now.Add(time.Duration(i) * time.Hour),
			Tests: []history.Entry{{ID: "s::(whole suite)", Suite: "s", Outcome: outcome, Seconds: 1}}})
	}
	s := New(Options{
		Root: t.TempDir(), Progress: &quiet{}, Now: func() time.Time { return now }, History: records, Stage: config.Stage{Name: "pr"},
		Config: &config.Config{
			Suites:   []suite.Spec{{Name: "s", Framework: "command", Run: []string{"true"}, Tags: []string{"journey:pay"}}},
			Journeys: []config.Journey{{Name: "pay", FlakeThreshold: 0.02}},
		},
		Quarantine: policy.Quarantine{{Test: "s::old", Owner: "t", Deadline: now.AddDate(0, 0, -1)}, {Test: "s::new", Owner: "t", Deadline: now}},
	})
	var found []string
	for _, m := range s.Lint(t.Context()) {
		found = append(found, m.Text)
	}
	text := strings.Join(found, "\n")
	for _, want := range []string{"blocks and has no owner", "was flaky in 5 of its last 10 runs (50%, likely between 26% and 74%), but journey pay allows 2%",
		"the quarantine of s::old by t ended on 2026-11-20"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "s::new") {
		t.Errorf("a quarantine on its last day is called over:\n%s", text)
	}
}

func TestLintOfTestsThatShareAnID(t *testing.T) {
	var records remembered
	records = append(records, history.Record{Schema: history.Schema, RunID: "r", Tests: []history.Entry{
		{
			ID:      "w/C::real #2",
			Suite:   "w",
			Outcome: e2e.Passed,
		},
		{ID: "w/C::real", Suite: "w", Outcome: e2e.Passed},
		{ID: "w/C::seen", Suite: "w", Outcome: e2e.Passed},
	}})
	stats, _, _ := records.Load(t.Context())
	s := New(Options{Config: &config.Config{Suites: []suite.Spec{{Name: "s"}, {Name: "w"}}}, Quarantine: policy.Quarantine{
		{
			Test: "s/f::two #1",
		},
		{Test: "s/f::two"},
		{Test: "s/f::three", Twins: 3},
		{Test: "s/f::one #1"},
		{Test: "w/C::real #2"},
		{Test: "w/C::seen #2"},
		{Test: "w/C::else #2"},
	}})
	tests := asSets([]e2e.Test{
		{ID: "s/f::two", Suite: "s", Tags: []string{"a"}}, {ID: "s/f::three", Suite: "s"}, {ID: "s/f::two", Suite: "s", Tags: []string{"smoke"}},
		{ID: "s/f::three", Suite: "s"}, {ID: "s/f::three", Suite: "s"}, {ID: "s/f::one #1", Suite: "s"}, {ID: "s/f::one", Suite: "s"},
	})
	if len(tests) != 4 || tests[0].Twins != 2 || tests[1].Twins != 3 || tests[2].Twins != 0 || !tests[0].Smoke() {
		t.Errorf("%+v", tests)
	}
	var got []string
	for _, m := range append(s.lintTwins(tests), s.lintLabels(tests, stats)...) {
		got = append(got, m.String())
	}
	want := []string{
		"warning: suite s has tests that share an id, so history, rerun and quarantine cannot tell them apart: s/f::two (2 tests), s/f::three (3 tests); " +
			"give each its own name",
		"the quarantine entry s/f::two #1 names one of several tests that share an id; the number holds within one run only; " +
			`write test: "s/f::two" with twins: N, the number of these tests, or rename them`,
		"warning: 2 tests have the id s/f::two, so its quarantine excuses none of them; add twins: 2 to the entry, or rename the tests",
		"the quarantine entry w/C::seen #2 names one of several tests that share an id; the number holds within one run only; " +
			`write test: "w/C::seen" with twins: N, the number of these tests, or rename them`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFailedDifferently(t *testing.T) {
	failed := func(message string) e2e.Attempt { return e2e.Attempt{Outcome: e2e.Failed, Message: message} }
	for _, tc := range []struct {
		name     string
		attempts []e2e.Attempt
		want     string
	}{
		{"the same", []e2e.Attempt{failed("boom"), failed("boom")}, ""},
		{"other numbers", []e2e.Attempt{failed("case 17 is 0a1b-2c"), failed("case 18 is 0f-99")}, ""},
		{"another line behind the first", []e2e.Attempt{failed("boom\nx"), failed("boom\ny")}, ""},
		{"another failure", []e2e.Attempt{failed("boom"), {Outcome: e2e.Skipped, Message: "z"}, failed("bang")}, "bang"},
		{"a pass in front", []e2e.Attempt{{Outcome: e2e.Passed}, failed("boom")}, ""},
	} {
		got := ""
		if other := failedDifferently(tc.attempts); other != nil {
			got = other.Message
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// A test that fails in another way when it is repeated without the other tests of its file
// depends on their order.
func TestOrdered(t *testing.T) {
	attempts := func(first, again string) []e2e.Attempt {
		return []e2e.Attempt{{N: 1, Outcome: e2e.Failed, Message: first, Source: e2e.SourceFirst},
			{N: 2, Outcome: e2e.Failed, Message: again, Source: e2e.SourceDiagnostic}}
	}
	for _, tc := range []struct {
		name     string
		test     e2e.Test
		outcome  e2e.Outcome
		file     int
		attempts []e2e.Attempt
		want     bool
	}{
		{"in another way", e2e.Test{Keep: "s/a"}, e2e.Failed, 4, attempts("timed out waiting for the payment", "expected undefined to be 7"), true},
		{"in the same way", e2e.Test{Keep: "s/a"}, e2e.Failed, 4, attempts("timed out waiting", "timed out waiting"), false},
		{"in the same way, later", e2e.Test{Keep: "s/a"}, e2e.Failed, 4, attempts("case 17 is missing", "case 18 is missing"), false},
		{"it has its file alone", e2e.Test{Keep: "s/a"}, e2e.Failed, 1, attempts("timed out", "expected 7"), false},
		{"a group is repeated whole", e2e.Test{Keep: "s/a", Group: "s/g"}, e2e.Failed, 4, attempts("timed out", "expected 7"), false},
		{"its framework cuts files", e2e.Test{}, e2e.Failed, 4, attempts("timed out", "expected 7"), false},
		{"no rerun", e2e.Test{Keep: "s/a"}, e2e.Failed, 4, attempts("timed out", "")[:1], false},
		{"a flake", e2e.Test{Keep: "s/a"}, e2e.Flaky, 4, attempts("timed out", "expected 7"), false},
	} {
		r := e2e.TestResult{Test: tc.test, Outcome: tc.outcome, Attempts: tc.attempts}
		if got := (&Session{}).company(&r, nil, 9, tc.file); got.Differs != tc.want || got.Of != 0 {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

// A test that fails beside others in each run and passes each time it is repeated alone depends on them.
func TestFailsInCompany(t *testing.T) {
	past := func(runs, flaky, failed int) *e2e.TestHistory {
		return &e2e.TestHistory{Runs: runs, Flaky: flaky, Failed: failed}
	}
	for _, tc := range []struct {
		name    string
		outcome e2e.Outcome
		past    *e2e.TestHistory
		beside  int
		want    triage.Company
	}{
		{"in each", e2e.Flaky, past(2, 2, 0), 9, triage.Company{Failed: 3, Of: 3}},
		{"once it passed", e2e.Flaky, past(3, 2, 0), 9, triage.Company{}},
		{"once it failed alone too", e2e.Flaky, past(3, 2, 1), 9, triage.Company{}},
		{"no history", e2e.Flaky, nil, 9, triage.Company{}},
		{"it failed alone now", e2e.Failed, past(2, 2, 0), 9, triage.Company{}},
		{"there are no others", e2e.Flaky, past(2, 2, 0), 1, triage.Company{}},
	} {
		r := e2e.TestResult{Outcome: tc.outcome}
		if got := (&Session{}).company(&r, tc.past, tc.beside, 0); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// A finding that many tests share is one line, with how many and the first of them.
func TestLintIsShort(t *testing.T) {
	var records remembered
	var tests []e2e.Test
	for n := range 400 {
		tests = append(tests, e2e.Test{ID: fmt.Sprintf("s::t%03d", n), Suite: "s", Journey: "pay", Criticality: e2e.ReleaseBlocking})
	}
	for i := range 10 {
		r := history.Record{Schema: history.Schema, RunID: fmt.Sprint("r", i), Started: time.Date(2026, 11, 1+i, 0, 0, 0, 0, time.UTC)}
		for n, one := range tests[:3] {
			outcome := e2e.Passed
			if i%(n+2) == 0 {
				outcome = e2e.Flaky
			}
			r.Tests = append(r.Tests, history.Entry{ID: one.ID, Suite: "s", Outcome: outcome, Seconds: 1})
		}
		records = append(records, r)
	}
	stats, _, _ := records.Load(t.Context())
	s := New(Options{Config: &config.Config{Suites: []suite.Spec{{Name: "s"}}, Journeys: []config.Journey{{Name: "pay", FlakeThreshold: 0.02}}}})
	found := append(s.lintOwners(tests), s.lintFlaky(tests, stats)...)
	want := []string{
		"400 tests of suite s block and have no owner: s::t000, s::t001, s::t002 and 397 more",
		"s::t000 was flaky in 5 of its last 10 runs (50%, likely between 26% and 74%), but journey pay allows 2%: " +
			"it is too flaky to block, and so are 2 others: s::t001, s::t002",
	}
	var got []string
	for _, m := range found {
		got = append(got, m.Text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLintProbe: that a probe is always refused is said before the first pull request.
func TestLintProbe(t *testing.T) {
	warns := func(stage config.Stage, c *config.Config) bool {
		c.Suites = []suite.Spec{{Name: "s", Framework: "command", Run: []string{"true"}}}
		s := New(Options{Root: t.TempDir(), Progress: &quiet{}, Stage: stage, Config: c})
		return slices.ContainsFunc(s.Lint(t.Context()), func(m diag.Message) bool { return strings.Contains(m.Text, "no failure can be run at the base") })
	}
	pr, probe := config.Stage{Name: "pr", On: []string{"push", "pull_request"}}, config.Exonerate{Probe: true}
	app := []runner.ProcessSpec{{Name: "app", Run: []string{"./start.sh"}}}
	served := gate.Spec{Checks: []gate.Check{{Name: "app", TCP: &gate.TCPSpec{Address: "127.0.0.1:8080"}}}}
	proven := gate.Spec{Checks: []gate.Check{{Name: "v", Version: &versiongate.Spec{URL: []string{"https://staging.example.com"}, SHA: "abc1234"}}}}
	for name, tc := range map[string]struct {
		stage config.Stage
		cfg   config.Config
		want  bool
	}{
		"nothing is started":         {pr, config.Config{Exonerate: probe}, true},
		"started behind a gate":      {pr, config.Config{Exonerate: probe, Processes: app, Gates: served}, false},
		"not for pull requests":      {config.Stage{Name: "main", On: []string{"push"}}, config.Config{Exonerate: probe}, false},
		"not asked for":              {pr, config.Config{}, false},
		"a target without a version": {pr, config.Config{Exonerate: config.Exonerate{Probe: true, Target: "staging"}, Gates: served}, true},
		"a target with a version":    {pr, config.Config{Exonerate: config.Exonerate{Probe: true, Target: "staging"}, Gates: proven}, false},
	} {
		if got := warns(tc.stage, &tc.cfg); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLintRequired(t *testing.T) {
	c := &config.Config{File: "e2e-gate.yml", Suites: []suite.Spec{{Name: "s"}, {Name: "u"}},
		Journeys: []config.Journey{{Name: "a", MaxRuntime: time.Minute}, {Name: "b"}}}
	s := &Session{opts: Options{Config: c, Stage: config.Stage{Name: "pr", Require: []string{"owner", "journey", "max_runtime"}}}, run: e2e.Run{Stage: "pr"}}
	tests := []e2e.Test{
		{ID: "s::fine", Suite: "s", Owner: "t", Journey: "a"}, {ID: "s::b", Suite: "s", Owner: "t", Journey: "b"}, {ID: "s::x", Suite: "s", Journey: "nosuch"},
		{ID: "u::x", Suite: "u", Owner: "t"}, {ID: "u::context", Suite: "u", Context: true},
	}
	var got []string
	for _, m := range s.lintRequired(tests) {
		if m.Severity != diag.Error || m.Hint == "" {
			t.Errorf("%+v", m)
		}
		got = append(got, m.Text)
	}
	if diff := cmp.Diff([]string{
		"stage pr requires owner, and 1 test of suite s has none: s::x", "stage pr requires journey, and 1 test of suite s has none: s::x",
		"stage pr requires journey, and 1 test of suite u has none: u::x", "stage pr requires max_runtime, and 2 tests of suite s have none: s::b, s::x",
		"stage pr requires max_runtime, and 1 test of suite u has none: u::x",
	}, got); diff != "" {
		t.Error(diff)
	}
}

// Failures that named a service beyond what their tests need are remembered, and lint proposes it until they need it.
func TestLintProposesNeeds(t *testing.T) {
	result := e2e.Result{Tests: []e2e.TestResult{
		{Test: e2e.Test{ID: "s::a", Suite: "s"}, Beyond: []string{"pay", "mail"}}, {Test: e2e.Test{ID: "s::b", Suite: "s"}, Beyond: []string{"pay"}},
		{Test: e2e.Test{ID: "u::a", Suite: "u"}, Beyond: []string{"gone"}}, {Test: e2e.Test{ID: "other::a", Suite: "other"}, Beyond: []string{"pay"}},
	}}
	var records []history.Record
	for i := range 3 {
		r := history.Record{Schema: history.Schema, RunID: fmt.Sprint("r", i/2), Started: time.Date(2026, 11, 1+i, 0, 0, 0, 0, time.UTC), Shard: i % 2,
			Beyond: history.BeyondOf(result), Tests: []history.Entry{{ID: "s::a", Outcome: e2e.Failed}}}
		records = append(records, r)
	}
	c := &config.Config{Suites: []suite.Spec{{Name: "s"}, {Name: "u"}}, Services: []config.Service{{Name: "case"}, {Name: "pay"}, {Name: "mail"}}}
	s := New(Options{Config: c})
	lint := func(needs ...string) (texts []string) {
		tests := []e2e.Test{{ID: "s::a", Suite: "s", Needs: needs}, {ID: "u::a", Suite: "u", Needs: []string{"case"}}}
		for _, m := range s.lintMissingNeeds(tests, history.Fold(records)) {
			texts = append(texts, m.Text+"; "+m.Hint)
		}
		return texts
	}
	want := []string{
		"failures of suite s named mail in 2 runs, such as that of s::a, and by the config its tests do not all need it; " +
			"add mail to needs of the suite, or tag those tests needs:mail",
		"failures of suite s named pay in 2 runs, such as that of s::a, and by the config its tests do not all need it; " +
			"add pay to needs of the suite, or tag those tests needs:pay",
	}
	if diff := cmp.Diff(want, lint("case")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:1], lint("case", "pay")); diff != "" {
		t.Error(diff)
	}
	if got := lint(); got != nil { // they need everything
		t.Error(got)
	}
}
