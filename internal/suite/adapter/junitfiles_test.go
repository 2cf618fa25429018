package adapter_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// reports has a process leave JUnit XML files in its suite's directory; before lie there
// already, and after are written while it runs.
func reports(t *testing.T, before, after map[string]string) (*adapter.Process, adapter.Report) {
	t.Helper()
	return reportsIn(t, "", before, after)
}

// reportsIn is reports where a folder lies among them; empty: none.
func reportsIn(t *testing.T, folder string, before, after map[string]string) (*adapter.Process, adapter.Report) {
	t.Helper()
	p := suitetest.Process(t, "a", "b")
	if err := os.MkdirAll(filepath.Join(p.Start.Dir, folder), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(files map[string]string) {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(p.Start.Dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(before)
	files, err := adapter.NewJUnitFiles([]string{adapter.EscapeGlob(filepath.ToSlash(p.Start.Dir)) + "/*.xml"}, func(found junit.Test) attempts.Reported {
		r := adapter.ReportedOf(p.Spec, found)
		r.Spellings = []attempts.Spelling{{Name: found.Identity.Name}}
		return r
	})
	if err != nil {
		t.Fatal(err)
	}
	files.Named = "*.xml"
	write(after)
	p.Results = files
	return p, p.Report(proc.Exit{Ended: proc.Exited})
}

const twoCases = `<testsuite><testcase classname="A" name="a"/><testcase classname="A" name="c"><skipped/></testcase></testsuite>`

func TestReportsThatCount(t *testing.T) {
	for _, tc := range []struct {
		name          string
		before, after map[string]string
		passed        bool
		problem       string
	}{
		{"a new report", nil, map[string]string{"new.xml": twoCases}, true, ""},
		{"a report that was written again", map[string]string{"old.xml": "<testsuite/>"}, map[string]string{"old.xml": twoCases}, true, ""},
		{"a report of an earlier run", map[string]string{"old.xml": twoCases}, nil, false,
			"no new file matches *.xml (old.xml is from an earlier run and does not count)"},
		{"no report", nil, nil, false, "batch u left no report (exit status 0): no new file matches *.xml; it printed nothing"},
		{"a report that is cut", nil, map[string]string{"cut.xml": `<testsuite><testcase name="a"/><testcase name="b">`}, true,
			"of batch u, 1:51: the report ends inside"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, rep := reports(t, tc.before, tc.after)
			if got := e2e.OutcomeOf(rep.Tests["s/a"]) == e2e.Passed; got != tc.passed {
				t.Errorf("a passed: %v, want %v; %+v", got, tc.passed, rep.Tests)
			}
			if tc.problem == "" && len(rep.Problems) > 0 {
				t.Fatalf("unexpected problems: %+v", rep.Problems)
			}
			if tc.problem != "" && (len(rep.Problems) == 0 || !strings.Contains(rep.Problems[0].Text, tc.problem) || !rep.Problems[0].LosesEvidence) {
				t.Errorf("%+v, want %q", rep.Problems, tc.problem)
			}
		})
	}
}

// Reports are copied into the unit's folder, where the next run does not overwrite them;
// the original stays.
func TestReportsAreKept(t *testing.T) {
	p, rep := reports(t, nil, map[string]string{"new.xml": twoCases})
	for _, file := range []string{filepath.Join(p.Start.Dir, "new.xml"), filepath.Join(p.Unit.Reports, "000-new.xml")} {
		if data, err := os.ReadFile(file); err != nil || string(data) != twoCases {
			t.Errorf("%s holds %q, %v", file, data, err)
		}
	}
	if len(rep.Unplanned) != 1 || rep.Unplanned[0].ID != "s/A::c" || rep.Unplanned[0].Unplanned.Framework != "pytest" {
		t.Errorf("unplanned: %+v", rep.Unplanned)
	}
}

// Tests that a report declares but does not have are lost evidence.
func TestReportWithWrongCounts(t *testing.T) {
	_, rep := reports(t, nil, map[string]string{"new.xml": `<testsuite tests="2"><testcase name="a"/></testsuite>`})
	at := slices.IndexFunc(rep.Problems, func(p e2e.Problem) bool { return strings.Contains(p.Text, "declares 2 tests but has 1 test cases") })
	if at < 0 || !rep.Problems[at].LosesEvidence || len(rep.Problems[at].Tests) == 0 {
		t.Errorf("%+v", rep.Problems)
	}
}

// What loses nothing is one note for all reports, whatever their number.
func TestOddReportsAreOneNote(t *testing.T) {
	odd := "<testsuite><testcase name=\"a\"><system-out>\x1b[32mok\x1b[0m</system-out></testcase></testsuite>"
	_, rep := reports(t, nil, map[string]string{"1.xml": odd, "2.xml": strings.ReplaceAll(odd, `"a"`, `"b"`)})
	if len(rep.Problems) != 1 || !rep.Problems[0].Note || rep.Problems[0].LosesEvidence || !strings.HasPrefix(rep.Problems[0].Text, "2 reports of batch u ") {
		t.Errorf("%+v", rep.Problems)
	}
}

// What looks like a report and is not read is named, and loses nothing by itself.
func TestReportsThatAreMissed(t *testing.T) {
	for name, tc := range map[string]struct {
		folder string
		after  map[string]string
		want   string
	}{
		"another case":           {"", map[string]string{"a.xml": twoCases, "Z.XML": twoCases}, "not read as reports of batch u: Z.XML differs from *.xml in upper and lower case"},
		"a folder":               {"d.xml", map[string]string{"a.xml": twoCases}, "not read as reports of batch u: d.xml is a folder"},
		"a folder and no report": {"d.xml", nil, "not read as reports of batch u: d.xml is a folder"},
		"another folder":         {"screenshots", map[string]string{"a.xml": twoCases}, ""},
		"another kind of file":   {"", map[string]string{"a.xml": twoCases, "a.txt": ""}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, rep := reportsIn(t, tc.folder, nil, tc.after)
			at := slices.IndexFunc(rep.Problems, func(p e2e.Problem) bool { return strings.Contains(p.Text, "not read as reports") })
			switch {
			case tc.want == "" && at >= 0, tc.want != "" && at < 0:
				t.Errorf("%+v, want %q", rep.Problems, tc.want)
			case at >= 0 && (rep.Problems[at].Text != tc.want || !rep.Problems[at].Note || rep.Problems[at].LosesEvidence):
				t.Errorf("%+v, want %q", rep.Problems[at], tc.want)
			}
		})
	}
}

// An element whose meaning is not known is a problem that somebody sees.
func TestUnknownElementIsNamed(t *testing.T) {
	_, rep := reports(t, nil, map[string]string{"1.xml": `<testsuite><testcase name="a"><todo/></testcase><testcase name="b"/></testsuite>`})
	if len(rep.Problems) != 1 || rep.Problems[0].Note || rep.Problems[0].LosesEvidence || !strings.Contains(rep.Problems[0].Text, "unknown element <todo>") {
		t.Errorf("%+v", rep.Problems)
	}
}

// No test takes longer than its process.
func TestTimesAreBoundByTheProcess(t *testing.T) {
	p := suitetest.Process(t, "a", "b")
	files, err := adapter.NewJUnitFiles([]string{adapter.EscapeGlob(filepath.ToSlash(p.Start.Dir)) + "/*.xml"}, func(tt junit.Test) attempts.Reported {
		return adapter.ReportedOf(p.Spec, tt)
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, report := range map[string]string{
		"1.xml": `<testsuite><testcase name="x" time="2,500"/></testsuite>`, // longer than its process, so the comma is a decimal one
		"2.xml": `<testsuite><testcase name="y" time="7200.5"/></testsuite>`,
	} {
		if err := os.WriteFile(filepath.Join(p.Start.Dir, name), []byte(report), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.Results = files
	rep := p.Report(proc.Exit{Ended: proc.Exited, Wall: 10 * time.Second})
	if len(rep.Unplanned) != 2 || rep.Unplanned[0].Attempts[0].Seconds != 2.5 || rep.Unplanned[1].Attempts[0].Seconds != 10 {
		t.Errorf("%+v", rep.Unplanned)
	}
}

// faulty is a reader of results with a bug.
type faulty struct{}

func (faulty) Collect(*adapter.Process, *adapter.Collected) (string, error) { panic("out of range") }

// A bug of the gate in reading results loses the evidence of that process, and of nothing else.
func TestAFaultOfTheReaderIsThatUnits(t *testing.T) {
	p := suitetest.Process(t, "a")
	p.Results = faulty{}
	rep := p.Report(proc.Exit{Ended: proc.Exited})
	if len(rep.Problems) != 1 || rep.Problems[0].Code != e2e.CodeReportDamaged || !rep.Problems[0].LosesEvidence ||
		!strings.Contains(rep.Problems[0].Text, "out of range") {
		t.Errorf("%+v", rep.Problems)
	}
}

func TestLinkToADeviceIsNoReport(t *testing.T) {
	if err := os.Symlink(os.DevNull, filepath.Join(t.TempDir(), "probe")); err != nil {
		t.Skip("no symbolic links here")
	}
	p := suitetest.Process(t, "a")
	if err := os.Symlink(os.DevNull, filepath.Join(p.Start.Dir, "r.xml")); err != nil {
		t.Fatal(err)
	}
	files, err := adapter.NewJUnitFiles([]string{adapter.EscapeGlob(filepath.ToSlash(p.Start.Dir)) + "/*.xml"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Results = files
	rep := p.Report(proc.Exit{Ended: proc.Exited})
	if len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0].Text, "r.xml is not a regular file; let the runner write its report to a file") {
		t.Errorf("%+v", rep.Problems)
	}
}
