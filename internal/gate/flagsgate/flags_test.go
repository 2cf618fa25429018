package flagsgate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/service/ofrep"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	"go.uber.org/zap"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

const definition = `{"flags": {
	"new-checkout": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
		"targeting": {"if": [{"==": [{"var": "tenant"}, "e2e"]}, "on", "off"]}},
	"limit": {"state": "ENABLED", "variants": {"low": 10, "high": 100}, "defaultVariant": "low"},
	"theme": {"state": "ENABLED", "variants": {"a": "dark"}, "defaultVariant": "a"},
	"layout": {"state": "ENABLED", "variants": {"a": {"columns": 2}}, "defaultVariant": "a"},
	"old": {"state": "DISABLED", "variants": {"on": true}, "defaultVariant": "on"}
}}`

// service is flagd's evaluator behind flagd's own OFREP answers.
func service(t *testing.T) string {
	t.Helper()
	log := logger.NewLogger(zap.NewNop(), false)
	flags := evaluator.NewJSON(log, store.NewFlags())
	if _, _, err := flags.SetState(sync.DataSync{FlagData: definition, Source: "test", Type: sync.ALL}); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ofrep/v1/evaluate/flags/{key}", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Context map[string]any }
		if json.NewDecoder(r.Body).Decode(&asked) != nil || asked.Context["targetingKey"] == nil {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(ofrep.ContextErrorResponseFrom(r.PathValue("key")))
			return
		}
		result := flags.ResolveAsAnyValue(r.Context(), "", r.PathValue("key"), asked.Context)
		if result.Error != nil {
			code, body := ofrep.EvaluationErrorResponseFrom(result)
			w.WriteHeader(code)
			_ = json.NewEncoder(w).Encode(body)
			return
		}
		_ = json.NewEncoder(w).Encode(ofrep.SuccessResponseFrom(result))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func look(t *testing.T, s *Spec) probe.Observation {
	t.Helper()
	return gatekit.Look(t, s, probe.Env{})
}

func TestEvaluator(t *testing.T) {
	url := service(t)
	with := func(expect map[string]string) *Spec {
		return &Spec{URL: url + "/", Expect: expect, Context: map[string]string{"tenant": "e2e"}}
	}
	gatekit.Healthy(t, look(t, with(map[string]string{"new-checkout": "true", "limit": "10.0", "theme": "dark", "layout": `{"columns": 2}`})), "flags as expected: 4")
	other := with(map[string]string{"new-checkout": "true"})
	other.Context = nil
	gatekit.NotYet(t, look(t, other), "new-checkout = false (TARGETING_MATCH)")
	gatekit.NotYet(t, look(t, with(map[string]string{"limit": "100", "theme": "light"})), `limit = 10 (STATIC), theme = "dark" (STATIC)`)
	gatekit.Never(t, look(t, with(map[string]string{"old": "true"})), "missing_or_disabled", "old is missing or disabled")
	gatekit.Never(t, look(t, with(map[string]string{"theme": "light", "a/b": "true"})), "missing_or_disabled", `a/b is missing or disabled, theme = "dark" (STATIC)`)
	if p := with(map[string]string{"b": "1", "a": "x"}).New(probe.Env{}); p.Expected() != "a = x, b = 1" {
		t.Error(p.Expected())
	}
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
		{200, `[]`, "", "f: an answer that is no object"},
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
	gatekit.Problems(t, &Spec{URL: "flags:8016", AllowDefault: []string{"x"}}, "url: the url has no scheme", "expect: the check expects no flag", `allow_default[0]: the flag "x" is not expected`)
	gatekit.Problems(t, &Spec{URL: "http://flags", Expect: map[string]string{" ": "1"}, Timeout: -1}, `expect[" "]: the key of the flag is empty`, "timeout: the duration is negative")
}
