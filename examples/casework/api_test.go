package main

import (
	"bytes"
	"log"
	"strings"
	"testing"
)

func TestLifeOfACase(t *testing.T) {
	f := newFixture(t, "")
	f.assigned(t)
	r := f.want(t, 200, "POST", firstCase+"/escalation", `{"reason":"above the limit"}`)
	wantState(t, r, escalationRequested)
	r = f.want(t, 200, "POST", firstCase+"/escalation/decision", `{"decision":"reject"}`, asSupervisor)
	wantState(t, r, assigned)
	f.want(t, 200, "POST", firstCase+"/escalation", `{"reason":"appeal"}`)
	r = f.want(t, 200, "POST", firstCase+"/escalation/decision", `{"decision":"approve"}`, asSupervisor)
	wantState(t, r, escalated)
	f.want(t, 200, "POST", firstCase+"/approve", "", asSupervisor)
	r = f.want(t, 200, "POST", firstCase+"/close", "")
	wantState(t, r, closed)

	var actions []string
	events := f.want(t, 200, "GET", firstCase+"/audit", "").body["events"].([]any)
	for i, e := range events {
		e := e.(map[string]any)
		actions = append(actions, e["action"].(string))
		if e["sequence"] != float64(i+1) {
			t.Errorf("event %d has sequence %v", i+1, e["sequence"])
		}
	}
	const want = "create submit accept assign request-escalation reject-escalation request-escalation approve-escalation approve close"
	if got := strings.Join(actions, " "); got != want {
		t.Errorf("audit trail\n got %s\nwant %s", got, want)
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name         string
		status       int
		method, path string
		body         string
		header       string
		detail       string
	}{
		{"no reference", 400, "POST", "/cases", `{"title":"x"}`, "", "reference"},
		{"reference with a space", 400, "POST", "/cases", `{"reference":"a b","title":"x"}`, "", "reference"},
		{"no title", 400, "POST", "/cases", `{"reference":"R-2"}`, "", "title is missing"},
		{"unknown field", 400, "POST", "/cases", `{"colour":"red"}`, "", "colour"},
		{"broken body", 400, "POST", "/cases", `{`, "", "read body"},
		{"unknown role", 400, "POST", firstCase + "/close", "", "X-Role: king", "use officer or supervisor"},
		{"worker's role", 400, "POST", firstCase + "/close", "", "X-Role: system", "use officer or supervisor"},
		{"no assignee", 400, "POST", firstCase + "/assign", "", "", "assignee is missing"},
		{"no reason", 400, "POST", firstCase + "/escalation", "", "", "reason is missing"},
		{"unknown decision", 400, "POST", firstCase + "/escalation/decision", `{"decision":"maybe"}`, asSupervisor, "approve or reject"},
		{"officer approves", 403, "POST", firstCase + "/approve", "", "", "needs the role supervisor"},
		{"officer decides", 403, "POST", firstCase + "/escalation/decision", `{"decision":"approve"}`, "", "needs the role supervisor"},
		{"duplicate reference", 409, "POST", "/cases", `{"reference":"R-1","title":"x"}`, "", "is taken"},
		{"second submit", 409, "POST", firstCase + "/submit", "", "", "is assigned, submit needs draft"},
		{"close before approval", 409, "POST", firstCase + "/close", "", "", "needs approved"},
		{"get of no case", 404, "GET", "/cases/CASE-1", "", "", "no case"},
		{"audit of no case", 404, "GET", "/cases/CASE-1/audit", "", "", "no case"},
		{"submit of no case", 404, "POST", "/cases/CASE-1/submit", "", "", "no case"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, "")
			f.assigned(t)
			got := f.want(t, tt.status, tt.method, tt.path, tt.body, tt.header)
			if ct := got.header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("Content-Type %q", ct)
			}
			if detail, _ := got.body["detail"].(string); !strings.Contains(detail, tt.detail) {
				t.Errorf("detail %q does not say %q", detail, tt.detail)
			}
		})
	}
}

func TestAssigneeCannotApprove(t *testing.T) {
	f := newFixture(t, "")
	f.assigned(t)
	f.want(t, 403, "POST", firstCase+"/approve", "", asSupervisor, "X-Actor: olivia")
	f.want(t, 200, "POST", firstCase+"/approve", "", asSupervisor, "X-Actor: sam")
}

func TestWorkListFollowsTheWorker(t *testing.T) {
	f := newFixture(t, "")
	f.want(t, 201, "POST", "/cases", `{"reference":"A-1","title":"x"}`)
	f.want(t, 201, "POST", "/cases", `{"reference":"B-1","title":"x"}`)
	listed := func() int {
		return len(f.want(t, 200, "GET", "/cases?reference=A-", "").body["cases"].([]any))
	}
	if n := listed(); n != 0 {
		t.Errorf("%d cases listed before the worker's round, want 0", n)
	}
	f.acceptAll()
	if n := listed(); n != 1 {
		t.Errorf("%d cases listed after the worker's round, want 1", n)
	}
}

func TestCorrelationReachesTrailAndLog(t *testing.T) {
	for _, tt := range []struct{ name, header, want string }{
		{"own id", "X-Correlation-ID: run-7/0/1", "run-7/0/1"},
		{"trace", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, "")
			var lines bytes.Buffer
			f.log = log.New(&lines, "", 0)
			f.http = f.handler()
			f.want(t, 201, "POST", "/cases", `{"reference":"R-1","title":"x"}`, tt.header)
			if line := lines.String(); !strings.HasPrefix(line, "POST /cases 201 ") || !strings.HasSuffix(line, "ms "+tt.want+"\n") {
				t.Errorf("log line %q", line)
			}
			events := f.want(t, 200, "GET", firstCase+"/audit", "").body["events"].([]any)
			if id := events[0].(map[string]any)["correlation_id"]; id != tt.want {
				t.Errorf("correlation id %v in the trail, want %s", id, tt.want)
			}
		})
	}
}

func TestForgedCorrelationIsReplaced(t *testing.T) {
	f := newFixture(t, "")
	got := f.want(t, 200, "GET", "/health", "", "X-Correlation-ID: a\nb").header.Get("X-Correlation-ID")
	if got == "" || strings.Contains(got, "\n") {
		t.Errorf("correlation id %q", got)
	}
}

func TestHealthAndInfo(t *testing.T) {
	f := newFixture(t, "")
	if got := f.want(t, 200, "GET", "/health", "").body["status"]; got != "UP" {
		t.Errorf("status %v, want UP", got)
	}
	info := f.want(t, 200, "GET", "/info", "").body
	if got := info["git"].(map[string]any)["sha"]; got != "abc123" {
		t.Errorf("git.sha %v, want abc123", got)
	}
	if got := info["fixtures"].(map[string]any)["version"]; got != "2.1.0" {
		t.Errorf("fixtures.version %v, want 2.1.0", got)
	}
}
