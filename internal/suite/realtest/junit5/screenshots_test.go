package junit5

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	const selenium = "<dependency><groupId>org.seleniumhq.selenium</groupId><artifactId>selenium-api</artifactId><version>4.52.0</version><scope>test</scope></dependency>"
	env := realsuite.Maven(t, "")
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	realsuite.Trick{
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
    private final WebDriver driver = (WebDriver) Proxy.newProxyInstance(PageTest.class.getClassLoader(), new Class<?>[] {WebDriver.class, TakesScreenshot.class},
        (proxy, method, args) -> method.getName().equals("getPageSource") ? "<p>" : OutputType.BYTES.convertFromPngBytes(new byte[] {1}));

    @Test void fails() { Assertions.fail("boom"); }
    @Test void passes() {}
    @Nested class Inner {
        @Test void failsToo() { Assertions.fail("boom"); }
    }
}
`,
		},
		Want: "PageTest$Inner::failsToo() failed, PageTest::fails() failed, PageTest::passes() passed", Kept: 4, Message: "boom",
	}.Play(t)
}
