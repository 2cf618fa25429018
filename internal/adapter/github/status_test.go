package github

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

func setOK(t *testing.T, c *Client, s publish.Status, want publish.Action) {
	t.Helper()
	if out, err := c.SetStatus(context.Background(), head, s); err != nil || out.Action != want {
		t.Fatalf("%+v, %v; want %s", out, err, want)
	}
}

func TestStatusIsSetOnce(t *testing.T) {
	s := githubfake.New(t)
	one := publish.Status{Context: "e2e-gate/pr", State: publish.Success, Description: "passed", TargetURL: "https://github.com/acme/cases/actions/runs/7001"}
	c := client(t, s)
	setOK(t, c, one, publish.Created)
	setOK(t, c, one, publish.Unchanged)
	setOK(t, client(t, s), one, publish.Unchanged)
	if n := s.Count("POST"); n != 1 || s.Count("") != 3 {
		t.Errorf("%+v", s.Requests())
	}
	want := githubfake.Status{SHA: head, Context: one.Context, State: "success", Description: "passed", TargetURL: one.TargetURL, Creator: githubfake.JobBot}
	if got := s.Statuses(); len(got) != 1 || got[0] != want {
		t.Errorf("%+v", got)
	}
}

// Only the latest status of the context counts.
func TestStatusIsSetAgain(t *testing.T) {
	one := publish.Status{Context: "e2e-gate/pr", State: publish.Success, Description: "passed"}
	for _, there := range []githubfake.Status{
		{SHA: head, Context: "e2e-gate/pr", State: "failure", Description: "passed"},
		{SHA: head, Context: "e2e-gate/pr", State: "success", Description: "other"},
		{SHA: head, Context: "e2e-gate/pr", State: "success", Description: "passed", TargetURL: "https://github.com/x"},
		{SHA: head, Context: "other", State: "success", Description: "passed"},
		{SHA: strings.Repeat("0", 40), Context: "e2e-gate/pr", State: "success", Description: "passed"},
	} {
		s := githubfake.New(t)
		s.AddStatus(githubfake.Status{SHA: head, Context: "e2e-gate/pr", State: "success", Description: "passed"})
		if there.Context == "other" || there.SHA != head {
			s = githubfake.New(t)
		}
		s.AddStatus(there)
		setOK(t, client(t, s), one, publish.Created)
	}
}

// What cannot be read is written all the same.
func TestStatusThatCannotBeRead(t *testing.T) {
	s := githubfake.New(t)
	s.Fail(githubfake.Answers("GET", 403, "no"))
	setOK(t, client(t, s), publish.Status{State: publish.StateError}, publish.Created)
	if got := s.Statuses()[0]; got.Context != "e2e-gate" {
		t.Errorf("%+v", got)
	}
	s.Fail(githubfake.Answers("GET", 403, "no"))
	if _, err := client(t, s).SetStatus(t.Context(), head, publish.Status{State: publish.Pending}); err == nil {
		t.Error("a pending status took the place of one that is not known")
	}
}

func TestStatusTextIsMadeToFit(t *testing.T) {
	s := githubfake.New(t)
	long := publish.Status{Context: " a\n" + strings.Repeat("c", 400), State: publish.StateError, Description: "x\x1b[31m\n" + strings.Repeat("😀", 400),
		TargetURL: "javascript:alert(1)"}
	setOK(t, client(t, s), long, publish.Created)
	setOK(t, client(t, s), long, publish.Unchanged)
	got := s.Statuses()[0]
	if utf8.RuneCountInString(got.Description) != 140 || !strings.HasPrefix(got.Description, "x 😀") || !strings.HasSuffix(got.Description, "😀…") ||
		got.TargetURL != "" || len(got.Context) > maxContext {
		t.Errorf("%+v", got)
	}
}

func TestStatusErrors(t *testing.T) {
	s := githubfake.New(t)
	c := client(t, s)
	for _, state := range []publish.State{"", "neutral", "passed"} {
		_, err := c.SetStatus(context.Background(), head, publish.Status{State: state})
		sentence(t, err, "the commit status was not published", "unknown state")
	}
	for _, sha := range []string{"", "main", head[:7], "../" + head} {
		_, err := c.SetStatus(context.Background(), sha, publish.Status{State: publish.Success})
		sentence(t, err, "full hash")
	}
	if n := s.Count(""); n != 0 {
		t.Errorf("%d requests", n)
	}
	s.Fail(githubfake.ForbiddenWrite())
	_, err := c.SetStatus(context.Background(), head, publish.Status{State: publish.Failure})
	sentence(t, err, "403", "`permissions: statuses: write`")
}

// A run that ends late does not turn the red of a newer one green; red always goes
// through.
func TestStatusOfAnOlderRun(t *testing.T) {
	const pages = "https://github.com/acme/cases/actions/runs/"
	for _, c := range []struct {
		there, theirs string
		state         publish.State
		page          string
		want          publish.Action
	}{
		{"failure", pages + "7002", publish.Success, pages + "7001", publish.Superseded},
		{"error", pages + "7002", publish.Success, pages + "7001", publish.Superseded},
		{"pending", pages + "7002", publish.Success, pages + "7001", publish.Superseded},
		{"failure", pages + "10000", publish.Success, pages + "9999", publish.Superseded},
		{"failure", pages + "7001/attempts/2", publish.Success, pages + "7001", publish.Superseded},
		{"failure", pages + "7001/attempts/10", publish.Success, pages + "7001/attempts/9", publish.Superseded},
		{"failure", pages + "7001", publish.Success, pages + "7001", publish.Superseded}, // another job of the run, or another try
		{"failure", pages + "7001", publish.Success, pages + "7001/attempts/2", publish.Created},
		{"failure", pages + "7001", publish.Success, pages + "7002", publish.Created},
		{"failure", pages + "7001", publish.Pending, pages + "7001/attempts/2", publish.Created},
		{"success", pages + "7001", publish.Pending, pages + "7001/attempts/2", publish.Created},
		{"failure", pages + "7001/attempts/2", publish.Pending, pages + "7001/attempts/2", publish.Superseded}, // another job of the attempt
		{"failure", pages + "7002", publish.Pending, pages + "7001/attempts/2", publish.Superseded},
		{"pending", pages + "7001/attempts/2", publish.Success, pages + "7001/attempts/2", publish.Created},
		{"success", pages + "7002", publish.Success, pages + "7001", publish.Created},
		{"success", pages + "7002", publish.Failure, pages + "7001", publish.Created},
		{"failure", "https://ci.example/acme/cases/actions/runs/7002", publish.Success, pages + "7001", publish.Created},
		{"failure", "", publish.Success, pages + "7001", publish.Created},
	} {
		s := githubfake.New(t)
		s.AddStatus(githubfake.Status{SHA: head, Context: "e2e-gate/pr", State: c.there, Description: "theirs", TargetURL: c.theirs})
		setOK(t, client(t, s), publish.Status{Context: "e2e-gate/pr", State: c.state, Description: "ours", TargetURL: c.page}, c.want)
		if latest := s.Statuses()[0]; (latest.Description == "theirs") != (c.want == publish.Superseded) {
			t.Errorf("%+v over %s of %s", latest, c.there, c.theirs)
		}
	}
	s := githubfake.New(t)
	red := publish.Status{Context: "e2e-gate/pr", State: publish.StateError, TargetURL: pages + "7001"}
	setOK(t, client(t, s), red, publish.Created)
	setOK(t, client(t, s), publish.Status{Context: "e2e-gate/pr", State: publish.Success, TargetURL: pages + "7001", Redo: true}, publish.Created)
	for page, want := range map[string]string{pages + "7": pages + "7/attempts/3", "": "", "https://ci.example/x": "https://ci.example/x"} {
		if got := RunPage(page, 3); got != want || RunPage(page, 1) != page {
			t.Errorf("%s: %s", page, got)
		}
	}
}

// A commit may have more statuses than a page has room for.
func TestStatusOnALaterPage(t *testing.T) {
	const pages = "https://github.com/acme/cases/actions/runs/"
	s := githubfake.New(t)
	s.AddStatus(githubfake.Status{SHA: head, Context: "e2e-gate/pr", State: "failure", TargetURL: pages + "7002"})
	for i := range 130 {
		s.AddStatus(githubfake.Status{SHA: head, Context: fmt.Sprintf("ci/%d", i), State: "success"})
	}
	setOK(t, client(t, s), publish.Status{Context: "e2e-gate/pr", State: publish.Success, TargetURL: pages + "7001"}, publish.Superseded)
}

// An early failure is no verdict: it replaces none of its own attempt or a newer one, and every
// verdict of its attempt replaces it.
func TestEarlyFailures(t *testing.T) {
	const pages = "https://github.com/acme/cases/actions/runs/"
	early := publish.EarlyStatus("pr", "", pages+"7001", []e2e.TestResult{{Test: e2e.Test{Name: "TestSubmit", Owner: "case-platform"}}})
	if early.Description != "failing early: TestSubmit (case-platform); the verdict follows" || early.Context != "e2e-gate/pr" || !early.Early() {
		t.Fatalf("%+v", early)
	}
	of := func(state publish.State, page string) publish.Status {
		return publish.Status{Context: "e2e-gate/pr", State: state, Description: "e2e-gate pr: " + string(state), TargetURL: page}
	}
	for name, c := range map[string]struct {
		there, then publish.Status
		want        publish.Action
	}{
		"nothing is there":                      {publish.Status{}, early, publish.Created},
		"after a pass of this attempt":          {of(publish.Success, pages+"7001"), early, publish.Superseded},
		"after not judged in this attempt":      {of(publish.StateError, pages+"7001"), early, publish.Superseded},
		"after a failure of this attempt":       {of(publish.Failure, pages+"7001"), early, publish.Superseded},
		"after a newer attempt":                 {of(publish.Success, pages+"7001/attempts/2"), early, publish.Superseded},
		"after a newer run":                     {of(publish.Success, pages+"7002"), early, publish.Superseded},
		"after an older run":                    {of(publish.Success, pages+"7000"), early, publish.Created},
		"after a page that says nothing":        {of(publish.Success, "https://ci.example/7"), early, publish.Created},
		"twice":                                 {early, early, publish.Unchanged},
		"the verdict is a failure":              {early, of(publish.Failure, pages+"7001"), publish.Created},
		"the verdict is not judged":             {early, of(publish.StateError, pages+"7001"), publish.Created},
		"the verdict contradicts it":            {early, of(publish.Success, pages+"7001"), publish.Corrected},
		"a later attempt passes":                {early, of(publish.Success, pages+"7001/attempts/2"), publish.Created},
		"an older run passes":                   {early, of(publish.Success, pages+"7000"), publish.Superseded},
		"a failure that is a verdict stays red": {of(publish.Failure, pages+"7001"), of(publish.Success, pages+"7001"), publish.Superseded},
	} {
		t.Run(name, func(t *testing.T) {
			s := githubfake.New(t)
			if c.there.State != "" {
				s.AddStatus(githubfake.Status{SHA: head, Context: c.there.Context, State: string(c.there.State), Description: c.there.Description,
					TargetURL: c.there.TargetURL})
			}
			out, err := client(t, s).SetStatus(context.Background(), head, c.then)
			if err != nil || out.Action != c.want || (c.want == publish.Corrected) != strings.Contains(out.Note, "the verdict counts") {
				t.Fatalf("%+v, %v; want %s", out, err, c.want)
			}
			if latest := s.Statuses()[0]; (latest.Description == c.then.Description) != (c.want != publish.Superseded) {
				t.Errorf("%+v", latest)
			}
		})
	}
	s := githubfake.New(t)
	s.Fail(githubfake.Answers("GET", 403, "no"))
	_, err := client(t, s).SetStatus(context.Background(), head, early)
	if sentence(t, err, "403"); s.Count("POST") != 0 {
		t.Errorf("%+v", s.Requests())
	}
}
