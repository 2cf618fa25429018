package github

import (
	"context"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const newer = "fedcba9876543210fedcba9876543210fedcba98"

const runPage = "https://github.example/acme/cases/actions/runs/7002"

func newerStamp(run string, attempt int) Stamp {
	s := stamp(run, attempt)
	s.SHA = newer
	return s
}

func supersede(t testing.TB, c *Client, st Stamp, want Action) {
	t.Helper()
	out, err := c.Supersede(context.Background(), 42, st, runPage)
	if err != nil || out.Action != want {
		t.Fatalf("%+v, %v; want %s", out, err, want)
	}
}

// When a newer commit is being judged, the comment says so first, keeps what it said,
// and says it once however many commits follow.
func TestSuperseded(t *testing.T) {
	s := githubfake.New(t)
	upsertOK(t, client(t, s), stamp("7001", 1), plain, Created)
	supersede(t, client(t, s), newerStamp("7002", 1), Updated)
	body := s.Comments()[0].Body
	want := "## ⏳ e2e-gate pr (pr): being judged — commit `fedcba9876`\n\nThe verdict comes with [this run](" + runPage + "). What was said of `0123456789` holds for that commit only.\n\n" +
		"<details><summary>Result of <code>0123456789</code></summary>\n\n" + strings.TrimSpace(plain) + "\n\n</details>\n"
	if _, got, ok := readMarker(body); !ok || got != want {
		t.Fatalf("%s\nwant\n%s", body, want)
	}
	third := newerStamp("7003", 1)
	third.SHA = strings.Repeat("c", 40)
	supersede(t, client(t, s), third, Updated)
	body = s.Comments()[0].Body
	if strings.Count(body, supersededFold) != 1 || !strings.Contains(body, "being judged — commit `cccccccccc`") || !strings.Contains(body, "said of `0123456789` holds") || strings.Count(body, "</details>") != 1 {
		t.Errorf("%s", body)
	}
	// The run in between ends now: its commit is no longer the one that counts.
	upsertOK(t, client(t, s), newerStamp("7002", 1), "late", Superseded)
	upsertOK(t, client(t, s), third, "third", Updated)
	only(t, s, third, "third")
}

// Nothing to say: no comment, the same commit, a newer run's comment, no commit.
func TestNotSuperseded(t *testing.T) {
	for name, c := range map[string]struct {
		there string
		run   Stamp
	}{
		"no comment":     {"", newerStamp("7002", 1)},
		"same commit":    {mark(stamp("7001", 1), plain), stamp("7002", 1)},
		"newer run":      {mark(newerStamp("7009", 1), plain), stamp("7002", 1)},
		"unknown commit": {mark(Stamp{Key: "pr", Stage: "pr", WorkflowRun: "1"}, plain), newerStamp("7002", 1)},
	} {
		s := githubfake.New(t)
		if c.there != "" {
			s.AddComment(githubfake.JobBot, c.there)
		}
		supersede(t, client(t, s), c.run, Unchanged)
		if s.Count("PATCH")+s.Count("POST") != 0 || s.Count("") != 1 || c.there != "" && s.Comments()[0].Body != c.there {
			t.Errorf("%s: %+v", name, s.Requests())
		}
	}
	s := githubfake.New(t)
	supersede(t, client(t, s), Stamp{SHA: "short"}, "")
	if s.Count("") != 0 {
		t.Errorf("%+v", s.Requests())
	}
}

// With a comment of an older commit there is no status of this one to compare with, so
// none is read.
func TestSupersededCostsNoRequest(t *testing.T) {
	s := githubfake.New(t)
	upsertOK(t, client(t, s), stamp("7001", 1), plain, Created)
	c, before := client(t, s), s.Count("")
	supersede(t, c, newerStamp("7002", 1), Updated)
	upsertOK(t, c, newerStamp("7002", 1), "new", Updated)
	if out, err := c.SetStatus(context.Background(), newer, Status{State: Success}); err != nil || out.Action != Created {
		t.Fatal(out, err)
	}
	if n := s.Count("") - before; n != 6 {
		t.Errorf("%d requests: %+v", n, s.Requests()[before:])
	}
}

// Where the line cannot be written there is one sentence, and nothing is changed.
func TestSupersededRefused(t *testing.T) {
	s := githubfake.New(t)
	s.AddComment(githubfake.JobBot, mark(stamp("7001", 1), plain))
	s.Fail(githubfake.ForbiddenWrite())
	_, err := client(t, s).Supersede(context.Background(), 42, newerStamp("7002", 1), runPage)
	sentence(t, err, "403")
	only(t, s, stamp("7001", 1), plain)
}
