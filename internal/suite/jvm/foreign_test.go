package jvm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

const (
	platform = "[INFO] Using auto detected provider org.apache.maven.surefire.junitplatform.JUnitPlatformProvider\n"
	junit4   = "[INFO] Using auto detected provider org.apache.maven.surefire.junit4.JUnit4Provider\n"
	oneTest  = "[ERROR] Tests run: 1, Failures: 1, Errors: 0, Skipped: 0 -- in shop.OldTest\n"
	noTest   = "[INFO] Tests run: 0, Failures: 0, Errors: 0, Skipped: 0\n"
)

// What a module ran on another provider counts, from its reports; what the platform reported is
// not counted twice.
func TestAdopt(t *testing.T) {
	const report = `<testsuite name="shop.OldTest"><testcase classname="shop.OldTest" name="old"><failure message="boom"/></testcase></testsuite>`
	const own = `<testsuite name="shop.NewTest"><testcase classname="shop.NewTest$Inner" name="m"/></testsuite>`
	for _, tc := range []struct {
		name, output string
		reports      map[string]string
		unplanned    string
		problem      string
		loses        bool
	}{
		{"another provider", platform + junit4 + oneTest, map[string]string{"OldTest": report, "NewTest": own}, "s/shop.OldTest::old failed",
			"1 tests of batch u ran outside the JUnit Platform (JUnit4Provider)", false},
		{"it left no report", platform + junit4 + oneTest, map[string]string{"NewTest": own}, "", "left no report of them", true},
		{"it found no test", junit4 + noTest + platform + oneTest, map[string]string{"NewTest": own}, "", "", false},
		{"a build that names no provider", "", map[string]string{"OldTest": report, "NewTest": own}, "s/shop.OldTest::old failed", "the output names no provider", false},
		{"a build that names none, and has no other tests", "", map[string]string{"NewTest": own}, "", "", false},
		{"the platform alone", platform + oneTest, map[string]string{"OldTest": report}, "", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := suitetest.WithEvents(t, suitetest.Process(t, "shop.NewTest::m()"), `{"event":"begin"}`,
				`{"event":"finished","id":"shop.NewTest::m()","class":"shop.NewTest","outcome":"passed"}`, `{"event":"end"}`)
			dir := filepath.Join(t.TempDir(), "b", "target", "surefire-reports")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			files, err := adapter.NewJUnitFiles(reportGlobs(filepath.Dir(filepath.Dir(filepath.Dir(dir)))),
				func(test junit.Test) attempts.Reported { return adapter.ReportedOf(adapter.Spec{Name: "s"}, test) })
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range tc.reports {
				if err := os.WriteFile(filepath.Join(dir, "TEST-"+name+".xml"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out := &buildOutput{}
			out.read([]byte(tc.output))
			events, ok := p.Results.(*adapter.EventFile)
			if !ok {
				t.Fatalf("%T", p.Results)
			}
			p.Results = &jvmResults{events: events, out: out, reports: files, foreign: func(output string) []string { return mavenForeign(nil, output) }}
			rep := p.Report(proc.Exit{Ended: proc.Exited})
			var got []string
			for _, run := range rep.Unplanned {
				got = append(got, run.ID+" "+string(e2e.OutcomeOf(run.Attempts)))
			}
			if strings.Join(got, ", ") != tc.unplanned {
				t.Errorf("unplanned: %v, want %s", got, tc.unplanned)
			}
			at := slices.IndexFunc(rep.Problems, func(p e2e.Problem) bool { return tc.problem != "" && strings.Contains(p.Text, tc.problem) })
			if (tc.problem == "") != (len(rep.Problems) == 0) || tc.problem != "" && (at < 0 || rep.Problems[at].LosesEvidence != tc.loses) {
				t.Errorf("%+v", rep.Problems)
			}
		})
	}
}

func TestForeignInGradle(t *testing.T) {
	for text, want := range map[string]string{
		"test { useJUnitPlatform() }": "", "test { useJUnit() }": "useJUnit", "tasks.test { useTestNG { } }": "useTestNG", "": "",
	} {
		if got := strings.Join(gradleForeignIn([]buildFile{{text: text}, {text: text}}, ""), ", "); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
