package jvm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

const (
	platform = "[INFO] Using auto detected provider org.apache.maven.surefire.junitplatform.JUnitPlatformProvider\n"
	junit4   = "[INFO] Using auto detected provider org.apache.maven.surefire.junit4.JUnit4Provider\n"
	module   = "b/pom.xml::default-test (JUnit 4)"
)

// An execution outside the JUnit Platform is one test, whose parts are the cases of its reports.
func TestModules(t *testing.T) {
	const report = `<testsuite name="shop.OldTest"><testcase classname="shop.OldTest" name="old"><failure message="boom"/></testcase>` +
		`<testcase classname="shop.OldTest" name="fine"/></testsuite>`
	const loaded, started = `{"event":"loaded"}`, `{"event":"started","id":"` + module + `"}`
	const finished = `{"event":"finished","id":"` + module + `","attachments":["REPORT"]}`
	const flaky = `<testsuite name="shop.OldTest"><testcase classname="shop.OldTest" name="old"><flakyFailure message="late" type="x"/></testcase></testsuite>`
	const none = `{"event":"finished","id":"` + module + `","attachments":[]}`
	for _, tc := range []struct {
		name, output, report string
		told                 []string
		exit                 int
		outcome              e2e.Outcome
		message, problem     string
	}{
		{"a failure", platform + junit4, report, []string{loaded, started, finished}, 0, e2e.Failed, "shop.OldTest::old: boom", ""},
		{"repeated by the framework", junit4, flaky, []string{loaded, started, finished}, 0, e2e.Flaky, "shop.OldTest::old: late", ""},
		{"no test found", "", "", []string{loaded, started, none}, 0, e2e.Skipped, "the build found no test here", ""},
		{"a JVM that died", junit4, "", []string{loaded, started}, 1, e2e.Lost, "", "ended before it had reported everything while these ran: " + module},
		{"a damaged report", junit4, report[:150], []string{loaded, started, finished}, 0, e2e.Lost, "", "report 000-TEST-x.xml of batch u"},
		{"a timeout of the build", junit4 + "\x1b[0m\x1b[0m[ERROR] There was a timeout in the fork\n", report, []string{loaded, started, finished}, 0, e2e.Lost, "",
			"forkedProcessTimeoutInSeconds"},
		{"no extension", "", "", nil, 0, e2e.Lost, "", "the build did not load the gate's extension"},
		{"a provider that was not foreseen", junit4 + junit4, report, []string{loaded, started, finished}, 0, e2e.Lost, "", "(JUnit4Provider) that were not selected"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := suitetest.WithEvents(t, suitetest.Process(t, "shop.NewTest::m()", module), `{"event":"begin"}`,
				`{"event":"finished","id":"shop.NewTest::m()","class":"shop.NewTest","outcome":"passed"}`, `{"event":"end"}`)
			dir := t.TempDir()
			file := filepath.Join(dir, "TEST-x.xml")
			tool := strings.ReplaceAll(strings.Join(tc.told, "\n"), "REPORT", filepath.ToSlash(file))
			for name, text := range map[string]string{file: tc.report, filepath.Join(dir, "build.jsonl"): tool} {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out := &buildOutput{}
			out.read([]byte(tc.output))
			events, ok := p.Results.(*adapter.EventFile)
			if !ok {
				t.Fatalf("%T", p.Results)
			}
			p.Results = &jvmResults{events: events, out: out, tool: filepath.Join(dir, "build.jsonl"), unexpected: unexpectedProvider}
			rep := p.Report(proc.Exit{Ended: proc.Exited, Code: tc.exit})
			list := rep.Tests["s/"+module]
			lost := slices.ContainsFunc(rep.Problems, func(p e2e.Problem) bool { return p.LosesEvidence && slices.Contains(p.Tests, "s/"+module) })
			if got := e2e.OutcomeOf(list); tc.outcome != e2e.Lost && got != tc.outcome || lost != (tc.outcome == e2e.Lost) {
				t.Errorf("%s, lost: %v; %+v", got, lost, rep.Problems)
			}
			if tc.message != "" && (len(list) == 0 || list[0].Message != tc.message) {
				t.Errorf("%+v", list)
			}
			has := slices.ContainsFunc(rep.Problems, func(p e2e.Problem) bool { return strings.Contains(p.Text, tc.problem) })
			if (tc.problem == "") != (len(rep.Problems) == 0) || tc.problem != "" && !has || len(rep.Unplanned) > 0 {
				t.Errorf("%+v %+v", rep.Problems, rep.Unplanned)
			}
		})
	}
}

// A listing without our classes in the build tool is refused: it may have run tests. One in which a
// provider ran that they did not foresee is not complete.
func TestListedWithoutExtension(t *testing.T) {
	j, ok := newMaven(adapter.Spec{Name: "s", Framework: "junit5-maven"}, t.TempDir()).(*jvm)
	if !ok {
		t.Fatal(j)
	}
	b := jvmRun{folder: t.TempDir()}
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(b.events(), `{"event":"listed","id":"shop.NewTest::m()"}`+"\n")
	if _, _, err := j.listed(b, proc.Exit{Ended: proc.Exited}, &buildOutput{}); err == nil || !strings.Contains(err.Error(), notLoaded) {
		t.Error(err)
	}
	write(b.tool(), `{"event":"loaded"}`+"\n"+`{"event":"listed","id":"`+module+`","file":"b/pom.xml"}`+"\n")
	listed, problems, err := j.listed(b, proc.Exit{Ended: proc.Exited}, &buildOutput{})
	tests := j.tests(listing{Events: listed}, sources{})
	if err != nil || len(problems) > 0 || len(tests) != 2 || tests[1].ID != "s/"+module || tests[1].File != "b/pom.xml" {
		t.Errorf("%v %+v %+v", err, problems, tests)
	}
	out := &buildOutput{}
	out.read([]byte(junit4))
	if _, problems, _ := j.listed(b, proc.Exit{Ended: proc.Exited}, out); len(problems) != 1 || !strings.Contains(problems[0].Text, "some ran meanwhile") {
		t.Errorf("%+v", problems)
	}
}
