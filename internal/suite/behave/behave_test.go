package behave

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

func TestArguments(t *testing.T) {
	tests := []e2e.Test{{Name: "features/b.feature::y", File: "features/b.feature"}, {Name: "-a.feature::x", File: "-a.feature"}}
	for _, tc := range []struct {
		args  []string
		tests []e2e.Test
		want  string
	}{
		{[]string{"-f", "json", "--outfile=x.json", "--tags", "not @slow", "features/api"}, nil, "--dry-run --tags not @slow features/api"},
		{[]string{"-f", "json", "-o", "x.json", "features/api"}, tests, "-f json -o x.json ./-a.feature features/b.feature"},
		{[]string{"--no-capture", "features"}, tests[:1], "--no-capture features/b.feature"},
		{[]string{"--tags"}, tests[:1], "--tags features/b.feature"},
		{nil, tests[:1], "features/b.feature"},
	} {
		args, err := arguments(adapter.Launch{Spec: adapter.Spec{Args: tc.args}, Reporter: "R", Tests: tc.tests})
		if got, want := filepath.ToSlash(strings.Join(args, " ")), "--format e2e_gate_behave:Reporter --outfile R/printed.txt "+tc.want; err != nil || got != want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
		}
	}
}
