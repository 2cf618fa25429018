package command

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

// shell makes a suite that runs a shell script.
func shell(t *testing.T, script string, reports ...string) (adapter.Spec, string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the suite of this test is a shell script")
	}
	return adapter.Spec{Name: "legacy", Framework: "command", Run: []string{"sh", "-c", script, "sh"}, Reports: reports}, t.TempDir()
}

// runWhole runs a suite that cannot list its tests.
func runWhole(t *testing.T, s adapter.Spec, root string) adapter.Report {
	t.Helper()
	a := Framework.New(s, root)
	batch, ok := a.(adapter.Batcher).Batch()
	if !ok {
		t.Fatal("the suite is not a batch")
	}
	return suitetest.RunBatch(t, a, batch)
}

const green = `<testsuite name="s"><testcase classname="A" name="one" time="0.5"/></testsuite>`

func write(file, xml string) string { return "printf '%s' '" + xml + "' > " + file + "\n" }

func TestCommandWhole(t *testing.T) {
	s, root := shell(
		t,
		"mkdir -p out\n"+write(
			"out/a.xml",
			`<testsuite><properties><property name="owner" value="legacy-team"/></properties>`+
				`<testcase classname="A" name="one"/><testcase classname="A" name="two"><failure message="boom"/></testcase></testsuite>`,
		)+"exit 1",
		"out/**/*.xml",
	)
	if tests, _ := suitetest.Discover(t, Framework.New(s, root)); len(tests) != 0 {
		t.Fatalf("a suite that cannot list its tests lists %+v", tests)
	}
	batch, ok := Framework.New(s, root).(adapter.Batcher).Batch()
	if !ok || batch.ID != "legacy::(whole suite)" || batch.Unit != "legacy" || len(batch.Locks) != 1 {
		t.Fatalf("%+v", batch)
	}
	rep := runWhole(t, s, root)
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
		{"killed", write("r.xml", green) + "kill -9 $$", e2e.CodeRunnerExit, "killed by SIGKILL (usually the system was out of memory"},
		{"nothing printed", "", e2e.CodeReportDamaged, "it printed nothing"},
		{"a pipe", "mkfifo r.xml", e2e.CodeReportDamaged, "r.xml is not a regular file"},
		{"a link to a device", "ln -s /dev/zero r.xml", e2e.CodeReportDamaged, "r.xml is not a regular file"},
		{"a file without end", "truncate -s 1100M r.xml", e2e.CodeReportDamaged, "r.xml has more than 1024 MiB"},
		{"an HTML page", write("r.xml", "<html><body>502</body></html>"), e2e.CodeReportDamaged, "not a JUnit report"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, root := shell(t, tc.script, "*.xml")
			rep := runWhole(t, s, root)
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
	rep := runWhole(t, s, root)
	if len(rep.Unplanned) != 0 || len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0].Text, "old.xml is from an earlier run") {
		t.Errorf("%+v", rep)
	}
	if _, err := os.Stat(old); err != nil {
		t.Error("the stale report was taken away")
	}
	// The same content written again is a new report.
	s.Run[2] = write("old.xml", green)
	rep = runWhole(t, s, root)
	if len(rep.Unplanned) != 1 || len(rep.Problems) != 0 {
		t.Errorf("a report that was written again does not count: %+v", rep)
	}
}

// A test that fails in one browser and passes in the other failed: the two are no
// attempts at one test. A case that is repeated is one only if the config says so.
func TestCommandDoublesAreNoRetries(t *testing.T) {
	failing, passing := `<testcase classname="A" name="one"><failure message="boom"/></testcase>`, `<testcase classname="A" name="one"/>`
	in := func(suite, cases string) string { return `<testsuite ` + suite + `>` + cases + `</testsuite>` }
	for _, tc := range []struct {
		name, report, retries string
		want                  string
		problems              string
	}{
		{"two projects", in(`name="s" hostname="chromium"`, failing) + in(`name="s" hostname="firefox"`, passing), "",
			"legacy/[chromium] A::one failed, legacy/[firefox] A::one passed", ""},
		{"two suites", in(`name="s"`, failing) + in(`name="t"`, passing), "", "legacy/[s] A::one failed, legacy/[t] A::one passed", ""},
		{"two files of suites", in(`name="s" file="x.js"`, failing) + in(`name="s" file="y.js"`, passing), "",
			"legacy/[x.js] A::one failed, legacy/[y.js] A::one passed", ""},
		{"two lines", in(`name="s"`, `<testcase classname="A" name="one" line="3"><failure/></testcase><testcase classname="A" name="one" line="4"/>`), "",
			"legacy/A::one failed", "several tests share one id"},
		{"twice", in(`name="s"`, failing+passing), "", "legacy/A::one failed", "if this is a retry, set `retries: repeated-cases`"},
		{"twice, and nothing is a retry", in(`name="s"`, failing+passing), "none", "legacy/A::one failed", "several tests share one id"},
		{"twice, the other way", in(`name="s"`, passing+failing), "", "legacy/A::one failed", "several tests share one id"},
		{"repeated", in(`name="s"`, failing+passing), "repeated-cases", "legacy/A::one flaky", ""},
		{"repeated behind a pass", in(`name="s"`, passing+failing), "repeated-cases", "legacy/A::one failed", "several tests share one id"},
		{"no class", `<testsuite name="x"><testcase name="t"/></testsuite><testsuite name="y"><testcase name="t"/></testsuite>`, "",
			"legacy/x::t passed, legacy/y::t passed", ""},
		{"no class, but a file of this machine", `<testsuite name="x"><testcase file="ROOT/a/b.js" name="t"/></testsuite>`, "", "legacy/a/b.js::t passed", ""},
		{"no class, but a file of another machine", `<testsuite name="x"><testcase file="/home/x/b.js" name="t"/></testsuite>`, "", "legacy/b.js::t passed", ""},
		{"no class, but a file of Windows", `<testsuite name="x"><testcase file="C:\x\b.js" name="t"/></testsuite>`, "", "legacy/b.js::t passed", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, root := shell(t, "", "*.xml")
			s.Run[2], s.Retries = write("r.xml", "<testsuites>"+strings.ReplaceAll(tc.report, "ROOT", root)+"</testsuites>"), tc.retries
			rep := runWhole(t, s, root)
			var got []string
			for _, run := range rep.Unplanned {
				got = append(got, run.ID+" "+string(e2e.OutcomeOf(run.Attempts)))
			}
			if strings.Join(got, ", ") != tc.want {
				t.Errorf("%q, want %s", got, tc.want)
			}
			said := ""
			for _, p := range rep.Problems {
				said += p.Text + "\n"
			}
			if !strings.Contains(said, tc.problems) || tc.problems == "" && said != "" {
				t.Errorf("%q, want %q", said, tc.problems)
			}
		})
	}
}

// Two tests that go by one listed name count as the worse.
func TestCommandLineOfTwoTests(t *testing.T) {
	s, root := shell(
		t, write("r.xml", `<testsuite><testcase classname="A" name="one"><failure/></testcase><testcase classname="B" name="one"/></testsuite>`), "*.xml",
	)
	s.List = []string{"printf", `one\n`}
	tests, _ := suitetest.Discover(t, Framework.New(s, root))
	rep := suitetest.Run(t, Framework.New(s, root), tests, 0)
	if e2e.OutcomeOf(rep.Tests["legacy::one"]) != e2e.Failed || len(rep.Problems) != 1 {
		t.Errorf("%+v", rep)
	}
}

func TestCommandList(t *testing.T) {
	s, root := shell(t, "", "{report_dir}/*.xml")
	s.List = []string{"printf", `one\nA.two\n\nA::three\nf.rb::four\nfive\n`}
	s.Run = []string{
		"sh", "-c",
		`printf '<testsuite><testcase name="one"/><testcase classname="A" name="two"/>` +
			`<testcase classname="A" name="three"/><testcase file="f.rb" name="four"/><testcase name="other"/></testsuite>' > "$0/r.xml"; printf '%s,' "$@" > args`,
		"{report_dir}",
	}
	tests, _ := suitetest.Discover(t, Framework.New(s, root))
	if len(tests) != 5 || tests[2].ID != "legacy::A::three" || len(tests[0].Locks) != 0 {
		t.Fatalf("%+v", tests)
	}
	rep := suitetest.Run(t, Framework.New(s, root), tests, 0)
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
		c := &command{spec: adapter.Spec{Name: "s", Run: tc.run}}
		got, err := c.argv(adapter.Unit{Tests: tests, Reports: "DIR/reports"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Error(diff)
		}
	}
	dir := t.TempDir()
	c := &command{spec: adapter.Spec{Name: "s", Run: []string{"x", "@{tests_file}"}}}
	got, err := c.argv(adapter.Unit{Tests: tests, Reports: filepath.Join(dir, "reports")})
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	if data, err := os.ReadFile(strings.TrimPrefix(got[1], "@")); err != nil || string(data) != "a b\nc;d\n" {
		t.Errorf("%q %v", data, err)
	}
}

func TestCommandListFails(t *testing.T) {
	s, root := shell(t, "", "*.xml")
	for _, tc := range []struct {
		list []string
		want string
	}{
		{[]string{"sh", "-c", "echo one; echo broken >&2; exit 4"}, "end of its output: broken"},
		{[]string{"sh", "-c", "exit 4"}, "it printed nothing"},
		{[]string{"no-such-tool-anywhere"}, "no-such-tool-anywhere"},
		// Tests beyond the bound are unknown: a shorter list would lose them.
		{[]string{"sh", "-c", "head -c 68000000 /dev/zero | tr '\\0' '\\n'; echo one"}, "printed more than 64 MiB"},
	} {
		s.List = tc.list
		_, _, err := Framework.New(s, root).Discover(t.Context(), os.Environ())
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v", tc.list, err)
		}
	}
}

// TestCommandFiles is about lists of files: a line has all results of its file, however the report names that.
func TestCommandFiles(t *testing.T) {
	const two = `<testcase classname="C" name="one" %[1]s time="1"/><testcase classname="C" name="two" %[1]s time="2"><failure message="boom"/></testcase>`
	on := func(attribute string) string {
		return "<testsuite>" + strings.ReplaceAll(two, "%[1]s", attribute) + "</testsuite>"
	}
	const failed, lost = e2e.Failed, e2e.OutcomeUnknown
	for name, tc := range map[string]struct {
		split, line, report string
		want                e2e.Outcome
		unplanned           int
	}{
		"on the case":                       {line: "spec/a_spec.rb", report: on(`file="./spec/a_spec.rb"`), want: failed},
		"the line begins with a dot":        {line: "./spec/a_spec.rb", report: on(`file="spec/a_spec.rb"`), want: failed},
		"from the root of the repository":   {line: "spec/a_spec.rb", report: on(`file="sub/spec/a_spec.rb"`), want: failed},
		"on the suite":                      {line: "spec/a_spec.rb", report: `<testsuite file="spec/a_spec.rb">` + on("") + `</testsuite>`, want: failed},
		"as the class":                      {line: "a.bats", report: strings.ReplaceAll(on(""), `"C"`, `"a.bats"`), want: failed},
		"as the suite":                      {line: "a.bats", report: strings.ReplaceAll(on(""), "<testsuite>", `<testsuite name="a.bats">`), want: failed},
		"a name that is not a file":         {line: "C", report: on(""), want: lost, unplanned: 2},
		"a file that is only in the report": {line: "spec/none.rb", report: on(`file="spec/none.rb"`), want: failed},
		"said to be a file":                 {split: "file", line: "none.bats", report: strings.ReplaceAll(on(""), `"C"`, `"none.bats"`), want: failed},
		"said to be a test":                 {split: "test", line: "spec/a_spec.rb", report: on(`file="spec/a_spec.rb"`), want: lost, unplanned: 2},
		"another file of that name":         {line: "spec/a_spec.rb", report: on(`file="old/a_spec.rb"`), want: lost, unplanned: 2},
		"an absolute path":                  {line: "spec/a_spec.rb", report: on(`file="ROOT/sub/spec/a_spec.rb"`), want: failed},
	} {
		t.Run(name, func(t *testing.T) {
			s, root := shell(t, "", "{report_dir}/*.xml")
			s.Dir, s.Split = "sub", tc.split
			s.List = []string{"printf", "%s\n", tc.line}
			s.Run = []string{"sh", "-c", `printf '%s' "$1" > "$0/r.xml"; exit 1`, "{report_dir}", strings.ReplaceAll(tc.report, "ROOT", root)}
			for _, file := range []string{"spec/a_spec.rb", "a.bats"} {
				file = filepath.Join(root, "sub", file)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // a folder of the test
					t.Fatal(err)
				}
				if err := os.WriteFile(file, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			tests, _ := suitetest.Discover(t, Framework.New(s, root))
			if len(tests) != 1 || tests[0].ID != "legacy::"+tc.line {
				t.Fatalf("%+v", tests)
			}
			rep := suitetest.Run(t, Framework.New(s, root), tests, 0)
			got := rep.Tests[tests[0].ID]
			if e2e.OutcomeOf(got) != tc.want && (tc.want != lost || len(got) > 0) || len(rep.Unplanned) != tc.unplanned {
				t.Fatalf("%+v", rep)
			}
			if tc.want == failed && (len(got) != 1 || got[0].Message != "two: boom" || len(got[0].Children) != 2 || got[0].Seconds <= 0) {
				t.Errorf("%+v", got)
			}
			joined := strings.Contains(strings.Join(problemTexts(rep), " "), `such as "`+tc.line+`"; 2 names that were not planned were reported, such as "one" in "C"`)
			if joined != (tc.want == lost) {
				t.Errorf("%q", problemTexts(rep))
			}
		})
	}
}

// A script that starts a process for each file puts its reports into folders of their names, if they name no file themselves.
func TestCommandReportFolders(t *testing.T) {
	const report = `<testsuite name="x.bats"><testcase classname="x.bats" name="one" file="helper.bash"/></testsuite>`
	for name, tc := range map[string]struct {
		split, line, folder string
		lost                bool
	}{
		"of its name":            {line: "a/x.bats", folder: "a/x.bats"},
		"below that":             {line: "a/x.bats", folder: "a/x.bats/deep/er"},
		"the line has a dot":     {line: "./a/x.bats", folder: "a/x.bats"},
		"a name with spaces":     {line: "a/x y.bats", folder: "a/x y.bats"},
		"said to be a file":      {split: "file", line: "none.bats", folder: "none.bats"},
		"said to be a test":      {split: "test", line: "a/x.bats", folder: "a/x.bats", lost: true},
		"of another name":        {line: "a/x.bats", folder: "b/x.bats", lost: true},
		"above it":               {line: "a/x.bats", folder: "a", lost: true},
		"not a file":             {line: "chromium", folder: "chromium", lost: true},
		"with a file beside it":  {line: "a/x.bats", folder: "a/x.bats2", lost: true},
		"from a folder above it": {line: "../outside.bats", folder: "a/../../outside.bats", lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, root := shell(t, "", "{report_dir}/**/*.xml")
			s.Dir, s.Split = "sub", tc.split
			s.List = []string{"printf", "%s\n", tc.line}
			s.Run = []string{"sh", "-c", `mkdir -p "$0" && printf '%s' "$1" > "$0/r.xml"`, "{report_dir}/" + tc.folder, report}
			for _, file := range []string{"sub/a/x.bats", "sub/a/x y.bats", "outside.bats"} {
				file = filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // a folder of the test
					t.Fatal(err)
				}
				if err := os.WriteFile(file, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			tests, _ := suitetest.Discover(t, Framework.New(s, root))
			rep := suitetest.Run(t, Framework.New(s, root), tests, 0)
			got := rep.Tests[tests[0].ID]
			if tc.lost != (len(got) == 0) || !tc.lost && (len(got[0].Children) != 1 || got[0].Children[0].Name != "one" || len(rep.Problems) > 0) {
				t.Errorf("%+v", rep)
			}
		})
	}
}

// Without a list, a report of any folder keeps what it says of files.
func TestCommandReportFoldersWithoutList(t *testing.T) {
	const script = `mkdir -p "$1/a.bats" && printf '%s' '<testsuite><testcase name="one" file="b.bats"/></testsuite>' > "$1/a.bats/r.xml"`
	s, root := shell(t, script, "{report_dir}/**/*.xml")
	s.Run = append(s.Run, "{report_dir}")
	if rep := runWhole(t, s, root); len(rep.Unplanned) != 1 || rep.Unplanned[0].ID != "legacy/b.bats::one" {
		t.Errorf("%+v", rep)
	}
}

// A line may name file, class and test, and has one space where the report has more or a line break.
func TestCommandSpellings(t *testing.T) {
	for name, tc := range map[string]struct {
		line, testcase string
		lost           bool
	}{
		"file, class and name":         {line: "a.js::case::one", testcase: `file="a.js" classname="case" name="one"`},
		"the file as a path":           {line: "a.js::case::one", testcase: `file="ROOT/a.js" classname="case" name="one"`},
		"the file with a dot":          {line: "a.rb::case one", testcase: `file="./a.rb" classname="x" name="case one"`},
		"no class":                     {line: "a.js::::one", testcase: `file="a.js" classname="" name="one"`},
		"a class of another file":      {line: "a.js::case::one", testcase: `file="b.js" classname="case" name="one"`, lost: true},
		"no file":                      {line: "::case::one", testcase: `classname="case" name="one"`, lost: true},
		"a line break":                 {line: "a.js::case::new line", testcase: `file="a.js" classname="case" name="new&#10;line"`},
		"a line break in the class":    {line: "in two::one", testcase: `classname="in&#10;two" name="one"`},
		"spaces":                       {line: "C:: a b", testcase: `classname="C" name="&#10;a&#9;&#160;  b"`},
		"the line has them":            {line: "C::a  b", testcase: `classname="C" name="a  b"`},
		"the line has them, otherwise": {line: "C::a   b", testcase: `classname="C" name="a  b"`, lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, root := shell(t, "", "{report_dir}/*.xml")
			s.List = []string{"printf", "%s\n", tc.line}
			report := "<testsuite><testcase " + strings.ReplaceAll(tc.testcase, "ROOT", root) + "/></testsuite>"
			s.Run = []string{"sh", "-c", `printf '%s' "$1" > "$0/r.xml"`, "{report_dir}", report}
			tests, _ := suitetest.Discover(t, Framework.New(s, root))
			rep := suitetest.Run(t, Framework.New(s, root), tests, 0)
			if got := rep.Tests[tests[0].ID]; tc.lost != (len(got) == 0) || tc.lost != (len(rep.Unplanned) == 1) {
				t.Errorf("%+v", rep)
			}
		})
	}
}

func problemTexts(rep adapter.Report) (list []string) {
	for _, p := range rep.Problems {
		list = append(list, p.Text)
	}
	return list
}
