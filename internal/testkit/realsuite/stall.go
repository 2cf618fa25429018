package realsuite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
)

// Stall plays a suite one of whose tests never ends through the gate's own program, with a stall_timeout: that test has
// failed, its thread dump names what hangs, and the others were not run or had passed. hangs is a part of its
// id, and in of the line that hangs. install makes the project runnable, as for [Example].
func Stall(t *testing.T, framework string, files map[string]string, install func(t *testing.T, dir string) []string, hangs, in string, args ...string) {
	t.Helper()
	Slow(t)
	dir := t.TempDir()
	spec := fmt.Sprintf("version: 1\nstages: {pr: {on: [pull_request], timeout: 5m}}\nrerun: {max_failures: 0}\n"+
		"suites:\n  - {name: s, framework: %s, stall_timeout: 4s, args: [%s]}\n", framework, strings.Join(args, ", "))
	tc := Trick{Root: dir, Files: map[string]string{"e2e-gate.yml": spec, ".git/keep": ""}}
	for name, text := range files {
		tc.Files[name] = text
	}
	tc.write(t)
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GITHUB_") && !strings.HasPrefix(kv, "E2E_") {
			env = append(env, kv)
		}
	}
	if install != nil {
		env = append(env, install(t, dir)...)
	}
	var r e2e.Result
	if exit := ask(t, dir, append(env, "NO_COLOR=1"), &r, gatebin.Build(t), "run", "--format", "json", "--shards", "1"); exit != 1 {
		t.Errorf("exit status %d: %+v", exit, r.Verdict)
	}
	found := false
	for _, test := range r.Tests {
		if !strings.Contains(test.ID, hangs) {
			if test.Outcome != e2e.Passed && test.Outcome != e2e.NotRun {
				t.Errorf("%s is %s", test.ID, test.Outcome)
			}
			continue
		}
		found = true
		a := test.Attempts[len(test.Attempts)-1]
		if test.Outcome != e2e.Failed || a.Type != "stalled" {
			t.Errorf("%+v", test)
		}
		if !slices.ContainsFunc(a.Files, func(name string) bool {
			data, _ := os.ReadFile(filepath.Join(dir, ".e2e-gate", "runs", r.Run.ID, name))
			return strings.Contains(string(data), in)
		}) {
			t.Errorf("no thread dump of %v has %q", a.Files, in)
		}
	}
	if !found {
		t.Errorf("%s is missing: %+v", hangs, r.Tests)
	}
	if t.Failed() {
		for _, log := range logsOf(dir) {
			data, _ := os.ReadFile(log)
			t.Logf("%s\n%s", log, data[max(0, len(data)-4000):])
		}
	}
}
