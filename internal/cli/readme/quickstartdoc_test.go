//go:build unix

package readme

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/cli"
)

// TestQuickstartDoc does what docs/quickstart.md says, in an empty folder, and
// wants to see what it shows. A line of three dots stands for any others.
func TestQuickstartDoc(t *testing.T) {
	if testing.Short() {
		t.Skip("the quickstart takes seconds")
	}
	doc, err := os.ReadFile("../../../docs/quickstart.md")
	if err != nil {
		t.Fatal(err)
	}
	service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer service.Close()
	t.Chdir(t.TempDir())
	environ := []string{"NO_COLOR=1"}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GITHUB_") && !strings.HasPrefix(kv, "E2E_") && !strings.HasPrefix(kv, "API_URL=") {
			environ = append(environ, kv)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Fatalf("the folder is not empty: %v %v", left, err)
	}
	runs := 0
	for _, m := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		first, rest, _ := strings.Cut(m[2], "\n")
		switch m[1] {
		case "go":
			writeDoc(t, strings.TrimPrefix(first, "// "), rest)
		case "yaml":
			writeDoc(t, strings.TrimPrefix(first, "# "), rest)
		case "console":
			if words := strings.Fields(first); words[1] != "e2e-gate" {
				if out, err := exec.CommandContext(t.Context(), words[1], words[2:]...).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v: %s", first, err, out)
				}
				continue
			}
			args := strings.Fields(strings.TrimPrefix(first, "$ e2e-gate "))
			if args[0] == "run" {
				if runs++; runs == 2 {
					environ = append(environ, "API_URL="+service.URL)
				}
			}
			var out, progress bytes.Buffer
			status := (&cli.App{Stdout: &out, Stderr: &progress, Environ: environ}).Main(t.Context(), args)
			if missing := unseen(rest, out.String()); missing != "" {
				t.Errorf("%s (exit status %d) does not print, at its place:\n%s\nit prints:\n%s%s", first, status, missing, out.String(), progress.String())
			}
		}
	}
	if runs != 2 {
		t.Errorf("the quickstart runs the gate %d times, want 2", runs)
	}
}

func writeDoc(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// unseen is the first part of what is shown that the output does not have, in order.
func unseen(shown, output string) string {
	for _, part := range strings.Split(shown, "...\n") {
		_, after, found := strings.Cut(output, part)
		if !found {
			return part
		}
		output = after
	}
	return ""
}
