package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/org/e2e-gate/internal/annotation"
	"github.com/org/e2e-gate/internal/e2e"
)

func suiteDir(string) string { return "examples/casework/e2e" }

func TestAnnotations(t *testing.T) {
	for name, r := range results() {
		t.Run(name, func(t *testing.T) {
			list := Annotations(r, AnnotationOptions{SuiteDir: suiteDir})
			data, err := json.MarshalIndent(shownFields(list), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, name+".annotations.json", string(data)+"\n")
			levels := map[annotation.Level]int{}
			for _, a := range list {
				levels[a.Level()]++
				visible(t, a.Title()+"\n"+a.Message()+"\n"+a.File())
				if len(a.Title()) > 255 || len(a.Message()) > 4096 || strings.Contains(a.Title(), "\n") ||
					strings.IndexFunc(a.Title()+a.Message()+a.File(), func(r rune) bool { return r > 0xffff }) >= 0 {
					t.Errorf("%+v", a)
				}
				if !utf8.ValidString(a.Title()+a.Message()) || strings.Contains(a.File(), "..") || a.File() == "" && a.Line() != 0 {
					t.Errorf("%+v", a)
				}
			}
			for level, n := range levels {
				if n > MaxAnnotations {
					t.Errorf("%d of level %s", n, level)
				}
			}
		})
	}
}

// shownFields are the annotations as the golden files write them.
func shownFields(list []annotation.Annotation) []any {
	var out []any
	for _, a := range list {
		out = append(out, struct {
			Level   annotation.Level
			File    string
			Line    int
			Title   string
			Message string
		}{a.Level(), a.File(), a.Line(), a.Title(), a.Message()})
	}
	return out
}

func TestAnnotationsSayHowManyMore(t *testing.T) {
	list := Annotations(manyFailures(), AnnotationOptions{})
	last := list[len(list)-1]
	if len(list) != MaxAnnotations || !strings.HasPrefix(last.Message(), "491 more annotations") {
		t.Errorf("%d, last %+v", len(list), last)
	}
}

func TestAnnotationFiles(t *testing.T) {
	for file, want := range map[string]string{
		"a_test.go": "e2e/a_test.go", "sub/a.spec.ts": "e2e/sub/a.spec.ts", "../shared/a.py": "shared/a.py",
		"../../a.py": "", "/etc/passwd": "", `C:\a.cs`: "", "": "", "a\nb": "", "\U0001F600.go": "",
	} {
		r := e2e.Result{Tests: []e2e.TestResult{{Test: e2e.Test{ID: "x", File: file, Line: 3}, Outcome: e2e.Failed, Effect: e2e.Blocks}}}
		a := Annotations(r, AnnotationOptions{SuiteDir: func(string) string { return "e2e" }})[0]
		if a.File() != want || (a.Line() != 0) != (want != "") {
			t.Errorf("%q becomes %q:%d, want %q", file, a.File(), a.Line(), want)
		}
	}
}

// Reports give a test's file from the suite's directory or from the repository's root, and
// with a line in it; an annotation names a file that the checkout has, or none.
func TestAnnotationsNameFilesOfTheCheckout(t *testing.T) {
	has := map[string]bool{"apps/web/tests/PayTest.php": true, "docs/a.md": true}
	for given, want := range map[string]string{
		"tests/PayTest.php":                 "apps/web/tests/PayTest.php 9",
		"apps/web/tests/PayTest.php":        "apps/web/tests/PayTest.php 9",
		`tests\PayTest.php`:                 "apps/web/tests/PayTest.php 9",
		"tests/PayTest.php:12":              "apps/web/tests/PayTest.php 9",
		"tests/PayTest.php(12)":             "apps/web/tests/PayTest.php 9",
		"file://apps/web/tests/PayTest.php": "apps/web/tests/PayTest.php 9",
		"tests/Other.php":                   " 0",
		"../../docs/a.md":                   "docs/a.md 9",
		"../../../docs/a.md":                " 0",
		"/etc/passwd":                       " 0",
		`C:\x\PayTest.php`:                  " 0",
		"":                                  " 0",
	} {
		r := e2e.Result{Tests: []e2e.TestResult{{Test: e2e.Test{ID: "a", Suite: "s", File: given, Line: 9}, Outcome: e2e.Failed, Effect: e2e.Blocks}}}
		list := Annotations(r, AnnotationOptions{SuiteDir: func(string) string { return "apps/web" }, Exists: func(file string) bool { return has[file] }})
		if got := fmt.Sprintf("%s %d", list[0].File(), list[0].Line()); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
		r.Tests[0].Line = 0
		list = Annotations(r, AnnotationOptions{SuiteDir: func(string) string { return "apps/web" }})
		if strings.Contains(given, "12") && list[0].Line() != 12 {
			t.Errorf("%q: line %d", given, list[0].Line())
		}
	}
}
