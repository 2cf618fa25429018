package pipeline

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/suite"
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
