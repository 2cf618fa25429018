//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// TestJobsBeforeARun hands the results of other jobs to a whole run: what did not succeed is not judged, and no test starts then.
func TestJobsBeforeARun(t *testing.T) {
	for name, tc := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"all well":           {[]string{"--needs", `{"deploy": {"result": "success", "outputs": {}}}`}, 0, `"state": "passed"`},
		"none":               {[]string{"--needs", `{}`}, 0, `"state": "passed"`},
		"nothing was handed": {[]string{"--needs", ""}, 0, `"state": "passed"`},
		"deploy failed":      {[]string{"--needs", `{"deploy": {"result": "failure"}}`}, e2e.ExitNotJudged, "job deploy, which this one needs, failed"},
		"deploy was skipped": {[]string{"--needs", `{"deploy": {"result": "skipped"}}`}, e2e.ExitNotJudged, "name it in may-skip"},
		"it may be":          {[]string{"--needs", `{"deploy": {"result": "skipped"}}`, "--may-skip", "deploy"}, 0, `"state": "passed"`},
		"of caller and callee": {[]string{"--needs", "{\"plan\": {\"result\": \"success\"}}\n{\"deploy\": {\"result\": \"cancelled\"}}\n"}, e2e.ExitNotJudged,
			"was cancelled"},
		"the worse of two": {[]string{"--needs", `{"deploy": {"result": "failure"}} {"deploy": {"result": "success"}}`}, e2e.ExitNotJudged, "job deploy"},
		"the second of two": {[]string{"--needs", `{"deploy": {"result": "success"}} {"deploy": {"result": "failure"}}`}, e2e.ExitNotJudged,
			"job deploy of the calling workflow"},
		"the caller's of two may be skipped": {[]string{"--needs", `{"deploy": {"result": "success"}} {"deploy": {"result": "skipped"}}`, "--may-skip", "deploy"}, 0,
			`"state": "passed"`},
		"not the other of two": {[]string{"--needs", `{"deploy": {"result": "skipped"}} {"deploy": {"result": "success"}}`, "--may-skip", "deploy"}, e2e.ExitNotJudged,
			"job deploy"},
		"no JSON":           {[]string{"--needs", `success`}, e2e.ExitUsage, "toJSON(needs)"},
		"cut JSON":          {[]string{"--needs", `{"deploy": {"result": "succ`}, e2e.ExitUsage, "toJSON(needs)"},
		"a misspelled name": {[]string{"--needs", `{"deploy": {"result": "skipped"}}`, "--may-skip", "depoly"}, e2e.ExitUsage, `no job "depoly"`},
		"a hostile name":    {[]string{"--needs", `{"::error::x\n<b>": {"result": "failure"}}`}, e2e.ExitNotJudged, "which this one needs, failed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t)
			r.Write("run.sh", `touch ran; echo "<testsuite><testcase name=\"a\"/></testsuite>" > "$E2E_REPORT_DIR/r.xml"`)
			r.Commit("head")
			status, out, stderr := r.run(nil, "", "", nil, append([]string{"run"}, tc.args...)...)
			if status != tc.status || !strings.Contains(out+stderr, tc.says) {
				t.Errorf("exit status %d, not %d\n%s\n%s", status, tc.status, out, stderr)
			}
			if _, err := os.Stat(filepath.Join(r.Dir, "ran")); (err == nil) != (tc.status == 0) {
				t.Errorf("the suite ran: %v", err == nil)
			}
		})
	}
}

// TestARedBaseOverSeveralJobs has a shard whose job is red for a failure that the base has too: the verdict, which is told so, passes.
func TestARedBaseOverSeveralJobs(t *testing.T) {
	r, fake, base, head := redBase(t, 3)
	r.ref = "refs/pull/42/merge"
	r.env = append(r.env, "GITHUB_JOB=plan")
	plan, results := filepath.Join(t.TempDir(), "plan"), filepath.Join(t.TempDir(), "results")
	job := func(id string, args ...string) (int, string) {
		r.env[len(r.env)-1] = "GITHUB_JOB=" + id
		status, out, stderr := r.run(fake, "pull_request", head, proposedTo(head, base), args...)
		return status, out + stderr
	}
	if status, out := job("plan", "plan", "--out", plan, "--shards", "1"); status != 0 {
		t.Fatal(out)
	}
	file := filepath.Join(plan, "plan.json")
	if status, out := job("shard", "shard", "--plan", file, "--index", "0", "--out", results); status != e2e.ExitBlocked {
		t.Fatalf("exit status %d\n%s", status, out)
	}
	needs := `{"plan": {"result": "success"}, "shard": {"result": "failure"}}`
	if status, out := job("verdict", "verdict", "--plan", file, "--results", results, "--needs", needs); status != 0 || !strings.Contains(out, `"excuses": true`) {
		t.Errorf("exit status %d\n%s", status, out)
	}
	needs += ` {"shard": {"result": "failure"}}` // the caller has a job of that name too, which no document speaks for
	if status, out := job("verdict", "verdict", "--plan", file, "--results", results, "--needs", needs); status != e2e.ExitNotJudged {
		t.Errorf("exit status %d\n%s", status, out)
	}
	needs = `{"plan": {"result": "success"}, "shard": {"result": "failure"}, "deploy": {"result": "failure"}}`
	if status, out := job("verdict", "verdict", "--plan", file, "--results", results, "--needs", needs); status != e2e.ExitNotJudged || !strings.Contains(out,
		"job deploy") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}
