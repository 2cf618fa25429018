//go:build unix

package cli

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const failing = `<failure message=\"expected 1, got 2\"/>`

// draft is a fake with a draft of v1.2.0 whose commit is the one under test.
func draft(t *testing.T) *githubfake.Server {
	t.Helper()
	fake := githubfake.New(t)
	fake.Releases = []githubfake.Release{{ID: 5, Tag: "v1.3.0", Target: "main", Draft: true},
		{ID: 6, Tag: "v1.2.0", Target: commitSHA, Draft: true, Body: "## What is new\r\n\r\nA lot.\r\n"}}
	fake.Refs = map[string]string{"heads/main": strings.Repeat("d", 40)}
	return fake
}

func tagPush(t *testing.T, fake *githubfake.Server, outcome, runID string) event {
	t.Helper()
	return event{t: t, name: "push", url: fake.Listen(), outcome: outcome, runID: runID, payload: `{"ref": "refs/tags/v1.2.0"}`,
		env: []string{"GITHUB_REF=refs/tags/v1.2.0", "GITHUB_SHA=" + commitSHA}}
}

func TestDraftOfAPushedTag(t *testing.T) {
	fake := draft(t)
	run := tagPush(t, fake, failing, "7")
	if status, stderr := run.run("--comment", "--promote"); status != 1 || !strings.Contains(stderr, "was not published: the verdict is failed") {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	r := fake.ReleaseNow(6)
	if !r.Draft || !strings.HasPrefix(r.Body, "## What is new\n\nA lot.\n\n<!-- e2e-gate:v1 ") || !strings.Contains(r.Body, "blocked") || len(r.Assets) != 2 {
		t.Fatalf("%+v", r)
	}
	if s := fake.Statuses(); len(s) != 1 || s[0].SHA != commitSHA || s[0].State != "failure" {
		t.Errorf("%+v", s)
	}
	// The next run passes: the section and the files are replaced, the draft is published
	// as of the commit that was judged.
	run.outcome, run.runID = "", "8"
	if status, stderr := run.run("--comment", "--promote"); status != 0 {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	r = fake.ReleaseNow(6)
	if r.Draft || strings.Count(r.Body, "<!-- e2e-gate:v1 ") != 1 || strings.Contains(r.Body, "blocked") || !strings.Contains(r.Body, "A lot.") ||
		r.Target != commitSHA {
		t.Errorf("%+v", r)
	}
	for i, name := range []string{"e2e-gate-pr-result.json", "e2e-gate-pr-report.html"} {
		if len(r.Assets) != 2 || r.Assets[i].Name != name || r.Assets[i].Label != "e2e-gate run 8 attempt 1" || len(r.Assets[i].Data) < 100 {
			t.Errorf("%+v", r.Assets)
		}
	}
}

func TestRequestsForADraft(t *testing.T) {
	fake := draft(t)
	if status, stderr := tagPush(t, fake, "", "7").run("--comment", "--promote"); status != 0 || fake.ReleaseNow(6).Draft {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	if n := fake.Count("") - len(fake.ReleaseNow(6).Assets); n > 10 { // its files come on top
		t.Errorf("%d requests", n)
	}
}

// Not without being asked, not without a pass, not without the evidence, not another
// commit, and a tag that moved is another commit.
func TestNotPromoted(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*githubfake.Server)
		args   []string
		says   string
	}{
		"not asked": {nil, []string{"--comment"}, ""},
		"upload refused": {func(s *githubfake.Server) { s.Fail(githubfake.Answers("POST", 422, "no room")) }, []string{"--comment", "--promote"},
			"its evidence is incomplete"},
		"other commit": {func(s *githubfake.Server) { s.Releases[1].Target = strings.Repeat("e", 40) }, []string{"--comment", "--promote"},
			"nothing was written to it"},
		"moved tag":  {func(s *githubfake.Server) { s.Refs["tags/v1.2.0"] = strings.Repeat("e", 40) }, []string{"--promote"}, "nothing was written to it"},
		"no release": {func(s *githubfake.Server) { s.Releases = nil }, []string{"--promote"}, "release v1.2.0 not found with this token"},
		"read-only":  {func(s *githubfake.Server) { s.Fail(githubfake.ForbiddenWrite()) }, []string{"--promote"}, "contents: write"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := draft(t)
			if c.change != nil {
				c.change(fake)
			}
			run, summary := tagPush(t, fake, "", "7"), ""
			run.summary = &summary
			status, stderr := run.run(c.args...)
			r := fake.ReleaseNow(6)
			want := map[bool]int{true: e2e.ExitPassed, false: e2e.ExitNotJudged}[c.says == ""]
			if status != want || want != 0 && !strings.Contains(stderr, "the verdict is passed, and this was asked for and not done: the promotion of the release (") {
				t.Errorf("exit status %d, not %d\n%s", status, want, stderr)
			}
			if len(fake.Releases) > 0 && !r.Draft || !strings.Contains(stderr, c.says) || !strings.Contains(summary, c.says) {
				t.Errorf("exit status %d, draft: %v\n%s\n%s", status, r.Draft, stderr, summary)
			}
		})
	}
}

// On release: published the gate reports and says what it cannot do; an immutable
// release takes notes and nothing else.
func TestPublishedRelease(t *testing.T) {
	fake := githubfake.New(t)
	fake.Releases = []githubfake.Release{{ID: 6, Tag: "v1.2.0", Target: "main", Immutable: true, Body: "Notes."}}
	fake.Refs = map[string]string{"tags/v1.2.0": commitSHA}
	run := event{t: t, name: "release", url: fake.Listen(), outcome: failing,
		payload: `{"action": "published", "release": {"tag_name": "v1.2.0", "target_commitish": "main"}}`,
		env:     []string{"GITHUB_REF=refs/tags/v1.2.0", "GITHUB_SHA=" + commitSHA}}
	status, stderr := run.run("--comment", "--promote")
	r := fake.ReleaseNow(6)
	if status != 1 || !strings.Contains(r.Body, "the verdict cannot stop it") || len(r.Assets) != 0 || strings.Contains(stderr, "not published") {
		t.Errorf("exit status %d, %+v\n%s", status, r, stderr)
	}
	if s := fake.Statuses(); len(s) != 1 || s[0].SHA != commitSHA {
		t.Errorf("%+v", s)
	}
}

// A tag without a release is not an error; without any flag nothing is asked.
func TestTagWithoutARelease(t *testing.T) {
	fake := githubfake.New(t)
	if status, stderr := tagPush(t, fake, "", "7").run("--comment"); status != 0 || strings.Contains(stderr, "not published") || len(fake.Statuses()) != 1 {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
	before := fake.Count("")
	if status, stderr := tagPush(t, fake, "", "7").run(); status != 0 || fake.Count("") != before {
		t.Errorf("exit status %d, %d requests\n%s", status, fake.Count(""), stderr)
	}
}

// An older run that ends last leaves the newer one's section and files.
func TestReleaseOfAnOlderRun(t *testing.T) {
	fake := draft(t)
	run := tagPush(t, fake, failing, "8")
	run.run("--comment")
	run.outcome, run.runID = "", "7"
	status, stderr := run.run("--comment", "--promote")
	r := fake.ReleaseNow(6)
	if status != 0 || !r.Draft || !strings.Contains(r.Body, "blocked") || len(r.Assets) != 2 || !strings.Contains(stderr, "a newer run has judged it") {
		t.Fatalf("exit status %d, %+v\n%s", status, r, stderr)
	}
	for _, a := range r.Assets {
		if a.Label != "e2e-gate run 8 attempt 1" {
			t.Errorf("%s is of %s", a.Name, a.Label)
		}
	}
}
