//go:build unix

// Package readme does what the README and the quickstart say, and compares the output.
package readme

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/cli"
	"github.com/org/e2e-gate/internal/testkit/golden"
	"github.com/org/e2e-gate/internal/testkit/servers"
)

const readmeCommand = "go run ./cmd/e2e-gate run --config examples/casework/e2e-gate.yml"

// quickstart runs the README's command in this process, with variables set, in the repository's root, where the test has to be.
func quickstart(t *testing.T, env ...string) (status int, stdout, stderr string) {
	t.Helper()
	if testing.Short() {
		t.Skip("the quickstart takes seconds for each row")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the quickstart needs the go command in PATH")
	}
	var out, progress bytes.Buffer
	environ := []string{"NO_COLOR=1", "CASE_PORT=" + strconv.Itoa(servers.FreePort(t)), "GATE_HISTORY=" + t.TempDir(), "E2E_PATIENCE=1500ms"}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); !strings.HasPrefix(name, "GITHUB_") && !strings.HasPrefix(name, "E2E_") && !strings.HasPrefix(name, "CASEWORK_") {
			environ = append(environ, kv)
		}
	}
	app := cli.App{Stdout: &out, Stderr: &progress, Environ: append(environ, env...)}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	status = app.Main(ctx, append(strings.Fields(readmeCommand)[3:], "--out", t.TempDir()))
	return status, out.String(), progress.String()
}

// TestReadmeOutput holds that the README shows what its command prints.
func TestReadmeOutput(t *testing.T) {
	file, err := filepath.Abs("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../../..")
	status, stdout, stderr := quickstart(t)
	if status != 0 {
		t.Fatalf("exit status %d:\n%s\n%s", status, stdout, stderr)
	}
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```console\n\\$ " + regexp.QuoteMeta(readmeCommand) + "\n(.*?)```")
	shown := regexp.MustCompile(`\S*/units/`).ReplaceAllString(stdout, ".e2e-gate/runs/RUN/units/")
	shown = regexp.MustCompile(`\S*/result.json`).ReplaceAllString(shown, ".e2e-gate/runs/RUN/result.json")
	shown = regexp.MustCompile(`e2e-\d{13}-[0-9a-f-]{36}`).ReplaceAllString(shown, "RUN")
	if golden.Updating() {
		text := "```console\n$ " + readmeCommand + "\n" + strings.TrimRight(shown, "\n") + "\n```"
		golden.Write(t, file, string(block.ReplaceAllLiteral(readme, []byte(text))))
		return
	}
	m := block.FindSubmatch(readme)
	if m == nil {
		t.Fatal("the README does not show the command " + readmeCommand)
	}
	if diff := cmp.Diff(varying(string(m[1])), varying(shown)); diff != "" {
		t.Errorf("the README shows other output than the command prints; %s\n%s", golden.Hint(t), diff)
	}
}

// varying takes out what differs from run to run: times, numbers of cases, which
// tests were slowest.
func varying(s string) string {
	s = regexp.MustCompile(`(?ms)^SLOWEST TESTS[^\n]*\n.*?\n\n`).ReplaceAllString(s, "")
	s = regexp.MustCompile(`CASE-\d+`).ReplaceAllString(s, "CASE-N")
	s = regexp.MustCompile(`(\d+m )?\d+(\.\d+)? s\b`).ReplaceAllString(s, "N s")
	return strings.Join(strings.Fields(s), " ")
}

// TestReadmeVariants runs every row of the README's table of faults.
func TestReadmeVariants(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"E2E_FAULT=none":              "PASSED",
		"CASEWORK_FAULT=never-accept": "(?s)BLOCKED.*PRODUCT_REGRESSION.*was not accepted within",
		"E2E_FAULT=crash":             "(?s)BLOCKED.*panic: assignment to entry in nil map",
		"CASEWORK_FAULT=unhealthy":    "(?s)NOT JUDGED.*ENVIRONMENT_FAILURE.*failing: worker",
		"CASEWORK_FAULT=wrong-sha":    "(?s)NOT JUDGED.*ENVIRONMENT_FAILURE.*0bad",
		"CASEWORK_FAULT=crash":        "(?s)BLOCKED.*PRODUCT_REGRESSION \\(high confidence\\): background process[ \\n]+case-api[ \\n]+crashed",
	}
	rows := regexp.MustCompile("(?m)^\\| `([A-Z0-9_=a-z -]+)` \\|.*\\| (\\d) \\|$").FindAllStringSubmatch(string(readme), -1)
	if len(rows) != len(want) {
		t.Fatalf("the README has %d faults, and this test knows %d", len(rows), len(want))
	}
	t.Chdir("../../..")
	for _, row := range rows {
		env := strings.Fields(row[1])
		t.Run(row[1], func(t *testing.T) {
			t.Parallel() // most of the time something is waited for
			status, stdout, stderr := quickstart(t, env...)
			if strconv.Itoa(status) != row[2] || !regexp.MustCompile(want[env[len(env)-1]]).MatchString(stdout) {
				t.Errorf("exit status %d, want %s, and output that matches %s:\n%s\n%s", status, row[2], want[env[len(env)-1]], stdout, stderr)
			}
		})
	}
}
