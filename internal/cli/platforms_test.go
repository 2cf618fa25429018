//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// onPlatform is a repository with a change that weakens its own judge, and a clone's knowledge of origin. head and base are its
// commits.
func onPlatform(t *testing.T) (r tree, head, base string) {
	t.Helper()
	r = newTree(t)
	const config = "version: 1\nstages: {pr: {on: [pull_request, push, merge_group]}}\nsuites:\n" +
		"  - {name: s, framework: command, list: [printf, '%s\\n', a, b], run: [sh, ./run.sh], reports: \"{report_dir}/*.xml\"}\n"
	r.Write("e2e-gate.yml", config)
	r.Write("run.sh", `{ echo '<testsuite>'; for t in "$@"; do echo "<testcase name=\"$t\"/>"; done; echo '</testsuite>'; } > "$E2E_REPORT_DIR/r.xml"`)
	base = r.Commit("base")
	r.Git("update-ref", "refs/remotes/origin/main", base)
	r.Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	r.Git("checkout", "-qb", "change")
	r.Write("e2e-gate.yml", config+"policy: {failed: {release-blocking: warn}}\n")
	r.Write("run.sh", `echo '<testsuite><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>' > "$E2E_REPORT_DIR/r.xml"; exit 1`)
	return r, r.Commit("change"), base
}

// TestChangesAreJudgedByTheirBaseOnEveryPlatform runs a change that fails and says that failures do not block.
func TestChangesAreJudgedByTheirBaseOnEveryPlatform(t *testing.T) {
	for name, of := range map[string]func(head, base string) []string{
		"GitLab, merge request": func(head, base string) []string {
			return []string{"GITLAB_CI=true", "CI_PROJECT_PATH=acme/cases", "CI_COMMIT_SHA=" + head, "CI_DEFAULT_BRANCH=main", "CI_PIPELINE_ID=1",
				"CI_PIPELINE_SOURCE=merge_request_event", "CI_MERGE_REQUEST_IID=5", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main", "CI_MERGE_REQUEST_DIFF_BASE_SHA=" + base}
		},
		"GitLab, push of a branch": func(head, _ string) []string {
			return []string{"GITLAB_CI=true", "CI_PROJECT_PATH=acme/cases", "CI_COMMIT_SHA=" + head, "CI_DEFAULT_BRANCH=main", "CI_PIPELINE_ID=1",
				"CI_PIPELINE_SOURCE=push",
				"CI_COMMIT_BRANCH=change"}
		},
		"Buildkite": func(head, _ string) []string {
			return []string{"BUILDKITE=true", "BUILDKITE_REPO=git@x:acme/cases.git", "BUILDKITE_COMMIT=" + head, "BUILDKITE_BRANCH=change", "BUILDKITE_PULL_REQUEST=5",
				"BUILDKITE_PULL_REQUEST_BASE_BRANCH=main", "BUILDKITE_BUILD_ID=b", "BUILDKITE_PIPELINE_DEFAULT_BRANCH=main"}
		},
		"CircleCI": func(head, _ string) []string {
			return []string{"CIRCLECI=true", "CIRCLE_SHA1=" + head, "CIRCLE_BRANCH=change", "CIRCLE_WORKFLOW_ID=w", "CIRCLE_PROJECT_USERNAME=acme",
				"CIRCLE_PROJECT_REPONAME=cases"}
		},
		"Azure": func(head, _ string) []string {
			return []string{"TF_BUILD=True", "BUILD_REASON=PullRequest", "BUILD_SOURCEVERSION=" + head, "SYSTEM_PULLREQUEST_PULLREQUESTID=5",
				"BUILD_REPOSITORY_NAME=acme/cases",
				"SYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/main", "BUILD_BUILDID=3"}
		},
		"Jenkins": func(head, _ string) []string {
			return []string{"JENKINS_URL=https://j", "GIT_COMMIT=" + head, "BRANCH_NAME=PR-5", "CHANGE_ID=5", "CHANGE_TARGET=main", "BUILD_TAG=t"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, head, base := onPlatform(t)
			r.env = append(of(head, base), "GITHUB_TOKEN=of-something-else")
			status, out, stderr := r.run(nil, "", head, nil, "run")
			if status != e2e.ExitBlocked || !strings.Contains(out, base) || !strings.Contains(out, `"judge_changed"`) {
				t.Errorf("exit status %d\n%s\n%s", status, out, stderr)
			}
			r.Git("update-ref", "-d", "refs/remotes/origin/main") // a shallow checkout of the change alone
			r.Git("branch", "-D", "main")
			r.Git("symbolic-ref", "-d", "refs/remotes/origin/HEAD")
			if status, out, stderr = r.run(nil, "", head, nil, "run"); status == e2e.ExitPassed {
				t.Errorf("without the base: exit status %d\n%s\n%s", status, out, stderr)
			}
		})
	}
}

// TestShardsByThePlatform hands the shards of a plan to the equal jobs of a platform.
func TestShardsByThePlatform(t *testing.T) {
	r, _, base := onPlatform(t)
	r.Git("checkout", "-q", "main")
	job := func(index string, args ...string) (int, string) {
		r.env = []string{"GITLAB_CI=true", "CI_PROJECT_PATH=acme/cases", "CI_COMMIT_SHA=" + base, "CI_DEFAULT_BRANCH=main", "CI_PIPELINE_ID=1",
			"CI_PIPELINE_SOURCE=push",
			"CI_COMMIT_BRANCH=main"}
		if index != "" {
			r.env = append(r.env, "CI_NODE_INDEX="+index, "CI_NODE_TOTAL=3")
		}
		status, out, stderr := r.run(nil, "", base, nil, args...)
		return status, out + stderr
	}
	folder := t.TempDir()
	plan, results := filepath.Join(folder, "plan"), filepath.Join(folder, "results")
	if status, out := job("", "plan", "--shards", "2", "--out", plan); status != 0 {
		t.Fatal(out)
	}
	file := filepath.Join(plan, "plan.json")
	for index, says := range map[string]string{"1": "", "2": "", "3": "nothing is left for job 3"} {
		if status, out := job(index, "shard", "--plan", file, "--out", results); status != 0 || !strings.Contains(out, says) {
			t.Errorf("job %s: exit status %d\n%s", index, status, out)
		}
	}
	if status, out := job("", "verdict", "--plan", file, "--results", results); status != 0 || !strings.Contains(out, "does not tell a job that it runs again") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	if status, out := job("", "shard", "--plan", file); status != e2e.ExitUsage || !strings.Contains(out, "--index is missing") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	r.env = nil
	if status, out := job("", "plan", "--shards", "2", "--out", plan); status != 0 {
		t.Fatal(out)
	}
	r.env = append(r.env, "CI_NODE_INDEX=1", "CI_NODE_TOTAL=1")
	status, _, stderr := r.run(nil, "", base, nil, "shard", "--plan", file)
	if status != e2e.ExitUsage || !strings.Contains(stderr, "the tests of the others would be lost") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
}

// TestSubject runs in a folder without git, as a job of a cluster does, and in a checkout of tests that judge another repository.
func TestSubject(t *testing.T) {
	const sha = "0123456789abcdef0123456789abcdef01234567"
	r, _, _ := onPlatform(t)
	r.Git("checkout", "-q", "main")
	plain := r
	plain.Repo = r.At(t.TempDir())
	for _, name := range []string{"e2e-gate.yml", "run.sh"} {
		data, err := os.ReadFile(filepath.Join(r.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		plain.Write(name, string(data))
	}
	whole := []string{"E2E_SUBJECT_REPOSITORY=acme/pay", "E2E_SUBJECT_SHA=" + sha, "E2E_SUBJECT_REF=refs/heads/main", "E2E_SUBJECT_ENVIRONMENT=staging",
		"E2E_SUBJECT_VERSION=4.2.0"}
	for _, tc := range []struct {
		name   string
		in     tree
		env    []string
		args   []string
		status int
		says   []string
	}{
		{"without git", plain, whole, nil, 0, []string{`"repository": "acme/pay"`, `"sha": "` + sha, `"environment": "staging"`, `"product_version": "4.2.0"`}},
		{"by the flag", plain, whole[:1], []string{"--subject", "sha=" + sha + ",repository=acme/cart"}, 0, []string{`"repository": "acme/cart"`, `"sha": "` + sha}},
		{"beside a checkout of tests", r, whole, nil, 0, []string{`"repository": "acme/pay"`, `"sha": "` + sha}},
		{"with a statement", plain, whole, []string{"--statement", "statement.json"}, 0, nil},
		{"posted, and the default branch is not known", r, append([]string{"GITHUB_ACTIONS=true", "GITHUB_REPOSITORY=acme/cases", "GITHUB_EVENT_NAME=push"}, whole...),
			[]string{"--comment"}, e2e.ExitUsage, []string{"it is not known whether the tests"}},
		{"a short hash", plain, []string{"E2E_SUBJECT_REPOSITORY=acme/pay", "E2E_SUBJECT_SHA=0123456"}, nil, e2e.ExitUsage, []string{"is not a full hash"}},
		{"a commit of nothing", plain, []string{"E2E_SUBJECT_SHA=" + sha}, nil, e2e.ExitUsage, []string{"and no repository"}},
		{"an unknown part", plain, nil, []string{"--subject", "commit=" + sha}, e2e.ExitUsage, []string{`"commit=` + sha, "repository=OWNER/NAME"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.t, tc.in.env = t, tc.env
			status, out, stderr := tc.in.run(nil, "", "", nil, append([]string{"run"}, tc.args...)...)
			if status != tc.status {
				t.Errorf("exit status %d\n%s\n%s", status, out, stderr)
			}
			for _, want := range tc.says {
				if !strings.Contains(out+stderr, want) {
					t.Errorf("%q is not in\n%s\n%s", want, out, stderr)
				}
			}
		})
	}
	data, err := os.ReadFile(filepath.Join(plain.Dir, "statement.json"))
	if err != nil || !strings.Contains(string(data), sha) || !strings.Contains(string(data), `"product_version": "4.2.0"`) {
		t.Errorf("%v\n%s", err, data)
	}
}
