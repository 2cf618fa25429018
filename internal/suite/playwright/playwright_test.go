package playwright

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// installed is a folder for which a package of npm is installed.
func installed(t *testing.T, name, version string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "node_modules", filepath.FromSlash(name))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"version": "`+version+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "e2e", "suite")
}

func TestPlaywrightArguments(t *testing.T) {
	tests := []e2e.Test{
		{Name: "[mobile web] a/x.spec.ts::Checkout › buys (1)", File: "a/x.spec.ts"},
		{Name: "y.spec.ts::(in order)", File: "y.spec.ts", Class: "serial"},
	}
	for _, tc := range []struct {
		version string
		attempt int
		tests   []e2e.Test
		want    string
	}{
		{"1.65.1", 1, nil, "--list --forbid-only --reporter=R/e2e-gate-playwright.cjs --project=x"},
		{"1.65.1", 1, tests, `a[\\/]x\.spec\.ts$ y\.spec\.ts$ --forbid-only --output=E/playwright --add-reporter=R/e2e-gate-playwright.cjs --project=x`},
		{
			"1.63.0-beta-1", 2, tests[1:],
			`y\.spec\.ts$ --forbid-only --output=E/playwright --add-reporter=R/e2e-gate-playwright.cjs --project=x --retries=0 --workers=1`,
		},
		{"1.62.1", 1, tests[1:], `y\.spec\.ts$ --forbid-only --output=E/playwright --reporter=list,R/e2e-gate-playwright.cjs --project=x`},
		{"1.49.0", 1, tests, `a[\\/]x\.spec\.ts$ y\.spec\.ts$ --shard=1/1 --forbid-only --output=E/playwright --reporter=list,R/e2e-gate-playwright.cjs ` +
			`--grep=/^(?:\s*mobile web (?:\S+\/)?x\.spec\.ts Checkout(?: @\S+)* (?:› )?buys \(1\)(?: @\S+)*|\s* (?:\S+\/)?y\.spec\.ts [\s\S]*)$/ --project=x`},
		{
			"unknown", 1, tests[1:],
			`y\.spec\.ts$ --shard=1/1 --forbid-only --output=E/playwright --reporter=list,R/e2e-gate-playwright.cjs --grep=/^(?:\s* (?:\S+\/)?y\.spec\.ts [\s\S]*)$/ --project=x`,
		},
	} {
		l := adapter.Launch{
			Spec: adapter.Spec{Args: []string{"--project=x"}}, Dir: installed(t, "@playwright/test", tc.version), Reporter: "R", Evidence: "E", Tests: tc.tests,
			Attempt: tc.attempt,
		}
		args, err := arguments(l)
		if got := filepath.ToSlash(strings.Join(args, " ")); err != nil || filepath.Separator == '/' && got != tc.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", tc.version, err, got, tc.want)
		}
	}
}

// What is older is refused before it lists anything.
func TestPlaywrightIsTooOld(t *testing.T) {
	for version, want := range map[string]string{
		"1.30.0":   "suite ui: tool not usable: Playwright 1.30.0 is too old; 1.42 or later is needed: npm install --save-dev @playwright/test@latest",
		"1.42.0":   "",
		"1.42.0-a": "",
	} {
		_, err := arguments(adapter.Launch{Spec: adapter.Spec{Name: "ui"}, Dir: installed(t, "@playwright/test", version), Reporter: "R", Evidence: "E"})
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v", version, err)
		}
	}
}

// A pattern that does not fit on a command line is refused, and files that do not
// are left out: the reporter selects.
func TestPlaywrightWithManyTests(t *testing.T) {
	var tests []e2e.Test
	for range 400 {
		file := strings.Repeat("x", 100+len(tests)) + ".spec.ts"
		tests = append(tests, e2e.Test{Name: file + "::a", File: file})
	}
	if _, err := arguments(adapter.Launch{Dir: installed(t, "playwright", "1.50.0"), Tests: tests}); err == nil ||
		!strings.Contains(err.Error(), "update @playwright/test") {
		t.Errorf("%v", err)
	}
	args, err := arguments(adapter.Launch{Dir: installed(t, "playwright", "1.65.1"), Tests: tests})
	if err != nil || !strings.HasPrefix(args[0], "--") {
		t.Errorf("%q %v", args[0], err)
	}
}

// Files outside of the suite's directory run too.
func TestFileFilter(t *testing.T) {
	for file, want := range map[string]string{
		"tests/a.spec.js":        `tests[\\/]a\.spec\.js$`,
		"../../shared/a.spec.js": `[\\/]shared[\\/]a\.spec\.js$`,
		"../a.spec.js":           `[\\/]a\.spec\.js$`,
	} {
		got := fileFilter(file)
		if got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
		if ok, err := regexp.MatchString(got, path.Join("/w/apps/web", file)); err != nil || !ok {
			t.Errorf("%s does not match: %v", file, err)
		}
	}
}
