package github

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const (
	head  = "0123456789abcdef0123456789abcdef01234567"
	plain = "## passed\n\nNothing to do.\n"
)

func stamp(run string, attempt int) publish.Stamp {
	return publish.Stamp{Key: "pr", Stage: "pr", WorkflowRun: run, Attempt: attempt, SHA: head}
}

// client talks to a fake within the process.
func client(t testing.TB, s *githubfake.Server, set ...func(*Options)) *Client {
	t.Helper()
	o := Options{BaseURL: "http://api.test" + s.Prefix, GraphQLURL: s.ListenGraphQL("http://api.test" + s.Prefix), Repository: s.Repository,
		Token: githubfake.JobToken, Transport: s.Transport()}
	for _, f := range set {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func person(o *Options) { o.Token = githubfake.PersonToken }

// bubble runs a test in time of its own.
func bubble(t *testing.T, f func(t *testing.T, s *githubfake.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, githubfake.New(t)) })
}

// upsertOK publishes and wants an action.
func upsertOK(t testing.TB, c *Client, st publish.Stamp, body string, want publish.Action) publish.Outcome {
	t.Helper()
	out, err := c.UpsertComment(context.Background(), 42, st, body)
	if err != nil || out.Action != want {
		t.Fatalf("%+v, %v; want %s", out, err, want)
	}
	return out
}

// only wants one comment with a body and the stamp's run on the pull request.
func only(t testing.TB, s *githubfake.Server, st publish.Stamp, body string) {
	t.Helper()
	list := s.Comments()
	if len(list) != 1 {
		t.Fatalf("%d comments, want 1: %+v", len(list), list)
	}
	holds(t, list[0].Body, st, body)
}

func holds(t testing.TB, text string, st publish.Stamp, body string) {
	t.Helper()
	m, got, ok := readMarker(text)
	if !ok || got != body || !m.of(st) || m.compare(st) != 0 || m.hash != hash(body) {
		t.Fatalf("%+v, %v\n%s\nwant %s", m, ok, got, body)
	}
}

// sentence wants an error of one line with all the words, and without the token.
func sentence(t testing.TB, err error, words ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v", err, err)
	}
	text := e.Error()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
	if strings.Contains(text, "\n") || strings.Contains(text, githubfake.JobToken) || len(text) > 600 {
		t.Errorf("not one sentence, or with the token: %q", text)
	}
}

// took wants the time of a call within bounds, in the bubble's time.
func took(t testing.TB, start time.Time, low, high time.Duration) {
	t.Helper()
	if d := time.Since(start); d < low || d > high {
		t.Errorf("it took %s, want %s to %s", d, low, high)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
