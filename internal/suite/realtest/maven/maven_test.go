// Package maven tests the adapter of JUnit 5 with odd projects of real Maven.
package maven

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// mavenProject is a trick of a project in testdata.
func mavenProject(t *testing.T, name string, args ...string) realsuite.Trick {
	t.Helper()
	return realsuite.Project(t, "junit5-maven", name, args...)
}

// Features that only some JUnit projects use, in one of two modules with parallel tests: in two JVMs, which
// Maven starts, and in one, which the gate starts.
func TestMavenModules(t *testing.T) {
	t.Run("by Maven", func(t *testing.T) { mavenModules(t, "<forkCount>2</forkCount>", true) })
	t.Run("without", func(t *testing.T) { mavenModules(t, "", runtime.GOOS != "linux") })
}

func mavenModules(t *testing.T, forks string, byMaven bool) {
	t.Helper()
	tc := mavenProject(t, "maven-modules.txtar", "-Dsurefire.rerunFailingTestsCount=1")
	tc.ToldAtEnd = true // a tear-down that fails takes its test along
	tc.Files["pom.xml"] = strings.Replace(tc.Files["pom.xml"], "<forkCount>2</forkCount>", forks, 1)
	a, tests, problems, err := tc.List(t)
	if err != nil || len(problems) > 0 || (len(tests[0].Locks) > 0) != byMaven {
		t.Fatal(err, problems, a.(suite.Preparer).Cost())
	}
	rep := tc.Run(t, a, tests, os.Environ())
	got := strings.ReplaceAll(realsuite.Outcomes(tests, rep), ", com", ",\ncom")
	want := strings.TrimSpace(`
[a] com.acme.SameTest::m() passed, [b] com.acme.SameTest::m() failed,
com.acme.AfterTest::m() failed,
com.acme.AttachingTest::m(TestReporter) failed,
com.acme.BeforeTest::m() failed,
com.acme.BeforeTest::n() failed,
com.acme.BeforeTest::off() skipped,
com.acme.DefaultsTest::ofInterface() passed,
com.acme.EachTest::fails() failed,
com.acme.EachTest::passes() passed,
com.acme.FactoryTest::broken() failed,
com.acme.FactoryTest::empty() skipped,
com.acme.HeirATest$Inner::m() passed,
com.acme.HeirBTest$Inner::m() failed,
com.acme.OffTest::m() skipped,
com.acme.OldTest::works passed,
com.acme.OverloadsTest::takes(java.sql.Date) failed,
com.acme.OverloadsTest::takes(java.util.Date) passed,
com.acme.RepeatedTest::m() flaky,
com.acme.UnmetTest::m() skipped`)
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if len(rep.Problems) > 0 {
		t.Errorf("%+v", rep.Problems)
	}
	for id, said := range map[string]string{
		"s/com.acme.AfterTest::m()":        "after the tests of AfterTest: the folder is in use",
		"s/com.acme.BeforeTest::n()":       "before the tests of BeforeTest: java.lang.IllegalStateException: no database",
		"s/com.acme.EachTest::fails()":     "[2] fails(): wrong with b",
		"s/com.acme.FactoryTest::broken()": "no cases",
		"s/com.acme.OffTest::m()":          "not ready",
		"s/com.acme.UnmetTest::m()":        "no broker",
	} {
		if list := rep.Tests[id]; len(list) == 0 || !strings.Contains(list[len(list)-1].Message, said) {
			t.Errorf("%s: %+v", id, list)
		}
	}
	shot := rep.Tests["s/com.acme.AttachingTest::m(TestReporter)"]
	if len(shot) == 0 {
		t.Fatal("AttachingTest did not report")
	}
	if last := shot[len(shot)-1]; len(last.Files) != 1 || !strings.Contains(last.Details, "before the shot") || len(last.Evidence) != 3 {
		t.Errorf("%+v", last)
	}
	mavenOne(t, tc, a, tests)
}

// mavenOne runs one test of a module with its namesakes: nothing else runs.
func mavenOne(t *testing.T, tc realsuite.Trick, a suite.Adapter, tests []e2e.Test) {
	t.Helper()
	var one []e2e.Test
	for _, planned := range tests {
		if planned.Name == "[b] com.acme.SameTest::m()" || planned.Name == "com.acme.OverloadsTest::takes(java.util.Date)" {
			one = append(one, planned)
		}
	}
	rep := tc.Run(t, a, one, os.Environ())
	const want = "[b] com.acme.SameTest::m() failed, com.acme.OverloadsTest::takes(java.util.Date) passed"
	if got := realsuite.Outcomes(one, rep); got != want || len(rep.Problems) > 0 {
		t.Errorf("%s %+v", got, rep.Problems)
	}
}

// System.exit in a test: what that JVM did not report is lost, and the next module's
// tests run all the same.
func TestMavenExits(t *testing.T) {
	tc := mavenProject(t, "maven-exits.txtar")
	a, tests, _, err := tc.List(t)
	if err != nil {
		t.Fatal(err)
	}
	rep := tc.Run(t, a, tests, os.Environ())
	if got := realsuite.Outcomes(tests, rep); got != "com.acme.ExitsTest::exits() lost, com.acme.OtherTest::m() passed" {
		t.Error(got)
	}
	tc.Says(t, "run", "while these ran: com.acme.ExitsTest::exits()", rep.Problems)
}

func TestMavenCannotList(t *testing.T) {
	single := mavenProject(t, "maven-single.txtar")
	edit := func(old, fresh string) realsuite.Trick {
		tc := single
		tc.Files = maps.Clone(single.Files)
		for name, text := range tc.Files {
			tc.Files[name] = strings.ReplaceAll(text, old, fresh)
		}
		return tc
	}
	for _, c := range []struct {
		name, want string
		tc         realsuite.Trick
		tool       bool
	}{
		{"compile error", "CaseTest.java:[6,47] incompatible types: java.lang.String cannot be converted to int", edit("int n = 1;", `int n = "1";`), false},
		{"pom", "Non-resolvable parent POM", edit("<!-- parent -->",
			"<parent><groupId>com.acme.none</groupId><artifactId>none</artifactId><version>1</version><relativePath>../none/pom.xml</relativePath></parent>"), false},
		{"old platform", "junit-platform-launcher 1.6.3 does not let a filter choose the tests; 1.7 (JUnit 5.7) or later is needed", edit("5.13.4", "5.6.3"), true},
		{"old Surefire", "maven-surefire-plugin 2.22.2 found, 3.0 or later needed",
			edit("<version>3.5.3</version><!-- surefire -->", "<version>2.22.2</version>"), true},
		{"skipped", "look at their patterns, groups and skip in the pom", edit("<skip>false</skip>", "<skip>true</skip>"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, tests, problems, err := c.tc.List(t)
			said := err
			for _, p := range problems {
				said = errors.Join(said, errors.New(p.Text))
			}
			if len(tests) > 0 || said == nil || !strings.Contains(said.Error(), c.want) || errors.Is(err, suite.ErrTool) != c.tool {
				t.Errorf("%v; %+v", said, tests)
			}
			if _, err := os.Stat(filepath.Join(c.tc.Root, "ran.txt")); err == nil {
				t.Error("a test ran while tests were listed")
			}
		})
	}
}

// Nothing is started to list a second time, until a source changes.
func TestMavenListsOnce(t *testing.T) {
	tc := mavenProject(t, "maven-single.txtar")
	a, first, _, err := tc.List(t)
	if err != nil || len(first) != 1 {
		t.Fatal(err, first)
	}
	log := filepath.Join(tc.Root, "target", "surefire-reports")
	if err := os.RemoveAll(filepath.Join(tc.Root, "target")); err != nil {
		t.Fatal(err)
	}
	again, _, err := a.Discover(t.Context(), os.Environ())
	if _, built := os.Stat(filepath.Dir(log)); err != nil || len(again) != 1 || again[0].ID != first[0].ID || built == nil {
		t.Fatal(err, again, built)
	}
	source := filepath.Join(tc.Root, "src/test/java/com/acme/CaseTest.java")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(source, []byte(strings.Replace(string(text), "@Test", "@Test void n() {}\n@Test", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if more, _, err := a.Discover(t.Context(), os.Environ()); err != nil || len(more) != 2 {
		t.Error(err, more)
	}
}

// Methods in an order on one instance are a group, with nested classes. What a module runs outside
// the JUnit Platform (JUnit 4 without the Vintage engine, TestNG, plain classes) is one test: it
// does not run while tests are listed, nor in a batch that does not have it. Rules of JaCoCo are
// checked only by a process that runs the whole suite.
func TestMavenGroups(t *testing.T) {
	tc := mavenProject(t, "maven-groups.txtar")
	tc.ToldAtEnd = true // JUnit 4 and TestNG are read from their reports
	a, tests, problems, err := tc.List(t)
	if err != nil {
		t.Fatal(err)
	}
	const unchecked = "not checked, since suite s was split: the coverage rules of a/pom.xml (jacoco:check, rules)"
	if len(problems) != 1 || problems[0].Text != unchecked {
		t.Errorf("%+v", problems)
	}
	const old, testNG, plain = "b/pom.xml::default-test (JUnit 4)", "c/pom.xml::default-test (TestNG)", "d/pom.xml::default-test (plain classes)"
	groups := map[string]string{}
	for _, test := range tests {
		groups[test.Name] = test.Group
	}
	want := map[string]string{
		"com.acme.OrderedTest::alone()": "", "com.acme.StepsTest::opens()": "s/com.acme.StepsTest", "com.acme.StepsTest::closes()": "s/com.acme.StepsTest",
		"com.acme.StepsTest$Later::archives()": "s/com.acme.StepsTest", old: "", testNG: "", plain: "",
	}
	if !maps.Equal(groups, want) {
		t.Errorf("%v", groups)
	}
	if got := tc.Left(t, "*/ran*.txt"); got != "" {
		t.Errorf("while tests were listed, %s ran", got)
	}
	some := slices.DeleteFunc(slices.Clone(tests), func(test e2e.Test) bool { return test.Name == plain })
	rep := tc.Run(t, a, some, append(os.Environ(), "E2E_PART=1"))
	const outcomes = old + " failed, " + testNG + " passed, com.acme.OrderedTest::alone() passed, com.acme.StepsTest$Later::archives() passed, " +
		"com.acme.StepsTest::closes() passed, com.acme.StepsTest::opens() passed"
	if got := realsuite.Outcomes(some, rep); got != outcomes || len(rep.Problems) != 1 || rep.Problems[0].Text != unchecked {
		t.Error(got, rep.Problems)
	}
	if list := rep.Tests["s/"+testNG]; len(list) != 1 || len(list[0].Children) != 3 {
		t.Errorf("%+v", list)
	}
	const said = "com.acme.OldTest::breaks: total expected:<12> but was:<10>"
	if list := rep.Tests["s/"+old]; len(list) != 1 || list[0].Message != said || len(list[0].Children) != 2 {
		t.Errorf("%+v", list)
	}
	if got := tc.Left(t, "*/ran*.txt"); got != "b/ran.txt c/ran-before.txt c/ran.txt" {
		t.Errorf("%s ran", got)
	}
	one := slices.DeleteFunc(slices.Clone(tests), func(test e2e.Test) bool { return test.Name != plain })
	rep = tc.Run(t, a, one, os.Environ())
	if got := realsuite.Outcomes(one, rep); got != plain+" passed" {
		t.Error(got)
	}
	tc.Says(t, "run", "Coverage checks have not been met", rep.Problems)
	if got := tc.Left(t, "*/ran*.txt"); got != "b/ran.txt c/ran-before.txt c/ran.txt d/ran.txt" {
		t.Errorf("%s ran", got)
	}
}
