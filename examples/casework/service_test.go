package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// fixture is a service with an empty store whose worker moves only when told to.
type fixture struct {
	*service
	http http.Handler
}

func newFixture(t *testing.T, faultWords string) *fixture {
	t.Helper()
	f, err := parseFaults(faultWords)
	if err != nil {
		t.Fatal(err)
	}
	s := openTestStore(t, t.TempDir())
	svc := &service{store: s, worker: newWorker(s, f.neverAccept), faults: f, sha: "abc123", log: log.New(io.Discard, "", 0)}
	return &fixture{service: svc, http: svc.handler()}
}

func openTestStore(t *testing.T, dir string) *store {
	t.Helper()
	j, err := openFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openStore(j)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// reply is what a request was answered with.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

// send makes a request; headers are "Name: value".
func (f *fixture) send(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	f.http.ServeHTTP(w, r)
	out := reply{status: w.Code, header: w.Header()}
	if err := json.Unmarshal(w.Body.Bytes(), &out.body); err != nil {
		t.Fatalf("%s %s: %v in %q", method, path, err, w.Body)
	}
	return out
}

// want makes a request that has to be answered with a status.
func (f *fixture) want(t *testing.T, status int, method, path, body string, headers ...string) reply {
	t.Helper()
	got := f.send(t, method, path, body, headers...)
	if got.status != status {
		t.Fatalf("%s %s %s: status %d, want %d: %v", method, path, body, got.status, status, got.body)
	}
	return got
}

// acceptAll lets the worker find that enough time has passed.
func (f *fixture) acceptAll() { f.worker.round(time.Now().Add(acceptAfter)) }

const (
	asSupervisor = "X-Role: supervisor"
	firstCase    = "/cases/CASE-1001"
)

// assigned brings the first case to the state assigned, with olivia.
func (f *fixture) assigned(t *testing.T) {
	t.Helper()
	f.want(t, 201, "POST", "/cases", `{"reference":"R-1","title":"Import licence"}`)
	f.want(t, 200, "POST", firstCase+"/submit", "")
	f.acceptAll()
	f.want(t, 200, "POST", firstCase+"/assign", `{"assignee":"olivia"}`)
}

func wantState(t *testing.T, r reply, want state) {
	t.Helper()
	if r.body["state"] != string(want) {
		t.Errorf("state %v, want %s", r.body["state"], want)
	}
}
