//go:build unix

package action

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/testkit/need"
)

// A suite of four tests of two owners, whose outcome is written in a file each.
const matrixConfig = `version: 1
stages:
  pr: {on: [pull_request]}
suites:
  - {name: a, framework: command, list: [cat, tests-a], run: [sh, ./each.sh], reports: "{report_dir}/*.xml", owner: team-a}
  - {name: b, framework: command, list: [cat, tests-b], run: [sh, ./each.sh], reports: "{report_dir}/*.xml", owner: team-b}
shards: {count: 2}
`

const each = `[ "$GIVEN,$HIDDEN,$LATE" = "from the caller,s3cret-value,later-value" ] || exit 9
{ echo "<testsuite>"
for t in "$@"; do
  case "$(cat "is-$t" 2>/dev/null)" in
    fail) echo "<testcase name=\"$t\" classname=\"$E2E_SHARD\"><failure message=\"expected 1, got 2\"/></testcase>" ;;
    die) kill -9 $(sed -n 's/^PPid:[[:space:]]*//p' /proc/$PPID/status) ;;  # the gate, above the supervisor of this process
    *) echo "<testcase name=\"$t\"/>" ;;
  esac
done
echo "</testsuite>"; } > "$E2E_REPORT_DIR/r.xml"
`

const caller = `name: E2E
on: [pull_request]
jobs:
  e2e:
    uses: ./.github/workflows/e2e-gate-by-tag.yml
    permissions: {contents: read, actions: read, pull-requests: write, statuses: write}
    with:
      env: |
        GIVEN=from the caller
    secrets:
      env: |
        HIDDEN=s3cret-value
      E2E_ENV: |
        # an environment's secret takes the place of this
        LATE=later-value
`

// newMatrixWorld is a world whose workflow calls the reusable one.
func newMatrixWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	w := newActWorld(t, "")
	w.fake.Artifacts = w.kept
	w.source(".github")
	all := map[string]string{"e2e-gate.yml": matrixConfig, "each.sh": each, "tests-a": "a1\na2\n", "tests-b": "b1\nb2\n", ".github/workflows/e2e.yml": caller}
	for name, text := range files {
		all[name] = text
	}
	for _, name := range []string{byTag, enterprise, oidc} {
		// act copies the folder only for a checkout without a ref, be it an empty one, and does not know $/.
		flow := strings.ReplaceAll(read(t, name), "          ref: ${{ inputs.release }}\n", "")
		if name == oidc {
			flow = withDeployments(t, flow) // act knows no other environments
		}
		all[name] = selfReference.ReplaceAllString(flow, "org/e2e-gate/$1@"+innerRef(read(t, "CHANGELOG.md")))
	}
	for name, text := range all {
		write(t, filepath.Join(w.dir, name), text)
	}
	for _, name := range []string{"gate", "env"} {
		write(t, filepath.Join(w.tree, ".github/actions", name, "action.yml"), read(t, ".github/actions/"+name+"/action.yml"))
	}
	write(t, filepath.Join(w.tree, ".github/action/env.sh"), read(t, ".github/action/env.sh"))
	return w
}

// attestStub keeps what would be signed.
const attestStub = `name: attest
inputs: {subject-path: {required: true}, predicate-type: {required: true}, predicate-path: {required: true}}
runs:
  using: composite
  steps:
    - {shell: bash, env: {OF: "${{ inputs.subject-path }}", P: "${{ inputs.predicate-path }}"}, run: 'test -s "$OF" && cp "$P" "$ARTIFACTS/signed"'}
`

// appStub stands for actions/create-github-app-token, and tells what it was asked for.
const appStub = `name: app
inputs:
  client-id: {required: true}
  private-key: {required: true}
  owner: {required: true}
  permission-contents: {}
  permission-actions: {}
outputs: {token: {value: "${{ steps.one.outputs.token }}"}}
runs:
  using: composite
  steps:
    - id: one
      shell: bash
      env:
        KEY: ${{ inputs.private-key }}
        ASKED: ${{ inputs.client-id }} of ${{ inputs.owner }} ${{ inputs.permission-contents }} ${{ inputs.permission-actions }}
      run: |
        [ "$KEY" = the-key ] || exit 1
        echo "$ASKED" >> "$ARTIFACTS/../app"
        echo "token=` + githubfake.AppToken + `" >> "$GITHUB_OUTPUT"
`

func (w *world) actMatrix(more ...string) ran {
	w.t.Helper()
	return w.actMatrixOn("pull_request", pullRequest(w.fake), more...)
}

func (w *world) actMatrixOn(event, payload string, more ...string) ran {
	w.t.Helper()
	flags := []string{"--local-repository", "org/e2e-gate@" + innerRef(read(w.t, "CHANGELOG.md")) + "=" + w.tree}
	for name, text := range map[string]string{"actions/attest": attestStub, "actions/create-github-app-token": appStub} {
		dir := filepath.Join(w.t.TempDir(), filepath.Base(name))
		write(w.t, filepath.Join(dir, "action.yml"), text)
		flags = append(flags, "--local-repository", pinOf(w.t, read(w.t, matrix), name)+"="+dir)
	}
	return w.act(w.t.Context(), event, payload, append(flags, more...)...)
}

func TestMatrixUnderAct(t *testing.T) {
	for _, tc := range []struct {
		name   string
		files  map[string]string
		status int
		says   []string
		not    string
	}{
		{"all pass", nil, 0, []string{"passed", "4 tests"}, "lost"},
		{"one fails", map[string]string{"is-b2": "fail"}, 1, []string{"blocked", "b::b2", "expected 1, got 2"}, "lost"},
		{"nothing is selected", map[string]string{"tests-a": "", "tests-b": ""}, 1, []string{"not judged"}, "passed —"},
		{"the gates fail", map[string]string{"e2e-gate.yml": matrixConfig + "gates: {timeout: 1s, checks: [{name: api, command: {run: [\"false\"]}}]}\n"},
			1, []string{"not judged", "api"}, "passed —"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newMatrixWorld(t, tc.files)
			got := w.actMatrix()
			if got.status != tc.status || len(w.fake.Comments()) != 1 {
				t.Fatalf("exit status %d, want %d; %d comments\n%s", got.status, tc.status, len(w.fake.Comments()), got.tail())
			}
			body := w.fake.Comments()[0].Body
			for _, want := range tc.says {
				if !strings.Contains(body, want) {
					t.Errorf("%q is not in the comment:\n%s", want, body)
				}
			}
			if strings.Contains(body, tc.not) {
				t.Errorf("%q is in the comment:\n%s", tc.not, body)
			}
			if strings.Contains(got.log, "s3cret-value") || strings.Contains(got.log, "later-value") {
				t.Error("the secret is in the log")
			}
			if list := w.fake.Requests(); len(list) > 10 || slices.ContainsFunc(list, aboutTheRun) {
				t.Errorf("%d requests, some about artifacts of the run: %+v", len(list), list)
			}
		})
	}
}

// aboutTheRun reports whether a request lists the run's artifacts, or fetches one.
func aboutTheRun(r githubfake.Request) bool {
	return strings.HasSuffix(r.Path, "/actions/runs/77/artifacts") || strings.HasSuffix(r.Path, "/zip")
}

// Where the runner cannot fetch documents, the gate asks GitHub: one request for the list, one for
// each document.
func TestMatrixWithoutTheRunnersServiceUnderAct(t *testing.T) {
	w := newMatrixWorld(t, nil)
	write(t, filepath.Join(w.kept, "no-runner-service"), "")
	got := w.actMatrix()
	if got.status != 0 || !slices.ContainsFunc(w.fake.Requests(), aboutTheRun) {
		t.Fatalf("exit status %d, %+v\n%s", got.status, w.fake.Requests(), got.tail())
	}
	for _, name := range w.fake.Downloads() {
		if !strings.HasSuffix(name, "-documents") {
			t.Errorf("%s was fetched, which has the evidence", name)
		}
	}
}

// The runner drops an output that holds a masked value: the shards are skipped, and the verdict says
// why, and waits for nothing.
func TestEmptiedOutputUnderAct(t *testing.T) {
	w := newMatrixWorld(t, nil)
	flow := strings.Replace(read(t, byTag), "matrix: ${{ steps.gate.outputs.matrix }}", "matrix: ${{ '' }}", 1)
	write(t, filepath.Join(w.dir, byTag), strings.ReplaceAll(flow, "          ref: ${{ inputs.release }}\n", ""))
	got := w.actMatrix()
	if got.status == 0 || len(w.fake.Comments()) != 1 || strings.Contains(got.log, "waiting for the documents") {
		t.Fatalf("exit status %d\n%s", got.status, got.tail())
	}
	if body := w.fake.Comments()[0].Body; !strings.Contains(body, "not judged") || !strings.Contains(body, "arrived empty") {
		t.Errorf("the comment does not say why:\n%s", body)
	}
}

// oldStubs stand for the artifact actions of Enterprise Server.
func (w *world) oldStubs() []string {
	w.t.Helper()
	down := filepath.Join(w.t.TempDir(), "download")
	write(w.t, filepath.Join(down, "action.yml"), `name: download
inputs: {path: {required: true}}
runs:
  using: composite
  steps:
    - {shell: bash, env: {TO: "${{ inputs.path }}"}, run: 'mkdir -p "$TO" && cp -R "$ARTIFACTS/." "$TO/"'}
`)
	old := read(w.t, enterprise)
	return []string{
		"--local-repository", pinOf(w.t, old, "actions/upload-artifact") + "=" + w.stub,
		"--local-repository", pinOf(w.t, old, "actions/download-artifact") + "=" + down,
	}
}

// Enterprise Server has no artifacts in its API before a workflow ends.
func TestEnterpriseUnderAct(t *testing.T) {
	w := newMatrixWorld(t, map[string]string{
		"is-b2": "fail", ".github/workflows/e2e.yml": strings.Replace(caller, "e2e-gate-by-tag.yml", "e2e-gate-enterprise.yml", 1),
	})
	w.fake.Artifacts = ""
	write(t, filepath.Join(w.tree, ".github/actions/without-upload/action.yml"), read(t, variant))
	got := w.actMatrix(w.oldStubs()...)
	if got.status != 1 || len(w.fake.Comments()) != 1 || !strings.Contains(w.fake.Comments()[0].Body, "b::b2") ||
		!strings.Contains(w.fake.Comments()[0].Body, "4 tests") {
		t.Fatalf("exit status %d\n%s", got.status, got.tail())
	}
	if _, err := os.Stat(filepath.Join(w.kept, "e2e-gate-verdict-pr-a1", "result.json")); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(w.dir, "is-b2")); err != nil {
		t.Fatal(err)
	}
	got = w.actMatrix(append(w.oldStubs(), "--env", "GITHUB_RUN_ATTEMPT=2")...)
	if body := w.fake.Comments()[0].Body; got.status != 1 || !strings.Contains(body, "later_pass") || strings.Contains(body, "attempts_unreadable") {
		t.Errorf("exit status %d\n%s\n%s", got.status, body, got.tail())
	}
}

// Everything that a caller may ask for beyond the comment: a check run, a deployment
// status and an attestation.
func TestMatrixPublishesUnderAct(t *testing.T) {
	need.Tool(t, "jq", "install jq") // hosted runners have it
	flow := strings.Replace(caller, "    with:\n", "    with:\n      check: true\n      deployment: staging\n      attest: true\n", 1)
	for mode, want := range map[string]string{"": "PASSED", "fail": "FAILED"} {
		w := newMatrixWorld(t, map[string]string{"is-b2": mode, ".github/workflows/e2e.yml": flow})
		w.fake.Deployments = []githubfake.Deployment{{ID: 5, SHA: headSHA, Environment: "staging"}}
		got := w.actMatrix()
		data, _ := os.ReadFile(filepath.Join(w.kept, "signed"))
		if (got.status == 0) != (mode == "") || !strings.Contains(string(data), `"result": "`+want+`"`) {
			t.Fatalf("exit status %d, signed %s\n%s", got.status, data, got.tail())
		}
		if runs := w.fake.CheckRuns(); len(runs) != 1 {
			t.Errorf("%+v", runs)
		}
		if _, err := os.Stat(filepath.Join(w.kept, "e2e-gate-statement-a1", "statement.json")); err != nil {
			t.Error(err)
		}
	}
}

// A gate that was killed, and a machine whose results never arrived: the tests are lost,
// by name, and nothing is green.
func TestLostShardUnderAct(t *testing.T) {
	for name, says := range map[string]string{"killed": "shard 0-team-a did not finish", "not uploaded": "left no document"} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			if name == "killed" {
				files["is-a1"] = "die"
			}
			w := newMatrixWorld(t, files)
			if name != "killed" {
				write(t, filepath.Join(w.kept, "lose"), "shard-0")
			}
			got := w.actMatrix("--env", "E2E_GATE_UPLOAD_PATIENCE=0s")
			if got.status == 0 || len(w.fake.Comments()) != 1 {
				t.Fatalf("exit status %d\n%s", got.status, got.tail())
			}
			body := w.fake.Comments()[0].Body
			for _, want := range []string{"not judged", "`a1`", says} {
				if !strings.Contains(body, want) {
					t.Errorf("%q is not in the comment:\n%s", want, body)
				}
			}
		})
	}
}

// "Re-run failed jobs": the second attempt has the first one's plan and documents. What
// failed twice and passes now is no pass; what is red stays with both attempts.
func TestSecondAttemptUnderAct(t *testing.T) {
	w := newMatrixWorld(t, map[string]string{"is-b2": "fail"})
	if got := w.actMatrix(); got.status != 1 {
		t.Fatalf("exit status %d\n%s", got.status, got.tail())
	}
	if err := os.Remove(filepath.Join(w.dir, "is-b2")); err != nil {
		t.Fatal(err)
	}
	got := w.actMatrix("--env", "GITHUB_RUN_ATTEMPT=2")
	comments := w.fake.Comments()
	if got.status != 1 || len(comments) != 1 || !strings.Contains(comments[0].Body, "b::b2") || !strings.Contains(comments[0].Body, "later_pass") {
		t.Errorf("exit status %d, %+v\n%s", got.status, comments, got.tail())
	}
	if strings.Contains(comments[0].Body, "attempts_unreadable") {
		t.Errorf("the first attempt was not found:\n%s", comments[0].Body)
	}
}

// The job watch has no checkout, and its end is never the workflow's.
func TestWatchUnderAct(t *testing.T) {
	for given, runs := range map[string]bool{"watch: true": true, "watch: false": false, "watch: true\n      comment: false": false} {
		w := newMatrixWorld(t, map[string]string{".github/workflows/e2e.yml": strings.Replace(caller, "    with:\n", "    with:\n      "+given+"\n", 1)})
		w.fake.Files = map[string]map[string]string{w.git("rev-parse", "HEAD"): {"other": ""}}
		got := w.actMatrix()
		said := strings.Contains(got.log, "watch: nothing is said early") || strings.Contains(got.log, "watch: all shards have ended")
		if got.status != 0 || said != runs {
			t.Errorf("%s: exit status %d\n%s", given, got.status, got.tail())
		}
	}
}

// An App's token takes the place of the job's, flags reach all commands, and Slack is told what needs attention. The folder of
// e2e-setup may have its action under either name.
func TestInputsOfTheCalledWorkflowUnderAct(t *testing.T) {
	need.Tool(t, "curl", "install curl")
	for name, tc := range map[string]struct {
		slack, key, mode string
		sent             int
		creator          githubfake.User
	}{
		"a failure":             {"attention", "the-key", "fail", 1, githubfake.App},
		"a pass":                {"attention", "the-key", "", 0, githubfake.App},
		"a pass, always told":   {"always", "the-key", "", 1, githubfake.App},
		"no token of the App":   {"", "another-key", "", 0, githubfake.JobBot},
		"without both of these": {"", "", "", 0, githubfake.JobBot},
	} {
		t.Run(name, func(t *testing.T) {
			var sent []string
			hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent = append(sent, string(body))
			}))
			defer hook.Close()
			given := "      args: --format=json\n"
			if tc.slack != "" {
				given += "      slack: " + tc.slack + "\n"
			}
			if tc.key != "" {
				given += "      app-id: my-app\n"
			}
			flow := strings.Replace(caller, "    with:\n", "    with:\n"+given, 1)
			flow = strings.Replace(flow, "    secrets:\n", "    secrets:\n      slack: "+hook.URL+"/hook-secret\n      app-key: "+tc.key+"\n", 1)
			w := newMatrixWorld(t, map[string]string{"is-b2": tc.mode, ".github/workflows/e2e.yml": flow,
				".github/actions/e2e-setup/action.yaml": "name: x\nruns: {using: composite, steps: [{shell: bash, run: echo set up}]}\n"})
			got := w.actMatrix()
			if (got.status == 0) != (tc.mode == "") || len(sent) != tc.sent || strings.Contains(got.log, "hook-secret") {
				t.Fatalf("exit status %d, %d messages\n%s", got.status, len(sent), got.tail())
			}
			if tc.sent > 0 && !strings.Contains(sent[0], `"blocks"`) {
				t.Error(sent)
			}
			if n := strings.Count(got.log, "set up"); n < 3 {
				t.Errorf("e2e-setup ran %d times", n)
			}
			for _, want := range []string{`"schema": "e2e-gate/plan/v1"`, `"schema": "e2e-gate/result/v1"`} {
				if !strings.Contains(got.log, want) {
					t.Errorf("%s is not in the log: a flag did not arrive", want)
				}
			}
			if list := w.fake.Statuses(); len(list) != 1 || list[0].Creator != tc.creator {
				t.Errorf("%+v", list)
			}
			asked, _ := os.ReadFile(filepath.Join(w.kept, "..", "app"))
			if want := strings.Repeat("my-app of acme read read\n", 3) + "my-app of acme  \n"; tc.creator == githubfake.App && string(asked) != want {
				t.Errorf("tokens were asked for:\n%s", asked)
			}
		})
	}
}

// The variant whose tests get an identity does the same.
func TestIdentityUnderAct(t *testing.T) {
	flow := strings.Replace(caller, "e2e-gate-by-tag.yml", "e2e-gate-oidc.yml", 1)
	flow = strings.Replace(flow, "actions: read,", "actions: read, packages: read, id-token: write,", 1)
	w := newMatrixWorld(t, map[string]string{".github/workflows/e2e.yml": flow})
	if got := w.actMatrix(); got.status != 0 || len(w.fake.Comments()) != 1 {
		t.Fatalf("exit status %d\n%s", got.status, got.tail())
	}
}

// What the reusable workflow gives to its jobs: those that run code of the suites may write
// nothing, and watch has no checkout.
func TestPermissionsOfTheReusableWorkflow(t *testing.T) {
	for _, name := range []string{matrix, byTag, enterprise, oidc} {
		var flow struct {
			Jobs map[string]struct {
				Permissions     map[string]string
				If              string
				ContinueOnError bool `yaml:"continue-on-error"`
				Needs           any
				Steps           []struct {
					Uses string
					With map[string]any
				}
			}
		}
		if err := yaml.Unmarshal([]byte(read(t, name)), &flow); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"plan", "shard"} {
			want := map[string]string{"contents": "read", "actions": "read"}
			if name == oidc {
				want["packages"], want["id-token"] = "read", "write"
			}
			if p := flow.Jobs[id].Permissions; !maps.Equal(p, want) {
				t.Errorf("%s: job %s has the permissions %v", name, id, p)
			}
		}
		if text := fmt.Sprint(flow.Jobs["verdict"].Needs); strings.Contains(text, "watch") {
			t.Errorf("%s: the verdict waits for watch", name)
		}
		watch, there := flow.Jobs["watch"]
		if there == (name == enterprise) {
			t.Errorf("%s: job watch: %v", name, there)
		}
		for _, step := range watch.Steps {
			if strings.Contains(step.Uses, "checkout") || step.With["secret"] != nil || !watch.ContinueOnError ||
				!strings.HasPrefix(watch.If, "inputs.watch && inputs.comment") {
				t.Errorf("%s: %+v", name, watch)
			}
		}
	}
}
