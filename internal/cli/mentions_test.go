//go:build unix

package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// mentionsConfig has a suite of two teams each, with the outcomes of their tests, and
// the map of whom to call.
func mentionsConfig(owners, cases, pay string) string {
	suite := func(name, owner, outcome string) string {
		return fmt.Sprintf(`  - {name: %s, framework: command, run: [sh, -c, "echo '<testsuite><testcase classname=\"A\" name=\"one\">%s</testcase><testcase classname=\"A\" name=\"two\"/></testsuite>' > $E2E_REPORT_DIR/r.xml"], reports: "{report_dir}/*.xml", owner: %s}`+"\n", name, outcome, owner)
	}
	return "version: 1\nstages: {pr: {on: [pull_request]}}\n" + owners + "suites:\n" + suite("cases", "case-platform", cases) + suite("payments", "pay", pay)
}

const (
	theirOwners = "owners: {case-platform: \"@acme/case-platform\", pay: \"@acme/pay\"}\n"
	ownOwners   = "owners: {case-platform: \"@acme/everybody\", pay: \"@somebody\"}\n"
)

// push is a commit on a pull request whose base has theirOwners, judged by a run.
func push(t *testing.T, fake *githubfake.Server, n int, config string) (status int, stderr string) {
	t.Helper()
	return pushed(t, fake, n, config, "run", "--comment")
}

func pushed(t *testing.T, fake *githubfake.Server, n int, config string, args ...string) (status int, stderr string) {
	t.Helper()
	dir, base := t.TempDir(), strings.Repeat("a", 40)
	fake.Files = map[string]map[string]string{base: {"e2e-gate.yml": mentionsConfig(theirOwners, "", "")}}
	payload := fmt.Sprintf(`{"number": 42, "pull_request": {"number": 42, "head": {"sha": %q, "repo": {"full_name": "acme/cases"}}, "base": {"ref": "main", "sha": %q, "repo": {"full_name": "acme/cases"}}}}`, sha(n), base)
	writeFiles(t, dir, map[string]string{".git/keep": "", "event.json": payload, "e2e-gate.yml": config})
	t.Chdir(dir)
	var out, progress bytes.Buffer
	url := fake.Listen()
	app := App{Stdout: &out, Stderr: &progress, Environ: []string{"PATH=" + os.Getenv("PATH"), "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request",
		"GITHUB_EVENT_PATH=" + filepath.Join(dir, "event.json"),
		"GITHUB_REPOSITORY=acme/cases", fmt.Sprint("GITHUB_RUN_ID=", 100+n), "GITHUB_SERVER_URL=https://github.example", "GITHUB_API_URL=" + url,
		"GITHUB_GRAPHQL_URL=" + fake.ListenGraphQL(url), "GITHUB_TOKEN=" + githubfake.JobToken}}
	status = app.Main(t.Context(), args)
	return status, progress.String()
}

func sha(n int) string { return strings.Repeat(fmt.Sprint(n), 40) }

// Teams are called once for what is new, by the base's map: not on each push, not by
// what a pull request writes into its own config, and again where it broke anew.
func TestWhoIsCalled(t *testing.T) {
	fake := githubfake.New(t)
	fails := `<failure message=\"expected 1, got 2\"/>`
	for i, step := range []struct {
		what, config string
		status       int
		want         []string
	}{
		{"passes", mentionsConfig(theirOwners, "", ""), 0, nil},
		{"breaks", mentionsConfig(theirOwners, fails, ""), 1, []string{"@acme/case-platform"}},
		{"still broken", mentionsConfig(theirOwners, fails, ""), 1, []string{"@acme/case-platform"}},
		{"edits the map", mentionsConfig(ownOwners, fails, ""), 1, []string{"@acme/case-platform"}},
		{"breaks another team's, with an edited map", mentionsConfig(ownOwners, fails, fails), 1, []string{"@acme/case-platform", "@acme/pay"}},
		{"one is repaired", mentionsConfig(theirOwners, "", fails), 1, []string{"@acme/case-platform", "@acme/pay"}},
		{"all is repaired", mentionsConfig(theirOwners, "", ""), 0, []string{"@acme/case-platform", "@acme/pay"}},
		{"breaks again", mentionsConfig(theirOwners, fails, ""), 1, []string{"@acme/case-platform", "@acme/pay", "@acme/case-platform"}},
	} {
		status, stderr := push(t, fake, i+1, step.config)
		list := fake.Comments()
		if status != step.status || len(list) != 1 {
			t.Fatalf("%s: exit status %d, %d comments\n%s", step.what, status, len(list), stderr)
		}
		if diff := cmp.Diff(step.want, list[0].Notified); diff != "" || strings.Contains(list[0].Body, "everybody") || strings.Contains(list[0].Body, "@somebody") {
			t.Errorf("%s: %s\n%s", step.what, diff, list[0].Body)
		}
	}
}

// While a newer commit is being judged, the comment of the older one says so; afterwards
// it says whose it is, and names the commit.
func TestNewerCommitIsBeingJudged(t *testing.T) {
	fake := githubfake.New(t)
	if status, stderr := push(t, fake, 1, mentionsConfig("", "", "")); status != 0 {
		t.Fatal(stderr)
	}
	before, seen := fake.Count(""), ""
	fake.Fail(githubfake.Meanwhile("GET", "/issues/42/comments", 2, func() { seen = fake.Comments()[0].Body }))
	if status, stderr := push(t, fake, 2, mentionsConfig("", "", "")); status != 0 || !strings.Contains(stderr, "is about an older commit") {
		t.Fatal(stderr)
	}
	for _, want := range []string{"## ⏳ e2e-gate pr: being judged — commit `2222222222`",
		"[this run](https://github.example/acme/cases/actions/runs/102)", "Result of <code>1111111111</code>", "passed"} {
		if !strings.Contains(seen, want) {
			t.Errorf("%q is not in\n%s", want, seen)
		}
	}
	body := fake.Comments()[0].Body
	if strings.Contains(body, "being judged") || !strings.Contains(body, "[`2222222222`](https://github.example/acme/cases/commit/"+sha(2)+")") {
		t.Errorf("%s", body)
	}
	if n := fake.Count("") - before; n > 10 {
		t.Errorf("%d requests", n)
	}
}

// A plan says it, too, and one whose token may not write does not mind.
func TestPlanOfANewerCommit(t *testing.T) {
	for _, refused := range []bool{false, true} {
		fake := githubfake.New(t)
		if status, stderr := push(t, fake, 1, mentionsConfig("", "", "")); status != 0 {
			t.Fatal(stderr)
		}
		if refused {
			fake.Fail(githubfake.ForbiddenWrite())
		}
		before := fake.Count("")
		if status, stderr := pushed(t, fake, 2, mentionsConfig("", "", ""), "plan", "--comment"); status != 0 || strings.Contains(stderr, "pull-requests: write") {
			t.Fatalf("exit status %d\n%s", status, stderr)
		}
		if said := strings.Contains(fake.Comments()[0].Body, "being judged — commit `2222222222`"); said == refused || fake.Count("")-before > 5 {
			t.Errorf("refused %v: said %v, %d requests", refused, said, fake.Count("")-before)
		}
	}
}
