//go:build unix

package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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
	// suite is a shell command before the test; ctx ends the run early.
	suite string
	ctx   context.Context //nolint:containedctx // of one call
	// summary holds the job summary, where somebody wants to know.
	summary *string
	// command is run where it is empty.
	command string
}

func (e event) run(args ...string) (status int, stderr string) {
	t := e.t
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		".git/keep":  "",
		"event.json": e.payload,
		"summary.md": "",
		"output.txt": "",
		"e2e-gate.yml": `version: 1
stages: {pr: {on: [pull_request, merge_group, push, release, deployment, deployment_status, workflow_dispatch]}}
suites: [{name: s, framework: command, run: [sh, -c, "` + cmp.Or(e.suite, "true") + `; echo '<testsuite><testcase classname=\"A\" name=\"one\">` +
			e.outcome + `</testcase></testsuite>' > $E2E_REPORT_DIR/r.xml"], reports: "{report_dir}/*.xml", owner: t}]
`,
	})
	t.Chdir(dir)
	var out, progress bytes.Buffer
	app := App{Stdout: &out, Stderr: &progress, Environ: append([]string{"PATH=" + os.Getenv("PATH"), "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=" + e.name,
		"GITHUB_EVENT_PATH=" + filepath.Join(dir, "event.json"), "GITHUB_REPOSITORY=acme/cases", "GITHUB_SHA=" + strings.Repeat("0", 40),
		"GITHUB_RUN_ID=" + cmp.Or(e.runID, "7"),
		"GITHUB_OUTPUT=" + filepath.Join(dir, "output.txt"),
		"GITHUB_SERVER_URL=https://github.example", "GITHUB_API_URL=" + e.url, "GITHUB_TOKEN=" + githubfake.JobToken}, e.env...)}
	if e.summary != nil {
		app.Environ = append(app.Environ, "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary.md"))
	}
	ctx := e.ctx
	if ctx == nil {
		ctx = t.Context()
	}
	status = app.Main(ctx, append([]string{cmp.Or(e.command, "run")}, args...))
	if strings.Contains(unmasked(out.String()+progress.String()), githubfake.JobToken) {
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
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "blocked") || len(statuses) != 1 || statuses[0].State != "failure" ||
		statuses[0].SHA != commitSHA || statuses[0].Context != "e2e-gate/pr" {
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

// Two calls of the gate in one workflow have a status each: the pass of one is not to
// stand where the other failed.
func TestStatusOfEachKey(t *testing.T) {
	fake := githubfake.New(t)
	url := fake.Listen()
	for _, c := range []struct{ key, outcome string }{{"api", failing}, {"ui", ""}} {
		event{t: t, name: "pull_request", url: url, outcome: c.outcome, runID: "7", payload: pullRequestPayload(42, "acme/cases")}.run("--comment", "--key", c.key)
	}
	states := map[string]string{}
	for _, s := range fake.Statuses() {
		states[s.Context] = s.State
	}
	if len(fake.Comments()) != 2 || len(states) != 2 || states["e2e-gate/pr (api)"] != "failure" || states["e2e-gate/pr (ui)"] != "success" {
		t.Errorf("%v, %d comments", states, len(fake.Comments()))
	}
}

// An older run of the same commit that ends last changes neither comment nor status of
// the newer one, and says so; its own exit status is its own.
func TestOlderRunEndsLast(t *testing.T) {
	for _, c := range []struct{ run, attempt, late, lateAttempt string }{{"8", "1", "7", "1"}, {"8", "2", "8", "1"}} {
		fake := githubfake.New(t)
		run := event{t: t, name: "pull_request", url: fake.Listen(), outcome: failing, runID: c.run, payload: pullRequestPayload(42, "acme/cases"),
			env: []string{"GITHUB_RUN_ATTEMPT=" + c.attempt}}
		run.run("--comment")
		run.outcome, run.runID, run.env = "", c.late, []string{"GITHUB_RUN_ATTEMPT=" + c.lateAttempt}
		status, stderr := run.run("--comment")
		if status != 0 || !strings.Contains(stderr, "comment was not changed: a newer run") || !strings.Contains(stderr, "status was not changed: a newer run") {
			t.Errorf("exit status %d\n%s", status, stderr)
		}
		want := map[string]int{"1": 1, "2": 2}[c.attempt] // a re-run is pending first
		if list := fake.Statuses(); len(list) != want || list[0].State != "failure" || !strings.Contains(fake.Comments()[0].Body, "blocked") {
			t.Errorf("%+v", list)
		}
	}
}

// Dependabot's branches are the repository's own; its token reads all the same, which is
// one line and no fault of the workflow's.
func TestDependabotReadsOnly(t *testing.T) {
	fake := githubfake.New(t)
	fake.Fail(githubfake.ForbiddenWrite())
	summary := ""
	run := event{t: t, name: "pull_request", url: fake.Listen(), outcome: failing, payload: pullRequestPayload(42, "acme/cases"),
		env: []string{"GITHUB_ACTOR=dependabot[bot]"}, summary: &summary}
	status, stderr := run.run("--comment")
	if status != 1 || strings.Count(stderr, "token is read-only") != 1 || strings.Contains(stderr, "the job needs") ||
		strings.Count(summary, "token is read-only") != 1 {
		t.Errorf("exit status %d\n%s\n%s", status, stderr, summary)
	}
}

// Two jobs of one run that judge one stage without a key: the red of one stays, whichever
// comes last, and the note says what to do.
func TestTwoJobsWithoutAKey(t *testing.T) {
	for _, outcomes := range [][]string{{failing, ""}, {"", failing}} {
		fake := githubfake.New(t)
		url, said := fake.Listen(), ""
		for _, outcome := range outcomes {
			_, said = event{t: t, name: "pull_request", url: url, outcome: outcome, runID: "7", payload: pullRequestPayload(42, "acme/cases")}.run("--comment")
		}
		if fake.Statuses()[0].State != "failure" || !strings.Contains(said, "another job of this run was replaced") {
			t.Errorf("%+v\n%s", fake.Statuses(), said)
		}
	}
}

// Enterprise Server has its API below a path, and its addresses may end with a slash.
func TestEnterpriseServer(t *testing.T) {
	for _, slash := range []string{"", "/"} {
		fake := githubfake.New(t)
		fake.Prefix = "/api/v3"
		url := fake.Listen()
		event{t: t, name: "pull_request", url: url + slash, outcome: failing, payload: pullRequestPayload(42, "acme/cases"),
			env: []string{"GITHUB_SERVER_URL=https://github.example" + slash,
				"GITHUB_GRAPHQL_URL=" + strings.TrimSuffix(url, "/v3") + "/graphql"}}.run("--comment", "--check")
		if list := fake.Statuses(); len(fake.Comments()) != 1 || len(list) != 1 || list[0].TargetURL != "https://github.example/acme/cases/actions/runs/7" ||
			len(fake.CheckRuns()) != 1 {
			t.Errorf("%+v, %d comments", list, len(fake.Comments()))
		}
	}
}

// A run that is cancelled after it said that its commit is being judged takes that back:
// the comment says that nothing was judged, and so does the status.
func TestCancelledRunSaysSo(t *testing.T) {
	fake := githubfake.New(t)
	fake.AddComment(githubfake.JobBot, "<!-- e2e-gate:v1 key= run=1 attempt=1 hash=x stage=pr sha="+strings.Repeat("a", 40)+" -->\n## passed")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			if <-tick.C; strings.Contains(fake.Comments()[0].Body, "being judged") {
				cancel()
			}
		}
	}()
	status, stderr := event{t: t, ctx: ctx, name: "pull_request", url: fake.Listen(), outcome: "", suite: "exec sleep 60",
		payload: pullRequestPayload(42, "acme/cases")}.run("--comment")
	body := fake.Comments()[0].Body
	if list := fake.Statuses(); status != 3 || strings.Contains(body, "being judged") || !strings.Contains(body, "not judged") || len(list) != 1 ||
		list[0].State != "error" {
		t.Errorf("exit status %d, %+v\n%s\n%s", status, list, body, stderr)
	}
}

// unmasked is a log as the runner shows it, without the commands that name what is masked.
func unmasked(log string) string {
	return regexp.MustCompile(`(?m)^::add-mask::.*$`).ReplaceAllString(log, "")
}

// writeFiles writes files below a folder, by their paths.
func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
