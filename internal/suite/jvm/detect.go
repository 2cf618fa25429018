package jvm

import (
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

func detectMaven(t *adapter.Tree) []adapter.Detected { return detectBuild(t, "pom.xml") }

func detectGradle(t *adapter.Tree) []adapter.Detected {
	found := detectBuild(t, "settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts")
	for i, d := range found {
		found[i].Spec.Args = e2eTasks(t, d.Spec.Dir)
	}
	return found
}

// test is a test in Java or Kotlin, as it looks.
var test = regexp.MustCompile(`(?m)^\s*@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate)\b`)

// platforms are imports of tests that Maven and Gradle run: JUnit 5, JUnit 4 and TestNG.
var platforms = []string{"org.junit.jupiter", "org.junit.Test", "org.testng.annotations"}

// detectBuild finds builds, each with its modules, in which a test imports a test framework.
// That import and the build file are the signs.
func detectBuild(t *adapter.Tree, files ...string) []adapter.Detected {
	tests := t.Holding(platforms, "*.java", "*.kt")
	var found []adapter.Detected
	for _, build := range adapter.ByDir(t.Matching(files...)) {
		at := slices.IndexFunc(tests, func(file string) bool { return below(file, build.Spec.Dir) })
		if at < 0 {
			continue
		}
		d := adapter.Detected{Files: []string{build.Files[0], tests[at]}, Spec: build.Spec}
		for _, file := range tests[at:] {
			if below(file, build.Spec.Dir) {
				d.Tests += t.Count([]string{file}, test)
			}
		}
		found = append(found, d)
	}
	return found
}

func below(file, dir string) bool { return dir == "." || strings.HasPrefix(file, dir+"/") }

// e2eSourceSet is a source set of Gradle beside test that holds E2E tests by its name;
// the task that runs it has the same.
var e2eSourceSet = regexp.MustCompile(`(?:^|/)src/((?:e2e|integration|acceptance|functional|smoke)Tests?)/`)

// e2eTasks are the tasks that run the E2E tests of a build; none: test does.
func e2eTasks(t *adapter.Tree, dir string) []string {
	var tasks []string
	for _, file := range t.Files {
		if m := e2eSourceSet.FindStringSubmatch(file); m != nil && below(file, dir) && !slices.Contains(tasks, m[1]) {
			tasks = append(tasks, m[1])
		}
	}
	return tasks
}
