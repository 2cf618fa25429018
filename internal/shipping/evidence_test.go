package shipping

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/need"
)

// TestCorrelationHelpers runs the helpers of docs/evidence.md: each computes the id that the gate derives for the same test.
func TestCorrelationHelpers(t *testing.T) {
	page, err := os.ReadFile("../../docs/evidence.md")
	if err != nil {
		t.Fatal(err)
	}
	code := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```(go|python|js|java|ruby)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		code[m[1]] = m[2]
	}
	titles := e2e.Test{Framework: "playwright", Name: "[chromium] a/checkout.spec.ts::Checkout › buys “an item”"}
	for language, tc := range map[string]struct {
		test          e2e.Test
		file, program string
		run           []string
	}{
		"go": {e2e.Test{Framework: "gotest", Name: "TestSubmit"}, "main.go", "package main\n\nimport (\n\"cmp\"\n\"crypto/sha256\"\n\"fmt\"\n\"os\"\n\"strings\"\n)\n" +
			"CODE\nfunc main() { fmt.Println(correlationID(\"TestSubmit/case\")) }\n", []string{"go", "run", "main.go"}},
		"python": {e2e.Test{Framework: "pytest", Name: "tests/test_a.py::TestCase::test_x[a::b-ü]"}, "main.py",
			"CODE\nprint(correlation_id('tests/test_a.py::TestCase::test_x[a::b-ü]'))\n", []string{"python3", "main.py"}},
		"js": {titles, "main.mjs", "CODE\nconsole.log(correlationId(['Checkout', 'buys “an item”']))\n", []string{"node", "main.mjs"}},
		"java": {e2e.Test{Framework: "junit5-maven", Class: "Main$Inner", Name: "Main$Inner::submits(String)"}, "Main.java",
			"CODE\npublic class Main { static class Inner { void submits(String s) {} }\npublic static void main(String[] a) throws Exception {" +
				"System.out.println(Correlation.id(Inner.class, Inner.class.getDeclaredMethod(\"submits\", String.class))); } }\n", nil},
		"ruby": {titles, "main.rb", "CODE\nputs correlation_id('Checkout buys “an item”')\n", []string{"ruby", "-Ku", "main.rb"}},
	} {
		t.Run(language, func(t *testing.T) {
			dir := t.TempDir()
			if code[language] == "" {
				t.Fatal("docs/evidence.md has no helper")
			}
			if err := os.WriteFile(filepath.Join(dir, tc.file), []byte(strings.Replace(tc.program, "CODE", code[language], 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			run := tc.run
			if language == "java" {
				need.Tool(t, "javac", "apt-get install openjdk-17-jdk-headless")
				compile := exec.Command("javac", "-encoding", "UTF-8", tc.file)
				compile.Dir = dir
				if out, err := compile.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				run = []string{"java", "-cp", ".", "Main"}
			}
			cmd := exec.Command(need.Tool(t, run[0], "install it"), run[1:]...) //nolint:gosec // ours
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "E2E_RUN_ID=e2e-7", "E2E_ATTEMPT=2")
			out, err := cmd.CombinedOutput()
			if want := e2e.CorrelationOf("e2e-7", 2, tc.test.OwnName()); err != nil || strings.TrimSpace(string(out)) != want {
				t.Errorf("%q, want %q: %v", out, want, err)
			}
		})
	}
}
