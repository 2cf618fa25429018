package github

import (
	"context"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const newer = "fedcba9876543210fedcba9876543210fedcba98"

const newerPage = "https://github.example/acme/cases/actions/runs/7002"

func newerStamp(run string, attempt int) publish.Stamp {
	s := stamp(run, attempt)
	s.SHA = newer
	return s
}

func supersede(t testing.TB, c *Client, st publish.Stamp, want publish.Action) {
	t.Helper()
	out, err := c.Supersede(context.Background(), 42, st, newerPage)
	if err != nil || out.Action != want {
		t.Fatalf("%+v, %v; want %s", out, err, want)
	}
}

// When a newer commit is being judged, the comment says so first, keeps what it said,
// and says it once however many commits follow.
func TestSuperseded(t *testing.T) {
	s := githubfake.New(t)
	upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
	supersede(t, client(t, s), newerStamp("7002", 1), publish.Updated)
	body := s.Comments()[0].Body
	want := "## ⏳ e2e-gate pr (pr): being judged — commit `fedcba9876`\n\nThere is no verdict yet: [this run](" + newerPage +
		") will post it here. If that run has ended and this note remains, it was stopped before it could write: re-run it. The result of `0123456789` holds for " +
		"that commit only.\n\n" +
		"<details><summary>Result of <code>0123456789</code></summary>\n\n" + strings.TrimSpace(plain) + "\n\n</details>\n"
	if _, got, ok := readMarker(body); !ok || got != want {
		t.Fatalf("%s\nwant\n%s", body, want)
	}
	third := newerStamp("7003", 1)
	third.SHA = strings.Repeat("c", 40)
	supersede(t, client(t, s), third, publish.Updated)
	body = s.Comments()[0].Body
	if strings.Count(body, supersededFold) != 1 || !strings.Contains(body, "being judged — commit `cccccccccc`") ||
		!strings.Contains(body, "result of `0123456789` holds") || strings.Count(body, "</details>") != 1 {
		t.Errorf("%s", body)
	}
	// The run in between ends now: its commit is no longer the one that counts.
	upsertOK(t, client(t, s), newerStamp("7002", 1), "late", publish.Superseded)
	upsertOK(t, client(t, s), third, "third", publish.Updated)
	only(t, s, third, "third")
}

// Nothing to say: no comment, the same commit, a newer run's comment, no commit.
func TestNotSuperseded(t *testing.T) {
	for name, c := range map[string]struct {
		there string
		run   publish.Stamp
	}{
		"no comment":     {"", newerStamp("7002", 1)},
		"same commit":    {mark(stamp("7001", 1), plain), stamp("7002", 1)},
		"newer run":      {mark(newerStamp("7009", 1), plain), stamp("7002", 1)},
		"unknown commit": {mark(publish.Stamp{Key: "pr", Stage: "pr", WorkflowRun: "1"}, plain), newerStamp("7002", 1)},
	} {
		s := githubfake.New(t)
		if c.there != "" {
			s.AddComment(githubfake.JobBot, c.there)
		}
		supersede(t, client(t, s), c.run, publish.Unchanged)
		if s.Count("PATCH")+s.Count("POST") != 0 || s.Count("") != 1 || c.there != "" && s.Comments()[0].Body != c.there {
			t.Errorf("%s: %+v", name, s.Requests())
		}
	}
	s := githubfake.New(t)
	supersede(t, client(t, s), publish.Stamp{SHA: "short"}, "")
	if s.Count("") != 0 {
		t.Errorf("%+v", s.Requests())
	}
}

// With a comment of an older commit there is no status of this one to compare with, so
// none is read.
func TestSupersededCostsNoRequest(t *testing.T) {
	s := githubfake.New(t)
	upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
	c, before := client(t, s), s.Count("")
	supersede(t, c, newerStamp("7002", 1), publish.Updated)
	upsertOK(t, c, newerStamp("7002", 1), "new", publish.Updated)
	if out, err := c.SetStatus(context.Background(), newer, publish.Status{State: publish.Success}); err != nil || out.Action != publish.Created {
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
	_, err := client(t, s).Supersede(context.Background(), 42, newerStamp("7002", 1), newerPage)
	sentence(t, err, "403")
	only(t, s, stamp("7001", 1), plain)
}

// A newer run that judged the same commit meanwhile has said so in the comment: the
// status is asked for then, and its red stays.
func TestSupersededIsNotFreshForEver(t *testing.T) {
	s := githubfake.New(t)
	upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
	slow := client(t, s)
	supersede(t, slow, newerStamp("7002", 1), publish.Updated)
	fast := client(t, s)
	upsertOK(t, fast, newerStamp("7003", 1), "blocked", publish.Updated)
	red := publish.Status{Context: "e2e-gate/pr", State: publish.Failure, TargetURL: "https://github.example/acme/cases/actions/runs/7003"}
	if _, err := fast.SetStatus(context.Background(), newer, red); err != nil {
		t.Fatal(err)
	}
	upsertOK(t, slow, newerStamp("7002", 1), "passed", publish.Superseded)
	if out, err := slow.SetStatus(context.Background(), newer,
		publish.Status{Context: "e2e-gate/pr", State: publish.Success, TargetURL: newerPage}); err != nil || out.Action != publish.Superseded {
		t.Fatal(out, err)
	}
	if got := s.Statuses(); len(got) != 1 || got[0].State != "failure" {
		t.Errorf("%+v", got)
	}
}
