package nodetest

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

func TestArguments(t *testing.T) {
	tests := []e2e.Test{{Name: "b.test.js::y", File: "b.test.js"}, {Name: "-a.test.js::x", File: "-a.test.js"}}
	const ours = "--test-reporter=file:///R/e2e-gate-nodetest-reporter.mjs --test-reporter-destination=/R/printed.txt"
	for _, tc := range []struct {
		name    string
		args    []string
		tests   []e2e.Test
		attempt int
		part    bool
		want    string
	}{
		{"a listing has our reporter only", []string{"--test-reporter", "dot", "--experimental-test-coverage", "--test-coverage-lines=90", "--import", "tsx", "tests/"}, nil, 1, false,
			ours + " --import tsx tests/"},
		{"files replace what the settings name", []string{"--import", "tsx", "tests/"}, tests, 1, false,
			"--test-reporter=spec --test-reporter-destination=stdout " + ours + " --import tsx ./-a.test.js b.test.js"},
		{"one reporter needs a destination now", []string{"--test-reporter=dot"}, tests[:1], 1, false, "--test-reporter-destination=stdout " + ours + " --test-reporter=dot b.test.js"},
		{"two have theirs", []string{"--test-reporter=dot", "--test-reporter-destination=x"}, tests[:1], 1, false, ours + " --test-reporter=dot --test-reporter-destination=x b.test.js"},
		{"a part has no thresholds", []string{"--test-coverage-lines=90", "--test-timeout=9"}, tests[:1], 2, true,
			"--test-reporter=spec --test-reporter-destination=stdout " + ours + " --test-concurrency=1 --test-timeout=9 b.test.js"},
		{"a name that is a pattern", []string{"--test-timeout", "9", "tests/*.js"}, []e2e.Test{{File: "tests/[a].js"}}, 1, false,
			"--test-reporter=spec --test-reporter-destination=stdout " + ours + " --test-timeout 9 tests/*.js"},
	} {
		args, err := arguments(adapter.Launch{Spec: adapter.Spec{Args: tc.args}, Reporter: "/R", Tests: tc.tests, Attempt: tc.attempt, Part: tc.part})
		if got, want := strings.Join(args, " "), "--import=file:///R/e2e-gate-nodetest.cjs "+tc.want; err != nil || got != want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", tc.name, err, got, want)
		}
	}
	if _, err := arguments(adapter.Launch{Dir: t.TempDir(), Spec: adapter.Spec{Name: "s", Specs: []string{"*.none"}}}); err == nil || !strings.Contains(err.Error(), "no file matches specs") {
		t.Errorf("specs without files: %v", err)
	}
}

func TestFileURL(t *testing.T) {
	for file, want := range map[string]string{"/a b/#1?.cjs": "file:///a%20b/%231%3F.cjs", "/é/x": "file:///%C3%A9/x", "C:/x": "file:///C:/x"} {
		if got := fileURL(file); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}

// Node takes files of such names for tests wherever they lie, also in a folder of the gate.
func TestOurFilesAreNoTests(t *testing.T) {
	entries, err := files.ReadDir(".")
	if err != nil || len(entries) != 4 {
		t.Fatal(entries, err)
	}
	for _, e := range entries {
		name := strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".cjs"), ".mjs")
		if name == "test" || strings.HasPrefix(name, "test-") || strings.HasSuffix(strings.NewReplacer("_", "-", ".", "-").Replace(name), "-test") {
			t.Errorf("Node takes %s for a test", e.Name())
		}
	}
}
