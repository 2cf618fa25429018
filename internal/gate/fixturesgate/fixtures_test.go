package fixturesgate

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// api is a fixture API of the given version; guard is its answer to production.
func api(t *testing.T, version, environment string, guard int) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /info", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"version":%q,"env":%q}`, version, environment)
	})
	mux.HandleFunc("POST /fixtures/dry-run", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Target") == "production" && r.Header.Get("X-Token") == "tok-12345" {
			w.WriteHeader(guard)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func spec(base string) *Spec {
	return &Spec{
		URL: base + "/info", Semver: "^2.1.0", Environment: "$.env", Headers: map[string]string{"X-Token": "tok-12345"},
		Refuses: &Refusal{URL: base + "/fixtures/dry-run", Method: "POST", Headers: map[string]string{"X-Target": "production"}},
	}
}

func TestFixtures(t *testing.T) {
	look := func(s *Spec) probe.Observation { return gatekit.Look(t, s, probe.Env{}) }
	gatekit.Healthy(t, look(spec(api(t, "2.4.0", "staging", 403))), "version 2.4.0, environment staging, refuses production")
	for _, version := range []string{"1.9.0", "3.0.0", "2.0.9"} {
		gatekit.Never(t, look(spec(api(t, version, "staging", 403))), "incompatible", "version "+version)
	}
	gatekit.Never(t, look(spec(api(t, "2.4.0", "Production", 403))), "production", "version 2.4.0, environment Production")
	gatekit.Never(t, look(spec(api(t, "2.4.0", "staging", 200))), "production", "production is not refused: HTTP 200")
	gatekit.NotYet(t, look(spec(api(t, "2.4.0", "staging", 503))), "production is not refused: HTTP 503")
	own := spec(api(t, "2.4.0", "qa-live", 409))
	own.Forbidden, own.Refuses.Status = []string{"qa-live"}, []string{"409"}
	gatekit.Never(t, look(own), "production", "version 2.4.0, environment qa-live")
	own.Forbidden = nil
	gatekit.Healthy(t, look(own), "version 2.4.0, environment qa-live, refuses production")
}

// No answer does not count as a refusal: a typing error in the address must not let the
// gate pass.
func TestNoAnswerIsNoRefusal(t *testing.T) {
	s := spec(api(t, "2.4.0", "staging", 403))
	s.Refuses.URL = "http://gate.invalid/"
	gatekit.NotYet(t, gatekit.Look(t, s, probe.Env{}), "production: host not found: gate.invalid")
}

func TestMissing(t *testing.T) {
	s := spec(api(t, "2.4.0", "staging", 403))
	s.JSON = "$.fixtures"
	gatekit.Never(t, gatekit.Look(t, s, probe.Env{}), "no_version", "$.fixtures is missing")
	s.JSON, s.Environment = "", "$.where"
	gatekit.Never(t, gatekit.Look(t, s, probe.Env{}), "no_version", "$.where is missing")
	s.URL += "x"
	gatekit.Never(t, gatekit.Look(t, s, probe.Env{}), "404", `HTTP 404, body "404 page not found"`)
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{URL: "x", Environment: "env", Refuses: &Refusal{URL: "ftp://h", Method: "DELETE", Status: []string{"no"}}},
		"url: the url has no scheme", "semver: missing semver: which versions do the tests support?",
		"environment: bad JSONPath: jsonpath: unexpected identifier at position 1",
		`refuses.url: the url has the scheme "ftp"`, `refuses.method: unknown method "DELETE"`, `refuses.status[0]: unknown status "no"`)
}
