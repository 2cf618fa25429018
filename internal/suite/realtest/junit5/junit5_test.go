// Package junit5 runs the example junit5 with real Maven.
package junit5

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestExamples(t *testing.T) {
	realsuite.Examples(t,
		realsuite.Example{
			Name: "junit5", Install: realsuite.Maven,
			Failed:  []string{"com.acme.cases.CaseIT::countsApprovals(int, TestReporter)", "com.acme.cases.RulesTest::approves()"},
			Flaky:   []string{"com.acme.cases.CaseIT$Notes::notifies()", "com.acme.cases.RulesTest::isOnTime()"},
			Skipped: []string{"com.acme.cases.CaseIT::audits()", "com.acme.cases.CaseIT::needsMail()"},
			Crashes: "com.acme.cases.CaseIT::escalates()", Before: "com.acme.cases.RulesTest::adds()",
		},
	)
}

func TestContract(t *testing.T) { realsuite.PlayTogether(t, "junit5-maven", realsuite.Maven) }

// TestStall: a test that never ends is ended, and its JVM says where it hangs.
func TestStall(t *testing.T) {
	files := map[string]string{"src/test/java/HangTest.java": `import org.junit.jupiter.api.*;

@TestMethodOrder(MethodOrderer.MethodName.class)
class HangTest {
    @Test void first() {}
    @Test void hangs() throws Exception { waitForTheWorker(); }
    @Test void later() {}
    static void waitForTheWorker() throws Exception { new java.util.concurrent.CountDownLatch(1).await(); }
}
`, "pom.xml": pom}
	realsuite.Stall(t, "junit5-maven", files, realsuite.Maven, "hangs", "HangTest.waitForTheWorker")
}

// pom is that of a project whose tests run in one JVM.
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>g</groupId><artifactId>a</artifactId><version>1</version>
  <properties><maven.compiler.release>11</maven.compiler.release><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
  <dependencies>
    <dependency><groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId><version>5.13.4</version><scope>test</scope></dependency>
  </dependencies>
  <build><plugins>
    <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
    <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.14.0</version></plugin>
    <plugin><artifactId>maven-surefire-plugin</artifactId><version>3.5.3</version></plugin>
  </plugins></build>
</project>
`

// TestOneBuild: a shard on a machine where nothing was listed builds once and starts the JVMs without Maven. Where that cannot be,
// plan and lint say why.
func TestOneBuild(t *testing.T) {
	realsuite.Slow(t)
	if runtime.GOOS != "linux" {
		t.Skip("JVMs tell how they were started on Linux only")
	}
	env := append(realsuite.Maven(t, ""), "XDG_CACHE_HOME="+t.TempDir(), "NO_COLOR=1")
	gate, dir := gatebin.Build(t), t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), gate, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out)
	}
	write(".git/keep", "")
	write("e2e-gate.yml", "version: 1\nstages: {pr: {on: [pull_request]}}\nsuites: [{name: s, framework: junit5-maven, owner: team}]\n")
	write("src/test/java/OneTest.java", "import org.junit.jupiter.api.*;\n\nclass OneTest {\n    @Test @Tag(\"smoke\") void first() {}\n    @Test void second() {}\n}\n")
	write("pom.xml", pom)
	if out := run("plan", "--shards", "1", "--out", "planned"); strings.Contains(out, "which builds again") {
		t.Fatal(out)
	}
	env[len(env)-2] = "XDG_CACHE_HOME=" + t.TempDir()
	out := run("shard", "--plan", "planned/plan.json", "--index", "0", "--out", "ran")
	data, err := os.ReadFile(filepath.Join(dir, "ran", "shard-0.1.json"))
	var doc e2e.ShardRun
	if err == nil {
		err = json.Unmarshal(data, &doc)
	}
	if err != nil || len(doc.Units) != 2 || len(doc.Tests) != 2 || strings.Count(out, "]  listing suite s") != 1 {
		t.Fatalf("%v %+v\n%s", err, doc, out)
	}
	for _, u := range doc.Units {
		if u.Exit != 0 || !slices.Contains(u.Command, "e2egate.Forks") {
			t.Errorf("%q: exit status %d", u.Command, u.Exit)
		}
	}
	write("pom.xml", strings.Replace(pom, "<version>3.5.3</version>", "<version>3.5.3</version><configuration><forkCount>2</forkCount></configuration>", 1))
	const why = "each batch of suite s starts mvn, which builds again: maven-surefire-plugin:test (default-test) in pom.xml sets forkCount 2 and reuseForks true"
	for _, command := range []string{"plan", "lint"} {
		if out := run(command); !strings.Contains(out, why) {
			t.Errorf("%s: %s", command, out)
		}
	}
}
