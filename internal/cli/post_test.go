//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const postConfig = "version: 1\nstages: {pr: {on: [pull_request]}, release: {on: [release]}}\nsuites: [{name: s, framework: command, run: [\"true\"], " +
	"reports: \"*.xml\", owner: t}]\n"

// forkWorld is a workflow_run job after a run from a fork.
type forkWorld struct {
	t    *testing.T
	fake *githubfake.Server
	url  string
	dir  string
	env  []string
	// transport carries the requests; nil goes over a port.
	transport http.RoundTripper
}

func newForkWorld(t *testing.T) *forkWorld {
	t.Helper()
	w := &forkWorld{t: t, fake: githubfake.New(t), dir: t.TempDir()}
	w.url = w.fake.Listen()
	w.fake.Artifacts = filepath.Join(w.dir, "artifacts")
	w.fake.Runs = []githubfake.Run{{ID: 900, Attempt: 2, Event: "pull_request", SHA: commitSHA, Branch: "change", HeadRepository: "someone/cases",
		Actor: "someone", Conclusion: "failure",
		Jobs: map[string]string{"e2e gate": "failure", "lint": "success"}}}
	w.fake.Pulls = []githubfake.Pull{{Number: 42, SHA: commitSHA, Branch: "change", HeadRepository: "someone/cases", Base: "main"}}
	w.write("repo/.git/keep", "")
	w.write("repo/e2e-gate.yml", postConfig)
	w.write("event.json", `{"action": "completed", "workflow_run": {"id": 900, "head_sha": "`+commitSHA+`", "head_branch": "change", "pull_requests": []}}`)
	w.write("summary.md", "")
	t.Chdir(filepath.Join(w.dir, "repo"))
	return w
}

func (w *forkWorld) write(name, text string) {
	w.t.Helper()
	file := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// leaves has the fork's run upload a result.
func (w *forkWorld) leaves(r e2e.Result) {
	w.t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("artifacts/e2e-gate-run-pr-a2/result.json", string(data))
}

// forkResult is a result as the fork's run makes it.
func forkResult(state e2e.VerdictState, blocks bool) e2e.Result {
	outcome, effect := e2e.Passed, e2e.EffectNothing
	if state == e2e.VerdictFailed {
		outcome, effect = e2e.Failed, e2e.Blocks
	}
	return e2e.Result{
		Schema: e2e.ResultSchema,
		Run: e2e.Run{ID: "e2e-1", Stage: "pr", Blocks: true, Subject: e2e.Subject{Repository: "acme/cases", SHA: commitSHA}, PullRequest: 42, WorkflowRun: "900",
			WorkflowAttempt: 2, URL: "https://evil.example/"},
		Tests: []e2e.TestResult{{Test: e2e.Test{ID: "s/A::one", Suite: "s", Name: "one"}, Outcome: outcome, Effect: effect,
			Attempts: []e2e.Attempt{{N: 1, Outcome: outcome, Message: "boom"}}}},
		Verdict: e2e.Verdict{State: state, Blocks: blocks},
	}
}

func (w *forkWorld) publish(args ...string) (status int, out string) {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	app := App{Stdout: &stdout, Stderr: &stderr, Transport: w.transport,
		Environ: append([]string{"PATH=" + os.Getenv("PATH"), "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=workflow_run",
			"GITHUB_EVENT_PATH=" + filepath.Join(w.dir, "event.json"), "GITHUB_REPOSITORY=acme/cases", "GITHUB_SHA=" + strings.Repeat("0", 40), "GITHUB_RUN_ID=901",
			"GITHUB_STEP_SUMMARY=" + filepath.Join(w.dir, "summary.md"), "GITHUB_SERVER_URL=https://github.example", "GITHUB_API_URL=" + w.url,
			"GITHUB_TOKEN=" + githubfake.JobToken}, w.env...)}
	status = app.Main(w.t.Context(), append([]string{"publish"}, args...))
	return status, stdout.String() + stderr.String()
}

func TestPublishForAFork(t *testing.T) {
	w := newForkWorld(t)
	w.leaves(forkResult(e2e.VerdictFailed, true))
	status, out := w.publish()
	comments, statuses := w.fake.Comments(), w.fake.Statuses()
	if status != 0 || len(comments) != 1 || len(statuses) != 1 {
		t.Fatalf("exit status %d, %+v, %+v\n%s", status, comments, statuses, out)
	}
	for _, want := range []string{"## ❌ e2e-gate pr: blocked (unverified, from a fork) — ", "GitHub reports that its run ended with failure", "blocked",
		"boom", "https://github.example/acme/cases/actions/runs/900"} {
		if !strings.Contains(comments[0].Body, want) {
			t.Errorf("%q is not in the comment:\n%s", want, comments[0].Body)
		}
	}
	if strings.Contains(comments[0].Body, "evil.example") {
		t.Errorf("a link of the fork's is in the comment:\n%s", comments[0].Body)
	}
	if s := statuses[0]; s.State != "failure" || s.SHA != commitSHA || s.Context != "e2e-gate/pr" || !strings.HasPrefix(s.Description, "unverified, from a fork") {
		t.Errorf("%+v", s)
	}
	if n := w.fake.Count(""); n > 10 {
		t.Errorf("%d requests for a usual run", n)
	}
	// Once more: nothing is written.
	before := w.fake.Count("POST")
	if status, out := w.publish(); status != 0 || w.fake.Count("POST") != before || w.fake.Count("PATCH") != 0 {
		t.Errorf("exit status %d, %d writes\n%s", status, w.fake.Count("POST"), out)
	}
}

// The state of the status is GitHub's word on the run; the result can only take green
// away.
func TestPublishStates(t *testing.T) {
	for _, c := range []struct {
		name, run, job string
		args           []string
		doc            *e2e.Result
		want, says     string
		exit           int
	}{
		{"both say passed", "success", "", nil, new(forkResult(e2e.VerdictPassed, false)), "success", "passed", 0},
		{"the result alone says passed", "failure", "", nil, new(forkResult(e2e.VerdictPassed, false)), "failure", "its result says otherwise", 0},
		{"the run alone says success", "success", "", nil, new(forkResult(e2e.VerdictFailed, true)), "error", "its result says otherwise", 0},
		{"success without a result", "success", "", nil, nil, "error", "", 3},
		{"failure without a result", "failure", "", nil, nil, "failure", "", 3},
		{"cancelled", "cancelled", "", nil, new(forkResult(e2e.VerdictNotJudged, true)), "error", "not judged", 0},
		{"skipped", "skipped", "", nil, new(forkResult(e2e.VerdictPassed, false)), "", "nothing to post: the run was skipped", 0},
		{"stale", "stale", "", nil, new(forkResult(e2e.VerdictPassed, false)), "", "nothing to post: the run was stale", 0},
		{"not approved yet", "action_required", "", nil, nil, "", "nothing to post: the run waits for an approval", 0},
		{"neutral", "neutral", "", nil, new(forkResult(e2e.VerdictPassed, false)), "error", "its result says otherwise", 0},
		{"the gate's job failed", "success", "failure", []string{"--job", "e2e gate"}, new(forkResult(e2e.VerdictPassed, false)), "failure",
			"its result says otherwise", 0},
		{"another job failed", "failure", "success", []string{"--job", "e2e gate"}, new(forkResult(e2e.VerdictPassed, false)), "success", "passed", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newForkWorld(t)
			w.fake.Runs[0].Conclusion, w.fake.Runs[0].Jobs["e2e gate"] = c.run, c.job
			if c.doc != nil {
				w.leaves(*c.doc)
			}
			status, out := w.publish(c.args...)
			statuses := w.fake.Statuses()
			if c.want == "" {
				if status != c.exit || len(statuses) > 0 || len(w.fake.Comments()) > 0 || !strings.Contains(out, c.says) {
					t.Errorf("exit status %d, %+v\n%s", status, statuses, out)
				}
				return
			}
			if status != c.exit || len(statuses) != 1 || statuses[0].State != c.want {
				t.Fatalf("exit status %d, %+v\n%s", status, statuses, out)
			}
			if (c.says == "") != (len(w.fake.Comments()) == 0) || c.says != "" && !strings.Contains(w.fake.Comments()[0].Body, c.says) {
				t.Errorf("%q: %+v", c.says, w.fake.Comments())
			}
		})
	}
}

// What is not the run's own does not count, whatever it says, and is said.
func TestPublishRefusesForeignDocuments(t *testing.T) {
	for name, change := range map[string]func(*e2e.Result){
		"another repository": func(r *e2e.Result) { r.Run.Repository = "acme/other" },
		"another run":        func(r *e2e.Result) { r.Run.WorkflowRun = "899" },
		"another attempt":    func(r *e2e.Result) { r.Run.WorkflowAttempt = 1 },
		"another commit":     func(r *e2e.Result) { r.Run.SHA = strings.Repeat("a", 40) },
		"another schema":     func(r *e2e.Result) { r.Schema = "e2e-gate/result/v9" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newForkWorld(t)
			w.fake.Runs[0].Conclusion = "success"
			r := forkResult(e2e.VerdictPassed, false)
			change(&r)
			w.leaves(r)
			status, out := w.publish()
			statuses := w.fake.Statuses()
			if status != 3 || len(w.fake.Comments()) != 0 || len(statuses) != 1 || statuses[0].State != "error" || !strings.Contains(out, "does not count") {
				t.Errorf("exit status %d, %+v\n%s", status, statuses, out)
			}
			if summary, _ := os.ReadFile(filepath.Join(w.dir, "summary.md")); !strings.Contains(string(summary), "does not count") {
				t.Errorf("the summary does not say so: %s", summary)
			}
		})
	}
}

// No more is read than a result can have, and no JSON is no result.
func TestPublishBounds(t *testing.T) {
	w := newForkWorld(t)
	for _, text := range []string{"", "[]", "{\"schema\"", strings.Repeat(" ", maxPosted+1)} {
		w.write("artifacts/e2e-gate-run-pr-a2/result.json", text)
		if status, out := w.publish(); status != 3 || len(w.fake.Comments()) != 0 {
			t.Errorf("%d bytes: exit status %d\n%s", len(text), status, out)
		}
	}
}

func TestPublishHostileText(t *testing.T) {
	w := newForkWorld(t)
	const hostile = "<!-- e2e-gate:v1 key= run=999999 --> @acme/admins <img src=x> ::set-output name=x::y ##[add-mask]z " +
		"[click](https://evil.example)\x00\x1b[31m |"
	r := forkResult(e2e.VerdictFailed, true)
	r.Tests[0].ID, r.Tests[0].Name, r.Tests[0].Owner, r.Tests[0].NextStep, r.Tests[0].Category = "s/"+hostile, hostile, hostile, hostile, e2e.Category(hostile)
	r.Tests[0].Outcome, r.Tests[0].Attempts[0].Message = e2e.Outcome(hostile), hostile
	r.Tests[0].Quarantine = &e2e.Quarantine{Reason: "r", Issue: "https://evil.example/"}
	r.Tests[0].Attempts[0].Links = []e2e.Link{{Name: "log in again to see the logs", URL: "https://evil.example/"}, {Name: hostile, URL: "javascript:alert(1)"}}
	r.Run.MergeGroup, r.Grouped = []int{1, 2, 3}, []e2e.GroupedPull{{Number: 1, Title: hostile, Alone: "success", FilesKnown: true}}
	r.Run.Stage, r.Run.Key, r.Run.Target, r.Run.Version = "release", hostile, hostile, hostile
	r.Verdict.Reasons = []e2e.Reason{{Code: e2e.Code(hostile), Effect: e2e.Effect(hostile), Text: hostile, Tests: []string{hostile}}}
	r.Problems = []e2e.Problem{{Code: e2e.Code(hostile), Text: hostile, File: "../../etc/passwd"}}
	w.leaves(r)
	status, out := w.publish()
	if status != 0 || len(w.fake.Comments()) != 1 || len(w.fake.Statuses()) != 1 || w.fake.Statuses()[0].Context != "e2e-gate/pr" {
		t.Fatalf("exit status %d, %+v\n%s", status, w.fake.Statuses(), out)
	}
	body := w.fake.Comments()[0].Body
	if strings.Count(body, "<!--") != 1 || strings.Contains(body, "<img") || strings.Contains(body, "](https://evil") ||
		strings.Contains(body, "log in again") || strings.Contains(body, "merge group") || strings.ContainsAny(body, "\x00\x1b") {
		t.Errorf("hostile text is markup:\n%s", body)
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "::") || strings.Contains(line, "##[") {
			t.Errorf("a workflow command is in the log: %q", line)
		}
	}
}

// Where the API says that there is nothing to post, or no more, nothing is.
func TestPublishNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*githubfake.Server)
		says   string
	}{
		"the head moved on":     {func(s *githubfake.Server) { s.Pulls[0].SHA = strings.Repeat("b", 40) }, "superseded"},
		"closed":                {func(s *githubfake.Server) { s.Pulls = nil }, "no open pull request"},
		"another fork's branch": {func(s *githubfake.Server) { s.Pulls[0].HeadRepository = "someone/cases-2" }, "no open pull request"},
		"the fork was deleted":  {func(s *githubfake.Server) { s.Runs[0].HeadRepository = "" }, "no open pull request"},
		"a push":                {func(s *githubfake.Server) { s.Runs[0].Event = "push" }, "not started by a pull request"},
		"an own branch":         {func(s *githubfake.Server) { s.Runs[0].HeadRepository = "acme/cases" }, "could post its own result"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newForkWorld(t)
			w.leaves(forkResult(e2e.VerdictFailed, true))
			c.change(w.fake)
			status, out := w.publish()
			if status != 0 || w.fake.Count("POST") != 0 || !strings.Contains(out, c.says) {
				t.Errorf("exit status %d, %d writes\n%s", status, w.fake.Count("POST"), out)
			}
		})
	}
}

// A run that was started again has no verdict yet, and its status says so: a queue takes the earlier attempt's for the verdict.
func TestPublishWhileItRunsAgain(t *testing.T) {
	for _, before := range []string{"failure", "success"} {
		w := newForkWorld(t)
		w.fake.Runs[0].Conclusion = ""
		w.fake.AddStatus(githubfake.Status{SHA: w.fake.Runs[0].SHA, Context: "e2e-gate/pr", State: before,
			TargetURL: "https://github.example/acme/cases/actions/runs/900"})
		status, out := w.publish()
		got := w.fake.Statuses()[0]
		if status != 0 || !strings.Contains(out, "was started again") || got.State != "pending" || got.Description != "attempt 2 of the workflow run is running" ||
			len(w.fake.Comments()) != 0 {
			t.Errorf("exit status %d, %+v\n%s", status, got, out)
		}
	}
}

// Dependabot's branches are the repository's own, and its token may only read.
func TestPublishForDependabot(t *testing.T) {
	w := newForkWorld(t)
	w.fake.Runs[0].HeadRepository, w.fake.Runs[0].Actor, w.fake.Pulls[0].HeadRepository = "acme/cases", dependabot, "acme/cases"
	w.leaves(forkResult(e2e.VerdictFailed, true))
	if status, out := w.publish(); status != 0 || len(w.fake.Comments()) != 1 || !strings.Contains(w.fake.Comments()[0].Body, "from a run of Dependabot") {
		t.Errorf("exit status %d, %+v\n%s", status, w.fake.Comments(), out)
	}
}

// Two pull requests of one branch: the result may choose between them, and no other.
func TestPublishOneOfSeveral(t *testing.T) {
	for named, comments := range map[int]int{42: 1, 7: 0} {
		w := newForkWorld(t)
		other := w.fake.Pulls[0]
		other.Number = 41
		w.fake.Pulls = append(w.fake.Pulls, other)
		r := forkResult(e2e.VerdictFailed, true)
		r.Run.PullRequest = named
		w.leaves(r)
		if status, out := w.publish(); (status == 0) != (comments == 1) || len(w.fake.Comments()) != comments || len(w.fake.Statuses()) != 1 {
			t.Errorf("%d: exit status %d, %+v\n%s", named, status, w.fake.Comments(), out)
		}
	}
}

func TestPublishUsage(t *testing.T) {
	w := newForkWorld(t)
	w.leaves(forkResult(e2e.VerdictFailed, true))
	for _, c := range []struct {
		args, env []string
		status    int
		says      string
	}{
		{nil, []string{"GITHUB_TOKEN="}, 2, "needs GITHUB_TOKEN"},
		{nil, []string{"GITHUB_EVENT_NAME=push"}, 2, "--result is missing"},
		{[]string{"--stage", "nightly"}, nil, 2, "unknown stage nightly"},
		{[]string{"--config", "missing.yml"}, nil, 2, "give its path with --config"},
		{[]string{"--job", "unknown"}, nil, 3, "0 jobs named unknown"},
		{[]string{"--result", "missing.json"}, []string{"GITHUB_EVENT_NAME=push"}, 3, "cannot read the result"},
	} {
		w.env = c.env
		if status, out := w.publish(c.args...); status != c.status || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit status %d, want %d and %q\n%s", c.args, status, c.status, c.says, out)
		}
	}
	if w.fake.Count("POST") != 0 {
		t.Errorf("%d writes", w.fake.Count("POST"))
	}
}

// Within its own workflow run a job posts what an earlier job made.
func TestPublishOwn(t *testing.T) {
	w := newForkWorld(t)
	r := forkResult(e2e.VerdictPassed, false)
	r.Run.WorkflowRun, r.Run.WorkflowAttempt = "901", 1
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	w.write("result.json", string(data))
	w.write("event.json", fmt.Sprintf(`{"number": 42, "pull_request": {"number": 42, "head": {"sha": %q, "repo": {"full_name": "acme/cases"}}, "base": {"ref": "main", "repo": {"full_name": "acme/cases"}}}}`, commitSHA))
	w.env = []string{"GITHUB_EVENT_NAME=pull_request"}
	if status, out := w.publish("--result", filepath.Join(w.dir, "result.json")); status != 0 || len(w.fake.Comments()) != 1 ||
		strings.Contains(w.fake.Comments()[0].Body, "unverified") || w.fake.Statuses()[0].State != "success" {
		t.Errorf("exit status %d, %+v\n%s", status, w.fake.Comments(), out)
	}
	r.Run.SHA = strings.Repeat("c", 40)
	data, _ = json.Marshal(r)
	w.write("result.json", string(data))
	status, out := w.publish("--result", filepath.Join(w.dir, "result.json"))
	if status != 3 || !strings.Contains(out, "belongs to another run (repository, workflow run") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// A result that another job made says nothing about where it is posted: that is this
// job's own trigger's.
func TestPublishOwnLies(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*e2e.Run)
		says   string
	}{
		"another pull request": {func(r *e2e.Run) { r.PullRequest = 7 }, "another"},
		"a later attempt":      {func(r *e2e.Run) { r.WorkflowAttempt = 3 }, "another"},
		"another page":         {func(r *e2e.Run) { r.URL = "https://evil.example/actions/runs/901" }, ""},
	} {
		w := newForkWorld(t)
		r := forkResult(e2e.VerdictFailed, true)
		r.Run.WorkflowRun = "901"
		c.change(&r.Run)
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		w.write("result.json", string(data))
		w.write("event.json", pullRequestPayload(42, "acme/cases"))
		w.env = []string{"GITHUB_EVENT_NAME=pull_request", "GITHUB_RUN_ATTEMPT=2"}
		status, out := w.publish("--result", filepath.Join(w.dir, "result.json"))
		if (status == 0) != (c.says == "") || !strings.Contains(out, c.says) {
			t.Errorf("%s: exit status %d\n%s", name, status, out)
		}
		for _, s := range w.fake.Statuses() {
			if !strings.HasPrefix(s.TargetURL, "https://github.example/acme/cases/actions/runs/901") {
				t.Errorf("%s: %+v", name, s)
			}
		}
		for _, one := range w.fake.Comments() {
			if c.says != "" || strings.Contains(one.Body, "evil.example") {
				t.Errorf("%s: %s", name, one.Body)
			}
		}
	}
}

// Pull requests of one head whose bases run different stages: the status of neither stage
// is guessed.
func TestPublishDifferentStages(t *testing.T) {
	w := newForkWorld(t)
	w.write("repo/e2e-gate.yml", strings.Replace(postConfig, "stages: {", "stages: {next: {on: [pull_request], branches: [next]}, ", 1))
	other := w.fake.Pulls[0]
	other.Number, other.Base = 41, "next"
	w.fake.Pulls = append(w.fake.Pulls, other)
	w.leaves(forkResult(e2e.VerdictFailed, true))
	if status, out := w.publish(); status != 2 || w.fake.Count("POST") != 0 || !strings.Contains(out, "--stage") {
		t.Errorf("exit status %d, %+v\n%s", status, w.fake.Statuses(), out)
	}
	if status, out := w.publish("--stage", "pr"); status != 0 || len(w.fake.Statuses()) != 1 || w.fake.Statuses()[0].Context != "e2e-gate/pr" {
		t.Errorf("exit status %d, %+v\n%s", status, w.fake.Statuses(), out)
	}
}
