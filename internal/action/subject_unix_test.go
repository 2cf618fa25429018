//go:build unix

package action

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/testkit/need"
)

const deployedSHA = "0123456789abcdef0123456789abcdef01234567"

// A service's repository sends what it deployed; the tests are a checkout of their own in a folder, and the status goes to the service.
func TestSubjectUnderAct(t *testing.T) {
	w := newActWorld(t, "pass")
	pay := &githubfake.Repo{Private: true, Files: map[string]map[string]string{deployedSHA: {}}}
	w.fake.Others = map[string]*githubfake.Repo{"acme/pay": pay}
	flow := strings.Replace(workflow, "on: [pull_request, push, merge_group, release]", "on: [repository_dispatch]", 1)
	flow = strings.Replace(flow, "uses: org/e2e-gate@v1\n",
		"uses: org/e2e-gate@v1\n        with: {working-directory: tests, stage: main, subject-token: \"${{ secrets.SUBJECT_TOKEN }}\"}\n", 1)
	write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), flow)
	tests := filepath.Join(w.dir, "tests")
	for name, text := range map[string]string{"e2e-gate.yml": config, "suite.sh": suite, "mode": "pass", ".gitignore": ".e2e-gate\n"} {
		write(t, filepath.Join(tests, name), text)
		if name != ".gitignore" {
			_ = os.Remove(filepath.Join(w.dir, name))
		}
	}
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", tests, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	git("add", "-A")
	git("commit", "-qm", "the tests")
	git("update-ref", "refs/remotes/origin/main", "HEAD")
	payload := `{"action": "deployed", "branch": "main", "repository": {"full_name": "acme/cases", "default_branch": "main"}, "client_payload": {"subject": ` +
		`{"repository": "acme/pay", "sha": "` + deployedSHA + `", "version": "4.2.0"}}}`
	got := w.act(t.Context(), "repository_dispatch", payload, "-s", "SUBJECT_TOKEN="+githubfake.AppToken)
	statuses := w.fake.StatusesThere("acme/pay")
	if got.status != 0 || len(statuses) != 2 || statuses[0].State != "success" || statuses[0].SHA != deployedSHA || len(w.fake.Statuses()) != 0 {
		t.Fatalf("exit status %d, %+v, %+v\n%s", got.status, statuses, w.fake.Statuses(), got.tail())
	}
	for _, want := range []string{"/acme/pay/commit/" + deployedSHA + ") of acme/pay, version 4&#46;2.0", "tests at commit `" + git("rev-parse", "HEAD")[:10] + "`", "deployed version not verified"} {
		if !strings.Contains(got.summary, want) {
			t.Errorf("the summary does not say %q:\n%s", want, got.summary)
		}
	}
	if keys := w.cached(); len(keys) != 1 {
		t.Errorf("caches %q", keys)
	}
	files, err := filepath.Glob(filepath.Join(w.kept, "*", "evidence", "*", "env.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, w.kept) {
		if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), githubfake.AppToken) {
			t.Errorf("%s has the token", file)
		}
	}
}

// Over a matrix, each job takes the subject from the event, and the verdict alone has the token.
func TestSubjectOfAMatrixUnderAct(t *testing.T) {
	flow := strings.Replace(caller, "on: [pull_request]", "on: [repository_dispatch]", 1)
	flow = strings.Replace(flow, "    secrets:\n", "    secrets:\n      subject-token: ${{ secrets.SUBJECT_TOKEN }}\n", 1)
	leak := `if env | grep -q E2E_SUBJECT_TOKEN; then exit 8; fi` + "\n" + `[ "$E2E_SHA $E2E_SUBJECT_REPOSITORY" = "` + deployedSHA + ` acme/pay" ] || exit 9` + "\n"
	w := newMatrixWorld(t, map[string]string{".github/workflows/e2e.yml": flow, "each.sh": leak + each,
		"e2e-gate.yml": strings.Replace(matrixConfig, "pull_request", "repository_dispatch", 1)})
	w.git("add", "-A")
	w.git("commit", "-qm", "the tests")
	w.fake.Others = map[string]*githubfake.Repo{"acme/pay": {Private: true, Files: map[string]map[string]string{deployedSHA: {}}}}
	payload := `{"action": "deployed", "branch": "main", "repository": {"full_name": "acme/cases", "default_branch": "main"}, "client_payload": {"subject": ` +
		`{"repository": "acme/pay", "sha": "` + deployedSHA + `"}}}`
	got := w.actMatrixOn("repository_dispatch", payload, "-s", "SUBJECT_TOKEN="+githubfake.AppToken)
	list := w.fake.StatusesThere("acme/pay")
	if got.status != 0 || len(list) == 0 || list[0].State != "success" || list[0].SHA != deployedSHA || len(w.fake.Statuses()) != 0 {
		t.Fatalf("exit status %d, %+v, %+v\n%s", got.status, list, w.fake.Statuses(), got.tail())
	}
	if !strings.Contains(list[0].Description, "4 tests passed") {
		t.Errorf("%+v", list)
	}
}

// cached are the keys of the caches that were saved.
func (w *world) cached() []string {
	data, err := os.ReadFile(filepath.Join(w.kept, "..", "cache-keys"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(data))
}

// ghAPI does what the workflow of the docs asks of GitHub's command line: the event of the tests' repository goes into a file, all else to
// the API.
const ghAPI = `#!/usr/bin/env bash
set -euo pipefail
[ "$1" = api ]
path=$2; shift 2
if [ "$path" = repos/acme/e2e/dispatches ]; then
  [ "$*" = "--input -" ] && [ "$GH_TOKEN" = ` + githubfake.AppToken + ` ]
  exec cat > "$DISPATCHED"
fi
body={} filter=.
while [ $# -gt 0 ]; do
  case $1 in
    -f) body=$(jq --compact-output --arg k "${2%%=*}" --arg v "${2#*=}" '.[$k] = $v' <<<"$body"); shift 2 ;;
    --jq) filter=$2; shift 2 ;;
    *) exit 64 ;;
  esac
done
send=()
[ "$body" = {} ] || send=(--request POST --header "Content-Type: application/json" --data "$body")
curl --fail --silent --show-error --header "Authorization: Bearer $GH_TOKEN" "${send[@]}" "$GITHUB_API_URL/$path" | jq --raw-output "$filter"
`

// sleeper waits for the other side instead of for ten seconds.
const sleeper = "#!/bin/sh\nread -r line < \"$DISPATCHED.judged\"\n"

// statusApp stands for actions/create-github-app-token.
const statusApp = "name: app\ninputs: {client-id: {}, private-key: {}, owner: {}, repositories: {}, permission-contents: {}, permission-statuses: {}}\n" +
	"outputs: {token: {value: " + githubfake.AppToken + "}}\nruns: {using: composite, steps: [{shell: bash, run: \"true\"}]}\n"

// docsWorkflow is a workflow of a page of the docs, by the name of its file.
func docsWorkflow(t *testing.T, page, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, page), "```yaml\n# .github/workflows/"+name+"\n")
	flow, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatalf("%s has no workflow %s", page, name)
	}
	return flow
}

// The two workflows of the docs work together: the service deploys, asks, and waits for what the tests' repository says.
func TestDeploymentEventUnderAct(t *testing.T) {
	need.Tool(t, "jq", "apt-get install jq")
	for mode, want := range map[string]string{"pass": "success", "fail": "failure"} {
		t.Run(mode, func(t *testing.T) {
			service := newActWorld(t, mode)
			service.fake.Repository = "acme/pay"
			bin := t.TempDir()
			for name, text := range map[string]string{"gh": ghAPI, "sleep": sleeper} {
				write(t, filepath.Join(bin, name), text)
				if err := os.Chmod(filepath.Join(bin, name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			dispatched := filepath.Join(t.TempDir(), "event.json")
			for _, pipe := range []string{dispatched, dispatched + ".judged"} {
				if err := syscall.Mkfifo(pipe, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			write(t, filepath.Join(service.stub, "../app/action.yml"), statusApp)
			app := func(flow string) []string {
				return []string{"--local-repository", pinOf(t, flow, "actions/create-github-app-token") + "=" + filepath.Join(filepath.Dir(service.stub), "app")}
			}
			deploy := docsWorkflow(t, "docs/subject.md", "deploy-and-ask.yml")
			write(t, filepath.Join(service.dir, ".github/workflows/e2e.yml"), deploy)
			write(t, filepath.Join(service.dir, "deploy.sh"), "#!/bin/sh\n")
			if err := os.Chmod(filepath.Join(service.dir, "deploy.sh"), 0o755); err != nil {
				t.Fatal(err)
			}
			waited := make(chan ran, 1)
			go func() {
				more := append(app(deploy), "--env", "GITHUB_REPOSITORY=acme/pay", "--env", "DISPATCHED="+dispatched)
				waited <- service.act(t.Context(), "push", `{"ref": "refs/heads/main", "repository": {"full_name": "acme/pay", "default_branch": "main"}}`, more...)
			}()
			asked := make(chan []byte, 1)
			go func() {
				data, _ := os.ReadFile(dispatched)
				asked <- data
			}()
			var payload []byte
			select {
			case got := <-waited:
				t.Fatalf("the service did not wait: exit status %d\n%s", got.status, got.tail())
			case payload = <-asked:
			}
			var event struct {
				ClientPayload json.RawMessage `json:"client_payload"`
			}
			if err := json.Unmarshal(payload, &event); err != nil {
				t.Fatal(err)
			}
			tests := newActWorld(t, mode)
			flow := docsWorkflow(t, "docs/subject.md", "deployed.yml")
			write(t, filepath.Join(tests.dir, ".github/workflows/e2e.yml"), flow)
			write(t, filepath.Join(tests.dir, "e2e-gate.yml"), "version: 1\nstages: {deployed: {on: [repository_dispatch]}}\n"+
				"services: {payment-api: {repository: acme/pay}, case-api: {repository: acme/cases}}\nsuites:\n"+
				"  - {name: payments, framework: command, run: [sh, ./suite.sh], reports: \"{report_dir}/*.xml\", services: [payment-api]}\n"+
				"  - {name: cases, framework: command, run: [\"false\"], reports: \"{report_dir}/*.xml\", services: [case-api]}\n")
			tests.git("add", "-A")
			tests.git("commit", "-qm", "the suites of two services")
			got := tests.act(t.Context(), "repository_dispatch", `{"action": "deployed", "branch": "main", "repository": {"full_name": "acme/e2e", "default_branch": "main"}, `+
				`"client_payload": `+string(event.ClientPayload)+`}`, append(app(flow), "--env", "GITHUB_REPOSITORY=acme/e2e", "--env", "GITHUB_API_URL="+service.api)...)
			judged, err := os.OpenFile(dispatched+".judged", os.O_RDWR, 0)
			if err == nil {
				_, err = judged.WriteString(strings.Repeat("judged\n", 100)) // a line for each time that it looks
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = judged.Close() })
			served := <-waited
			states := []string{}
			for _, one := range service.fake.Statuses() {
				states = append(states, one.State)
				if one.Context != "e2e-gate/deployed" {
					t.Errorf("%+v", one)
				}
			}
			if strings.Join(states, " ") != want+" pending pending" || (served.status == 0) != (mode == "pass") || (got.status == 0) != (mode == "pass") {
				t.Errorf("statuses %q; the tests ended with %d, the service with %d\n%s\n%s", states, got.status, served.status, got.tail(), served.tail())
			}
			if !strings.Contains(served.log, "the tests say: "+want) {
				t.Errorf("%s", served.tail())
			}
		})
	}
}

// checkoutStub stands for actions/checkout of another repository, which act leaves to the action.
const checkoutStub = `name: checkout
inputs: {repository: {}, ref: {}, fetch-depth: {}, token: {}, persist-credentials: {}}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        ASKED: ${{ inputs.repository }}@${{ inputs.ref }}
      run: |
        [ "$ASKED" != "@" ] || exit 0
        [ "$ASKED" = acme/e2e@main ] && cp -R "$TESTS/." .
`

// The shorter way of the docs: the service calls the suite of the tests' repository in the same run, and the job's own token sets the status.
func TestSuiteThatIsCalledUnderAct(t *testing.T) {
	for mode, want := range map[string]string{"pass": "success", "fail": "failure"} {
		t.Run(mode, func(t *testing.T) {
			w := newActWorld(t, mode)
			w.fake.Repository = "acme/pay"
			deploy := docsWorkflow(t, "docs/subject.md", "deploy-and-call.yml")
			here := strings.Replace(deploy, "acme/e2e/.github/workflows/suite.yml@main", "./.github/workflows/suite.yml", 1)
			write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), here)
			write(t, filepath.Join(w.dir, ".github/workflows/suite.yml"), docsWorkflow(t, "docs/subject.md", "suite.yml"))
			write(t, filepath.Join(w.dir, "deploy.sh"), "#!/bin/sh\n")
			if err := os.Chmod(filepath.Join(w.dir, "deploy.sh"), 0o755); err != nil {
				t.Fatal(err)
			}
			w.git("add", "-A")
			w.git("commit", "-qm", "the service")
			deployed := w.git("rev-parse", "HEAD")
			tests := filepath.Join(t.TempDir(), "tests")
			deployedStage := strings.Replace(config, "main: {on: [push]", "deployed: {on: [push]", 1)
			for name, text := range map[string]string{"e2e-gate.yml": deployedStage, "suite.sh": suite, "mode": mode} {
				write(t, filepath.Join(tests, name), text)
			}
			for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-qm", "the tests"},
				{"update-ref", "refs/remotes/origin/main", "HEAD"}} {
				cmd := exec.Command("git", append([]string{"-C", tests, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("git %v: %v %s", args, err, out)
				}
			}
			stub := filepath.Join(t.TempDir(), "checkout")
			write(t, filepath.Join(stub, "action.yml"), checkoutStub)
			got := w.act(t.Context(), "push", `{"ref": "refs/heads/main", "repository": {"full_name": "acme/pay", "default_branch": "main"}}`,
				"--env", "GITHUB_REPOSITORY=acme/pay", "--env", "TESTS="+tests, "--local-repository", pinOf(t, deploy, "actions/checkout")+"="+stub)
			list := w.fake.Statuses()
			if len(list) != 1 || list[0].State != want || list[0].SHA != deployed || list[0].Context != "e2e-gate/deployed" || (got.status == 0) != (mode == "pass") {
				t.Errorf("exit status %d, %+v, deployed %s\n%s", got.status, list, deployed, got.tail())
			}
		})
	}
}
