// Package mavenengines tests JUnit 4 and TestNG on the JUnit Platform, with Surefire 3.6.
package mavenengines

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestContract(t *testing.T) {
	realsuite.PlayTogether(t, "junit5-maven (junit4)", realsuite.Maven)
	realsuite.PlayTogether(t, "junit5-maven (testng)", realsuite.Maven)
}

// JUnit 4 and TestNG where Surefire 3.6 runs them by engines for the platform: each test is planned on its own. Categories
// and groups choose as they do in the build; what TestNG calls skipped is that only where a test asked for it.
func TestEngines(t *testing.T) {
	tc := realsuite.Project(t, "junit5-maven", "maven-engines.txtar")
	tc.ToldAtEnd = true // a tear-down that fails takes its test along
	a, tests, problems, err := tc.List(t)
	if err != nil || len(problems) > 0 || (len(tests[0].Locks) > 0) != (runtime.GOOS != "linux") {
		t.Fatal(err, problems, a.(suite.Preparer).Cost())
	}
	groups := map[string][]string{}
	for _, test := range tests {
		if test.Group != "" {
			groups[test.Group] = append(groups[test.Group], strings.TrimPrefix(test.Name, "com.acme."))
		}
		if test.Name == "com.acme.ShopTest::opens" && !slices.Equal(slices.Sorted(slices.Values(test.Tags)), []string{"login", "smoke"}) {
			t.Errorf("%+v", test)
		}
		ofJUnit := []string{"BesideJUnit4Test", "BesideTestNgTest", "JUnit3Cases", "ObjectsTest", "OldTest", "RowsTest", "TwiceTest"}
		junit := slices.Contains(ofJUnit, strings.TrimPrefix(test.Class, "com.acme."))
		if (test.Keep == "s/"+test.Class) == junit {
			t.Errorf("%s stays with %q", test.Name, test.Keep)
		}
		if test.File == "" || test.Line == 0 {
			t.Errorf("%s is in %q, line %d", test.Name, test.File, test.Line)
		}
	}
	want := map[string][]string{
		"s/com.acme.RowsTest": {"RowsTest::odd[1 times]", "RowsTest::odd[2 times]"}, "s/com.acme.CleanTest": {"CleanTest::first", "CleanTest::last"},
		"s/com.acme.OverloadsTest": {"OverloadsTest::takes", "OverloadsTest::takes(org.testng.ITestContext)"},
		"s/com.acme.CountriesTest": {"CountriesTest::ships[0](FR)", "CountriesTest::ships[1](GB)"},
		"s/com.acme.PaysTest": {"PaysTest::alone", "PaysTest::pays", "ShopTest::late", "ShopTest::never", "ShopTest::opens", "ShopTest::row(java.lang.String)",
			"ShopTest::thrice"},
		"s/com.acme.AccountTest": {"AccountTest::shows", "LoginTest::home", "LoginTest::off"},
	}
	for name := range groups {
		slices.Sort(groups[name])
	}
	if !maps.EqualFunc(groups, want, slices.Equal) {
		t.Errorf("groups %q", groups)
	}
	rep := tc.Run(t, a, tests, os.Environ())
	got := strings.ReplaceAll(realsuite.Outcomes(tests, rep), ", com", ",\ncom")
	const outcomes = `com.acme.AccountTest::shows passed,
com.acme.BesideJUnit4Test::tagged() passed,
com.acme.BesideTestNgTest::tagged() passed,
com.acme.CleanTest::first passed,
com.acme.CleanTest::last failed,
com.acme.CountriesTest::ships[0](FR) passed,
com.acme.CountriesTest::ships[1](GB) failed,
com.acme.JUnit3Cases::testOne passed,
com.acme.JUnit3Cases::testTwo failed,
com.acme.LoginTest::home passed,
com.acme.LoginTest::off failed,
com.acme.NamedTest::a passed,
com.acme.NamedTest::b failed,
com.acme.NoBrowserTest::one failed,
com.acme.NoBrowserTest::two failed,
com.acme.ObjectsTest::is[java.lang.Object] failed,
com.acme.ObjectsTest::is[x] passed,
com.acme.OldTest::breaks failed,
com.acme.OldTest::unmet skipped,
com.acme.OldTest::works passed,
com.acme.OverloadsTest::takes passed,
com.acme.OverloadsTest::takes(org.testng.ITestContext) failed,
com.acme.PaysTest::alone passed,
com.acme.PaysTest::pays passed,
com.acme.RowsTest::odd[1 times] passed,
com.acme.RowsTest::odd[2 times] failed,
com.acme.ShopTest::late flaky,
com.acme.ShopTest::never failed,
com.acme.ShopTest::opens passed,
com.acme.ShopTest::row(java.lang.String) failed,
com.acme.ShopTest::thrice passed,
com.acme.SkipsTest::unmet skipped,
com.acme.TwiceTest::again failed,
com.acme.TwiceTest::once passed`
	if got != outcomes || len(rep.Problems) != 1 || !rep.Problems[0].Note {
		t.Errorf("got\n%s\n%+v", got, rep.Problems)
	}
	tc.Says(t, "run", "several tests share one id, and each counts by itself: s/com.acme.ObjectsTest::is[java.lang.Object]", rep.Problems)
	for name, said := range map[string]string{
		"CleanTest::last":                 "java.lang.IllegalStateException: the folder is in use",
		"NoBrowserTest::one":              "before the test: java.lang.IllegalStateException: no browser",
		"NoBrowserTest::two":              "before the test: java.lang.IllegalStateException: no browser",
		"ShopTest::row(java.lang.String)": "[1] b: expected [a] but found [b]",
		"SkipsTest::unmet":                "no broker",
		"OldTest::unmet":                  "no broker",
		"LoginTest::off":                  "TestNG calls it skipped and does not say why",
		"TwiceTest::again":                "in again[1], which is in no listing: the second time",
	} {
		if list := rep.Tests["s/com.acme."+name]; len(list) != 1 || !strings.Contains(list[0].Message, said) {
			t.Errorf("%s: %+v", name, list)
		}
	}
	if list := rep.Tests["s/com.acme.ShopTest::never"]; len(list) != 3 || len(list[2].Children) != 1 {
		t.Errorf("%+v", list)
	}
	if list := rep.Tests["s/com.acme.ShopTest::thrice"]; len(list) != 1 || len(list[0].Children) != 3 {
		t.Errorf("%+v", list)
	}
	one := slices.DeleteFunc(slices.Clone(tests), func(test e2e.Test) bool { return test.Name != "com.acme.OverloadsTest::takes" })
	rep = tc.Run(t, a, one, os.Environ())
	if got := realsuite.Outcomes(one, rep); got != "com.acme.OverloadsTest::takes passed" {
		t.Error(got)
	}
}

// In several JVMs, Surefire hands each one class after the other: each class has its group, as if it were the first.
func TestGroupsInForks(t *testing.T) {
	tc := realsuite.Project(t, "junit5-maven", "maven-engines.txtar")
	tc.Files["pom.xml"] = strings.Replace(tc.Files["pom.xml"], "<module>a</module>", "", 1)
	tc.Files["b/pom.xml"] = strings.Replace(tc.Files["b/pom.xml"], "<parallel>methods</parallel>", "<forkCount>2</forkCount>", 1)
	delete(tc.Files, "b/src/test/java/com/acme/PaysTest.java") // it depends on a test of another class, which TestNG does not see there
	_, tests, problems, err := tc.List(t)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	found := 0
	for _, test := range tests {
		if class := strings.TrimPrefix(test.Class, "com.acme."); slices.Contains([]string{"CleanTest", "CountriesTest", "OverloadsTest"}, class) {
			found++
			if test.Group != "s/"+test.Class {
				t.Errorf("%s: group %q", test.Name, test.Group)
			}
		}
	}
	if found != 6 {
		t.Errorf("%d tests of these classes are listed", found)
	}
}
