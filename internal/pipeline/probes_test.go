package pipeline

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/links"
)

// The system under test is asked about failed tests only, with their correlation id, by GET, and what it says is bounded.
func TestProbes(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method+" "+r.URL.String())
		mu.Unlock()
		switch r.URL.Path {
		case "/audit":
			_, _ = fmt.Fprint(w, `["CASE_SUBMITTED"]`)
		case "/events":
			_, _ = fmt.Fprint(w, " [] \n")
		case "/logs":
			_, _ = fmt.Fprint(w, strings.Repeat("x", 3*probeBytes))
		case "/state":
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
		default:
			_, _ = w.Write([]byte{0xff, 0xfe, 0x00})
		}
	}))
	defer server.Close()
	address := func(path string) string { return server.URL + path + "?id={correlation_id}" }
	s := &Session{opts: Options{Config: &config.Config{Probes: links.Templates{"audit": address("/audit"), "events": address("/events"), "logs": address("/logs"),
		"state": address("/state"), "request": address("/binary")}}}}
	attempt := func(n int, outcome e2e.Outcome) e2e.Attempt {
		return e2e.Attempt{N: n, Outcome: outcome, Correlation: fmt.Sprintf("c %d", n)}
	}
	docs := []e2e.ShardRun{{Tests: []e2e.TestRun{
		{ID: "s::ok", Attempts: []e2e.Attempt{attempt(7, e2e.Passed)}},
		{ID: "s::bad", Attempts: []e2e.Attempt{attempt(1, e2e.Failed), attempt(2, e2e.Failed)}},
	}}}
	kept := docs[0].Tests[1].Attempts
	s.askProbes(t.Context(), docs)
	var got []string
	for _, ev := range docs[0].Tests[1].Attempts[0].Evidence {
		got = append(got, fmt.Sprintf("%s %s [%s]", ev.Kind, ev.Text[:min(len(ev.Text), 60)], ev.Source))
		if len(ev.Text) > probeBytes+100 {
			t.Errorf("%s has %d bytes", ev.Source, len(ev.Text))
		}
	}
	want := []string{
		`audit ["CASE_SUBMITTED"] [probe audit]`,
		"missing no events for this test [probe events]",
		"logs " + strings.Repeat("x", 60) + " [probe logs]",
		"triage probe request says nothing: the answer is no text [probe request]",
		"triage probe state says nothing: status 302 [probe state]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(asked) != 5 || asked[0] != "GET /audit?id=c%201" {
		t.Errorf("asked %v", asked)
	}
	if len(kept[0].Evidence) > 0 || len(docs[0].Tests[1].Attempts[1].Evidence) > 0 || len(docs[0].Tests[0].Attempts[0].Evidence) > 0 {
		t.Error("another attempt has evidence, or that of the shard itself")
	}

	server.Close()
	docs[0].Tests[1].Attempts = []e2e.Attempt{attempt(1, e2e.Failed)}
	s.opts.Config.Probes = links.Templates{"audit": address("/audit")}
	s.askProbes(t.Context(), docs)
	if ev := docs[0].Tests[1].Attempts[0].Evidence; len(ev) != 1 || ev[0].Text != "probe audit says nothing: no answer" {
		t.Errorf("%+v", ev)
	}
	var many []e2e.TestRun
	for i := range 2 * probedTests {
		many = append(many, e2e.TestRun{ID: fmt.Sprint("s::", i), Attempts: []e2e.Attempt{attempt(1, e2e.Failed)}})
	}
	docs = []e2e.ShardRun{{Tests: many}}
	s.askProbes(t.Context(), docs)
	n := 0
	for _, run := range docs[0].Tests {
		n += len(run.Attempts[0].Evidence)
	}
	if n != probedTests {
		t.Errorf("%d tests were asked about", n)
	}
}
