//go:build unix

package cli

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const watchConfig = `version: 1
stages: {pr: {on: [pull_request, merge_group, push]}}
suites:
  - {name: a, framework: command, list: [echo, one], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", owner: team-a}
  - {name: b, framework: command, list: [echo, two], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", owner: team-b}
`

// The commits of the tests: under test, and the tip of main.
var (
	watchedSHA = strings.Repeat("a", 40)
	mainSHA    = strings.Repeat("b", 40)
)

const page7 = "https://github.example/acme/cases/actions/runs/7"

// watching is a workflow run whose first shard has left its document, and whose second one still runs.
type watching struct {
	*travel
	// late is what the second shard leaves.
	late []githubfake.RunArtifact
	// stop is what a signal does.
	stop context.CancelCauseFunc
}

// newWatching plans and runs both shards with an event's payload; the document of the second is kept back. outcome is that
// of the first shard's test.
func newWatching(t *testing.T, event, config, outcome string) *watching {
	t.Helper()
	w := &watching{travel: newTravel(t)}
	w.name, w.config = event, config
	switch event {
	case "merge_group":
		w.event = fmt.Sprintf(`{"merge_group": {"head_sha": %q, "head_ref": "refs/heads/gh-readonly-queue/main/pr-42-x", "base_sha": %q, "base_ref": "refs/heads/main"}}`,
			watchedSHA, mainSHA)
	case "pull_request":
		w.event = fmt.Sprintf(`{"number": 42, "pull_request": {"number": 42, "head": {"sha": %q, "repo": {"full_name": "acme/cases"}},
			"base": {"sha": %q, "ref": "main", "repo": {"full_name": "acme/cases"}}}}`, watchedSHA, mainSHA)
	}
	w.fake.Files = map[string]map[string]string{watchedSHA: {"e2e-gate.yml": config}, mainSHA: {"e2e-gate.yml": config}}
	w.fake.Compared = map[string]githubfake.Comparison{"main..." + watchedSHA: {Tip: mainSHA, Common: mainSHA}}
	w.fake.Runs = []githubfake.Run{{ID: 7, Attempts: map[int][]githubfake.Job{
		1: {{Name: "watch", Status: "in_progress"}, {Name: "shard 1", Status: "in_progress"}}}}}
	key := strings.Join([]string{event, config, outcome}, "\x00")
	if left, known := watchedRuns[key]; known {
		w.fake.RunArtifacts = slices.Clone(left)
	} else {
		w.firstAttempt(outcome)
		watchedRuns[key] = slices.Clone(w.fake.RunArtifacts)
	}
	w.keepBack()
	return w
}

// watchedRuns are what plan and shards left, by event, config and outcome: most tests differ in what happens later.
var watchedRuns = map[string][]githubfake.RunArtifact{}

// keepBack takes the document of the last shard away.
func (w *watching) keepBack() {
	last := len(w.fake.RunArtifacts) - 1
	w.late = w.fake.RunArtifacts[last:]
	w.fake.RunArtifacts = w.fake.RunArtifacts[:last:last]
}

// watch watches on a machine without a checkout, in time of its own.
func (w *watching) watch(args ...string) (out string, took time.Duration) {
	w.t.Helper()
	dir := w.t.TempDir()
	w.t.Chdir(dir)
	event := filepath.Join(w.t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte(w.event), 0o600); err != nil {
		w.t.Fatal(err)
	}
	status := -1
	synctest.Test(w.t, func(t *testing.T) {
		var text bytes.Buffer
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		w.stop = cancel
		began := time.Now()
		app := App{Stdout: &text, Stderr: &text, Transport: w.fake.Transport(), Environ: []string{"PATH=" + os.Getenv("PATH"), "GITHUB_ACTIONS=true",
			"GITHUB_EVENT_NAME=" + w.name, "GITHUB_REPOSITORY=acme/cases", "GITHUB_SHA=" + watchedSHA, "GITHUB_RUN_ID=7",
			fmt.Sprintf("GITHUB_RUN_ATTEMPT=%d", w.attempt), "GITHUB_EVENT_PATH=" + event, "GITHUB_SERVER_URL=https://github.example",
			"GITHUB_API_URL=http://api.test", "GITHUB_TOKEN=" + githubfake.JobToken}}
		status = app.Main(ctx, append([]string{"watch"}, args...))
		out, took = text.String(), time.Since(began)
	})
	if entries, _ := os.ReadDir(dir); status != 0 || len(entries) > 0 {
		w.t.Errorf("exit status %d, %v left behind\n%s", status, entries, out)
	}
	return out, took
}

// lists does something before the n-th list of artifacts, counted from the start of the watching.
func (w *watching) lists(n int, do func(s *githubfake.Server)) {
	w.fake.Fail(githubfake.Meanwhile("GET", "/runs/7/artifacts", n, func() { w.fake.Change(do) }))
}

// A test that fails for good makes the status red while another shard still runs, and every
// verdict replaces that.
func TestWatchSaysEarlyThatATestFails(t *testing.T) {
	w := newWatching(t, "merge_group", watchConfig, broken)
	out, took := w.watch()
	list := w.fake.Statuses()
	if len(list) != 1 || list[0].State != "failure" || list[0].SHA != watchedSHA || list[0].Context != "e2e-gate/pr" || list[0].TargetURL != page7 ||
		list[0].Description != "failing early: one (team-a); the verdict follows" || took > time.Second {
		t.Fatalf("%+v after %s\n%s", list, took, out)
	}
	if n := w.fake.Count(""); n > 30 {
		t.Errorf("%d requests", n)
	}
	w.fake.RunArtifacts = append(w.fake.RunArtifacts, w.late...)
	status, out := w.job("", "verdict", "--comment")
	if list = w.fake.Statuses(); status != 1 || list[0].State != "failure" || !strings.Contains(list[0].Description, "blocked") {
		t.Errorf("exit status %d, %+v\n%s", status, list, out)
	}
}

// TestWatchSaysNothingThatIsNotFinal plays each line of the law with one shard that has ended and one that runs until its end.
func TestWatchSaysNothingThatIsNotFinal(t *testing.T) {
	const quarantined = "- {test: \"a::one\", owner: team-a, reason: known, quarantined_at: 2000-01-01, last_seen_failure: 2000-01-01, fix_deadline: 2000-01-20, " +
		"removal_if_not_fixed: true}\n" // a bubble's time begins in 2000
	policy := func(text string) string { return watchConfig + "policy: " + text + "\n" }
	smoke := strings.Replace(watchConfig, "owner: team-a}", "owner: team-a, tags: [smoke]}", 1)
	flaky := `$([ "$E2E_ATTEMPT" = 1 ] && echo "<failure message='expected 1, got 2'/>")`
	for name, tc := range map[string]struct {
		event, config, outcome string
		change                 func(w *watching)
		early                  bool
		says                   string
	}{
		"a failure":                 {event: "merge_group", outcome: broken, early: true},
		"a pass":                    {event: "merge_group", says: "all shards have ended"},
		"a flaky test":              {event: "merge_group", outcome: flaky},
		"a skipped test":            {event: "merge_group", outcome: "<skipped/>"},
		"a failure that only warns": {event: "merge_group", config: policy("{failed: {release-blocking: warn}}"), outcome: broken},
		"a stage that does not block": {event: "merge_group", outcome: broken, says: "does not block",
			config: strings.Replace(watchConfig, "push]}", "push], blocks: false}", 1)},
		"a commit that judges itself":           {event: "push", outcome: broken, early: true},
		"no rerun, so it is not known":          {event: "merge_group", config: watchConfig + "rerun: {max_failures: 0}\n", outcome: broken},
		"a pull request, whose base may fail":   {event: "pull_request", outcome: broken},
		"a pull request, whose base excuses no": {event: "pull_request", config: policy("{base_fails: {release-blocking: block}}"), outcome: broken, early: true},
		"a smoke test of a pull request":        {event: "pull_request", config: smoke, outcome: broken, early: true},
		"a flaky smoke test":                    {event: "merge_group", config: smoke, outcome: flaky},
		"the base does not block, the change says that it does": {event: "merge_group", outcome: broken, change: func(w *watching) {
			w.fake.Files[mainSHA]["e2e-gate.yml"] = policy("{failed: {release-blocking: warn}}")
		}},
		"the change says that it does not block": {event: "merge_group", config: policy("{failed: {release-blocking: warn}}"), outcome: broken, early: true,
			change: func(w *watching) { w.fake.Files[mainSHA]["e2e-gate.yml"] = watchConfig }},
		"in the quarantine of the base": {event: "merge_group", outcome: broken, change: func(w *watching) {
			w.fake.Files[mainSHA]["e2e-gate.yml"], w.fake.Files[mainSHA]["q.yml"] = watchConfig+"quarantine: q.yml\n", quarantined
		}},
		"a quarantine of the change alone": {event: "merge_group", outcome: broken, early: true, change: func(w *watching) {
			w.fake.Files[watchedSHA]["e2e-gate.yml"], w.fake.Files[watchedSHA]["q.yml"] = watchConfig+"quarantine: q.yml\n", quarantined
		}},
		"the judge may be approved": {event: "merge_group", outcome: broken, says: "may be approved", change: func(w *watching) {
			w.fake.Files[mainSHA]["e2e-gate.yml"] = policy("{judge_changed: {release-blocking: block}}") + "judge: {approve: {label: ok}}\n"
		}},
		"the base cannot be read": {event: "merge_group", outcome: broken, says: "the base branch was not read", change: func(w *watching) { w.fake.Compared = nil }},
		"no config":               {event: "merge_group", outcome: broken, says: "has no config", change: func(w *watching) { w.fake.Files[watchedSHA] = map[string]string{"x": ""} }},
		"a config with mistakes": {event: "merge_group", outcome: broken, says: "nothing is said early", change: func(w *watching) {
			w.fake.Files[watchedSHA]["e2e-gate.yml"] = "version: 2\n"
		}},
		"a damaged document": {event: "merge_group", outcome: broken, change: func(w *watching) {
			w.document(func(text string) string { return strings.Replace(text, "expected 1, got 2", "expected 1, got 3", 1) })
		}},
		"half a document": {event: "merge_group", outcome: broken, change: func(w *watching) { w.document(func(text string) string { return text[:len(text)/2] }) }},
		"a document that cannot be fetched": {event: "merge_group", outcome: broken, change: func(w *watching) {
			_, path := w.uploaded("e2e-gate-shard-0-team-a-a1")
			w.fake.Fail(githubfake.Fault{Path: path, Change: githubfake.Answers("", 500, "oops").Change})
		}},
		"another document of the shard": {event: "merge_group", outcome: broken, change: func(w *watching) {
			other := newWatching(w.t, "merge_group", watchConfig, "")
			at, _ := other.uploaded("e2e-gate-shard-0-team-a-a1")
			second := other.fake.RunArtifacts[at]
			second.Name += "-again"
			w.fake.RunArtifacts = append(w.fake.RunArtifacts, second)
		}},
		"a document of another run": {event: "merge_group", outcome: broken, change: func(w *watching) {
			w.document(func(text string) string {
				return unsealed(strings.ReplaceAll(text, `"workflow_run": "7"`, `"workflow_run": "8"`))
			})
		}},
		"a document without a checksum": {event: "merge_group", outcome: broken, early: true, change: func(w *watching) { w.document(unsealed) }},
		"a document of another key": {event: "merge_group", outcome: broken, says: "no plan yet", change: func(w *watching) {
			for i := range w.fake.RunArtifacts {
				w.fake.RunArtifacts[i].Name = strings.Replace(w.fake.RunArtifacts[i].Name, "e2e-gate-", "other-", 1)
			}
		}},
		"a shard that did not finish": {event: "merge_group", outcome: broken, change: func(w *watching) {
			w.document(func(text string) string {
				return unsealed(strings.Replace(text, `"complete": true`, `"complete": false`, 1))
			})
		}},
		"the environment had gone when it failed": {event: "merge_group", outcome: broken, change: func(w *watching) {
			w.document(func(text string) string {
				return unsealed(strings.Replace(text, `"complete": true`, `"process_ends": [{"name": "db", "at": "2020-01-01T00:00:00Z", "text": "exit 1"}], "complete": true`, 1))
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			config := tc.config
			if config == "" {
				config = watchConfig
			}
			w := newWatching(t, tc.event, config, tc.outcome)
			if tc.change != nil {
				tc.change(w)
			}
			w.lists(6, func(s *githubfake.Server) { s.RunArtifacts = append(s.RunArtifacts, w.late...) })
			out, _ := w.watch("--timeout", "10m")
			if list := w.fake.Statuses(); (len(list) > 0) != tc.early || !strings.Contains(out, tc.says) {
				t.Errorf("%+v, want %v and %q\n%s", list, tc.early, tc.says, out)
			}
		})
	}
}

// document changes the document of the first shard.
func (w *watching) document(change func(text string) string) {
	w.t.Helper()
	at, _ := w.uploaded("e2e-gate-shard-0-team-a-a1")
	files := maps.Clone(w.fake.RunArtifacts[at].Files)
	before := string(files["shard-0.1.json"])
	if files["shard-0.1.json"] = []byte(change(before)); string(files["shard-0.1.json"]) == before {
		w.t.Fatal("the document was not changed\n" + before)
	}
	w.fake.RunArtifacts[at].Files = files
}

var checksumLine = regexp.MustCompile(`"checksum": "[0-9a-f]+",`)

// unsealed is a document without its checksum, as whoever forges one leaves it.
func unsealed(text string) string { return checksumLine.ReplaceAllString(text, "") }

// Faults of the API are waited for, within bounds and aloud; the job never fails.
func TestWatchWaitsForTheAPI(t *testing.T) {
	for name, tc := range map[string]struct {
		faults []githubfake.Fault
		early  bool
		says   string
	}{
		"the list fails at first": {[]githubfake.Fault{{Path: "/artifacts", Times: 4, Change: githubfake.Answers("", 502, "no").Change}}, true,
			"it is tried again"},
		"a rate limit that passes":     {[]githubfake.Fault{githubfake.TooMany(30)}, true, ""},
		"a rate limit for longer":      {[]githubfake.Fault{{Change: githubfake.TooMany(7200).Change}}, false, "it has looked for long enough"},
		"no permission for artifacts":  {[]githubfake.Fault{{Path: "/artifacts", Change: githubfake.Answers("", 403, "no").Change}}, false, "actions: read"},
		"no permission for the status": {[]githubfake.Fault{githubfake.ForbiddenWrite()}, false, "statuses: write"},
		"the status fails once":        {[]githubfake.Fault{{Method: "POST", Times: 2, Change: githubfake.Answers("", 502, "no").Change}}, true, "it is tried again"},
		"the statuses cannot be read":  {[]githubfake.Fault{{Path: "/status", Method: "GET", Change: githubfake.Answers("", 403, "no").Change}}, false, "403"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatching(t, "merge_group", watchConfig, broken)
			w.fake.Fail(tc.faults...)
			out, took := w.watch("--timeout", "30m")
			if list := w.fake.Statuses(); (len(list) == 1) != tc.early || !strings.Contains(out, tc.says) || took > 30*time.Minute {
				t.Errorf("%+v after %s, want %v and %q\n%s", list, took, tc.early, tc.says, out)
			}
			if n := w.fake.Count(""); n > 150 || strings.Count(out, "tried again") > 3 {
				t.Errorf("%d requests\n%s", n, out)
			}
		})
	}
}

// The watching ends by itself: with the shards, with the other jobs, at its timeout, at a signal.
func TestWatchEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(w *watching)
		says   string
		took   time.Duration
	}{
		"all shards have ended": {func(w *watching) {
			w.lists(4, func(s *githubfake.Server) { s.RunArtifacts = append(s.RunArtifacts, w.late...) })
		},
			"all shards have ended", 2 * time.Minute},
		"a shard left nothing": {func(w *watching) {
			w.lists(4, func(s *githubfake.Server) {
				s.Runs[0].Attempts[1][1] = githubfake.Job{Name: "shard 1", Conclusion: "failure"}
			})
		},
			"no other job of the workflow run is at work", 10 * time.Minute},
		"its timeout": {func(*watching) {}, "looked for long enough", time.Hour},
		"the list of jobs cannot be read": {func(w *watching) {
			w.fake.Fail(githubfake.Fault{Path: "/jobs", Change: githubfake.Answers("", 403, "no").Change})
		},
			"looked for long enough", time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatching(t, "merge_group", watchConfig, "")
			tc.change(w)
			out, took := w.watch()
			if n := w.fake.Count(""); !strings.Contains(out, tc.says) || took > tc.took || n > 150 || len(w.fake.Statuses()) > 0 {
				t.Errorf("%s, %d requests\n%s", took, n, out)
			}
		})
	}
	t.Run("a signal", func(t *testing.T) {
		w := newWatching(t, "merge_group", watchConfig, "")
		w.lists(3, func(*githubfake.Server) { w.stop(runner.ErrCancelled) })
		out, took := w.watch()
		if took > time.Minute || !strings.Contains(out, runner.ErrCancelled.Error()) || len(w.fake.Statuses()) > 0 {
			t.Errorf("%s\n%s", took, out)
		}
	})
}

// It sets nothing over a verdict, and a run from a fork sets nothing at all.
func TestWatchReplacesNoVerdict(t *testing.T) {
	for state, page := range map[string]string{"success": page7, "error": page7, "failure": page7 + "/attempts/2"} {
		w := newWatching(t, "merge_group", watchConfig, broken)
		w.fake.AddStatus(githubfake.Status{SHA: watchedSHA, Context: "e2e-gate/pr", State: state, Description: "e2e-gate pr: x", TargetURL: page})
		if out, _ := w.watch(); len(w.fake.Statuses()) != 1 || !strings.Contains(out, "that of a verdict already") {
			t.Errorf("%+v\n%s", w.fake.Statuses(), out)
		}
	}
	w := newWatching(t, "pull_request", watchConfig, broken)
	w.event = strings.Replace(w.event, "acme/cases", "someone/cases", 1)
	if out, _ := w.watch(); w.fake.Count("POST") != 0 || !strings.Contains(out, "a run from a fork") {
		t.Errorf("%+v\n%s", w.fake.Statuses(), out)
	}
}

// In a second attempt only its own documents speak: a shard that is run again may pass.
func TestWatchInASecondAttempt(t *testing.T) {
	again := func(w *watching, outcome string) {
		w.fake.Runs[0].Attempts[2] = slices.Clone(w.fake.Runs[0].Attempts[1])
		w.attempt = 2
		w.job("", "plan", "--shards", "2")
		if w.job(outcome, "shard", "--index", "0"); outcome == "" {
			w.keepBack() // both still run
		}
	}
	w := newWatching(t, "merge_group", watchConfig, broken)
	again(w, "")
	if out, _ := w.watch("--timeout", "5m"); len(w.fake.Statuses()) != 0 {
		t.Errorf("%+v\n%s", w.fake.Statuses(), out)
	}
	w = newWatching(t, "merge_group", watchConfig, broken)
	again(w, broken)
	out, _ := w.watch("--timeout", "5m")
	if list := w.fake.Statuses(); len(list) > 1 || len(list) == 1 && list[0].TargetURL != page7+"/attempts/2" {
		t.Errorf("%+v\n%s", list, out)
	}
}

// A verdict that contradicts an early failure counts, and says so.
func TestTheVerdictCountsAfterAnEarlyFailure(t *testing.T) {
	w := newWatching(t, "merge_group", watchConfig, "")
	w.fake.RunArtifacts = append(w.fake.RunArtifacts, w.late...)
	w.fake.AddStatus(githubfake.Status{SHA: watchedSHA, Context: "e2e-gate/pr", State: "failure", Description: "failing early: one; the verdict follows",
		TargetURL: page7})
	status, out := w.job("", "verdict", "--comment")
	if list := w.fake.Statuses(); status != 0 || list[0].State != "success" || !strings.Contains(out, "the verdict counts") {
		t.Errorf("exit status %d, %+v\n%s", status, list, out)
	}
}
