package httpgate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
)

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name string
		spec Spec
		want string
	}{
		{"no url", Spec{}, "url: the check has no url"},
		{"no scheme", Spec{URL: "127.0.0.1:8080/health"}, "url: the url has no scheme"},
		{"host as scheme", Spec{URL: "localhost:8080"}, "url: the url has no scheme"},
		{"scheme", Spec{URL: "ftp://x/?secret"}, `url: the url has the scheme "ftp"`},
		{"no host", Spec{URL: "http:///health"}, "url: the url has no host"},
		{"port", Spec{URL: "http://x:99999/"}, "url: the url's port is not between 1 and 65535"},
		{"unreadable", Spec{URL: "http://x/%zz?secret"}, "url: the url cannot be read"},
		{"method", Spec{URL: "http://x", Method: "FETCH"}, `method: unknown method "FETCH"`},
		{"head", Spec{URL: "http://x", Method: "HEAD", BodyMatches: "x"}, "method: an answer to HEAD has no body, but the check expects something in it"},
		{"status", Spec{URL: "http://x", Status: []string{"200", "6xx", "20", "300-200", "ok"}},
			`status[1]: unknown status "6xx"|status[2]: unknown status "20"|status[3]: unknown status "300-200"|status[4]: unknown status "ok"`},
		{"status words", Spec{URL: "http://x", Status: []string{"2XX", " 301 ", "400 - 404"}}, ""},
		{"headers", Spec{URL: "http://x", Headers: map[string]string{"a b": "", "c": "d\ne"}},
			`headers["a b"]: this is not a header name|headers["c"]: the value has a character that headers cannot have`},
		{"regexps", Spec{URL: "http://x", BodyMatches: "(", HeaderMatches: map[string]string{"a": "["}, Matches: map[string]string{"$.a": "*"}},
			"header_matches[\"a\"]: bad regular expression: error parsing regexp: missing closing ]: `[`|" +
				"matches[\"$.a\"]: bad regular expression: error parsing regexp: missing argument to repetition operator: `*`|" +
				"body_matches: bad regular expression: error parsing regexp: missing closing ): `(`"},
		{"semver", Spec{URL: "http://x", Semver: map[string]string{"$.v": "two"}}, `semver["$.v"]: bad version constraint "two"`},
		{"jsonpath", Spec{URL: "http://x", JSON: map[string]string{"$.": "1"}}, `json["$."]: bad JSONPath: jsonpath: unexpected eof at position 3`},
		{"redirects", Spec{URL: "http://x", Redirects: "sometimes"}, `redirects: unknown redirects "sometimes"`},
		{"too many redirects", Spec{URL: "http://x", Redirects: "11"}, `redirects: unknown redirects "11"`},
		{"tls", Spec{URL: "http://x", TLS: &TLS{Insecure: true}}, "tls: the url is plain http"},
		{"days", Spec{URL: "https://x", TLS: &TLS{MinDaysLeft: -1}}, "tls.min_days_left: the number of days is negative"},
		{"durations", Spec{URL: "http://x", Timeout: -1, MaxLatency: -time.Second}, "timeout: the duration is negative|max_latency: the duration is negative"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, p := range tt.spec.Validate() {
				got = append(got, p.Path+": "+p.Text)
				if p.Hint == "" || strings.Contains(p.Text+p.Hint, "secret") {
					t.Errorf("bad problem %+v", p)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "|")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEqualText(t *testing.T) {
	for _, tt := range []struct {
		doc, text string
		want      bool
	}{
		{`"UP"`, "UP", true}, {`"UP"`, "up", false}, {`""`, "", true}, {`"42"`, "42", true}, {`"true"`, "true", true}, {`"1.0"`, "1", false},
		{`42`, "42", true}, {`42`, "42.0", true}, {`1.0`, "1", true}, {`1e2`, "100", true}, {`0.1`, ".1", false}, {`0.10`, "0.1", true},
		{`-0`, "0", true}, {`-1`, "1", false}, {`100`, "1e2", true}, {`1`, "", false}, {`1`, "one", false}, {`1`, "true", false}, {`0`, "-", false},
		{`9007199254740993`, "9007199254740993", true}, {`9007199254740993`, "9007199254740992", false},
		{`123456789012345678901234567890`, "123456789012345678901234567890", true},
		{`1e400000000`, "1e400000000", true}, {`1e400000000`, "1e400000001", false}, {`1e99999999999999999999`, "1", false},
		{`true`, "true", true}, {`true`, "True", true}, {`true`, "yes", false}, {`false`, "false", true}, {`true`, "1", false},
		{`null`, "null", true}, {`null`, "", false},
		{`[]`, "[]", true}, {`[1, "a"]`, `[1.0,"a"]`, true}, {`[1]`, `[1,2]`, false}, {`{"a":null}`, `{"a": null}`, true}, {`{"a":1}`, `{"b":1}`, false},
		{`{}`, "x", false}, {`{"a":[true]}`, `{"a":[true]}`, true}, {`[1]`, `{}`, false}, {`{}`, `[]`, false}, {`[1]`, `["1"]`, false},
	} {
		doc, ok := decode([]byte(tt.doc))
		if !ok {
			t.Fatalf("bad test: %s", tt.doc)
		}
		if got := equalText(doc, tt.text); got != tt.want {
			t.Errorf("%s is %q: got %v", tt.doc, tt.text, got)
		}
	}
}

func TestNumbersEqualThemselvesInAnyNotation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Draw(t, "f")
		plain, err := json.Marshal(f)
		if err != nil {
			t.Skip()
		}
		digits, exp := strings.TrimSuffix(string(plain), "0"), ""
		if !strings.ContainsAny(digits, ".e") {
			digits, exp = string(plain)+".000", "e0"
		}
		if digits == "" || !sameNumber(string(plain), digits+exp) && digits+exp == string(plain) {
			t.Fatalf("%s is not %s%s", plain, digits, exp)
		}
		if !sameNumber(string(plain), string(plain)) {
			t.Fatalf("%s is not itself", plain)
		}
	})
}

func TestSummaries(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{"spring composite", `{"status":"DOWN","components":{"db":{"status":"DOWN","components":{"primary":{"status":"UP"},"replica":{"status":"DOWN"}}},"disk":{"status":"UP"}}}`, "status DOWN, failing: db/replica"},
		{"spring composite without part", `{"status":"DOWN","components":{"db":{"status":"DOWN","components":{"primary":{"status":"UP"}}}}}`,
			"status DOWN, failing: db"},
		{"spring 2.0", `{"status":"OUT_OF_SERVICE","details":{"gateway":{"status":"OUT_OF_SERVICE"}}}`, "status OUT_OF_SERVICE, failing: gateway"},
		{"health+json", `{"status":"fail","checks":{"postgres:responseTime":[{"status":"fail"}],"uptime":[{"status":"pass"}]}}`,
			"status fail, failing: postgres:responseTime"},
		{"health+json warns", `{"status":"pass","checks":{"disk":[{"status":"warn"}]}}`, "status pass"},
		{"microprofile", `{"status":"DOWN","checks":[{"name":"kafka","status":"DOWN"},{"name":"db","status":"UP"}]}`, "status DOWN, failing: kafka"},
		{"asp.net", `{"Status":"Unhealthy","entries":{"redis":{"status":"Unhealthy"}}}`, "status Unhealthy, failing: redis"},
		{"words", `{"status":"down","components":{"a":"down","b":"up"}}`, "status down, failing: a"},
		{"no status", `{"hello":"world"}`, ""},
		{"no object", `[1]`, ""},
		{"hostile names", `{"status":"DOWN","components":{"a\u001b[2J\nb":"DOWN"}}`, "status DOWN, failing: a b"},
		{"many", `{"status":"DOWN","components":{"1":"DOWN","2":"DOWN","3":"DOWN","4":"DOWN","5":"DOWN","6":"DOWN","7":"DOWN","8":"DOWN","9":"DOWN"}}`,
			"status DOWN, failing: 1, 2, 3, 4, 5, 6, 7, 8, and others"},
	} {
		doc, _ := decode([]byte(tt.doc))
		if got := summarise(doc).String(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	deep := strings.Repeat(`{"status":"DOWN","components":{"a":`, 5000) + `{}` + strings.Repeat("}}", 5000)
	if doc, ok := decode([]byte(deep)); ok {
		summarise(doc)
	}
}

func FuzzJudge(f *testing.F) {
	f.Add([]byte(spring))
	f.Add([]byte(`{"status":"pass","checks":[[],{"name":1}]}`))
	s := &Spec{URL: "http://x", JSON: map[string]string{"$..status": "UP"}, Semver: map[string]string{"$.version": "^1"}}
	r, _ := compile(s)
	p := newProber(s, r, envNone)
	f.Fuzz(func(t *testing.T, body []byte) {
		a := answer{code: 200, body: body, mask: p.mask}
		a.doc, a.isJSON = decode(body)
		a.health = summarise(a.doc)
		if o := p.judge(a); strings.ContainsAny(a.String(), "\x1b\n\r\x00") || o.State == "" {
			t.Errorf("got %+v", o)
		}
	})
}

var envNone = probe.Env{}

// Two readers of a document with a key twice may see two documents, so it proves nothing.
func TestDuplicateKeyIsNotHealthy(t *testing.T) {
	s := &Spec{URL: "http://x"}
	r, _ := compile(s)
	p := newProber(s, r, envNone)
	for body, key := range map[string]string{
		`{"status":"DOWN","status":"UP"}`:                                           "status",
		`{"status":"UP","parts":[{"a":1},{"b":{},"b":[]}]}`:                         "b",
		`{"x":{"":1,"":2}}`:                                                         "",
		`{"status":"UP","parts":[{"a":1},{"a":2}],"a":{"status":"x","s":"status"}}`: "-",
		`["a","a",{"a":"a"}]`:                                                       "-",
	} {
		a := answer{code: 200, body: []byte(body), mask: p.mask}
		a.doc, a.isJSON = decode(a.body)
		a.health, a.twice = summarise(a.doc), duplicateKey(a.body)
		o := p.judge(a)
		switch {
		case key == "-" && o.State != e2e.Healthy:
			t.Errorf("%s: got %+v", body, o)
		case key != "-" && (o.State == e2e.Healthy || !strings.Contains(o.Observed, "duplicate key") || !strings.Contains(o.Observed, key)):
			t.Errorf("%s: got %+v", body, o)
		}
	}
}
