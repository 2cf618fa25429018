//go:build unix

package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/testkit/gitkit"
)

// tree is a repository of a test, with one suite that passes.
type tree struct {
	gitkit.Repo
	t *testing.T
	// ref is GITHUB_REF. graphql: its address is known, so that the merge queue can be asked.
	ref     string
	graphql bool
	// env is added to the environment; runID is GITHUB_RUN_ID, 7 where it is empty.
	env   []string
	runID string
	// ctx ends the run early, and stderr is told what is printed there, where they are set.
	ctx    context.Context //nolint:containedctx // it is that of one call
	stderr io.Writer
}

func newTree(t *testing.T) tree {
	t.Helper()
	r := tree{Repo: gitkit.New(t), t: t}
	r.Write("e2e-gate.yml", "version: 1\nstages: {pr: {on: [pull_request, push, merge_group, workflow_run]}}\nsuites:\n"+
		"  - {name: s, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: \"{report_dir}/*.xml\"}\n")
	r.Write("run.sh", `echo "<testsuite><testcase name=\"a\"/></testsuite>" > "$E2E_REPORT_DIR/r.xml"`)
	r.Write(".gitignore", ".e2e-gate\n")
	return r
}

// run runs the gate in the repository, as a job of an event.
func (r tree) run(fake *githubfake.Server, event, sha string, payload any, args ...string) (status int, stdout, stderr string) {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "event.json")
	data, err := json.Marshal(payload)
	if err == nil {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Chdir(r.Dir)
	var out, bad bytes.Buffer
	app := App{Stdout: &out, Stderr: &bad, Environ: append([]string{"PATH=" + os.Getenv("PATH")}, r.env...)}
	if event != "" {
		api := fake.Listen()
		if r.graphql {
			app.Environ = append(app.Environ, "GITHUB_GRAPHQL_URL="+fake.ListenGraphQL(api))
		}
		app.Environ = append(app.Environ, "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME="+event, "GITHUB_EVENT_PATH="+file,
			"GITHUB_REPOSITORY=acme/cases", "GITHUB_SHA="+sha, "GITHUB_RUN_ID="+cmp.Or(r.runID, "7"), "GITHUB_RUN_ATTEMPT=1", "GITHUB_SERVER_URL=https://github.example",
			"GITHUB_API_URL="+api, "GITHUB_TOKEN="+githubfake.JobToken, "GITHUB_REF="+r.ref)
	}
	ctx := r.t.Context()
	if r.ctx != nil {
		ctx = r.ctx
	}
	if r.stderr != nil {
		app.Stderr = io.MultiWriter(&bad, r.stderr)
	}
	status = app.Main(ctx, append(args, "--format", "json"))
	return status, out.String(), bad.String()
}

type object = map[string]any

func TestTheJudgedCommitIsTheOneThatIsCheckedOut(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(r tree) (event, sha string, payload any, judged string)
		// other: another commit than the event's is checked out.
		other bool
	}{
		{"a push", func(r tree) (string, string, any, string) { c := r.Commit("one"); return "push", c, object{}, c }, false},
		{"a pull request's test merge", func(r tree) (string, string, any, string) {
			base := r.Commit("one")
			r.Git("checkout", "-qb", "change")
			r.Write("b", "2")
			head := r.Commit("two")
			r.Git("checkout", "-q", "main")
			r.Git("merge", "-q", "--no-ff", "-m", "merge", "change")
			return "pull_request", r.Git("rev-parse", "HEAD"), pullRequest(head, base), head
		}, false},
		{"a pull request's head", func(r tree) (string, string, any, string) {
			base := r.Commit("one")
			head := r.Commit("two")
			return "pull_request", strings.Repeat("a", 40), pullRequest(head, base), head
		}, false},
		{"a merge group", func(r tree) (string, string, any, string) {
			c := r.Commit("one")
			return "merge_group", c, object{"merge_group": object{"head_sha": c}}, c
		}, false},
		{"an older commit", func(r tree) (string, string, any, string) {
			c := r.Commit("one")
			return "push", c, object{}, r.Commit("two")
		}, true},
		{"a commit on top of it", func(r tree) (string, string, any, string) {
			head := r.Commit("one")
			return "pull_request", head, pullRequest(head, ""), r.Commit("a step of the workflow commits")
		}, true},
		{"the base of a pull request", func(r tree) (string, string, any, string) {
			base := r.Commit("one")
			return "pull_request", strings.Repeat("a", 40), pullRequest(strings.Repeat("b", 40), base), base
		}, true},
		{"a merge of others", func(r tree) (string, string, any, string) {
			r.Commit("one")
			r.Git("checkout", "-qb", "change")
			r.Write("b", "2")
			r.Commit("two")
			r.Git("checkout", "-q", "main")
			r.Git("merge", "-q", "--no-ff", "-m", "merge", "change")
			return "pull_request", strings.Repeat("a", 40), pullRequest(strings.Repeat("b", 40), ""), r.Git("rev-parse", "HEAD")
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			event, sha, payload, judged := tc.prepare(r)
			fake := githubfake.New(t)
			status, out, _ := r.run(fake, event, sha, payload, "run")
			var result e2e.Result
			if err := json.Unmarshal([]byte(out), &result); err != nil {
				t.Fatal(err)
			}
			if status != 0 || result.Run.SHA != judged || (result.Run.EventSHA != "") != tc.other {
				t.Errorf("exit status %d, judged %s for %q, want %s", status, result.Run.SHA, result.Run.EventSHA, judged)
			}
			posted := githubfake.New(t)
			statement := filepath.Join(t.TempDir(), "statement.json")
			status, out, _ = r.run(posted, event, sha, payload, "run", "--comment", "--statement", statement)
			_, err := os.Stat(statement)
			wrote := posted.Count("POST") + posted.Count("PATCH")
			switch {
			case tc.other && (status != e2e.ExitNotJudged || wrote > 0 || err == nil || !strings.Contains(out, `"code": "wrong_commit"`)):
				t.Errorf("exit status %d, %d writes, statement %v\n%s", status, wrote, err, out)
			case !tc.other && (status != 0 || wrote == 0 || err != nil):
				t.Errorf("exit status %d, %d writes, statement %v\n%s", status, wrote, err, out)
			}
		})
	}
}

func pullRequest(head, base string) any {
	return object{"number": 42, "pull_request": object{"number": 42, "head": object{"sha": head, "repo": object{"full_name": "acme/cases"}},
		"base": object{"sha": base, "ref": "main", "repo": object{"full_name": "acme/cases"}}}}
}

// A shallow clone of a test merge has the merge's object, and that names the head.
func TestAShallowCheckout(t *testing.T) {
	r := newTree(t)
	base := r.Commit("one")
	r.Git("checkout", "-qb", "change")
	r.Write("b", "2")
	head := r.Commit("two")
	r.Git("checkout", "-q", "main")
	r.Git("merge", "-q", "--no-ff", "-m", "merge", "change")
	shallow := tree{Repo: r.At(filepath.Join(t.TempDir(), "shallow")), t: t}
	r.Git("clone", "-q", "--depth=1", "file://"+r.Dir, shallow.Dir)
	fake := githubfake.New(t)
	fake.Files = map[string]map[string]string{base: {}}
	status, out, stderr := shallow.run(fake, "pull_request", strings.Repeat("a", 40), pullRequest(head, base), "run", "--comment")
	if status != 0 || strings.Contains(out, "event_sha") {
		t.Errorf("exit status %d\n%s%s", status, out, stderr)
	}
}

// Events that come with the rights of the default branch run no code of a fork.
func TestForeignCode(t *testing.T) {
	for _, tc := range []struct {
		name, event string
		payload     any
		own         bool // the commit is on a branch of the remote
		want        int
	}{
		{"a comment, a branch of this repository", "issue_comment", object{}, true, 0},
		{"a comment, no branch of this repository", "issue_comment", object{}, false, e2e.ExitUsage},
		{"after a run of this repository", "workflow_run", object{"workflow_run": object{"head_repository": object{"full_name": "acme/cases"}}}, false, 0},
		{"after a run of a fork", "workflow_run", object{"workflow_run": object{"head_repository": object{"full_name": "else/cases"}}}, false, e2e.ExitUsage},
		{"after a run of a deleted fork", "workflow_run", object{"workflow_run": object{"head_repository": nil}}, false, e2e.ExitUsage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			main := r.Commit("one")
			head := r.Commit("two")
			if tc.own {
				r.Git("update-ref", "refs/remotes/origin/change", head)
			} else {
				r.Git("update-ref", "refs/remotes/pull/5/head", head)
			}
			if status, out, stderr := r.run(githubfake.New(t), tc.event, main, tc.payload, "run", "--stage", "pr"); status != tc.want {
				t.Errorf("exit status %d, want %d\n%s%s", status, tc.want, out, stderr)
			}
		})
	}
}
