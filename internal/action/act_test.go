//go:build unix

package action

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/testkit/need"
)

// The version that the release of the tests says it is.
const released = "v1.2.3"

// It is a commit without files, made at a fixed time, so that its hash is known; HEAD is a
// merge of it, as actions/checkout leaves a pull request's.
const headSHA = "f632e7fc5a04b6c9d5fee866641370f676e45b75"

const config = `version: 1
stages:
  pr: {on: [pull_request, merge_group]}
  main: {on: [push], branches: [main]}
  release: {on: [release]}
suites:
  - name: s
    framework: command
    run: [sh, ./suite.sh]
    reports: "{report_dir}/*.xml"
    owner: team-a
`

// suite fails, flakes or passes by what lies beside it, and tells what it was given.
const suite = `env > "$E2E_EVIDENCE_DIR/env.txt"
case "$(cat mode)" in
  fail) body='<failure message="expected 1, got 2">at A:1</failure>' ;;
  flaky) [ "$E2E_ATTEMPT" = 2 ] || body='<failure message="expected 1, got 2">at A:1</failure>' ;;
  hang) echo $$ > "$STARTED"; sleep 1000 ;;
esac
echo "<testsuite><testcase classname=\"A\" name=\"one\">$body</testcase><testcase classname=\"A\" name=\"two\"/></testsuite>" > "$E2E_REPORT_DIR/r.xml"
`

const workflow = `name: E2E
on: [pull_request, push, merge_group, release]
jobs:
  gate:
    name: e2e gate
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - id: gate
        uses: org/e2e-gate@v1
      - if: always()
        run: echo "seen ${{ steps.gate.outputs.verdict }} ${{ steps.gate.outputs.blocks }} ${{ steps.gate.outputs.passed }}/${{ steps.gate.outputs.failed }}/${{ steps.gate.outputs.flaky }}/${{ steps.gate.outputs.lost }} ${{ steps.gate.outputs.report-url }} ${{ steps.gate.conclusion }}"
`

// stub stands for actions/upload-artifact, whose own code needs GitHub's storage.
const stub = `name: upload
inputs: {name: {required: true}, path: {required: true}, include-hidden-files: {default: "false"}, if-no-files-found: {default: warn}, overwrite: {default: "false"}}
outputs: {artifact-url: {value: "https://github.example/artifact"}}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        NAME: ${{ inputs.name }}
        FROM: ${{ inputs.path }}
        HIDDEN: ${{ inputs.include-hidden-files }}
        MISSING: ${{ inputs.if-no-files-found }}
      run: |
        [ "$HIDDEN" = true ] || { echo "the folder is hidden"; exit 1; }
        shopt -s nullglob
        found=()
        while IFS= read -r line; do
          if [ -d "$line" ]; then found+=("$line/."); else found+=($line); fi
        done <<<"$FROM"
        if [ "${#found[@]}" = 0 ]; then [ "$MISSING" = ignore ]; exit; fi
        if [ -f "$ARTIFACTS/refuse" ] && [ "${NAME%-again}" = "$NAME" ]; then echo "the name is taken"; exit 1; fi
        if [ -f "$ARTIFACTS/lose" ]; then case "$NAME" in *"$(cat "$ARTIFACTS/lose")"*) echo "no storage"; exit 1 ;; esac; fi
        mkdir -p "$ARTIFACTS/$NAME"
        cp -R "${found[@]}" "$ARTIFACTS/$NAME/"
`

// downloadStub stands for actions/download-artifact. Of the only artifact that matches, no folder is
// made (its download-artifact.ts, "artifacts.length === 1").
const downloadStub = `name: download
inputs: {pattern: {required: true}, path: {required: true}}
outputs: {download-path: {value: "${{ steps.one.outputs.download-path }}"}}
runs:
  using: composite
  steps:
    - id: one
      shell: bash
      env:
        PATTERN: ${{ inputs.pattern }}
        TO: ${{ inputs.path }}
      run: |
        if [ -f "$ARTIFACTS/no-runner-service" ]; then echo "no service"; exit 1; fi
        shopt -s extglob nullglob
        found=("$ARTIFACTS"/$PATTERN)
        [ "${#found[@]}" != 0 ] || exit 0
        rm -rf "$TO" && mkdir -p "$TO"
        if [ "${#found[@]}" = 1 ]; then cp -R "${found[0]}/." "$TO/"; else cp -R "${found[@]}" "$TO/"; fi
        echo "download-path=$TO" >> "$GITHUB_OUTPUT"
`

// cacheStub stands for actions/cache/restore and save: caches of one branch. A key is taken once; a
// read takes the cache of its key, else the newest whose key begins with a restore key (README of actions/cache).
func cacheStub(run string) string {
	return "name: cache\ninputs: {path: {required: true}, key: {required: true}, restore-keys: {}}\nruns:\n  using: composite\n  steps:\n    - shell: " +
		"bash\n      env: {AT: \"${{ inputs.path }}\", KEY: \"${{ inputs.key }}\", LIKE: \"${{ inputs.restore-keys }}\"}\n      run: |\n        ALL=\"$ARTIFACTS/../cache-keys\"\n        " +
		run + "\n"
}

// world is a repository with a workflow, a release of the action, and a GitHub.
type world struct {
	t                     *testing.T
	dir, tree, stub, kept string
	fake                  *githubfake.Server
	api, downloads        string
	fetched               atomic.Int32 // two jobs of a matrix may fetch at once
}

func newActWorld(t *testing.T, mode string) *world {
	t.Helper()
	need.Tool(t, "act", ".ci/run test builds it from tools/go.mod")
	need.Tool(t, "git", "install git")
	dir := t.TempDir()
	w := &world{t: t, dir: filepath.Join(dir, "repo"), tree: filepath.Join(dir, "tree"), stub: filepath.Join(dir, "stub"),
		kept: filepath.Join(dir, "kept"), fake: githubfake.New(t)}
	w.api = w.fake.Listen()
	for name, text := range map[string]string{
		"repo/.github/workflows/e2e.yml": workflow, "repo/e2e-gate.yml": config, "repo/suite.sh": suite, "repo/mode": mode,
		"stub/restore/action.yml": cacheStub(`[ -f "$ALL" ] || exit 0
        found=$(grep -nxF -- "$KEY" "$ALL" | tail -n 1)
        [ -n "$found" ] || found=$(awk -v like="$LIKE" 'index($0, like) == 1 { print NR ":" $0 }' "$ALL" | tail -n 1)
        [ -z "$found" ] || { mkdir -p "$AT" && cp -R "$ARTIFACTS/../cache/${found%%:*}/." "$AT/"; }`),
		"stub/save/action.yml": cacheStub(`! grep -qxF -- "$KEY" "$ALL" 2>/dev/null || { echo "the key is taken"; exit 1; }
        echo "$KEY" >> "$ALL"
        to="$ARTIFACTS/../cache/$(wc -l < "$ALL" | tr -d ' ')"
        mkdir -p "$to" && cp -R "$AT/." "$to/"`),
		"download/action.yml": downloadStub,
		"stub/action.yml":     stub, "kept/.keep": "", "tree/action.yml": read(t, "action.yml"), "tree/.github/action/get.sh": read(t, ".github/action/get.sh"),
	} {
		write(t, filepath.Join(dir, name), text)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-qm", "x"}, {"commit-tree", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "-m", "change"}} {
		w.git(args...)
	}
	merge := w.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-p", headSHA, "-m", "merge")
	w.git("reset", "-q", "--hard", merge)
	w.release()
	return w
}

// git runs git in the repository, at a fixed time.
func (w *world) git(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", w.dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE=1700000000 +0000", "GIT_COMMITTER_DATE=1700000000 +0000")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// release serves the binary as a release does, and puts its hash into the tree.
func (w *world) release() {
	data, err := os.ReadFile(gatebin.Build(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	asset := fmt.Sprintf("e2e-gate_%s_%s", runtime.GOOS, runtime.GOARCH)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/"+released+"/"+asset {
			http.NotFound(rw, r)
			return
		}
		w.fetched.Add(1)
		_, _ = rw.Write(data)
	}))
	w.t.Cleanup(srv.Close)
	w.downloads = srv.URL
	sum := sha256.Sum256(data)
	write(w.t, filepath.Join(w.tree, ".github", "release.sha256"), "# "+released+"\n"+hex.EncodeToString(sum[:])+"  "+asset+"\n")
}

// ran is what act says of a run.
type ran struct {
	status  int
	log     string
	summary string
	steps   map[string]string
}

func (w *world) act(ctx context.Context, event, payload string, more ...string) ran {
	w.t.Helper()
	write(w.t, filepath.Join(w.dir, "..", "event.json"), payload)
	scratch := w.t.TempDir()
	args := append([]string{
		event,
		"-e",
		filepath.Join(w.dir, "..", "event.json"),
		"-P",
		"ubuntu-latest=-self-hosted",
		"-W",
		".github/workflows/e2e.yml",
		"--json",
		"--use-gitignore=false",
		"--local-repository",
		"org/e2e-gate@v1=" + w.tree,
		"--local-repository",
		pinOf(w.t, read(w.t, "action.yml"), "actions/upload-artifact") + "=" + w.stub,
		"--local-repository",
		pinOf(w.t, read(w.t, "action.yml"), "actions/download-artifact") + "=" + filepath.Join(filepath.Dir(w.stub), "download"),
		"--env",
		"GITHUB_API_URL=" + w.api,
		"--env",
		"GITHUB_REPOSITORY=acme/cases",
		"--env",
		"GITHUB_RUN_ID=77",
		"--local-repository",
		pinOf(w.t, read(w.t, "action.yml"), "actions/cache/restore", "actions/cache") + "=" + w.stub,
		"--local-repository",
		pinOf(w.t, workflow, "actions/checkout") + "=" + w.stub, // act copies the folder itself
		"--env",
		"GOCACHE=" + goCache(w.t), // act's own cache folder is a fresh one
		"--env",
		"E2E_GATE_DOWNLOAD_URL=" + w.downloads,
		"--env",
		"ARTIFACTS=" + w.kept,
		"-s",
		"GITHUB_TOKEN=" + githubfake.JobToken,
		"--action-cache-path",
		filepath.Join(scratch, "actions"),
		"--cache-server-addr",
		"127.0.0.1",
		"--cache-server-path",
		filepath.Join(scratch, "cache"),
	}, more...)
	cmd := exec.CommandContext(ctx, "act", args...)
	cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "XDG_CACHE_HOME="+scratch, "XDG_CONFIG_HOME="+scratch, "RUNNER_TEMP="+scratch)
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, time.Minute
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // the exit status is part of what is looked at
	r := ran{status: cmd.ProcessState.ExitCode(), steps: map[string]string{}}
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var line struct {
			Msg, Command, Content, StepResult, Stage string
			StepID                                   []string
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			r.log += lines.Text() + "\n"
			continue
		}
		r.log += line.Msg
		if line.Command == "summary" {
			r.summary = line.Content
		}
		if line.StepResult != "" && line.Stage == "Main" {
			r.steps[strings.Join(line.StepID, "/")] = line.StepResult
		}
	}
	return r
}

// tail is the end of the log, for a message.
func (r ran) tail() string { return r.log[max(0, len(r.log)-6000):] }

func pullRequest(fake *githubfake.Server) string {
	return fmt.Sprintf(
		`{"action": "synchronize", "number": %d, "pull_request": {"number": %d, "head": {"ref": "change", "sha": %q, "repo": {"full_name": "acme/cases"}},
		"base": {"ref": "main", "repo": {"full_name": "acme/cases"}}}, "repository": {"full_name": "acme/cases"}}`,
		fake.PR,
		fake.PR,
		headSHA,
	)
}

// The action as people use it: a release, downloaded and verified, on a pull request.
func TestPullRequestUnderAct(t *testing.T) {
	for _, tc := range []struct {
		mode   string
		status int
		seen   string
		state  string
		says   string
	}{
		{"pass", 0, "seen passed false 2/0/0/0 https://github.example/artifact success", "success", "passed"},
		{"fail", 1, "seen failed true 1/1/0/0 https://github.example/artifact failure", "failure", "expected 1, got 2"},
		{"flaky", 0, "seen passed false 1/0/1/0 https://github.example/artifact success", "success", "flaky"},
	} {
		t.Run(tc.mode, func(t *testing.T) {
			w := newActWorld(t, tc.mode)
			got := w.act(t.Context(), "pull_request", pullRequest(w.fake))
			if got.status != tc.status || !strings.Contains(got.log, tc.seen) {
				t.Fatalf("exit status %d, want %d, and %q in\n%s", got.status, tc.status, tc.seen, got.tail())
			}
			comments, statuses := w.fake.Comments(), w.fake.Statuses()
			if len(comments) != 1 || !strings.Contains(comments[0].Body, tc.says) {
				t.Errorf("%+v", comments)
			}
			if len(statuses) != 1 || statuses[0].State != tc.state || statuses[0].SHA != headSHA || statuses[0].Context != "e2e-gate/pr" {
				t.Errorf("%+v", statuses)
			}
			if !strings.Contains(got.summary, "e2e-gate pr: "+strings.TrimSuffix(map[int]string{0: "passed", 1: "blocked"}[tc.status], " ")) {
				t.Errorf("summary: %s", got.summary)
			}
			if n := len(w.fake.Requests()); n > 6 {
				t.Errorf("%d requests for a usual run", n)
			}
			w.artifact("e2e-gate-run-pr-a1")
			if n := w.fetched.Load(); n != 1 || !strings.Contains(got.log, "downloading e2e-gate "+released) {
				t.Errorf("fetched %d times", n)
			}
		})
	}
}

// artifact checks that what was uploaded holds the documents, and that the tests
// were given neither token nor inputs.
func (w *world) artifact(name string) {
	w.t.Helper()
	for _, file := range []string{"result.json", "report.html", "plan.json"} {
		if _, err := os.Stat(filepath.Join(w.kept, name, file)); err != nil {
			w.t.Error(err)
		}
	}
	found, _ := filepath.Glob(filepath.Join(w.kept, name, "units", "*", "evidence", "env.txt"))
	if len(found) == 0 {
		w.t.Fatal("the suite left no evidence")
	}
	env, err := os.ReadFile(found[0])
	if err != nil || !bytes.Contains(env, []byte("E2E_RUN_ID=")) || bytes.Contains(env, []byte(githubfake.JobToken)) ||
		bytes.Contains(env, []byte("INPUT_")) || bytes.Contains(env, []byte("GITHUB_OUTPUT=")) {
		w.t.Errorf("%v: the environment of the tests:\n%s", err, env)
	}
}

func TestOtherEventsUnderAct(t *testing.T) {
	for _, tc := range []struct{ event, payload, stage, sha string }{
		{"push", `{"ref": "refs/heads/main", "after": "` + headSHA + `", "repository": {"full_name": "acme/cases", "default_branch": "main"}}`, "main", ""},
		{"merge_group", `{"action": "checks_requested", "merge_group": {"head_sha": "` + headSHA + `", "head_ref": "refs/heads/gh-readonly-queue/main/pr-42-` +
			headSHA + `", "base_ref": "refs/heads/main"}}`, "pr", headSHA},
		{"release", `{"action": "published", "release": {"tag_name": "v2.0.0", "target_commitish": "main", "draft": false}, "repository": {"full_name": "acme/cases"}}`, "release", ""},
	} {
		t.Run(tc.event, func(t *testing.T) {
			w := newActWorld(t, "pass")
			got := w.act(t.Context(), tc.event, tc.payload)
			statuses := w.fake.Statuses()
			if got.status != 0 || len(w.fake.Comments()) != 0 || len(statuses) != 1 || statuses[0].Context != "e2e-gate/"+tc.stage ||
				tc.sha != "" && statuses[0].SHA != tc.sha {
				t.Fatalf("exit status %d, %+v\n%s", got.status, statuses, got.tail())
			}
			if !strings.Contains(got.summary, "e2e-gate "+tc.stage+": passed") {
				t.Errorf("summary: %s", got.summary)
			}
		})
	}
}

// What the default branch measured is what a pull request plans with, and never the
// other way round.
func TestHistoryUnderAct(t *testing.T) {
	w := newActWorld(t, "pass")
	saved := func() string {
		keys, _ := os.ReadFile(filepath.Join(w.kept, "..", "cache-keys"))
		return string(keys)
	}
	if w.act(t.Context(), "pull_request", pullRequest(w.fake)); saved() != "" {
		t.Errorf("a pull request kept its history: %s", saved())
	}
	push := `{"ref": "refs/heads/main", "repository": {"full_name": "acme/cases", "default_branch": "main"}}`
	if got := w.act(t.Context(), "push", push); !strings.HasPrefix(saved(), "e2e-gate-history-e2e-gate/77-1") {
		t.Fatalf("the default branch kept nothing: %q\n%s", saved(), got.tail())
	}
	if list, err := os.ReadDir(filepath.Join(w.kept, "..", "cache", "1")); err != nil || len(list) != 1 || !strings.HasPrefix(list[0].Name(), "snapshot-") {
		t.Errorf("the cache has %v, want one snapshot: %v", list, err)
	}
	planned := func() ran {
		got := w.act(t.Context(), "pull_request", strings.Replace(pullRequest(w.fake), `"repository": {`, `"repository": {"default_branch": "main", `, 1),
			"--env", "GITHUB_WORKFLOW_REF=acme/cases/.github/workflows/e2e.yml@main")
		plan, err := os.ReadFile(filepath.Join(w.kept, "e2e-gate-run-pr-a1", "plan.json"))
		if err != nil || !bytes.Contains(plan, []byte("history: ")) {
			t.Errorf("%v: the plan was made without history: %s\n%s", err, plan, got.tail())
		}
		return got
	}
	if got := planned(); strings.Contains(got.log, "were restored from their artifacts") {
		t.Errorf("the cache is behind: %s", got.tail())
	}
	// The cache is evicted: the artifact of the run on the default branch is left.
	for _, name := range []string{"cache", "cache-keys"} {
		if err := os.RemoveAll(filepath.Join(w.kept, "..", name)); err != nil {
			t.Fatal(err)
		}
	}
	w.fake.Artifacts = w.kept
	w.fake.Runs = []githubfake.Run{{ID: 77, Event: "push", Branch: "main", HeadRepository: "acme/cases", Path: ".github/workflows/e2e.yml"}}
	if got := planned(); !strings.Contains(got.log, "1 records of earlier runs were restored from their artifacts") {
		t.Errorf("the history was not repaired: %s", got.tail())
	}
}

// Publishing and uploading that fail change no verdict, and are said.
func TestFaultsUnderAct(t *testing.T) {
	w := newActWorld(t, "pass")
	w.fake.Fail(githubfake.ForbiddenWrite())
	write(t, filepath.Join(w.kept, "refuse"), "")
	got := w.act(t.Context(), "pull_request", pullRequest(w.fake))
	if got.status != 0 || !strings.Contains(got.summary, "Not published") || !strings.Contains(got.summary, "pull-requests") {
		t.Errorf("exit status %d\n%s\n%s", got.status, got.summary, got.tail())
	}
	w.artifact("e2e-gate-run-pr-a1-again")
}

// A binary that is not the one whose hash the tree names is never run.
func TestWrongBinaryUnderAct(t *testing.T) {
	w := newActWorld(t, "pass")
	write(t, filepath.Join(w.tree, ".github", "release.sha256"),
		"# "+released+"\n"+strings.Repeat("0", 64)+fmt.Sprintf("  e2e-gate_%s_%s\n", runtime.GOOS, runtime.GOARCH))
	got := w.act(t.Context(), "pull_request", pullRequest(w.fake))
	if got.status == 0 || !strings.Contains(got.log, "it is not run") || got.steps["gate/run"] != "" && got.steps["gate/run"] != "skipped" {
		t.Errorf("exit status %d, steps %v\n%s", got.status, got.steps, got.tail())
	}
}

// From a branch, the action is built by the job's Go: this repository's own workflow
// uses it that way.
func TestFromSourceUnderAct(t *testing.T) {
	w := newActWorld(t, "fail")
	w.source("action.yml", ".github", "go.mod", "go.sum", "cmd", "internal", "shards")
	write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), strings.Replace(workflow, "org/e2e-gate@v1", "./", 1))
	got := w.act(t.Context(), "pull_request", pullRequest(w.fake))
	if got.status != 1 || !strings.Contains(got.log, "building e2e-gate from source") || !strings.Contains(got.log, "seen failed true 1/1/0/0") ||
		len(w.fake.Comments()) != 1 {
		t.Errorf("exit status %d\n%s", got.status, got.tail())
	}
}

// Cancelling as the runner does it: SIGINT to the step's process, SIGTERM later. The
// step's script replaces its shell by the program, so that it hears of it.
func TestCancelledStep(t *testing.T) {
	w := newActWorld(t, "hang")
	output, event := filepath.Join(w.dir, "..", "output"), filepath.Join(w.dir, "..", "event.json")
	write(t, event, pullRequest(w.fake))
	write(t, output, "")
	write(t, filepath.Join(w.dir, "..", "step.sh"), stepScript(t))
	step := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", filepath.Join(w.dir, "..", "step.sh"))
	step.Dir = w.dir
	step.Env = append(os.Environ(), "E2E_GATE_BINARY="+gatebin.Build(t), "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request", "GITHUB_EVENT_PATH="+event,
		"GITHUB_REPOSITORY=acme/cases",
		"GITHUB_RUN_ID=77", "GITHUB_OUTPUT="+output, "GITHUB_API_URL="+w.api, "INPUT_COMMENT=true", "INPUT_TOKEN="+githubfake.JobToken,
		"STARTED="+filepath.Join(w.dir, "started"))
	var log bytes.Buffer
	step.Stdout, step.Stderr = &log, &log
	if err := step.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, filepath.Join(w.dir, "started"), step)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if err := step.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	_ = step.Wait()
	if code := step.ProcessState.ExitCode(); code != 3 {
		t.Errorf("exit status %d, want 3\n%s", code, log.String())
	}
	outputs, err := os.ReadFile(output)
	folder := regexp.MustCompile(`(?m)^(/.*/\.e2e-gate/runs/.*)$`).FindString(string(outputs))
	if err != nil || !bytes.Contains(outputs, []byte("not_judged")) || folder == "" {
		t.Fatalf("%v outputs: %s", err, outputs)
	}
	for _, file := range []string{"result.json", "shard-0.1.json", "plan.json"} {
		data, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil || !json.Valid(data) {
			t.Errorf("%s: %v", file, err)
		}
	}
	pid, _ := os.ReadFile(filepath.Join(w.dir, "started"))
	if _, err := os.Stat("/proc/" + strings.TrimSpace(string(pid))); err == nil && runtime.GOOS == "linux" {
		t.Errorf("the suite's process %s is still there", pid)
	}
	if statuses := w.fake.Statuses(); len(statuses) != 1 || statuses[0].State != "error" {
		t.Errorf("%+v", statuses)
	}
}

// stepScript is the script of action.yml's run step.
func stepScript(t *testing.T) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, "action.yml"), "run: exec ")
	line, _, _ := strings.Cut(rest, "\n")
	if !ok {
		t.Fatal("the run step of action.yml does not exec")
	}
	return "exec " + line + "\n"
}

// waitFor waits until the suite says that it runs.
func waitFor(t *testing.T, file string, step *exec.Cmd) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if data, err := os.ReadFile(file); err == nil && len(data) > 0 {
			return
		}
		if time.Now().After(deadline) {
			_ = step.Process.Kill()
			t.Fatal("the suite did not start")
		}
	}
}

// source copies this repository into the world's.
func (w *world) source(paths ...string) {
	w.t.Helper()
	list := exec.Command("git", append([]string{"ls-files", "-z", "--cached", "--others", "--exclude-standard"}, paths...)...)
	list.Dir = root
	files, err := list.Output()
	if err != nil {
		need.Missing(w.t, "the source is no git checkout: "+err.Error())
	}
	for name := range strings.SplitSeq(strings.Trim(string(files), "\x00"), "\x00") {
		if data, err := os.ReadFile(filepath.Join(root, name)); err == nil {
			write(w.t, filepath.Join(w.dir, name), string(data))
		}
	}
}

// Our own workflow gates our own example.
func TestSelfTestUnderAct(t *testing.T) {
	w := newActWorld(t, "")
	w.source(".")
	if err := os.Remove(filepath.Join(w.dir, "e2e-gate.yml")); err != nil {
		t.Fatal(err)
	}
	flow := strings.ReplaceAll(read(t, ".github/workflows/self-test.yml"), "org/e2e-gate@v1", "./")
	write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), flow)
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = port.Close()
	got := w.act(t.Context(), "pull_request", pullRequest(w.fake), "--env", "CASE_PORT="+strconv.Itoa(port.Addr().(*net.TCPAddr).Port),
		"--local-repository", pinOf(t, flow, "actions/setup-go")+"="+noop(t))
	if got.status != 0 || !strings.Contains(got.log, "passed 0 1 0") || len(w.fake.Comments()) != 1 || !strings.Contains(w.fake.Comments()[0].Body, "flaky") {
		t.Errorf("exit status %d, %+v\n%s", got.status, w.fake.Comments(), got.tail())
	}
}

// The first workflow that the docs give to copy, on a repository as it stands there.
func TestWorkflowOfTheDocsUnderAct(t *testing.T) {
	w := newActWorld(t, "pass")
	_, rest, ok := strings.Cut(read(t, "docs/workflows.md"), "```yaml\n# .github/workflows/e2e.yml\n")
	flow, _, _ := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/workflows.md does not begin with e2e.yml")
	}
	write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), flow)
	got := w.act(t.Context(), "pull_request", pullRequest(w.fake))
	if got.status != 0 || len(w.fake.Comments()) != 1 || len(w.fake.Statuses()) != 1 {
		t.Errorf("exit status %d\n%s", got.status, got.tail())
	}
	w.artifact("e2e-gate-run-pr-a1")
}

// goCache is where Go keeps what it built.
func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// pinOf is an action with the commit that a workflow names; as is what it is called
// otherwise.
func pinOf(t *testing.T, flow, action string, as ...string) string {
	t.Helper()
	_, rest, ok := strings.Cut(flow, "uses: "+action+"@")
	pin, _, _ := strings.Cut(rest, " ")
	if !ok {
		t.Fatalf("the workflow does not use %s", action)
	}
	return append(as, action)[0] + "@" + pin
}

// noop is an action that does nothing, or several below folders.
func noop(t *testing.T, folders ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range append(folders, ".") {
		write(t, filepath.Join(dir, name, "action.yml"),
			"name: noop\ninputs: {go-version: {}, check-latest: {}}\nruns: {using: composite, steps: [{shell: bash, run: \"true\"}]}\n")
	}
	return dir
}
