//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// On a pull request, a stage runs what the change affects; on main it runs everything. That tests are left out for that is no
// change to what judges.
func TestAStageRunsWhatAChangeAffects(t *testing.T) {
	const text = `version: 1
stages: {pr: {on: [pull_request, push], affected: true}}
services: {pay: {paths: ["services/pay/**"]}, case: {paths: ["services/case/**"]}}
affected: {ignore: ["*.md"]}
suites:
  - {name: pays, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [pay]}
  - {name: cases, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [case]}
`
	for _, tc := range []struct {
		name, file string
		want       []string
		says       string
	}{
		{"one service", "services/pay/x", []string{"pays::a"}, "1 of 2 selected tests run, since the change affects only services pay"},
		{"a file that no service has", "libs/x", []string{"cases::a", "pays::a"}, "every selected test runs: no service, suite or journey has paths for libs/x"},
		{"nothing that is tested", "README.md", []string{"cases::a", "pays::a"}, "every selected test runs: the change affects none of them"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			r.Write("e2e-gate.yml", text)
			r.Write("run.sh", reporting(`<testcase name="a"/>`))
			base := r.Commit("base")
			ids := func(result e2e.Result) (list []string) {
				for _, one := range result.Tests {
					list = append(list, one.ID)
				}
				return list
			}
			status, result := r.judged(githubfake.New(t), "push", "refs/heads/main", base, mainBranch(nil))
			if got := ids(result); status != 0 || len(got) != 2 || !strings.Contains(result.Run.Affected, "on the default branch") {
				t.Fatalf("%d %v %q", status, got, result.Run.Affected)
			}
			r.Git("checkout", "-qb", "change")
			r.Write(tc.file, "changed")
			head := r.Commit("change")
			status, result = r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
			if diff := cmp.Diff(tc.want, ids(result)); diff != "" || status != 0 || result.Run.Affected != tc.says {
				t.Errorf("%d %q %s", status, result.Run.Affected, diff)
			}
			if len(result.Judging.Changes) > 0 {
				t.Errorf("%+v", result.Judging.Changes)
			}
		})
	}
}

// A second push to a branch does not take away the tests of what the first one changed.
func TestAPushIsAffectedByItsWholeBranch(t *testing.T) {
	r := newTree(t)
	r.Write("e2e-gate.yml", `version: 1
stages: {pr: {on: [push], affected: true}}
services: {pay: {paths: ["services/pay/**"]}, case: {paths: ["services/case/**"]}, mail: {paths: ["services/mail/**"]}}
suites:
  - {name: pays, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [pay]}
  - {name: cases, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [case]}
  - {name: mails, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [mail]}
`)
	r.Write("run.sh", reporting(`<testcase name="a"/>`))
	base := r.Commit("base")
	r.Git("checkout", "-qb", "change")
	r.Write("services/pay/x", "first")
	first := r.Commit("first")
	r.Write("services/case/x", "second")
	second := r.Commit("second")
	push := func(want int) string {
		status, result := r.judged(githubfake.New(t), "push", "refs/heads/change", second, mainBranch(object{"before": first, "after": second}))
		if status != want {
			t.Errorf("exit status %d", status)
		}
		return result.Run.Affected
	}
	if got, want := push(e2e.ExitNotJudged), "every selected test runs: the files of the change are not all known"; got != want {
		t.Errorf("the default branch is not in the checkout: %q", got)
	}
	r.Git("update-ref", "refs/remotes/origin/main", base)
	if got, want := push(0), "2 of 3 selected tests run, since the change affects only services case, pay"; got != want {
		t.Errorf("%q", got)
	}
}

// On a developer's machine the change is what the working copy changed since it left the default branch.
func TestAffectedOnADevelopersMachine(t *testing.T) {
	r := newTree(t)
	r.Write("e2e-gate.yml", `version: 1
stages: {pr: {on: [push]}}
services: {pay: {paths: ["services/pay/**"]}, case: {paths: ["services/case/**"]}, mail: {paths: ["services/mail/**"]}}
suites:
  - {name: pays, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [pay]}
  - {name: cases, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [case]}
  - {name: mails, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [mail]}
`)
	r.Write("run.sh", reporting(`<testcase name="a"/>`))
	r.Write(".gitignore", "")
	base := r.Commit("base")
	says := func(want string) {
		t.Helper()
		status, out, stderr := r.run(nil, "", "", nil, "run", "--affected")
		var result e2e.Result
		if err := json.Unmarshal([]byte(out), &result); err != nil || status != 0 {
			t.Fatalf("exit status %d: %v\n%s", status, err, stderr)
		}
		if result.Run.Affected != want {
			t.Errorf("%q\nwant %q", result.Run.Affected, want)
		}
	}
	says("every selected test runs: this checkout does not know the default branch of origin: run git remote set-head origin --auto")
	r.Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	says("every selected test runs: this checkout does not show where it left main of origin: run git fetch origin")
	r.Git("update-ref", "refs/remotes/origin/main", base)
	left := base[:10] + ", where this checkout left main of origin"
	says("every selected test runs: no file has changed since " + left)
	r.Git("checkout", "-qb", "change")
	r.Write("services/pay/x", "committed")
	r.Commit("change")
	r.Write("services/case/x", "not committed")
	says("2 of 3 selected tests run, since the change affects only services case, pay; files changed since " + left + ", with files that are not committed")
}

// planned are the suites with a test in the plan of a pull request, in its order, and what the plan says of what is affected.
func (r tree) planned(head, base string) (suites, affected string) {
	r.t.Helper()
	r.ref = "refs/pull/42/merge"
	out := r.t.TempDir()
	status, _, stderr := r.run(githubfake.New(r.t), "pull_request", head, pullRequest(head, base), "plan", "--out", out)
	var plan e2e.Plan
	data, err := os.ReadFile(filepath.Join(out, "plan.json"))
	if err == nil {
		err = json.Unmarshal(data, &plan)
	}
	if err != nil || status != 0 {
		r.t.Fatalf("exit status %d: %v\n%s", status, err, stderr)
	}
	var list []string
	for _, one := range plan.Tests {
		list = append(list, one.Suite)
	}
	return strings.Join(list, " "), plan.Run.Affected
}

// A monorepo with packages of Go and npm and modules of Maven: what uses what a change touches is affected, and what may be used by
// something unknown affects everything.
func TestWhatUsesAChangeIsAffected(t *testing.T) {
	config := func(graph string) string {
		text := "version: 1\nstages: {pr: {on: [pull_request, push], affected: true}}\nservices:\n"
		for _, one := range [][2]string{{"pay", "go/services/pay"}, {"case", "go/services/case"}, {"shop", "web/apps/shop"}, {"admin", "web/apps/admin"},
			{"ledger", "java/ledger"}, {"mail", "java/mail"}} {
			text += "  " + one[0] + ": {paths: [\"" + one[1] + "/**\"]}\n"
		}
		text += "affected: {ignore: [\"**/*.md\", \"go/tools/**\"], graph: " + graph + "}\nsuites:\n"
		for _, name := range []string{"admin", "case", "ledger", "mail", "pay", "shop"} {
			text += "  - {name: " + name + ", framework: command, dir: suites, list: [echo, a], run: [sh, ../run.sh], reports: \"{report_dir}/*.xml\", services: [" + name + "]}\n"
		}
		return text + "  - {name: zgo, framework: command, dir: go/e2e, list: [echo, a], run: [sh, ../../run.sh], reports: \"{report_dir}/*.xml\", services: [pay]}\n"
	}
	const everything = "admin case ledger mail pay shop zgo"
	files := map[string]string{
		"run.sh": reporting(`<testcase name="a"/>`),
		"go.mod": "module example.com/mono\n", "go/libs/http/http.go": "package http\n", "go/libs/http/http_test.go": "package http\n",
		"go/libs/client/c.go":         "package client\nimport _ \"example.com/mono/go/libs/http\"\n",
		"go/libs/lost/l.go":           "package lost\n",
		"go/services/pay/main.go":     "package main\nimport _ \"example.com/mono/go/libs/http\"\n",
		"go/services/case/main.go":    "//go:build special\n\npackage main\nimport _ \"example.com/mono/go/services/pay/events\"\n",
		"go/services/pay/events/e.go": "package events\n", "go/tools/x/main.go": "package main\nimport _ \"example.com/mono/go/libs/http\"\n",
		"go/e2e/a_test.go": "package e2e\nimport _ \"example.com/mono/go/libs/client\"\n",
		"web/package.json": `{"workspaces":["libs/*","apps/*"]}`, "web/libs/ui/package.json": `{"name":"@acme/ui"}`, "web/libs/ui/button.ts": "1",
		"web/apps/shop/package.json":  `{"name":"shop","dependencies":{"@acme/ui":"*"}}`,
		"web/apps/admin/package.json": `{"name":"admin","dependencies":{"@acme/ui":"*","shop":"*"}}`, "web/apps/shop/a.ts": "1", "web/apps/admin/a.ts": "1",
		"java/pom.xml":        `<project><groupId>acme</groupId><artifactId>root</artifactId><packaging>pom</packaging></project>`,
		"java/ledger/pom.xml": `<project><parent><groupId>acme</groupId><artifactId>root</artifactId></parent><artifactId>ledger</artifactId></project>`,
		"java/mail/pom.xml": `<project><parent><groupId>acme</groupId><artifactId>root</artifactId></parent><artifactId>mail</artifactId>
<dependencies><dependency><groupId>acme</groupId><artifactId>ledger</artifactId></dependency></dependencies></project>`,
		"java/ledger/src/A.java": "1", "java/mail/src/B.java": "1",
	}
	for _, tc := range []struct {
		name, graph, want, says string
		change                  map[string]string
	}{
		{"a library", "[go]", "pay zgo", "services pay; suites zgo", map[string]string{"go/libs/http/http.go": "package http\n\nvar X = 1\n"}},
		{"a library, and a suite of the whole repository", "[go]", "all pay zgo", "suites all, zgo", map[string]string{"go/libs/http/http.go": "package http\n\nvar X = 1\n"}},
		{"the same without the graph", "[]", everything, "no service, suite or journey has paths for go/libs/http/http.go", map[string]string{"go/libs/http/http.go": "package http\n\n"}},
		{"tests of a library", "[go]", everything, "the change affects none of them", map[string]string{"go/libs/http/http_test.go": "package http\n\n"}},
		{"those and a service", "[go]", "ledger", "services ledger", map[string]string{"go/libs/http/http_test.go": "package http\n\n", "java/ledger/src/A.java": "2"}},
		{"what a link leads to", "[npm]", everything, "the change touches web/libs/ui/button.ts, to which the link web/apps/admin/button.ts leads", map[string]string{
			"web/libs/ui/button.ts": "2", "link": "../../libs/ui/button.ts"}},
		{"what a link leads to, without a graph", "[]", everything, "the change touches web/apps/shop/a.ts, to which the link web/apps/admin/button.ts leads", map[string]string{
			"web/apps/shop/a.ts": "2", "link": "../shop/a.ts"}},
		{"a schema in a package", "[npm]", everything, "no service, suite or journey has paths for web/libs/ui/x.proto", map[string]string{"web/libs/ui/x.proto": "1"}},
		{"what tests use", "[go]", "zgo", "suites zgo", map[string]string{"go/libs/client/c.go": "package client\n"}},
		{"a package of another service", "[go]", "case pay zgo", "services case, pay", map[string]string{"go/services/pay/events/e.go": "package events\n\n"}},
		{"an import that is taken away", "[go]", "case pay zgo", "services case, pay", map[string]string{
			"go/services/case/main.go": "package main\n", "go/services/pay/events/e.go": "package events\n\n"}},
		{"what nothing uses", "[go]", everything, "no service, suite or journey has paths for go/libs/lost/l.go", map[string]string{"go/libs/lost/l.go": "package lost\n\n"}},
		{"a file that is not of Go", "[go]", everything, "no service, suite or journey has paths for go/libs/http/schema.sql", map[string]string{"go/libs/http/schema.sql": "1"}},
		{"what does not parse", "[go]", everything, "the graph go cannot be read: the imports of go/libs/http/http.go cannot be read", map[string]string{"go/libs/http/http.go": "oops"}},
		{"a package of npm", "[go, npm, maven]", "admin shop", "services admin, shop", map[string]string{"web/libs/ui/button.ts": "2"}},
		{"an app that another one uses", "[npm]", "admin shop", "services admin, shop", map[string]string{"web/apps/shop/a.ts": "2"}},
		{"the same by paths alone", "[]", "shop", "services shop", map[string]string{"web/apps/shop/a.ts": "2"}},
		{"a module", "[maven]", "ledger mail", "services ledger, mail", map[string]string{"java/ledger/src/A.java": "2"}},
		{"a module that nothing uses", "[maven]", "mail", "services mail", map[string]string{"java/mail/src/B.java": "2"}},
		{"a manifest", "[npm]", everything, "the change touches web/apps/shop/package.json", map[string]string{"web/apps/shop/package.json": `{"name":"shop"}`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			for name, text := range files {
				r.Write(name, text)
			}
			r.Write("suites/x.md", "")
			text := config(tc.graph)
			if strings.Contains(tc.want, "all") {
				text += "  - {name: all, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: \"{report_dir}/*.xml\", services: [ledger]}\n"
			}
			r.Write("e2e-gate.yml", text)
			if to, linked := tc.change["link"]; linked {
				delete(tc.change, "link")
				if err := os.Symlink(to, filepath.Join(r.Dir, "web/apps/admin/button.ts")); err != nil {
					t.Fatal(err)
				}
			}
			base := r.Commit("base")
			r.Git("checkout", "-qb", "change")
			for name, text := range tc.change {
				r.Write(name, text)
			}
			head := r.Commit("change")
			if got, says := r.planned(head, base); got != tc.want || !strings.Contains(says, tc.says) {
				t.Errorf("%q, want %q: %q", got, tc.want, says)
			}
		})
	}
}

// A command says what paths do not. Where it fails or says what is not known, everything runs, and so it does where the change could
// have altered what it says.
func TestACommandSaysWhatIsAffected(t *testing.T) {
	const text = `version: 1
stages: {pr: {on: [pull_request], affected: true}}
services: {pay: {paths: ["pay/**"]}, case: {paths: ["case/**"]}, mail: {paths: ["mail/**"]}}
affected: {command: [sh, ci/affected.sh]}
suites:
  - {name: cases, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [case]}
  - {name: mails, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [mail]}
  - {name: pays, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [pay]}
`
	for _, tc := range []struct{ name, script, change, want, says string }{
		{"a service and a suite", "echo; echo ' case '; echo pays\n", "build.gradle.d/x", "cases pays", "services case; suites pays"},
		{"beside paths", "echo case\n", "mail/x", "cases mails", "services case, mail"},
		{"nothing, beside paths", "", "mail/x", "mails", "services mail"},
		{"what it is told", `grep -qx lib/x "$E2E_CHANGED_FILES" && git cat-file -e "$E2E_BASE_SHA" && echo case` + "\n", "lib/x", "cases", "services case"},
		{"everything", "echo '*'\n", "lib/x", "cases mails pays", "affected.command names *, which is everything"},
		{"an unknown name", "echo case; echo cose\n", "lib/x", "cases mails pays", `affected.command names "cose", which is not a service, suite or journey`},
		{"a failure", "echo case; echo 'no daemon' >&2; exit 3\n", "lib/x", "cases mails pays",
			"affected.command says nothing: exit status 3; end of its output: no daemon"},
		{"too much", "yes case | head -c 5000000\n", "lib/x", "cases mails pays", "affected.command says nothing: it printed more than"},
		{"a change of it", "echo case\n", "ci/affected.sh", "cases mails pays", "the change touches ci/affected.sh, which affected.command runs"},
		{"no secrets", `test -z "$GITHUB_TOKEN" && echo case` + "\n", "lib/x", "cases", "services case"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTree(t)
			r.Write("e2e-gate.yml", text)
			r.Write("ci/affected.sh", tc.script)
			r.Write("run.sh", reporting(`<testcase name="a"/>`))
			base := r.Commit("base")
			r.Git("checkout", "-qb", "change")
			r.Write(tc.change, "echo pay\n")
			head := r.Commit("change")
			if got, says := r.planned(head, base); got != tc.want || !strings.Contains(says, tc.says) {
				t.Errorf("%q, want %q: %q", got, tc.want, says)
			}
		})
	}
}

// What fails on the default branch although the rules leave it out is counted, and too much of it makes everything run.
func TestMissesOfAffected(t *testing.T) {
	r := newTree(t)
	r.Write("e2e-gate.yml", `version: 1
stages: {pr: {on: [pull_request, push, merge_group], affected: true}}
services: {pay: {paths: ["services/pay/**"]}, case: {paths: ["services/case/**"]}}
suites:
  - {name: pays, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", services: [pay]}
  - {name: cases, framework: command, list: [echo, a], run: [sh, ./cases.sh], reports: "{report_dir}/*.xml", services: [case]}
`)
	r.Write("run.sh", reporting(`<testcase name="a"/>`))
	r.Write("cases.sh", `if cat services/*/x | grep -q broken; then out='<failure message="expected 1, got 2"/>'; fi
echo "<testsuite><testcase name=\"a\">$out</testcase></testsuite>" > "$E2E_REPORT_DIR/r.xml"
test -z "$out"`)
	runs := 0
	push := func(file, text string, missed bool) {
		t.Helper()
		r.Write(file, text)
		head := r.Commit("change " + file)
		runs++
		r.runID = strconv.Itoa(100 + runs)
		_, result := r.judged(githubfake.New(t), "push", "refs/heads/main", head, mainBranch(nil))
		if len(result.Tests) != 2 || result.Tests[0].Missed != missed || result.Tests[1].Missed {
			t.Fatalf("run %d: %+v", runs, result.Tests)
		}
		shown := slices.ContainsFunc(result.Tests[0].Evidence, func(e e2e.Evidence) bool {
			return strings.HasPrefix(e.Text, "the rules of affected leave this test out for what changed since it passed (1 change since commit ")
		})
		if shown != missed {
			t.Errorf("run %d: %+v", runs, result.Tests[0].Evidence)
		}
	}
	change := func() string {
		t.Helper()
		base := r.Git("rev-parse", "HEAD")
		r.Git("checkout", "-qb", "change")
		r.Write("services/case/y", "changed")
		head := r.Commit("change")
		r.runID = "99"
		_, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
		r.Git("checkout", "-q", "main")
		r.Git("branch", "-qD", "change")
		return result.Run.Affected
	}
	push("services/pay/x", "good", false)
	push("services/case/x", "broken", false) // it is affected
	push("services/case/x", "good", false)
	push("services/pay/x", "broken", true)
	push("services/pay/z", "still", false) // it failed before
	push("services/pay/x", "good", false)
	push("libs/x", "not mapped", false)
	if says := change(); says != "1 of 2 selected tests run, since the change affects only services case" {
		t.Errorf("after one miss: %s", says)
	}
	push("services/pay/x", "broken", true)
	push("services/pay/x", "good", false)
	// The merge queue shows it before it is on main.
	base := r.Git("rev-parse", "HEAD")
	for file, missed := range map[string]bool{"services/pay/x": true, "services/case/x": false} {
		r.Git("checkout", "-qb", "queued")
		r.Write(file, "broken")
		head := r.Commit("queued")
		r.runID = map[bool]string{true: "201", false: "202"}[missed]
		_, result := r.judged(githubfake.New(t), "merge_group", "refs/heads/gh-readonly-queue/main/pr-43-"+head, head,
			mainBranch(object{"merge_group": object{"head_sha": head, "base_sha": base, "base_ref": "refs/heads/main"}}))
		if len(result.Tests) != 2 || result.Tests[0].Missed != missed || result.Tests[0].Outcome != e2e.Failed {
			t.Errorf("%s: %+v", file, result.Tests)
		}
		r.Git("checkout", "-q", "main")
		r.Git("branch", "-qD", "queued")
	}
	const refused = "every selected test runs: in 3 of the last 11 runs of the default branch and the merge queue a test failed that the rules leave out " +
		"(27 %, more than 2 %)"
	if says := change(); !strings.HasPrefix(says, refused) {
		t.Errorf("after three: %s", says)
	}
	var out bytes.Buffer
	app := App{Stdout: &out, Stderr: io.Discard, Environ: []string{"PATH=" + os.Getenv("PATH")}}
	if status := app.Main(t.Context(), []string{"history", "show", "--affected-misses"}); status != 0 || strings.Count(out.String(), "cases::a") != 3 ||
		!strings.Contains(out.String(), "in 3 of the last 11 runs of the default branch and the merge queue, a test failed "+
			"that the rules of affected leave out: 27 %, ") {
		t.Errorf("%d\n%s", status, out.String())
	}
}
