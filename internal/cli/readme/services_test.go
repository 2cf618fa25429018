//go:build unix

package readme

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/cli"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/servers"
)

// TestServicesExample runs the example with three services, of which one is unhealthy: the other team's tests are judged.
func TestServicesExample(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles and starts services")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the example needs the go command in PATH")
	}
	t.Chdir("../../..")
	for _, tc := range []struct {
		down, timeout string
		want          [3]string // exit status, outcomes of cases and payments
	}{
		{"", "2m", [3]string{"0", "passed", "passed"}}, // it compiles what the next one starts
		{"payment-api", "30s", [3]string{"3", "passed", "not_run"}},
	} {
		out := t.TempDir()
		environ := []string{"NO_COLOR=1", "UNHEALTHY=" + tc.down, "GATES_TIMEOUT=" + tc.timeout}
		for _, name := range []string{"AUTH_PORT", "CASES_PORT", "PAYMENTS_PORT"} {
			environ = append(environ, name+"="+strconv.Itoa(servers.FreePort(t)))
		}
		for _, kv := range os.Environ() {
			if !strings.HasPrefix(kv, "GITHUB_") && !strings.HasPrefix(kv, "E2E_") {
				environ = append(environ, kv)
			}
		}
		var stdout, stderr bytes.Buffer
		app := cli.App{Stdout: &stdout, Stderr: &stderr, Environ: environ}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		status := app.Main(ctx, []string{"run", "--config", "examples/services/e2e-gate.yml", "--out", out})
		cancel()
		data, err := os.ReadFile(filepath.Join(out, "result.json")) //nolint:gosec // of this run
		if err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		var result e2e.Result
		if err := json.Unmarshal(data, &result); err != nil {
			t.Fatal(err)
		}
		outcomes := map[string]string{}
		for _, one := range result.Tests {
			outcomes[one.Suite] = string(one.Outcome)
		}
		if got := [3]string{strconv.Itoa(status), outcomes["cases"], outcomes["payments"]}; got != tc.want {
			t.Errorf("unhealthy %q: %v, want %v\n%s\n%s", tc.down, got, tc.want, stdout.String(), stderr.String())
		}
	}
}
