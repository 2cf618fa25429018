package report

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

var (
	datumStart = regexp.MustCompile(`<<DATA ([0-9a-f]{16})$`)
	ownLine    = regexp.MustCompile(`^(# e2e-gate, cause \d+ of \d+|# e2e-gate, no cause is known|Text between <<DATA and >> was written .*|verdict: [a-z_ ]+|effect: [a-z ]+|category: [A-Z_]+|category: not known|` +
		`confidence: [a-z ]+|[a-z, _-]+( \(\d+\))?: <<DATA [0-9a-f]{16}|and \d+ more tests|\[more is in result\.json\]|)$`)
)

// TestForAgent: each cause has one bounded text; outside of its data stands nothing that a test or a document wrote.
func TestForAgent(t *testing.T) {
	for name, r := range results() {
		texts := ForAgent(r, "")
		if name == "blocked" {
			compare(t, "blocked.agent.txt", strings.Join(texts, "\n"))
		}
		for _, text := range texts {
			delimited(t, text)
		}
	}
	// A stage that did not pass is never nothing, and a flake that blocks is one cause.
	if none := ForAgent(results()["zero"], ""); len(none) != 1 || !strings.Contains(none[0], "no cause is known\nverdict: not known") {
		t.Errorf("%q", none)
	}
	blocking := results()["passed-with-flake"]
	for i := range blocking.Tests {
		if blocking.Tests[i].Outcome == e2e.Flaky {
			blocking.Tests[i].Effect = e2e.Blocks
		}
	}
	if texts := ForAgent(blocking, ""); len(texts) != len(flakes(blocking)) {
		t.Errorf("%d causes for %d flakes", len(texts), len(flakes(blocking)))
	}
	one := ForAgent(results()["blocked"], "case-journeys/submission_test.go::TestHealthPage")
	if len(one) != 1 || !strings.Contains(one[0], "page title is empty") {
		t.Errorf("%q", one)
	}
}

// delimited fails where a text for an agent is too long, or something that is not ours stands outside of its data.
func delimited(t rapid.TB, text string) {
	t.Helper()
	if len(text) > AgentBytes {
		t.Fatalf("%d bytes", len(text))
	}
	mark := ""
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		switch start := datumStart.FindStringSubmatch(line); {
		case mark != "" && line == mark+">>":
			mark = ""
		case mark != "":
		case !ownLine.MatchString(line):
			t.Fatalf("outside of data: %q", line)
		case start != nil:
			mark = start[1]
		}
	}
	if mark != "" {
		t.Fatalf("data without an end in\n%s", text)
	}
}

// TestForAgentByCategory: a golden text for each category, with what is typical of it.
func TestForAgentByCategory(t *testing.T) {
	r := oneOfEachCategory()
	seen := map[e2e.Category]bool{}
	for _, test := range r.Tests {
		if test.Outcome != e2e.Failed && test.Outcome != e2e.Flaky {
			continue
		}
		texts := ForAgent(r, test.ID)
		if len(texts) != 1 || seen[test.Category] {
			t.Fatalf("%s: %d texts", test.ID, len(texts))
		}
		seen[test.Category] = true
		delimited(t, texts[0])
		compare(t, "agent/"+strings.ToLower(string(test.Category))+".txt", texts[0])
	}
	for _, category := range e2e.Categories() {
		if !seen[category] {
			t.Errorf("no test of the category %s", category)
		}
	}
}

// TestFinalTest shows one test with all that it states, and what it printed.
func TestFinalTest(t *testing.T) {
	for name, r := range results() {
		for _, test := range r.Tests {
			if text, ok := FinalTest(r, test.ID, FinalOptions{}); !ok || strings.ContainsAny(text, "\x1b\x07") {
				t.Fatalf("%s: %s: %q", name, test.ID, text)
			}
		}
	}
	text, _ := FinalTest(results()["blocked"], "case-journeys/submission_test.go::TestReportLayout", FinalOptions{})
	for _, want := range []string{"FAILED  case-journeys/submission_test.go::TestReportLayout", "expected    state ACCEPTED within 5s", "ATTEMPT 1 PRINTED", "goroutine 12",
		"the same as attempt 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if _, ok := FinalTest(results()["blocked"], "none", FinalOptions{}); ok {
		t.Error("a test that is not there was shown")
	}
}
