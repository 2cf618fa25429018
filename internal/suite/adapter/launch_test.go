package adapter_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

// played is a suite whose framework is a shell script that plays our reporter.
func played(t *testing.T, root, script string) adapter.Adapter {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the framework of this test is a shell script")
	}
	return launched(adapter.Spec{Name: "s", Framework: "pytest", Run: []string{"sh", "-c", script, "framework"}}, root)
}

func launched(s adapter.Spec, root string) adapter.Adapter {
	return adapter.NewReporting(s, root, adapter.LaunchSpec{
		Files: fstest.MapFS{"reporter": {}}, NoTests: 5, Arguments: func(adapter.Launch) ([]string, error) { return []string{"-q"}, nil },
	})
}

func TestListingIsWholeOrSaysWhatIsMissing(t *testing.T) {
	const one = `echo '{"event":"listed","id":"a.py::x","file":"a.py","line":3,"tags":["smoke"]}' >> "$E2E_GATE_EVENTS";`
	const end = `echo '{"event":"end"}' >> "$E2E_GATE_EVENTS";`
	worker := func(name, group string) string {
		return `echo '{"event":"listed","id":"a.py::x","file":"a.py","keep":"a.py","tags":["smoke"],"worker":"` + name + `","group":"` + group + `"}' >> "$E2E_GATE_EVENTS";`
	}
	for _, tc := range []struct {
		name, script, problem, err string
		tool                       bool
		tests                      int
	}{
		{name: "whole", script: one + end, tests: 1},
		{name: "none", script: end + "exit 5"},
		{name: "a file that two workers list", script: worker("0-0", "") + worker("0-1", "a.py + b.py") + worker("0-2", "") + end, tests: 1},
		{name: "a file that two workers list alone", script: worker("0-1", "") + worker("0-0", "") + worker("0-1", "") + end, tests: 1},
		{name: "twins in one worker", script: worker("0-0", "") + worker("0-0", "") + end, tests: 2},
		{
			name: "an error", script: one + `echo '{"event":"error","message":"b.py: SyntaxError"}' >> "$E2E_GATE_EVENTS";` + end + "exit 2", tests: 1,
			problem: "b.py: SyntaxError",
		},
		{name: "an unexplained status", script: one + end + "echo boom; exit 3", tests: 1, problem: "exit status 3; end of its output: boom"},
		{name: "cut", script: one + `printf '{"event":"lis' >> "$E2E_GATE_EVENTS"`, tests: 1, problem: "line 2 is damaged"},
		{name: "no end", script: one + "kill -9 $$", tests: 1, problem: "the listing is incomplete"},
		{
			name: "no reporter", script: "echo unknown option -p; exit 4",
			err: "pytest did not load the gate's reporter (exit status 4); end of its output: unknown option -p", tool: true,
		},
		{
			name: "too old", script: `echo '{"event":"unusable","message":"pytest 6.2.5 is too old; 7.0 or later is needed"}' >> "$E2E_GATE_EVENTS"; exit 4`,
			err: "pytest 6.2.5 is too old; 7.0", tool: true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tests, problems, err := played(t, t.TempDir(), tc.script).Discover(t.Context(), os.Environ())
			if (err == nil) != (tc.err == "") || err != nil && (!strings.Contains(err.Error(), tc.err) || errors.Is(err, adapter.ErrTool) != tc.tool) {
				t.Errorf("error %v", err)
			}
			if len(tests) != tc.tests || (len(problems) == 0) != (tc.problem == "") {
				t.Fatalf("%+v %+v", tests, problems)
			}
			if tc.problem != "" && (!strings.Contains(problems[0].Text, tc.problem) || !problems[0].LosesEvidence) {
				t.Errorf("%+v", problems)
			}
			if len(tests) > 0 && (tests[0].ID != "s/a.py::x" || tests[0].Unit != "s" || !slices.Equal(tests[0].Tags, []string{"smoke"})) {
				t.Errorf("%+v", tests)
			}
		})
	}
}

func TestToolThatIsMissing(t *testing.T) {
	_, _, err := launched(adapter.Spec{Name: "s", Framework: "pytest", Run: []string{"no-such-pytest"}}, t.TempDir()).Discover(t.Context(), os.Environ())
	if !errors.Is(err, adapter.ErrTool) || !strings.Contains(err.Error(), "no-such-pytest is not installed or not in PATH") {
		t.Errorf("%v", err)
	}
}

// The reporter gets the selection as a file: no name is too long or too odd for it.
func TestSelection(t *testing.T) {
	script := `case "$E2E_GATE_SELECTION" in "") exit 9;; esac
tr -d '\n' < "$E2E_GATE_SELECTION" > "$E2E_GATE_DIR/seen"; cp "$E2E_GATE_EVENTS" "$E2E_GATE_DIR/before" 2>/dev/null
printf '%s\n' '{"event":"finished","id":"a.py::x[\n\"<&>]","outcome":"passed"}' >> "$E2E_GATE_EVENTS"; echo '{"event":"end"}' >> "$E2E_GATE_EVENTS"`
	root, name := t.TempDir(), "a.py::x[\n\"<&>]"
	rep := suitetest.Run(t, played(t, root, script), []e2e.Test{{ID: "s/" + name, Name: name, Suite: "s", Unit: "s", File: "a.py"}}, 0)
	if len(rep.Problems) > 0 || e2e.OutcomeOf(rep.Tests["s/"+name]) != e2e.Passed {
		t.Errorf("%+v", rep)
	}
	if seen, err := os.ReadFile(filepath.Join(root, "seen")); err != nil || string(seen) != `["a.py::x[\n\"<&>]"]` {
		t.Errorf("%s %v", seen, err)
	}
	if _, err := os.Stat(filepath.Join(root, "before")); err == nil {
		t.Error("there were events before the run")
	}
}
