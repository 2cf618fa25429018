//go:build unix

package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const groupConfig = `version: 1
stages: {pr: {on: [pull_request, merge_group]}}
suites:
  - {name: s, framework: command, dir: e2e, list: [printf, '%s\n', pays, lists], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", owner: payments}
`

// grouping runs a merge group of pull requests, the last of which its commit is of. A failing one fails in src/pay.go.
func grouping(t *testing.T, fake *githubfake.Server, failing bool, numbers ...int) (status int, r e2e.Result, stderr string) {
	t.Helper()
	w := newTree(t)
	w.graphql = true
	outcome := ""
	if failing {
		outcome = `<failure message='no answer'>at src/pay.go:12</failure>`
	}
	w.Write("e2e-gate.yml", groupConfig)
	w.Write("CODEOWNERS", "/ledger/ @acme/payments\n")
	w.Write("e2e/run.sh", `echo "<testsuite><testcase name=\"pays\">`+outcome+`</testcase><testcase name=\"lists\"/></testsuite>" > "$E2E_REPORT_DIR/r.xml"`)
	base := w.Commit("base")
	w.Write("src/pay.go", "1")
	head := w.Commit("group")
	queue := []githubfake.QueueEntry{}
	for i, n := range numbers {
		sha := fmt.Sprintf("%040x", i+1)
		if i == len(numbers)-1 {
			sha = head
		}
		queue = append(queue, githubfake.QueueEntry{PR: n, SHA: sha})
	}
	fake.Queue = map[string][]githubfake.QueueEntry{"main": queue}
	w.ref = fmt.Sprintf("refs/heads/gh-readonly-queue/main/pr-%d-%s", numbers[len(numbers)-1], head)
	status, out, stderr := w.run(fake, "merge_group", head, mainBranch(object{
		"merge_group": object{"head_sha": head, "head_ref": w.ref, "base_sha": base, "base_ref": "refs/heads/main"}}), "run")
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, stderr)
	}
	return status, r, stderr
}

// proposal is an open pull request; its head has a status unless state is empty.
func proposal(fake *githubfake.Server, number int, state string, files ...string) {
	sha := fmt.Sprintf("%040x", 1000+number)
	fake.Pulls = append(fake.Pulls, githubfake.Pull{Number: number, SHA: sha, Title: fmt.Sprintf("change %d", number), Files: files})
	if state != "" {
		fake.AddStatus(githubfake.Status{SHA: sha, Context: "e2e-gate/pr", State: state, Creator: githubfake.JobBot})
	}
}

// A red group lists its pull requests: what each touches of what failed, and how its own head did.
func TestARedGroupNamesItsPullRequests(t *testing.T) {
	fake := githubfake.New(t)
	proposal(fake, 12, "success", "docs/readme.md")
	proposal(fake, 15, "failure", "e2e/run.sh")
	proposal(fake, 16, "error", "ledger/book.go")
	proposal(fake, 17, "pending", "src/pay.go")
	proposal(fake, 18, "", "x.md")
	status, r, stderr := grouping(t, fake, true, 12, 15, 16, 17, 18)
	says := func(text string) []e2e.GroupTouch { return []e2e.GroupTouch{{Text: text, Tests: []string{"s::pays"}}} }
	sha := func(n int) string { return fmt.Sprintf("%040x", 1000+n) }
	want := []e2e.GroupedPull{
		{Number: 12, Title: "change 12", SHA: sha(12), Alone: "success", FilesKnown: true},
		{Number: 15, Title: "change 15", SHA: sha(15), Alone: "failure", FilesKnown: true, Touches: says("it touches e2e/run.sh, which belongs to the suite")},
		{Number: 16, Title: "change 16", SHA: sha(16), Alone: "error", FilesKnown: true, Touches: says("it touches ledger/book.go, which belongs to payments")},
		{Number: 17, Title: "change 17", SHA: sha(17), Alone: "pending", FilesKnown: true, Touches: says("it touches src/pay.go, which the failure names")},
		{Number: 18, Title: "change 18", SHA: sha(18), FilesKnown: true, Unknown: "its head has no commit status e2e-gate/pr"},
	}
	if diff := cmp.Diff(want, r.Grouped); diff != "" || status != e2e.ExitBlocked {
		t.Errorf("exit status %d\n%s\n%s", status, diff, stderr)
	}
	if n := fake.Count(""); n > 2+5 { // the queue, the pull requests, the files of each
		t.Errorf("%d requests: %+v", n, fake.Requests())
	}
}

// What cannot be asked is not known, and the verdict is the same.
func TestAGroupThatCannotBeAsked(t *testing.T) {
	many := make([]string, maxGroupFiles+1)
	for name, c := range map[string]struct {
		fault *githubfake.Fault
		files []string
		says  string
		title bool
	}{
		"GraphQL refuses": {fault: &githubfake.Fault{Method: "POST", Path: "/graphql", Skip: 1, Change: githubfake.GraphQLRefused("FORBIDDEN", "no").Change},
			says: "the list of pull requests of the merge group was not read"},
		"a damaged answer": {fault: &githubfake.Fault{Method: "POST", Path: "/graphql", Skip: 1, Late: true, Change: githubfake.Truncated("POST", 0).Change},
			says: "the list of pull requests of the merge group was not read"},
		"no pull-requests: read": {fault: &githubfake.Fault{Path: "/files", Change: githubfake.Answers("", 403, "Resource not accessible").Change},
			says: "which files the pull request touches was not read", title: true},
		"too many files": {files: many, says: "it changes 301 files", title: true},
	} {
		t.Run(name, func(t *testing.T) {
			fake := githubfake.New(t)
			proposal(fake, 12, "success", c.files...)
			if c.fault != nil {
				fake.Fail(*c.fault)
			}
			status, r, stderr := grouping(t, fake, true, 12)
			if len(r.Grouped) != 1 {
				t.Fatalf("%+v\n%s", r.Grouped, stderr)
			}
			if p := r.Grouped[0]; status != e2e.ExitBlocked || !strings.Contains(p.Unknown, c.says) || p.FilesKnown || len(p.Touches) > 0 || (p.Title != "") != c.title {
				t.Errorf("exit status %d, %+v\n%s", status, p, stderr)
			}
		})
	}
}

// The newest ten of a long queue are looked at; of a group that passed nothing is asked.
func TestALongQueue(t *testing.T) {
	fake := githubfake.New(t)
	var numbers []int
	for n := range 16 {
		numbers = append(numbers, 100+n)
		proposal(fake, 100+n, "success", "x.md")
	}
	status, r, _ := grouping(t, fake, true, numbers...)
	first := slices.IndexFunc(r.Grouped, func(p e2e.GroupedPull) bool { return p.Number == 106 })
	if status != e2e.ExitBlocked || len(r.Grouped) != 10 || first != 0 || fake.Count("") > 12 {
		t.Errorf("exit status %d, %d requests, %+v", status, fake.Count(""), r.Grouped)
	}
	fake = githubfake.New(t)
	if status, r, _ := grouping(t, fake, false, numbers...); status != e2e.ExitPassed || r.Grouped != nil || fake.Count("") > 1 {
		t.Errorf("exit status %d, %d requests, %+v", status, fake.Count(""), r.Grouped)
	}
}
