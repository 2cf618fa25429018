package suite

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// shell makes a suite that runs a shell script.
func shell(t *testing.T, script string, reports ...string) (Spec, string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the suite of this test is a shell script")
	}
	return Spec{Name: "legacy", Framework: "command", Run: []string{"sh", "-c", script, "sh"}, Reports: reports}, t.TempDir()
}

const green = `<testsuite name="s"><testcase classname="A" name="one" time="0.5"/></testsuite>`

func write(file, xml string) string { return "printf '%s' '" + xml + "' > " + file + "\n" }

func TestCommandWhole(t *testing.T) {
	s, root := shell(t, "mkdir -p out\n"+write("out/a.xml", `<testsuite><properties><property name="owner" value="legacy-team"/></properties><testcase classname="A" name="one"/><testcase classname="A" name="two"><failure message="boom"/></testcase></testsuite>`)+"exit 1", "out/**/*.xml")
	tests, _ := discover(t, s, root)
	if len(tests) != 1 || !tests[0].Whole || len(tests[0].Locks) != 1 {
		t.Fatalf("%+v", tests)
	}
	rep := runUnit(t, s, root, tests, 0)
	if len(rep.Problems) != 0 || len(rep.Unplanned) != 2 {
		t.Fatalf("%+v", rep)
	}
	two := rep.Unplanned[1]
	if two.ID != "legacy/A::two" || two.Unplanned.Owner != "legacy-team" || e2e.OutcomeOf(two.Attempts) != e2e.Failed || two.Attempts[0].Message != "boom" {
		t.Errorf("%+v", two)
	}
}

func TestCommandEvidence(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		code         e2e.Code
		text         string
	}{
		{"no report at all", "echo nothing done", e2e.CodeReportDamaged, "left no report"},
		{"exit 3 with a clean report", write("r.xml", green) + "exit 3", e2e.CodeRunnerExit, "although no test failed"},
		{"empty report", ": > r.xml", e2e.CodeReportDamaged, "the file is empty"},
		{"truncated", write("r.xml", `<testsuite><testcase name="one"/><testcase name="two"><failure`), e2e.CodeReportDamaged, "r.xml"},
		{"no test in it", write("r.xml", `<testsuite/>`), e2e.CodeReportDamaged, "hold no test"},
		{"killed", write("r.xml", green) + "kill -9 $$", e2e.CodeRunnerExit, "killed by a signal"},
		{"an HTML page", write("r.xml", "<html><body>502</body></html>"), e2e.CodeReportDamaged, "no JUnit report"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, root := shell(t, tc.script, "*.xml")
			tests, _ := discover(t, s, root)
			rep := runUnit(t, s, root, tests, 0)
			if len(rep.Problems) == 0 || rep.Problems[0].Code != tc.code || !rep.Problems[0].LosesEvidence || !strings.Contains(rep.Problems[0].Text, tc.text) {
				t.Errorf("%+v", rep.Problems)
			}
		})
	}
}

func TestCommandStaleReportDoesNotCount(t *testing.T) {
	s, root := shell(t, "exit 0", "*.xml")
	old := filepath.Join(root, "old.xml")
	if err := os.WriteFile(old, []byte(green), 0o644); err != nil {
		t.Fatal(err)
	}
	tests, _ := discover(t, s, root)
	rep := runUnit(t, s, root, tests, 0)
	if len(rep.Unplanned) != 0 || len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0].Text, "old.xml is from an earlier run") {
		t.Errorf("%+v", rep)
	}
	if _, err := os.Stat(old); err != nil {
		t.Error("the stale report was taken away")
	}
	// The same content written again is a new report.
	s.Run[2] = write("old.xml", green)
	rep = runUnit(t, s, root, tests, 0)
	if len(rep.Unplanned) != 1 || len(rep.Problems) != 0 {
		t.Errorf("a report that was written again does not count: %+v", rep)
	}
}

func TestCommandList(t *testing.T) {
	s, root := shell(t, "", "{report_dir}/*.xml")
	s.List = []string{"printf", `one\nA.two\n\nA::three\nf.rb::four\nfive\n`}
	s.Run = []string{"sh", "-c", `printf '<testsuite><testcase name="one"/><testcase classname="A" name="two"/><testcase classname="A" name="three"/><testcase file="f.rb" name="four"/><testcase name="other"/></testsuite>' > "$0/r.xml"; printf '%s,' "$@" > args`, "{report_dir}"}
	tests, _ := discover(t, s, root)
	if len(tests) != 5 || tests[2].ID != "legacy::A::three" || len(tests[0].Locks) != 0 {
		t.Fatalf("%+v", tests)
	}
	rep := runUnit(t, s, root, tests, 0)
	if len(rep.Tests) != 4 || len(rep.Tests["legacy::five"]) != 0 || len(rep.Unplanned) != 1 || rep.Unplanned[0].ID != "legacy/::other" {
		t.Errorf("%+v", rep)
	}
	args, err := os.ReadFile(filepath.Join(root, "args"))
	if err != nil || string(args) != "one,A.two,A::three,f.rb::four,five," {
		t.Errorf("%s %v", args, err)
	}
}

func TestCommandPlacesTests(t *testing.T) {
	tests := []e2e.Test{{Name: "a b"}, {Name: "c;d"}}
	for _, tc := range []struct {
		run  []string
		want []string
	}{
		{[]string{"x"}, []string{"x", "a b", "c;d"}},
		{[]string{"x", "{tests}", "y"}, []string{"x", "a b", "c;d", "y"}},
		{[]string{"x", "--only={tests}"}, []string{"x", "--only=a b c;d"}},
		{[]string{"x", "{report_dir}"}, []string{"x", "DIR/reports", "a b", "c;d"}},
	} {
		c := &command{spec: Spec{Name: "s", Run: tc.run}}
		got, err := c.argv(Unit{Tests: tests, Reports: "DIR/reports"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Error(diff)
		}
	}
	dir := t.TempDir()
	c := &command{spec: Spec{Name: "s", Run: []string{"x", "@{tests_file}"}}}
	got, err := c.argv(Unit{Tests: tests, Reports: filepath.Join(dir, "reports")})
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	if data, err := os.ReadFile(strings.TrimPrefix(got[1], "@")); err != nil || string(data) != "a b\nc;d\n" {
		t.Errorf("%q %v", data, err)
	}
}

func TestCommandListFails(t *testing.T) {
	s, root := shell(t, "", "*.xml")
	for _, list := range [][]string{{"sh", "-c", "echo one; echo broken >&2; exit 4"}, {"no-such-tool-anywhere"}} {
		s.List = list
		_, _, err := adapter(t, s, root).Discover(t.Context(), os.Environ())
		if err == nil {
			t.Errorf("%v: no error", list)
		}
	}
}

func TestValidate(t *testing.T) {
	all := func(string) bool { return true }
	none := func(string) bool { return false }
	if got := (Spec{Name: "s", Framework: "gotest", Args: []string{"-tags=e2e", "-race"}}).Validate(none); len(got) != 0 {
		t.Error(got)
	}
	if got := (Spec{Name: "s", Framework: "gotest", Args: []string{"-run=X", "-test.count=2", "--json"}}).Validate(none); len(got) != 3 {
		t.Error(got)
	}
	if got := (Spec{Name: "s", Framework: "command"}).Validate(none); len(got) != 2 {
		t.Error(got)
	}
	if got := (Spec{Name: "s", Framework: "command", Run: []string{"x", "{tests}"}, Reports: []string{"[a"}}).Validate(none); len(got) != 2 {
		t.Error(got)
	}
	if got := (Spec{Name: "s", Framework: "gotest"}).Validate(all); len(got) != 3 {
		t.Error(got)
	}
	if got := (Spec{Name: "s"}).Validate(none); len(got) != 1 {
		t.Error(got)
	}
}
