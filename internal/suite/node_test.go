package suite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

func TestNodeArguments(t *testing.T) {
	tests := []e2e.Test{{Name: "b.test.js::y", File: "b.test.js"}, {Name: "a.test.js::x", File: "a.test.js"}, {Name: "a.test.js::z", File: "a.test.js"}}
	for _, tc := range []struct {
		arguments func(brought) ([]string, error)
		spec      Spec
		attempt   int
		tests     []e2e.Test
		want      string
	}{
		{vitestArguments, Spec{Args: []string{"--dir=x"}}, 1, nil, "run --allowOnly=false --reporter=R/e2e-gate-vitest.mjs --includeTaskLocation --coverage.enabled=false --dir=x"},
		{vitestArguments, Spec{}, 1, tests, "run a.test.js b.test.js --allowOnly=false --reporter=R/e2e-gate-vitest.mjs --reporter=default"},
		{vitestArguments, Spec{}, 2, tests[:1], "run b.test.js --allowOnly=false --reporter=R/e2e-gate-vitest.mjs --reporter=default --retry=0 --no-file-parallelism --maxConcurrency=1"},
		{jestArguments, Spec{Args: []string{"-w", "2"}}, 1, nil, "--ci --testRunner=R/e2e-gate-jest-runner.cjs --reporters=R/e2e-gate-jest.cjs --testLocationInResults --coverage=false --globalSetup=R/e2e-gate-jest-nothing.cjs --globalTeardown=R/e2e-gate-jest-nothing.cjs -w 2"},
		{jestArguments, Spec{}, 1, tests, "--ci --testRunner=R/e2e-gate-jest-runner.cjs --reporters=R/e2e-gate-jest.cjs --reporters=default --runTestsByPath a.test.js b.test.js"},
		{jestArguments, Spec{}, 2, tests[:1], "--ci --testRunner=R/e2e-gate-jest-runner.cjs --reporters=R/e2e-gate-jest.cjs --reporters=default --runInBand --runTestsByPath b.test.js"},
		{jestArguments, Spec{Args: []string{"--maxWorkers=2"}}, 2, tests[:1], "--ci --testRunner=R/e2e-gate-jest-runner.cjs --reporters=R/e2e-gate-jest.cjs --reporters=default --maxWorkers=2 --runTestsByPath b.test.js"},
	} {
		args, err := tc.arguments(brought{spec: tc.spec, reporter: "R", tests: tc.tests, attempt: tc.attempt})
		if got := filepath.ToSlash(strings.Join(args, " ")); err != nil || got != tc.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, tc.want)
		}
	}
}

func TestLastWords(t *testing.T) {
	for tail, want := range map[string]string{
		"": "it printed nothing",
		"a\n\x1b[31mError: no database\x1b[0m\n  \x1b[36m❯ setup x.js:1\x1b[0m\n    at main (x.js:3)\n\n": "end of its output: Error: no database",
		"Error: hook\n  at x\n [cause]: Error: no database\n}\na\nb":                                      "end of its output: [cause]: Error: no database | } | a",
		"1\n2\n3\n4": "end of its output: 2 | 3 | 4",
	} {
		if got := lastWords(proc.Exit{Tail: tail}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
