package githubfake

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// witness is a test that may fail without failing ours.
type witness struct {
	testing.TB
	said []string
}

func (w *witness) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

// ask makes one request of a fresh server and returns its answer, its body and what
// the server held against the test.
func ask(t *testing.T, s *Server, method, path, body string) (int, string, []string) {
	t.Helper()
	w := &witness{TB: t}
	s.t = w
	req, err := http.NewRequest(method, "http://api.test"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+PersonToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data), w.said
}

const (
	thread = "/repos/acme/cases/issues/42/comments"
	state  = "/repos/acme/cases/statuses/0123456789abcdef0123456789abcdef01234567"
)

// A request that GitHub would refuse fails the test.
func TestStrictness(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		status             int
		said               string
		described          bool
	}{
		{"GET", "/repos/acme/cases/labels", "", 501, "no route for", false},
		{"PUT", thread, "{}", 501, "no route for", false},
		{"GET", "/api/v3/user", "", 501, "no route for", false},
		{"GET", thread + "?per_page=101", "", 422, "per_page", false},
		{"GET", thread + "?sort=created", "", 422, "parameter", false},
		{"GET", thread + "?since=yesterday", "", 422, "since", true},
		{"POST", thread, `{}`, 422, "body", true},
		{"POST", thread, `{"body": 7}`, 422, "body", true},
		{"POST", thread, `[]`, 422, "not an object", false},
		{"POST", thread, `{"body": "x", "title": "y"}`, 422, "property", false},
		{"POST", thread, `{"body": "` + strings.Repeat("x", maxComment+1) + `"}`, 422, "65537 characters", false},
		{"POST", graphQLPath, `{"query": "{ viewer { login"}`, 422, "Expected", false},
		{"POST", graphQLPath, `{"query": "{ repository(owner: \"a\", name: \"b\") { mergeQueues { id } } }"}`, 422, "mergeQueues", true},
		{"POST", graphQLPath, `{"query": "query($o: String!) { repository(owner: $o, name: \"b\") { id } }"}`, 422, "declares 1", true},
		{"POST", graphQLPath, `{"query": "query($o: Int!) { repository(owner: $o, name: \"b\") { id } }", "variables": {"o": 1}}`, 422, "String!", true},
		{"POST", graphQLPath, `{"query": "mutation { minimizeComment(input: {subjectId: \"IC_1\", classifier: STALE}) { clientMutationId } }"}`, 422, "STALE", true},
		{"POST", graphQLPath, `{"query": "{ viewer { login } }", "extra": 1}`, 422, "property", false},
		{"POST", state, `{"state": "neutral"}`, 422, "state", true},
		{"POST", state, `{"context": "x"}`, 422, "state", true},
		{"POST", state, `{"state": "success", "description": "` + strings.Repeat("ä", 141) + `"}`, 422, "141 characters", false},
		{"POST", state, `{"state": "success", "target_url": "javascript:x"}`, 422, "scheme", false},
	} {
		s := New(t)
		if _, err := queries(); c.described && (s.schema == nil || c.path == graphQLPath && err != nil) {
			continue
		}
		status, _, said := ask(t, s, c.method, c.path, c.body)
		if status != c.status || len(said) != 1 || !strings.Contains(said[0], c.said) {
			t.Errorf("%s %s: %d, %q, want %d and %q", c.method, c.path, status, said, c.status, c.said)
		}
		if len(s.Comments())+len(s.Statuses()) != 0 {
			t.Errorf("%s %s was done all the same", c.method, c.path)
		}
	}
}

// A request that GitHub accepts is carried out and remembered.
func TestState(t *testing.T) {
	s := New(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/user", "", 200, `"login":"octocat"`},
		{"GET", thread, "", 200, `[]`},
		{"POST", thread, `{"body": "a"}`, 201, `"id":1001`},
		{"PATCH", "/repos/acme/cases/issues/comments/1001", `{"body": "b"}`, 200, `"body":"b"`},
		{"GET", "/repos/acme/cases/issues/comments/1001", "", 200, `"body":"b"`},
		{"GET", "/repos/acme/cases/issues/comments/1002", "", 404, `Not Found`},
		{"GET", thread + "?per_page=100&page=1", "", 200, `"body":"b"`},
		{"GET", thread + "?page=2", "", 200, `[]`},
		{"DELETE", "/repos/acme/cases/issues/comments/1001", "", 204, ``},
		{"DELETE", "/repos/acme/cases/issues/comments/1001", "", 404, `Not Found`},
		{"PATCH", "/repos/acme/cases/issues/comments/1001", `{"body": "b"}`, 404, `Not Found`},
		{"POST", state, `{"state": "pending", "context": "c"}`, 201, `"pending"`},
		{"POST", state, `{"state": "success", "context": "c"}`, 201, `"success"`},
		{"GET", "/repos/acme/cases/commits/0123456789abcdef0123456789abcdef01234567/status", "", 200, `"total_count":1`},
		{"GET", "/repos/acme/other/issues/42/comments", "", 404, `Not Found`},
		{"GET", "/repos/acme/cases/issues/43/comments", "", 404, `Not Found`},
	} {
		status, body, said := ask(t, s, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.want) || len(said) > 0 {
			t.Errorf("%s %s: %d %s %q, want %d %s", c.method, c.path, status, body, said, c.status, c.want)
		}
	}
	if got := s.Statuses(); len(got) != 2 || got[0].State != "success" || s.Count("") != 16 || s.Count("POST") != 3 {
		t.Errorf("%+v", got)
	}
}

func TestFaultsChoose(t *testing.T) {
	s := New(t)
	s.Fail(Fault{Method: "write", Path: "/issues/", Skip: 1, Times: 1, Change: always(refusal(http.StatusTeapot, "x"))})
	for i, want := range []int{201, 418, 201} {
		if status, _, _ := ask(t, s, "GET", thread, ""); status != 200 {
			t.Errorf("reading: %d", status)
		}
		if status, _, _ := ask(t, s, "POST", state, `{"state": "success"}`); status != 201 {
			t.Errorf("another path: %d", status)
		}
		if status, _, _ := ask(t, s, "POST", thread, `{"body": "a"}`); status != want {
			t.Errorf("%d: %d, want %d", i, status, want)
		}
	}
}

// Over the network a reset is a broken connection, and unknown tokens are refused.
func TestListen(t *testing.T) {
	s := New(t)
	s.Prefix = "/api/v3"
	address := s.Listen()
	resp, err := http.Get(address + thread)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Fatalf("%+v, %v", resp, err)
	}
	_ = resp.Body.Close()
	s.Fail(Reset("", 0, false))
	if _, err := http.Post(address+thread, "application/json", strings.NewReader(`{"body":"x"}`)); err == nil ||
		!errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("%v", err)
	}
}

// The description's own package gives the same routes as the file beside the
// repository; it is not fetched for this.
func TestTrim(t *testing.T) {
	if _, err := trim([]byte(`{"paths": {}}`)); err == nil {
		t.Error("a description without our routes was taken")
	}
	if _, err := trim([]byte(`<html>`)); err == nil {
		t.Error("a page was taken for a description")
	}
}

// The hour's requests are used up by everybody together; a read that brings nothing new is free.
func TestHourlyLimit(t *testing.T) {
	s := New(t)
	s.Hourly, s.Used = 10, 8
	get := func(etag string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://api.test/user", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+PersonToken)
		req.Header.Set("If-None-Match", etag)
		resp, err := s.Transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	first := get("")
	free := get(first.Header.Get("ETag"))
	if first.Header.Get("X-Ratelimit-Remaining") != "1" || free.StatusCode != http.StatusNotModified || free.Header.Get("X-Ratelimit-Remaining") != "1" {
		t.Errorf("%v\n%v", first.Header, free.Header)
	}
	last, refused := get(""), get("")
	if last.StatusCode != http.StatusOK || refused.StatusCode != http.StatusForbidden || refused.Header.Get("X-Ratelimit-Remaining") != "0" {
		t.Errorf("%v\n%v", last, refused)
	}
}

// Eighty requests a minute may create something.
func TestSecondaryLimit(t *testing.T) {
	s := New(t)
	for i := range contentAMinute + 1 {
		want := http.StatusCreated
		if i == contentAMinute {
			want = http.StatusForbidden
		}
		if status, body, _ := ask(t, s, "POST", state, `{"state": "success"}`); status != want {
			t.Fatalf("%d: %d %s", i, status, body)
		}
	}
}

// Both kinds of re-runs, and what is over.
func TestArtifactsThatAreGone(t *testing.T) {
	s := New(t)
	s.RunArtifacts = []RunArtifact{{Run: 7, Name: "a"}, {Run: 8, Name: "b", Expired: true}}
	for path, want := range map[string]string{"runs/7/artifacts": `"total_count":1`, "runs/8/artifacts": `"expired":true`, "artifacts/90001/zip": "has expired"} {
		if _, body, _ := ask(t, s, "GET", "/repos/acme/cases/actions/"+path, ""); !strings.Contains(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
	s.RerunAll(7)
	for path, want := range map[string]int{"artifacts/90000/zip": 404, "artifacts/90001/zip": 410} {
		if status, _, _ := ask(t, s, "GET", "/repos/acme/cases/actions/"+path, ""); status != want {
			t.Errorf("%s: %d", path, status)
		}
	}
	if _, body, _ := ask(t, s, "GET", "/repos/acme/cases/actions/runs/7/artifacts", ""); !strings.Contains(body, `"total_count":0`) {
		t.Error(body)
	}
}

// The storage takes two kinds of ranges, and no second permission.
func TestStorageRanges(t *testing.T) {
	for _, c := range []struct {
		name, value string
		refused     bool
		status      int
		said        int
	}{
		{"Range", "bytes=0-0", false, 206, 0}, {"Range", "bytes=1-", false, 206, 0},
		{"Range", "bytes=-5", false, 200, 1}, {"Range", "bytes=-5", true, 400, 1}, {"Authorization", "Bearer x", false, 403, 1},
	} {
		s := New(t)
		w := &witness{TB: t}
		s.t, s.SuffixRefused = w, c.refused
		s.RunArtifacts = []RunArtifact{{Run: 7, Name: "a", Files: map[string][]byte{"f": []byte("text")}}}
		s.zipped[90_000] = s.artifacts(0)[0]
		req, err := http.NewRequest(http.MethodGet, "http://api.test"+storage+"/90000", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(c.name, c.value)
		resp, err := s.Transport().RoundTrip(req)
		if err != nil || resp.StatusCode != c.status || len(w.said) != c.said {
			t.Errorf("%s %s: %v %v %q", c.name, c.value, resp, err, w.said)
		}
	}
}

func TestJobOutput(t *testing.T) {
	masks := Masks("x\n::add-mask::billing%0Aother\n", "s3cret")
	for value, want := range map[string]string{
		`{"name":"0-billing"}`: "", "another": "", "s3cret": "", `{"index":0,"name":"shard 0"}`: `{"index":0,"name":"shard 0"}`,
	} {
		if got := JobOutput(value, masks); got != want {
			t.Errorf("%s: %q", value, got)
		}
	}
}
