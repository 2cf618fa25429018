package phpunit

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"

	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

func TestArguments(t *testing.T) {
	for version, want := range map[string]string{
		"9.6.7":   `--printer E2EGate\Printer --group smoke`,
		"11.5.19": `--extension E2EGate\Extension --group smoke`,
		"12.0.0":  `--extension E2EGate\Extension --group smoke`,
	} {
		p := &phpunit{version: semver.MustParse(version)}
		args, err := p.arguments(adapter.Launch{Spec: adapter.Spec{Args: []string{"--group", "smoke"}}, Reporter: "R"})
		if got := strings.Join(args, " "); err != nil || got != want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", version, err, got, want)
		}
		if _, err := p.arguments(adapter.Launch{Reporter: "a" + string(os.PathListSeparator) + "b"}); err == nil {
			t.Error("a path that PHP cuts is taken")
		}
	}
}

func TestUsable(t *testing.T) {
	for version, want := range map[string]bool{"8.5.0": false, "9.2.6": false, "9.3.0": true, "9.6.7": true, "10.5.40": false, "11.2.9": false, "11.3.0": true, "13.0.0": true} {
		if got := usable(semver.MustParse(version)); got != want {
			t.Errorf("PHPUnit %s: %v", version, got)
		}
	}
}

// The version decides, and a tool without a usable one is named.
func TestLearn(t *testing.T) {
	for output, want := range map[string]string{
		"PHPUnit 9.6.7 by Sebastian Bergmann and contributors.": "",
		"PHPUnit 10.5.2 by Sebastian Bergmann and contributors.": "suite s: tool not usable: PHPUnit 10.5.2 has no place for the gate's extension; " +
			"update to 9.3 or later, or to 11.3 or later, or use framework: command",
		"nothing": "names no version of PHPUnit",
	} {
		root := suitetest.Files(t, map[string]string{"phpunit.sh": "#!/bin/sh\necho '" + output + "'\n"})
		a := newAdapter(adapter.Spec{Name: "s", Run: []string{"sh", "phpunit.sh"}}, root)
		err := a.(*phpunit).learn(t.Context(), os.Environ())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", output, err)
		}
	}
	err := newAdapter(adapter.Spec{Name: "s", Run: []string{filepath.Join(t.TempDir(), "none")}}, t.TempDir()).(*phpunit).learn(t.Context(), os.Environ())
	if err == nil {
		t.Error("a program that is missing is not named")
	}
}

func TestComposers(t *testing.T) {
	root := suitetest.Files(t, map[string]string{"api/composer.json": "{}", "api/e2e/x": "", "web/x": ""})
	for dir, want := range map[string]string{"api": "./vendor/bin/phpunit", "api/e2e": "./../vendor/bin/phpunit", "web": "", "": ""} {
		if got := composers(root, dir); got != want {
			t.Errorf("%q: %q, want %q", dir, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	var said []string
	fail := func(path, text, hint string) { said = append(said, path+": "+text) }
	validate(adapter.Spec{Run: []string{"./vendor/bin/paratest"}}, fail)
	validate(adapter.Spec{Run: []string{"./vendor/bin/phpunit"}}, fail)
	if len(said) != 1 || said[0] != "run: paratest is not supported" {
		t.Errorf("%q", said)
	}
}

// TestIssues has a script play PHPUnit 12, which is not installed everywhere: which issues fail a test, or the whole run.
func TestIssues(t *testing.T) {
	php := need.Tool(t, "php", "apt-get install php-cli")
	const passed, skipped = "A::plain passed, A::elsewhere passed, A::known passed", "B::skips skipped: not here"
	for _, tc := range []struct{ settings, want string }{
		{"", "A::deprecates passed, A::early passed, " + passed + ", " + skipped},
		{"failOnDeprecation failOnPhpunitWarning failOnPhpunitDeprecation", "A::deprecates failed: failOnDeprecation: old, " +
			"A::early failed: failOnPhpunitWarning: before it starts, " + passed + ", " + skipped + ", error: failOnPhpunitDeprecation: a runner deprecates, " +
			"error: failOnPhpunitWarning: a runner warns"},
		{"stopOnFailure", "A::deprecates passed, A::early passed, " + passed + ", " + skipped + ", " +
			"error: PHPUnit stopped early, as stopOnFailure or another such setting says; remove it, since the tests that it leaves out are lost"},
		{"failOnAllIssues doNotFailOnDeprecation", "A::deprecates passed, A::early failed: failOnPhpunitWarning: before it starts, " + passed + ", " +
			"B::skips failed: failOnSkipped: not here, error: failOnPhpunitDeprecation: a runner deprecates, error: failOnPhpunitWarning: a runner warns"},
	} {
		t.Run(tc.settings, func(t *testing.T) {
			if got := playIssues(t, php, strings.Fields(tc.settings)); got != sorted(tc.want) {
				t.Errorf("\ngot  %s\nwant %s", got, sorted(tc.want))
			}
		})
	}
}

func playIssues(t *testing.T, php string, settings []string) string {
	t.Helper()
	dir := t.TempDir()
	events, selection := filepath.Join(dir, "events"), filepath.Join(dir, "selection.json")
	names := `["A::plain", "A::deprecates", "A::elsewhere", "A::known", "A::early", "B::skips"]`
	if err := os.WriteFile(selection, []byte(names), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-d", "auto_prepend_file=e2e-gate-phpunit.php", "testdata/play.php"}, settings...)
	cmd := exec.CommandContext(t.Context(), php, args...)
	cmd.Env = append(os.Environ(), "E2E_GATE_EVENTS="+events, "E2E_GATE_DIR="+dir, "E2E_GATE_SELECTION="+selection, "E2E_EVIDENCE_DIR=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var said []string
	if damaged, err := adapter.ReadEvents(events, func(ev adapter.Event) {
		switch ev.Event {
		case "finished":
			said = append(said, strings.TrimSuffix(ev.ID+" "+ev.Outcome+": "+ev.Message, ": "))
		case "error":
			said = append(said, "error: "+ev.Message)
		}
	}); damaged != "" || err != nil {
		t.Fatal(damaged, err)
	}
	return sorted(strings.Join(said, ", "))
}

func sorted(list string) string {
	return strings.Join(slices.Sorted(strings.SplitSeq(list, ", ")), ", ")
}
