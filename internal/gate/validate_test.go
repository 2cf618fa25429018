package gate

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

func tcp(address string) *TCPSpec { return &TCPSpec{Address: address} }

func TestValidateAcceptsTheContractsExample(t *testing.T) {
	spec := Spec{Timeout: 2 * time.Minute, Interval: 2 * time.Second, StableFor: 1, Checks: []Check{
		{Name: "case-api", HTTP: &HTTPSpec{URL: "http://127.0.0.1:8080/health", JSON: map[string]string{"$.status": "UP"}}},
		{Name: "build", HTTP: &HTTPSpec{URL: "http://127.0.0.1:8080/info", JSON: map[string]string{"$.git.sha": "abc"}}, RetryOn: []string{"404", "tls", "401"}},
		{Name: "broker", TCP: tcp("127.0.0.1:9092")},
		{Name: "ready", Command: &CommandSpec{Run: []string{"./scripts/ready.sh"}}, Needs: []string{"case-api"}, RetryOn: []string{"not_found"}},
	}}
	if problems := spec.Validate(); len(problems) != 0 {
		t.Errorf("unexpected problems %+v", problems)
	}
}

func TestValidateFindsAllProblems(t *testing.T) {
	ok := tcp("localhost:1")
	for _, tt := range []struct {
		name string
		spec Spec
		want []string
	}{
		{"empty", Spec{}, nil},
		{"negative", Spec{Timeout: -1, Interval: -1, StableFor: -1}, []string{
			"timeout: the duration is negative", "interval: the duration is negative", "stable_for: the number is negative",
		}},
		{"names", Spec{Checks: []Check{{TCP: ok}, {Name: "a", TCP: ok}, {Name: "a", TCP: ok}}}, []string{
			"checks[0].name: the check has no name", `checks[2].name: checks[1] has the same name "a"`,
		}},
		{"kinds", Spec{Checks: []Check{{Name: "none"}, {Name: "two", TCP: ok, Command: &CommandSpec{Run: []string{"x"}}}}}, []string{
			"checks[0]: the check does not say what to probe", "checks[1].command: the check has several kinds: tcp, command",
		}},
		{"needs", Spec{Checks: []Check{
			{Name: "a", TCP: ok, Needs: []string{"b", "nope"}}, {Name: "b", TCP: ok, Needs: []string{"c"}}, {Name: "c", TCP: ok, Needs: []string{"b"}},
			{Name: "d", TCP: ok, Needs: []string{"d"}},
		}}, []string{
			`checks[0].needs[1]: there is no check named "nope"`,
			"checks[1].needs: the checks wait for each other: b needs c needs b",
			"checks[3].needs: the checks wait for each other: d needs d",
		}},
		{"retry", Spec{Checks: []Check{{Name: "a", TCP: ok, RetryOn: []string{"404"}},
			{Name: "b", HTTP: &HTTPSpec{URL: "http://x"}, RetryOn: []string{"404", "tsl"}}}}, []string{
			`checks[0].retry_on[0]: unknown word "404" in retry_on of a check of kind tcp`,
			`checks[1].retry_on[1]: unknown word "tsl" in retry_on of a check of kind http`,
		}},
		{"times", Spec{Timeout: 10 * time.Second, Interval: 5 * time.Second, StableFor: 3, Checks: []Check{
			{Name: "a", TCP: ok}, {Name: "b", TCP: ok, Timeout: time.Minute}, {Name: "c", TCP: ok, StableFor: 2, Timeout: -1},
			{Name: "d", TCP: ok, Interval: time.Second},
		}}, []string{
			"checks[0].stable_for: 3 successes in a row, 5s apart, cannot be seen within 10s",
			"checks[2].timeout: the duration is negative",
		}},
		{"parts", Spec{Checks: []Check{{Name: "a", TCP: tcp("nowhere")},
			{Name: "b", HTTP: &HTTPSpec{URL: "localhost/health", JSON: map[string]string{"status": "UP"}}}, {Name: "c", Command: &CommandSpec{}}}}, []string{
			"checks[0].tcp.address: the address is not of the form host:port",
			"checks[1].http.url: the url has no scheme",
			`checks[1].http.json["status"]: bad JSONPath: jsonpath: unexpected identifier at position 1`,
			"checks[2].command.run: the check has no command",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, p := range tt.spec.Validate() {
				got = append(got, p.Path+": "+p.Text)
				if p.Hint == "" {
					t.Errorf("%s says not what to try", p.Text)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every kind in the config must be known to kinds(), and every word documented.
func TestEveryFieldIsKnownAndDocumented(t *testing.T) {
	known := map[string]bool{}
	for _, k := range (&Check{}).kinds() {
		known[k.name] = true
	}
	checkWords(t, reflect.TypeFor[Spec](), map[reflect.Type]bool{})
	for f := range reflect.TypeFor[Check]().Fields() {
		if f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct && f.Tag.Get("yaml") != "-" && !known[f.Tag.Get("yaml")] {
			t.Errorf("kind %s is not in kinds()", f.Name)
		}
	}
}

// checkWords looks at a type of the config and those below it.
func checkWords(t *testing.T, typ reflect.Type, seen map[reflect.Type]bool) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || seen[typ] {
		return
	}
	seen[typ] = true
	for f := range typ.Fields() {
		word := f.Tag.Get("yaml")
		if word == "-" {
			continue
		}
		if word == "" || f.Tag.Get("doc") == "" || word != strings.ToLower(word) {
			t.Errorf("%s.%s lacks a word or a description", typ, f.Name)
		}
		checkWords(t, f.Type, seen)
	}
}

// A section that was not validated must not crash the gate.
func TestNewOfAnInvalidSpecAnswersProbeError(t *testing.T) {
	spec := Spec{Checks: []Check{{Name: "none"}, {Name: "url", HTTP: &HTTPSpec{URL: "ftp://user:secret@host/x?token=abc"}},
		{Name: "address", TCP: tcp("")}, {Name: "run", Command: &CommandSpec{}}}}
	gates := New(spec, Options{}).Wait(t.Context())
	for _, g := range gates {
		if g.State != e2e.ProbeError || g.Finality != e2e.Never || g.Reason == "" {
			t.Errorf("unexpected gate %+v", g)
		}
	}
	if text := fmt.Sprintf("%+v", gates); strings.Contains(text, "secret") || strings.Contains(text, "token") {
		t.Error("a secret is in ", text)
	}
}

func TestReportIsTheContract(t *testing.T) {
	gates := []e2e.Gate{
		{Name: "api", Kind: "http", Required: true, State: e2e.Healthy, Attempts: 2, Seconds: 1.5, Expected: "HTTP 2xx", Observed: "HTTP 200",
			Target: "http://x", Timeline: []e2e.Span{{Probes: 2}}},
		{Name: "db", Kind: "tcp", State: e2e.Unhealthy, Finality: e2e.NotYet, Reason: "refused; start it"},
	}
	got, err := json.Marshal(NewReport(gates))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"open":true,"checks":[` +
		`{"name":"api","kind":"http","required":true,"state":"healthy","finality":"","attempts":2,"seconds":1.5,"expected":"HTTP 2xx","observed":"HTTP 200","reason":""},` +
		`{"name":"db","kind":"tcp","required":false,"state":"unhealthy","finality":"not_yet","attempts":0,"seconds":0,"expected":"","observed":"","reason":"refused; start it"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if empty, _ := json.Marshal(NewReport(nil)); string(empty) != `{"open":true,"checks":[]}` {
		t.Errorf("got %s", empty)
	}
	gates[1].Required = true
	if NewReport(gates).Open {
		t.Error("open with a required check that is not healthy")
	}
}
