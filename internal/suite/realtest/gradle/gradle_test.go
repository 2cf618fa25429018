// Package gradle tests the adapter of JUnit 5 with real Gradle.
package gradle

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// gradleProject reaches the JUnit Platform through its runner for JUnit 4, so that
// Gradle of before 4.6, all that Debian has, can run it too.
func gradleProject(t *testing.T) realsuite.Trick {
	t.Helper()
	need.Tool(t, "gradle", "apt-get install gradle")
	return realsuite.Project(t, "junit5-gradle", "gradle.txtar")
}

// A task that runs tests outside the JUnit Platform, with useJUnit() or useTestNG(), is one test:
// it does not run while tests are listed, nor in a batch that does not have it. Rules of JaCoCo
// are checked only by a process that runs the whole suite.
func TestGradle(t *testing.T) {
	tc := gradleProject(t)
	tc.ToldAtEnd = true // JUnit 4 and TestNG are read from their reports
	tc.Spec.Args = []string{"test", "jacocoTestCoverageVerification"}
	a, tests, problems, err := tc.List(t)
	const unchecked = "not checked, since suite s was split: the coverage rules of app/build.gradle (jacocoTestCoverageVerification)"
	if err != nil || len(problems) != 1 || problems[0].Text != unchecked {
		t.Fatal(err, problems)
	}
	at := slices.IndexFunc(tests, func(planned e2e.Test) bool { return planned.Name == "com.acme.CaseTest::fails()" })
	if at < 0 {
		t.Fatalf("%+v", tests)
	}
	if got := tests[at]; got.File != "app/src/test/java/com/acme/CaseTest.java" || got.Line != 14 || strings.Join(got.Tags, " ") != "owner:case-platform" {
		t.Errorf("%+v", got)
	}
	run := func(want, ran, problem, part string, without ...string) suite.Report {
		t.Helper()
		some := slices.DeleteFunc(slices.Clone(tests), func(planned e2e.Test) bool { return slices.Contains(without, planned.Name) })
		rep := tc.Run(t, a, some, append(os.Environ(), part))
		if got := realsuite.Outcomes(some, rep); got != want || len(rep.Problems) != 1 {
			t.Errorf("%s; %+v", got, rep.Problems)
		}
		tc.Says(t, "run", problem, rep.Problems)
		if got := tc.Left(t, "*/ran*.txt"); got != ran {
			t.Errorf("%s ran", got)
		}
		return rep
	}
	if got := tc.Left(t, "*/ran*.txt"); got != "" {
		t.Errorf("while tests were listed, %s ran", got)
	}
	const other, old, testNG = "com.acme.CaseTest::other()", "old/build.gradle::test (JUnit 4)", "ng/build.gradle::test (TestNG)"
	rep := run("com.acme.CaseTest$Inner::m() passed, com.acme.CaseTest::fails() failed, com.acme.CaseTest::takes(int) passed, "+old+" failed",
		"old/ran.txt", unchecked, "E2E_PART=1", other, testNG)
	if a := rep.Tests["s/com.acme.CaseTest::takes(int)"]; len(a) != 1 || len(a[0].Children) != 2 {
		t.Errorf("%+v", a)
	}
	if a := rep.Tests["s/com.acme.CaseTest::fails()"]; len(a) != 1 || len(a[0].Files) != 1 {
		t.Errorf("%+v", a)
	}
	if a := rep.Tests["s/"+old]; len(a) != 1 || len(a[0].Children) != 2 || !strings.HasPrefix(a[0].Message, "com.acme.OldTest::breaks: ") {
		t.Errorf("%+v", a)
	}
	rep = run("com.acme.CaseTest$Inner::m() passed, "+testNG+" passed", "ng/ran-before.txt ng/ran.txt old/ran.txt", "Rule violated for bundle app", "E2E_PART=",
		other, old, "com.acme.CaseTest::fails()", "com.acme.CaseTest::takes(int)")
	if a := rep.Tests["s/"+testNG]; len(a) != 1 || len(a[0].Children) != 3 {
		t.Errorf("%+v", a)
	}
}

func TestGradleCannotList(t *testing.T) {
	tc := gradleProject(t)
	source := "app/src/test/java/com/acme/CaseTest.java"
	text := tc.Files[source]
	for _, c := range []struct{ name, old, fresh, want string }{
		{"compile error", "int n = 1;", `int n = "1";`, "CaseTest.java:14: error: incompatible types"},
		{"no such task", "", "", "Task 'e2eTest' not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tc := tc
			tc.Files = maps.Clone(tc.Files)
			tc.Files[source] = strings.Replace(text, c.old, c.fresh, 1)
			if c.old == "" {
				tc.Spec.Args = []string{"e2eTest"}
			}
			_, tests, problems, err := tc.List(t)
			broken := slices.ContainsFunc(tests, func(planned e2e.Test) bool { return planned.Class != "" }) // other modules can be listed
			if err != nil || broken || len(problems) != 1 || !strings.Contains(problems[0].Text, c.want) {
				t.Errorf("%v %+v %+v", err, problems, tests)
			}
		})
	}
}
