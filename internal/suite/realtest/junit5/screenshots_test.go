package junit5

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// The extension of docs/frameworks.md keeps what a browser of Selenium shows when a test fails.
func TestScreenshotsOfTheDocs(t *testing.T) {
	realsuite.Slow(t)
	page, err := os.ReadFile(filepath.Join(gatebin.Root(t), "docs", "frameworks.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "```java\n// Screenshots.java:")
	code, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatal("the page has no Screenshots.java")
	}
	const selenium = "<dependency><groupId>org.seleniumhq.selenium</groupId><artifactId>selenium-api</artifactId>" +
		"<version>4.52.0</version><scope>test</scope></dependency>"
	env := realsuite.Maven(t, "")
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	tc := realsuite.Trick{
		Spec: suite.Spec{Name: "s", Framework: "junit5-maven"},
		Files: map[string]string{
			"pom.xml":                        strings.Replace(pom, "</dependency>\n", "</dependency>\n    "+selenium+"\n", 1),
			"src/test/java/Screenshots.java": "//" + code,
			"src/test/java/PageTest.java": `import java.lang.reflect.Proxy;

import org.junit.jupiter.api.*;
import org.junit.jupiter.api.extension.ExtendWith;
import org.openqa.selenium.*;

@ExtendWith(Screenshots.class)
class PageTest {
    private final WebDriver driver = (WebDriver) Proxy.newProxyInstance(PageTest.class.getClassLoader(),
        new Class<?>[] {WebDriver.class, TakesScreenshot.class},
        (proxy, method, args) -> method.getName().equals("getPageSource") ? "<p>" : OutputType.BYTES.convertFromPngBytes(new byte[] {1}));

    @Test void fails() { Assertions.fail("boom"); }
    @Test void inALibrary() { By.id(null); }
    @Test void passes() {}
    @Nested class Inner {
        @Test void failsToo() { Assertions.fail("boom"); }
    }
}
`,
		},
	}
	a, tests, problems, err := tc.List(t)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	rep := tc.Run(t, a, tests, os.Environ())
	got := map[string]string{}
	for _, p := range tests {
		for _, attempt := range rep.Tests[p.ID] {
			got[p.Name] += fmt.Sprintf("%s at %s, %d files", attempt.Outcome, attempt.At, len(attempt.Files))
		}
	}
	want := map[string]string{
		"PageTest$Inner::failsToo()": "failed at PageTest.java:17, 2 files", "PageTest::fails()": "failed at PageTest.java:13, 2 files",
		"PageTest::inALibrary()": "failed at PageTest.java:14, 2 files", "PageTest::passes()": "passed at , 0 files",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%+v", diff, rep.Problems)
	}
}
