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
	"time"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/testkit/gitkit"
)

const judged = `version: 1
stages: {pr: {on: [pull_request, merge_group]}}
suites: [{name: s, framework: command, run: [sh, -c, "echo '<testsuite><testcase classname=\"A\" name=\"one\"><failure message=\"expected 1, got 2\"/></testcase><testcase classname=\"A\" name=\"two\"/></testsuite>' > $E2E_REPORT_DIR/r.xml"], reports: "{report_dir}/*.xml", owner: t}]
`

const relaxed = judged + `policy: {failed: {release-blocking: inform}}
quarantine: q.yml
`

// quarantineOfOne is a quarantine file that counts today.
func quarantineOfOne() string {
	now := time.Now().UTC()
	return fmt.Sprintf(
		"- {test: \"s/A::one\", owner: t, reason: r, quarantined_at: %s, fix_deadline: %s}\n",
		now.Format(time.DateOnly),
		now.AddDate(0, 0, 10).Format(time.DateOnly),
	)
}

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
		{"the change introduces the gate", "", relaxed, false, 1, "the built-in policy judges", ""},
		{"the base is nowhere", judged, relaxed, true, 1, "blocked", "fetch-depth: 0"},
		{"the base is nowhere, and may have been stricter", judged, judged, true, 1, "blocked", "fetch-depth: 0"},
		{"the base does not parse", judged + "policy: {flaky: [\n", judged, false, 1, "so the strictest policy judges", "its config has mistakes: e2e-gate.yml:4:"},
		{"the base has a key that does not exist", judged + "polcy: {}\n", relaxed, false, 1, "so the strictest policy judges", "and every gate is required"},
		{"the policy of the base is wrong", judged + "policy: {failed: {release-blocking: ignore}}\n", relaxed, false, 1, "so the strictest policy judges",
			"unknown effect \"ignore\""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			queued, _ := runOnPullRequest(t, tc.base, tc.head, tc.shallow, "GITHUB_EVENT_NAME=merge_group")
			if queued != tc.status {
				t.Errorf("in a merge queue: exit status %d, want %d", queued, tc.status)
			}
			status, out := runOnPullRequest(t, tc.base, tc.head, tc.shallow)
			if status != tc.status || !strings.Contains(strings.ToLower(out), tc.says) || !strings.Contains(out, tc.reason) {
				t.Errorf("exit status %d, want %d, and %q %q in\n%s", status, tc.status, tc.says, tc.reason, out)
			}
		})
	}
}

func runOnPullRequest(t *testing.T, base, head string, shallow bool, env ...string) (status int, output string) {
	t.Helper()
	r := gitkit.New(t)
	commit := func(text string) string {
		t.Helper()
		r.Write("q.yml", quarantineOfOne())
		r.Write("e2e-gate.yml", text)
		if text == "" {
			_ = os.Remove(filepath.Join(r.Dir, "e2e-gate.yml"))
		}
		return r.Commit("x")
	}
	baseSHA := commit(base)
	headSHA := commit(head)
	if shallow {
		baseSHA = strings.Repeat("a", 40)
	}
	event := filepath.Join(t.TempDir(), "event.json")
	payload := fmt.Sprintf(
		`{"number": 7, "pull_request": {"number": 7, "head": {"sha": %[1]q, "repo": {"full_name": "o/r"}}, "base": {"ref": "main", "sha": %[2]q, "repo": {"full_name": "o/r"}}},
		"merge_group": {"head_sha": %[1]q, "head_ref": "refs/heads/gh-readonly-queue/main/pr-7-%[1]s", "base_sha": %[2]q, "base_ref": "refs/heads/main"}}`,
		headSHA,
		baseSHA,
	)
	if err := os.WriteFile(event, []byte(payload), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(r.Dir)
	var stdout, stderr bytes.Buffer
	app := App{Stdout: &stdout, Stderr: &stderr, Environ: []string{"PATH=" + os.Getenv("PATH"), "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request",
		"GITHUB_EVENT_PATH=" + event, "GITHUB_REPOSITORY=o/r", "GITHUB_RUN_ID=1"}}
	app.Environ = append(app.Environ, env...)
	status = app.Main(t.Context(), []string{"run", "--out", t.TempDir()})
	return status, strings.Join(strings.Fields(stdout.String()+stderr.String()), " ")
}

// A usual checkout has only one commit: the base comes through the API.
func TestPolicyOfABaseThatOnlyTheAPIKnows(t *testing.T) {
	base := strings.Repeat("a", 40)
	quarantine := quarantineOfOne()
	for _, tc := range []struct {
		name   string
		files  map[string]string
		head   string
		fault  int
		status int
		says   string
	}{
		{"the change relaxes", map[string]string{"e2e-gate.yml": judged}, relaxed, 0, 1, "blocked"},
		{"the base is as relaxed", map[string]string{"e2e-gate.yml": relaxed, "q.yml": quarantine}, relaxed, 0, 0, "passed"},
		{"the change introduces the gate", map[string]string{}, relaxed, 0, 1, "the built-in policy judges"},
		{"the base has no such commit", nil, relaxed, 0, 1, "contents: read"},
		{"the API is down", map[string]string{"e2e-gate.yml": relaxed}, relaxed, 500, 1, "cannot be read"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fake := githubfake.New(t)
			fake.Repository, fake.PR = "o/r", 7
			if tc.files != nil {
				fake.Files = map[string]map[string]string{base: tc.files}
			}
			url := fake.Listen()
			if tc.fault != 0 {
				fake.Fail(githubfake.Answers("GET", tc.fault, "Server Error"))
			}
			status, out := runOnPullRequest(t, "", tc.head, true, "GITHUB_API_URL="+url, "GITHUB_TOKEN="+githubfake.JobToken)
			if status != tc.status || !strings.Contains(strings.ToLower(out), tc.says) {
				t.Errorf("exit status %d, want %d, and %q in\n%s", status, tc.status, tc.says, out)
			}
			if n := fake.Count(""); n > 4 && tc.fault == 0 {
				t.Errorf("%d requests for the base", n)
			}
		})
	}
}
