package verdict

import (
	"slices"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestPortsTaken(t *testing.T) {
	for text, want := range map[string][]int{
		"Error: listen EADDRINUSE: address already in use :::9000":                                         {9000},
		"Error: listen EADDRINUSE: address already in use 127.0.0.1:9000":                                  {9000},
		"listen tcp :8080: bind: address already in use":                                                   {8080},
		"listen tcp 127.0.0.1:8080: bind: address already in use":                                          {8080},
		"[Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use": {8000},
		"OSError: [Errno 98] Address already in use: ('0.0.0.0', 8000)":                                    {8000},
		"java.net.BindException: Address already in use (Bind failed), port 8081":                          {8081},
		"Web server failed to start. Port 8080 was already in use.":                                        {8080},
		"connect ECONNREFUSED 127.0.0.1:9000":                                                              {9000},
		"connect ECONNREFUSED ::1:9000":                                                                    {9000},
		"page.goto: net::ERR_CONNECTION_REFUSED at http://localhost:9000/a/b":                              {9000},
		`Get "http://[::1]:8080/health": dial tcp [::1]:8080: connect: connection refused`:                 {8080},
		"curl: (7) Failed to connect to localhost port 8080: Connection refused":                           {8080},
		"http://localhost:9000/ is already used, make sure that nothing is running on the port/url":        {9000},
		// Another machine, or no such failure.
		"dial tcp 10.0.0.5:8080: connect: connection refused":        nil,
		"Failed to connect to db.test port 5432: Connection refused": nil,
		"expected 200 from http://localhost:9000/, got 500":          nil,
		"connection refused":     nil,
		"address already in use": nil,
		"listen tcp 127.0.0.1:99999: bind: address already in use": nil,
	} {
		if got := portsTaken(text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// TestCollision has a collision, and what is missing from it one by one.
func TestCollision(t *testing.T) {
	started := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	type world struct {
		docs     []e2e.ShardRun
		attempts []e2e.Attempt
	}
	collided := func() world {
		run := e2e.Run{ID: "r", Started: started, WorkflowAttempt: 1}
		return world{
			docs: []e2e.ShardRun{
				{Index: 0, Run: run, Units: []e2e.UnitRun{{Suite: "s", Shard: 0, Attempt: 1, Offset: 10, Seconds: 20, Log: "0.log"},
					{Suite: "s", Shard: 0, Attempt: 2, Offset: 60, Seconds: 5, Log: "0b.log"}}},
				{Index: 1, Run: run, Units: []e2e.UnitRun{{Suite: "s", Shard: 1, Attempt: 1, Offset: 11, Seconds: 20, Log: "1.log",
					Ports: []e2e.PortSpan{{Port: 9000, From: 12, To: 25}}}}},
			},
			attempts: []e2e.Attempt{
				{N: 1, Shard: 0, WorkflowAttempt: 1, Outcome: e2e.Failed, Source: e2e.SourceFirst, Message: "listen EADDRINUSE: address already in use :::9000",
					Files: []string{"0.log"}},
				{N: 2, Shard: 0, WorkflowAttempt: 1, Outcome: e2e.Passed, Source: e2e.SourceDiagnostic},
			},
		}
	}
	for name, tc := range map[string]struct {
		change func(*world)
		want   bool
	}{
		"a port that is taken":         {func(*world) {}, true},
		"a connection that is refused": {func(w *world) { w.attempts[0].Message = "connect ECONNREFUSED 127.0.0.1:9000" }, true},
		"the framework's own retry failed so too": {func(w *world) {
			w.attempts = slices.Insert(w.attempts, 1, w.attempts[0])
			w.attempts[1].Source = e2e.SourceFramework
		}, true},
		"its own time says when": {func(w *world) { w.attempts[0].Started, w.attempts[0].Seconds = started.Add(15*time.Second), 1 }, true},
		"closed a moment before": {func(w *world) { w.attempts[0].Started, w.attempts[0].Seconds = started.Add(28*time.Second), 1 }, true},

		"it failed alone too":         {func(w *world) { w.attempts[1].Outcome = e2e.Failed }, false},
		"no rerun":                    {func(w *world) { w.attempts = w.attempts[:1] }, false},
		"the rerun does not count":    {func(w *world) { w.attempts[1].Uncounted = "twin" }, false},
		"the pass is the framework's": {func(w *world) { w.attempts[1].Source = e2e.SourceFramework }, false},
		"words alone":                 {func(w *world) { w.docs[1].Units[0].Ports = nil }, false},
		"another port":                {func(w *world) { w.docs[1].Units[0].Ports[0].Port = 9001 }, false},
		"its own port":                {func(w *world) { w.docs[0].Units[0].Ports, w.docs[1].Units[0].Ports = w.docs[1].Units[0].Ports, nil }, false},
		"another failure":             {func(w *world) { w.attempts[0].Message = "expected 1, got 2 at http://127.0.0.1:9000" }, false},
		"one of two failures is another": {func(w *world) {
			w.attempts = slices.Insert(w.attempts, 0, e2e.Attempt{Outcome: e2e.Failed, Shard: 0, WorkflowAttempt: 1, Files: []string{"0.log"}, Message: "expected 1"})
		}, false},
		"only in the output of the test": {func(w *world) {
			w.attempts[0].Message, w.attempts[0].Details = "expected 1", "--- system-out\naddress already in use :::9000"
		}, false},
		"another suite":                     {func(w *world) { w.docs[1].Units[0].Suite = "other" }, false},
		"one after the other":               {func(w *world) { w.docs[1].Units[0].Offset, w.docs[1].Units[0].Seconds = 31, 5 }, false},
		"closed long before":                {func(w *world) { w.docs[1].Units[0].Ports[0] = e2e.PortSpan{Port: 9000, From: 1, To: 4} }, false},
		"another machine":                   {func(w *world) { w.docs[1].Run.ID = "q" }, false},
		"another attempt of the workflow":   {func(w *world) { w.docs[1].Run.WorkflowAttempt = 2 }, false},
		"nothing says when the test failed": {func(w *world) { w.attempts[0].Files = nil }, false},
		"a port of another host":            {func(w *world) { w.attempts[0].Message = "dial tcp 10.0.0.5:9000: connection refused" }, false},
		"the other was a rerun":             {func(w *world) { w.docs[1].Units[0].Attempt = 2 }, false},
	} {
		w := collided()
		tc.change(&w)
		env := alibis{shards: w.docs}.collision("s", w.attempts)
		if (env != nil) != tc.want {
			t.Errorf("%s: %+v", name, env)
		}
		if env != nil && (env.Port != 9000 || env.Observed == "") {
			t.Errorf("%s: %+v", name, env)
		}
	}
}
