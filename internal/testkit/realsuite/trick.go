package realsuite

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// Trick is a small suite that does something odd: it is listed and run, through its
// adapter.
type Trick struct {
	Name, Dir string
	Files     map[string]string
	Args      []string
	Spec      suite.Spec
	Env       []string
	// Root is where the files are written; empty: a folder of its own.
	Root string
	// Only is the one test to run; empty: all that were listed.
	Only string
	// Want are the outcomes, Listing is part of a problem of discovery, Problem and
	// Message of what the run says.
	Want, Listing, Problem, Message string
	// Attempts, if set, are those of all planned tests: "failed first, passed framework", with
	// a number in front for tests that share an id.
	Attempts string
	// Worker begins the name of the framework's worker in each attempt, where it has several.
	Worker string
	// Kept is how many attachments are kept.
	Kept int
	// Attempt is that of the run; 0 is 1.
	Attempt int
	// ToldAtEnd: some of the failures are known only when the process has ended, such as those of JUnit 4.
	ToldAtEnd bool
}

// Play lists the tests, runs them, and compares outcomes, problems and messages.
func (tc Trick) Play(t *testing.T) {
	t.Helper()
	Slow(t)
	if tc.Root == "" {
		tc.Root = t.TempDir()
	}
	tc.write(t)
	a, err := tc.adapter()
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), tc.Env...)
	tests, problems, err := a.Discover(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	tc.Says(t, "listing", tc.Listing, problems)
	tests = slices.DeleteFunc(tests, func(planned e2e.Test) bool { return tc.Only != "" && planned.Name != tc.Only })
	if len(tests) == 0 && tc.Want == "" {
		return
	}
	rep := tc.Run(t, a, tests, env)
	if got := Outcomes(tests, rep); got != tc.Want {
		t.Errorf("got  %s\nwant %s\n%+v", got, tc.Want, rep.Problems)
	}
	tc.Says(t, "run", tc.Problem, rep.Problems)
	tc.attempts(t, rep)
}

// programs are those of packages that npx would look up, with what the adapters add.
var programs = map[string][]string{"cucumber": {"cucumber-js"}, "jest": {"jest"}, "mocha": {"mocha"}, "playwright": {"playwright", "test"}, "vitest": {"vitest"},
	"webdriverio": {"wdio"}}

// direct starts a framework without npx, which takes longer than most of these suites. The examples
// start theirs as users do. It is empty where there is nothing to start.
func direct(framework, dir string) []string {
	words := programs[framework]
	if len(words) == 0 {
		return nil
	}
	file := filepath.Join(dir, "node_modules", ".bin", words[0])
	if _, err := os.Stat(file); err != nil || runtime.GOOS == "windows" {
		return nil
	}
	return append([]string{file}, words[1:]...)
}

func (tc Trick) adapter() (suite.Adapter, error) {
	if len(tc.Spec.Run) == 0 {
		tc.Spec.Run = direct(tc.Spec.Framework, tc.Root)
	}
	return suite.New(tc.Spec, tc.Root)
}

func (tc Trick) write(t *testing.T) {
	t.Helper()
	for name, text := range tc.Files {
		file := filepath.Join(tc.Root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Run runs tests of the suite once.
func (tc Trick) Run(t *testing.T, a suite.Adapter, tests []e2e.Test, env []string) suite.Report {
	t.Helper()
	u := suite.Unit{Name: "s", Tests: tests, Attempt: max(tc.Attempt, 1), Reports: filepath.Join(t.TempDir(), "reports"), Env: env}
	u.Evidence = filepath.Join(filepath.Dir(u.Reports), "evidence")
	for _, dir := range []string{u.Reports, u.Evidence} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	told := map[string]e2e.Outcome{}
	u.Progress = func(p adapter.Progress) {
		if p.Part == "" && (p.Outcome == e2e.Failed || told[p.Test] != e2e.Failed) {
			told[p.Test] = p.Outcome
		}
	}
	inv, err := a.Start(u)
	if err != nil {
		t.Fatal(err)
	}
	cmd := inv.Command()
	exit := proc.Run(t.Context(), proc.Spec{Argv: cmd.Argv, Dir: cmd.Dir, Env: append(slices.Clip(env), cmd.Env...), Stdout: inv.Stdout()})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%q: %s\n%s", cmd.Argv, exit, exit.Tail)
		}
	})
	follower, isLive := inv.(adapter.Follower)
	if isLive {
		follower.Follow()
	}
	rep := inv.Report(exit)
	if isLive && !tc.ToldAtEnd && tc.Spec.Framework != "command" {
		tc.live(t, tests, told, rep)
	}
	return rep
}

// live compares what was told while the process ran with its results: a failure that is not told is not shown
// until the end.
func (tc Trick) live(t *testing.T, tests []e2e.Test, told map[string]e2e.Outcome, rep suite.Report) {
	t.Helper()
	for _, test := range tests {
		failed := func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed && a.Uncounted == "" }
		if have := told[test.Name]; slices.ContainsFunc(rep.Tests[test.ID], failed) != (have == e2e.Failed) {
			t.Errorf("while it ran, %s was told as %q, and its attempts are %+v", test.Name, have, rep.Tests[test.ID])
		}
	}
}

// Says wants a problem whose text contains the given part; without a part, no problem.
func (tc Trick) Says(t *testing.T, what, want string, problems []e2e.Problem) {
	t.Helper()
	if (want == "") != (len(problems) == 0) || want != "" && !slices.ContainsFunc(problems, func(p e2e.Problem) bool { return strings.Contains(p.Text, want) }) {
		t.Errorf("%s: want %q in %+v", what, want, problems)
	}
}

// Alarms lists a suite of one test that raises alarms of the whole suite, sorted: the listing names
// them, a process that runs a part names them and raises none, and one that runs all raises them.
// locks: no two processes of a machine run such tests at once.
func (tc Trick) Alarms(t *testing.T, locks bool, alarms ...string) {
	t.Helper()
	Slow(t)
	if tc.Root == "" {
		tc.Root = t.TempDir()
	}
	a, tests, problems, err := tc.ListIn(t)
	named := func(problems []e2e.Problem) bool {
		return slices.EqualFunc(problems, alarms, func(p e2e.Problem, alarm string) bool {
			return p.Code == e2e.CodeNotChecked && strings.HasSuffix(p.Text, ": "+alarm)
		})
	}
	if err != nil || len(tests) != 1 || !named(problems) {
		t.Fatal(err, problems, tests)
	}
	if (len(tests[0].Locks) > 0) != locks {
		t.Errorf("locks: %q", tests[0].Locks)
	}
	part := tc.Run(t, a, tests, append(os.Environ(), "E2E_PART=1"))
	if e2e.OutcomeOf(part.Tests[tests[0].ID]) != e2e.Passed || !named(part.Problems) {
		t.Errorf("a part: %+v", part)
	}
	whole := tc.Run(t, a, tests, os.Environ())
	if len(whole.Problems) == 0 || !whole.Problems[0].LosesEvidence || slices.ContainsFunc(whole.Problems, func(p e2e.Problem) bool { return p.Note }) {
		t.Errorf("the whole suite: %+v", whole.Problems)
	}
}

func (tc Trick) attempts(t *testing.T, rep suite.Report) {
	t.Helper()
	var messages strings.Builder
	kept := 0
	var list []string
	for _, id := range slices.Sorted(maps.Keys(rep.Tests)) {
		for _, a := range rep.Tests[id] {
			messages.WriteString(a.Message + "\n")
			kept += len(a.Files)
			if tc.Worker != "" && !strings.HasPrefix(a.Worker, tc.Worker) {
				t.Errorf("%s ran in worker %q, want %s…", id, a.Worker, tc.Worker)
			}
			word := string(a.Outcome) + " " + string(a.Source)
			if a.Twin > 0 {
				word = fmt.Sprintf("#%d %s", a.Twin, word)
			}
			list = append(list, word)
		}
	}
	if got := strings.Join(list, ", "); tc.Attempts != "" && got != tc.Attempts {
		t.Errorf("attempts: got %s, want %s", got, tc.Attempts)
	}
	if !strings.Contains(messages.String(), tc.Message) || kept != tc.Kept {
		t.Errorf("want %q in %q, and %d files, not %d", tc.Message, messages.String(), tc.Kept, kept)
	}
}

// Project is a trick of a JVM project: a txtar archive in testdata.
func Project(t *testing.T, framework, name string, args ...string) Trick {
	t.Helper()
	for _, kv := range Maven(t, "") {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
	archive, err := txtar.ParseFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	return Trick{Files: files, Spec: suite.Spec{Name: "s", Framework: framework, Args: args}}
}

// List writes the project and lists its tests.
func (tc *Trick) List(t *testing.T) (suite.Adapter, []e2e.Test, []e2e.Problem, error) {
	t.Helper()
	Slow(t)
	tc.Root = t.TempDir()
	return tc.ListIn(t)
}

// ListIn is List in the root that the trick has.
func (tc *Trick) ListIn(t *testing.T) (suite.Adapter, []e2e.Test, []e2e.Problem, error) {
	t.Helper()
	tc.write(t)
	a, err := tc.adapter()
	if err != nil {
		t.Fatal(err)
	}
	tests, problems, err := a.Discover(t.Context(), os.Environ())
	return a, tests, problems, err
}

// Left are the files below the root that a pattern matches, sorted.
func (tc Trick) Left(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(tc.Root, pattern))
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		if rel, err := filepath.Rel(tc.Root, file); err == nil {
			files[i] = filepath.ToSlash(rel)
		}
	}
	return strings.Join(files, " ")
}

// Outcomes are those of the tests that were planned, and of others that ran.
func Outcomes(tests []e2e.Test, rep suite.Report) string {
	got := map[string]e2e.Outcome{}
	for _, t := range tests {
		got[t.Name] = e2e.OutcomeOf(rep.Tests[t.ID])
	}
	for _, run := range rep.Unplanned {
		got["unplanned "+run.ID] = e2e.OutcomeOf(run.Attempts)
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(got)) {
		list = append(list, name+" "+string(got[name]))
	}
	return strings.Join(list, ", ")
}
