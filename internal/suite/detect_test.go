package suite

import (
	"fmt"
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	const junit = "import org.junit.jupiter.api.Test;\n"
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", map[string]string{"README.md": "", "main.go": "package main", "main_test.go": "package main"}, ""},
		{"Go by folder", map[string]string{"go.mod": "", "test/e2e/a_test.go": "", "test/e2e/sub/b_test.go": "", "x/x_test.go": ""}, "e2e gotest test/e2e []"},
		{"Go by constraint", map[string]string{"a/a_test.go": "//go:build e2e\n\npackage a\n", "b/b_test.go": "// the build constraint //go:build e2e\n"}, "a gotest a [-tags=e2e]"},
		{"Maven of many modules", map[string]string{"pom.xml": "", "api/pom.xml": "", "api/src/test/java/ATest.java": junit, "api/target/x/pom.xml": ""}, "e2e junit5-maven  []"},
		{"two builds", map[string]string{"a/pom.xml": "", "a/src/test/java/ATest.java": junit, "b/pom.xml": "", "b/src/test/java/BTest.java": "import org.junit.Test;", "c/build.gradle.kts": "", "c/src/test/kotlin/CTest.kt": junit},
			"a junit5-maven a []; c junit5-gradle c []"},
		{"Gradle with a source set", map[string]string{"settings.gradle": "", "app/build.gradle": "", "app/src/e2eTest/java/ATest.java": junit}, "e2e junit5-gradle  [e2eTest]"},
		{"pytest without settings", map[string]string{"e2e/tests/test_a.py": "", "e2e/conftest.py": ""}, "e2e pytest e2e []"},
		{"pytest in pyproject.toml", map[string]string{"svc/pyproject.toml": "[tool.pytest.ini_options]", "svc/tests/test_a.py": "", "lib/pyproject.toml": "[tool.black]"}, "svc pytest svc []"},
		{"a helper without tests", map[string]string{"pytest.ini": ""}, ""},
		{"Playwright and Jest", map[string]string{"package.json": `{"devDependencies": {"jest": "^29", "@playwright/test": "1"}}`, "ui/playwright.config.ts": "", "node_modules/x/package.json": `{"dependencies": {"vitest": "1"}}`},
			"e2e jest  []; ui playwright ui []"},
		{"one folder, two frameworks", map[string]string{"e2e/playwright.config.ts": "", "e2e/pytest.ini": "", "e2e/test_a.py": ""}, "e2e playwright e2e []; e2e-pytest pytest e2e []"},
		{"same names", map[string]string{"a/e2e/x_test.go": "", "b/e2e/x_test.go": "", "c/e2e/x_test.go": ""}, "e2e gotest a/e2e []; e2e-gotest gotest b/e2e []; e2e-gotest-3 gotest c/e2e []"},
		{"hostile names", map[string]string{"e2e/x: *y\n- z/a_test.go": ""}, "x-y---z gotest e2e/x: *y\n- z []"},
		{"a package.json that is none", map[string]string{"package.json": "{"}, ""},
		{"testdata", map[string]string{"testdata/e2e/a_test.go": ""}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			found, err := Detect(tree(t, tc.files))
			if err != nil {
				t.Fatal(err)
			}
			var list []string
			for _, d := range found {
				list = append(list, fmt.Sprintf("%s %s %s %v", d.Spec.Name, d.Spec.Framework, d.Spec.Dir, d.Spec.Args))
				if d.Why == "" {
					t.Errorf("%+v has no reason", d)
				}
			}
			if got := strings.Join(list, "; "); got != tc.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// init knows every framework that can be told from files.
func TestEveryFrameworkIsDetected(t *testing.T) {
	for name, f := range frameworks {
		if (f.detect == nil) != (name == "command") || (f.detect == nil) != (f.signs == "") {
			t.Errorf("framework %s: detect and signs belong together, and all but command have them", name)
		}
	}
}
