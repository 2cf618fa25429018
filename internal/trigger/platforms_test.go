package trigger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	headSHA = "1111111111111111111111111111111111111111"
	baseSHA = "2222222222222222222222222222222222222222"
	otherSH = "3333333333333333333333333333333333333333"
)

// TestPlatforms has the variables that platforms document, for each event that they know.
func TestPlatforms(t *testing.T) {
	gitlab := map[string]string{"GITLAB_CI": "true", "CI_PROJECT_PATH": "acme/shop/web", "CI_COMMIT_SHA": headSHA, "CI_DEFAULT_BRANCH": "main",
		"CI_PIPELINE_ID":  "9",
		"CI_PIPELINE_URL": "https://gitlab.example/p/9", "CI_COMMIT_BEFORE_SHA": strings.Repeat("0", 40)}
	merge := map[string]string{"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "5", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
		"CI_MERGE_REQUEST_DIFF_BASE_SHA": baseSHA, "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/5/head", "CI_MERGE_REQUEST_PROJECT_PATH": "acme/shop/web",
		"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "acme/shop/web", "CI_MERGE_REQUEST_EVENT_TYPE": "detached"}
	buildkite := map[string]string{"BUILDKITE": "true", "BUILDKITE_REPO": "git@github.example:acme/shop.git", "BUILDKITE_COMMIT": headSHA,
		"BUILDKITE_BRANCH":                  "feature",
		"BUILDKITE_PIPELINE_DEFAULT_BRANCH": "main", "BUILDKITE_BUILD_ID": "b-1", "BUILDKITE_BUILD_URL": "https://ci.example/1", "BUILDKITE_PULL_REQUEST": "false",
		"BUILDKITE_SOURCE": "webhook", "BUILDKITE_RETRY_COUNT": "0"}
	circle := map[string]string{"CIRCLECI": "true", "CIRCLE_PROJECT_USERNAME": "acme", "CIRCLE_PROJECT_REPONAME": "shop", "CIRCLE_SHA1": headSHA,
		"CIRCLE_BRANCH":      "feature",
		"CIRCLE_WORKFLOW_ID": "w-1", "CIRCLE_BUILD_URL": "https://ci.example/2"}
	azure := map[string]string{"TF_BUILD": "True", "BUILD_REPOSITORY_NAME": "acme/shop", "BUILD_SOURCEVERSION": headSHA,
		"BUILD_SOURCEBRANCH": "refs/heads/main", "BUILD_BUILDID": "77",
		"SYSTEM_COLLECTIONURI": "https://dev.example/acme/", "SYSTEM_TEAMPROJECT": "the shop", "SYSTEM_JOBATTEMPT": "1", "BUILD_REASON": "IndividualCI"}
	jenkins := map[string]string{"JENKINS_URL": "https://jenkins.example/", "GIT_URL": "https://git.example/acme/shop.git", "GIT_COMMIT": headSHA,
		"BUILD_TAG": "jenkins-shop-3",
		"BUILD_URL": "https://jenkins.example/job/3", "BRANCH_NAME": "feature"}
	for _, tc := range []struct {
		name string
		of   map[string]string
		more map[string]string
		want Trigger
	}{
		{"GitLab, push to the default branch", gitlab, map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_BEFORE_SHA": baseSHA},
			Trigger{Event: "push", SHA: headSHA, BaseSHA: baseSHA, Ref: "refs/heads/main", Branch: "main", DefaultBranch: true}},
		{"GitLab, first push of a branch", gitlab, map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "feature"},
			Trigger{Event: "push", SHA: headSHA, Ref: "refs/heads/feature", Branch: "feature"}},
		{"GitLab, tag", gitlab, map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "v1"}, Trigger{Event: "push", SHA: headSHA, Ref: "refs/tags/v1",
			Release: "v1"}},
		{"GitLab, merge request", gitlab, merge,
			Trigger{Event: "pull_request", SHA: headSHA, BaseSHA: baseSHA, Ref: "refs/merge-requests/5/head", Branch: "main", PullRequest: 5}},
		{"GitLab, merged result", gitlab, with(merge, "CI_COMMIT_SHA", otherSH, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", headSHA,
			"CI_MERGE_REQUEST_TARGET_BRANCH_SHA", baseSHA,
			"CI_MERGE_REQUEST_DIFF_BASE_SHA", otherSH, "CI_MERGE_REQUEST_EVENT_TYPE", "merged_result"),
			Trigger{Event: "pull_request", SHA: headSHA, BaseSHA: baseSHA, Ref: "refs/merge-requests/5/head", Branch: "main", PullRequest: 5}},
		{"GitLab, merge train", gitlab, with(merge, "CI_COMMIT_SHA", otherSH, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", headSHA, "CI_MERGE_REQUEST_EVENT_TYPE",
			"merge_train"),
			Trigger{Event: "merge_group", SHA: otherSH, BaseSHA: baseSHA, Ref: "refs/merge-requests/5/head", Branch: "main", GroupedPRs: []int{5}}},
		{"GitLab, of a fork", gitlab, with(merge, "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "someone/web"),
			Trigger{Event: "pull_request", SHA: headSHA, BaseSHA: baseSHA, Ref: "refs/merge-requests/5/head", Branch: "main", PullRequest: 5, Fork: true}},
		{"GitLab, whose origin is not told", gitlab, with(merge, "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", ""),
			Trigger{Event: "pull_request", SHA: headSHA, BaseSHA: baseSHA, Ref: "refs/merge-requests/5/head", Branch: "main", PullRequest: 5, Fork: true}},
		{"GitLab, schedule", gitlab, map[string]string{"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"},
			Trigger{Event: "schedule", SHA: headSHA, Ref: "refs/heads/main", Branch: "main", DefaultBranch: true}},
		{"GitLab, by hand", gitlab, map[string]string{"CI_PIPELINE_SOURCE": "web", "CI_COMMIT_BRANCH": "feature"},
			Trigger{Event: "workflow_dispatch", SHA: headSHA, Ref: "refs/heads/feature", Branch: "feature"}},
		{"GitLab, after another pipeline", gitlab, map[string]string{"CI_PIPELINE_SOURCE": "pipeline", "CI_COMMIT_BRANCH": "main"},
			Trigger{Event: "repository_dispatch", SHA: headSHA, Ref: "refs/heads/main", Branch: "main", DefaultBranch: true}},
		{"GitLab, pull request elsewhere", gitlab, map[string]string{"CI_PIPELINE_SOURCE": "external_pull_request_event", "CI_EXTERNAL_PULL_REQUEST_IID": "8",
			"CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME": "main", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA": baseSHA,
			"CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "a/b",
			"CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY": "a/b"}, Trigger{Event: "pull_request", SHA: headSHA, BaseSHA: baseSHA, Branch: "main", PullRequest: 8}},
		{"GitLab, parallel", gitlab, map[string]string{"CI_PIPELINE_SOURCE": "web", "CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "3"},
			Trigger{Event: "workflow_dispatch", SHA: headSHA, Index: 1, Total: 3}},
		{"GitLab, impossible index", gitlab, map[string]string{"CI_PIPELINE_SOURCE": "web", "CI_NODE_INDEX": "4", "CI_NODE_TOTAL": "3"},
			Trigger{Event: "workflow_dispatch", SHA: headSHA}},

		{"Buildkite, push", buildkite, nil, Trigger{Event: "push", SHA: headSHA, Ref: "refs/heads/feature", Branch: "feature"}},
		{"Buildkite, default branch", buildkite, map[string]string{"BUILDKITE_BRANCH": "main"},
			Trigger{Event: "push", SHA: headSHA, Ref: "refs/heads/main", Branch: "main", DefaultBranch: true}},
		{"Buildkite, HEAD instead of a commit", buildkite, map[string]string{"BUILDKITE_COMMIT": "HEAD", "BUILDKITE_SOURCE": "ui"},
			Trigger{Event: "workflow_dispatch", Ref: "refs/heads/feature", Branch: "feature"}},
		{"Buildkite, tag", buildkite, map[string]string{"BUILDKITE_TAG": "v2"}, Trigger{Event: "push", SHA: headSHA, Ref: "refs/tags/v2", Release: "v2"}},
		{"Buildkite, pull request", buildkite, map[string]string{"BUILDKITE_PULL_REQUEST": "12", "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
			"BUILDKITE_PULL_REQUEST_REPO": "https://github.example/acme/shop.git"},
			Trigger{Event: "pull_request", SHA: headSHA, Ref: "refs/heads/feature", Branch: "main", PullRequest: 12}},
		{"Buildkite, of a fork", buildkite, map[string]string{"BUILDKITE_PULL_REQUEST": "12", "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
			"BUILDKITE_PULL_REQUEST_REPO": "https://github.example/someone/shop.git"},
			Trigger{Event: "pull_request", SHA: headSHA, Ref: "refs/heads/feature", Branch: "main", PullRequest: 12, Fork: true}},
		{"Buildkite, merge queue", buildkite, map[string]string{"BUILDKITE_BRANCH": "gh-readonly-queue/main/pr-7-abcdef0123",
			"BUILDKITE_MERGE_QUEUE_BASE_BRANCH": "main",
			"BUILDKITE_MERGE_QUEUE_BASE_COMMIT": baseSHA},
			Trigger{Event: "merge_group", SHA: headSHA, BaseSHA: baseSHA, Ref: "refs/heads/gh-readonly-queue/main/pr-7-abcdef0123", Branch: "main",
				GroupedPRs: []int{7}}},
		{"Buildkite, retried, parallel", buildkite, map[string]string{"BUILDKITE_RETRY_COUNT": "1", "BUILDKITE_PARALLEL_JOB": "0",
			"BUILDKITE_PARALLEL_JOB_COUNT": "2"},
			Trigger{Event: "push", SHA: headSHA, Ref: "refs/heads/feature", Branch: "feature", WorkflowAttempt: 2, Total: 2}},
		{"Buildkite, schedule", buildkite, map[string]string{"BUILDKITE_SOURCE": "schedule"},
			Trigger{Event: "schedule", SHA: headSHA, Ref: "refs/heads/feature", Branch: "feature"}},

		{"CircleCI, push", circle, map[string]string{"CIRCLE_NODE_INDEX": "3", "CIRCLE_NODE_TOTAL": "4"},
			Trigger{Event: "push", SHA: headSHA, Ref: "refs/heads/feature", Branch: "feature", Index: 3, Total: 4}},
		{"CircleCI, pull request", circle, map[string]string{"CIRCLE_PULL_REQUEST": "https://github.example/acme/shop/pull/31"},
			Trigger{Event: "pull_request", SHA: headSHA, Ref: "refs/heads/feature", PullRequest: 31}},
		{"CircleCI, of a fork", circle, map[string]string{"CIRCLE_PULL_REQUEST": "https://github.example/acme/shop/pull/31", "CIRCLE_PR_NUMBER": "31",
			"CIRCLE_BRANCH": "pull/31"},
			Trigger{Event: "pull_request", SHA: headSHA, Ref: "refs/heads/pull/31", PullRequest: 31, Fork: true}},

		{"Azure, push", azure, nil, Trigger{Event: "push", SHA: headSHA, Ref: "refs/heads/main", Branch: "main"}},
		{"Azure, pull request", azure, map[string]string{"BUILD_REASON": "PullRequest", "BUILD_SOURCEVERSION": otherSH, "BUILD_SOURCEBRANCH": "refs/pull/4/merge",
			"SYSTEM_PULLREQUEST_PULLREQUESTID": "4", "SYSTEM_PULLREQUEST_SOURCECOMMITID": headSHA, "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"},
			Trigger{Event: "pull_request", SHA: headSHA, Ref: "refs/pull/4/merge", Branch: "main", PullRequest: 4}},
		{"Azure, pull request of GitHub", azure, map[string]string{"BUILD_REASON": "PullRequest", "BUILD_SOURCEBRANCH": "refs/pull/4/merge",
			"SYSTEM_PULLREQUEST_ISFORK":        "True",
			"SYSTEM_PULLREQUEST_PULLREQUESTID": "123456789", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "4", "SYSTEM_PULLREQUEST_TARGETBRANCH": "main"},
			Trigger{Event: "pull_request", SHA: headSHA, Ref: "refs/pull/4/merge", Branch: "main", PullRequest: 4, Fork: true}},
		{"Azure, stage run again, parallel", azure, map[string]string{"SYSTEM_STAGEATTEMPT": "2", "SYSTEM_JOBPOSITIONINPHASE": "1", "SYSTEM_TOTALJOBSINPHASE": "2"},
			Trigger{Event: "push", SHA: headSHA, Ref: "refs/heads/main", Branch: "main", WorkflowAttempt: 2, Total: 2}},
		{"Azure, by hand", azure, map[string]string{"BUILD_REASON": "Manual"}, Trigger{Event: "workflow_dispatch", SHA: headSHA, Ref: "refs/heads/main",
			Branch: "main"}},

		{"Jenkins, branch", jenkins, nil, Trigger{Event: "push", SHA: headSHA, Ref: "refs/heads/feature", Branch: "feature"}},
		{"Jenkins, default branch", jenkins, map[string]string{"BRANCH_NAME": "main", "BRANCH_IS_PRIMARY": "true"},
			Trigger{Event: "push", SHA: headSHA, Ref: "refs/heads/main", Branch: "main", DefaultBranch: true, MainBranch: "main"}},
		{"Jenkins, pull request", jenkins, map[string]string{"BRANCH_NAME": "PR-6", "CHANGE_ID": "6", "CHANGE_TARGET": "main"},
			Trigger{Event: "pull_request", SHA: headSHA, Branch: "main", PullRequest: 6}},
		{"Jenkins, of a fork", jenkins, map[string]string{"BRANCH_NAME": "PR-6", "CHANGE_ID": "6", "CHANGE_TARGET": "main", "CHANGE_FORK": "someone"},
			Trigger{Event: "pull_request", SHA: headSHA, Branch: "main", PullRequest: 6, Fork: true}},
		{"Jenkins, plain job", jenkins, map[string]string{"BRANCH_NAME": "", "GIT_BRANCH": "origin/main"},
			Trigger{Event: "workflow_dispatch", SHA: headSHA, Ref: "refs/heads/main", Branch: "main"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := with(tc.of)
			for k, v := range tc.more {
				env[k] = v
			}
			got := Detect(func(name string) string { return env[name] })
			if !got.CI || got.Platform == "" || got.Repository == "" || got.WorkflowRun == "" || got.URL == "" {
				t.Errorf("%+v", got)
			}
			knows := got.Platform == "Buildkite" || got.Platform == "Azure Pipelines"
			if knows == strings.Contains(strings.Join(got.Notes, "\n"), "does not tell a job that it runs again") {
				t.Errorf("%q", got.Notes)
			}
			if tc.want.WorkflowAttempt == 0 {
				tc.want.WorkflowAttempt = 1
			}
			if tc.want.MainBranch == "" && (got.Platform == "GitLab CI" || got.Platform == "Buildkite") {
				tc.want.MainBranch = "main"
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(Trigger{}, "CI", "Platform", "Repository", "WorkflowRun", "URL", "Notes")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func with(of map[string]string, pairs ...string) map[string]string {
	env := map[string]string{}
	for k, v := range of {
		env[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return env
}

// TestGitHubComesFirst: a runner of GitHub may run on a machine of another platform.
func TestGitHubComesFirst(t *testing.T) {
	got := detect(t, map[string]string{"JENKINS_URL": "https://jenkins.example", "GITLAB_CI": "true"}, "")
	if got.Platform != "" || got.Repository != "acme/shop" {
		t.Errorf("%+v", got)
	}
	for ci, said := range map[string]bool{"true": true, "1": true, "woodpecker": true, "": false, "false": false, "False": false, "0": false} {
		got := Detect(func(name string) string { return map[string]string{"CI": ci}[name] })
		if got.CI || (len(got.Notes) == 1) != said {
			t.Errorf("CI=%s: %+v", ci, got)
		}
	}
	if got := Detect(func(string) string { return "" }); got.CI || got.WorkflowAttempt != 1 {
		t.Errorf("%+v", got)
	}
}
