package report

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

const (
	payCommit   = "0123456789abcdef0123456789abcdef01234567"
	testsCommit = "89abcdef0123456789abcdef0123456789abcdef"
)

func ofSubject() e2e.Result {
	r := e2e.Result{Run: e2e.Run{ID: "e2e-1", Stage: "pr", Blocks: true, URL: "https://github.example/acme/e2e/actions/runs/7",
		Subject:         e2e.Subject{Repository: "acme/pay", SHA: payCommit, Environment: "staging", ProductVersion: "4.2.0"},
		TestsRepository: "acme/e2e", TestsSHA: testsCommit}}
	r.Tests = []e2e.TestResult{{Test: e2e.Test{ID: "s::a", Suite: "s"}, Outcome: e2e.Passed, Attempts: []e2e.Attempt{{Outcome: e2e.Passed}}}}
	r.Verdict = e2e.Verdict{State: e2e.VerdictPassed, Blocks: true}
	return r
}

// Whoever reads a verdict reads what was judged and with which tests.
func TestBothCommitsAreStated(t *testing.T) {
	r := ofSubject()
	explained, _ := Explain(r, "s::a")
	slack, err := Slack(r, SlackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"terminal": Final(r, FinalOptions{}), "summary": Markdown(r, Options{}), "comment": Comment(r, CommentOptions{}), "page": string(HTML(r, PageOptions{})),
		"explain": explained.Steps[0].Answer, "slack": string(slack),
	} {
		for _, want := range []string{payCommit[:10], "acme/pay", "4.2.0", "staging", "tests at commit ", testsCommit[:10], "acme/e2e"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%.3000s", name, want, text)
			}
		}
	}
	r.Problems = []e2e.Problem{{Code: e2e.CodeNotVerified, Note: true, Text: "add a check of the kind version"}}
	for name, text := range map[string]string{"terminal": Final(r, FinalOptions{}), "summary": Markdown(r, Options{}), "comment": Comment(r, CommentOptions{}),
		"page": string(HTML(r, PageOptions{}))} {
		for _, want := range []string{"deployed version not verified", "add a check of the kind version"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%.3000s", name, want, text)
			}
		}
	}
	if got, want := commitLink(r.Run), "(https://github.example/acme/pay/commit/"+payCommit+")"; !strings.HasSuffix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := testsLink(r.Run), "(https://github.example/acme/e2e/commit/"+testsCommit+")"; !strings.HasSuffix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

// A link to a line of a test leads to the commit of the tests, and nowhere where it is not known whose the run's page is.
func TestLinksLeadToTheTests(t *testing.T) {
	a := &e2e.Attempt{At: "e2e/a.go:7", Tracked: true}
	r := ofSubject().Run
	if got, want := sourceLink(r, a), "https://github.example/acme/e2e/blob/"+testsCommit+"/e2e/a.go#L7"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r.TestsRepository = ""
	if got := sourceLink(r, a) + testsLink(r); strings.Contains(got, "https:") {
		t.Errorf("%s", got)
	}
	for _, repository := range []string{"acme/..", "../acme", "acme/pay?x", "acme", ""} {
		if r.Repository = repository; subjectPage(r) != "" {
			t.Errorf("%q has the page %s", repository, subjectPage(r))
		}
	}
}
