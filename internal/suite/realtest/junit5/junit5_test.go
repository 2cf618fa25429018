// Package junit5 runs the example junit5 with real Maven.
package junit5

import (
	"testing"

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
`, "pom.xml": `<project xmlns="http://maven.apache.org/POM/4.0.0">
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
`}
	realsuite.Stall(t, "junit5-maven", files, realsuite.Maven, "hangs", "HangTest.waitForTheWorker")
}
