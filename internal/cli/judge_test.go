//go:build unix

package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const judged = `version: 1
stages: {pr: {on: [pull_request]}}
suites: [{name: s, framework: command, run: [sh, -c, "echo '<testsuite><testcase classname=\"A\" name=\"one\"><failure message=\"expected 1, got 2\"/></testcase><testcase classname=\"A\" name=\"two\"/></testsuite>' > $E2E_REPORT_DIR/r.xml"], reports: "{report_dir}/*.xml", owner: t}]
`

const relaxed = judged + `policy: {failed: {release-blocking: inform}}
quarantine: q.yml
`

// Law 7: a change cannot relax its own judge.
func TestPolicyComesFromTheBase(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("the base comes from git, which is not installed")
	}
	for _, tc := range []struct {
		name         string
		base, head   string
		shallow      bool
		status       int
		says, reason string
	}{
		{"the change relaxes", judged, relaxed, false, 1, "blocked", ""},
		{"the base is as relaxed", relaxed, relaxed, false, 0, "passed", ""},
		{"the change tightens, and is judged by the base", relaxed, judged, false, 0, "passed", ""},
		{"the change introduces the gate", "", relaxed, false, 1, "built-in policy", ""},
		{"the base is not in the checkout", judged, relaxed, true, 1, "blocked", "fetch-depth: 0"},
		{"the base is not in the checkout and does not matter", judged, judged, true, 1, "blocked", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, out := runOnPullRequest(t, tc.base, tc.head, tc.shallow)
			if status != tc.status || !strings.Contains(strings.ToLower(out), tc.says) || !strings.Contains(out, tc.reason) {
				t.Errorf("exit status %d, want %d, and %q %q in\n%s", status, tc.status, tc.says, tc.reason, out)
			}
		})
	}
}

func runOnPullRequest(t *testing.T, base, head string, shallow bool) (status int, output string) {
	t.Helper()
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-C", dir}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(text string) string {
		t.Helper()
		files := map[string]string{"q.yml": "- {test: \"s/A::one\", owner: t, reason: r, quarantined_at: 2026-01-01, fix_deadline: 2999-01-01}\n", "e2e-gate.yml": text}
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if text == "" {
			_ = os.Remove(filepath.Join(dir, "e2e-gate.yml"))
		}
		git("add", "-A")
		git("commit", "-qm", "x", "--allow-empty")
		return git("rev-parse", "HEAD")
	}
	git("init", "-q")
	baseSHA := commit(base)
	headSHA := commit(head)
	if shallow {
		baseSHA = strings.Repeat("a", 40)
	}
	event := filepath.Join(t.TempDir(), "event.json")
	payload := fmt.Sprintf(`{"number": 7, "pull_request": {"number": 7, "head": {"sha": %q, "repo": {"full_name": "o/r"}}, "base": {"ref": "main", "sha": %q, "repo": {"full_name": "o/r"}}}}`, headSHA, baseSHA)
	if err := os.WriteFile(event, []byte(payload), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	var stdout, stderr bytes.Buffer
	app := App{Stdout: &stdout, Stderr: &stderr, Environ: []string{"PATH=" + os.Getenv("PATH"), "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request", "GITHUB_EVENT_PATH=" + event, "GITHUB_REPOSITORY=o/r", "GITHUB_RUN_ID=1"}}
	status = app.Main(t.Context(), []string{"run", "--out", t.TempDir()})
	return status, strings.Join(strings.Fields(stdout.String()+stderr.String()), " ")
}
