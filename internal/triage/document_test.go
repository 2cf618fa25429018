package triage

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestFrames(t *testing.T) {
	for _, tt := range []struct {
		line, place string
		test        bool
	}{
		{"\tat com.acme.CaseIT.submits(CaseIT.java:41)", "com.acme.CaseIT.submits", true},
		{"\tat app//com.acme.CaseService.load(CaseService.java:41)", "com.acme.CaseService.load", false},
		{"\tat com.acme.Case.lambda$0(Case.kt:3)", "com.acme.Case.lambda$0", false},
		{"\tat jdk.internal.reflect.Direct.invoke(Native Method)", "jdk.internal.reflect.Direct.invoke", false},
		{"    at Object.<anonymous> (test/case.test.ts:9:18)", "test/case.test.ts:Object.<anonymous>", true},
		{"    at async submit (/w/src/api/case.ts:9:18)", "/w/src/api/case.ts:submit", false},
		{"    at /w/node_modules/axios/lib/settle.js:19:12", "/w/node_modules/axios/lib/settle.js", false},
		{"   at Acme.CaseService.Load(Int32 id) in /src/Acme/CaseService.cs:line 9", "Acme.CaseService.Load", false},
		{"   at Acme.Tests.CaseTests.Loads() in /src/tests/CaseTests.cs:line 8", "Acme.Tests.CaseTests.Loads", true},
		{"   at Acme.CaseService.Load(Int32 id)", "Acme.CaseService.Load", false},
		{`  File "/w/app/cases.py", line 12, in load`, "/w/app/cases.py:load", false},
		{`  File "tests/test_a.py", line 3`, "tests/test_a.py", true},
		{"tests/test_case.py:22: in test_total", "tests/test_case.py:test_total", true},
		{"app/models.py:4: KeyError", "app/models.py", false},
		{"\t/w/internal/cases/service.go:44 +0x1d", "/w/internal/cases/service.go", false},
		{"\tError Trace:\t/w/e2e/case_test.go:33", "/w/e2e/case_test.go", true},
		{"     # ./spec/models/case_spec.rb:12:in `block (2 levels) in <top (required)>'", "./spec/models/case_spec.rb:block (2 levels) in <top (required)>", true},
		{"\tfrom app/models/case.rb:3:in 'load'", "app/models/case.rb:load", false},
	} {
		f, ok := frameOf(tt.line)
		if !ok || f.place != tt.place || f.test() != tt.test || !isFrame(tt.line) {
			t.Errorf("%q: got %+v %v, test %v", tt.line, f, ok, f.test())
		}
	}
	for _, text := range []string{
		"at least 3 rows were expected (got 2)", "at 12:00", "case_test.go:41: got status 500", "see tests/test_a.py: it fails", "File \"x\"", "from there",
		"a.go: b", "x.rb:12", "at (", "@ noon", "at com.acme.X",
	} {
		if isFrame(text) {
			t.Errorf("%q is no frame", text)
		}
	}
}

func TestOwnedFrame(t *testing.T) {
	python := "Traceback (most recent call last):\n  File \"/usr/lib/python3.11/unittest/case.py\", line 1, in run\n  File \"tests/test_a.py\", line 3, " +
		"in test_a\n  File \"/w/app/cases.py\", line 9, in load\n  File \"/w/.venv/site-packages/requests/api.py\", line 2, in get\nKeyError: 'x'"
	for _, tt := range []struct{ details, place string }{
		{"\tat org.junit.Assert.fail(Assert.java:1)\n\tat com.acme.A.b(A.java:1)\n\tat com.acme.AIT.c(AIT.java:2)", "com.acme.A.b"},
		{python, "/w/app/cases.py:load"},
		{"\tat java.base/java.util.Optional.get(Optional.java:1)", ""},
	} {
		d := read(Input{Details: tt.details})
		if d.frames.owned.place != tt.place || d.frames.found != (tt.place != "") {
			t.Errorf("got %+v, want %s", d.frames, tt.place)
		}
	}
}

func TestWeights(t *testing.T) {
	d := read(Input{Message: "outer", Details: strings.Join([]string{
		"2026-03-01T12:00:00Z WARN pool is slow", "level=info msg=x", `{"level":"error","msg":"x"}`, "[ERROR] y", "12:00:01 error z", "Error: of JavaScript",
		"will retry in 5s",
		"java.lang.IllegalStateException: mid", "\tat a.B.c(D.java:1)", "Caused by: x.YException: inner", "Caused by: root cause here", "  12 | code();",
		"plain output", "Informational text",
	}, "\n")})
	want := []weight{head, noise, noise, trace, trace, trace, trace, noise, trace, mute, head, root, mute, trace, trace}
	got := make([]weight, len(d.lines))
	for i := range d.lines {
		got[i] = d.lines[i].weight
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s", diff)
	}
}

func TestLongInputsAreBounded(t *testing.T) {
	details := strings.Repeat("filler line of output\n", 100_000) + "Caused by: java.net.ConnectException: Connection refused"
	d := read(Input{Message: strings.Repeat("é", maxMessage), Details: "first line\n" + details})
	if len(d.details) > maxDetails+1 || len(d.message) > maxMessage+1 || !strings.HasPrefix(d.details, "first line") || !strings.HasSuffix(d.details, "refused") {
		t.Errorf("%d bytes of details, %d of message", len(d.details), len(d.message))
	}
	if r := mustNew(t).Triage(Input{Message: "request failed", Details: details, Context: Context{Health: HealthFailed}}); r.Category != env {
		t.Errorf("got %+v", r)
	}
	one := strings.Repeat("x", 10<<20)
	if r := mustNew(t).Triage(Input{Message: one, Details: one}); r.Category != unknown {
		t.Errorf("got %+v", r.Category)
	}
}

func TestAssertions(t *testing.T) {
	for _, tt := range []struct {
		text, expected, actual string
		status                 int
		lags, clock            bool
	}{
		{text: "expected: <ACCEPTED> but was: <PENDING>", expected: "ACCEPTED", actual: "PENDING", lags: true},
		{text: "expected 3 audit events, got 2", expected: "3 audit events", actual: "2"},
		{text: "Expected: 3\nReceived: 2", expected: "3", actual: "2", lags: true},
		{text: "got status 500, want 201: {}", expected: "201", actual: "status 500", status: 500},
		{text: "Expected: 404 items\nReceived: 503 items", expected: "404 items", actual: "503 items", status: 503},
		{text: "Expected: 300\nReceived: 299", expected: "300", actual: "299", lags: true},
		{text: "AssertionError: 404 != 200", expected: "200", actual: "404", status: 404},
		{text: "AssertionError: 200 != 404", expected: "404", actual: "200", status: 404},
		{text: "Expecting actual:\n  \"DRAFT\"\nto be equal to:\n  \"DONE\"", expected: `"DONE"`, actual: `"DRAFT"`, lags: true},
		{text: "Expected\n    <int>: 1\nto equal\n    <int>: 2", expected: "2", actual: "1", lags: true},
		{text: "expected '2026-03-01' to equal '2026-02-28'", expected: "'2026-02-28'", actual: "'2026-03-01'", clock: true},
		{text: "expected: <2025> but was: <2026>", expected: "2025", actual: "2026", clock: true},
		{text: "expected: <1200> but was: <1300>", expected: "1200", actual: "1300"},
		{text: "nothing to see"},
	} {
		a := read(Input{Message: tt.text}).assertion
		if a.expected != tt.expected || a.actual != tt.actual || a.actualStatus != tt.status || a.lags() != tt.lags || a.byClock() != tt.clock {
			t.Errorf("%q: got %+v, lags %v, clock %v", tt.text, a, a.lags(), a.byClock())
		}
	}
}

func TestParties(t *testing.T) {
	own := map[string]bool{"api.staging.acme.dev": true}
	for host, want := range map[string]party{
		"api.staging.acme.dev": partyOwn, "web.staging.acme.dev": partyOwn, "localhost": partyOwn, "127.0.0.1": partyOwn, "10.2.3.4": partyOwn,
		"case-api": partyOwn, "db.svc.cluster.local": partyOwn,
		"api.stripe.com": partyThird, "hooks.slack.com": partyThird, "sandbox.payments.example": partyThird,
		"8.8.8.8": partyUnknown, "billing.acme-corp.com": partyUnknown, "cases-preview.acme.io": partyOwn,
		"cases.abc.eu-west-1.rds.amazonaws.com": partyOwn, "s3.eu-west-1.amazonaws.com": partyThird,
	} {
		if got := partyOf(host, own); got != want {
			t.Errorf("%s: got %d, want %d", host, got, want)
		}
	}
	for text, want := range map[string][]target{
		"Get \"https://u:p@api.stripe.com:443/x\": dial tcp [::1]:8080": {{"api.stripe.com", 443}, {"::1", 8080}},
		"at CaseIT.java:41 with status:500":                             nil,
		"HTTPConnectionPool(host='case-api.local', port=80)":            {{"case-api.local", 80}},
		"no hosts here": nil,
	} {
		if diff := cmp.Diff(want, targetsOf(text), cmp.AllowUnexported(target{})); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestChangedPaths(t *testing.T) {
	for paths, want := range map[string]string{
		"":                                  "no changed product or test files are known",
		"docs/a.md README.md":               "only documents or lock files changed (README.md and 1 more)",
		"go.sum web/package-lock.json":      "only documents or lock files changed (go.sum and 1 more)",
		"src/b.go src/a.go e2e/x_test.go":   "product files changed (src/a.go and 1 more)",
		"e2e/x_test.go docs/a.md":           "only test files changed (e2e/x_test.go)",
		`src\test\java\A.java`:              "only test files changed (src/test/java/A.java)",
		"helm/values.yaml tests/a.py":       "deployment files changed (helm/values.yaml)",
		".github/workflows/e2e.yml":         "deployment files changed (.github/workflows/e2e.yml)",
		"playwright.config.ts":              "only test files changed (playwright.config.ts)",
		"src/features/checkout/Total.tsx":   "product files changed (src/features/checkout/Total.tsx)",
		"locales/it/messages.json":          "product files changed (locales/it/messages.json)",
		"web/cart.spec.ts api/user_spec.rb": "only test files changed (api/user_spec.rb and 1 more)",
		"features/case.feature":             "only test files changed (features/case.feature)",
	} {
		var m pathMemory
		if got := m.changes(strings.Fields(paths)).String(); got != want {
			t.Errorf("%s: got %q, want %q", paths, got, want)
		}
	}
	c := (&pathMemory{}).changes([]string{"src/auth/login.tsx", "db/migration/V2__x.sql", "e2e/support/login.ts"})
	if !c.auth || !c.ui || !c.schema || !c.harness {
		t.Errorf("got %+v", c)
	}
}

func TestHealthFromGates(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 3, 1, 12, 0, s, 0, time.UTC) }
	span := func(from, to int, state e2e.GateState, watch bool) e2e.Span {
		return e2e.Span{From: at(from), To: at(to), State: state, Observed: "HTTP 503", Watch: watch}
	}
	gate := func(required bool, spans ...e2e.Span) e2e.Gate {
		return e2e.Gate{Name: "case-api", Required: required, Target: "http://case-api:8080/health", Timeline: spans}
	}
	for _, tt := range []struct {
		name    string
		gate    e2e.Gate
		message string
		want    Health
	}{
		{"down then", gate(true, span(20, 40, e2e.Unhealthy, true)), "x", HealthFailed},
		{"down just before", gate(true, span(10, 26, e2e.Unhealthy, true)), "x", HealthFailed},
		{"down at another time", gate(true, span(0, 10, e2e.Unhealthy, true), span(12, 59, e2e.Healthy, true)), "x", HealthOK},
		{"down before the suites", gate(true, span(10, 29, e2e.Unhealthy, false)), "x", HealthOK},
		{"advisory", gate(false, span(20, 40, e2e.Unhealthy, true)), "x", HealthDegraded},
		{"advisory and named", gate(false, span(20, 40, e2e.Unhealthy, true)), "dial tcp case-api:8080: refused", HealthFailed},
		{"advisory, other port", gate(false, span(20, 40, e2e.Unhealthy, true)), "dial tcp case-api:9090: refused", HealthDegraded},
		{"degraded", gate(true, span(20, 40, e2e.Degraded, true)), "x", HealthDegraded},
		{"our own fault", gate(true, span(20, 40, e2e.ProbeError, true)), "x", HealthOK},
	} {
		in := Input{Message: tt.message, Gates: []e2e.Gate{tt.gate}, From: at(30), To: at(35), Context: Context{Health: HealthFailed}}
		d := read(in)
		if d.health != tt.want || (len(d.healthWhy) > 0) != (tt.want != HealthOK) {
			t.Errorf("%s: got %s, %v", tt.name, d.health, d.healthWhy)
		}
	}
	in := Input{Message: "expected: <A> but was: <B>", Gates: []e2e.Gate{gate(true, span(20, 40, e2e.Unhealthy, true))}, From: at(30),
		Context: Context{Rerun: RerunFailed}}
	r := mustNew(t).Triage(in)
	if want := "gate case-api was unhealthy from 12:00:20 to 12:00:40: HTTP 503"; r.Category != env || !strings.Contains(strings.Join(r.Evidence, "\n"), want) {
		t.Errorf("got %+v", r)
	}
}

func TestFactsOfThePipeline(t *testing.T) {
	failed := Context{Rerun: RerunFailed, Recent: RecentStable}
	for _, tt := range []struct {
		name string
		in   Input
		want e2e.Category
	}{
		{"evidence of the test", Input{Message: "zork", Expected: "accepted", Actual: "rejected", Context: failed}, product},
		{"the framework's word", Input{Message: "zork", Assertion: true, Context: failed}, product},
		{"an error, not an assertion", Input{Message: "the order should be there", Error: true, Context: failed}, unknown},
		{"type", Input{Message: "boom", Type: "java.net.ConnectException", Context: failed}, env},
		{"failed in another way", Input{Message: "expected: <A> but was: <B>", RerunMessage: "connection refused", Context: failed}, unknown},
		{"failed in the same way", Input{Message: "a.go:1: case C-1: got 1, want 2", RerunMessage: "a.go:1: case C-9: got 1, want 2", Context: failed}, product},
		{"own host by gate", Input{Message: "https://api.stripe.com/x responded with status 503",
			Gates: []e2e.Gate{{Target: "https://api.stripe.com/health"}}, Context: Context{Rerun: RerunPassed}}, unknown},
		{"own host by name", Input{Message: "https://api.stripe.com/x responded with status 503", Hosts: []string{"API.stripe.com"},
			Context: Context{Rerun: RerunPassed}}, unknown},
		{"tcp target", Input{Message: "dial tcp broker.acme.com:9092: i/o timeout", Gates: []e2e.Gate{{Target: "broker.acme.com:9092"}}, Context: failed}, env},
	} {
		if r := mustNew(t).Triage(tt.in); r.Category != tt.want {
			t.Errorf("%s: got %+v", tt.name, r)
		}
	}
	r := mustNew(t).Triage(Input{Message: "zork", Expected: "accepted", Actual: "rejected", Context: failed})
	if want := `evidence of the test: expected "accepted", actual "rejected"`; r.Evidence[0] != want {
		t.Errorf("got %q", r.Evidence)
	}
	r = mustNew(t).Triage(Input{Message: strings.Repeat("long ", 200) + "connection refused", Context: failed})
	if !strings.Contains(r.Evidence[0], "connection refused") {
		t.Errorf("the match is out of sight: %q", r.Evidence[0])
	}
}

// Each row of the list of headlines is one, with the words that are looked for first.
func TestHeadlines(t *testing.T) {
	for _, r := range listTable()["headlines"].rows {
		for _, text := range r.examples() {
			if !isHeadline(text) {
				t.Errorf("line %d: %q is none", r.line, text)
			}
		}
	}
	for _, text := range []string{"expected 3", "Test failed\nbecause of this", "", "Error: connect ECONNREFUSED", strings.Repeat("test failed ", 50)} {
		if isHeadline(text) {
			t.Errorf("%q is one", text)
		}
	}
}
