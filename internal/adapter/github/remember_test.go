package github

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

func answered(s *githubfake.Server, method string) (list []int) {
	for _, r := range s.Requests() {
		if r.Method == method {
			list = append(list, r.Status)
		}
	}
	return list
}

// What a client asks for again is asked with a condition, and what changed is seen.
func TestConditionalRequests(t *testing.T) {
	s := githubfake.New(t)
	s.AddComment(githubfake.JobBot, mark(stamp("7001", 1), plain))
	c := client(t, s)
	supersede(t, c, stamp("7002", 1), publish.Unchanged) // the same commit
	upsertOK(t, c, stamp("7002", 1), plain, publish.Unchanged)
	if got := answered(s, "GET"); !slices.Equal(got, []int{200, 304}) {
		t.Errorf("%v", got)
	}
	s.AddComment(githubfake.JobBot, mark(stamp("7009", 1), "newer"))
	upsertOK(t, c, stamp("7002", 1), "ours", publish.Superseded)
	if got := answered(s, "GET"); !slices.Equal(got, []int{200, 304, 200}) {
		t.Errorf("%v", got)
	}
	// Pages are followed, from memory, too.
	for range 150 {
		s.AddComment(githubfake.Person, "talk")
	}
	for range 2 {
		u := c.upsert(42, stamp("7010", 1), "")
		if err := u.read(context.Background()); err != nil || u.page != 2 {
			t.Error(u.page, err)
		}
	}
}

// "Not modified" where nothing was kept is no answer, and one that is too large is not
// kept.
func TestConditionalRequestsHaveBounds(t *testing.T) {
	s := githubfake.New(t)
	s.Fail(githubfake.Answers("GET", http.StatusNotModified, ""))
	_, err := client(t, s).UpsertComment(context.Background(), 42, stamp("7001", 1), plain)
	if err == nil || len(s.Comments()) != 0 {
		t.Error("an answer without a text is taken for an empty list")
	}
	var m memory
	req, _ := http.NewRequest(http.MethodGet, "http://api.test/x", nil)
	resp := func() *http.Response {
		return &http.Response{Request: req, StatusCode: 200, Header: http.Header{"Etag": {`"x"`}}}
	}
	m.keep(resp(), []byte(strings.Repeat("x", maxRemembered+1)))
	m.ask(req)
	if req.Header.Get("If-None-Match") != "" || m.bytes != 0 {
		t.Errorf("%d bytes are kept", m.bytes)
	}
	m.keep(resp(), []byte("one"))
	m.keep(resp(), []byte("second"))
	if m.ask(req); req.Header.Get("If-None-Match") != `"x"` || m.bytes != len("second") {
		t.Errorf("%d bytes", m.bytes)
	}
}
