//go:build unix

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/gitkit"
)

// The config of the folder in which the gate is started counts before that of the root, and its paths are from the root.
func TestNearestConfig(t *testing.T) {
	r := gitkit.New(t)
	config := func(suite, dir string) string {
		return "version: 1\nstages: {pr: {on: [pull_request]}}\nsuites:\n  - {name: " + suite + ", framework: command, list: [echo, " + suite + "], run: [\"true\"], " +
			"reports: \"*.xml\", dir: " + dir + "}\n"
	}
	for name, text := range map[string]string{
		"e2e-gate.yml": config("root", "."), "web/.github/e2e-gate.yml": config("web", "web/e2e"), "web/e2e/x": "", "web/deep/er/x": "", "api/x": "",
		"odd/e2e-gate.yml": config("odd", "e2e"), "odd/e2e/x": "", "folder/e2e-gate.yml/x": "",
	} {
		r.Write(name, text)
	}
	for _, tc := range []struct{ in, flag, want string }{
		{".", "", "root"}, {"web", "", "web"}, {"web/deep/er", "", "web"}, {"api", "", "root"}, {"web", "../e2e-gate.yml", "root"}, {"folder", "", "root"},
		{"odd", "", "there is no directory e2e; paths are relative to the repository root; write odd/e2e"},
	} {
		t.Run(tc.in, func(t *testing.T) {
			t.Chdir(filepath.Join(r.Dir, tc.in))
			args := []string{"plan", "--shards", "1"}
			if tc.flag != "" {
				args = append(args, "--config", tc.flag)
			}
			var out bytes.Buffer
			app := App{Stdout: &out, Stderr: &out, Environ: []string{"PATH=" + os.Getenv("PATH")}}
			if app.Main(t.Context(), args); !strings.Contains(out.String(), tc.want) {
				t.Errorf("%q is not in\n%s", tc.want, out.String())
			}
		})
	}
}
