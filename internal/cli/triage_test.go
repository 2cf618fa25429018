package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTriageEvaluates(t *testing.T) {
	dir := t.TempDir()
	set := filepath.Join(dir, "set.jsonl")
	if err := os.WriteFile(set, []byte(`{"id": "a", "message": "no space left on device", "context": {"health": "failed"}, "label": "ENVIRONMENT_FAILURE"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file, out, err string
		exit           int
	}{
		{set, "right                     1 of 1 (100.0 %)", "", 0},
		{filepath.Join(dir, "none.jsonl"), "", "give --evaluate a file that exists", 2},
		{dir, "", "is a directory", 2},
	} {
		var stdout, stderr bytes.Buffer
		app := &App{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr}
		got := app.Main(t.Context(), []string{"triage", "--evaluate", tt.file})
		if int(got) != tt.exit || !strings.Contains(stdout.String(), tt.out) || !strings.Contains(stderr.String(), tt.err) {
			t.Errorf("%s: exit %v\n%s%s", tt.file, got, &stdout, &stderr)
		}
	}
}
