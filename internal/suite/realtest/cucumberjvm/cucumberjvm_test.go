// Package cucumberjvm tests the adapter of Cucumber with Cucumber-JVM, through real Maven.
package cucumberjvm

import (
	"os"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// TestCucumberJVM runs Cucumber-JVM through Maven.
func TestCucumberJVM(t *testing.T) {
	run := []string{
		need.Tool(t, "mvn", "apt-get install maven"),
		"-q",
		"-B",
		"test",
		"-Dsurefire.includeJUnit5Engines=cucumber",
		"-Dcucumber.features={features}",
		"-Dcucumber.plugin=message:{messages}",
	}
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("testdata/project")); err != nil {
		t.Fatal(err)
	}
	const feature = "src/test/resources/cases/a.feature"
	realsuite.Cached(t, "cucumber-jvm", "testdata/project/pom.xml", func(string) error {
		return realsuite.Tool(root, run[0], "-q", "-B", "test", "-Dsurefire.includeJUnit5Engines=cucumber", "-Dcucumber.features="+feature+":3")
	})
	tc := realsuite.Trick{Root: root, Message: "that does not work"}
	tc.Want = feature + "::a passed, " + feature + "::b [that] failed, " + feature + "::b [this] passed"
	tc.Spec = suite.Spec{Name: "s", Framework: "cucumber", Run: run, Specs: []string{"src/**/*.feature"}}
	tc.Play(t)
	tc.Only, tc.Want = feature+"::b [that]", feature+"::b [that] failed"
	tc.Play(t)
}
