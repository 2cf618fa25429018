package trigger

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// platform is a CI that does not set GitHub's variables. What it sets is documented; the address is the page where.
type platform struct {
	name string
	// marks are variables, of which the first that is set tells the platform, and their values; * is any.
	marks [][2]string
	read  func(get func(string) string) Trigger
}

// platforms in the order in which they are asked. Jenkins is last: agents of it may run within another.
var platforms = []platform{
	// docs.gitlab.com/ci/variables/predefined_variables
	{"GitLab CI", [][2]string{{"GITLAB_CI", "true"}}, gitlab},
	// buildkite.com/docs/pipelines/configure/environment-variables
	{"Buildkite", [][2]string{{"BUILDKITE", "true"}}, buildkite},
	// circleci.com/docs/reference/variables
	{"CircleCI", [][2]string{{"CIRCLECI", "true"}}, circle},
	// learn.microsoft.com/azure/devops/pipelines/build/variables
	{"Azure Pipelines", [][2]string{{"TF_BUILD", "True"}}, azure},
	// jenkins.io/doc/book/pipeline/jenkinsfile, and the plugins Branch API and Git
	{"Jenkins", [][2]string{{"JENKINS_URL", "*"}}, jenkins},
}

// unseenRetry is said where a platform runs a job again without telling it.
const unseenRetry = "%s does not tell a job that it runs again, so an earlier failure of this commit is not seen: do not let it retry jobs of the gate"

// elsewhere reads the environment of other platforms than GitHub.
func elsewhere(get func(string) string) (Trigger, bool) {
	for _, p := range platforms {
		for _, mark := range p.marks {
			value := get(mark[0])
			if value == "" || mark[1] != "*" && !strings.EqualFold(value, mark[1]) {
				continue
			}
			t := p.read(get)
			t.CI, t.Platform = true, p.name
			t.SHA = Commit(t.SHA)
			t.BaseSHA = Commit(t.BaseSHA)
			if t.WorkflowAttempt == 0 {
				t.WorkflowAttempt = 1
				t.Notes = append(t.Notes, fmt.Sprintf(unseenRetry, p.name))
			}
			if t.Event == "push" {
				t.Release, _ = strings.CutPrefix(t.Ref, "refs/tags/")
				if t.Release == t.Ref {
					t.Release = ""
				}
			}
			t.DefaultBranch = t.MainBranch != "" && t.Ref == "refs/heads/"+t.MainBranch && t.PullRequest == 0 && t.Event != "merge_group"
			if t.Branch == "" && t.PullRequest == 0 {
				t.Branch = branch(t.Ref)
			}
			return t, true
		}
	}
	return Trigger{}, false
}

// ref is the ref of a tag, else of a branch.
func ref(tag, branch string) string {
	switch {
	case tag != "":
		return "refs/tags/" + tag
	case branch != "":
		return "refs/heads/" + branch
	}
	return ""
}

// number is a positive number; 0: none.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// part is the index of a job among equal ones, counted from first, and their number.
func (t *Trigger) part(index, total string, first int) {
	i, err := strconv.Atoi(index)
	if n := number(total); err == nil && n > 0 && i >= first && i-first < n {
		t.Index, t.Total = i-first, n
	}
}

// slug is owner/name of a repository's address.
func slug(address string) string {
	at := address
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		at = u.Path
	} else if _, rest, ok := strings.Cut(address, ":"); ok { // user@host:path
		at = rest
	}
	return strings.Trim(strings.TrimSuffix(at, ".git"), "/")
}

func gitlab(get func(string) string) Trigger {
	t := Trigger{
		Repository: get("CI_PROJECT_PATH"), SHA: get("CI_COMMIT_SHA"), MainBranch: get("CI_DEFAULT_BRANCH"),
		WorkflowRun: get("CI_PIPELINE_ID"), URL: get("CI_PIPELINE_URL"), Environment: get("CI_ENVIRONMENT_NAME"),
		Ref: ref(get("CI_COMMIT_TAG"), get("CI_COMMIT_BRANCH")), PullRequest: number(get("CI_MERGE_REQUEST_IID")),
	}
	t.part(get("CI_NODE_INDEX"), get("CI_NODE_TOTAL"), 1)
	switch source := get("CI_PIPELINE_SOURCE"); {
	case t.PullRequest > 0:
		t.Event = "pull_request"
		t.SHA = cmp.Or(get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"), t.SHA) // where the pipeline runs a merged result
		t.Branch = get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
		t.BaseSHA = cmp.Or(get("CI_MERGE_REQUEST_TARGET_BRANCH_SHA"), get("CI_MERGE_REQUEST_DIFF_BASE_SHA"))
		t.Ref = get("CI_MERGE_REQUEST_REF_PATH")
		t.Fork = get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH") != get("CI_MERGE_REQUEST_PROJECT_PATH")
		if get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train" {
			t.Event, t.GroupedPRs, t.PullRequest, t.SHA = "merge_group", []int{t.PullRequest}, 0, get("CI_COMMIT_SHA")
		}
	case source == "external_pull_request_event":
		t.Event, t.PullRequest = "pull_request", number(get("CI_EXTERNAL_PULL_REQUEST_IID"))
		t.Branch = get("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME")
		t.BaseSHA = get("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA")
		t.Fork = get("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY") != get("CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY")
	case source == "schedule":
		t.Event = source
	case source == "push":
		t.Event, t.BaseSHA = source, get("CI_COMMIT_BEFORE_SHA")
	case source == "trigger", source == "pipeline", source == "parent_pipeline", source == "api":
		t.Event = "repository_dispatch"
	default:
		t.Event = "workflow_dispatch"
	}
	return t
}

func buildkite(get func(string) string) Trigger {
	t := Trigger{
		Repository: slug(get("BUILDKITE_REPO")), SHA: get("BUILDKITE_COMMIT"), MainBranch: get("BUILDKITE_PIPELINE_DEFAULT_BRANCH"),
		WorkflowRun: get("BUILDKITE_BUILD_ID"), URL: get("BUILDKITE_BUILD_URL"), WorkflowAttempt: 1 + number(get("BUILDKITE_RETRY_COUNT")),
		Ref: ref(get("BUILDKITE_TAG"), get("BUILDKITE_BRANCH")), PullRequest: number(get("BUILDKITE_PULL_REQUEST")), // "false": none
	}
	t.part(get("BUILDKITE_PARALLEL_JOB"), get("BUILDKITE_PARALLEL_JOB_COUNT"), 0)
	switch source := get("BUILDKITE_SOURCE"); {
	case get("BUILDKITE_MERGE_QUEUE_BASE_BRANCH") != "":
		t.Event, t.Branch, t.BaseSHA = "merge_group", get("BUILDKITE_MERGE_QUEUE_BASE_BRANCH"), get("BUILDKITE_MERGE_QUEUE_BASE_COMMIT")
		t.GroupedPRs, t.PullRequest = groupedPRs(t.Ref), 0
	case t.PullRequest > 0:
		t.Event, t.Branch = "pull_request", get("BUILDKITE_PULL_REQUEST_BASE_BRANCH")
		from := get("BUILDKITE_PULL_REQUEST_REPO")
		t.Fork = from != "" && !strings.EqualFold(slug(from), t.Repository)
	case source == "schedule":
		t.Event = source
	case source == "trigger_job", source == "api":
		t.Event = "repository_dispatch"
	case source == "ui":
		t.Event = "workflow_dispatch"
	default:
		t.Event = "push"
	}
	return t
}

func circle(get func(string) string) Trigger {
	t := Trigger{
		Repository: path.Join(get("CIRCLE_PROJECT_USERNAME"), get("CIRCLE_PROJECT_REPONAME")), SHA: get("CIRCLE_SHA1"),
		WorkflowRun: get("CIRCLE_WORKFLOW_ID"), URL: get("CIRCLE_BUILD_URL"), Ref: ref(get("CIRCLE_TAG"), get("CIRCLE_BRANCH")), Event: "push",
	}
	t.part(get("CIRCLE_NODE_INDEX"), get("CIRCLE_NODE_TOTAL"), 0)
	if pull := get("CIRCLE_PULL_REQUEST"); pull != "" || get("CIRCLE_PR_NUMBER") != "" {
		t.Event, t.PullRequest = "pull_request", max(number(get("CIRCLE_PR_NUMBER")), number(path.Base(pull)))
		t.Fork = get("CIRCLE_PR_NUMBER") != "" // set for forks alone
		t.Notes = append(t.Notes, "CircleCI does not name the branch that a pull request is for; it is compared with the default branch")
	}
	return t
}

func azure(get func(string) string) Trigger {
	t := Trigger{
		Repository: get("BUILD_REPOSITORY_NAME"), SHA: get("BUILD_SOURCEVERSION"), Ref: get("BUILD_SOURCEBRANCH"), WorkflowRun: get("BUILD_BUILDID"),
		WorkflowAttempt: max(number(get("SYSTEM_JOBATTEMPT")), number(get("SYSTEM_STAGEATTEMPT")), 1),
		PullRequest:     max(number(get("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER")), 0),
	}
	if root := strings.TrimRight(get("SYSTEM_COLLECTIONURI"), "/"); root != "" && t.WorkflowRun != "" {
		t.URL = fmt.Sprintf("%s/%s/_build/results?buildId=%s", root, url.PathEscape(get("SYSTEM_TEAMPROJECT")), url.QueryEscape(t.WorkflowRun))
	}
	t.part(get("SYSTEM_JOBPOSITIONINPHASE"), get("SYSTEM_TOTALJOBSINPHASE"), 1)
	switch get("BUILD_REASON") {
	case "PullRequest":
		t.Event = "pull_request"
		if t.PullRequest == 0 {
			t.PullRequest = number(get("SYSTEM_PULLREQUEST_PULLREQUESTID"))
		}
		t.SHA = cmp.Or(get("SYSTEM_PULLREQUEST_SOURCECOMMITID"), t.SHA) // the build's is a merge
		t.Branch = strings.TrimPrefix(get("SYSTEM_PULLREQUEST_TARGETBRANCH"), "refs/heads/")
		t.Fork = strings.EqualFold(get("SYSTEM_PULLREQUEST_ISFORK"), "true")
	case "IndividualCI", "BatchedCI":
		t.Event = "push"
	case "Schedule":
		t.Event = "schedule"
	case "ResourceTrigger", "BuildCompletion":
		t.Event = "repository_dispatch"
	default:
		t.Event = "workflow_dispatch"
	}
	return t
}

func jenkins(get func(string) string) Trigger {
	t := Trigger{
		Repository: slug(get("GIT_URL")), SHA: get("GIT_COMMIT"), WorkflowRun: get("BUILD_TAG"), URL: get("BUILD_URL"),
		PullRequest: number(get("CHANGE_ID")), Ref: ref(get("TAG_NAME"), get("BRANCH_NAME")),
	}
	if get("BRANCH_IS_PRIMARY") == "true" {
		t.MainBranch = get("BRANCH_NAME")
	}
	switch {
	case t.PullRequest > 0:
		t.Event, t.Branch, t.Ref = "pull_request", get("CHANGE_TARGET"), ""
		t.Fork = get("CHANGE_FORK") != ""
	case t.Ref != "":
		t.Event = "push"
	default: // not a multibranch project
		t.Event, t.Ref = "workflow_dispatch", ref("", strings.TrimPrefix(get("GIT_BRANCH"), "origin/"))
	}
	return t
}
