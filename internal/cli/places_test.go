//go:build unix

package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

func states(d githubfake.Deployment) (list []string) {
	for _, s := range d.Statuses {
		list = append(list, s.State+" "+s.Environment)
	}
	return list
}

// A deployment gets its statuses on its own event, or by name; the verdict stays.
func TestDeploymentStatus(t *testing.T) {
	payload := `{"deployment": {"id": 31, "sha": "` + commitSHA + `", "ref": "main", "environment": "staging"}, "deployment_status": {"state": "success"}}`
	for _, c := range []struct {
		name, event, payload, outcome string
		args, want                    []string
		status                        int
	}{
		{"deployment", "deployment", payload, "", []string{"--comment"}, []string{"in_progress staging", "success staging"}, 0},
		{"deployment status", "deployment_status", payload, failing, []string{"--comment"}, []string{"in_progress staging", "failure staging"}, 1},
		{"our own status", "deployment_status", strings.Replace(payload, `"success"}`, `"success", "description": "e2e-gate pr: passed - 1 test passed"}`, 1),
			"", []string{"--comment"}, nil, 0},
		{"not asked", "deployment", payload, "", nil, nil, 0},
		{"by name", "push", `{}`, "", []string{"--deployment", "staging"}, []string{"in_progress staging", "success staging"}, 0},
		{"another environment", "push", `{}`, "", []string{"--deployment", "production"}, nil, e2e.ExitNotJudged},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := githubfake.New(t)
			fake.Deployments = []githubfake.Deployment{{ID: 30, SHA: strings.Repeat("a", 40), Environment: "production"},
				{ID: 31, SHA: commitSHA, Environment: "staging"}}
			status, stderr := event{t: t, name: c.event, payload: c.payload, url: fake.Listen(), outcome: c.outcome,
				env: []string{"GITHUB_SHA=" + commitSHA}}.run(c.args...)
			d := fake.DeploymentNow(31)
			if diff := cmp.Diff(c.want, states(d)); diff != "" || status != c.status || len(fake.DeploymentNow(30).Statuses) > 0 {
				t.Fatalf("exit status %d\n%s\n%s", status, diff, stderr)
			}
			if c.name == "another environment" && !strings.Contains(stderr, "was not deployed to production") {
				t.Errorf("the loss is not said:\n%s", stderr)
			}
			if len(c.want) > 0 && d.Statuses[1].LogURL != "https://github.example/acme/cases/actions/runs/7" {
				t.Errorf("%+v", d)
			}
			if n := fake.Count(""); n > 10 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Over several machines the plan is what comes first.
func TestPlanBeginsTheDeployment(t *testing.T) {
	fake := githubfake.New(t)
	fake.Deployments = []githubfake.Deployment{{ID: 31, SHA: commitSHA, Environment: "staging"}}
	status, stderr := event{t: t, name: "push", payload: `{}`, url: fake.Listen(), env: []string{"GITHUB_SHA=" + commitSHA},
		command: "plan"}.run("--deployment", "staging")
	if diff := cmp.Diff([]string{"in_progress staging"}, states(fake.DeploymentNow(31))); diff != "" || status != 0 {
		t.Errorf("exit status %d\n%s\n%s", status, diff, stderr)
	}
}

func TestCheckRun(t *testing.T) {
	for outcome, want := range map[string]string{"": "success", failing: "failure", `<skipped/>`: "failure"} {
		fake := githubfake.New(t)
		status, stderr := event{t: t, name: "pull_request", payload: pullRequestPayload(42, "acme/cases"), url: fake.Listen(),
			outcome: outcome}.run("--comment", "--check")
		list := fake.CheckRuns()
		if len(list) != 1 || list[0].Conclusion != want || list[0].SHA != commitSHA || list[0].Name != "e2e-gate report: pr" || list[0].Summary == "" ||
			(status == 0) != (want == "success") {
			t.Errorf("%q: exit status %d, %+v\n%s", outcome, status, list, stderr)
		}
		if n := fake.Count(""); n > 10 {
			t.Errorf("%d requests", n)
		}
	}
}

// What was asked for and not done is no green job, and the reason comes last; a fork's token may never write.
func TestAskedForAndNotDone(t *testing.T) {
	for name, c := range map[string]struct {
		head   string
		fault  githubfake.Fault
		args   []string
		status int
		last   string
	}{
		"a check run that is refused": {"acme/cases", githubfake.Answers("POST", 403, "Resource not accessible by integration"), []string{"--check"}, e2e.ExitNotJudged,
			"asked for and not done: the check run ("},
		"of a fork":       {"someone/cases", githubfake.ForbiddenWrite(), []string{"--comment", "--check"}, 0, ""},
		"a comment alone": {"acme/cases", githubfake.ForbiddenWrite(), []string{"--comment"}, 0, ""},
		"beside a comment": {"acme/cases", githubfake.ForbiddenWrite(), []string{"--comment", "--check"}, e2e.ExitNotJudged,
			"asked for and not done: the check run (the check run was not published: "},
		"a promotion of nothing": {"acme/cases", githubfake.Fault{}, []string{"--promote"}, e2e.ExitNotJudged, "the run names none; give --release TAG"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := githubfake.New(t)
			if name != "a promotion of nothing" {
				fake.Fail(c.fault)
			}
			status, stderr := event{t: t, name: "pull_request", payload: pullRequestPayload(42, c.head), url: fake.Listen()}.run(c.args...)
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			if status != c.status || !strings.Contains(lines[len(lines)-1], c.last) {
				t.Errorf("exit status %d\n%s", status, stderr)
			}
		})
	}
}

// A merge group has no pull request to comment on: its commit gets the status, and both
// say which group it was.
func TestMergeGroup(t *testing.T) {
	fake, summary := githubfake.New(t), ""
	status, stderr := event{t: t, name: "merge_group", url: fake.Listen(), summary: &summary,
		payload: `{"action": "checks_requested", "merge_group": {"head_sha": "` + commitSHA + `", "head_ref": "refs/heads/gh-readonly-queue/main/pr-17-` +
			commitSHA + `", "base_ref": "refs/heads/main"}}`}.run("--comment")
	statuses := fake.Statuses()
	if status != 0 || len(fake.Comments()) != 0 || len(statuses) != 1 || statuses[0].SHA != commitSHA ||
		!strings.HasPrefix(statuses[0].Description, "merge group up to #17: e2e-gate pr: passed") {
		t.Fatalf("exit status %d, %+v\n%s", status, statuses, stderr)
	}
	if !strings.Contains(summary, "merge group up to [#17](https://github.example/acme/cases/pull/17)") {
		t.Error(summary)
	}
}

var pullLinks = regexp.MustCompile(`\[(#\d+)\]\([^)]*/pull/\d+\)`)

// The queue names all pull requests of the group; who is not told says so, and the
// verdict is the same.
func TestMergeGroupOfSeveral(t *testing.T) {
	for name, c := range map[string]struct {
		fault      *githubfake.Fault
		want, says string
	}{
		"told":     {nil, "merge group of #12, #15, #17", ""},
		"refused":  {new(githubfake.GraphQLRefused("FORBIDDEN", "Resource not accessible by integration")), "merge group up to #17", "the merge queue was not read"},
		"not once": {new(githubfake.Answers("POST", 404, "Not Found")), "", "the merge queue was not read"},
	} {
		t.Run(name, func(t *testing.T) {
			fake, summary := githubfake.New(t), ""
			fake.Queue = map[string][]githubfake.QueueEntry{"main": {{PR: 12, SHA: strings.Repeat("a", 40)}, {PR: 15, SHA: strings.Repeat("b", 40)},
				{PR: 17, SHA: commitSHA}, {PR: 18, SHA: strings.Repeat("c", 40)}}}
			if c.fault != nil {
				fake.Fail(*c.fault)
			}
			url := fake.Listen()
			status, stderr := event{t: t, name: "merge_group", url: url, summary: &summary, env: []string{"GITHUB_GRAPHQL_URL=" + fake.ListenGraphQL(url)},
				payload: `{"action": "checks_requested", "merge_group": {"head_sha": "` + commitSHA + `", "head_ref": "refs/heads/gh-readonly-queue/main/pr-17-` +
					commitSHA + `", "base_ref": "refs/heads/main"}}`}.run("--comment")
			if status != 0 || len(fake.Comments()) != 0 || !strings.Contains(pullLinks.ReplaceAllString(summary, "$1"), c.want) ||
				!strings.Contains(stderr, c.says) || c.says == "" && strings.Contains(stderr, "merge queue") {
				t.Fatalf("exit status %d\n%s\n%s", status, summary, stderr)
			}
			if list := fake.Statuses(); c.want != "" && (len(list) != 1 || list[0].SHA != commitSHA ||
				!strings.HasPrefix(list[0].Description, c.want+": e2e-gate pr: passed")) || fake.Count("") > 4 {
				t.Errorf("%+v, %d requests", list, fake.Count(""))
			}
		})
	}
}

// Gitea and Forgejo take comment and status; what they do not have is said once, where it
// was asked for.
func TestOtherForges(t *testing.T) {
	for name, env := range map[string][]string{"Gitea": {"GITEA_ACTIONS=true"}, "Forgejo": {"GITEA_ACTIONS=true", "FORGEJO_ACTIONS=true"}} {
		fake := githubfake.New(t)
		fake.Prefix = "/api/v1"
		run := event{t: t, name: "pull_request", payload: pullRequestPayload(42, "acme/cases"), url: fake.Listen() + "/", outcome: failing,
			env: append(env, "GITHUB_RUN_ATTEMPT=", "GITHUB_GRAPHQL_URL=", "GITHUB_SERVER_URL=https://git.example/")}
		status, stderr := run.run("--comment")
		if status != 1 || len(fake.Comments()) != 1 || len(fake.Statuses()) != 1 || strings.Contains(stderr, "only the comment") {
			t.Fatalf("exit status %d\n%s", status, stderr)
		}
		if !strings.Contains(fake.Comments()[0].Body, "https://git.example/acme/cases/actions/runs/7") {
			t.Errorf("%s", fake.Comments()[0].Body)
		}
		status, stderr = run.run("--comment", "--check", "--promote", "--deployment", "staging")
		if status != 1 || strings.Count(stderr, "on "+name+" only the comment and the commit status are published") != 1 {
			t.Errorf("exit status %d\n%s", status, stderr)
		}
	}
}

// The last word on a deployment is not green where a newer run, or another job of the
// same, failed for it.
func TestDeploymentOfSeveral(t *testing.T) {
	for name, c := range map[string]struct {
		outcomes, runs, keys []string
		want                 string
	}{
		"older run ends last":    {[]string{failing, ""}, []string{"8", "7"}, []string{"", ""}, "failure"},
		"newer run passes":       {[]string{failing, ""}, []string{"7", "8"}, []string{"", ""}, "success"},
		"two calls, red first":   {[]string{failing, ""}, []string{"7", "7"}, []string{"api", "ui"}, "failure"},
		"two calls, green first": {[]string{"", failing}, []string{"7", "7"}, []string{"api", "ui"}, "failure"},
	} {
		fake := githubfake.New(t)
		fake.Deployments = []githubfake.Deployment{{ID: 31, SHA: commitSHA, Environment: "staging"}}
		url, said := fake.Listen(), ""
		for i, outcome := range c.outcomes {
			_, said = event{t: t, name: "push", payload: `{}`, url: url, outcome: outcome, runID: c.runs[i],
				env: []string{"GITHUB_SHA=" + commitSHA}}.run("--deployment", "staging", "--key", c.keys[i])
		}
		list := fake.DeploymentNow(31).Statuses
		if last := list[len(list)-1]; last.State != c.want ||
			c.want == "failure" && c.outcomes[1] == "" && !strings.Contains(said, "the deployment status is failure") {
			t.Errorf("%s: %+v\n%s", name, list, said)
		}
	}
}
