package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A store that cannot be opened is never another one: what a run wrote into a folder of
// its machine would be lost with the machine.
func TestHistoryStoreThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		".git/HEAD": "", "e2e/a_test.go": "package e2e\n", "r.xml": `<testsuite><testcase classname="A" name="x" time="1"/></testsuite>`,
		"e2e-gate.yml": "version: 1\nstages: {pr: {}}\nsuites: [{name: s, framework: gotest, dir: e2e}]\nhistory: {store: 's3://${BUCKET}/cases'}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	run := func(env []string, args ...string) (int, string) {
		var out bytes.Buffer
		app := App{Stdout: &out, Stderr: &out, Now: time.Now, Environ: append([]string{"PATH=" + os.Getenv("PATH")}, env...)}
		return app.Main(t.Context(), args), out.String()
	}
	broken := []string{"BUCKET=b", "AWS_REGION=eu central 1"}
	for _, args := range [][]string{
		{"run"}, {"lint"}, {"history", "show"}, {"history", "export"}, {"history", "import", "r.xml"},
		{"history", "show", "--store", "s3://b/cases"},
	} {
		status, out := run(broken, args...)
		if status != 2 || !strings.Contains(out, "s3://b/cases cannot be opened") || !strings.Contains(out, "AWS_REGION") {
			t.Errorf("%v: exit status %d, want 2, with the address and the reason in\n%s", args, status, out)
		}
	}
	for _, args := range [][]string{{"history", "show"}, {"history", "export"}} {
		if status, out := run(nil, args...); status != 2 || !strings.Contains(out, "BUCKET") {
			t.Errorf("%v without BUCKET: exit status %d, want 2, and the variable in\n%s", args, status, out)
		}
	}
	// What needs no history does not open it.
	if status, out := run(nil, "gates"); status != 0 {
		t.Errorf("gates: exit status %d, want 0\n%s", status, out)
	}
	if _, err := os.Stat(filepath.Join(dir, ".e2e-gate", "history")); !os.IsNotExist(err) {
		t.Errorf("records lie in the default folder: %v", err)
	}
}

// What is left of a config with a mistake is not taken for all of it: a store or a
// quarantine that could not be read would be another one in silence.
func TestConfigWithMistakes(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{".git/HEAD": "", "e2e-gate.yml": "version: 1\nhistroy: {store: 'dir:elsewhere'}\nquarantine: [q.yml\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, args := range [][]string{{"history", "show"}, {"history", "export"}, {"quarantine", "list"}, {"quarantine", "check"}} {
		var out bytes.Buffer
		app := App{Stdout: &out, Stderr: &out, Now: time.Now}
		if status := app.Main(t.Context(), args); status != 2 || !strings.Contains(out.String(), "e2e-gate.yml:") {
			t.Errorf("%v: exit status %d, want 2, and the mistake's place in\n%s", args, status, out.String())
		}
	}
}
