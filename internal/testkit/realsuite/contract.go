package realsuite

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

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
	// Shards is how many there are; 0: one.
	Shards int
	// Own: each test leaves a file that has the last word of its name, and no other test's.
	Own bool
}

// Contract is the table that all adapters share.
var Contract = []Case{
	{Name: "ordinary", Doc: "a test that passes, one that is skipped",
		Want: map[string][]e2e.Outcome{"fine": {e2e.Passed}, "skip": {e2e.Skipped}}, Rows: 2, Exit: []int{0}},
	{Name: "hook", Doc: "a flaky hook before a broken test", Want: map[string][]e2e.Outcome{"broken": {e2e.Failed}}, Rows: 2, Exit: []int{1}},
	{Name: "expected", Doc: "an expected failure, with retries",
		Want: map[string][]e2e.Outcome{"known": {e2e.Passed, e2e.Skipped}, "fine": {e2e.Passed}}, Rows: 2, Exit: []int{0}},
	{Name: "retries", Doc: "fails in five of six executions, with retries at the test and in the config",
		Want: map[string][]e2e.Outcome{"late": {e2e.Failed}, "fine": {e2e.Passed}}, Rows: 2, Exit: []int{1}},
	{Name: "retried", Doc: "passes on a retry of the framework",
		Want: map[string][]e2e.Outcome{"late": {e2e.Flaky}, "fine": {e2e.Passed}}, Rows: 2, Exit: []int{0}},
	{Name: "projects", Doc: "one file in two projects, broken in one",
		Want: map[string][]e2e.Outcome{"shared": {e2e.Passed, e2e.Failed}}, Rows: 2, Exit: []int{1}},
	{Name: "twins", Doc: "two tests of one name, one broken", Rows: 2, Exit: []int{1}},
	{Name: "twins-green", Doc: "two tests of one name that pass", Rows: 2, Exit: []int{0}},
	{Name: "exits", Doc: "a test ends the process with status 0", Want: map[string][]e2e.Outcome{"fine": {e2e.Passed, e2e.Lost}}, Rows: 3, Exit: []int{1, 3}},
	{Name: "import", Doc: "a file that cannot be imported or compiled", Exit: []int{1, 3}},
	{Name: "teardown", Doc: "a flake, and a tear-down that fails the run", Want: map[string][]e2e.Outcome{"fine": {e2e.Passed, e2e.Lost}}, Exit: []int{3}},
	{Name: "group", Doc: "a group whose second test fails once, and needs the first in its process",
		Want: map[string][]e2e.Outcome{"second": {e2e.Flaky}}, Exit: []int{0}},
	{Name: "kept", Doc: "in a group, a test that is skipped since the one before it failed",
		Want: map[string][]e2e.Outcome{"first": {e2e.Failed}, "second": {e2e.NotRun}}, Rows: 2, Exit: []int{1}},
	{Name: "outside", Doc: "tests outside of the suite's folder, one broken",
		Want: map[string][]e2e.Outcome{"fine": {e2e.Passed}, "broken": {e2e.Failed}}, Rows: 2, Exit: []int{1}},
	{Name: "alarm", Doc: "an alarm of the whole suite (a coverage threshold), on two shards",
		Want: map[string][]e2e.Outcome{"one": {e2e.Passed}, "two": {e2e.Passed}}, Rows: 2, Exit: []int{0}, Shards: 2},
	{Name: "evidence", Doc: "two broken tests in one process, each with a file in `E2E_TEST_EVIDENCE_DIR`",
		Want: map[string][]e2e.Outcome{"one": {e2e.Failed}, "two": {e2e.Failed}}, Rows: 2, Exit: []int{1}, Own: true},
	{Name: "alarm-whole", Doc: "the same alarm, in one process",
		Want: map[string][]e2e.Outcome{"one": {e2e.Passed, e2e.Lost}, "two": {e2e.Passed, e2e.Lost}}, Rows: 2, Exit: []int{3}},
}

//go:embed contract/*.txtar
var contracts embed.FS

// Files of a case that say something of it.
const (
	// impossible says why the framework does not allow the case.
	impossible = "impossible"
	// settings are further settings of the suite, in the config.
	settings = "settings"
	// note is what plan and result have to say.
	note = "note"
	// lines are those that the rows of the result have, sorted.
	lines = "lines"
)

// shared is the folder of files that all cases of a framework have, unless they have their own.
const shared = "all"

// FrameworkOf is the framework of a column: one framework may run the tests of several others, as in "webdriverio (cucumber)".
func FrameworkOf(column string) string {
	framework, _, _ := strings.Cut(column, " (")
	return framework
}

// ContractOf are the projects of a column, by case: files by name.
func ContractOf(t testing.TB, column string) map[string]map[string]string {
	t.Helper()
	data, err := contracts.ReadFile("contract/" + strings.NewReplacer(" (", "-", ")", "").Replace(column) + ".txtar")
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
	common := projects[shared]
	delete(projects, shared)
	for _, files := range projects {
		for file, text := range common {
			if _, own := files[file]; !own {
				files[file] = text
			}
		}
	}
	// An alarm is the same project on two shards and in one process.
	if alarm, ok := projects["alarm"]; ok && projects["alarm-whole"] == nil {
		whole := maps.Clone(alarm)
		delete(whole, note)
		projects["alarm-whole"] = whole
	}
	return projects
}

// Impossible says why a framework cannot have a case; empty: it can.
func Impossible(project map[string]string) string { return strings.TrimSpace(project[impossible]) }

// PlayContract runs the contract of a column through the gate's own program. install makes a
// project runnable, as for [Example].
func PlayContract(t *testing.T, column string, install func(t *testing.T, dir string) []string, args ...string) {
	t.Helper()
	Slow(t)
	gate, projects := gatebin.Build(t), ContractOf(t, column)
	for _, c := range Contract {
		t.Run(column+"/"+c.Name, func(t *testing.T) {
			files, ok := projects[c.Name]
			if !ok {
				t.Fatalf("%s has no project of this case", column)
			}
			if why := Impossible(files); why != "" {
				t.Skip(why)
			}
			t.Parallel()
			c.play(t, gate, FrameworkOf(column), files, install, args)
		})
	}
}

func (c Case) play(t *testing.T, gate, framework string, files map[string]string, install func(t *testing.T, dir string) []string, args []string) {
	t.Helper()
	dir := t.TempDir()
	spec := fmt.Sprintf("version: 1\nstages: {pr: {on: [pull_request], timeout: 3m}}\nsuites:\n  - name: s\n    framework: %s\n", framework)
	if len(args) > 0 {
		spec += fmt.Sprintf("    args: [%s]\n", strings.Join(args, ", "))
	}
	for line := range strings.Lines(files[settings]) {
		spec += "    " + line
	}
	tc := Trick{Root: dir, Files: map[string]string{"e2e-gate.yml": spec, ".git/keep": ""}}
	for name, text := range files {
		if name != settings && name != note && name != lines {
			tc.Files[name] = text
		}
	}
	var env []string
	for _, kv := range os.Environ() {
		ofCI := func(prefix string) bool { return strings.HasPrefix(kv, prefix) }
		if !slices.ContainsFunc([]string{"GITHUB_", "E2E_", "EXAMPLE_", "CI="}, ofCI) {
			env = append(env, kv)
		}
	}
	env = append(env, install(t, dir)...)
	env = append(env, "NO_COLOR=1")
	if run := direct(framework, dir); len(run) > 0 && !strings.Contains(files[settings], "run:") {
		tc.Files["e2e-gate.yml"] += fmt.Sprintf("    run: [%s]\n", strings.Join(run, ", "))
	}
	tc.write(t)
	count := strconv.Itoa(max(c.Shards, 1))
	if text := strings.TrimSpace(files[note]); text != "" {
		var plan e2e.Plan
		ask(t, dir, env, &plan, gate, "plan", "--format", "json", "--shards", count)
		says(t, "plan", plan.Problems, text)
	}
	var r e2e.Result
	exit := ask(t, dir, env, &r, gate, "run", "--format", "json", "--shards", count)
	c.check(t, r, exit)
	if want := strings.TrimSpace(files[lines]); want != "" {
		var have []int
		for _, test := range r.Tests {
			have = append(have, test.Line)
		}
		if slices.Sort(have); want != strings.Trim(fmt.Sprint(have), "[]") {
			t.Errorf("the rows have the lines %v, want %s", have, want)
		}
	}
	says(t, "result", r.Problems, strings.TrimSpace(files[note]))
	if t.Failed() {
		t.Log(r.Verdict.Reasons)
		for _, log := range logsOf(dir) {
			data, _ := os.ReadFile(log)
			t.Logf("%s\n%s", log, data[max(0, len(data)-3000):])
		}
	}
}

// ask runs the gate, reads the document that it prints, and returns its exit status.
func ask(t *testing.T, dir string, env []string, into any, argv ...string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...) //nolint:gosec // our own program
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%s: exit status %d: %v\n%s", argv[1], cmd.ProcessState.ExitCode(), err, out)
	}
	return cmd.ProcessState.ExitCode()
}

// says wants exactly one note of what was not checked, with this text; empty: none.
func says(t *testing.T, where string, problems []e2e.Problem, text string) {
	t.Helper()
	var notes []string
	for _, p := range problems {
		if p.Code == e2e.CodeNotChecked {
			notes = append(notes, p.Text)
		}
	}
	if want := strings.Fields(text); len(want) == 0 && len(notes) > 0 || len(want) > 0 && !slices.Equal(notes, []string{text}) {
		t.Errorf("%s: want %q, got %q", where, text, notes)
	}
}

// hasOwnFile wants a test's file, and no other, with its first failure.
func hasOwnFile(t *testing.T, test e2e.TestResult) {
	t.Helper()
	words := strings.FieldsFunc(test.ID, func(r rune) bool { return !unicode.IsLetter(r) })
	want := strings.ToLower(strings.TrimPrefix(words[len(words)-1], "test")) + ".txt"
	var have []string
	for _, file := range test.Attempts[0].Files {
		if strings.Contains(file, "/evidence/") {
			have = append(have, path.Base(file))
		}
	}
	if !slices.Equal(have, []string{want}) {
		t.Errorf("%s has the files %q, want %s", test.ID, have, want)
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
	for _, test := range r.Tests {
		if c.Own {
			hasOwnFile(t, test)
		}
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
