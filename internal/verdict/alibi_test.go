package verdict

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// second is so many seconds after noon.
func second(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }

// downGate is a gate of a service on port 8080 that was unhealthy from 100 s to 110 s
// while suites ran.
func downGate(change ...func(*e2e.Gate)) e2e.Gate {
	g := e2e.Gate{Name: "api", Kind: "http", Required: true, State: e2e.Healthy, Target: "http://127.0.0.1:8080/health", Timeline: []e2e.Span{
		{From: second(0), To: second(1), State: e2e.Healthy, Observed: "200"},
		{From: second(2), To: second(99), State: e2e.Healthy, Observed: "200", Watch: true},
		{From: second(100), To: second(110), State: e2e.Unhealthy, Observed: "connection refused", Watch: true},
		{From: second(112), To: second(300), State: e2e.Healthy, Observed: "200", Watch: true},
	}}
	for _, c := range change {
		c(&g)
	}
	return g
}

// failedAt is a failed attempt of ten seconds from a time on.
func failedAt(from float64, message string) e2e.Attempt {
	return e2e.Attempt{Outcome: e2e.Failed, Started: second(from), Seconds: 10, Message: message, WorkflowAttempt: 1}
}

// on is an attempt on a shard in a workflow attempt.
func on(at e2e.Attempt, shard, attempt int) e2e.Attempt {
	at.Shard, at.WorkflowAttempt = shard, attempt
	return at
}

// ends are background processes of this machine.
func ends(list ...e2e.ProcessEnd) []end {
	var all []end
	for _, e := range list {
		all = append(all, end{ProcessEnd: e, here: true})
	}
	return all
}

func TestAlibi(t *testing.T) {
	const refused = "dial tcp 127.0.0.1:8080: connect: connection refused"
	down := e2e.Environment{Gate: "api", From: second(100), To: second(110), State: e2e.Unhealthy, Observed: "connection refused"}
	named := down
	named.NamedBy = "127.0.0.1:8080"
	excusing := named
	excusing.Excuses = true
	ended := e2e.Environment{Process: "db", From: second(90), To: second(90), Observed: "exit status 1"}
	advisory := func(g *e2e.Gate) { g.Required = false }
	other := func(g *e2e.Gate) { g.Name, g.Target = "other", "http://127.0.0.1:9999" }
	span := func(change func(*e2e.Span)) func(*e2e.Gate) { return func(g *e2e.Gate) { change(&g.Timeline[2]) } }
	gates := func(list ...e2e.Gate) alibis { return alibis{gates: list} }
	process := e2e.ProcessEnd{Name: "db", At: second(90), Text: "exit status 1"}
	crashed := process
	crashed.Crashed = true
	log := "units/1/output.log"
	always := e2e.Gate{Name: "api", Required: true, Timeline: []e2e.Span{{To: time.Time{}.Add(time.Hour), State: e2e.Unhealthy, Watch: true}}}
	untimed := e2e.Attempt{Outcome: e2e.Failed, Message: "x", Files: []string{log}, WorkflowAttempt: 1, Shard: 3}
	unit := func(change ...func(*e2e.ShardRun)) []e2e.ShardRun {
		sh := e2e.ShardRun{Index: 3, Run: e2e.Run{Started: noon, WorkflowAttempt: 1},
			Units: []e2e.UnitRun{{Log: "units/0/output.log"}, {Log: log, Offset: 95, Seconds: 10}}}
		for _, c := range change {
			c(&sh)
		}
		return []e2e.ShardRun{sh}
	}
	for _, tc := range []struct {
		rule     string
		alibis   alibis
		attempts []e2e.Attempt
		want     *e2e.Environment
	}{
		{"a required gate that was unhealthy while the test failed is an alibi", gates(downGate()), []e2e.Attempt{failedAt(98, "x")}, &down},
		{"the failure may name the gate by its address", gates(downGate()), []e2e.Attempt{failedAt(98, refused)}, &named},
		{"without gates there is no alibi, whatever the failure says", alibis{}, []e2e.Attempt{failedAt(98, refused)}, nil},
		{"a gate that was healthy then is no alibi, whatever the failure says", gates(downGate()), []e2e.Attempt{failedAt(120, refused)}, nil},
		{"a test that did not fail needs none", gates(downGate()), []e2e.Attempt{{Outcome: e2e.Passed, Started: second(98), Seconds: 10}}, nil},
		{"a failure up to 5 s before the outage was seen has an alibi", gates(downGate()), []e2e.Attempt{failedAt(85, "x")}, &down},
		{"a failure that ended more than 5 s before has none", gates(downGate()), []e2e.Attempt{failedAt(84.9, "x")}, nil},
		{"a failure that began up to 5 s after the outage has an alibi", gates(downGate()), []e2e.Attempt{failedAt(115, "x")}, &down},
		{"a failure that began later has none", gates(downGate()), []e2e.Attempt{failedAt(115.1, "x")}, nil},
		{"an impossible duration is no time", gates(downGate()), []e2e.Attempt{{Outcome: e2e.Failed, Started: second(96), Seconds: -50}}, &down},
		{"a gate that was bad before the suites started is no alibi", gates(downGate(span(func(s *e2e.Span) { s.Watch = false }))),
			[]e2e.Attempt{failedAt(98, refused)}, nil},
		{"a degraded gate is no alibi", gates(downGate(span(func(s *e2e.Span) { s.State = e2e.Degraded }))), []e2e.Attempt{failedAt(98, refused)}, nil},
		{"a probe that could not be made is no alibi", gates(downGate(span(func(s *e2e.Span) { s.State = e2e.ProbeError }))),
			[]e2e.Attempt{failedAt(98, refused)}, nil},
		{"an advisory gate is no alibi of a failure that does not name it", gates(downGate(advisory)), []e2e.Attempt{failedAt(98, "x")}, nil},
		{"an advisory gate is an alibi of a failure that names it", gates(downGate(advisory)), []e2e.Attempt{failedAt(98, refused)}, &named},
		{"an alibi excuses if the gate was bad when the test started", gates(downGate()), []e2e.Attempt{failedAt(100, refused)}, &excusing},
		{"and not if the failure does not name the gate", gates(downGate()), []e2e.Attempt{failedAt(100, "x")}, &down},
		{"every failed attempt has to", gates(downGate()), []e2e.Attempt{failedAt(100, refused), failedAt(99, refused)}, &named},
		{"also the first of them", gates(downGate()), []e2e.Attempt{failedAt(99, refused), failedAt(100, refused)}, &named},
		{"what excuses goes before what the failure names", gates(downGate(func(g *e2e.Gate) { g.Name, g.Timeline[2].From = "late", second(104) }), downGate()),
			[]e2e.Attempt{failedAt(103, refused)}, &excusing},
		{"a gate that was bad before the suites started does not excuse", gates(downGate(func(g *e2e.Gate) {
			g.Timeline = append(g.Timeline, e2e.Span{From: second(90), To: second(99), State: e2e.Unhealthy})
		})), []e2e.Attempt{failedAt(98, refused)}, &named},
		{"a gate of something external excuses whenever it went bad", gates(downGate(func(g *e2e.Gate) { g.External = true })),
			[]e2e.Attempt{failedAt(98, refused)}, &excusing},
		{"the gate that the failure names goes before another", gates(downGate(other), downGate()), []e2e.Attempt{failedAt(98, refused)}, &named},
		{"of several gates that it does not name the first is told", gates(downGate(), downGate(other)), []e2e.Attempt{failedAt(98, "x")}, &down},
		{"every failed attempt needs an alibi", gates(downGate()), []e2e.Attempt{failedAt(98, refused), failedAt(200, refused)}, nil},
		{"also the first", gates(downGate()), []e2e.Attempt{failedAt(20, refused), failedAt(98, refused)}, nil},
		{"a pass between failures needs none", gates(downGate()),
			[]e2e.Attempt{failedAt(98, refused), {Outcome: e2e.Passed, Started: second(200)}, failedAt(100, refused)}, &named},
		{"named is only what each failed attempt names", gates(downGate()), []e2e.Attempt{failedAt(98, refused), failedAt(100, "x")}, &down},
		{"named by the first as well", gates(downGate()), []e2e.Attempt{failedAt(98, "x"), failedAt(100, refused)}, &down},
		{
			"a version gate that saw another build is an alibi, though it accepts both",
			gates(e2e.Gate{Name: "build", Kind: "version", Required: true, State: e2e.Healthy, Target: "http://127.0.0.1:8080/info", Timeline: []e2e.Span{
				{From: second(0), To: second(1), State: e2e.Healthy, Observed: "1.0"}, {From: second(2), To: second(99), State: e2e.Healthy, Observed: "1.0", Watch: true},
				{From: second(100), To: second(300), State: e2e.Healthy, Observed: "1.1", Watch: true},
			}}),
			[]e2e.Attempt{failedAt(98, "x")},
			&e2e.Environment{Gate: "build", From: second(100), To: second(300), State: e2e.Healthy, Observed: "1.1"},
		},
		{
			"naming a version gate that accepts the new build excuses nothing later",
			gates(e2e.Gate{Name: "build", Kind: "version", Required: true, State: e2e.Healthy, Target: "http://127.0.0.1:8080/info", Timeline: []e2e.Span{
				{From: second(2), To: second(99), State: e2e.Healthy, Observed: "1.0", Watch: true},
				{From: second(100), To: second(300), State: e2e.Healthy, Observed: "1.1", Watch: true},
			}}),
			[]e2e.Attempt{failedAt(98, refused)},
			&e2e.Environment{Gate: "build", From: second(100), To: second(300), State: e2e.Healthy, Observed: "1.1"},
		},
		{
			"a test that began after the new build was there has no alibi",
			gates(e2e.Gate{Name: "build", Kind: "version", Required: true, State: e2e.Healthy, Timeline: []e2e.Span{
				{From: second(2), To: second(9), State: e2e.Healthy, Observed: "1.0", Watch: true},
				{From: second(10), To: second(99), State: e2e.Healthy, Observed: "1.1", Watch: true},
				{From: second(100), To: second(300), State: e2e.Healthy, Observed: "1.1", Watch: true},
			}}),
			[]e2e.Attempt{failedAt(105, "x")}, nil,
		},
		{
			"other gates may see another answer", gates(downGate(span(func(s *e2e.Span) { s.State, s.Observed = e2e.Healthy, "204" }))),
			[]e2e.Attempt{failedAt(98, "x")}, nil,
		},
		{"a background process that had ended is an alibi", alibis{ends: ends(process)}, []e2e.Attempt{failedAt(98, "x")}, &ended},
		{"a process that ended up to 5 s after the failure is one", alibis{ends: ends(process)}, []e2e.Attempt{failedAt(75, "x")}, &ended},
		{"a process that ended later is none", alibis{ends: ends(process)}, []e2e.Attempt{failedAt(74.9, "x")}, nil},
		{"a process whose end has no time is none", alibis{ends: ends(e2e.ProcessEnd{Name: "db"})}, []e2e.Attempt{failedAt(98, "x")}, nil},
		{"a background process that crashed is none: what is under test broke", alibis{ends: ends(crashed)}, []e2e.Attempt{failedAt(98, "x")}, nil},
		{"nor is a gate of this machine that is bad from the crash on", alibis{gates: []e2e.Gate{downGate()}, ends: ends(crashed)},
			[]e2e.Attempt{failedAt(98, refused)}, nil},
		{"a gate elsewhere is", alibis{gates: []e2e.Gate{downGate(func(g *e2e.Gate) { g.Target = "http://staging:8080/" })}, ends: ends(crashed)},
			[]e2e.Attempt{failedAt(98, "x")}, &down},
		{"and so is one that was bad long before the crash", alibis{gates: []e2e.Gate{downGate()}, ends: ends(e2e.ProcessEnd{Name: "db", At: second(105.1), Crashed: true})},
			[]e2e.Attempt{failedAt(98, "x")}, &down},
		{"one that ended beside the same shard in the same workflow attempt is an alibi", alibis{ends: []end{{ProcessEnd: process, shard: 1, attempt: 1}}},
			[]e2e.Attempt{on(failedAt(98, "x"), 1, 1)}, &ended},
		{"one of another machine is none", alibis{ends: []end{{ProcessEnd: process, shard: 1, attempt: 1}}}, []e2e.Attempt{on(failedAt(98, "x"), 0, 1)}, nil},
		{"one of an earlier workflow attempt is none", alibis{ends: []end{{ProcessEnd: process, shard: 1, attempt: 1}}},
			[]e2e.Attempt{on(failedAt(98, "x"), 1, 2)}, nil},
		{"another process that ended by itself still is one", alibis{ends: ends(crashed, process)}, []e2e.Attempt{failedAt(98, "x")}, &ended},
		{"a gate says more than the end of a process", alibis{gates: []e2e.Gate{downGate()}, ends: ends(process)},
			[]e2e.Attempt{failedAt(98, "x")}, &down},
		{"a test that does not say when it ran, ran while its process did", alibis{gates: []e2e.Gate{downGate()}, shards: unit()}, []e2e.Attempt{untimed}, &down},
		{"of the same shard", alibis{gates: []e2e.Gate{downGate()}, shards: unit(func(s *e2e.ShardRun) { s.Index = 2 })}, []e2e.Attempt{untimed}, nil},
		{"of the same workflow attempt", alibis{gates: []e2e.Gate{downGate()}, shards: unit(func(s *e2e.ShardRun) { s.Run.WorkflowAttempt = 2 })},
			[]e2e.Attempt{untimed}, nil},
		{"of a run that says when it began", alibis{gates: []e2e.Gate{downGate()}, shards: unit(func(s *e2e.ShardRun) { s.Run.Started = time.Time{} })},
			[]e2e.Attempt{untimed}, nil},
		{"of the process whose log it has", alibis{gates: []e2e.Gate{downGate()}, shards: unit(func(s *e2e.ShardRun) { s.Units[1].Log = "" })},
			[]e2e.Attempt{untimed}, nil},
		{"a process that ran at another time is none", alibis{gates: []e2e.Gate{downGate()}, shards: unit(func(s *e2e.ShardRun) { s.Units[1].Offset = 200 })},
			[]e2e.Attempt{untimed}, nil},
		{"a span that lies before all time is no alibi of a test without any time", gates(always), []e2e.Attempt{untimed}, nil},
		{
			"nor of one whose run does not say when it began",
			alibis{gates: []e2e.Gate{always}, shards: unit(func(s *e2e.ShardRun) { s.Run.Started = time.Time{} })}, []e2e.Attempt{untimed}, nil,
		},
		{
			"an attempt without a log is of no process",
			alibis{gates: []e2e.Gate{downGate()}, shards: unit(func(s *e2e.ShardRun) { s.Units[1].Log = "" })},
			[]e2e.Attempt{{Outcome: e2e.Failed, Files: []string{""}, WorkflowAttempt: 1, Shard: 3}}, nil,
		},
		{"an attempt of no time is a moment", gates(downGate()), []e2e.Attempt{{Outcome: e2e.Failed, Started: second(94.9)}}, nil},
		{
			"a process of no time is a moment",
			alibis{gates: []e2e.Gate{downGate()}, shards: unit(func(s *e2e.ShardRun) { s.Units[1].Offset, s.Units[1].Seconds = 94.9, 0 })},
			[]e2e.Attempt{untimed}, nil,
		},
		{
			"the first answer of a version gate is not another build", gates(e2e.Gate{Name: "build", Kind: "version", Required: true, Timeline: []e2e.Span{
				{From: second(90), To: second(300), State: e2e.Healthy, Observed: "1.0", Watch: true},
			}}), []e2e.Attempt{failedAt(98, "x")}, nil,
		},
		{
			"a version gate that could not be asked saw no other build", gates(e2e.Gate{Name: "build", Kind: "version", Required: true, Timeline: []e2e.Span{
				{From: second(2), To: second(9), State: e2e.Healthy, Observed: "1.0", Watch: true},
				{From: second(90), To: second(300), State: e2e.ProbeError, Observed: "timeout", Watch: true},
			}}), []e2e.Attempt{failedAt(98, "x")}, nil,
		},
		{"a test without any time has no alibi", gates(downGate()), []e2e.Attempt{untimed}, nil},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.alibis.of(tc.attempts)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A crash is evidence of the failures that ended after it.
func TestCrashes(t *testing.T) {
	end := e2e.ProcessEnd{Name: "api", At: second(100), Text: "exit status 2: panic: boom", Crashed: true}
	for _, tc := range []struct {
		rule     string
		end      e2e.ProcessEnd
		attempts []e2e.Attempt
		want     bool
	}{
		{"a failure that ended after the crash", end, []e2e.Attempt{failedAt(98, "x")}, true},
		{"one that ended up to 5 s before it", end, []e2e.Attempt{failedAt(85, "x")}, true},
		{"one that ended earlier", end, []e2e.Attempt{failedAt(84.9, "x")}, false},
		{"one of several", end, []e2e.Attempt{failedAt(20, "x"), failedAt(98, "x")}, true},
		{"a pass", end, []e2e.Attempt{{Outcome: e2e.Passed, Started: second(98), Seconds: 10}}, false},
		{"an attempt without a time", end, []e2e.Attempt{{Outcome: e2e.Failed}}, false},
		{"an end that is no crash", e2e.ProcessEnd{Name: "api", At: second(100)}, []e2e.Attempt{failedAt(98, "x")}, false},
	} {
		list := alibis{ends: ends(tc.end)}.crashes(tc.attempts)
		if len(list) == 1 != tc.want {
			t.Errorf("%s: %+v", tc.rule, list)
		}
		if tc.want &&
			(list[0].Kind != e2e.EvidenceCrash || list[0].Text != "background process api crashed before the test ended, at 12:01:40 (exit status 2: panic: boom)") {
			t.Errorf("%s: %+v", tc.rule, list[0])
		}
	}
}

func TestNamedBy(t *testing.T) {
	for _, tc := range []struct{ target, message, want string }{
		{"http://127.0.0.1:8080/health", "connect ECONNREFUSED 127.0.0.1:8080", "127.0.0.1:8080"},
		{"http://127.0.0.1:8080/health", "connect ECONNREFUSED localhost:8080", "localhost:8080"},
		{"http://localhost:8080/health", "connect ECONNREFUSED ::1:8080", "::1:8080"},
		{"http://localhost:8080/health", "dial tcp [::1]:8080: refused", "::1:8080"},
		{"http://[::1]:8080/", "connect ECONNREFUSED 127.0.0.1:8080", "127.0.0.1:8080"},
		{"http://127.0.0.1:8080/health", "connect ECONNREFUSED 127.0.0.1:8081", ""},
		{"http://127.0.0.1:8080/health", "connect ECONNREFUSED 127.0.0.1:80800", ""},
		{"http://127.0.0.1:8080/health", "127.0.0.1 does not answer", ""}, // every server here is on this machine
		{"http://127.0.0.1:8080/health", "first 127.0.0.1:9, then 127.0.0.1:8080", "127.0.0.1:8080"},
		{"http://127.0.0.1:8080/health", "port 8080 is closed", ""},
		{"https://api.acme.test/health", "getaddrinfo ENOTFOUND api.acme.test", "api.acme.test"},
		{"https://api.acme.test/health", "GET https://API.acme.test/cases failed.", "api.acme.test"},
		{"https://api.acme.test/health", "cannot reach api.acme.test.", "api.acme.test"},
		{"https://api.acme.test/health", "cannot reach api.acme.test. Retry later", "api.acme.test"},
		{"https://api.acme.test/health", "dial api.acme.test:443", "api.acme.test:443"},
		{"https://api.acme.test/health", "dial api.acme.test:8443", ""},
		{"http://api.acme.test", "dial api.acme.test:80", "api.acme.test:80"},
		{"http://api.acme.test:8080", "api.acme.test: no such host", "api.acme.test"},
		{"http://api.acme.test:8080", "api.acme.test:x", "api.acme.test"},
		{"http://api.acme.test:8080", "api.acme.test:99999", "api.acme.test"},
		{"http://api.acme.test:8080", "api.acme.test:0", "api.acme.test"},
		{"https://api.acme.test", "my-api.acme.test is down", ""},
		{"https://api.acme.test", "v2.api.acme.test is down", ""},
		{"https://api.acme.test", "api.acme.testing is down", ""},
		{"https://api.acme.test", "api.acme.test.example is down", ""},
		{"https://api.acme.test", "api.acme.test-2 is down", ""},
		{"https://api.acme.test", "api_api.acme.test is down", ""},
		{"broker:9092", "no brokers: dial tcp broker:9092: timeout", "broker:9092"},
		{"broker:9092", "the broker is gone", "broker"},
		{"postgres://db.acme.test/cases", "db.acme.test:5432 refuses", "db.acme.test:5432"},
		{"custom://queue", "queue:1", "queue:1"}, // a scheme without a port that is known
		{" broker:9092 ", "dial broker:9092", "broker:9092"},
		{"https://api.acme.test", "{api.acme.test} is down", "api.acme.test"},
		{"https://api.acme.test", "é://api.acme.test", "api.acme.test"},
		{"https://api.acme.test", "/api.acme.test/", "api.acme.test"},
		{"https://api.acme.test", "9api.acme.test", ""},
		{"https://api.acme.test", "zapi.acme.test", ""},
		{"https://api.acme.test", "aapi.acme.test", ""},
		{"https://api.acme.test", "0api.acme.test", ""},
		{"sh probe.sh", "sh probe.sh failed", ""},
		{"probe", "probe failed", ""},
		{"", "anything", ""},
		{"http://[bad", "[bad", ""},
	} {
		if got := NamedBy(e2e.Attempt{Message: tc.message}, tc.target); got != tc.want {
			t.Errorf("target %s, %q: named by %q, want %q", tc.target, tc.message, got, tc.want)
		}
	}
}

// The type and the details of a failure may name a gate; what the test printed may not.
func TestNamedByWhatFailed(t *testing.T) {
	const address = "127.0.0.1:8080"
	for _, tc := range []struct {
		a    e2e.Attempt
		want string
	}{
		{e2e.Attempt{Type: "refused by " + address}, address},
		{e2e.Attempt{Type: address + " refused"}, address},
		{e2e.Attempt{Details: "at x\nCaused by: " + address}, address},
		{e2e.Attempt{Details: "at x\n--- system-out\nGET " + address}, ""},
		{e2e.Attempt{Details: "--- system-err\nGET " + address}, ""},
		{e2e.Attempt{Details: "caused by " + address + "\n--- system-out\nx\n--- system-err\ny"}, address},
		{e2e.Attempt{Details: "the text --- system-out\n" + address}, address},
		{e2e.Attempt{Details: "x\n--- stdout\nGET " + address}, ""},                                         // JUnit 5, TestNG
		{e2e.Attempt{Details: "x\n--- stderr\nGET " + address}, ""},                                         // the same
		{e2e.Attempt{Details: "x\n--- output ---\nGET " + address}, ""},                                     // Playwright, Vitest, Behave
		{e2e.Attempt{Details: "x\n\n--- log ---\nGET " + address}, ""},                                      // Robot Framework
		{e2e.Attempt{Details: "x\n--- Captured log call ---\n" + address}, ""},                              // pytest
		{e2e.Attempt{Details: "--- output ---\n    a_test.go:1: GET " + address + "\n--- FAIL: TestA"}, ""}, // go test
		{e2e.Attempt{Message: "127.0.0.1", Details: ":8080"}, ""},
	} {
		if got := NamedBy(tc.a, "http://"+address); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.a, got, tc.want)
		}
	}
}
