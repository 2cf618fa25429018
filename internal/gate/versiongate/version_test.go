package versiongate

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	fresh = "4bf1f7a2c0ffee"
	stale = "0d1c2b3a4f5e6d"
)

// instances answer in turn, as behind a load balancer.
func instances(t *testing.T, bodies ...string) string {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body := bodies[int(n.Add(1)-1)%len(bodies)]
		w.Header().Set("X-Build", body)
		fmt.Fprintf(w, `{"version":%q,"git":{"sha":%q}}`, body, body)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/info"
}

func TestCommit(t *testing.T) {
	look := func(s Spec) probe.Observation { return gatekit.Look(t, &s, probe.Env{}) }
	url := []string{instances(t, fresh)}
	gatekit.Healthy(t, look(Spec{URL: url, SHA: fresh}), fresh)
	gatekit.Healthy(t, look(Spec{URL: url, SHA: fresh + "0123456789", JSON: "$.git.sha", Answers: 3}), fresh+" x3")
	gatekit.Healthy(t, look(Spec{URL: url, SHA: "4BF1F7A", Header: "X-Build"}), fresh)
	gatekit.NotYet(t, look(Spec{URL: url, SHA: "4bf1f"}), fresh)
	gatekit.NotYet(t, look(Spec{URL: url, SHA: stale}), fresh)
	gatekit.Never(t, look(Spec{URL: url, SHA: fresh, JSON: "$.build"}), "no_version", "$.build is missing")
	gatekit.Never(t, look(Spec{URL: url, SHA: fresh, Header: "X-None"}), "no_version", "header X-None is missing")
}

func TestRollingIsNamed(t *testing.T) {
	s := &Spec{URL: []string{instances(t, fresh, fresh, stale)}, SHA: fresh, Answers: 3}
	o := gatekit.Look(t, s, probe.Env{})
	gatekit.NotYet(t, o, "rolling: "+fresh+" x2, "+stale+" x1")
	if o.Key != "rolling" {
		t.Error("chance would look like news")
	}
	a, b := instances(t, fresh), instances(t, stale)
	both := &Spec{URL: []string{a, b}, SHA: fresh}
	gatekit.NotYet(t, gatekit.Look(t, both, probe.Env{}), "rolling: "+fresh+" x1 at "+a+", "+stale+" x1 at "+b)
	p := both.New(probe.Env{})
	if p.Target() != a+", "+b || p.Expected() != "commit "+fresh+" in 2 answers in a row" {
		t.Error(p.Target(), p.Expected())
	}
}

func TestVersions(t *testing.T) {
	url := []string{instances(t, "2.3.1")}
	look := func(s Spec) probe.Observation { s.URL = url; return gatekit.Look(t, &s, probe.Env{}) }
	gatekit.Healthy(t, look(Spec{Equals: "2.3.1"}), "2.3.1")
	gatekit.NotYet(t, look(Spec{Equals: "2.3"}), "2.3.1")
	gatekit.Healthy(t, look(Spec{Semver: "^2.0.0"}), "2.3.1")
	gatekit.NotYet(t, look(Spec{Semver: "^3.0.0"}), "2.3.1")
}

func TestFaultsAreThoseOfHTTP(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/text":
			fmt.Fprint(w, "v1")
		case "/hang":
			<-r.Context().Done()
		default:
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, "no access for ", r.Header.Get("Authorization"), r.URL.RawQuery)
		}
	}))
	defer s.Close()
	secret := &Spec{URL: []string{s.URL + "/info?token=abcdefgh"}, Headers: map[string]string{"Authorization": "Bearer topsecret"}, Equals: "1"}
	o := gatekit.Look(t, secret, probe.Env{})
	gatekit.Never(t, o, "401", `HTTP 401, body "no access for ******"`)
	gatekit.NoSecret(t, secret.New(probe.Env{}), o, "topsecret", "abcdefgh")
	gatekit.Never(t, gatekit.Look(t, &Spec{URL: []string{s.URL + "/text"}, Equals: "1"}, probe.Env{}), "not_json", `HTTP 200, not JSON, body "v1"`)
	gatekit.NotYet(t, gatekit.Look(t, &Spec{URL: []string{s.URL + "/hang"}, Equals: "1", Timeout: 50 * time.Millisecond}, probe.Env{}), "no answer within 50ms")
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{}, "url: the check has no url", ": the check needs exactly one of sha, equals, semver")
	gatekit.Problems(t, &Spec{URL: []string{"http://a", "b"}, SHA: "x", Equals: "y", JSON: "status", Header: "h", Answers: 99},
		"url[1]: the url has no scheme", ": the check needs exactly one of sha, equals, semver", "header: json and header exclude each other",
		"json: bad JSONPath: jsonpath: unexpected identifier at position 1", "answers: the number is not between 1 and 50")
	gatekit.Problems(t, &Spec{URL: []string{"http://a"}, Semver: "two"}, `semver: bad version constraint "two"`)
}
