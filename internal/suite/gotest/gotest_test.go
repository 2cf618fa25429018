package gotest

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

// module writes a Go module and returns its folder.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	files["go.mod"] = "module example.com/suite\n\ngo 1.25\n"
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const goSuite = `package suite

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv("E2E_DISCOVERY_MUST_NOT_RUN") != "" {
		os.Exit(7)
	}
	os.Exit(m.Run())
}

// TestSubmit submits.
//
//e2e:tags smoke, owner:case-platform
//e2e:tags journey:submission
func TestSubmit(t *testing.T) {}

func TestFails(t *testing.T) {
	t.Log("a log line")
	t.Attr("e2e.expected", "accepted")
	t.Attr("e2e.actual", "submitted")
	t.Fatalf("case was not accepted:\nlast state submitted")
}

func TestTable(t *testing.T) {
	for _, name := range []string{"low", "high risk"} {
		t.Run(name, func(t *testing.T) {
			if name == "high risk" {
				t.Error("expected 2 approvals, got 1")
			}
		})
	}
}

func TestSkips(t *testing.T) { t.Skip("needs a browser") }

func FuzzInput(f *testing.F) { f.Fuzz(func(t *testing.T, s string) {}) }

func helper(t *testing.T) {}

func Testlowercase(t *testing.T) {}

func TestNoParam() {}

func Example_say() {
	// Output:
}

func Example_silent() {}

func BenchmarkNot(b *testing.B) {}
`

// compiles leaves out what go vet would refuse.
func compiles(source string) string {
	return strings.NewReplacer("func TestNoParam() {}", "", "func Testlowercase(t *testing.T) {}", "").Replace(source)
}

func TestGoDiscovery(t *testing.T) {
	t.Setenv("E2E_DISCOVERY_MUST_NOT_RUN", "1")
	root := module(t, map[string]string{
		"e2e/suite_test.go":      goSuite,
		"e2e/tagged_test.go":     "//go:build e2e\n\npackage suite\n\nimport \"testing\"\n\nfunc TestTagged(t *testing.T) {}\n",
		"e2e/external_test.go":   "package suite_test\n\nimport tt \"testing\"\n\nfunc TestExternal(t *tt.T) {}\n",
		"e2e/deep/deep_test.go":  "package deep\n\nimport \"testing\"\n\nfunc TestDeep(t *testing.T) {}\n",
		"other/not_test.go":      "package other\n\nimport \"testing\"\n\nfunc TestOther(t *testing.T) {}\n",
		"e2e/testdata/x_test.go": "package broken\n\nfunc {",
	})
	tests, problems := suitetest.Discover(t, Framework.New(adapter.Spec{Name: "s", Framework: "gotest", Dir: "e2e", Args: []string{"-tags=e2e", "-race"}}, root))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var ids []string
	for _, test := range tests {
		ids = append(ids, test.ID)
	}
	slices.Sort(ids)
	want := []string{
		"s/deep/deep_test.go::TestDeep", "s/external_test.go::TestExternal", "s/suite_test.go::Example_say", "s/suite_test.go::FuzzInput",
		"s/suite_test.go::TestFails", "s/suite_test.go::TestSkips", "s/suite_test.go::TestSubmit", "s/suite_test.go::TestTable", "s/tagged_test.go::TestTagged",
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
	submit := tests[slices.IndexFunc(tests, func(x e2e.Test) bool { return x.Name == "TestSubmit" })]
	if diff := cmp.Diff([]string{"smoke", "owner:case-platform", "journey:submission"}, submit.Tags); diff != "" {
		t.Error(diff)
	}
	if submit.Line != 19 || submit.Class != "example.com/suite/e2e" || submit.Unit != "s/." {
		t.Errorf("%+v", submit)
	}
}

func TestGoBrokenSourceIsABuildFailure(t *testing.T) {
	root := module(t, map[string]string{"a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {\n"})
	tests, problems := suitetest.Discover(t, Framework.New(adapter.Spec{Name: "s", Framework: "gotest"}, root))
	if len(tests) != 0 || len(problems) != 1 || problems[0].Code != e2e.CodeBuildFailed || !problems[0].LosesEvidence {
		t.Fatalf("%v %+v", tests, problems)
	}
	if !strings.Contains(problems[0].Text, "a_test.go:5") {
		t.Errorf("no position: %s", problems[0].Text)
	}
}

func TestGoToolMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, _, err := Framework.New(adapter.Spec{Name: "s", Framework: "gotest"}, t.TempDir()).Discover(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "go is not installed or not in PATH") {
		t.Error(err)
	}
}

func byName(tests []e2e.Test, names ...string) []e2e.Test {
	var list []e2e.Test
	for _, x := range tests {
		if slices.Contains(names, x.Name) {
			list = append(list, x)
		}
	}
	return list
}

func TestGoRun(t *testing.T) {
	root := module(t, map[string]string{"suite_test.go": compiles(goSuite)})
	s := adapter.Spec{Name: "s", Framework: "gotest"}
	all, _ := suitetest.Discover(t, Framework.New(s, root))
	rep := suitetest.Run(t, Framework.New(s, root), byName(all, "TestSubmit", "TestFails", "TestTable", "TestSkips", "FuzzInput", "Example_say"), time.Minute)
	if len(rep.Problems) > 0 || len(rep.Unplanned) > 0 {
		t.Fatalf("%+v", rep)
	}
	outcomes := map[string]e2e.Outcome{}
	for id, attempts := range rep.Tests {
		outcomes[id] = e2e.OutcomeOf(attempts)
	}
	want := map[string]e2e.Outcome{
		"s/suite_test.go::TestSubmit": e2e.Passed, "s/suite_test.go::TestFails": e2e.Failed, "s/suite_test.go::TestTable": e2e.Failed,
		"s/suite_test.go::TestSkips": e2e.Skipped, "s/suite_test.go::FuzzInput": e2e.Passed, "s/suite_test.go::Example_say": e2e.Passed,
	}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Error(diff)
	}
	failed := rep.Tests["s/suite_test.go::TestFails"][0]
	if failed.Message != "case was not accepted:\nlast state submitted" || len(failed.Evidence) != 2 || failed.Evidence[0].Text != "accepted" {
		t.Errorf("%+v", failed)
	}
	table := rep.Tests["s/suite_test.go::TestTable"][0]
	if table.Message != "high_risk: expected 2 approvals, got 1" || len(table.Children) != 2 || table.Children[1].Outcome != e2e.Passed {
		t.Errorf("%+v", table)
	}
	if skipped := rep.Tests["s/suite_test.go::TestSkips"][0]; skipped.Message != "needs a browser" {
		t.Errorf("%q", skipped.Message)
	}
}

func TestGoRunSelectsExactly(t *testing.T) {
	root := module(t, map[string]string{
		"a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\nfunc TestAB(t *testing.T) {}\nfunc TestB(t *testing.T) {}\nfunc TestXA(t " +
			"*testing.T) {}\n",
	})
	s := adapter.Spec{Name: "s", Framework: "gotest"}
	all, _ := suitetest.Discover(t, Framework.New(s, root))
	rep := suitetest.Run(t, Framework.New(s, root), byName(all, "TestA", "TestB"), 0)
	if len(rep.Tests) != 2 || len(rep.Unplanned) != 0 {
		t.Errorf("ran more or less than TestA and TestB: %+v", rep)
	}
}

func TestGoPanicLosesTheRest(t *testing.T) {
	root := module(t, map[string]string{
		"a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\nfunc TestB(t *testing.T) { var m map[int]int; m[1] = 1 }\nfunc TestC(t " +
			"*testing.T) {}\n",
	})
	s := adapter.Spec{Name: "s", Framework: "gotest"}
	all, _ := suitetest.Discover(t, Framework.New(s, root))
	rep := suitetest.Run(t, Framework.New(s, root), all, 0)
	b := rep.Tests["s/a_test.go::TestB"]
	if len(b) != 1 || b[0].Type != "panic" || !b[0].Error || !strings.Contains(b[0].Message, "nil map") {
		t.Errorf("%+v", b)
	}
	if len(rep.Problems) != 1 || rep.Problems[0].Code != e2e.CodeRunnerExit || !slices.Equal(rep.Problems[0].Tests, []string{"s/a_test.go::TestC"}) {
		t.Errorf("%+v", rep.Problems)
	}
}

func TestGoTimeoutBlamesTheRunningTest(t *testing.T) {
	root := module(t, map[string]string{
		"a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\nfunc TestHangs(t *testing.T) { select {} }\nfunc TestC(t *testing.T) {}\n",
	})
	s := adapter.Spec{Name: "s", Framework: "gotest"}
	all, _ := suitetest.Discover(t, Framework.New(s, root))
	rep := suitetest.Run(t, Framework.New(s, root), all, 300*time.Millisecond)
	hangs := rep.Tests["s/a_test.go::TestHangs"]
	if len(hangs) != 1 || hangs[0].Outcome != e2e.Failed || hangs[0].Message != "test timed out after 300ms" {
		t.Errorf("%+v", hangs)
	}
	if _, ok := rep.Tests["s/a_test.go::TestC"]; ok || len(rep.Problems) != 1 {
		t.Errorf("%+v", rep)
	}
}

func TestGoBuildFailure(t *testing.T) {
	root := module(t, map[string]string{"a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) { undefined() }\n"})
	s := adapter.Spec{Name: "s", Framework: "gotest"}
	all, problems := suitetest.Discover(t, Framework.New(s, root))
	if len(all) != 1 || len(problems) != 0 {
		t.Fatal(all, problems)
	}
	rep := suitetest.Run(t, Framework.New(s, root), all, 0)
	if !rep.BuildFailed || len(rep.Tests) != 0 || len(rep.Problems) != 1 || rep.Problems[0].Code != e2e.CodeBuildFailed ||
		!strings.Contains(rep.Problems[0].Text, "undefined: undefined") {
		t.Errorf("%+v", rep)
	}
}

func TestGoExitWithoutFailureIsNoPass(t *testing.T) {
	root := module(t, map[string]string{
		"a_test.go": "package a\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(m *testing.M) { m.Run(); os.Exit(3) }\nfunc TestA(t *testing.T) {}\n",
	})
	s := adapter.Spec{Name: "s", Framework: "gotest"}
	all, _ := suitetest.Discover(t, Framework.New(s, root))
	rep := suitetest.Run(t, Framework.New(s, root), all, 0)
	if len(rep.Problems) != 1 || rep.Problems[0].Code != e2e.CodeRunnerExit || !rep.Problems[0].LosesEvidence {
		t.Errorf("%+v", rep.Problems)
	}
	none := suitetest.Run(t, Framework.New(s, root), []e2e.Test{{ID: "s/a_test.go::TestGone", Name: "TestGone", File: "a_test.go", Unit: "s/."}}, 0)
	if len(none.Tests) != 0 {
		t.Errorf("a test that does not exist has reported: %+v", none.Tests)
	}
}

// A test binary that exits 0 without running its tests is not a pass, and says why.
func TestGoExitWithoutTests(t *testing.T) {
	root := module(t, map[string]string{
		"a_test.go": "package a\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(m *testing.M) { os.Exit(0) }\nfunc TestA(t *testing.T) {}\n",
	})
	s := adapter.Spec{Name: "s", Framework: "gotest"}
	tests, _ := suitetest.Discover(t, Framework.New(s, root))
	rep := suitetest.Run(t, Framework.New(s, root), tests, 0)
	if len(rep.Tests) != 0 || len(rep.Problems) != 1 || rep.Problems[0].Code != e2e.CodeRunnerExit ||
		!strings.Contains(rep.Problems[0].Text, "did not run; look at TestMain") {
		t.Errorf("%+v", rep)
	}
}

// With -cpu=1,2 a test runs twice in one process; a pass does not undo a failure.
func TestGoRunsOfOneProcessAreNoRetries(t *testing.T) {
	root := module(t, map[string]string{
		"a_test.go": "package a\n\nimport \"testing\"\n\nvar n int\n\nfunc TestA(t *testing.T) {\n\tn++\n\tt.Run(\"sub\", func(t *testing.T) {\n\t\tif n == 1 " +
			"{\n\t\t\tt.Error(\"boom\")\n\t\t}\n\t})\n}\n",
	})
	s := adapter.Spec{Name: "s", Framework: "gotest", Args: []string{"-cpu=1,2"}}
	tests, _ := suitetest.Discover(t, Framework.New(s, root))
	rep := suitetest.Run(t, Framework.New(s, root), tests, 0)
	got := rep.Tests["s/a_test.go::TestA"]
	if len(got) != 1 || got[0].Outcome != e2e.Failed || got[0].Children[0].Outcome != e2e.Failed || len(rep.Problems) != 0 {
		t.Errorf("%+v", rep)
	}
}

func TestGoEventsOfAnySizeAndShape(t *testing.T) {
	var log bytes.Buffer
	r := &goRun{
		suite: &goTest{spec: adapter.Spec{Name: "s"}}, unit: adapter.Unit{Name: "s/.", Log: &log, Tests: []e2e.Test{{ID: "s/a_test.go::TestA", Name: "TestA"}}},
		byName: map[string]*goState{},
	}
	stream := `go: some tool output
{"Action":"run","Test":"TestA"}
{"Action":"output","Test":"TestA","Output":"` + strings.Repeat("x", 2<<20) + `"}
{"Action":"attr","Test":"TestA","Key":"e2e.state","Value":"open"}
{"Action":"pass","Test":"TestA","Elapsed":1.5}
{"Action":"pass"`
	for i := 0; i < len(stream); i += 7 {
		if _, err := r.Write([]byte(stream[i:min(i+7, len(stream))])); err != nil {
			t.Fatal(err)
		}
	}
	rep := r.Report(proc.Exit{Ended: proc.Exited})
	a := rep.Tests["s/a_test.go::TestA"]
	if len(a) != 1 || a[0].Outcome != e2e.Passed || a[0].Seconds != 1.5 || len(rep.Problems) != 1 {
		t.Errorf("%+v", rep)
	}
	if !strings.HasPrefix(log.String(), "go: some tool output\n") {
		t.Errorf("%.80q", log.String())
	}
	if cap(r.partial) > 4*maxEvent {
		t.Errorf("%d bytes are kept of a line that is too long", cap(r.partial))
	}
}

func FuzzGoEvents(f *testing.F) {
	f.Add([]byte(`{"Action":"run","Test":"TestA"}` + "\n" + `{"Action":"fail","Test":"TestA/sub"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &goRun{suite: &goTest{}, unit: adapter.Unit{Tests: []e2e.Test{{ID: "a", Name: "TestA"}}}, byName: map[string]*goState{}}
		_, _ = r.Write(data)
		rep := r.Report(proc.Exit{Ended: proc.Exited})
		if len(rep.Tests["a"]) > 0 && !bytes.Contains(data, []byte("TestA")) && !bytes.Contains(data, []byte(`\u`)) {
			t.Errorf("a test reported out of nothing: %+v", rep)
		}
	})
}

func TestFailureText(t *testing.T) {
	for name, tc := range map[string]struct{ output, want string }{
		"fatal":         {"    a_test.go:3: boom: expected 1, got 2\n--- FAIL: TestA (0.00s)\n", "boom: expected 1, got 2"},
		"log after":     {"    a_test.go:3: expected 1, got 2\n    a_test.go:9: cleaned up\n", "expected 1, got 2"},
		"nothing helps": {"    a_test.go:3: one\n    a_test.go:4: two\n", "two"},
		"several lines": {"    a_test.go:3: unexpected:\n        a\n          b\n", "unexpected:\na\n  b"},
		"no block":      {"just text\n", ""},
		"testify": {
			"    a_test.go:10: \n        \tError Trace:\t/x/a_test.go:10\n        \tError:      \tNot equal\n",
			"Error Trace:\t/x/a_test.go:10\n\tError:      \tNot equal",
		},
		"subtest indent": {"        a_test.go:3: got 404\n", "got 404"},
	} {
		if got := failureText(tc.output); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

func TestSymlinkedRoot(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows")
	}
	root := module(t, map[string]string{"e2e/a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n"})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	tests, _ := suitetest.Discover(t, Framework.New(adapter.Spec{Name: "s", Framework: "gotest", Dir: "e2e"}, link))
	if len(tests) != 1 || tests[0].ID != "s/a_test.go::TestA" {
		t.Errorf("%+v", tests)
	}
}
