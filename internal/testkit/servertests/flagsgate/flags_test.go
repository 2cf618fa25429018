// Package flagsgate tests the gate of feature flags against flagd's own evaluator.
package flagsgate

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/service/ofrep"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	"go.uber.org/zap"

	"github.com/org/e2e-gate/internal/gate/flagsgate"
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

func look(t *testing.T, s *flagsgate.Spec) probe.Observation {
	t.Helper()
	return gatekit.Look(t, s, probe.Env{})
}

func TestEvaluator(t *testing.T) {
	url := service(t)
	with := func(expect map[string]string) *flagsgate.Spec {
		return &flagsgate.Spec{URL: url + "/", Expect: expect, Context: map[string]string{"tenant": "e2e"}}
	}
	gatekit.Healthy(t, look(t, with(map[string]string{"new-checkout": "true", "limit": "10.0", "theme": "dark", "layout": `{"columns": 2}`})),
		"flags as expected: 4")
	other := with(map[string]string{"new-checkout": "true"})
	other.Context = nil
	gatekit.NotYet(t, look(t, other), "new-checkout = false (TARGETING_MATCH)")
	gatekit.NotYet(t, look(t, with(map[string]string{"limit": "100", "theme": "light"})), `limit = 10 (STATIC), theme = "dark" (STATIC)`)
	gatekit.Never(t, look(t, with(map[string]string{"old": "true"})), "missing_or_disabled", "old is missing or disabled")
	gatekit.Never(t, look(t, with(map[string]string{"theme": "light", "a/b": "true"})), "missing_or_disabled",
		`a/b is missing or disabled, theme = "dark" (STATIC)`)
	if p := with(map[string]string{"b": "1", "a": "x"}).New(probe.Env{}); p.Expected() != "a = x, b = 1" {
		t.Error(p.Expected())
	}
}
