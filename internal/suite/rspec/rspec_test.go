package rspec

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

func TestArguments(t *testing.T) {
	tests := []e2e.Test{{Name: "spec/b_spec.rb::y", File: "spec/b_spec.rb"}, {Name: "-a_spec.rb::x", File: "-a_spec.rb"}}
	for _, tc := range []struct {
		args  []string
		tests []e2e.Test
		want  string
	}{
		{[]string{"--format", "json", "--out=x.json", "--tag", "~slow", "spec/api"}, nil, "--dry-run --format progress --tag ~slow spec/api"},
		{[]string{"--format", "json", "--tag", "~slow", "spec/api"}, tests, "--no-fail-fast --format json --tag ~slow ./-a_spec.rb spec/b_spec.rb"},
		{[]string{"--tag"}, tests[:1], "--no-fail-fast --tag spec/b_spec.rb"},
		{[]string{"--color", "spec"}, tests[:1], "--no-fail-fast --color spec/b_spec.rb"},
	} {
		args, err := arguments(adapter.Launch{Spec: adapter.Spec{Args: tc.args}, Reporter: "R", Tests: tc.tests})
		if got, want := filepath.ToSlash(strings.Join(args, " ")), "--require R/e2e_gate_rspec.rb "+tc.want; err != nil || got != want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
		}
	}
}

func TestHasGemfile(t *testing.T) {
	root := suitetest.Files(t, map[string]string{"api/Gemfile": "", "api/e2e/a_spec.rb": "", "web/a_spec.rb": ""})
	for dir, want := range map[string]bool{"api": true, "api/e2e": true, "web": false, "": false, "../x": false} {
		if got := hasGemfile(root, dir); got != want {
			t.Errorf("%q: %v", dir, got)
		}
	}
}

func TestValidate(t *testing.T) {
	var said []string
	fail := func(path, text, hint string) { said = append(said, path+": "+text) }
	validate(adapter.Spec{Run: []string{"bundle", "exec", "parallel_rspec"}}, fail)
	validate(adapter.Spec{Run: []string{"bundle", "exec", "rspec"}}, fail)
	validate(adapter.Spec{Run: []string{"bundle", "exec", "rake", "spec"}}, fail)
	if !slices.Equal(said, []string{"run: parallel_rspec is not supported", "run: rake is not supported, since it passes no arguments on"}) {
		t.Errorf("%q", said)
	}
}
