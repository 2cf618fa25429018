//go:build unix

package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// again is a workflow run of one job, whose second attempt finds no document of the first: as
// "Re-run all jobs" leaves it.
type again struct {
	*travel
}

const gateStep = "Run org/e2e-gate@v1"

func newAgain(t *testing.T) *again {
	t.Helper()
	w := &again{newTravel(t)}
	w.runner = "GitHub Actions 7"
	w.event = fmt.Sprintf(`{"number": 42, "pull_request": {"number": 42, "head": {"sha": %q, "repo": {"full_name": "acme/cases"}}}}`, strings.Repeat("a", 40))
	w.fake.Runs = []githubfake.Run{{ID: 7, Attempts: map[int][]githubfake.Job{}}}
	return w
}

// running is the gate's job while it runs, ended the same job afterwards.
func (w *again) running(attempt int) {
	w.attempt = attempt
	w.fake.Change(func(s *githubfake.Server) {
		s.Runs[0].Attempts[attempt] = []githubfake.Job{
			{Name: "lint", Runner: "GitHub Actions 6", Status: "in_progress"},
			{Name: "e2e (chromium)", Runner: w.runner, Status: "in_progress", Steps: []githubfake.Step{
				{Name: "Set up job", Conclusion: "success"}, {Name: gateStep, Status: "in_progress"}, {Name: "Complete job", Status: "queued"}}},
		}
	})
}

func ended(job, step string) []githubfake.Job {
	return []githubfake.Job{{Name: "lint", Conclusion: "success"}, {Name: "e2e (chromium)", Conclusion: job, Steps: []githubfake.Step{
		{Name: "Set up job", Conclusion: "success"}, {Name: gateStep, Conclusion: step}}}}
}

// first runs the first attempt, and leaves what "Re-run all jobs" leaves of it.
func (w *again) first(outcome string, args ...string) {
	w.t.Helper()
	w.running(1)
	w.job(outcome, append([]string{"run"}, args...)...)
	w.fake.RerunAll(7)
}

// second runs the second attempt after the first ended with these jobs.
func (w *again) second(outcome string, before []githubfake.Job) (int, string) {
	w.t.Helper()
	w.running(2)
	w.fake.Change(func(s *githubfake.Server) { s.Runs[0].Attempts[1] = before })
	return w.job(outcome, "run", "--comment", "--format", "json")
}

// How the gate's step ended in an attempt without documents decides what a pass now is worth.
func TestAttemptsWithoutDocuments(t *testing.T) {
	for _, tc := range []struct {
		rule    string
		outcome string // of the first attempt
		comment bool
		jobs    []githubfake.Job
		want    int
		says    string
	}{
		{"a failure that the comment names is a later pass", broken, true, ended("failure", "failure"), e2e.ExitBlocked, `"code": "later_pass"`},
		{"a failure of which nothing says what failed is not judged", broken, false, ended("failure", "failure"), e2e.ExitNotJudged,
			"The attempt failed, and its documents are gone"},
		{"a success is a success", "", true, ended("success", "success"), e2e.ExitPassed, `"reasons": []`},
		{"the gate's step succeeded, and a later one failed", "", false, ended("failure", "success"), e2e.ExitPassed, `"reasons": []`},
		{"the comment of a job that says success may make it worse", broken, true, ended("success", "success"), e2e.ExitBlocked, `"code": "later_pass"`},
		{"a machine that was lost before the step", "", false, []githubfake.Job{{Name: "e2e (chromium)", Conclusion: "failure"}}, e2e.ExitPassed,
			`"earlier_attempts": "attempt 1 reached no verdict"`},
		{"a machine that was lost in the step", "", false, ended("failure", ""), e2e.ExitPassed, `"earlier_attempts": "attempt 1 reached no verdict"`},
		{"a step that was cancelled", "", false, ended("cancelled", "cancelled"), e2e.ExitPassed, `"earlier_attempts": "attempt 1 reached no verdict"`},
		{"a job that was skipped", "", false, []githubfake.Job{{Name: "e2e (chromium)", Conclusion: "skipped"}}, e2e.ExitPassed, "reached no verdict"},
		{"no job of that name", "", false, []githubfake.Job{{Name: "other", Conclusion: "success"}}, e2e.ExitNotJudged, "actions: read"},
		{"two jobs of that name", "", false, append(ended("success", "success"), ended("failure", "failure")...), e2e.ExitNotJudged, "2 jobs named e2e (chromium)"},
		{"a word of tomorrow", "", false, ended("success", "paused"), e2e.ExitNotJudged, "actions: read"},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			w := newAgain(t)
			var args []string
			if tc.comment {
				args = append(args, "--comment")
			}
			w.first(tc.outcome, args...)
			if status, out := w.second("", tc.jobs); status != tc.want || !strings.Contains(out, tc.says) {
				t.Errorf("exit status %d, want %d with %q\n%s", status, tc.want, tc.says, out)
			}
		})
	}
}

// Nothing is judged where the forge does not answer, or does not show which job this one is.
func TestAttemptsThatStayUnknown(t *testing.T) {
	for rule, change := range map[string]func(w *again){
		"the token may not ask": func(w *again) {
			w.fake.Fail(githubfake.Fault{Path: "/jobs", Change: githubfake.Answers("", 403, "Resource not accessible by integration").Change})
		},
		"another machine":                 func(w *again) { w.runner = "GitHub Actions 9" },
		"two jobs on one machine":         func(w *again) { w.double() },
		"the API does not know the run":   func(w *again) { w.fake.Change(func(s *githubfake.Server) { s.Runs = nil }) },
		"the attempt is not listed (404)": func(w *again) { w.fake.Change(func(s *githubfake.Server) { delete(s.Runs[0].Attempts, 1) }) },
	} {
		t.Run(rule, func(t *testing.T) {
			w := newAgain(t)
			w.first("")
			w.running(2)
			w.fake.Change(func(s *githubfake.Server) { s.Runs[0].Attempts[1] = ended("success", "success") })
			change(w)
			status, out := w.job("", "run", "--format", "json")
			if status != e2e.ExitNotJudged || !strings.Contains(out, "give the job the permission actions: read, or start a new run") {
				t.Errorf("exit status %d\n%s", status, out)
			}
		})
	}
}

func (w *again) double() {
	w.fake.Change(func(s *githubfake.Server) {
		list := s.Runs[0].Attempts[2]
		s.Runs[0].Attempts[2] = append(list, list[1])
	})
}

// A commit status, which cannot be edited, may make the result worse than the step's conclusion,
// as where continue-on-error hides a failure; one of another page, context or account may not.
func TestAStatusOfAnEarlierAttempt(t *testing.T) {
	page := "https://github.example/acme/cases/actions/runs/7"
	for _, tc := range []struct {
		rule   string
		status githubfake.Status
		want   int
	}{
		{"a failure", githubfake.Status{Context: "e2e-gate/pr", State: "failure", TargetURL: page, Creator: githubfake.JobBot}, e2e.ExitNotJudged},
		{"of another attempt", githubfake.Status{Context: "e2e-gate/pr", State: "failure", TargetURL: page + "/attempts/5", Creator: githubfake.JobBot}, e2e.ExitPassed},
		{"of another stage", githubfake.Status{Context: "e2e-gate/main", State: "failure", TargetURL: page, Creator: githubfake.JobBot}, e2e.ExitPassed},
		{"of a person", githubfake.Status{Context: "e2e-gate/pr", State: "failure", TargetURL: page, Creator: githubfake.Person}, e2e.ExitPassed},
		{"not judged", githubfake.Status{Context: "e2e-gate/pr", State: "error", TargetURL: page, Creator: githubfake.JobBot}, e2e.ExitPassed},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			w := newAgain(t)
			w.first("")
			tc.status.SHA = strings.Repeat("a", 40)
			w.fake.AddStatus(tc.status)
			if status, out := w.second("", ended("success", "success")); status != tc.want {
				t.Errorf("exit status %d, want %d\n%s", status, tc.want, out)
			}
		})
	}
}

// An attempt that was not judged, and in which no test failed, does not stop the next one; the
// third attempt still knows what failed in the first.
func TestThreeAttemptsWithoutDocuments(t *testing.T) {
	w := newAgain(t)
	w.first(`</testcase><testcase name="cut`, "--comment") // no report that can be read
	if status, out := w.second("", ended("failure", "failure")); status != e2e.ExitPassed {
		t.Fatalf("after an attempt that was not judged: exit status %d\n%s", status, out)
	}
	w = newAgain(t)
	w.first(broken, "--comment")
	for attempt := 2; attempt <= 4; attempt++ {
		w.running(attempt)
		w.fake.Change(func(s *githubfake.Server) { s.Runs[0].Attempts[attempt-1] = ended("failure", "failure") })
		status, out := w.job("", "run", "--comment", "--format", "json")
		if status != e2e.ExitBlocked || !strings.Contains(out, `"code": "later_pass"`) {
			t.Errorf("attempt %d: exit status %d\n%s", attempt, status, out)
		}
		w.fake.RerunAll(7)
	}
	// More failures than the comment names.
	w.fake.EditComment(w.fake.Comments()[0].ID, strings.Replace(w.fake.Comments()[0].Body, "failed=", "failed=many,", 1))
	w.running(5)
	w.fake.Change(func(s *githubfake.Server) { s.Runs[0].Attempts[4] = ended("failure", "failure") })
	if status, out := w.job("", "run", "--comment", "--format", "json"); status != e2e.ExitNotJudged {
		t.Errorf("failures without names: exit status %d\n%s", status, out)
	}
}

// An early failure of the job watch is no verdict: a later attempt is judged as if it had not been set.
func TestAnEarlyFailureIsNoWitness(t *testing.T) {
	for _, tc := range []struct {
		rule    string
		outcome string
		comment bool
		jobs    []githubfake.Job
		want    int
		says    string
	}{
		{"the attempt was cancelled before its verdict", "", false, ended("cancelled", "cancelled"), e2e.ExitPassed, `"earlier_attempts": "attempt 1 reached no verdict"`},
		{"its verdict passed", "", true, ended("success", "success"), e2e.ExitPassed, `"reasons": []`},
		{"its verdict failed", broken, true, ended("failure", "failure"), e2e.ExitBlocked, `"code": "later_pass"`},
		{"its verdict failed, and only the status says so", broken, true, ended("success", "success"), e2e.ExitBlocked, `"code": "later_pass"`},
		{"nothing says what failed", broken, false, ended("failure", "failure"), e2e.ExitNotJudged, "its documents are gone"},
	} {
		for _, early := range []bool{false, true} {
			w := newAgain(t)
			var args []string
			if tc.comment {
				args = append(args, "--comment")
			}
			if early {
				w.fake.AddStatus(githubfake.Status{SHA: strings.Repeat("a", 40), Context: "e2e-gate/pr", State: "failure", Creator: githubfake.JobBot,
					Description: "failing early: one (team-a); the verdict follows", TargetURL: "https://github.example/acme/cases/actions/runs/7"})
			}
			w.first(tc.outcome, args...)
			if status, out := w.second("", tc.jobs); status != tc.want || !strings.Contains(out, tc.says) {
				t.Errorf("%s, early %v: exit status %d, want %d with %q\n%s", tc.rule, early, status, tc.want, tc.says, out)
			}
		}
	}
}
