package report

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/need"
)

func TestComment(t *testing.T) {
	for name, r := range results() {
		t.Run(name, func(t *testing.T) {
			got := Comment(r, CommentOptions{})
			wellFormed(t, got)
			if len(got) > CommentBytes {
				t.Errorf("%d bytes", len(got))
			}
			compare(t, name+".comment.md", got)
		})
	}
}

// The verdict stands in the first line, and what to do right below.
func TestCommentLeadsWithWhatToDo(t *testing.T) {
	all := results()
	passed := newFixture()
	passed.passing(3)
	all["passed"] = passed.Result
	for name, want := range map[string]string{
		"passed":            "Nothing to do.",
		"passed-with-flake": "Nothing blocks. `case-risk` should look at 1 flaky test.",
		"blocked": "**Do now:** **case-platform, case-audit** — look at the worker that accepts cases: internal/worker changed in this pull " +
			"request (2 more below)",
		"gate-shut": "**Do now:** the address answers 404; look at the path in gates.checks[0].http.url (1 more below)",
		"crashed":   "**Do now:** **case-platform** — read the end of the log, fix what it reports and run again",
		"zero":      "**Do now:** read the log of the job: the result gives no reason",
	} {
		lines := strings.SplitN(Comment(all[name], CommentOptions{}), "\n", 4)
		got := strings.NewReplacer("&#91;", "[", "&#93;", "]").Replace(lines[2])
		if !strings.HasPrefix(lines[0], "## ") || got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

// Flakes are shown beside 500 failures, and also where their own messages are as
// long as they may be.
func TestCommentShowsFlakes(t *testing.T) {
	for name, message := range map[string]string{"short": "not visible", "hostile": strings.Repeat("<|`&", 10_000)} {
		f := fixture{manyFailures()}
		fl := f.test("TestEscalation", "case-risk", e2e.ReleaseBlocking, e2e.Flaky, 0.7)
		flake(fl)
		for range 20 {
			fl.Attempts = append(fl.Attempts, e2e.Attempt{N: 3, Outcome: e2e.Failed, Message: message})
		}
		for _, limit := range []int{12_000, 65_000} {
			got := Comment(f.Result, CommentOptions{MaxBytes: limit})
			wellFormed(t, got)
			if len(got) > limit || !strings.Contains(got, "TestEscalation") || !strings.Contains(got, "of 500 causes are not shown here") {
				t.Errorf("%s, %d: %d bytes:\n%.3000s", name, limit, len(got), got)
			}
		}
	}
}

// Whatever the limit, what is left is within it, complete, and says what was cut.
func TestCommentCuts(t *testing.T) {
	need.NoRaceDetector(t)
	all := results()
	rapid.Check(t, func(t *rapid.T) {
		r := all[rapid.SampledFrom([]string{"many", "hostile", "blocked", "crashed", "gate-shut", "passed-with-flake"}).Draw(t, "result")]
		limit := rapid.IntRange(8000, 80_000).Draw(t, "limit")
		got, whole := Comment(r, CommentOptions{MaxBytes: limit}), Comment(r, CommentOptions{MaxBytes: 1 << 22, DiagramBytes: -1})
		if len(got) > limit {
			t.Fatalf("%d bytes, more than %d", len(got), limit)
		}
		wellFormed(t, got)
		if !strings.HasPrefix(got, "## ") || len(whole) > limit && !strings.Contains(got, "not shown here") {
			t.Fatalf("cut without a word at %d", limit)
		}
	})
}

func BenchmarkCommentOf500Failures(b *testing.B) {
	r := manyFailures()
	for b.Loop() {
		Comment(r, CommentOptions{})
	}
}

// Where the next step is to read a log, the row says which.
func TestCommentNamesTheLog(t *testing.T) {
	if got := Comment(crashed(), CommentOptions{}); !strings.Contains(strings.SplitN(got, "<details>", 2)[0], "`units/1-001-case-journeys-1/output.log`") {
		t.Errorf("no log is named:\n%.1500s", got)
	}
}
