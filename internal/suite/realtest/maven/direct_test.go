package maven

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// ofOneStart are settings that name one start: files and folders of it, and the command line of Maven.
var ofOneStart = regexp.MustCompile(`^(property (surefire\.real\.class\.path|sun\.java\.command)|variable (E2E_GATE_\w+|MAVEN_CMD_LINE_ARGS))=`)

// A batch and its rerun start the JVMs in which Surefire and Failsafe listed the tests, without Maven. Outcomes are the same as by a start
// of Maven, and so is what a test sees. What changes after the listing is built. Tests that Surefire's groups leave out are not listed.
func TestMavenDirect(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("JVMs tell how they were started on Linux only")
	}
	t.Setenv("DROPPED", "x")
	tc := mavenProject(t, "maven-direct.txtar")
	tc.ToldAtEnd = true // a test that ends its JVM is told as running
	a, tests, problems, err := tc.List(t)
	if err != nil || len(problems) > 0 || a.(suite.Preparer).Cost() != "" || len(tests) != 8 || len(tests[0].Locks) > 0 {
		t.Fatal(err, problems, a.(suite.Preparer).Cost(), tests)
	}
	file := filepath.Join(tc.Root, "a", "settings.txt")
	run := func(byMaven bool) (outcomes string, settings []string) {
		t.Helper()
		rep := tc.Run(t, a, tests, append(os.Environ(), "E2E_DATA_PREFIX=p"))
		tc.Says(t, "run", "while these ran: com.acme.Exits::exits()", rep.Problems)
		if list := rep.Tests["s/com.acme.AgainTest::passesLater()"]; len(list) != 2 || list[1].Source == "" {
			t.Errorf("%+v", list)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "-Djunit.platform.output.capture.stdout=true") != byMaven {
			t.Errorf("started by Maven: want %t", byMaven)
		}
		settings = slices.DeleteFunc(strings.Split(string(data), "\n"), ofOneStart.MatchString)
		return realsuite.Outcomes(tests, rep), settings
	}
	outcomes, settings := run(false)
	const want = "com.acme.AgainTest::fails() failed, com.acme.AgainTest::passesLater() flaky, com.acme.Exits::before() passed, com.acme.Exits::exits() lost, " +
		"com.acme.Exits::later() lost, com.acme.SettingsTest::instance() passed, com.acme.SettingsTest::tells() passed, com.acme.WhichIT::isFirst() passed"
	if outcomes != want {
		t.Error(outcomes)
	}
	for _, line := range []string{
		"variable E2E_DATA_PREFIX=p", `variable OF_POM=y "x"`, "property of.pom=größer = 1:2", "property of.arguments=two words", "assertions true", "instances 1 extension 2",
	} {
		if !slices.Contains(settings, line) {
			t.Errorf("a test does not see %s", line)
		}
	}
	if slices.ContainsFunc(settings, func(line string) bool { return strings.HasPrefix(line, "variable DROPPED=") }) || len(settings) < 60 {
		t.Errorf("%q", settings)
	}
	if left, err := filepath.Glob(filepath.Join(tc.Root, "*", "target", "surefire", "*e2e-gate*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	mavenDirectAgain(t, tc, a, tests)

	// What changes is built: a resource, and a test that fails then.
	edit(t, tc.Root, "a/src/test/resources/META-INF/services/org.junit.jupiter.api.extension.Extension", "com.acme.Found", "com.acme.Found # changed")
	edit(t, tc.Root, "b ö/src/test/java/com/acme/WhichIT.java", `"first"`, `"none"`)
	outcomes = strings.Replace(outcomes, "isFirst() passed", "isFirst() failed", 1)
	byMaven, settingsByMaven := run(true)
	if byMaven != outcomes || !slices.Equal(settings, settingsByMaven) {
		t.Errorf("by Maven: %s\n%s", byMaven, differing(settings, settingsByMaven))
	}
	began := false
	a.(suite.Preparer).Prepare(t.Context(), tests, os.Environ(), func() { began = true })
	if without, _ := run(false); !began || without != outcomes {
		t.Errorf("built again: %t; %s", began, without)
	}
}

func edit(t *testing.T, root, name, old, fresh string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatal(err, string(text))
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, fresh, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// mavenDirectAgain reruns a test that the JVM repeats in the first attempt: the rerun is one attempt.
func mavenDirectAgain(t *testing.T, tc realsuite.Trick, a suite.Adapter, tests []e2e.Test) {
	t.Helper()
	one := slices.DeleteFunc(slices.Clone(tests), func(test e2e.Test) bool { return test.Name != "com.acme.AgainTest::passesLater()" })
	tc.Attempt = 2
	rep := tc.Run(t, a, one, os.Environ())
	if list := rep.Tests[one[0].ID]; len(list) != 1 || list[0].Outcome != e2e.Failed || len(rep.Problems) > 0 || len(rep.Unplanned) > 0 {
		t.Errorf("%+v", rep)
	}
}

func differing(a, b []string) string {
	var text strings.Builder
	for sign, lists := range map[string][2][]string{"-": {a, b}, "+": {b, a}} {
		for _, line := range lists[0] {
			if !slices.Contains(lists[1], line) {
				text.WriteString(sign + " " + line + "\n")
			}
		}
	}
	return text.String()
}

// What Surefire does beyond one JVM, what runs around the tests and what a build reads of a batch is left to the build, and the
// plan says so.
func TestMavenApart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("JVMs tell how they were started on Linux only")
	}
	tc := mavenProject(t, "maven-apart.txtar")
	a, tests, problems, err := tc.List(t)
	if err != nil || len(problems) > 0 || len(tests) != 3 || len(tests[0].Locks) == 0 {
		t.Fatal(err, problems, tests)
	}
	cost := a.(suite.Preparer).Cost()
	for _, why := range []string{
		"maven-surefire-plugin:test (default-test) in a/pom.xml sets forkCount 2 and reuseForks true", "in a/pom.xml sets forkedProcessTimeoutInSeconds 60",
		"in a/pom.xml sets skipAfterFailureCount 3", "in a/pom.xml sets runOrder random", "in b/pom.xml sets forkCount 1 and reuseForks false",
		"in b/pom.xml sets forkNode", "surefire.forkNumber", "the build reads E2E_DATA_PREFIX, which each batch has for itself",
		"b/pom.xml runs maven-antrun-plugin:run (server), which may belong around the tests",
	} {
		if !strings.Contains(cost, why) {
			t.Errorf("%s: not in %s", why, cost)
		}
	}
	for name := range tc.Files {
		if strings.HasPrefix(name, "a/") || strings.HasPrefix(name, "b/") {
			delete(tc.Files, name)
		}
	}
	tc.Files["pom.xml"] = strings.Replace(tc.Files["pom.xml"], "<module>a</module><module>b</module>", "", 1)
	if a, _, problems, err = tc.List(t); err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	if cost := a.(suite.Preparer).Cost(); !strings.HasSuffix(cost, "would differ: system property parent") {
		t.Error(cost)
	}
}
