package jvm

import (
	_ "embed" // of the init script
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// initScript adds our classes to the test tasks.
//
//go:embed init.gradle
var initScript []byte

// Gradle is JUnit 5 in a build of Gradle.
var Gradle = adapter.Framework{
	New:    newGradle,
	Detect: detectGradle, Signs: "a build.gradle or build.gradle.kts with tests that import JUnit or TestNG",
	Fields: []string{"run", "args"},
	Flags: []string{
		"tests", "init-script", "I", "daemon", "configuration-cache", "dry-run", "m", "test-dry-run", "fail-fast", "continuous", "t",
	},

	TellsErrors: true,
}

// newGradle runs the test tasks that the suite's arguments name, else test, with an
// init script of ours. The project decides which classes they run.
func newGradle(s adapter.Spec, root string) adapter.Adapter {
	return &jvm{spec: s, root: root, tool: buildTool{
		program: "gradle", wrapper: "gradlew", top: []string{"settings.gradle", "settings.gradle.kts"},
		arguments: gradleArguments, environment: gradleEnvironment, found: gradleFound,
	}}
}

func gradleArguments(b jvmRun) ([]string, error) {
	file := filepath.Join(b.folder, "init.gradle")
	if err := os.WriteFile(file, initScript, 0o644); err != nil {
		return nil, fmt.Errorf("write the init script: %w", err)
	}
	// With the configuration cache, the tasks would stay as they were without our init
	// script.
	args := []string{
		"--no-daemon", "--console=plain", "--continue", "--init-script", file, "-Dorg.gradle.configuration-cache=false",
		"-Dorg.gradle.unsafe.configuration-cache=false",
	}
	args = append(args, b.spec.Args...)
	if !namesTask(b.spec.Args) {
		args = append(args, "test")
	}
	return args, nil
}

// gradleValues are Gradle's options whose value is the next argument.
var gradleValues = []string{"-b", "--build-file", "-c", "--settings-file", "-D", "--system-prop", "-g", "--gradle-user-home", "-I", "--init-script",
	"-p", "--project-dir", "-P", "--project-prop", "-x", "--exclude-task", "--include-build", "--max-workers", "--project-cache-dir", "--warning-mode"}

func namesTask(args []string) bool {
	for i, arg := range args {
		if !strings.HasPrefix(arg, "-") && (i == 0 || !slices.Contains(gradleValues, args[i-1])) {
			return true
		}
	}
	return false
}

func gradleEnvironment(b jvmRun) []string {
	return []string{"E2E_GATE_CLASSES=" + b.classes, fmt.Sprintf("E2E_GATE_AGAIN=%t", b.attempt > 1)}
}

// gradleVersion is what our init script prints.
var gradleVersion = regexp.MustCompile(`(?m)^e2e-gate: Gradle (\S+)$`)

// oldestGradle is the first that knows the JUnit Platform; older ones reach it only
// through its runner for JUnit 4.
var oldestGradle = semver.MustParse("4.6")

func gradleFound(output string) (text string, unusable bool) {
	m := gradleVersion.FindStringSubmatch(output)
	if m == nil {
		return "Gradle did not read the gate's init script; look at run and args", true
	}
	if v, err := semver.NewVersion(m[1]); err == nil && v.LessThan(oldestGradle) {
		return fmt.Sprintf("Gradle %s found, 4.6 or later needed: older ones do not run JUnit 5; use a newer wrapper", m[1]), true
	}
	return "Gradle found none; give args the task that runs them, such as [e2eTest]", false
}
