package triage

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

const (
	refused   = "dial tcp 10.0.0.4:8080: connect: connection refused"
	wrong     = "expected: <ACCEPTED> but was: <REJECTED>"
	duplicate = "duplicate key value violates unique constraint"
)

// in is a failure with a message and lines of details.
func in(message string, details ...string) Input {
	return Input{Test: "reads", Message: message, Details: strings.Join(details, "\n")}
}

func stable(i Input, health Health, rerun Rerun, paths ...string) Input {
	i.Context = Context{Health: health, Rerun: rerun, Recent: RecentStable, ChangedPaths: paths}
	return i
}

func TestFamiliesBesideTheProduct(t *testing.T) {
	want := map[family]bool{famPackages: true, famPlatform: true}
	for f := famOutside; f <= famGateway; f++ {
		want[f] = f != famEnded
	}
	for f := famNone; f < families; f++ {
		if f.beside() != want[f] {
			t.Errorf("family %d: got %v", f, f.beside())
		}
	}
}

func TestARerunThatFailedInAnotherWay(t *testing.T) {
	for _, tt := range []struct {
		name, first, second string
		rerun               Rerun
		want                bool
	}{
		{"a value, then the environment", wrong, refused, RerunFailed, true},
		{"the environment, then a value", refused, wrong, RerunFailed, true},
		{"two of the environment", refused, duplicate, RerunFailed, false},
		{"two of the product", wrong, "TypeError: x is not a function", RerunFailed, false},
		{"the first says nothing", "zork", refused, RerunFailed, false},
		{"the second says nothing", refused, "zork", RerunFailed, false},
		{"the second has no message", refused, "", RerunFailed, false},
		{"the rerun passed", wrong, refused, RerunPassed, false},
		{"there was no rerun", wrong, refused, "", false},
	} {
		f := propose(Input{Message: tt.first, RerunMessage: tt.second, Context: Context{Rerun: tt.rerun}}, changes{})
		if got := f.sit.marks&markDiffers != 0; got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
	// A host of ours is ours in the rerun, too.
	own := Input{Message: wrong, RerunMessage: "https://api.stripe.com/x responded with status 500", Hosts: []string{"api.stripe.com"},
		Context: Context{Rerun: RerunFailed}}
	if propose(own, changes{}).sit.marks&markDiffers != 0 {
		t.Error("the rerun's host is taken for a third party")
	}
}

func TestTheMostTellingSignal(t *testing.T) {
	all := func(signal) bool { return true }
	names := func(list ...signal) string { return best(list, all).cause }
	for _, tt := range []struct{ name, got, want string }{
		{"the first family of the list", names(signal{family: famWait, cause: "a"}, signal{family: famNames, cause: "b"}), "b"},
		{"whatever the weight", names(signal{family: famNames, cause: "a", weight: trace}, signal{family: famWait, cause: "b", weight: root}), "a"},
		{"of one family the weightier", names(signal{family: famNames, cause: "a", weight: trace}, signal{family: famNames, cause: "b", weight: head}), "b"},
		{"of equal ones the first", names(signal{family: famNames, cause: "a", weight: head}, signal{family: famNames, cause: "b", weight: head}), "a"},
		{"a later one that is lighter is not", names(signal{family: famNames, cause: "a", weight: head}, signal{family: famNames, cause: "b", weight: trace}), "a"},
		{"no family is no signal", names(signal{cause: "a"}, signal{family: famNames, cause: "b"}, signal{cause: "c"}), "b"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %s", tt.name, tt.got)
		}
	}
	if got := best([]signal{{family: famNames}}, func(signal) bool { return false }); got.line != -1 || got.family != famNone {
		t.Errorf("got %+v where none passes", got)
	}
}

// What the words come down to: family of the cause, of the symptom, and of what was not
// believed.
func TestCausesAndSymptoms(t *testing.T) {
	product := []string{"src/a.go"}
	for _, tt := range []struct {
		name                      string
		in                        Input
		cause, symptom, notBelief family
	}{
		{"one signal", in(refused), famNetwork, famNone, famNone},
		{"the root of a chain beats what is more telling above it", in("no space left on device", "Caused by: x.YException: connection refused"),
			famNetwork, famNone, famNone},
		{"a root that only waits does not", in(refused, "Caused by: x.YException: condition never satisfied"), famNetwork, famNone, famNone},
		{"a root about an element does not", in(duplicate, "Caused by: x.YException: stale element reference"), famCollision, famNone, famNone},
		{"of the output nothing, where the words are a cause", in(duplicate, refused), famCollision, famNone, famNone},
		{"of the output a cause, where the words are a symptom", in("Timed out retrying", refused), famNetwork, famWait, famNone},
		{"of the output a cause, where the words are none", in("zork", refused), famNetwork, famNone, famNone},
		{"of the output nothing that is less telling", in("HTTP status 503", "HTTP status 404"), famGateway, famNone, famNone},
		{"of the output nothing that is equal", in("HTTP status 500", "HTTP status 500: x"), famServer, famNone, famNone},
		{"of the output no error in code", in("Timed out retrying", "NullPointerException"), famWait, famNone, famNone},
		{"an asserted status is a signal", in("expected: <200> but was: <503>"), famGateway, famNone, famNone},
		{"a status in the output explains a missing element", in("Unable to find element", "GET /cases: status 500"), famServer, famSelector, famNone},
		{"a wrong value that a change brought about twice stays one", stable(in(wrong, refused), HealthOK, RerunFailed, product...), famOutcome, famNone, famNetwork},
		{"but for an unhealthy environment", stable(in(wrong, refused), HealthFailed, RerunFailed, product...), famNetwork, famOutcome, famNone},
		{"a degraded one, too", stable(in(wrong, refused), HealthDegraded, RerunFailed, product...), famNetwork, famOutcome, famNone},
		{"a rerun that passed", stable(in(wrong, refused), HealthOK, RerunPassed, product...), famNetwork, famOutcome, famNone},
		{"or a change of something else", stable(in(wrong, refused), HealthOK, RerunFailed, "helm/x.yaml"), famNetwork, famOutcome, famNone},
		{"a warning is not believed", stable(in(wrong, "2026-03-01T12:00:00Z WARN "+refused), HealthOK, RerunPassed), famOutcome, famNone, famNone},
		{"but in an unhealthy environment", stable(in(wrong, "2026-03-01T12:00:00Z WARN "+refused), HealthFailed, RerunPassed), famNetwork, famOutcome, famNone},
		{"a warning explains a crash", in("exit status 1", "2026-03-01T12:00:00Z WARN "+refused), famNetwork, famCrash, famNone},
		{"what is not believed is about what is beside the product", stable(in(wrong, "GET /cases: status 500"), HealthOK, RerunFailed, product...),
			famOutcome, famNone, famNone},
		{"and an answer of the gateway is not", stable(in(wrong, "GET /cases: status 503"), HealthOK, RerunFailed, product...), famOutcome, famNone, famNone},
		{"a warning is not named either", stable(in(wrong, "2026-03-01T12:00:00Z WARN "+refused), HealthOK, RerunFailed, product...), famOutcome, famNone, famNone},
	} {
		var paths pathMemory
		c := propose(tt.in, paths.changes(tt.in.Context.ChangedPaths)).choice
		if c.cause.family != tt.cause || c.symptom.family != tt.symptom || c.passedOver.family != tt.notBelief {
			t.Errorf("%s: got cause %d (%s), symptom %d (%s), not believed %d", tt.name, c.cause.family, c.cause.cause, c.symptom.family, c.symptom.cause,
				c.passedOver.family)
		}
	}
}

func TestWhatTheOutputMayExplain(t *testing.T) {
	all := map[family]bool{}
	for f := famNone; f < families; f++ {
		s := situation{health: HealthOK, rerun: RerunFailed, changes: changes{kind: changedProduct}}
		all[f] = believed(signal{weight: trace}, signal{family: f}, &s)
		noisy := believed(signal{weight: noise}, signal{family: f}, &s)
		if noisy != (f == famNone || f == famCrash) {
			t.Errorf("family %d: a warning is believed: %v", f, noisy)
		}
	}
	for f, got := range all {
		want := f != famOutcome && f != famEvent && f != famWords && f != famVisual && f != famMissing
		if got != want {
			t.Errorf("family %d: got %v", f, got)
		}
	}
	want := []family{famNone, famCrash, famCompile, famGateway, famServer, famMissing, famElement, famSelector, famEvent, famWait, famTestTimeout, famVisual,
		famOutcome, famWords, famPlain}
	for _, f := range want {
		if !symptoms[f] {
			t.Errorf("family %d is no symptom", f)
		}
	}
	if len(symptoms) != len(want) {
		t.Errorf("%d symptoms", len(symptoms))
	}
}

func TestASecondLookAtTheWords(t *testing.T) {
	for _, tt := range []struct {
		name  string
		in    Input
		want  family
		cause string
	}{
		{"evidence of the test", Input{Message: "zork", Expected: "a", Actual: "b"}, famOutcome, "wrong outcome"},
		{"half of it is none", Input{Message: "zork", Expected: "a"}, famPlain, "no rule knows these words"},
		{"nor is the other half", Input{Message: "zork", Actual: "b"}, famPlain, "no rule knows these words"},
		{"the framework says assertion", Input{Message: "zork", Assertion: true}, famWords, "wrong outcome"},
		{"words of an assertion", in("the list should hold it"), famWords, "wrong outcome"},
		{"in an error they are none", Input{Message: "the list should hold it", Error: true}, famPlain, "no rule knows these words"},
		{"no words", in(""), famNone, ""},
		{"a headline alone is none", in("Test failed"), famNone, ""},
		{"a wait for a state", in("condition never satisfied: expected: DONE, got: OPEN"), famEvent, "expected state not reached in time"},
		{"a test timeout on a state", in("test timed out: expected: DONE, got: OPEN"), famEvent, "expected state not reached in time"},
		{"a wait for an element", in("Timed out retrying: expected: shown, got: hidden"), famWait, "condition not met in time"},
		{"a wait without values", in("Timed out retrying"), famWait, "condition not met in time"},
		{"a wait with evidence of the test's own", Input{Message: "Timed out retrying", Expected: "DONE", Actual: "OPEN"}, famWait, "condition not met in time"},
		{"dates that differ", in("expected: <2026-03-01> but was: <2026-02-28>"), famClock, "dates differ"},
		{"values that differ", in(wrong), famOutcome, "wrong outcome"},
	} {
		if c := propose(tt.in, changes{}).choice.cause; c.family != tt.want || c.cause != tt.cause {
			t.Errorf("%s: got family %d, %s", tt.name, c.family, c.cause)
		}
	}
	for text, want := range map[string]bool{"<element(s) not found>": true, "Hidden": true, "detached": true, "element not visible": true, "OPEN": false,
		"": false} {
		if elementState(text) != want {
			t.Errorf("%q: got %v", text, !want)
		}
	}
}

// Whose a fault is: by the line's own hosts, its words, the message's hosts, and the one
// host of the output.
func TestWhoseFaultALineReports(t *testing.T) {
	const third, third2, ours, anybody = "https://api.stripe.com/v1", "https://api.twilio.com/v1", "http://case-api:8080/", "https://billing.acme-corp.com/"
	for _, tt := range []struct {
		name string
		in   Input
		want family
	}{
		{"no host", in("connection reset"), famReset},
		{"a third party", in(third + ": connection reset"), famOutside},
		{"ours", in(ours + ": connection reset"), famReset},
		{"an unknown host", in(anybody + ": connection reset"), famReset},
		{"a third party among ours", in(ours + " -> " + third + ": connection reset"), famOutside},
		{"a third party, then ours", in(third + " <- " + ours + ": connection reset"), famOutside},
		{"ours among unknown hosts", in(ours + " " + anybody + ": connection reset by the payment provider"), famReset},
		{"a word for a third party", in("payment provider: connection reset"), famOutside},
		{"a word, and an unknown host", in("payment provider " + anybody + ": connection reset"), famOutside},
		{"the host of another line of the message", in("connection reset\nPOST " + third), famOutside},
		{"but not where the line has one of its own", in(anybody + ": connection reset\nPOST " + third), famReset},
		{"ours, in another line of the message, goes before the output", in("connection reset\nPOST "+ours, "GET "+third), famReset},
		{"the one host of the output", in("connection reset", "GET "+third), famOutside},
		{"the one host of the output, twice", in("connection reset", "GET "+third, "POST "+third), famOutside},
		{"two third parties in the output could be anybody's", in("connection reset", "GET "+third, "GET "+third2), famReset},
		{"two in one line of it, too", in("connection reset", "GET "+third+" "+third2), famReset},
		{"ours in the output", in("connection reset", "GET "+ours), famReset},
		{"ours beside a third party in the output", in("connection reset", "GET "+third, "GET "+ours), famReset},
		{"a host without an address in the output", in("connection reset", "lookup api.stripe.com"), famReset},
		{"a host in a warning", in("connection reset", "2026-03-01T12:00:00Z WARN GET "+third), famReset},
		{"a family that no third party has", in(third + ": " + duplicate), famCollision},
	} {
		if c := propose(tt.in, changes{}).choice.cause; c.family != tt.want {
			t.Errorf("%s: got family %d (%s)", tt.name, c.family, c.cause)
		}
	}
	if c := propose(in(third+": connection reset"), changes{}).choice.cause; c.cause != "third party: connection closed in the middle" {
		t.Errorf("got %q", c.cause)
	}
	var fallen []family
	for f := range outward {
		g := signal{family: f, cause: "x", line: 0}
		read(in("zork "+third)).place(Input{}, &g)
		if g.family == outward[f] && g.cause == "third party: x" {
			fallen = append(fallen, f)
		}
	}
	if len(fallen) != len(outward) {
		t.Errorf("got %v", fallen)
	}
	g := signal{family: famServer, line: -1}
	read(in("zork "+third)).place(Input{}, &g)
	if g.family != famServer {
		t.Error("a signal without a line has a host")
	}
}

func TestMarksOfALine(t *testing.T) {
	for _, tt := range []struct {
		message string
		want    mark
	}{
		{"dial tcp 10.0.0.4:5432: connection refused", markService},
		{"dial tcp redis:9999: connection refused", markService},
		{"dial tcp 10.0.0.4:8080: connection refused", 0},
		{"dial tcp localhost:32768: connection refused", markOwnPort},
		{"dial tcp localhost:32767: connection refused", 0},
		{"dial tcp 127.0.0.3:40000: connection refused", markOwnPort},
		{"dial tcp [::1]:40000: connection refused", markOwnPort},
		{"dial tcp [::2]:40000: connection refused", 0},
		{"dial tcp 10.0.0.4:40000: connection refused", 0},
		{"redis:9999, localhost:40000: connection refused", markService | markOwnPort},
		{"https://api.stripe.com responded with status 403", markFourxx},
		{"https://api.stripe.com responded with status 503", 0},
		{"https://case-api.local/ responded with status 503 after 422", 0},
		{"dial tcp localhost:40000: status 500", 0}, // the product's answer
		{"fixture 'x' not found at localhost:40000", 0},
	} {
		d := read(in(tt.message))
		f := propose(in(tt.message), changes{})
		if got := d.lineMarks(f.choice.cause); got != tt.want || f.sit.marks&(markService|markOwnPort|markFourxx) != tt.want {
			t.Errorf("%q: got %b", tt.message, got)
		}
	}
	d := read(in("redis:6379"))
	for f, want := range map[family]mark{famTestCode: 0, famLink: 0, famExternal: markService, famGateway: markService, famServer: 0} {
		if got := d.lineMarks(signal{family: f}); got != want {
			t.Errorf("family %d: got %b", f, got)
		}
	}
	if got := d.lineMarks(signal{family: famNames, line: -1}); got != 0 {
		t.Errorf("got %b without a line", got)
	}
	// The marks are those of the cause, wherever that stands.
	if f := propose(in("Timed out retrying", "dial tcp 10.0.0.4:5432: connection refused"), changes{}); f.sit.marks&markService == 0 {
		t.Errorf("got %b", f.sit.marks)
	}
}

// Whole results, word by word: category, confidence, runner-up, cause, evidence.
func TestResultsWordByWord(t *testing.T) {
	long := strings.Repeat("long ", 30)
	for _, tt := range []struct {
		name string
		in   Input
		want string
	}{
		{"words alone are less sure", stable(in("the list should hold it"), HealthOK, RerunFailed, "src/a.go"), `PRODUCT_REGRESSION medium next:
product: wrong outcome
message: "the list should hold it"
rerun: failed again
history: stable until now
change: product files changed (src/a.go)`},
		{"less sure than medium is low", stable(in("the list should hold it"), HealthOK, RerunFailed), `PRODUCT_REGRESSION low next:TEST_BUG
product: wrong outcome
message: "the list should hold it"
rerun: failed again
change: no changed product or test files are known`},
		{"unless the framework calls it an assertion", stable(Input{Message: "the list should hold it", Assertion: true}, HealthOK, RerunFailed, "src/a.go"),
			`PRODUCT_REGRESSION high next:
product: wrong outcome
message: "the list should hold it"
rerun: failed again
history: stable until now
change: product files changed (src/a.go)`},
		{"an assertion without words", stable(Input{Message: "zork", Assertion: true}, HealthOK, RerunFailed, "src/a.go"), `PRODUCT_REGRESSION high next:
product: wrong outcome
message: "zork"
rerun: failed again
history: stable until now
change: product files changed (src/a.go)`},
		{"what was not believed is the runner-up", stable(in(wrong, refused), HealthOK, RerunFailed, "src/a.go"), `PRODUCT_REGRESSION high next:ENVIRONMENT_FAILURE
product: wrong outcome
message: "expected: <ACCEPTED> but was: <REJECTED>"
rerun: failed again
history: stable until now
change: product files changed (src/a.go)
not taken for the cause: details line 1: "dial tcp 10.0.0.4:8080: connect: connection refused"`},
		{"of an unknown one what is beside the product", stable(in(wrong, "deadlock detected"), HealthOK, RerunFailed, "src/a.go"), `PRODUCT_REGRESSION high next:DATA_COLLISION
product: wrong outcome
message: "expected: <ACCEPTED> but was: <REJECTED>"
rerun: failed again
history: stable until now
change: product files changed (src/a.go)
not taken for the cause: details line 1: "deadlock detected"`},
		{"unless it would be the product", stable(in(wrong, "relation \"x\" does not exist"), HealthOK, RerunFailed, "db/V2__x.sql"), `PRODUCT_REGRESSION high next:
product: wrong outcome
message: "expected: <ACCEPTED> but was: <REJECTED>"
rerun: failed again
history: stable until now
change: product files changed (db/V2__x.sql)
not taken for the cause: details line 1: "relation "x" does not exist"`},
		{"cause and symptom", stable(in("Timed out retrying", refused), HealthDegraded, RerunPassed), `ENVIRONMENT_FAILURE high next:
environment: connection refused
details line 1: "dial tcp 10.0.0.4:8080: connect: connection refused"
message: "Timed out retrying"
rerun: passed on the same build
health: degraded while the test ran`},
		{"a mark", stable(in("dial tcp 10.0.0.4:5432: connection refused"), HealthOK, RerunNone), `ENVIRONMENT_FAILURE low next:
environment: connection refused
message: "dial tcp 10.0.0.4:5432: connection refused"
the other end is infrastructure`},
		{"history and no rerun", in(wrong), `UNKNOWN low next:PRODUCT_REGRESSION
not clear: wrong outcome
message: "expected: <ACCEPTED> but was: <REJECTED>"
rerun: there was none
change: no changed product or test files are known
could be PRODUCT_REGRESSION or FLAKY_TIMING; missing: a diagnostic rerun, history, the changed files`},
		{"all is known", stable(in("read ECONNRESET"), HealthOK, RerunFailed, "src/a.go"), `UNKNOWN low next:PRODUCT_REGRESSION
not clear: connection closed in the middle
message: "read ECONNRESET"
rerun: failed again
change: product files changed (src/a.go)
could be PRODUCT_REGRESSION or ENVIRONMENT_FAILURE; missing: the service's log of that moment`},
		{"no words", stable(in("zork"), HealthOK, RerunFailed), `UNKNOWN low next:PRODUCT_REGRESSION
not clear: no rule knows these words
message: "zork"
rerun: failed again
could be PRODUCT_REGRESSION or ENVIRONMENT_FAILURE; missing: the changed files`},
		{"no words at all", stable(in(""), HealthOK, RerunFailed), `UNKNOWN low next:
not clear
rerun: failed again
nothing in the failure says why; missing: a failure message`},
		{"no words, unhealthy", stable(in("zork"), HealthFailed, RerunNone), `ENVIRONMENT_FAILURE low next:PRODUCT_REGRESSION
environment: no rule knows these words
message: "zork"
health: failed while the test ran`},
		{"a match far in a long line is in sight", stable(in(long+"connection refused"), HealthOK, RerunPassed), `ENVIRONMENT_FAILURE medium next:PRODUCT_REGRESSION
environment: connection refused
message: "…long long long long long long long long connection refused"
rerun: passed on the same build`},
		{"a match in the first half of the quote is not cut", stable(in(long[:80]+"connection refused"), HealthOK, RerunPassed), `ENVIRONMENT_FAILURE medium next:PRODUCT_REGRESSION
environment: connection refused
message: "` + long[:80] + `connection refused"
rerun: passed on the same build`},
		{"the changed test", stable(in(wrong), HealthOK, RerunNone, "e2e/a_test.go"), `TEST_BUG low next:PRODUCT_REGRESSION
test code: wrong outcome
message: "expected: <ACCEPTED> but was: <REJECTED>"
rerun: there was none
history: stable until now
change: only test files changed (e2e/a_test.go)`},
	} {
		r := mustNew(t).Triage(tt.in)
		got := string(r.Category) + " " + string(r.Confidence) + " next:" + string(r.RunnerUp) + "\n" + r.Cause + "\n" + strings.Join(r.Evidence, "\n")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// The words for history, where a row asks for it.
func TestHistoryInWords(t *testing.T) {
	for recent, want := range map[Recent]string{"": "history: none, or too little to tell", RecentStable: "history: stable until now", RecentFlaky: "history: flaky",
		RecentNew: "history: a new test", RecentFailingOnMain: "history: fails on the default branch too"} {
		f := propose(Input{Message: "x", Context: Context{Recent: recent}}, changes{})
		if got := f.sit.describe("recent", f.doc, row{}); !cmp.Equal(got, []string{want}) {
			t.Errorf("%q: got %q", recent, got)
		}
	}
	f := propose(Input{Message: "x"}, changes{})
	if got := f.sit.describe("rerun", f.doc, row{}); !cmp.Equal(got, []string{"rerun: there was none"}) {
		t.Errorf("got %q", got)
	}
	f.doc.healthWhy = []string{"gate api was unhealthy"}
	if got := f.sit.describe("health", f.doc, row{}); !cmp.Equal(got, f.doc.healthWhy) {
		t.Errorf("got %q", got)
	}
}

// Only marks that must be set are named: one that must not be says nothing.
func TestMarksInWords(t *testing.T) {
	s := &situation{}
	conditions, err := parseWhen("rerun:failed is:ui is:!productframe is:lag|auth")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"the change touches the user interface", "the actual value is an earlier state", "the change touches access rights"}
	if diff := cmp.Diff(want, s.describe("is", nil, row{conditions: conditions})); diff != "" {
		t.Error(diff)
	}
}

func TestAnUnknownFamilyDecidesNothing(t *testing.T) {
	if r := rowFor(families, &situation{}); r.category != unknown || r.confidence != low {
		t.Errorf("got %+v", r)
	}
	for from, want := range map[e2e.Confidence]e2e.Confidence{high: medium, medium: low, low: low} {
		if got := lower(from); got != want {
			t.Errorf("%s: got %s", from, got)
		}
	}
}

// Only a product regression has what was not believed for its runner-up.
func TestAnUnknownKeepsItsRunnerUp(t *testing.T) {
	i := in(wrong, refused)
	i.Context = Context{Health: HealthOK, Rerun: RerunNone, Recent: RecentFlaky, ChangedPaths: []string{"src/a.go"}}
	if r := mustNew(t).Triage(i); r.Category != unknown || r.RunnerUp != product || !strings.Contains(strings.Join(r.Evidence, "\n"), "not taken for the cause") {
		t.Errorf("got %+v", r)
	}
}
