//go:build unix

package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const commitSHA = "4bf1f7f0c2b1d9a5e8c3f6a7b8d9e0f1a2b3c4d5"

// pullRequestRun runs a one-test suite as on a pull request of the fake's repository.
func pullRequestRun(t *testing.T, fake *githubfake.Server, url, outcome, runID string) (status int, stderr string) {
	t.Helper()
	return event{t: t, name: "pull_request", url: url, outcome: outcome, runID: runID, payload: pullRequestPayload(fake.PR, "acme/cases")}.run("--comment")
}

func pullRequestPayload(pr int, head string) string {
	return fmt.Sprintf(`{"number": %d, "pull_request": {"number": %d, "head": {"sha": %q, "repo": {"full_name": %q}}, "base": {"ref": "main", "repo": {"full_name": "acme/cases"}}}}`, pr, pr, commitSHA, head)
}

// event is what starts a run of the gate, over a suite of one test with an outcome.
type event struct {
	t                                  *testing.T
	name, payload, url, outcome, runID string
	// env is added, the last one counts.
	env []string
	// summary holds the job summary, where somebody wants to know.
	summary *string
	// command is run where it is empty.
	command string
}

func (e event) run(args ...string) (status int, stderr string) {
	t := e.t
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		".git/keep":  "",
		"event.json": e.payload,
		"summary.md": "",
		"output.txt": "",
		"e2e-gate.yml": `version: 1
stages: {pr: {on: [pull_request, merge_group, push, release, deployment, deployment_status, workflow_dispatch]}}
suites: [{name: s, framework: command, run: [sh, -c, "echo '<testsuite><testcase classname=\"A\" name=\"one\">` + e.outcome + `</testcase></testsuite>' > $E2E_REPORT_DIR/r.xml"], reports: "{report_dir}/*.xml", owner: t}]
`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var out, progress bytes.Buffer
	app := App{Stdout: &out, Stderr: &progress, Environ: append([]string{"PATH=" + os.Getenv("PATH"), "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=" + e.name,
		"GITHUB_EVENT_PATH=" + filepath.Join(dir, "event.json"), "GITHUB_REPOSITORY=acme/cases", "GITHUB_SHA=" + strings.Repeat("0", 40), "GITHUB_RUN_ID=" + cmp.Or(e.runID, "7"),
		"GITHUB_OUTPUT=" + filepath.Join(dir, "output.txt"),
		"GITHUB_SERVER_URL=https://github.example", "GITHUB_API_URL=" + e.url, "GITHUB_TOKEN=" + githubfake.JobToken}, e.env...)}
	if e.summary != nil {
		app.Environ = append(app.Environ, "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary.md"))
	}
	status = app.Main(t.Context(), append([]string{cmp.Or(e.command, "run")}, args...))
	if strings.Contains(out.String()+progress.String(), githubfake.JobToken) {
		t.Error("the token is in the output")
	}
	if e.summary != nil {
		text, _ := os.ReadFile(filepath.Join(dir, "summary.md"))
		*e.summary = string(text)
	}
	return status, progress.String()
}

func TestCommentAndStatus(t *testing.T) {
	fake := githubfake.New(t)
	url := fake.Listen()
	if status, stderr := pullRequestRun(t, fake, url, `<failure message=\"expected 1, got 2\"/>`, "7"); status != 1 {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	comments, statuses := fake.Comments(), fake.Statuses()
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "blocked") || len(statuses) != 1 || statuses[0].State != "failure" || statuses[0].SHA != commitSHA || statuses[0].Context != "e2e-gate/pr" {
		t.Fatalf("%+v\n%+v", comments, statuses)
	}
	if n := len(fake.Requests()); n > 6 {
		t.Errorf("%d requests for a usual run, want at most 6", n)
	}
	// The next run updates the same comment.
	if status, stderr := pullRequestRun(t, fake, url, "", "8"); status != 0 {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	comments, statuses = fake.Comments(), fake.Statuses()
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "passed") || statuses[0].State != "success" {
		t.Errorf("%+v\n%+v", comments, statuses)
	}
}

// Publishing never changes the verdict.
func TestPublishingThatFails(t *testing.T) {
	fake := githubfake.New(t)
	url := fake.Listen()
	fake.Fail(githubfake.ForbiddenWrite())
	for outcome, want := range map[string]int{"": 0, `<failure/>`: 1} {
		status, stderr := pullRequestRun(t, fake, url, outcome, "7")
		if status != want || !strings.Contains(stderr, "pull-requests: write") {
			t.Errorf("exit status %d, want %d, and the missing permission\n%s", status, want, stderr)
		}
	}
	if len(fake.Comments()) != 0 {
		t.Errorf("%+v", fake.Comments())
	}
}
