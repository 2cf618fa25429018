package vitest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

func TestArguments(t *testing.T) {
	tests := []e2e.Test{{Name: "b.test.js::y", File: "b.test.js"}, {Name: "a.test.js::x", File: "a.test.js"}, {Name: "a.test.js::z", File: "a.test.js"}}
	for _, tc := range []struct {
		spec    adapter.Spec
		attempt int
		tests   []e2e.Test
		want    string
	}{
		{
			adapter.Spec{Args: []string{"--dir=x"}}, 1, nil,
			"run --allowOnly=false --reporter=R/e2e-gate-vitest.mjs --includeTaskLocation --coverage.enabled=false --dir=x",
		},
		{adapter.Spec{}, 1, tests, "run a.test.js b.test.js --allowOnly=false --reporter=R/e2e-gate-vitest.mjs --includeTaskLocation --reporter=default"},
		{
			adapter.Spec{}, 2, tests[:1],
			"run b.test.js --allowOnly=false --reporter=R/e2e-gate-vitest.mjs --includeTaskLocation --reporter=default " +
				"--retry=0 --no-file-parallelism --maxConcurrency=1",
		},
	} {
		args, err := arguments(adapter.Launch{Spec: tc.spec, Reporter: "R", Tests: tc.tests, Attempt: tc.attempt})
		if got := filepath.ToSlash(strings.Join(args, " ")); err != nil || got != tc.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, tc.want)
		}
	}
}
