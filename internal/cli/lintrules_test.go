package cli

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/triage"
)

func TestLintRulesAgainstPastResults(t *testing.T) {
	dir := t.TempDir()
	a := &App{Stdout: io.Discard, Stderr: io.Discard}
	c := &config.Config{File: "e2e-gate.yml"}
	c.Triage.Rules = []triage.Rule{
		{Category: e2e.ExternalDependency, When: triage.When{Message: "sandbox"}, Why: "payment sandbox"},
		{Category: e2e.TestBug, When: triage.When{Message: "no such wording"}},
	}
	lint := func() (string, error) {
		found, err := lintRules(t.Context(), a, dir, c, dir)
		var texts []string
		for _, m := range found {
			texts = append(texts, m.String())
		}
		return strings.Join(texts, "\n"), err
	}
	if _, err := lint(); err == nil || !strings.Contains(err.Error(), "no failure found in the 0 results") {
		t.Error(err)
	}
	r := e2e.Result{Schema: e2e.ResultSchema, Tests: []e2e.TestResult{{Test: e2e.Test{ID: "s::a", Suite: "s"}, Outcome: e2e.Failed,
		Attempts: []e2e.Attempt{{N: 1, Outcome: e2e.Failed, Message: "sandbox answered 503"}}}}}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"one/result.json": string(data), "two/result.json": "{", "three/other.json": string(data)} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := lint()
	if err != nil || got == "" || !strings.Contains(got, "rule 2 of triage.rules: it matches none of 1 failures") || strings.Contains(got, "rule 1") {
		t.Errorf("%v\n%s", err, got)
	}
	if found, err := lintRules(t.Context(), a, dir, c, ""); err != nil || found != nil {
		t.Error(found, err)
	}
	if _, err := lintRules(t.Context(), a, dir, c, filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there is read")
	}
}
