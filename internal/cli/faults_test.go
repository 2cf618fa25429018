//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/trigger"
)

// at aims a fault at a route.
func at(f githubfake.Fault, method, path string) githubfake.Fault {
	f.Method, f.Path = method, path
	return f
}

// stay are faults that do not go away, pass those that do. Neither may change what was
// judged; what stays is said.
func stay() map[string]githubfake.Fault {
	limit := githubfake.SecondaryLimit(0)
	limit.Times = 0
	often := githubfake.TooMany(3600)
	often.Times = 0
	return map[string]githubfake.Fault{
		"403": githubfake.Answers("", 403, "Resource not accessible by integration"), "404": githubfake.Answers("", 404, "Not Found"),
		"410": githubfake.Answers("", 410, "Gone"),
		"422": githubfake.Answers("", 422, "Validation Failed"), "401": githubfake.Answers("", 401, "Bad credentials"), "429 for an hour": often,
		"secondary limit": limit,
		"502":             githubfake.Broken("", 502, 0, false), "slower than a try": githubfake.Slow(time.Minute), "reset": githubfake.Reset("", 0, false),
	}
}

func pass() map[string]githubfake.Fault {
	return map[string]githubfake.Fault{
		"502 once": githubfake.Broken("", 502, 1, false), "429 for 5 s": githubfake.TooMany(5), "secondary limit for 5 s": githubfake.SecondaryLimit(5),
		"reset once": githubfake.Reset("", 1, false), "truncated once": githubfake.Truncated("", 1), "slow": githubfake.Slow(2 * time.Second),
	}
}

// everyPlace is a fake on which a run writes to every place there is, each of which
// holds what an older run wrote.
func everyPlace(t *testing.T) *githubfake.Server {
	t.Helper()
	fake := githubfake.New(t)
	fake.Deployments = []githubfake.Deployment{{ID: 31, SHA: commitSHA, Environment: "staging"}}
	fake.Refs = map[string]string{"tags/v1.2.0": commitSHA}
	fake.Releases = []githubfake.Release{{ID: 6, Tag: "v1.2.0", Target: commitSHA, Draft: true,
		Assets: []githubfake.ReleaseAsset{{ID: 77, Name: "e2e-gate-pr-result.json"}}}}
	for range 2 { // one is a double
		fake.AddComment(githubfake.JobBot, "<!-- e2e-gate:v1 key= run=1 attempt=1 hash=x stage=pr sha="+strings.Repeat("a", 40)+" -->\nold")
	}
	return fake
}

// everywhere publishes to every place, in the bubble's time.
func everywhere(t *testing.T, fake *githubfake.Server) (s *setup, summary string, took time.Duration) {
	t.Helper()
	dir := t.TempDir()
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_TOKEN": githubfake.JobToken, "GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary.md"),
		"GITHUB_API_URL": "http://api.test", "GITHUB_GRAPHQL_URL": "http://api.test/graphql"}
	var log bytes.Buffer
	app := &App{Stdout: &log, Stderr: &log, Now: time.Now, Transport: fake.Transport()}
	for k, v := range env {
		app.Environ = append(app.Environ, k+"="+v)
	}
	for _, name := range []string{"result.json", "report.html"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", 200)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = app.newSetup(trigger.Trigger{CI: true, Event: "pull_request", Repository: "acme/cases", PullRequest: 42, SHA: commitSHA, Release: "v1.2.0"})
	s.config = &config.Config{}
	s.publishFrom(dir, nil)
	r := forkResult(e2e.VerdictPassed, false)
	for i := range 60 {
		r.Tests = append(r.Tests, e2e.TestResult{Test: e2e.Test{ID: fmt.Sprintf("s/f.go::t%d", i), Suite: "s", File: "f.go", Line: i + 1}, Outcome: e2e.Flaky,
			Effect: e2e.Warns})
	}
	before, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	where, start := publish.Wanted{Comment: true, Check: true, Promote: true, Deployment: "staging"}, time.Now()
	s.publisher.Publish(t.Context(), where, r)
	took = time.Since(start)
	s.runner().summariseUnpublished()
	after, err := json.Marshal(r)
	if err != nil || !bytes.Equal(before, after) || r.Verdict.ExitStatus() != 0 {
		t.Errorf("the verdict was changed: %v", err)
	}
	text, _ := os.ReadFile(filepath.Join(dir, "summary.md"))
	if strings.Contains(string(text)+log.String(), githubfake.JobToken) {
		t.Error("the token is in the output")
	}
	return s, string(text), took
}

// complete wants every place written.
func complete(t *testing.T, fake *githubfake.Server) {
	t.Helper()
	r, checks := fake.ReleaseNow(6), fake.CheckRuns()
	shown := slices.DeleteFunc(fake.Comments(), func(c githubfake.Comment) bool { return c.Minimised != "" })
	got := []int{len(shown), len(fake.Statuses()), len(checks), len(fake.DeploymentNow(31).Statuses), len(r.Assets)}
	if diff := cmp.Diff([]int{1, 1, 1, 1, 2}, got); diff != "" || r.Draft || !strings.Contains(r.Body, "e2e-gate:v1") || checks[0].Annotations != 60 ||
		!strings.Contains(fake.Comments()[0].Body, "passed") {
		t.Errorf("%s\n%+v\n%+v", diff, r, checks)
	}
}

// The routes, and whether it is a loss that one cannot be used.
var faultRoutes = []struct {
	method, path string
	loss         bool
}{
	{"GET", "/issues/42/comments", true}, {"PATCH", "/issues/comments/", true}, {"GET", "/issues/comments/", false},
	{"DELETE", "/issues/comments/", false}, {"POST", "/graphql", false},
	{"GET", "/status", false}, {"POST", "/statuses/" + commitSHA, true},
	{"POST", "/check-runs", true}, {"PATCH", "/check-runs/", true},
	{"GET", "/deployments", true}, {"POST", "/deployments/31/statuses", true},
	{"GET", "/releases", true}, {"GET", "/releases/6", false}, {"GET", "/commits/tags/", true}, {"PATCH", "/releases/6", true},
	{"DELETE", "/releases/assets/", true}, {"POST", "/releases/6/assets", true},
}

// Every route with every fault that stays: the verdict holds, it ends in time, and what
// is missing stands in the job summary.
func TestFaultsThatStayEverywhere(t *testing.T) {
	for _, route := range faultRoutes {
		for name, fault := range stay() {
			t.Run(route.method+route.path+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fake := everyPlace(t)
					fake.Fail(at(fault, route.method, route.path), doublesStay(route.path))
					s, summary, took := everywhere(t, fake)
					// A comment, a file or a tag that is gone is made anew, or not missed, and so is
					// a comment that somebody else may have written.
					gone := (name == "404" || name == "410" || name == "403" && route.method == "PATCH") &&
						(strings.Contains(route.path, "/issues/comments/") || route.method == "DELETE") || route.path == "/commits/tags/" && (name == "404" || name == "422")
					if said := s.journal.Incomplete() && strings.Contains(summary, "**Not published** (the verdict is not affected)"); said != route.loss && !gone {
						t.Errorf("the loss is stated: %v, want %v\n%s", said, route.loss, summary)
					}
					if took >= time.Minute {
						t.Errorf("it took %s", took)
					}
				})
			})
		}
	}
}

// Every route with every fault that passes: nothing is lost, nothing is there twice.
func TestFaultsThatPassEverywhere(t *testing.T) {
	for _, route := range faultRoutes {
		for name, fault := range pass() {
			t.Run(route.method+route.path+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fake := everyPlace(t)
					fake.Fail(at(fault, route.method, route.path), doublesStay(route.path))
					s, summary, took := everywhere(t, fake)
					if name == "truncated once" && route.method == "POST" && route.path == "/check-runs" {
						// Its id is not known, so the rest cannot be added: that is said.
						if !strings.Contains(summary, "first 50 of 60 annotations") {
							t.Error(summary)
						}
						return
					}
					if s.journal.Incomplete() || summary != "" || took >= time.Minute {
						t.Errorf("%s\n%s", took, summary)
					}
					complete(t, fake)
				})
			})
		}
	}
}

// doublesStay refuses to delete doubles where it is GraphQL that is tried.
func doublesStay(path string) githubfake.Fault {
	if path != "/graphql" {
		return githubfake.Fault{Path: "nowhere"}
	}
	return at(githubfake.Answers("", 403, "no"), "DELETE", "/issues/comments/")
}

// A comment that somebody deletes in between is written anew.
func TestDeletedInBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := everyPlace(t)
		fake.Fail(fake.DeletedBetween(fake.Comments()[0].ID))
		if s, summary, _ := everywhere(t, fake); s.journal.Incomplete() {
			t.Error(summary)
		}
		complete(t, fake)
	})
}

// publish for a fork: what cannot be read or written is said, and its exit status, too;
// it never posts a success then.
func TestFaultsWhilePublishingForAFork(t *testing.T) {
	for _, route := range []struct {
		method, path string
		loss         bool
	}{
		{"GET", "/actions/runs/900", true}, {"GET", "/pulls", true}, {"GET", "/actions/runs/900/artifacts", true}, {"GET", "/zip", true},
		{"GET", "/issues/42/comments", true}, {"POST", "/issues/42/comments", true}, {"POST", "/statuses/", true}, {"GET", "/status", false},
	} {
		for name, fault := range stay() {
			t.Run(route.method+route.path+"/"+name, func(t *testing.T) {
				w := newForkWorld(t)
				w.fake.Runs[0].Conclusion = "success"
				w.leaves(forkResult(e2e.VerdictPassed, false))
				synctest.Test(t, func(t *testing.T) {
					w.fake.Fail(at(fault, route.method, route.path))
					w.t, w.transport = t, w.fake.Transport()
					start := time.Now()
					status, out := w.publish()
					summary, _ := os.ReadFile(filepath.Join(w.dir, "summary.md"))
					if (status == 3) != route.loss || strings.Contains(string(summary), "Not published") != route.loss || time.Since(start) >= time.Minute {
						t.Errorf("exit status %d after %s\n%s\n%s", status, time.Since(start), out, summary)
					}
					for _, s := range w.fake.Statuses() {
						if s.State == "success" && strings.Contains(route.path, "/zip") {
							t.Errorf("%+v", s)
						}
					}
				})
			})
		}
	}
}

// What is asked and said before the tests start costs them seconds at most, whatever
// goes wrong, and a failure changes nothing.
func TestFaultsAtTheStart(t *testing.T) {
	faults := stay()
	for name, fault := range pass() {
		faults[name] = fault
	}
	for _, route := range []struct{ method, path, event string }{
		{"POST", "/graphql", "merge_group"}, {"GET", "/issues/42/comments", "pull_request"}, {"PATCH", "/issues/comments/", "pull_request"},
	} {
		for name, fault := range faults {
			t.Run(route.method+route.path+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fake, start := everyPlace(t), time.Now()
					fake.Fail(at(fault, route.method, route.path))
					s := starting(fake, route.event)
					s.nameGroup(t.Context())
					s.announce(t.Context(), publish.Wanted{Comment: true})
					s.console.Done()
					hit := slices.ContainsFunc(fake.Requests(), func(r githubfake.Request) bool {
						return r.Method == route.method && strings.Contains(r.Path, route.path)
					})
					if took := time.Since(start); took > publish.PreRunTimeout || s.journal.Incomplete() || !hit {
						t.Errorf("it took %s: %+v", took, fake.Requests())
					}
				})
			})
		}
	}
}

// starting is a setup before its run.
func starting(fake *githubfake.Server, event string) *setup {
	app := &App{Stdout: io.Discard, Stderr: io.Discard, Now: time.Now, Transport: fake.Transport(),
		Environ: []string{"GITHUB_TOKEN=" + githubfake.JobToken, "GITHUB_API_URL=http://api.test", "GITHUB_GRAPHQL_URL=http://api.test/graphql"}}
	s := app.newSetup(trigger.Trigger{CI: true, Event: event, Repository: "acme/cases", SHA: commitSHA, Branch: "main", WorkflowRun: "900", WorkflowAttempt: 1})
	s.config, s.console, s.stage = &config.Config{}, app.console(nil), config.Stage{Name: "pr"}
	if event == "pull_request" {
		s.trigger.PullRequest = 42
	}
	s.publishFrom("", nil)
	return s
}

// A usual run asks ten times at most, with every place to write to: comment with its line
// at the start, status, check run, and a deployment with its state at the start.
func TestUsualRunTakesTenRequests(t *testing.T) {
	older := "<!-- e2e-gate:v1 key= run=1 attempt=1 hash=x stage=pr sha=" + strings.Repeat("a", 40) + " -->\nold"
	everything := []string{"--comment", "--check", "--deployment", "staging"}
	for _, tc := range []struct {
		name, comment, outcome, says string
		args                         []string
		most                         int
	}{
		{"first", "", failing, "blocked", everything, 10},
		{"next commit", older, failing, "blocked", everything, 10},
		{"comment and status", older, "", "passed", everything[:1], 7},
		{"and a check run", older, "", "passed", everything[:2], 8},
		// A green deployment status looks at those before it first.
		{"and a deployment", older, "", "passed", everything, 11},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fake := githubfake.New(t)
			fake.Deployments = []githubfake.Deployment{{ID: 31, SHA: commitSHA, Environment: "staging"}}
			if tc.comment != "" {
				fake.AddComment(githubfake.JobBot, tc.comment)
			}
			_, stderr := event{t: t, name: "pull_request", payload: pullRequestPayload(42, "acme/cases"), url: fake.Listen(), outcome: tc.outcome}.run(tc.args...)
			list := fake.Comments()
			if len(list) != 1 || !strings.Contains(list[0].Body, tc.says) || len(fake.Statuses()) != 1 || len(tc.args) > 1 && len(fake.CheckRuns()) != 1 ||
				len(tc.args) > 2 && len(fake.DeploymentNow(31).Statuses) != 2 {
				t.Fatalf("%+v\n%s", list, stderr)
			}
			if n := fake.Count(""); n > tc.most {
				t.Errorf("%d requests: %+v", n, fake.Requests())
			}
		})
	}
}
