//go:build unix

package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const deployedSHA = "0123456789abcdef0123456789abcdef01234567"

// dispatched is the payload of a repository_dispatch that names a subject.
func dispatched(subject any) object {
	return object{"repository": object{"default_branch": "main"}, "client_payload": object{"subject": subject}}
}

// elsewhereFake is GitHub with the tests' repository acme/cases and the private acme/pay, in which deployedSHA is a commit that was deployed.
func elsewhereFake(t *testing.T) (*githubfake.Server, *githubfake.Repo) {
	t.Helper()
	fake := githubfake.New(t)
	pay := &githubfake.Repo{Private: true, Files: map[string]map[string]string{deployedSHA: {}},
		Deployments: []githubfake.Deployment{{ID: 5, SHA: deployedSHA, Environment: "staging"}}}
	fake.Others = map[string]*githubfake.Repo{"acme/pay": pay}
	return fake, pay
}

// A subject that an event's payload names gets the verdict in its own repository, by a token of its own, and the event's commit gets none.
func TestTheSubjectOfAPayload(t *testing.T) {
	pay := object{"repository": "acme/pay", "sha": deployedSHA, "ref": "refs/heads/main", "environment": "staging", "version": "4.2.0"}
	with := func(change object) object {
		out := object{}
		for k, v := range pay {
			out[k] = v
		}
		for k, v := range change {
			if out[k] = v; v == nil {
				delete(out, k)
			}
		}
		return out
	}
	const token = "E2E_SUBJECT_TOKEN=" + githubfake.AppToken
	for _, tc := range []struct {
		name, event string
		subject     any
		env, args   []string
		// readOnly: the App may not write in acme/pay.
		readOnly bool
		status   int
		// states are those of the statuses in acme/pay, the newest first.
		states []string
		says   []string
	}{
		{name: "with a token of its own", event: "repository_dispatch", subject: pay, env: []string{token}, states: []string{"success", "pending"},
			says: []string{`"repository": "acme/pay"`, `"product_version": "4.2.0"`, `"tests_repository": "acme/cases"`, `"tests_sha": "`}},
		{name: "with a deployment", event: "repository_dispatch", subject: pay, env: []string{token}, args: []string{"--deployment", "staging"},
			states: []string{"success", "pending"}},
		{name: "by a flag that says the same", event: "repository_dispatch", subject: pay, env: []string{token}, args: []string{"--subject", "repository=acme/pay"},
			states: []string{"success", "pending"}},
		{name: "a pass that is to be posted, and no token", event: "repository_dispatch", subject: pay, status: e2e.ExitUsage, says: []string{"E2E_SUBJECT_TOKEN"}},
		{name: "the job's token", event: "repository_dispatch", subject: pay, env: []string{"E2E_SUBJECT_TOKEN=" + githubfake.JobToken}, status: e2e.ExitNotJudged,
			says: []string{"the commit status of the subject", "404"}},
		{name: "a token that may only read", event: "repository_dispatch", subject: pay, env: []string{token}, readOnly: true, status: e2e.ExitNotJudged,
			says: []string{"the commit status of the subject", "statuses: write"}},
		{name: "a commit that is not there", event: "repository_dispatch", subject: with(object{"sha": strings.Repeat("c", 40)}), env: []string{token},
			status: e2e.ExitNotJudged, says: []string{"the commit status of the subject", "No commit found"}},
		{name: "a repository that is not there", event: "repository_dispatch", subject: with(object{"repository": "acme/nosuch"}), env: []string{token},
			status: e2e.ExitNotJudged, says: []string{"the commit status of the subject", "404"}},
		{name: "no commit", event: "repository_dispatch", subject: with(object{"sha": nil}), env: []string{token}, status: e2e.ExitUsage, says: []string{"has no commit"}},
		{name: "another environment than asked for", event: "repository_dispatch", subject: pay, env: []string{token}, args: []string{"--deployment", "production"},
			status: e2e.ExitUsage, says: []string{"is not the environment of the subject"}},
		{name: "a check run", event: "repository_dispatch", subject: pay, env: []string{token}, args: []string{"--check"}, status: e2e.ExitUsage,
			says: []string{"are for the commit of the event"}},
		{name: "another repository than the workflow's", event: "repository_dispatch", subject: with(object{"repository": "acme/other"}), env: []string{token},
			args: []string{"--subject", "repository=acme/pay"}, status: e2e.ExitUsage, says: []string{`"acme/pay"`, `"acme/other"`, "one of them is wrong"}},
		{name: "a short hash", event: "repository_dispatch", subject: with(object{"sha": "0123456"}), status: e2e.ExitUsage, says: []string{"is not a full hash"}},
		{name: "a path", event: "repository_dispatch", subject: with(object{"repository": "acme/.."}), status: e2e.ExitUsage, says: []string{"is not OWNER/NAME"}},
		{name: "a query", event: "repository_dispatch", subject: with(object{"repository": "acme/pay?x=1"}), status: e2e.ExitUsage, says: []string{"is not OWNER/NAME"}},
		{name: "a line break", event: "repository_dispatch", subject: with(object{"environment": "a\nb"}), status: e2e.ExitUsage, says: []string{"cannot be shown"}},
		{name: "a number", event: "repository_dispatch", subject: with(object{"version": 4}), status: e2e.ExitUsage, says: []string{"version of the event is not a text"}},
		{name: "an unknown part", event: "repository_dispatch", subject: with(object{"SHA": deployedSHA}), status: e2e.ExitUsage, says: []string{`unknown part "SHA"`}},
		{name: "a text", event: "repository_dispatch", subject: "acme/pay", status: e2e.ExitUsage, says: []string{"is not an object"}},
		{name: "nothing in it", event: "repository_dispatch", subject: object{}, status: e2e.ExitUsage, says: []string{"is empty"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			sha := r.Commit("one")
			fake, there := elsewhereFake(t)
			there.ReadOnly = tc.readOnly
			r.ref, r.env = "refs/heads/main", tc.env
			status, out, stderr := r.run(fake, tc.event, sha, dispatched(tc.subject), append([]string{"run", "--stage", "pr", "--comment"}, tc.args...)...)
			var states []string
			for _, one := range fake.StatusesThere("acme/pay") {
				states = append(states, one.State)
				if one.SHA != deployedSHA || one.Context != "e2e-gate/pr" {
					t.Errorf("%+v", one)
				}
			}
			if status != tc.status || strings.Join(states, " ") != strings.Join(tc.states, " ") {
				t.Errorf("exit status %d, want %d; statuses %q\n%s\n%s", status, tc.status, states, out, stderr)
			}
			for _, want := range tc.says {
				if !strings.Contains(out+stderr, want) {
					t.Errorf("%q is not in\n%s\n%s", want, out, stderr)
				}
			}
			if list := fake.Statuses(); len(list) > 0 || fake.Count("PATCH") > 0 {
				t.Errorf("the event's own repository got %+v", list)
			}
			deployments := len(there.Deployments[0].Statuses)
			if want := map[bool]int{true: 2}[tc.status == 0 && len(tc.args) > 1 && tc.args[0] == "--deployment"]; deployments != want {
				t.Errorf("%d deployment statuses, want %d", deployments, want)
			}
		})
	}
}

// A job of a cluster has no event: the subject and its token are all there is.
func TestAJobWithoutAnEvent(t *testing.T) {
	r := newTree(t)
	r.Commit("one")
	fake, _ := elsewhereFake(t)
	r.env = []string{"E2E_GATE_API_URL=" + fake.Listen(), "E2E_SUBJECT_REPOSITORY=acme/pay", "E2E_SUBJECT_SHA=" + deployedSHA, "E2E_SUBJECT_TOKEN=" + githubfake.AppToken}
	status, out, stderr := r.run(nil, "", "", nil, "run", "--comment")
	list := fake.StatusesThere("acme/pay")
	if status != 0 || len(list) == 0 || list[0].State != "success" || list[0].SHA != deployedSHA {
		t.Errorf("exit status %d, %+v\n%s\n%s", status, list, out, stderr)
	}
}

// On other events a payload's subject is somebody else's text, and counts for nothing.
func TestAPayloadOfAnotherEvent(t *testing.T) {
	r := newTree(t)
	sha := r.Commit("one")
	fake, _ := elsewhereFake(t)
	r.ref, r.env = "refs/heads/main", []string{"E2E_SUBJECT_TOKEN=" + githubfake.AppToken}
	status, out, stderr := r.run(fake, "push", sha, dispatched(object{"repository": "acme/pay", "sha": deployedSHA}), "run", "--comment")
	if status != 0 || len(fake.StatusesThere("acme/pay")) > 0 || len(fake.Statuses()) != 1 || strings.Contains(out, "acme/pay") {
		t.Errorf("exit status %d\n%s\n%s", status, out, stderr)
	}
}

// Tests that a change alters do not decide about the commit of a service: they are not merged.
func TestAChangeOfTheTestsDecidesAboutNothingElse(t *testing.T) {
	for _, tc := range []struct {
		name, event, ref string
		on               string // branch that is checked out
		args             []string
	}{
		{"a pull request", "pull_request", "refs/pull/42/merge", "change", []string{"--comment"}},
		{"a pull request's statement", "pull_request", "refs/pull/42/merge", "change", []string{"--statement", "statement.json"}},
		{"a branch", "workflow_dispatch", "refs/heads/change", "change", []string{"--comment"}},
		{"another branch than the event's", "workflow_dispatch", "refs/heads/main", "change", []string{"--comment"}},
		{"after the run of a branch", "workflow_run", "refs/heads/main", "change", []string{"--comment"}},
		{"files for a later step", "pull_request", "refs/pull/42/merge", "change", []string{"--publish", "dir:posted"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			base := r.Commit("one")
			r.Git("update-ref", "refs/remotes/origin/main", base)
			r.Git("checkout", "-qb", "change")
			r.Write("b", "2")
			head := r.Commit("two")
			r.Git("checkout", "-q", tc.on)
			event := head
			payload := any(object{"repository": object{"default_branch": "main"}})
			if tc.event == "workflow_run" {
				event = base
				payload = object{"repository": object{"default_branch": "main"}, "workflow_run": object{"id": 3, "head_sha": head, "head_branch": "change",
					"head_repository": object{"full_name": "acme/cases"}}}
			} else if tc.event == "pull_request" {
				payload = pullRequest(head, base)
			} else if tc.ref == "refs/heads/main" {
				event = base
			}
			fake, _ := elsewhereFake(t)
			fake.Files = map[string]map[string]string{base: {"e2e-gate.yml": r.Git("show", base+":e2e-gate.yml")}}
			r.ref, r.env = tc.ref, []string{"E2E_SUBJECT_TOKEN=" + githubfake.AppToken}
			args := append([]string{"run", "--stage", "pr", "--subject", "repository=acme/pay,sha=" + deployedSHA}, tc.args...)
			status, out, stderr := r.run(fake, tc.event, event, payload, args...)
			if status != e2e.ExitUsage || !strings.Contains(stderr, "a change of the tests must not decide") {
				t.Errorf("exit status %d\n%s\n%s", status, out, stderr)
			}
			if len(fake.StatusesThere("acme/pay")) > 0 || len(fake.Statuses()) > 0 {
				t.Errorf("%+v %+v", fake.StatusesThere("acme/pay"), fake.Statuses())
			}
		})
	}
}

// Where git does not tell which tests are checked out, they may be those of a change.
func TestTestsThatGitDoesNotShow(t *testing.T) {
	r := newTree(t)
	sha := r.Commit("one")
	if err := os.RemoveAll(filepath.Join(r.Dir, ".git")); err != nil {
		t.Fatal(err)
	}
	fake, _ := elsewhereFake(t)
	r.ref, r.env = "refs/heads/main", []string{"E2E_SUBJECT_TOKEN=" + githubfake.AppToken}
	status, _, stderr := r.run(fake, "repository_dispatch", sha, dispatched(object{"repository": "acme/pay", "sha": deployedSHA}), "run", "--stage", "pr", "--comment")
	if status != e2e.ExitUsage || !strings.Contains(stderr, "it is not known whether the tests") || len(fake.StatusesThere("acme/pay")) > 0 {
		t.Errorf("exit status %d, %+v\n%s", status, fake.StatusesThere("acme/pay"), stderr)
	}
}

// A job of the service's own workflow checks the tests of another repository out: the subject is the event's commit, and the job's token
// posts on it.
func TestTestsOfAnotherRepository(t *testing.T) {
	r := newTree(t)
	tests := r.Commit("the tests")
	r.Git("update-ref", "refs/remotes/origin/main", tests)
	r.ref = "refs/heads/main"
	fake := githubfake.New(t)
	args := []string{"run", "--comment", "--subject", "repository=acme/cases,sha=" + deployedSHA}
	status, out, stderr := r.run(fake, "push", deployedSHA, object{"repository": object{"default_branch": "main"}}, args...)
	var result e2e.Result
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatalf("exit status %d: %v\n%s", status, err, stderr)
	}
	if status != 0 || result.Run.SHA != deployedSHA || result.Run.TestsSHA != tests || result.Run.TestsRepository != "" || result.Run.EventSHA != "" {
		t.Errorf("exit status %d, %+v\n%s", status, result.Run, stderr)
	}
	if list := fake.Statuses(); len(list) != 1 || list[0].SHA != deployedSHA || list[0].State != "success" {
		t.Errorf("%+v", list)
	}
}

// The token for the subject is for the gate alone: no process gets it. What is under test they are told.
func TestChildrenGetTheSubjectAndNotItsToken(t *testing.T) {
	r := newTree(t)
	r.Write("e2e-gate.yml", "version: 1\nstages: {pr: {on: [repository_dispatch]}}\nsuites:\n"+
		"  - {name: s, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: \"{report_dir}/*.xml\"}\n")
	r.Write("run.sh", "env > env.txt\n"+`echo "<testsuite><testcase name=\"a\"/></testsuite>" > "$E2E_REPORT_DIR/r.xml"`)
	r.Write(".gitignore", ".e2e-gate\nenv.txt\n")
	sha := r.Commit("one")
	fake, _ := elsewhereFake(t)
	r.ref, r.env = "refs/heads/main", []string{"E2E_SUBJECT_TOKEN=" + githubfake.AppToken}
	subject := object{"repository": "acme/pay", "sha": deployedSHA, "version": "4.2.0"}
	status, out, stderr := r.run(fake, "repository_dispatch", sha, dispatched(subject), "run", "--comment")
	data, err := os.ReadFile(filepath.Join(r.Dir, "env.txt"))
	if status != 0 || err != nil {
		t.Fatalf("exit status %d: %v\n%s\n%s", status, err, out, stderr)
	}
	for _, want := range []string{"E2E_SHA=" + deployedSHA, "E2E_SUBJECT_REPOSITORY=acme/pay", "E2E_SUBJECT_VERSION=4.2.0"} {
		if !strings.Contains(string(data), want+"\n") {
			t.Errorf("no %s in\n%s", want, data)
		}
	}
	if strings.Contains(string(data), githubfake.AppToken) || strings.Contains(string(data), "E2E_SUBJECT_TOKEN") {
		t.Error("a process got the token")
	}
}

// A subject of a service's repository runs the tests of that service, and no other service's tests speak for it.
func TestTheServiceOfASubject(t *testing.T) {
	const services = "services: {payment-api: {repository: acme/pay}, case-api: {repository: acme/cases}, free: {}, " +
		"one: {repository: acme/mono}, two: {repository: acme/mono}}\n"
	for _, tc := range []struct {
		name, repository, service string
		status                    int
		tests                     string // those that ran
		says                      string
	}{
		{"the service of the repository", "acme/pay", "", 0, "pay", ""},
		{"in another spelling", "Acme/Pay", "", 0, "pay", ""},
		{"named", "acme/pay", "payment-api", 0, "pay", ""},
		{"another service", "acme/pay", "case-api", e2e.ExitUsage, "", "service case-api is deployed from the repository acme/cases, and the subject is of acme/pay"},
		{"a service without repository", "acme/pay", "free", 0, "free", ""},
		{"a repository of no service", "acme/other", "", 0, "pay case free", ""},
		{"a repository of two services", "acme/mono", "", 0, "pay case free", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			suite := func(name, service string) string {
				return "  - {name: " + name + ", framework: command, list: [echo, " + name + "], run: [sh, ./run.sh, " + name + "], reports: \"{report_dir}/*.xml\", services: [" +
					service + "]}\n"
			}
			r.Write("e2e-gate.yml", "version: 1\nstages: {pr: {on: [repository_dispatch]}}\n"+services+"suites:\n"+suite("pay", "payment-api")+suite("case", "case-api")+
				suite("free", "free"))
			r.Write("run.sh", `echo "<testsuite><testcase name=\"$1\"/></testsuite>" > "$E2E_REPORT_DIR/r.xml"`)
			sha := r.Commit("one")
			r.ref = "refs/heads/main"
			args := []string{"run"}
			if tc.service != "" {
				args = append(args, "--service", tc.service)
			}
			status, out, stderr := r.run(githubfake.New(t), "repository_dispatch", sha, dispatched(object{"repository": tc.repository, "sha": deployedSHA}), args...)
			var result e2e.Result
			_ = json.Unmarshal([]byte(out), &result)
			ran := map[string]bool{}
			for _, one := range result.Tests {
				ran[one.Suite] = true
			}
			for _, name := range strings.Fields(tc.tests) {
				if !ran[name] {
					t.Errorf("%s did not run", name)
				}
			}
			if status != tc.status || len(ran) != len(strings.Fields(tc.tests)) || !strings.Contains(stderr, tc.says) {
				t.Errorf("exit status %d, ran %v\n%s\n%s", status, ran, out, stderr)
			}
		})
	}
}

// Subjects of several repositories share the history of the tests that judge them.
func TestTheHistoryOfSubjects(t *testing.T) {
	r := newTree(t)
	sha := r.Commit("one")
	r.ref = "refs/heads/main"
	fake := githubfake.New(t)
	for i, repository := range []string{"acme/pay", "acme/cart", "acme/pay", ""} {
		payload := dispatched(object{"repository": repository, "sha": deployedSHA})
		if repository == "" {
			payload = dispatched(nil)
		}
		status, out, stderr := r.run(fake, "repository_dispatch", sha, payload, "run", "--stage", "pr")
		var result e2e.Result
		if err := json.Unmarshal([]byte(out), &result); err != nil {
			t.Fatal(err)
		}
		if status != 0 || strings.Contains(stderr, "do not count") || (result.Plan.Guessed == 0) != (i > 0) {
			t.Errorf("run %d: exit status %d, %d durations guessed\n%s", i, status, result.Plan.Guessed, stderr)
		}
	}
}

// The files that the tests' own commit changes say nothing of a subject, so that nothing is left out.
func TestAffectedAndASubject(t *testing.T) {
	r := newTree(t)
	suite := func(name string) string {
		return "  - {name: " + name + ", framework: command, list: [echo, " + name + "], run: [sh, ./run.sh, " + name + "], reports: \"{report_dir}/*.xml\", services: [" + name + "]}\n"
	}
	r.Write("e2e-gate.yml", "version: 1\nstages: {pr: {on: [workflow_dispatch], affected: true}}\n"+
		"services: {pay: {paths: [pay/**]}, case: {paths: [case/**]}}\nsuites:\n"+
		suite("pay")+suite("case"))
	r.Write("run.sh", `echo "<testsuite><testcase name=\"$1\"/></testsuite>" > "$E2E_REPORT_DIR/r.xml"`)
	base := r.Commit("one")
	r.Git("update-ref", "refs/remotes/origin/main", base)
	r.Git("checkout", "-qb", "change")
	r.Write("pay/x", "1")
	sha := r.Commit("two")
	r.ref = "refs/heads/change"
	main := object{"repository": object{"default_branch": "main"}}
	status, out, stderr := r.run(githubfake.New(t), "workflow_dispatch", sha, main, "run", "--subject", "repository=acme/pay,sha="+deployedSHA)
	if status != 0 || !strings.Contains(out, "are not those of the subject") || strings.Count(out, `"outcome": "passed"`) < 2 {
		t.Errorf("exit status %d\n%s\n%s", status, out, stderr)
	}
}

// A subject without a commit has none to compare with: neither that of the tests nor one that another gate set.
func TestASubjectWithoutACommit(t *testing.T) {
	r := newTree(t)
	r.Write("e2e-gate.yml", "version: 1\nstages: {pr: {on: [repository_dispatch]}}\n"+
		"gates: {checks: [{name: build, version: {url: \"http://127.0.0.1:1/\", sha: \"${E2E_SHA}\"}}]}\nsuites:\n"+
		"  - {name: s, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: \"{report_dir}/*.xml\"}\n")
	sha := r.Commit("one")
	r.ref, r.env = "refs/heads/main", []string{"E2E_SHA=" + sha}
	status, _, stderr := r.run(githubfake.New(t), "repository_dispatch", sha, dispatched(object{"repository": "acme/pay", "version": "4.2.0"}), "run")
	if status != e2e.ExitUsage || !strings.Contains(stderr, "E2E_SHA is not set") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
}

// The verdict says so if no gate compared what is deployed with the subject. Where another version is deployed it does not pass.
func TestTheDeployedVersion(t *testing.T) {
	for _, tc := range []struct {
		name, check, deployed string
		status                int
		unverified            bool
	}{
		{"no gate", "", "", 0, true},
		{"the commit", `sha: "${E2E_SHA}"`, deployedSHA, 0, false},
		{"the version", `equals: "${E2E_SUBJECT_VERSION}"`, "4.2.0", 0, false},
		{"a range", `semver: "^4.0.0"`, "4.2.0", 0, true},
		{"another version", `equals: "4.1.0"`, "4.1.0", 0, true},
		{"the start of the commit", `sha: "0123456"`, deployedSHA, 0, false},
		{"another commit is deployed", `sha: "${E2E_SHA}"`, strings.Repeat("a", 40), e2e.ExitNotJudged, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			gates := ""
			if tc.check != "" {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					_, _ = w.Write([]byte(`{"version": "` + tc.deployed + `"}`))
				}))
				t.Cleanup(server.Close)
				gates = "gates: {timeout: 100ms, interval: 10ms, checks: [{name: build, version: {url: \"" + server.URL + "\", " + tc.check + "}}]}\n"
			}
			r.Write("e2e-gate.yml", "version: 1\nstages: {pr: {on: [repository_dispatch]}}\n"+gates+"suites:\n"+
				"  - {name: s, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: \"{report_dir}/*.xml\"}\n")
			sha := r.Commit("one")
			fake, _ := elsewhereFake(t)
			r.ref, r.env = "refs/heads/main", []string{"E2E_SUBJECT_TOKEN=" + githubfake.AppToken}
			subject := object{"repository": "acme/pay", "sha": deployedSHA, "version": "4.2.0"}
			status, out, stderr := r.run(fake, "repository_dispatch", sha, dispatched(subject), "run", "--comment")
			if status != tc.status || strings.Contains(out, `"version_not_verified"`) != tc.unverified {
				t.Errorf("exit status %d\n%s\n%s", status, out, stderr)
			}
			state := map[bool]string{true: "success", false: "error"}[tc.status == 0]
			list := fake.StatusesThere("acme/pay")
			if len(list) == 0 || list[0].State != state || strings.Contains(list[0].Description, "deployed version not verified") != tc.unverified {
				t.Errorf("%+v", list)
			}
		})
	}
}

// FuzzSubject holds that whatever a payload says, what comes of it names one repository and one commit, or is refused.
func FuzzSubject(f *testing.F) {
	f.Add([]byte(`{"repository": "acme/pay", "sha": "`+deployedSHA+`", "version": "4.2.0"}`), "environment=staging")
	f.Add([]byte(`{"repository": "../..", "ref": "a\u202eb"}`), "repository=a/b")
	f.Fuzz(func(t *testing.T, payload []byte, flag string) {
		s, err := (&App{}).subject(flag, payload)
		if err != nil {
			return
		}
		if again := checkSubject(s); again != nil {
			t.Errorf("%+v: %v", s, again)
		}
		if s.SHA != "" && (len(s.SHA) != 40 && len(s.SHA) != 64 || s.Repository == "") {
			t.Errorf("%+v", s)
		}
		for _, setting := range subjectEnv(s) {
			if strings.ContainsAny(setting, "\n\r\x00\x1b") || !strings.HasPrefix(setting, "E2E_SUBJECT_") {
				t.Errorf("%q", setting)
			}
		}
		for part := range strings.SplitSeq(s.Repository, "/") {
			if s.Repository != "" && strings.Trim(part, ".") == "" {
				t.Errorf("%+v", s)
			}
		}
	})
}
