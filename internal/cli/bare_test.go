package cli

import (
	"bytes"
	"strings"
	"testing"
)

// Without a command, and without a config, the gate says how to begin.
func TestHowToBegin(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tc := range []struct {
		args   []string
		status int
		want   string
	}{
		{nil, 0, "Usage: e2e-gate <command>"},
		{[]string{"run"}, 2, "run e2e-gate init to write one"},
	} {
		var out, progress bytes.Buffer
		app := App{Stdout: &out, Stderr: &progress}
		if status := app.Main(t.Context(), tc.args); status != tc.status || !strings.Contains(out.String()+progress.String(), tc.want) {
			t.Errorf("%q: exit status %d\n%s%s", tc.args, status, &out, &progress)
		}
	}
}
