package github

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// The pull requests of a merge group are those of its queue up to its commit, whatever
// the order of the answer, in one request.
func TestQueuedPRs(t *testing.T) {
	queue := []githubfake.QueueEntry{{PR: 12, SHA: "a"}, {PR: 15, SHA: "b"}, {PR: 17, SHA: head}, {PR: 18, SHA: "c"}, {PR: 19}}
	for name, c := range map[string]struct {
		branch, sha, prefix string
		want                []int
	}{
		"the third":      {"main", head, "", []int{12, 15, 17}},
		"the first":      {"main", "a", "", []int{12}},
		"on Enterprise":  {"main", head, "/api/v3", []int{12, 15, 17}},
		"merged already": {"main", "gone", "", nil},
		"no queue":       {"dev", head, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := githubfake.New(t)
			s.Prefix, s.Queue = c.prefix, map[string][]githubfake.QueueEntry{"main": queue}
			got, err := client(t, s).QueuedPRs(context.Background(), c.branch, c.sha)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil || s.Count("") != 1 {
				t.Errorf("%v, %d requests\n%s", err, s.Count(""), diff)
			}
		})
	}
}

func TestQueueThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		fault githubfake.Fault
		words []string
	}{
		"refused":   {githubfake.GraphQLRefused("FORBIDDEN", "Resource not accessible by integration"), []string{"the merge queue was not read", "not accessible"}},
		"no answer": {githubfake.Truncated("POST", 1), []string{"no data"}},
		"403":       {githubfake.Answers("POST", 403, "no"), []string{"403", "contents: read"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := githubfake.New(t)
			s.Fail(c.fault)
			_, err := client(t, s).QueuedPRs(context.Background(), "main", head)
			sentence(t, err, c.words...)
		})
	}
	s := githubfake.New(t)
	s.Repository = "acme/other"
	_, err := client(t, s, func(o *Options) { o.Repository = "acme/cases" }).QueuedPRs(context.Background(), "main", head)
	sentence(t, err, "Could not resolve to a Repository")
}

// Title, head and status of several pull requests come in one request; a status of another name,
// and one that was replaced, do not count.
func TestGroupedPRs(t *testing.T) {
	for _, prefix := range []string{"", "/api/v3"} {
		s := githubfake.New(t)
		s.Prefix = prefix
		s.Pulls = []githubfake.Pull{{Number: 12, SHA: head, Title: "one", Files: []string{"a", "b"}}, {Number: 15, SHA: "b", Title: "two"}, {Number: 17, SHA: "c"}}
		for _, st := range []githubfake.Status{{SHA: head, Context: "e2e-gate/pr", State: "failure"}, {SHA: head, Context: "e2e-gate/pr", State: "success"},
			{SHA: "b", Context: "other", State: "success"}} {
			s.AddStatus(st)
		}
		got, err := client(t, s).GroupedPRs(context.Background(), []int{17, 12, 15}, "e2e-gate/pr")
		want := []forge.GroupedPR{{Number: 17, SHA: "c"}, {Number: 12, Title: "one", SHA: head, Status: "success", Files: 2}, {Number: 15, Title: "two", SHA: "b"}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil || s.Count("") != 1 {
			t.Errorf("%v, %d requests\n%s", err, s.Count(""), diff)
		}
		_, err = client(t, s).GroupedPRs(context.Background(), []int{12, 99}, "e2e-gate/pr")
		sentence(t, err, "the list of pull requests of the merge group was not read", "Could not resolve to a PullRequest")
	}
}

// The token goes to GraphQL on the API's own host only.
func TestGraphQLStaysAtHome(t *testing.T) {
	for address, want := range map[string]bool{
		"https://api.github.com/graphql": true, "": false, "https://evil.example/graphql": false, "http://api.github.com/graphql": false,
		"https://u:p@api.github.com/graphql": false, "https://api.github.com/graphql?x": false, "://": false,
	} {
		asked := false
		c, err := New(Options{Repository: "acme/cases", Token: "t", GraphQLURL: address, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = true
			return nil, http.ErrHandlerTimeout
		})})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.QueuedPRs(context.Background(), "main", head)
		if err == nil || asked != want {
			t.Errorf("%s: asked %v, %v", address, asked, err)
		}
	}
}

// A double that cannot be deleted is folded as outdated; where that is refused too, it
// is tried once and nothing is lost.
func TestDoublesAreFolded(t *testing.T) {
	for name, refused := range map[string]bool{"may fold": false, "may not": true} {
		t.Run(name, func(t *testing.T) {
			s := githubfake.New(t)
			for _, run := range []string{"3", "4", "5", "6", "7", "8"} {
				s.AddComment(githubfake.JobBot, mark(stamp(run, 1), run))
			}
			s.Fail(githubfake.Answers("DELETE", 403, "no"))
			if refused {
				s.Fail(githubfake.GraphQLRefused("FORBIDDEN", "no"))
			}
			upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Updated)
			var folded []string
			for _, c := range s.Comments() {
				folded = append(folded, c.Minimised)
			}
			want := []string{"", "OUTDATED", "OUTDATED", "OUTDATED", "", ""}
			if refused {
				want = make([]string, 6)
			}
			if diff := cmp.Diff(want, folded); diff != "" || s.Count("DELETE") != 1 || s.Count("") > 7 {
				t.Errorf("%d requests\n%s", s.Count(""), diff)
			}
		})
	}
}

// A comment of an earlier account that only this account may edit is folded, and ours
// is created; the next run finds ours at once.
func TestTokenOfAnotherAccount(t *testing.T) {
	s := githubfake.New(t)
	s.OwnOnly = true
	s.AddToken("app-token", githubfake.User{Login: "acme-gate[bot]", Type: "Bot"})
	app := func(o *Options) { o.Token = "app-token" }
	old := s.AddComment(githubfake.JobBot, mark(stamp("7001", 1), "old"))
	upsertOK(t, client(t, s, app), stamp("7002", 1), plain, publish.Created)
	list := s.Comments()
	if len(list) != 2 || list[0].ID != old || list[0].Minimised != "OUTDATED" || list[1].Minimised != "" {
		t.Fatalf("%+v", list)
	}
	holds(t, list[1].Body, stamp("7002", 1), plain)
	before := s.Count("")
	upsertOK(t, client(t, s, app), stamp("7003", 1), "next", publish.Updated)
	holds(t, s.Comments()[1].Body, stamp("7003", 1), "next")
	if n := s.Count("") - before; n != 3 || len(s.Comments()) != 2 {
		t.Errorf("%d requests, %+v", n, s.Comments())
	}
}

// A token that may write nothing says so, as before.
func TestReadOnlyTokenIsNoOtherAccount(t *testing.T) {
	s := githubfake.New(t)
	s.AddComment(githubfake.JobBot, mark(stamp("7001", 1), "old"))
	s.Fail(githubfake.ForbiddenWrite())
	_, err := client(t, s).UpsertComment(context.Background(), 42, stamp("7002", 1), plain)
	sentence(t, err, "the PR comment was not published", "pull-requests: write")
	if s.Count("") != 3 || s.Comments()[0].Minimised != "" {
		t.Errorf("%+v", s.Requests())
	}
}
