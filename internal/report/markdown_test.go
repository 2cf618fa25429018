package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestMarkdown(t *testing.T) {
	for name, r := range results() {
		t.Run(name, func(t *testing.T) {
			got := Markdown(r, Options{})
			wellFormed(t, got)
			if name == "many" {
				got = Markdown(r, Options{MaxBytes: 20_000})
			}
			compare(t, name+".md", got)
		})
	}
}

var (
	codeSpan = regexp.MustCompile("`[^`\n]*`|<code>.*?</code>")
	htmlTag  = regexp.MustCompile(`<[^>]*>?`)
	ownTag   = regexp.MustCompile(`^</?(details( open)?|summary|code|b|br|sub)>$`)
	alive    = regexp.MustCompile(`@\w|(?:^|\s)#\d|\]\(javascript|!\[`)
	ownLink  = regexp.MustCompile(`\]\(https?://[^)\s]*\)`)
)

// wellFormed fails where Markdown holds structure that is not ours, or leaves any
// open.
func wellFormed(t rapid.TB, text string) {
	t.Helper()
	if !utf8.ValidString(text) || strings.Contains(text, "<!--") {
		t.Fatal("a comment, or no UTF-8")
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x202e || r == 0x200b }); i >= 0 {
		t.Fatalf("%q is not text", text[max(i-40, 0):i+1])
	}
	rest := ownLink.ReplaceAllString(codeSpan.ReplaceAllString(withoutFences(t, text), "·"), "]")
	for _, tag := range htmlTag.FindAllString(rest, -1) {
		if !ownTag.MatchString(tag) {
			t.Fatalf("a tag that is not ours: %q", tag)
		}
	}
	if bad := alive.FindString(rest); bad != "" {
		t.Fatalf("%q is alive", bad)
	}
	for _, tag := range []string{"details", "summary", "sub", "b"} {
		if open, shut := strings.Count(rest, "<"+tag+">")+strings.Count(rest, "<"+tag+" open>"), strings.Count(rest, "</"+tag+">"); open != shut {
			t.Fatalf("%d %s opened and %d closed", open, tag, shut)
		}
	}
	checkTables(t, rest)
}

// withoutFences drops fenced blocks as a Markdown parser finds them.
func withoutFences(t rapid.TB, text string) string {
	t.Helper()
	var rest []string
	fence := ""
	for line := range strings.SplitSeq(text, "\n") {
		marks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence == "" && len(marks) >= 3:
			fence = marks
		case fence == "":
			rest = append(rest, line)
		case len(marks) >= len(fence) && marks == strings.TrimSpace(line):
			fence = ""
		}
	}
	if fence != "" {
		t.Fatal("an open fence")
	}
	return strings.Join(rest, "\n")
}

// checkTables counts cells: every row of a table has as many as its head.
func checkTables(t rapid.TB, text string) {
	t.Helper()
	columns := 0
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(line, "|")
		if columns == 0 {
			columns = n
		}
		if n != columns {
			t.Fatalf("a row of %d cells in a table of %d: %s", n-1, columns-1, line)
		}
	}
}

// Whatever the limit, what is left is within it and complete, and says that it was
// cut.
func TestMarkdownCuts(t *testing.T) {
	all := results()
	whole, pieces := map[string]string{}, map[string][]Part{}
	for name, r := range all {
		// A diagram says nothing that its table does not: it may go without a word.
		whole[name], pieces[name] = Markdown(r, Options{DiagramBytes: -1}), parts(r, DiagramBytes)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"many", "hostile", "blocked", "crashed", "gate-shut"}).Draw(t, "result")
		limit := rapid.IntRange(4000, 100_000).Draw(t, "limit")
		got := Compose(limit, pieces[name]...)
		if len(got) > limit {
			t.Fatalf("%d bytes, more than %d", len(got), limit)
		}
		if !strings.HasPrefix(got, "## ") {
			t.Fatal("the verdict is gone")
		}
		wellFormed(t, got)
		if len(whole[name]) > limit && !strings.Contains(got, "not shown here") {
			t.Fatalf("cut without a word at %d", limit)
		}
	})
}

// A long table must not push flakes out of a comment.
func TestMarkdownKeepsFlakes(t *testing.T) {
	r := manyFailures()
	f := fixture{r}
	flake(f.test("TestEscalation", "case-risk", e2e.ReleaseBlocking, e2e.Flaky, 0.7))
	got := Compose(65_000, HeadlinePart(f.Result), FindingsPart(f.Result), FlakesPart(f.Result), GatesPart(f.Result), DetailsPart(f.Result))
	if len(got) > 65_000 || !strings.Contains(got, "`TestEscalation`") ||
		!regexp.MustCompile(`_\d+ of 500 causes are not shown here; result\.json has all\._`).MatchString(got) {
		t.Errorf("%d bytes:\n%s", len(got), got[:2000])
	}
	if n := len(Compose(100, HeadlinePart(f.Result))); n > 100 {
		t.Errorf("%d bytes", n)
	}
}

func TestHeadlines(t *testing.T) {
	for name, want := range map[string]string{
		"passed-with-flake": "## ✅ e2e-gate pr: passed (1 flaky test, 1 skipped test)",
		"blocked":           "## ❌ e2e-gate pr: blocked — 3 release-blocking tests failed, 1 smoke test failed",
		"gate-shut":         "## ⛔ e2e-gate pr: not judged — gate case-api failed (ENVIRONMENT&#95;FAILURE)",
		"zero":              "## ⛔ e2e-gate: not judged — the result holds no verdict",
		"many":              "## ❌ e2e-gate pr: blocked — 500 release-blocking tests failed",
	} {
		first, _, _ := strings.Cut(Markdown(results()[name], Options{}), "\n")
		if strings.ReplaceAll(first, "&#95;", "_") != strings.ReplaceAll(want, "&#95;", "_") {
			t.Errorf("%s: %s, want %s", name, first, want)
		}
	}
}

func TestHeadlineOfOtherVerdicts(t *testing.T) {
	reason := func(code e2e.Code, effect e2e.Effect, n int, text string) e2e.Reason {
		return e2e.Reason{Code: code, Effect: effect, Text: text, Tests: make([]string, n)}
	}
	for _, c := range []struct {
		verdict e2e.Verdict
		want    string
	}{
		{e2e.Verdict{State: e2e.VerdictPassed}, "e2e-gate: passed (0 tests passed)"},
		{e2e.Verdict{State: e2e.VerdictFailed, Reasons: []e2e.Reason{reason(e2e.CodeFlaky, e2e.Blocks, 1, "x")}},
			"e2e-gate: failed, and this stage does not block - x"},
		{e2e.Verdict{State: e2e.VerdictNotJudged, Reasons: []e2e.Reason{reason(e2e.CodeLost, e2e.NotJudged, 2, "x")}},
			"e2e-gate: not judged, and this stage does not block - 2 tests never reported"},
		{e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: true, Reasons: []e2e.Reason{reason(e2e.CodeEnvironment, e2e.NotJudged, 1, "x")}},
			"e2e-gate: not judged - 1 test failed because of the environment (ENVIRONMENT_FAILURE)"},
		{e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: true,
			Reasons: []e2e.Reason{reason(e2e.CodeNoTests, e2e.NotJudged, 0, "no test was selected\nat all")}}, "e2e-gate: not judged - no test was selected"},
		{e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: true, // a flake is not judged because of something else
			Reasons: []e2e.Reason{reason(e2e.CodeFlaky, e2e.NotJudged, 1, "1 test flaky"), reason(e2e.CodeRunnerExit, e2e.NotJudged, 2, "the runner ended early")}},
			"e2e-gate: not judged - the runner ended early"},
		{e2e.Verdict{State: e2e.VerdictNotJudged, Blocks: true}, "e2e-gate: not judged - no reason was given"},
		{e2e.Verdict{State: "new", Blocks: true}, "e2e-gate: not judged - the result holds no verdict"},
	} {
		if got := HeadlineOf(e2e.Result{Verdict: c.verdict}).Text("-"); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Every test that blocks or has no result is in exactly one finding.
func TestFindingsHoldEveryTest(t *testing.T) {
	for name, r := range results() {
		seen := map[string]int{}
		for _, f := range Findings(r) {
			for _, id := range f.Tests {
				seen[id]++
			}
			if f.Next == "" || f.Category == "" {
				t.Errorf("%s: a finding without category or next step: %+v", name, f)
			}
		}
		for _, x := range r.Tests {
			want := 0
			if needsAttention(&x) {
				want = 1
			}
			if seen[x.ID] != want {
				t.Errorf("%s: %s is in %d findings, want %d", name, x.ID, seen[x.ID], want)
			}
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for s, want := range map[float64]string{-1: "0 s", 0: "0.00 s", 0.344: "0.34 s", 12.34: "12.3 s", 185: "3m 05s", 7260: "2h 01m"} {
		if got := seconds(s); got != want {
			t.Errorf("seconds(%v) = %s, want %s", s, got, want)
		}
	}
	if got := fmt.Sprintln(thousands(1), thousands(1234), thousands(1234567)); got != "1 1,234 1,234,567\n" {
		t.Error(got)
	}
}

func BenchmarkMarkdownOf500Failures(b *testing.B) {
	r := manyFailures()
	for b.Loop() {
		Markdown(r, Options{MaxBytes: 65_000})
	}
}

func BenchmarkHTMLOf500Failures(b *testing.B) {
	r := manyFailures()
	for b.Loop() {
		HTML(r, PageOptions{})
	}
}

func BenchmarkJUnitOf500Failures(b *testing.B) {
	r := manyFailures()
	for b.Loop() {
		JUnit(r)
	}
}
