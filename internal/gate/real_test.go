package gate

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// noGoroutineLeft fails if a goroutine of the gate outlives what it was for. What has said that it is done may need a moment to end.
func noGoroutineLeft(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
		left := gateGoroutine(t)
		if left == "" {
			return
		}
		if time.Now().After(end) {
			t.Errorf("left behind:\n%s", left)
			return
		}
	}
}

// gateGoroutine is the stack of a goroutine of the gate; empty: there is none.
func gateGoroutine(t *testing.T) string {
	t.Helper()
	var stacks bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&stacks, 2); err != nil {
		t.Fatal(err)
	}
	for stack := range strings.SplitSeq(stacks.String(), "\n\n") {
		if strings.Contains(stack, "internal/gate.(*") {
			return stack
		}
	}
	return ""
}

// Thirty checks against real servers, half of which accept and never answer: the
// wait keeps its deadline and leaves nothing behind.
func TestManyChecksOfWhichHalfHang(t *testing.T) {
	hangs, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hangs.Close() //nolint:errcheck // a listener of the test
	answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"UP"}`)) }))
	// Close blocks until every connection is gone: a leak would hang the test.
	defer answers.Close()
	spec := Spec{Timeout: 500 * time.Millisecond, Interval: 50 * time.Millisecond}
	for i := range 30 {
		url := answers.URL
		if i%2 == 1 {
			url = "http://" + hangs.Addr().String()
		}
		spec.Checks = append(spec.Checks, Check{Name: fmt.Sprint("check ", i), HTTP: &HTTPSpec{URL: url + "/health", JSON: map[string]string{"$.status": "UP"}}})
	}
	if problems := spec.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	gates := New(spec, Options{}).Wait(t.Context())
	for i, g := range gates {
		if open := i%2 == 0; g.Open() != open || g.Name != spec.Checks[i].Name {
			t.Errorf("unexpected gate %+v", g)
		}
	}
	noGoroutineLeft(t)
}

// A probe that the deadline of the wait cuts short is not reported: the gate keeps the
// answer before it, or says that no answer came.
func TestDeadlineHidesNoAnswer(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 || r.URL.Path == "/hang" {
			<-r.Context().Done()
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":"DOWN"}`))
	}))
	defer server.Close()
	for path, observed := range map[string]string{"/health": "HTTP 503, status DOWN", "/hang": "no answer within 1m0s"} {
		asked.Store(0)
		spec := Spec{Timeout: 300 * time.Millisecond, Interval: time.Millisecond,
			Checks: []Check{{Name: "api", HTTP: &HTTPSpec{URL: server.URL + path, Timeout: time.Minute}}}}
		if g := New(spec, Options{}).Wait(t.Context())[0]; g.Observed != observed || g.Finality != e2e.NotYet {
			t.Errorf("unexpected gate %+v", g)
		}
	}
}

// A service that comes up, goes down while suites run and comes back, seen through
// real requests. Every wait is for a condition.
func TestLifeOfAService(t *testing.T) {
	var status atomic.Int64
	status.Store(http.StatusServiceUnavailable)
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 3 {
			status.Store(http.StatusOK)
		}
		w.WriteHeader(int(status.Load()))
	}))
	defer server.Close()
	spec := Spec{Timeout: time.Minute, Interval: 10 * time.Millisecond, Checks: []Check{{Name: "api", HTTP: &HTTPSpec{URL: server.URL}}}}
	set := New(spec, Options{})
	if g := set.Wait(t.Context())[0]; g.State != e2e.Healthy || g.Attempts != 3 || len(g.Timeline) != 2 {
		t.Fatalf("unexpected gate %+v", g)
	}
	m := set.Watch(t.Context(), WatchOptions{})
	status.Store(http.StatusInternalServerError)
	if g := m.Recheck(t.Context())[0]; g.State != e2e.Unhealthy || g.Observed != "HTTP 500" {
		t.Errorf("unexpected gate %+v", g)
	}
	status.Store(http.StatusOK)
	m.Recheck(t.Context())
	g := m.Stop()[0]
	if lost := g.LostSpans(); g.State != e2e.Healthy || len(lost) != 1 || lost[0].Observed != "HTTP 500" || !lost[0].Watch {
		t.Errorf("unexpected gate %+v", g)
	}
	noGoroutineLeft(t)
}
