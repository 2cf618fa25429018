package realsuite

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
)

// Case is one line of the contract that every adapter passes with its real framework.
type Case struct {
	Name string
	// Doc says what the suite does, for the table of the docs.
	Doc string
	// Want are outcomes of tests by a part of their ids, in the order of rows; several where more
	// than one is right. Rows is how many tests there are; 0: any number.
	Want map[string][]e2e.Outcome
	Rows int
	// Exit are the exit statuses that are right.
	Exit []int
}

// Contract is the table that all adapters share.
var Contract = []Case{
	{"ordinary", "a test that passes, one that is skipped", map[string][]e2e.Outcome{"fine": {e2e.Passed}, "skip": {e2e.Skipped}}, 2, []int{0}},
	{"hook", "a flaky hook before a broken test", map[string][]e2e.Outcome{"broken": {e2e.Failed}}, 2, []int{1}},
	{"expected", "an expected failure, with retries", map[string][]e2e.Outcome{"known": {e2e.Passed, e2e.Skipped}, "fine": {e2e.Passed}}, 2, []int{0}},
	{"retries", "fails in five of six executions, with retries at the test and in the config",
		map[string][]e2e.Outcome{"late": {e2e.Failed}, "fine": {e2e.Passed}}, 2, []int{1}},
	{"retried", "passes on a retry of the framework", map[string][]e2e.Outcome{"late": {e2e.Flaky}, "fine": {e2e.Passed}}, 2, []int{0}},
	{"projects", "one file in two projects, broken in one", map[string][]e2e.Outcome{"shared": {e2e.Passed, e2e.Failed}}, 2, []int{1}},
	{"twins", "two tests of one name, one broken", nil, 2, []int{1}},
	{"twins-green", "two tests of one name that pass", nil, 2, []int{0}},
	{"exits", "a test ends the process with status 0", map[string][]e2e.Outcome{"fine": {e2e.Passed, e2e.Lost}}, 3, []int{1, 3}},
	{"import", "a file that cannot be imported or compiled", nil, 0, []int{1, 3}},
	{"teardown", "a flake, and a tear-down that fails the run", map[string][]e2e.Outcome{"fine": {e2e.Passed}}, 0, []int{3}},
}

//go:embed contract/*.txtar
var contracts embed.FS

// impossible is a file of a case that the framework does not allow; it says why.
const impossible = "impossible"

// ContractOf are the projects of a framework, by case: files by name.
func ContractOf(t testing.TB, framework string) map[string]map[string]string {
	t.Helper()
	data, err := contracts.ReadFile("contract/" + framework + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	projects := map[string]map[string]string{}
	for _, f := range txtar.Parse(data).Files {
		name, file, _ := strings.Cut(f.Name, "/")
		if projects[name] == nil {
			projects[name] = map[string]string{}
		}
		projects[name][file] = string(f.Data)
	}
	return projects
}

// Impossible says why a framework cannot have a case; empty: it can.
func Impossible(project map[string]string) string { return strings.TrimSpace(project[impossible]) }

// PlayContract runs the contract of a framework through the gate's own program. install makes a
// project runnable, as for [Example].
func PlayContract(t *testing.T, framework string, install func(t *testing.T, dir string) []string, args ...string) {
	t.Helper()
	Slow(t)
	gate, projects := gatebin.Build(t), ContractOf(t, framework)
	for _, c := range Contract {
		t.Run(framework+"/"+c.Name, func(t *testing.T) {
			files, ok := projects[c.Name]
			if !ok {
				t.Fatalf("%s has no project of this case", framework)
			}
			if why := Impossible(files); why != "" {
				t.Skip(why)
			}
			t.Parallel()
			c.play(t, gate, framework, files, install, args)
		})
	}
}

func (c Case) play(t *testing.T, gate, framework string, files map[string]string, install func(t *testing.T, dir string) []string, args []string) {
	t.Helper()
	dir := t.TempDir()
	spec := fmt.Sprintf("version: 1\nstages: {pr: {on: [pull_request], timeout: 3m}}\nsuites:\n  - {name: s, framework: %s, args: [%s]}\n",
		framework, strings.Join(args, ", "))
	if framework == "gotest" {
		spec = strings.Replace(spec, ", args: []", "", 1)
	}
	tc := Trick{Root: dir, Files: map[string]string{"e2e-gate.yml": spec, ".git/keep": ""}}
	for name, text := range files {
		tc.Files[name] = text
	}
	tc.write(t)
	var env []string
	for _, kv := range os.Environ() {
		ofCI := func(prefix string) bool { return strings.HasPrefix(kv, prefix) }
		if !slices.ContainsFunc([]string{"GITHUB_", "E2E_", "EXAMPLE_", "CI="}, ofCI) {
			env = append(env, kv)
		}
	}
	env = append(env, install(t, dir)...)
	cmd := exec.CommandContext(t.Context(), gate, "run", "--format", "json", "--shards", "1")
	cmd.Dir, cmd.Env = dir, append(env, "NO_COLOR=1")
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var r e2e.Result
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("exit status %d: %v\n%s", cmd.ProcessState.ExitCode(), err, out)
	}
	c.check(t, r, cmd.ProcessState.ExitCode())
	if t.Failed() {
		t.Log(r.Verdict.Reasons)
		for _, log := range logsOf(dir) {
			data, _ := os.ReadFile(log)
			t.Logf("%s\n%s", log, data[max(0, len(data)-3000):])
		}
	}
}

func logsOf(dir string) []string {
	list, _ := filepath.Glob(filepath.Join(dir, ".e2e-gate", "runs", "*", "units", "*", "output.log"))
	return list
}

// check compares a result with the table.
func (c Case) check(t *testing.T, r e2e.Result, exit int) {
	t.Helper()
	var rows []string
	for _, test := range r.Tests {
		rows = append(rows, test.ID+" "+string(test.Outcome))
	}
	if !slices.Contains(c.Exit, exit) {
		t.Errorf("exit status %d, want one of %v: %q", exit, c.Exit, rows)
	}
	if c.Rows > 0 && len(r.Tests) != c.Rows {
		t.Errorf("%d tests, want %d: %q", len(r.Tests), c.Rows, rows)
	}
	for part, want := range c.Want {
		found := false
		for _, test := range r.Tests {
			if !strings.Contains(strings.ToLower(test.ID), part) {
				continue
			}
			found = true
			if !slices.Contains(want, test.Outcome) {
				t.Errorf("%s is %s, want one of %v: %q", test.ID, test.Outcome, want, rows)
			}
		}
		if !found {
			t.Errorf("test %s is missing: %q", part, rows)
		}
	}
}
