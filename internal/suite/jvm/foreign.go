package jvm

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// The build tool does not fail at a failed test, since the gate told it so. Where it runs
// tests outside the JUnit Platform (JUnit 4 without the Vintage engine, TestNG), only the
// reports say what became of them.

// provider is the line in which Surefire and Failsafe name what runs the tests of a module.
var provider = regexp.MustCompile(`Using (?:auto detected|configured) provider (\S+)`)

// gradleForeign is what a build file of Gradle says of tests outside the JUnit Platform.
var gradleForeign = regexp.MustCompile(`\buse(JUnit|TestNG)\s*(?:\(|\{)`)

// unnamed stands for the providers of a build that names none, as with mvn -q: any of them may
// be another.
const unnamed = "the output names no provider, as with -q"

// mavenForeign are the providers that a build of Maven used besides that of the JUnit Platform.
func mavenForeign(_ []buildFile, output string) []string {
	var found []string
	named := provider.FindAllStringSubmatch(output, -1)
	if len(named) == 0 {
		return []string{unnamed}
	}
	for _, m := range named {
		name := m[1][strings.LastIndex(m[1], ".")+1:]
		if !strings.Contains(m[1], ".junitplatform.") && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}

// gradleForeignIn are the runners that build files of Gradle name.
func gradleForeignIn(files []buildFile, _ string) []string {
	var found []string
	for _, f := range files {
		for _, m := range gradleForeign.FindAllStringSubmatch(f.text, -1) {
			if name := "use" + m[1]; !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	return found
}

// reportGlobs are the XML reports of a build, of all its modules.
func reportGlobs(dir string) []string {
	dir = adapter.EscapeGlob(filepath.ToSlash(dir))
	return []string{dir + "/**/target/{surefire,failsafe}-reports/TEST-*.xml", dir + "/**/build/test-results/**/TEST-*.xml"}
}

// testsRun is how Surefire and Failsafe begin to count the tests of a class.
const testsRun = "Tests run: "

// hasRunForeign reports whether Maven counted tests outside the JUnit Platform.
func (o *buildOutput) hasRunForeign() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ranForeign
}

// adopt adds what ran outside the JUnit Platform, from the reports of the build: tests of
// classes that the platform did not report. Where there is no such report, nothing is known of
// those tests, and no pass of the unit counts.
func (r *jvmResults) adopt(p *adapter.Process, c *adapter.Collected) error {
	runners := r.foreign(r.out.all())
	if len(runners) == 0 {
		return nil
	}
	known, own := map[string]bool{}, len(c.In.Reported)
	for _, t := range c.In.Planned {
		known[topClass(t.Name)] = true
	}
	for _, t := range c.In.Reported {
		known[topClass(t.Unplanned.Class)] = true
	}
	channel := c.In.Channel
	if _, err := r.reports.Collect(p, c); err != nil {
		return err
	}
	c.In.Channel = channel
	adopted := c.In.Reported[:own:own]
	for _, t := range c.In.Reported[own:] {
		if !known[topClass(t.Unplanned.Class)] {
			adopted = append(adopted, t)
		}
	}
	c.In.Reported = adopted
	names := strings.Join(runners, ", ")
	switch {
	case len(adopted) > own:
	case !r.out.hasRunForeign():
		return nil // it found no tests
	default:
		c.Problem(e2e.CodeRunnerExit, "batch %s ran tests outside the JUnit Platform (%s), and left no report of them; "+
			"add junit-vintage-engine, or the engine of the framework", p.Unit.Name, names)
		return nil
	}
	c.In.Problems = append(c.In.Problems, e2e.Problem{Code: e2e.CodeRunnerExit, Unit: p.Unit.Name, Note: true, Text: fmt.Sprintf(
		"%d tests of batch %s ran outside the JUnit Platform (%s), so they cannot be listed or selected: they run with every batch, "+
			"and are judged from the reports; add junit-vintage-engine, or the engine of the framework", len(adopted)-own, p.Unit.Name, names)})
	return nil
}

// topClass is the outermost class of a test's name or of a class: com.acme.A of
// "[mod] com.acme.A$B::m()".
func topClass(name string) string {
	if at := strings.Index(name, "] "); strings.HasPrefix(name, "[") && at > 0 {
		name = name[at+2:]
	}
	name, _, _ = strings.Cut(name, "::")
	name, _, _ = strings.Cut(name, "$")
	return name
}
