package mocha

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

func TestArguments(t *testing.T) {
	tests := []e2e.Test{{Name: "test/b.js::y", File: "test/b.js"}}
	for _, tc := range []struct {
		args  []string
		tests []e2e.Test
		want  string
	}{
		{[]string{"--check-leaks", "test/"}, nil, "--require R/e2e-gate-mocha.cjs --check-leaks test/ --no-parallel --no-bail --no-dry-run --exit"},
		{[]string{"--check-leaks", "test/"}, tests, "--require R/e2e-gate-mocha.cjs --check-leaks test/ --no-parallel --no-bail --no-dry-run"},
	} {
		args, err := arguments(adapter.Launch{Spec: adapter.Spec{Args: tc.args}, Reporter: "R", Tests: tc.tests})
		if got := filepath.ToSlash(strings.Join(args, " ")); err != nil || got != tc.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, tc.want)
		}
	}
	if _, err := arguments(adapter.Launch{Reporter: "a,b"}); err == nil || !strings.Contains(err.Error(), "comma") {
		t.Errorf("a path that Mocha cuts: %v", err)
	}
}

// The gate names the spec files, and the diagnostic rerun is one attempt.
func TestWebdriverIOArguments(t *testing.T) {
	tests := []e2e.Test{{Name: "test/b.js::y", File: "test/b.js"}}
	args := []string{"run", "e2e.conf.ts", "--suite", "some", "--specFileRetries", "2", "--logLevel=error"}
	for _, tc := range []struct {
		tests   []e2e.Test
		attempt int
		want    string
	}{
		{nil, 0, "run R/e2e-gate-webdriverio.mjs --suite some --specFileRetries 2 --logLevel=error"},
		{tests, 1, "run R/e2e-gate-webdriverio.mjs --specFileRetries 2 --logLevel=error"},
		{tests, 2, "run R/e2e-gate-webdriverio.mjs --logLevel=error"},
	} {
		got, err := webdriverIOArguments(adapter.Launch{Spec: adapter.Spec{Args: args}, Reporter: "R", Tests: tc.tests, Attempt: tc.attempt})
		if text := filepath.ToSlash(strings.Join(got, " ")); err != nil || text != tc.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, text, tc.want)
		}
	}
}

// What a script has and the gate refuses is left out of the config that init writes.
func TestDetectWithoutOurs(t *testing.T) {
	got := withoutOurs([]string{"mocha", "--parallel", "-j", "2", "--jobs=3", "-b", "--reporter", "dot", "test/**/*.js", "-w"})
	if want := "--reporter dot test/**/*.js"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
