package flagsgate

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

func look(t *testing.T, s *Spec) probe.Observation {
	t.Helper()
	return gatekit.Look(t, s, probe.Env{})
}

// What other services answer.
func TestAnswers(t *testing.T) {
	code, body := 200, ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "7")
		}
		w.WriteHeader(code)
		fmt.Fprint(w, body, r.Header.Get("X-Echo"))
	}))
	defer s.Close()
	spec := &Spec{URL: s.URL, Expect: map[string]string{"f": "true"}}
	for _, tt := range []struct {
		code                 int
		body, word, observed string
	}{
		{200, `{"key":"f","reason":"UNKNOWN"}`, "", "f without a value"},
		{200, `{"key":"f","reason":"DISABLED"}`, "missing_or_disabled", "f is missing or disabled"},
		{404, `{"key":"f","errorCode":"FLAG_NOT_FOUND"}`, "missing_or_disabled", "f is missing or disabled"},
		{404, `not here`, "404", `HTTP 404, body "not here"`},
		{400, `{"errorCode":"TARGETING_KEY_MISSING"}`, "context", "f: TARGETING_KEY_MISSING"},
		{401, ``, "401", "HTTP 401"},
		{503, ``, "", "HTTP 503"},
		{200, `<html>`, "not_json", `HTTP 200, not JSON, body "<html>"`},
		{200, `[]`, "", "f: the answer is not an object"},
		{200, `{"key":"f","value":false,"value":true}`, "not_json", `f: HTTP 200, duplicate key "value" in the JSON`},
	} {
		code, body = tt.code, tt.body
		o := look(t, spec)
		if o.Observed != tt.observed || o.Word != tt.word || o.Open() {
			t.Errorf("%d %s: got %+v", tt.code, tt.body, o)
		}
	}
	spec.AllowDefault = []string{"f"}
	code, body = 200, `{"key":"f","reason":"DISABLED"}`
	gatekit.Healthy(t, look(t, spec), "flags as expected: 1")
	code, body = 429, ""
	if o := look(t, spec); o.RetryAfter != 7*time.Second {
		t.Errorf("got %+v", o)
	}
	code, body = 403, "no access with "
	spec.Headers = map[string]string{"X-Echo": "opaque-value"}
	o := look(t, spec)
	gatekit.Never(t, o, "403", `HTTP 403, body "no access with ***"`)
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{URL: "flags:8016", AllowDefault: []string{"x"}}, "url: the url has no scheme", "expect: the check lists no flags",
		`allow_default[0]: the flag "x" is not expected`)
	gatekit.Problems(t, &Spec{URL: "http://flags", Expect: map[string]string{" ": "1"}, Timeout: -1}, `expect[" "]: the key of the flag is empty`,
		"timeout: the duration is negative")
}
