package jvm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// Maven is JUnit 5 in a build of Maven.
var Maven = adapter.Framework{
	New:    newMaven,
	Detect: detectMaven, Signs: "a pom.xml with tests that import JUnit or TestNG",
	Fields: []string{"run", "args"},
	Flags: []string{
		"Dtest", "Dit.test", "DskipTests", "Dmaven.test.skip", "Dmaven.test.failure.ignore", "Dmaven.test.additionalClasspath", "DfailIfNoTests",
		"Dmaven.ext.class.path",
		"Dsurefire.includesFile", "Dfailsafe.includesFile",
	},

	TellsErrors: true,
}

// newMaven runs Surefire and Failsafe as the project has set them up: the project
// decides which of them owns a class, which groups it runs, and in which module.
func newMaven(s adapter.Spec, root string) adapter.Adapter {
	return &jvm{spec: s, root: root, tool: buildTool{
		program: "mvn", wrapper: "mvnw", top: []string{"pom.xml"}, before: clearSummaries, arguments: mavenArguments, found: mavenFound,
		unexpected: unexpectedProvider, records: true,
	}}
}

// clearSummaries removes what Failsafe noted of an earlier run: where none of its tests
// is selected it writes nothing, and its goal verify would judge the earlier run.
func clearSummaries(b jvmRun) {
	for _, pom := range b.buildFiles {
		_ = os.Remove(filepath.Join(pom.dir, "target", "failsafe-reports", "failsafe-summary.xml")) // mostly there is none
	}
}

func mavenArguments(b jvmRun) ([]string, error) {
	if strings.Contains(b.classes, ",") {
		return nil, errors.New("the path of the user's cache folder holds a comma, at which Maven would cut it; set XDG_CACHE_HOME to another one")
	}
	args := append([]string{"-B", "-Dstyle.color=never"}, b.spec.Args...)
	// A failed test must not keep the other modules' tests, nor Failsafe's, from running.
	// A JVM that dies still fails the build.
	args = append(args, "--fail-at-end", "-Dmaven.test.failure.ignore=true", "-Dmaven.test.additionalClasspath="+b.classes, "-DfailIfNoTests=false",
		"-Dmaven.ext.class.path="+extension(b.classes))
	for _, p := range b.properties() {
		args = append(args, "-D"+p)
	}
	if phase := mavenPhase(b); phase != "" {
		args = append(args, phase)
	}
	return args, nil
}

// properties are those that a build gets for a batch, and so the JVMs of its tests. The diagnostic rerun is one
// attempt, and one test at a time.
func (b jvmRun) properties() []string {
	if b.listing {
		return nil
	}
	list := []string{"junit.platform.output.capture.stdout=true", "junit.platform.output.capture.stderr=true"}
	if b.attempt > 1 {
		list = append(list, "surefire.rerunFailingTestsCount=0", "failsafe.rerunFailingTestsCount=0", "junit.jupiter.execution.parallel.enabled=false")
	}
	return list
}

// extension is the class path of our class within Maven. Sisu finds it by a file that the test
// class path does not have: tests may use Sisu too.
func extension(classes string) string {
	return classes + string(os.PathListSeparator) + filepath.Join(classes, "maven")
}

// takeValue are Maven's options whose value is the next argument.
var takeValue = []string{"-pl", "--projects", "-P", "--activate-profiles", "-f", "--file", "-s", "--settings", "-gs", "--global-settings",
	"-t", "--toolchains",
	"-gt", "--global-toolchains", "-T", "--threads", "-rf", "--resume-from", "-l", "--log-file", "-D", "--define", "-b", "--builder", "--color"}

// mavenPhase is verify where the project has Failsafe, else test. Phases and goals
// among the suite's arguments go first.
func mavenPhase(b jvmRun) string {
	for i, arg := range b.spec.Args {
		isValue := i > 0 && slices.Contains(takeValue, b.spec.Args[i-1])
		if !strings.HasPrefix(arg, "-") && !isValue {
			return ""
		}
	}
	if slices.ContainsFunc(b.buildFiles, func(pom buildFile) bool { return strings.Contains(pom.text, "maven-failsafe-plugin") }) {
		return "verify"
	}
	return "test"
}

// mavenPlugin is a line such as "--- maven-surefire-plugin:3.5.3:test (default-test)",
// of Maven 3.9 "--- surefire:3.5.3:test (default-test)".
var mavenPlugin = regexp.MustCompile(`--- (?:maven-)?(surefire|failsafe)(?:-plugin)?:(\d[\w.-]*):(?:test|integration-test) `)

// oldestSurefire is the first that takes the project's own version of the JUnit
// Platform's launcher; older ones bring 1.3, or know no JUnit 5 at all.
var oldestSurefire = semver.MustParse("3.0.0-M4")

func mavenFound(output string) (text string, unusable bool) {
	plugins := mavenPlugin.FindAllStringSubmatch(output, -1)
	if len(plugins) == 0 {
		return "Maven ran neither Surefire nor Failsafe; give args the phase that runs the tests, or the profile", false
	}
	for _, m := range plugins {
		if v, err := semver.NewVersion(m[2]); err == nil && v.LessThan(oldestSurefire) {
			return fmt.Sprintf(
				"maven-%s-plugin %s found, 3.0 or later needed: older ones do not run JUnit 5 with the project's own launcher; set its version in the pom", m[1], m[2],
			), true
		}
	}
	return "Surefire and Failsafe found none on the JUnit Platform; look at their patterns, groups and skip in the pom, and whether it sets " +
		"additionalClasspathElements, which must then hold ${maven.test.additionalClasspath}", false
}
