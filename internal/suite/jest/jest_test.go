package jest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

func TestArguments(t *testing.T) {
	tests := []e2e.Test{{Name: "b.test.js::y", File: "b.test.js"}, {Name: "a.test.js::x", File: "a.test.js"}, {Name: "a.test.js::z", File: "a.test.js"}}
	const ours = "--ci --testRunner=R/e2e-gate-jest-runner.cjs --reporters=R/e2e-gate-jest.cjs "
	for _, tc := range []struct {
		spec    adapter.Spec
		attempt int
		tests   []e2e.Test
		want    string
	}{
		{
			adapter.Spec{Args: []string{"-w", "2"}}, 1, nil,
			"--ci --testRunner=R/e2e-gate-jest-runner.cjs --reporters=R/e2e-gate-jest.cjs --testLocationInResults --coverage=false " +
				"--globalSetup=R/e2e-gate-jest-nothing.cjs --globalTeardown=R/e2e-gate-jest-nothing.cjs -w 2",
		},
		{
			adapter.Spec{}, 1, tests,
			ours + "--testLocationInResults --reporters=default --runTestsByPath a.test.js b.test.js",
		},
		{
			adapter.Spec{}, 2, tests[:1],
			ours + "--testLocationInResults --reporters=default --runInBand --runTestsByPath b.test.js",
		},
		{
			adapter.Spec{Args: []string{"--maxWorkers=2"}}, 2, tests[:1],
			ours + "--testLocationInResults --reporters=default --maxWorkers=2 --runTestsByPath b.test.js",
		},
	} {
		if tc.attempt == 2 {
			part, _ := arguments(adapter.Launch{Spec: tc.spec, Reporter: "R", Tests: tc.tests, Attempt: 2, Part: true})
			if !slices.Contains(part, "--coverageThreshold={}") {
				t.Errorf("a part keeps the threshold: %v", part)
			}
		}
		args, err := arguments(adapter.Launch{Spec: tc.spec, Reporter: "R", Tests: tc.tests, Attempt: tc.attempt})
		if got := filepath.ToSlash(strings.Join(args, " ")); err != nil || got != tc.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, tc.want)
		}
	}
}
