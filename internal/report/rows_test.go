package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

func TestSinceOfSeveral(t *testing.T) {
	past := func(texts ...string) (list []*e2e.TestResult) {
		for _, text := range texts {
			one := &e2e.TestResult{}
			if text != "" {
				one.History = &e2e.TestHistory{Text: text}
			}
			list = append(list, one)
		}
		return list
	}
	for _, c := range []struct {
		texts []string
		want  string
	}{
		{nil, ""}, {[]string{""}, ""}, {[]string{"a"}, "a"}, {[]string{"a", "a"}, "a"}, {[]string{"a", ""}, "1 of 2: a"},
		{[]string{"a", "b", "b"}, "2 of 3: b; 1 of 3: a"}, {[]string{"c", "b", "a"}, "1 of 3: c; 1 of 3: b"},
	} {
		if got := sinceOf(past(c.texts...)); got != c.want {
			t.Errorf("%v: %q, want %q", c.texts, got, c.want)
		}
	}
}

// Every output says since when a test fails.
func TestSinceIsEverywhere(t *testing.T) {
	r := blockedWithClusters()
	for name, text := range map[string]string{"comment": Comment(r, CommentOptions{}), "summary": Markdown(r, Options{}), "page": string(HTML(r, PageOptions{})),
		"terminal": strings.Join(strings.Fields(Final(r, FinalOptions{})), " ")} {
		for _, want := range []string{"fails on main too since 2026-03-11 (4 runs)", "flaky in 3 of the last 20 runs"} {
			if !strings.Contains(text, want) {
				t.Errorf("the %s does not say %q", name, want)
			}
		}
	}
}

func TestDeadlines(t *testing.T) {
	f := newFixture()
	add := func(name string, outcome e2e.Outcome, days float64) {
		f.test(name, "a", e2e.ReleaseBlocking, outcome, 1).Quarantine = &e2e.Quarantine{Test: "*::" + name, Owner: "a", Deadline: at(86400 * days), Expired: days < 0}
	}
	add("far", e2e.Failed, 8)
	add("week", e2e.Passed, 7)
	add("today", e2e.Flaky, 0)
	add("past", e2e.Failed, -2)
	f.test("none", "a", e2e.ReleaseBlocking, e2e.Failed, 1).Quarantine = &e2e.Quarantine{Test: "none", Expired: true}
	f.Tests[0].Quarantine.Test, f.test("farther", "a", e2e.ReleaseBlocking, e2e.Failed, 1).Quarantine = "*::far*", f.Tests[0].Quarantine
	var got []string
	for _, d := range deadlines(f.Result) {
		got = append(got, fmt.Sprintf("%s: %s, %s", d.Test, d.When(), d.Now()))
	}
	want := []string{
		"*::past: 2 days ago: the test counts again, still failing or flaky", "none: no deadline: the entry does not count, still failing or flaky",
		"*::today: today, still failing or flaky", "*::week: in 7 days, passes now: remove the entry?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if deadlines(e2e.Result{Tests: f.Tests}) != nil {
		t.Error("deadlines of a run without a day")
	}
}

func TestMentions(t *testing.T) {
	owners := map[string]string{"case-platform": "@acme/case-platform", "case-audit": "@acme/audit", "case-risk": "@acme/risk",
		"case-import": "not a team", "": "@acme/everybody"}
	r := blockedWithClusters()
	if got := Mentions(r, owners); !slices.Equal(got, []string{"@acme/case-platform"}) {
		t.Errorf("%v: only failures that block and did not fail before call anybody", got)
	}
	for name, change := range map[string]func(*e2e.Result){
		"not judged":       func(r *e2e.Result) { r.Verdict.State = e2e.VerdictNotJudged },
		"passed":           func(r *e2e.Result) { r.Verdict = e2e.Verdict{State: e2e.VerdictPassed} },
		"does not block":   func(r *e2e.Result) { r.Verdict.Blocks = false },
		"was there before": func(r *e2e.Result) { failBefore(r) },
	} {
		r := blockedWithClusters()
		change(&r)
		if got := Mentions(r, owners); got != nil {
			t.Errorf("%s: %v are called", name, got)
		}
	}
	text := Comment(r, CommentOptions{Owners: owners})
	if !strings.Contains(text, "\n\nNew blocking failures, cc @acme/case-platform\n\n") || strings.Count(text, "@") != 1 {
		t.Error("the comment does not call exactly that team")
	}
	if strings.Contains(Comment(r, CommentOptions{}), "@") {
		t.Error("somebody is called without a map of owners")
	}
}

func failBefore(r *e2e.Result) {
	for i := range r.Tests {
		r.Tests[i].History = &e2e.TestHistory{State: "failing-on-main"}
	}
}

// What a test's owner is called cannot call anybody.
func TestMentionsOfHostileOwners(t *testing.T) {
	r := hostileNames()
	for _, owner := range []string{"@team x", "@team\n@other", "@a/b/c", "team", "@", "@-x", "@a/../b", "@" + strings.Repeat("x", 40), "<!-- @x -->"} {
		if got := Mentions(r, map[string]string{hostileText: owner}); got != nil || safetext.ValidMention(owner) {
			t.Errorf("%q is called", owner)
		}
	}
	if got := Mentions(r, map[string]string{hostileText: "@acme/team_1.x"}); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// A retry of the framework says which one it was, and what does not count says why.
func TestWhereAttemptsComeFrom(t *testing.T) {
	from := func(source e2e.AttemptSource, uncounted string) e2e.Attempt {
		return e2e.Attempt{Source: source, Uncounted: uncounted}
	}
	list := []e2e.Attempt{
		from(e2e.SourceFirst, ""), from(e2e.SourceFramework, ""), from(e2e.SourceFramework, ""), from(e2e.SourceDiagnostic, "it ended badly"),
		from(e2e.SourceFramework, "too late"), from(e2e.SourceBeside, ""),
	}
	for i, want := range []string{"", " on retry 1 of 2", " on retry 2 of 2", " (diagnostic rerun; does not count: it ended badly)",
		" (retry 1 of 1; does not count: too late)", " (beside the rerun of another test)"} {
		if on, source := retried(list, i); on+source != want {
			t.Errorf("attempt %d: %q, want %q", i+1, on+source, want)
		}
	}
	old := []e2e.Attempt{from(e2e.SourceFramework, ""), from(e2e.SourceFirst, "")} // of older versions
	if got := sourceText(old, 0); got != "the framework's own retry" {
		t.Errorf("%q", got)
	}
}

// Attempts stand side by side, and output that repeats itself is shown once.
func TestAttemptsSideBySide(t *testing.T) {
	shared := e2e.Result{Shards: []e2e.ShardResult{{Units: []e2e.UnitRun{{Log: "units/1/output.log", Shared: []string{"units/1/evidence/net.har"}}}}}}
	got := attemptDetails(shared, []e2e.Attempt{
		{N: 1, Outcome: e2e.Failed, Seconds: 5, Message: "boom", Details: "stack", Files: []string{"units/1/output.log"}},
		{N: 2, Outcome: e2e.Failed, Source: e2e.SourceDiagnostic, Seconds: 6, Message: "bang", Details: "stack"},
	})
	for _, want := range []string{"| Attempt 1 | Attempt 2, diagnostic rerun |",
		"| **failed** after 5.0 s on shard 0 | **failed** after 6.0 s on shard 0 |", "| boom | bang |", "printed the same as attempt 1",
		"Files of its batch, of no test in particular: `units/1/evidence/net.har`"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Count(got, "stack") != 1 {
		t.Error("the output is there twice")
	}
}
